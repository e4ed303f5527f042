"""Loki: what is asked, what is made of the recorded answers, and none of its traps a false verdict."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import httpx
import pytest

from catalog_tool.usage.loki import RANGE, Limits, LokiSource
from catalog_tool.usage.marketplaces import PluginId
from catalog_tool.usage.otlp import OtlpSource
from catalog_tool.usage.plugin_hash import plugin_id_hash
from catalog_tool.usage.result import UsageResult
from catalog_tool.usage.web import Access, Asker, access_of

from .made import join, listed, reason, skill, verdicts
from .recorded import FIXTURES, LittleLoki, Replay, exchanges, response

NOW = 1_795_190_820
LONG = 1_795_191_011
URL = "http://loki:3100"
TRUTH = {
    "changelog-writer": 9, "release-notes": 1, "acme-tools:deploy-check": 6, "code-review": 11, "pdf-forms": 14,
    "db-migrations": 3, "custom_skill": 5, "simplify": 4,
}  # fmt: skip
LONG_TRUTH = {
    "pdf-forms": 13,
    "changelog-writer": 3,
    "db-migrations": 2,
    "acme-tools:deploy-check": 3,
    "code-review": 5,
}


def bodies(name: str) -> list[str]:
    return (FIXTURES / "loki" / name).read_text(encoding="utf-8").splitlines()


def source(handler: Any, limits: Limits | None = None, *, tenant: str = "", selector: str | None = None) -> LokiSource:
    access = access_of("--loki", URL, {"CATALOG_LOKI_TENANT": tenant} if tenant else {})
    asker = Asker(access, httpx.MockTransport(handler), sleep=lambda _: None)
    return LokiSource(asker, "loki:3100", *([selector] if selector else []), limits=limits)


def catalog(*names: str) -> Any:
    return listed(*(skill(name, first_commit=1_700_000_000) for name in names))


def calls(result: UsageResult) -> dict[str, int]:
    return {row.name: row.activity.calls for row in result.rows if row.activity.calls}


def without_hidden(truth: dict[str, int]) -> dict[str, int]:
    return {name: count for name, count in truth.items() if name != "custom_skill"}


class TestTheLittleLoki:
    """Our own Loki answers as the real one did: what is tested on it holds there too."""

    @pytest.mark.parametrize(
        ("file", "number"),
        [
            ("04-counts", 0),
            ("04-counts", 4),
            ("04-counts", 9),
            ("05-last-seen", 0),
            ("07-liveness", 14),
            ("07-liveness", 15),
        ],
    )
    def test_instant_queries(self, file: str, number: int) -> None:
        exchange = exchanges(f"loki/{file}")[number]
        real = response(exchange["response"]).json()["data"]["result"]
        ours = LittleLoki(bodies("dataset.jsonl"))(self._request(exchange)).json()["data"]["result"]
        assert self._series(ours) == self._series(real)

    @pytest.mark.parametrize("number", [0, 1])
    def test_pages_of_entries(self, number: int) -> None:
        exchange = exchanges("loki/06-raw-streams")[number]
        real = response(exchange["response"]).json()["data"]["result"]
        ours = LittleLoki(bodies("dataset.jsonl"))(self._request(exchange)).json()["data"]["result"]
        assert self._entries(ours) == self._entries(real)

    @pytest.mark.parametrize("number", [1, 4])
    def test_refusals(self, number: int) -> None:
        exchange = exchanges("loki/09-errors")[number]
        ours = LittleLoki(bodies("dataset.jsonl"))(self._request({**exchange, "request": self._with_limit(exchange)}))
        assert ours.status_code == exchange["response"]["status"] == 400

    @staticmethod
    def _with_limit(exchange: dict[str, Any]) -> dict[str, Any]:
        asked = exchange["request"]
        return {**asked, "query": {"limit": "100", **asked["query"]}}

    @staticmethod
    def _request(exchange: dict[str, Any]) -> httpx.Request:
        asked = exchange["request"]
        return httpx.Request(asked["method"], f"{URL}{asked['path']}", params=asked["query"])

    @staticmethod
    def _series(result: list[dict[str, Any]]) -> set[tuple[frozenset[tuple[str, str]], str]]:
        return {(frozenset(series["metric"].items()), series["value"][1]) for series in result}

    @staticmethod
    def _entries(result: list[dict[str, Any]]) -> set[tuple[str, str, str]]:
        return {
            (value[0], found["stream"]["skill_name"], found["stream"]["session_id"])
            for found in result
            for value in found["values"]
        }


class TestEntries:
    def test_calls_triggers_sessions_and_last_use(self) -> None:
        loki = LittleLoki(bodies("dataset.jsonl"))
        result = join(catalog("pdf-forms", "release-notes"), source(loki), now=NOW, since="6h", stale_after="5h")
        assert calls(result) == without_hidden(TRUTH)
        assert (result.coverage.calls, result.coverage.hidden_calls) == (53, 5)
        rows = {row.name: row for row in result.rows}
        last = exchanges("loki/05-last-seen")[0]["response"]["body"]["data"]["result"]
        seen = {series["metric"]["skill_name"]: int(series["value"][1]) for series in last}
        assert {name: (row.last or 0) // 10**9 for name, row in rows.items()} == without_hidden(seen)
        triggers = exchanges("loki/04-counts")[4]["response"]["body"]["data"]["result"]
        counted: dict[str, dict[str, int]] = {}
        for series in triggers:
            labels = series["metric"]
            counted.setdefault(labels["skill_name"], {})[labels["invocation_trigger"]] = int(series["value"][1])
        assert {name: row.activity.details for name, row in rows.items()} == without_hidden(counted)  # type: ignore[arg-type]
        assert result.status == "ok"

    def test_whether_anything_is_there_is_asked_first_and_nothing_is_parsed_as_json(self) -> None:
        loki = LittleLoki(bodies("dataset.jsonl"))
        join(catalog("pdf-forms"), source(loki), now=NOW, since="6h", stale_after="5h")
        queries = [request.url.params["query"] for request in loki.seen]
        assert queries[0] == 'sum(count_over_time({service_name=~"claude-code.*"}[6h]))'
        assert not any("json" in query for query in queries)

    @pytest.mark.parametrize("page", [1, 2, 3, 5, 7, 52, 53, 54])
    def test_any_page_size_gives_every_entry_once(self, page: int) -> None:
        loki = LittleLoki(bodies("dataset.jsonl"))
        result = join(catalog(), source(loki, Limits(page=page)), now=NOW, since="6h", stale_after="5h")
        assert calls(result) == without_hidden(TRUTH)
        assert not result.failed

    def test_entries_of_one_nanosecond_that_a_page_cuts_are_not_lost(self) -> None:
        loki = LittleLoki(bodies("dataset.jsonl"))
        shared = loki.entries[10][0]
        loki.entries = [(shared if 8 <= at <= 13 else time, labels) for at, (time, labels) in enumerate(loki.entries)]
        for page in range(7, 20):
            result = join(catalog(), source(loki, Limits(page=page)), now=NOW, since="6h", stale_after="5h")
            assert (sum(calls(result).values()), result.failed) == (48, False)

    def test_entries_that_no_page_can_hold_are_missed_loudly(self) -> None:
        loki = LittleLoki(bodies("dataset.jsonl"))
        loki.entries = [(NOW * 10**9 - 5, labels) for _, labels in loki.entries]
        result = join(catalog("x"), source(loki, Limits(page=5)), now=NOW, since="6h", stale_after="5h")
        assert result.sources[0].status == "partial"
        assert verdicts(result)["x"] == "unmeasurable"
        assert result.exit_code(()) == 3

    def test_entries_that_loki_counts_but_does_not_give_are_missed_loudly(self) -> None:
        loki = LittleLoki(bodies("dataset.jsonl"))
        loki.hidden = lambda labels: "release-notes" in labels
        result = join(catalog("release-notes"), source(loki), now=NOW, since="6h", stale_after="5h")
        assert verdicts(result)["release-notes"] == "unmeasurable"
        assert result.sources[0].message == "52 of 53 records of skill_activated came back"

    def test_the_same_events_from_a_file_and_from_loki_count_once(self) -> None:
        file = OtlpSource(str(FIXTURES / "loki" / "dataset.jsonl"))
        loki = source(LittleLoki(bodies("dataset.jsonl")))
        result = join(catalog(), loki, file, now=NOW, since="6h", stale_after="5h")
        assert calls(result) == without_hidden(TRUTH)
        assert (
            result.coverage.sessions == join(catalog(), file, now=NOW, since="6h", stale_after="5h").coverage.sessions
        )


class TestLongWindows:
    def test_ninety_days_are_read_in_pieces_that_loki_accepts(self) -> None:
        loki = LittleLoki(bodies("dataset-long.jsonl"), tenant="long")
        result = join(catalog("changelog-writer"), source(loki, tenant="long"), now=LONG)
        ranges = [request.url.params for request in loki.seen if request.url.path.endswith("query_range")]
        assert all(int(asked["end"]) - int(asked["start"]) <= RANGE for asked in ranges)
        assert calls(result) == LONG_TRUTH
        assert verdicts(result)["changelog-writer"] == "stale"

    def test_neighbouring_pieces_share_no_entry(self) -> None:
        loki = LittleLoki(bodies("dataset-long.jsonl"), tenant="long")
        border = LONG * 10**9 + 1 - RANGE
        loki.entries = [(border - 1 + at % 3, labels) for at, (_, labels) in enumerate(loki.entries)]
        found = Counter(calls(join(catalog(), source(loki, tenant="long"), now=LONG)))
        assert found == Counter(LONG_TRUTH)

    def test_recorded_truth_of_forty_five_days(self) -> None:
        loki = LittleLoki(bodies("dataset-long.jsonl"), tenant="long")
        result = join(catalog("changelog-writer"), source(loki, tenant="long"), now=LONG, since="45d")
        assert calls(result) == LONG_TRUTH
        recorded = exchanges("loki/12-long-window")[9]["response"]["body"]["data"]["result"]
        last = {series["metric"]["skill_name"]: int(series["value"][1]) for series in recorded}
        assert {row.name: (row.last or 0) // 10**9 for row in result.rows} == last


class TestTotals:
    """Beyond the limit of entries Loki counts itself."""

    def test_the_recorded_answers_are_asked_for_and_understood(self) -> None:
        replay = Replay("loki/07-liveness", "loki/04-counts")
        selector = '{service_name=~"claude-code.*"}'
        stream = f'{selector} | event_name="skill_activated"'
        stamp = 'label_format ts="{{ __timestamp__ | unixEpoch }}" | unwrap ts'
        time, api = str(NOW * 10**9), "/loki/api/v1/query"
        last = exchanges("loki/05-last-seen")[0]["response"]["body"]["data"]["result"]
        # Not recorded in this spelling: the recorded one makes a series of each entry, of which 500 are allowed.
        replay.add(f"max_over_time({stream} | {stamp} [6h]) by (skill_name)", time, last, api)
        replay.add(f"min_over_time({stream} | {stamp} [6h]) by (skill_name)", time, last, api)
        hashed = f'{stream} | skill_name=~"custom_skill|third-party" | plugin_id_hash!=""'
        both = "skill_name, plugin_id_hash"
        replay.add(f"sum by ({both}, invocation_trigger) (count_over_time({hashed} [6h]))", time, [], api)
        replay.add(f"max_over_time({hashed} | {stamp} [6h]) by ({both})", time, [], api)
        replay.add(f"min_over_time({hashed} | {stamp} [6h]) by ({both})", time, [], api)
        replay.add(f"sum by (service_version) (count_over_time({selector}[5h]))", time, [], api)
        replay.add(f'sum(count_over_time({selector} | event_name="skill_result" [6h]))', time, [], api)
        newest = exchanges("loki/06-raw-streams")[5]["response"]
        handler = replay

        def answer(request: httpx.Request) -> httpx.Response:
            return response(newest) if request.url.path.endswith("query_range") else handler(request)

        result = join(catalog("pdf-forms"), source(answer, Limits(entries=10)), now=NOW, since="6h", stale_after="5h")
        assert calls(result) == without_hidden(TRUTH)
        rows = {row.name: row for row in result.rows}
        assert rows["pdf-forms"].activity.details == {"claude-proactive": 9, "nested-skill": 2, "user-slash": 3}
        assert (rows["release-notes"].last or 0) // 10**9 == 1_795_173_420
        assert rows["pdf-forms"].activity.sessions is None
        assert "totals were read" in (result.sources[0].message or "")

    def test_totals_and_entries_agree(self) -> None:
        loki = LittleLoki(bodies("dataset-long.jsonl"), tenant="long")
        by_entry = join(catalog("changelog-writer", "x"), source(loki, tenant="long"), now=LONG)
        by_total = join(catalog("changelog-writer", "x"), source(loki, Limits(entries=3), tenant="long"), now=LONG)
        assert calls(by_total) == calls(by_entry)
        assert verdicts(by_total) == verdicts(by_entry)

    def test_hidden_names_are_opened_by_their_plugins_hash_as_entries_are(self) -> None:
        digest = plugin_id_hash("acme", "market")
        found = []
        for limits in (None, Limits(entries=10)):
            loki = LittleLoki(bodies("dataset.jsonl"))
            known = [at for at, (_, labels) in enumerate(loki.entries) if "custom_skill" in labels]
            for at in known[:3]:
                time, labels = loki.entries[at]
                loki.entries[at] = (time, json.dumps({**json.loads(labels), "plugin_id_hash": digest}))
            one = skill("acme:x", first_commit=1_700_000_000, plugins=(PluginId("acme", "market"),))
            result = join(listed(one), source(loki, limits), now=NOW, since="6h", stale_after="5h")
            row = next(row for row in result.rows if row.skill is not None)
            seen = ((row.last or 0) // 10**9, row.activity.calls, row.activity.details)
            found.append((row.verdict.status, seen, result.coverage.calls, result.coverage.hidden_calls))
        assert found[0] == found[1]
        assert (found[0][0], found[0][1][1], found[0][2], found[0][3]) == ("active", 3, 53, 2)

    def test_calls_that_another_source_tells_one_by_one_are_not_added_to_totals(self) -> None:
        file = OtlpSource(str(FIXTURES / "loki" / "dataset.jsonl"))
        known: dict[str, Any] = {"now": NOW, "since": "6h", "stale_after": "5h"}
        for fewer in (False, True):
            loki = LittleLoki(bodies("dataset.jsonl"))
            if fewer:  # what Loki lost, the file still tells
                loki.entries = [entry for entry in loki.entries if "code-review" not in str(entry[1])][::2]
            result = join(catalog("pdf-forms"), source(loki, Limits(entries=10)), file, **known)
            assert calls(result) == without_hidden(TRUTH)
            rows = {row.name: row.activity for row in result.rows}
            assert all(sum(row.details.values()) == row.calls for row in rows.values())
            assert "told of" in " ".join(result.notes)
        alone = join(catalog("pdf-forms"), source(LittleLoki(bodies("dataset.jsonl")), Limits(entries=10)), **known)
        assert not any("told of" in note for note in alone.notes)


class TestEmptySuccesses:
    """An empty answer is a success for Loki; for us it is a doubt."""

    def refused(self, result: UsageResult) -> None:
        assert set(verdicts(result).values()) == {"unmeasurable"}
        assert (result.status, result.exit_code(("stale", "never"))) == ("unknown", 0)
        assert result.sources[0].status == "empty"

    def test_a_wrong_label(self) -> None:
        loki = LittleLoki(bodies("dataset-long.jsonl"))
        self.refused(join(catalog("pdf-forms", "x"), source(loki, selector='{service_name="claude-cod"}'), now=LONG))

    def test_an_unknown_tenant(self) -> None:
        loki = LittleLoki(bodies("dataset-long.jsonl"), tenant="long")
        result = join(catalog("pdf-forms", "x"), source(loki, tenant="team-z"), now=LONG)
        self.refused(result)
        assert "tenant" in reason(result, "x")

    def test_a_loki_that_has_just_been_started(self) -> None:
        replay = Replay("loki/01-empty-store")
        empty = '{service_name=~"claude-code.*"}'
        replay.add(f"sum(count_over_time({empty}[90d]))", str(LONG * 10**9), [], "/loki/api/v1/query")
        self.refused(join(catalog("pdf-forms"), source(replay), now=LONG))

    def test_logs_without_one_skill_in_them(self) -> None:
        loki = LittleLoki(bodies("dataset-long.jsonl"))
        loki.entries = [(time, labels.replace("skill_activated", "user_prompt")) for time, labels in loki.entries]
        result = join(catalog("pdf-forms"), source(loki), now=LONG)
        assert verdicts(result) == {"pdf-forms": "unmeasurable"}
        assert (result.sources[0].status, result.status) == ("ok", "unknown")

    def test_another_source_that_has_data_does_not_hide_it(self) -> None:
        file = OtlpSource(str(FIXTURES / "loki" / "dataset-long.jsonl"))
        loki = source(LittleLoki([]))
        result = join(catalog("pdf-forms", "x"), file, loki, now=LONG)
        assert verdicts(result)["x"] == "unmeasurable"
        assert verdicts(result)["pdf-forms"] == "active"


class TestFailures:
    @pytest.mark.parametrize("number", [0, 4, 8, 22, 25])
    def test_plain_text_errors_are_told_in_one_line(self, number: int) -> None:
        recorded = exchanges("loki/09-errors")[number]["response"]
        result = join(catalog("x"), source(lambda _: response(recorded)), now=NOW)
        message = result.sources[0].message or ""
        assert result.sources[0].status == "failed"
        assert str(recorded["status"]) in message
        assert recorded["body"].split()[0] in message
        assert "\n" not in message
        assert len(message) < 500
        assert verdicts(result) == {"x": "unmeasurable"}
        assert result.exit_code(("never",)) == 3

    @pytest.mark.parametrize("number", [4, 7, 8, 9])
    def test_tenants_that_are_refused(self, number: int) -> None:
        recorded = exchanges("loki/11-tenants")[number]["response"]
        result = join(catalog("x"), source(lambda _: response(recorded)), now=NOW)
        assert (result.sources[0].status, result.status) == ("failed", "unknown")

    @pytest.mark.parametrize("number", [0, 1, 2, 3])
    def test_too_many_series_is_an_error_and_no_cut_answer(self, number: int) -> None:
        recorded = exchanges("loki/10-limits")[number]["response"]
        result = join(catalog("x"), source(lambda _: response(recorded)), now=NOW)
        assert "maximum number of series" in (result.sources[0].message or "")

    @pytest.mark.parametrize(
        "body",
        [
            {"status": "success"}, {"status": "success", "data": {"resultType": "matrix", "result": []}}, {"data": 3},
            {"status": "success", "data": {"resultType": "vector", "result": [{"metric": {}, "value": ["x"]}]}},
        ],
    )  # fmt: skip
    def test_an_answer_in_another_form_is_no_silence(self, body: dict[str, Any]) -> None:
        result = join(catalog("x"), source(lambda _: httpx.Response(200, json=body)), now=NOW)
        assert (result.sources[0].status, verdicts(result)) == ("failed", {"x": "unmeasurable"})

    def test_a_loki_that_is_down_takes_no_activity_away(self) -> None:
        def down(_: httpx.Request) -> httpx.Response:
            raise httpx.ConnectError("connection refused")

        file = OtlpSource(str(FIXTURES / "loki" / "dataset-long.jsonl"))
        result = join(catalog("pdf-forms", "changelog-writer"), source(down), file, now=LONG)
        assert verdicts(result)["pdf-forms"] == "active"
        assert verdicts(result)["changelog-writer"] == "unmeasurable"
        assert (result.status, result.exit_code(())) == ("unknown", 3)


def test_the_tenant_goes_with_every_question() -> None:
    loki = LittleLoki(bodies("dataset-long.jsonl"), tenant="long")
    join(catalog(), source(loki, tenant="long"), now=LONG)
    assert {request.headers["x-scope-orgid"] for request in loki.seen} == {"long"}
    assert Access("http://h", {}).host == "h"
