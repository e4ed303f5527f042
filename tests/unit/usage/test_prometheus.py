"""Prometheus: cost, tokens and last use from the recorded answers, and what is missing said."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from catalog_tool.usage.prometheus import COST_NAMES, TOKEN_NAMES, PrometheusSource
from catalog_tool.usage.result import UsageResult
from catalog_tool.usage.web import Asker, access_of

from .made import ago, call, join, listed, skill, verdicts, write
from .recorded import Replay, exchanges, response

NOW = 1_795_191_230
COST = "claude_code_cost_usage_USD_total"
TOKENS = "claude_code_token_usage_tokens_total"
CATALOG = ("pdf-forms", "changelog-writer", "code-review", "db-migrations", "never-called")


def source(handler: Any) -> PrometheusSource:
    access = access_of("--prometheus", "http://prom:9090", {})
    return PrometheusSource(Asker(access, httpx.MockTransport(handler), sleep=lambda _: None), "prom:9090")


def ask(handler: Any, *more: Any) -> UsageResult:
    catalog = listed(*(skill(name, first_commit=1_700_000_000) for name in CATALOG))
    return join(catalog, source(handler), *more, now=NOW, since="3d", stale_after="2d")


def replay() -> Replay:
    """The recorded answers, and those to questions nobody asked then, as that server would have given them."""
    made = Replay("prometheus/02-cost-and-tokens", "prometheus/03-last-seen", "prometheus/06-empty-results-and-types")
    made.add(f'count by (__name__) (last_over_time({{__name__=~"{COST_NAMES}"}}[3d]))', str(NOW), named(COST))
    made.add(f'count by (__name__) (last_over_time({{__name__=~"{TOKEN_NAMES}"}}[3d]))', str(NOW), named(TOKENS))
    recorded = exchanges("prometheus/02-cost-and-tokens")[7]["response"]["body"]["data"]["result"]
    made.add(f"sum by (skill_name, type) (max_over_time({TOKENS}[3d]))", str(NOW), recorded)
    began_again = [{"metric": {"skill_name": "db-migrations"}, "value": [NOW, "1"]}]
    made.add(f"sum by (skill_name) (resets({COST}[3d])) > 0", str(NOW), began_again)
    made.add(f"sum by (skill_name) (resets({TOKENS}[3d])) > 0", str(NOW), [])
    oldest = [{"metric": {"skill_name": "changelog-writer"}, "value": [NOW, str(NOW - 250_000)]}]
    made.add(f"min by (skill_name) (min_over_time(timestamp({COST})[3d:5m]))", str(NOW), oldest)
    return made


def named(metric: str) -> list[Any]:
    return [{"metric": {"__name__": metric}, "value": [NOW, "14"]}]


def test_cost_is_the_maximum_of_each_session_and_never_an_increase() -> None:
    handler = replay()
    rows = {row.name: row for row in ask(handler).rows}
    cost = {name: rows[name].spending.cost for name in CATALOG}
    assert cost == {
        "pdf-forms": 5.75, "changelog-writer": 0.5, "code-review": 6.125, "db-migrations": 4.0, "never-called": None,
    }  # fmt: skip
    assert f"sum by (skill_name) (max_over_time({COST}[3d]))" in handler.queries()
    assert not any("increase" in query or "rate(" in query for query in handler.queries())


def test_cost_outside_skills_and_of_hidden_ones_makes_no_row() -> None:
    result = ask(replay())
    assert result.coverage.outside_cost == 10
    assert result.coverage.hidden_cost == 1.75
    assert sorted(row.name for row in result.rows) == sorted(CATALOG)


def test_tokens_by_kind_with_the_session_that_is_alive() -> None:
    rows = {row.name: row for row in ask(replay()).rows}
    assert rows["pdf-forms"].spending.tokens == {
        "cacheCreation": 25_000, "cacheRead": 200_000, "input": 6_900, "output": 4_600,
    }  # fmt: skip
    assert rows["code-review"].spending.tokens["input"] == 7_350


def test_a_reset_inside_a_session_is_said() -> None:
    message = ask(replay()).sources[0].message or ""
    assert "too low for: db-migrations" in message


def test_last_use_is_the_newer_of_now_and_the_steps() -> None:
    rows = {row.name: row for row in ask(replay()).rows}
    seen = {name: (rows[name].last or 0) / 1e9 for name in CATALOG}
    assert seen["pdf-forms"] == pytest.approx(1_795_191_228.449)
    assert seen["changelog-writer"] == 1_794_958_080
    assert seen["code-review"] == 1_795_180_980
    assert seen["db-migrations"] == 1_795_014_780


def test_what_is_seen_is_active_and_what_is_not_proves_nothing() -> None:
    result = ask(replay())
    assert verdicts(result) == {
        "pdf-forms": "active",
        "code-review": "active",
        "changelog-writer": "unmeasurable",
        "db-migrations": "unmeasurable",
        "never-called": "unmeasurable",
    }
    assert result.status == "unknown"
    assert "no source reports calls" in " ".join(result.doubts)


def test_short_sessions_whose_increase_is_nothing_are_active_beside_calls(tmp_path: Any) -> None:
    increase = exchanges("prometheus/02-cost-and-tokens")[2]["response"]["body"]["data"]["result"]
    wrong = {series["metric"].get("skill_name"): float(series["value"][1]) for series in increase}
    assert wrong["changelog-writer"] == 0
    lines = write(tmp_path / "l", [call("pdf-forms", ago(days=-1)), call("pdf-forms", ago(days=1, hours=-23))])
    result = ask(replay(), lines)
    rows = {row.name: row for row in result.rows}
    assert rows["changelog-writer"].spending.cost == 0.5
    assert rows["changelog-writer"].verdict.status != "never"


def test_the_metric_is_found_under_any_of_its_names() -> None:
    handler = replay()
    ask(handler)
    assert handler.queries()[0] == exchanges("prometheus/06-empty-results-and-types")[4]["request"]["query"]["query"]


def test_no_metric_at_all_is_said() -> None:
    empty = {"status": "success", "data": {"resultType": "vector", "result": []}}
    result = ask(lambda _: httpx.Response(200, json=empty))
    assert result.sources[0].status == "empty"
    assert "no metric claude_code_cost_usage" in (result.sources[0].message or "")
    assert set(verdicts(result).values()) == {"unmeasurable"}


def test_warnings_in_a_success_mean_missing_data() -> None:
    partial = exchanges("prometheus/07-warnings")[0]["response"]
    result = ask(lambda _: response(partial))
    assert result.sources[0].status == "partial"
    assert "connection refused" in (result.sources[0].message or "")
    assert (result.status, result.exit_code(("never",))) == ("unknown", 3)
    assert "never" not in verdicts(result).values()


@pytest.mark.parametrize("number", [0, 9, 10, 19, 24])
def test_errors_are_told(number: int) -> None:
    recorded = exchanges("prometheus/05-errors")[number]["response"]
    result = ask(lambda _: response(recorded))
    assert (result.sources[0].status, result.status) == ("failed", "unknown")
    said = recorded["body"]["error"] if isinstance(recorded["body"], dict) else recorded["body"].strip()
    assert said[:60] in (result.sources[0].message or "")


def test_missing_credentials_are_told_with_what_to_set() -> None:
    recorded = exchanges("prometheus/08-basic-auth")[0]["response"]
    message = ask(lambda _: response(recorded)).sources[0].message or ""
    assert "401: Unauthorized" in message
    assert "CATALOG_" in message


def test_too_many_samples_are_asked_for_in_halves() -> None:
    usual, whole = replay(), f"max by (skill_name) (max_over_time(timestamp({COST})[3d:5m]))"
    refused = exchanges("prometheus/05-errors")[10]["response"]
    asked: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        query = request.url.params["query"]
        asked.append(query)
        if query == whole:
            return response(refused)
        if "[36h:5m]" in query:
            newer = request.url.params["time"] == str(NOW)
            result = [
                {"metric": {"skill_name": "code-review"}, "value": [NOW, str(NOW - 100 if newer else NOW - 200_000)]}
            ]
            return httpx.Response(200, json={"status": "success", "data": {"resultType": "vector", "result": result}})
        return usual(request)

    rows = {row.name: row for row in ask(handler).rows}
    assert sum("[36h:5m]" in query for query in asked) == 2
    assert rows["code-review"].last == (NOW - 100) * 10**9


def test_nonsense_values_are_left_out() -> None:
    usual = replay()

    def handler(request: httpx.Request) -> httpx.Response:
        answer = usual(request).json()
        answer["data"]["result"].append({"metric": {"skill_name": "never-called"}, "value": [NOW, "NaN"]})
        return httpx.Response(200, json=answer)

    rows = {row.name: row for row in ask(handler).rows}
    assert rows["never-called"].spending.cost is None
