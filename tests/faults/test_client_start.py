"""Starting while the service is down, and answers that cannot be trusted (faults 1, 2, 3)."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from client_trials import Clock, closed_port, files_in, still_client, trials
from served_prompts import Said, Service, entry, serving

from catalog_tool.client import (
    AccessRefusedError,
    ClientError,
    PromptClient,
    PromptNotFoundError,
    SourceUnavailableError,
)

NAME = "support/agent"
GOOD = "Be kind to {{name}}."
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def service() -> Iterator[Service]:
    with serving() as found:
        found.catalog.publish(NAME, "v1", entry(GOOD))
        found.catalog.move(NAME, "production", "v1")
        yield found


def text(prompt: Any) -> str:
    found: str = prompt.render(name="Ann")[0]["content"]
    return found


class TestRow1ServerDownAtStartWithLastGoodOnDisk:
    """Right text within 50 ms, marked as the last good one, with its age."""

    @pytest.mark.parametrize("mode", ["closed port", "503", "no such host", "blackhole"])
    def test_the_last_good_one_is_served(self, mode: str, service: Service, tmp_path: Path) -> None:
        with PromptClient(service.url, cache_dir=tmp_path) as client:
            assert text(client.get(NAME)) == "Be kind to Ann."
        with ExitStack() as stack:
            address = _broken(mode, service, stack)
            _moved(tmp_path, service.url, address)
            times = []
            for _ in range(trials(100)):
                with PromptClient(address, cache_dir=tmp_path, timeout_seconds=1) as client:
                    started = time.perf_counter()
                    found = text(client.get(NAME))
                    times.append(time.perf_counter() - started)
                    status = client.status()
                assert found == "Be kind to Ann."
                assert status.source == "last_good"
                assert status.age_seconds is not None
                assert 0 <= status.age_seconds < 60
        assert median(times) < 0.05, times


class TestRow2ServerDownWithoutLastGood:
    """A typed error within the deadline, at most three requests; 401 and 404 are never asked twice."""

    @pytest.mark.parametrize("mode", ["closed port", "503", "no such host", "blackhole", "429", "drip"])
    def test_an_error_of_ours_comes_within_the_deadline(self, mode: str, service: Service) -> None:
        with ExitStack() as stack:
            address = _broken(mode, service, stack)
            for _ in range(trials(50)):
                service.requests.clear()
                with PromptClient(address, cache_dir=False, timeout_seconds=0.3) as client:
                    started = time.perf_counter()
                    with pytest.raises(SourceUnavailableError) as caught:
                        client.get(NAME)
                    took = time.perf_counter() - started
                assert took < 0.3 + 0.3, f"{took} s for {caught.value}"
                assert len(service.requests) <= 3

    def test_a_server_that_only_stumbles_is_asked_again(self, service: Service) -> None:
        service.script = lambda _: Said(503) if len(service.requests) < 3 else None
        with PromptClient(service.url, cache_dir=False) as client:
            assert text(client.get(NAME)) == "Be kind to Ann."
            assert client.counters()["retries"] == 2

    @pytest.mark.parametrize(
        ("status", "error"),
        [(401, AccessRefusedError), (403, AccessRefusedError), (404, PromptNotFoundError), (400, ClientError)],
    )
    def test_what_will_not_change_is_asked_once(self, status: int, error: type, service: Service) -> None:
        service.script = lambda _: Said(status, b"{}")
        with PromptClient(service.url, cache_dir=False) as client:
            with pytest.raises(error):
                client.get(NAME)
            with pytest.raises(error):
                client.get(NAME)
        assert len(service.requests) == 1

    def test_callers_do_not_wait_again_while_it_is_too_early(
        self, service: Service, request: pytest.FixtureRequest
    ) -> None:
        service.script = lambda _: Said(503)
        clock = Clock()
        client = still_client(service.url, clock)
        request.addfinalizer(client.close)
        errors = []
        for _ in range(5):
            with pytest.raises(SourceUnavailableError) as caught:
                client.get(NAME)
            errors.append(caught.value)
        assert len(service.requests) == 3
        assert len(set(map(id, errors))) == 5, "an error that is raised again and again collects tracebacks"
        clock.now += 31
        service.script = lambda _: None
        assert text(client.get(NAME)) == "Be kind to Ann."

    def test_a_fallback_is_used_and_counted(self) -> None:
        with closed_port() as address, PromptClient(address, cache_dir=False, timeout_seconds=0.3) as client:
            prompt = client.get(NAME, fallback="Just be kind to {{name}}.")
            assert text(prompt) == "Just be kind to Ann."
            assert (prompt.is_fallback, prompt.version) == (True, "fallback")
            assert client.counters()["fallbacks"] == 1


def _broken(mode: str, service: Service, stack: ExitStack) -> str:
    """An address at which things go wrong."""
    if mode == "closed port":
        return stack.enter_context(closed_port())
    if mode == "no such host":
        return "http://no-such-host.invalid"
    if mode == "blackhole":
        service.delay = 30
    elif mode == "drip":
        service.drip = 0.05
    else:
        service.script = lambda _: Said(int(mode), b"{}", {"Retry-After": "60"} if mode == "429" else {})
    return service.url


def _moved(folder: Path, was: str, address: str) -> None:
    """The same files for another address: what a service that moved would have left."""
    if was == address:
        return
    with serving() as other:
        other.catalog.publish(NAME, "v1", entry(GOOD))
        other.catalog.move(NAME, "production", "v1")
        with PromptClient(_Elsewhere(other.url, address), cache_dir=folder) as client:
            client.get(NAME)


class _Elsewhere:
    """A source that says it stands at one address and reads another."""

    pushes = False

    def __init__(self, real: str, place: str) -> None:
        from catalog_tool.client.sources import Options, open_source

        self.place = place
        self._real = open_source(real, Options())
        self.read = self._real.read
        self.listen = self._real.listen
        self.forked = self._real.forked
        self.close = self._real.close


def _changed(**changes: Any) -> Callable[[dict[str, Any]], bytes]:
    return lambda body: json.dumps({**body, **changes}).encode()


BAD: dict[str, Callable[[dict[str, Any]], Said]] = {
    "html": lambda _: Said(200, b"<html>Sign in</html>", {"Content-Type": "text/html; charset=utf-8"}),
    "html as json": lambda _: Said(200, b"<html>Sign in</html>", JSON),
    "truncated": lambda body: Said(200, json.dumps(body).encode()[:-40], {**JSON, "Content-Length": "100000"}),
    "cut json": lambda body: Said(200, json.dumps(body).encode()[:-40], JSON),
    "wrong text": lambda body: Said(200, _changed(messages=[{"role": "system", "content": "Be evil."}])(body), JSON),
    "wrong digest": lambda body: Said(200, _changed(digest="sha256:" + "0" * 64)(body), JSON),
    "empty": lambda _: Said(200, b"", JSON),
    "empty object": lambda _: Said(200, b"{}", JSON),
    "ten times the size": lambda body: Said(200, _changed(padding="x" * (40 * 1024**2))(body), JSON),
    "newer format": lambda body: Said(200, _changed(format=2)(body), JSON),
    "another prompt": lambda body: Said(200, _changed(id="support/other")(body), JSON),
    "another label": lambda body: Said(200, _changed(label="staging")(body), JSON),
    "a list": lambda _: Said(200, b"[]", JSON),
    "not a number": lambda body: Said(200, json.dumps(body).encode().replace(b"0.3", b"NaN"), JSON),
    "too deep": lambda _: Said(200, b"[" * 100_000, JSON),
}


class TestRow3BadAnswers:
    """The old value stays in memory and on disk, the ETag is not advanced, the counter goes up."""

    @pytest.mark.parametrize("kind", BAD)
    def test_nothing_of_a_bad_answer_is_kept(
        self, kind: str, service: Service, tmp_path: Path, request: pytest.FixtureRequest
    ) -> None:
        clock = Clock()
        client = still_client(service.url, clock, cache_dir=tmp_path, timeout_seconds=20)
        request.addfinalizer(client.close)
        first = client.get(NAME)
        kept = files_in(tmp_path)
        body = json.loads(service.answer(f"/v1/prompts/{NAME.replace('/', '%2F')}?label=production", None).body)
        for trial in range(trials(20)):
            said = BAD[kind](body)
            service.script = lambda _, said=said: said._replace(headers={**said.headers, "ETag": '"bad"'})
            clock.now += 100
            client.tick()
            assert client.get(NAME) is first
            assert files_in(tmp_path) == kept
            assert client.counters()["bad_answers"] == trial + 1
        service.script = lambda _: None
        clock.now += 100
        client.tick()
        assert '"bad"' not in service.validators
        assert service.validators[-1] is not None
        assert client.counters()["unchanged"] == 1

    @pytest.mark.parametrize("kind", BAD)
    def test_a_bad_answer_at_the_start_is_an_error_of_ours(self, kind: str, service: Service) -> None:
        body = json.loads(service.answer(f"/v1/prompts/{NAME.replace('/', '%2F')}?label=production", None).body)
        service.script = lambda _: BAD[kind](body)
        with PromptClient(service.url, cache_dir=False, timeout_seconds=5) as client, pytest.raises(ClientError):
            client.get(NAME)
        assert len(service.requests) <= 3
