"""A server that is busy, slow, broken or hostile: what is tried again, what is given up, what limits are kept."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from model_server import ModelServer, Raw, Said, Seen

from catalog_tool.errors import UsageError
from catalog_tool.evals.answer import Question, Tokens
from catalog_tool.evals.budget import Budget, BudgetSpentError, Estimate, Limits
from catalog_tool.evals.courier import ATTEMPTS, LONGEST_RETRY_AFTER_SECONDS, AskError, retry_after
from catalog_tool.evals.endpoint import endpoint_at
from catalog_tool.evals.prices import Price, known_prices, prices_from
from catalog_tool.evals.stream import event_data

from .test_protocols import client, close

QUESTION = Question(model="m1", messages=[{"role": "user", "content": "Hi"}], params={"max_tokens": 20})


class Pauses:
    """Remembers how long it was asked to wait, and waits not at all."""

    def __init__(self, *, stop_after: int = 99) -> None:
        self.asked: list[float] = []
        self._stop_after = stop_after

    def __call__(self, seconds: float) -> bool:
        self.asked.append(seconds)
        return len(self.asked) > self._stop_after


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 529])
def test_a_busy_server_is_asked_again(status: int) -> None:
    pauses = Pauses()

    def script(seen: Seen) -> Said | Raw:
        return Raw(status=status) if seen.number < 3 else Said(text="at last")

    with ModelServer(script) as server:
        asker, line = client(server, pause=pauses)
        assert asker.ask(QUESTION).answer.text == "at last"
        close(line)
    assert len(server.seen) == 3
    assert all(0 <= waited <= 1 for waited in pauses.asked)


@pytest.mark.parametrize(
    ("written", "waited"),
    [("7", 7), ("0", 0), ("1000000000", LONGEST_RETRY_AFTER_SECONDS), ("Fri, 01 Jan 2100 00:00:00 GMT", 300),
     ("Thu, 01 Jan 1970 00:00:00 GMT", 0)],
)  # fmt: skip
def test_the_server_says_how_long(written: str, waited: float) -> None:
    pauses = Pauses()

    def script(seen: Seen) -> Said | Raw:
        return Raw(status=429, headers={"Retry-After": written}) if seen.number == 1 else Said(text="x")

    with ModelServer(script) as server:
        asker, line = client(server, pause=pauses)
        asker.ask(QUESTION)
        close(line)
    assert pauses.asked == [waited]


@pytest.mark.parametrize("garbage", ["", "-5", "soon", "1.5", "٣", "Thu, 99 Foo", "9" * 400])
def test_a_strange_retry_after_is_no_order(garbage: str) -> None:
    found = retry_after({"Retry-After": garbage}, 0.0)
    assert found is None or 0 <= found < 1e12


def test_one_that_never_recovers_is_given_up_with_what_it_said() -> None:
    body = b'{"error": {"message": "overloaded, come back\\nlater"}}'
    with ModelServer(lambda _: Raw(status=503, body=body)) as server:
        asker, line = client(server)
        with pytest.raises(AskError, match=r"HTTP 503: overloaded, come back later, 5 times in a row"):
            asker.ask(QUESTION)
        close(line)
    assert len(server.seen) == ATTEMPTS


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422, 301])
def test_a_refusal_is_final(status: int) -> None:
    with ModelServer(lambda _: Raw(status=status, headers={"Location": "http://127.0.0.1:9/"})) as server:
        asker, line = client(server)
        with pytest.raises(AskError, match=f"HTTP {status}") as refused:
            asker.ask(QUESTION)
        close(line)
    assert len(server.seen) == 1
    assert refused.value.stops == ("refused" if status in (401, 403) else None)


def test_what_a_server_says_never_shows_the_key() -> None:
    def script(seen: Seen) -> Raw:
        return Raw(status=401, body=f'{{"error": {{"message": "bad {seen.headers["authorization"]}"}}}}'.encode())

    with ModelServer(script) as server:
        asker, line = client(server, key="sk-canary-123")
        with pytest.raises(AskError, match=r"bad Bearer \*\*\*") as refused:
            asker.ask(QUESTION)
        close(line)
    assert "sk-canary" not in str(refused.value)
    assert line.courier is not None
    assert "sk-canary" not in repr(line)


def test_a_cut_line_is_tried_again() -> None:
    def script(seen: Seen) -> Said | Raw:
        return Raw(body=b'{"choices": [', cut=True) if seen.number == 1 else Said(text="whole")

    with ModelServer(script) as server:
        asker, line = client(server)
        assert asker.ask(QUESTION).answer.text == "whole"
        close(line)


def test_a_server_that_never_ends_is_left() -> None:
    over = threading.Event()
    with ModelServer(lambda _: Raw(body=b"{" * 10, cut=True, until=over)) as server:
        asker, line = client(server, deadline=0.2, limits=Limits(requests=2))
        with pytest.raises(AskError, match="did not answer in time; then --max-requests 2 is reached"):
            asker.ask(QUESTION)
        over.set()
        close(line)
    assert len(server.seen) == 2


def test_nobody_there() -> None:
    with ModelServer(lambda _: Said()) as server:
        pass
    asker, line = client(server)
    with pytest.raises(AskError, match="5 times in a row"):
        asker.ask(QUESTION)
    close(line)


def test_an_interrupted_run_does_not_wait() -> None:
    with ModelServer(lambda _: Raw(status=503)) as server:
        asker, line = client(server, pause=Pauses(stop_after=0))
        with pytest.raises(AskError, match="interrupted"):
            asker.ask(QUESTION)
        close(line)
    assert len(server.seen) == 1


class TestBudget:
    def test_requests_are_exact_whatever_the_threads(self) -> None:
        with ModelServer(lambda _: Said(text="x")) as server:
            asker, line = client(server, limits=Limits(requests=7))
            outcomes: list[bool] = []

            def ask() -> None:
                for _ in range(5):
                    try:
                        asker.ask(QUESTION)
                        outcomes.append(True)
                    except AskError as error:
                        outcomes.append(error.stops != "budget")

            threads = [threading.Thread(target=ask) for _ in range(6)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            close(line)
        assert len(server.seen) == 7
        assert sum(outcomes) == 7

    def test_tokens_and_cost_are_reserved_before_they_are_spent(self) -> None:
        price = Price(input=1_000_000, output=1_000_000)
        small = Estimate(tokens=Tokens(input=10, output=20), price=price)
        budget = Budget(Limits(tokens=100))
        for _ in range(3):
            budget.reserve(small)
        with pytest.raises(BudgetSpentError, match="--max-tokens 100"):
            budget.reserve(small)
        budget = Budget(Limits(cost_usd=60))
        budget.settle(budget.reserve(small), Tokens(input=1, output=1))
        budget.reserve(small)
        with pytest.raises(BudgetSpentError, match="--max-cost 60"):
            budget.reserve(small)

    def test_estimates_that_were_too_low_are_raised(self) -> None:
        budget = Budget(Limits(tokens=100))
        low = Estimate(tokens=Tokens(input=10, output=5))
        both = [budget.reserve(low), budget.reserve(low)]
        for reserved in both:
            budget.settle(reserved, Tokens(input=20, output=5))
        assert budget.reserve(low).taken.tokens == Tokens(input=20, output=5), "by the worst, not by all of them"
        assert budget.reserve(low).expected == Tokens(input=10, output=5)
        with pytest.raises(BudgetSpentError, match="--max-tokens 100"):
            budget.reserve(low)

    def test_once_spent_always_spent(self) -> None:
        budget = Budget(Limits(requests=1))
        one = Estimate(tokens=Tokens(input=1, output=1))
        budget.reserve(one)
        for _ in range(2):
            with pytest.raises(BudgetSpentError):
                budget.reserve(one)
        assert (budget.requests, budget.spent) == (1, "--max-requests 1 is reached")

    def test_what_failed_took_no_tokens(self) -> None:
        budget = Budget(Limits(tokens=10))
        one = Estimate(tokens=Tokens(input=5, output=5))
        budget.release(budget.reserve(one))
        budget.settle(budget.reserve(one), None)
        assert (budget.requests, budget.uncounted) == (2, 1)
        with pytest.raises(BudgetSpentError):
            budget.reserve(one)


class TestPrices:
    def test_an_unknown_price_is_unknown(self) -> None:
        assert known_prices().of("nobody-knows-7b") is None
        assert known_prices().of("") is None

    def test_a_snapshot_costs_what_its_family_does(self) -> None:
        assert known_prices().of("gpt-4o-mini-2024-07-18") == known_prices().of("gpt-4o-mini")
        assert known_prices().of("gpt-4o-mini-2024-07-18") != known_prices().of("gpt-4o")

    def test_every_price_is_above_nothing_and_dated(self) -> None:
        prices = known_prices()
        assert len(prices.as_of) == 10
        assert all(price.input > 0 for price in prices.models.values())
        assert all(price.cached_input is None or price.cached_input < price.input for price in prices.models.values())

    def test_the_price_of_an_answer(self) -> None:
        price = Price(input=2, output=8, cached_input=0.5)
        assert price.of(Tokens(input=1_000_000, output=500_000)) == 6
        assert price.of(Tokens(input=1_000_000, output=0, cached=400_000)) == pytest.approx(1.4)
        assert Price(input=2, output=8).of(Tokens(input=10, output=0, cached=99)) == pytest.approx(20e-6)

    def test_a_list_of_ones_own(self, tmp_path: Path) -> None:
        path = tmp_path / "prices.json"
        path.write_text('{"format": 1, "as_of": "2027-01-01", "models": {"own": {"input": 1, "output": 2}}}')
        prices = prices_from(path)
        assert prices.of("own") == Price(input=1, output=2)
        assert prices.of("gpt-4o") == known_prices().of("gpt-4o")

    @pytest.mark.parametrize(
        "text",
        ["", "[]", '{"models": {}}', '{"format": 1, "as_of": "x", "models": {"a": {"input": -1, "output": 1}}}',
         '{"format": 1, "as_of": "x", "models": {"a": {"input": 1}}}',
         '{"format": 1, "as_of": "x", "models": {"a": {"input": true, "output": 1}}}'],
    )  # fmt: skip
    def test_a_list_that_is_none(self, tmp_path: Path, text: str) -> None:
        path = tmp_path / "prices.json"
        path.write_text(text)
        with pytest.raises(UsageError):
            prices_from(path)


class TestEndpoint:
    @pytest.mark.parametrize(
        ("address", "url"),
        [
            ("http://localhost:11434", "http://localhost:11434/v1/x"),
            ("http://localhost:11434/v1/", "http://localhost:11434/v1/x"),
            ("https://gate.example.org/team/v1", "https://gate.example.org/team/v1/x"),
            ("openai", "https://api.openai.com/v1/x"),
            ("anthropic", "https://api.anthropic.com/v1/x"),
        ],
    )
    def test_addresses(self, address: str, url: str) -> None:
        assert endpoint_at(address, {}).url("/x") == url

    @pytest.mark.parametrize(
        "address", ["", "localhost", "ftp://x", "file:///etc/passwd", "http://", "http://u:p@h/", "http://h/?key=1"]
    )
    def test_no_addresses(self, address: str) -> None:
        with pytest.raises(UsageError):
            endpoint_at(address, {})

    def test_a_providers_key_goes_to_that_provider_only(self) -> None:
        environment = {"OPENAI_API_KEY": "o", "ANTHROPIC_API_KEY": "a"}
        assert endpoint_at("openai", environment).key == "o"
        assert endpoint_at("anthropic", environment).key == "a"
        assert endpoint_at("http://localhost:1/v1", environment).key is None
        assert endpoint_at("https://api.openai.com.evil.example/v1", environment).key is None
        assert endpoint_at("http://localhost:1", {**environment, "CATALOG_EVAL_API_KEY": "c"}).key == "c"
        assert endpoint_at("openai", {**environment, "MINE": "m"}, "MINE").key == "m"

    def test_a_key_that_is_not_there_or_no_header(self) -> None:
        with pytest.raises(UsageError, match="MINE is not set"):
            endpoint_at("openai", {}, "MINE")
        with pytest.raises(UsageError, match="no header can carry"):
            endpoint_at("openai", {"OPENAI_API_KEY": "a\nb"})


STREAM = (
    'event: a\ndata: {"n": 1}\n\n: comment\n\nid: 7\ndata: two\ndata: lines\n\n'
    "data:x\n\ndata: [DONE]\n\ndata: never\n\n"
)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@given(st.lists(st.integers(1, 9), max_size=40))
def test_events_do_not_depend_on_how_they_are_cut(end: str, sizes: list[int]) -> None:
    data = STREAM.replace("\n", end).encode()
    chunks, at = [], 0
    for size in sizes:
        chunks.append(data[at : at + size])
        at += size
    assert list(event_data([*chunks, data[at:]])) == ['{"n": 1}', "two\nlines", "x"]


def test_an_event_without_its_end_is_dropped() -> None:
    assert list(event_data([b"data: one\n\ndata: tw"])) == ["one"]
    assert list(event_data([b"data: one\r\r"])) == ["one"]
