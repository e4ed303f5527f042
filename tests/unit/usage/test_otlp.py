"""OTLP lines: every number of the recorded form recomputed here by hand, and lines that are not as they should be."""

from __future__ import annotations

import gzip
import json
import os
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest

from catalog_tool.usage.hooks import HookSource
from catalog_tool.usage.otlp import OtlpSource
from catalog_tool.usage.result import UsageResult

from .made import ago, call, join, listed, logs, nano, pairs, point, reason, skill, verdicts, write
from .recorded import FIXTURES

LINES = FIXTURES / "otlp" / "claude-code.jsonl"
TRUTH: dict[str, Any] = json.loads((FIXTURES / "otlp" / "claude-code.truth.json").read_text(encoding="utf-8"))
CATALOG = listed(*(skill(name) for name in ("pdf-forms", "changelog-writer", "code-review", "never-called")))


@pytest.fixture(scope="module")
def result() -> UsageResult:
    return join(CATALOG, OtlpSource(str(LINES)))


def values(item: dict[str, Any]) -> dict[str, Any]:
    return {pair["key"]: next(iter(pair["value"].values())) for pair in item["attributes"]}


def groups(kind: str) -> list[dict[str, Any]]:
    """All ``resourceLogs`` or ``resourceMetrics`` of the file, read in the plainest way."""
    lines = [json.loads(line) for line in LINES.read_text(encoding="utf-8").splitlines()]
    return [group for line in lines for group in line.get(kind, [])]


def activations() -> list[tuple[dict[str, Any], int]]:
    records = [
        record for group in groups("resourceLogs") for scope in group["scopeLogs"] for record in scope["logRecords"]
    ]
    return [
        (values(record), int(record["timeUnixNano"]))
        for record in records
        if record["body"]["stringValue"] == "claude_code.skill_activated"
    ]


def amounts() -> dict[tuple[str, str], float]:
    """Cost and tokens by name and kind: deltas added, of cumulative series the last point."""
    spent: dict[tuple[str, str], float] = defaultdict(float)
    last: dict[str, tuple[int, tuple[str, str], float]] = {}
    for metric in (metric for group in groups("resourceMetrics") for metric in group["scopeMetrics"][0]["metrics"]):
        for held in metric["sum"]["dataPoints"]:
            attributes = values(held)
            value = float(held["asDouble"] if "asDouble" in held else held["asInt"])
            key = (attributes["skill.name"], attributes.get("type", "cost"))
            if metric["sum"]["aggregationTemporality"] == 1:
                spent[key] += value
            else:
                series = json.dumps([metric["name"], sorted(attributes.items())])
                last[series] = max(last.get(series, (0, key, 0.0)), (int(held["timeUnixNano"]), key, value))
    for _, key, value in last.values():
        spent[key] += value
    return spent


class TestTheRecordedForm:
    def test_calls_sessions_triggers_and_last_use_are_those_counted_by_hand(self, result: UsageResult) -> None:
        counted: dict[str, list[tuple[dict[str, Any], int]]] = defaultdict(list)
        for attributes, time in activations():
            counted[attributes["skill.name"]].append((attributes, time))
        assert {name: len(found) for name, found in counted.items()} == {
            name: truth["events"] for name, truth in TRUTH["skill_activated"].items()
        }
        rows = {row.name: row for row in result.rows}
        for name, found in counted.items():
            if name == "custom_skill":
                continue
            activity = rows[name].activity
            assert activity.calls == len(found) == TRUTH["skill_activated"][name]["events"]
            assert activity.sessions == len({attributes["session.id"] for attributes, _ in found})
            assert activity.sessions == TRUTH["skill_activated"][name]["sessions"]
            assert activity.first == min(time for _, time in found)
            assert activity.last == max(time for _, time in found)
            triggers = Counter(attributes["invocation_trigger"] for attributes, _ in found)
            assert activity.details == dict(triggers) == TRUTH["skill_activated"][name]["triggers"]
            assert sum(activity.days or []) == len(found)
            assert sum((activity.days or [])[-30:]) == TRUTH["skill_activated"][name]["within_30_days"]

    def test_cost_and_tokens_are_those_added_by_hand(self, result: UsageResult) -> None:
        spent = amounts()
        rows = {row.name: row for row in result.rows}
        for name, cost in TRUTH["cost_usd"].items():
            assert spent[name, "cost"] == pytest.approx(cost)
            if name != "third-party":
                assert rows[name].spending.cost == pytest.approx(cost)
        assert result.coverage.hidden_cost == pytest.approx(TRUTH["cost_usd"]["third-party"])
        for key, count in TRUTH["tokens"].items():
            name, kind = key.split("/")
            assert spent[name, kind] == pytest.approx(count)
            if name != "third-party":
                assert rows[name].spending.tokens[kind] == pytest.approx(count)

    def test_verdicts(self, result: UsageResult) -> None:
        assert verdicts(result) == {
            "never-called": "never",
            "changelog-writer": "stale",
            "acme-tools:deploy-check": "unlisted",
            "pdf-forms": "active",
            "code-review": "active",
        }
        assert result.status == "stale"

    def test_what_is_hidden_makes_no_row_but_shows_in_the_coverage(self, result: UsageResult) -> None:
        coverage = result.coverage
        assert (coverage.calls, coverage.hidden_calls) == (60, 8)
        sessions = {attributes["session.id"]: attributes["skill.name"] for attributes, _ in activations()}
        assert coverage.sessions == len(sessions) == 60
        assert coverage.named_sessions == sum(name != "custom_skill" for name in sessions.values()) == 52

    def test_the_same_file_twice_gives_the_same_numbers(self, result: UsageResult, tmp_path: Path) -> None:
        zipped = tmp_path / "again.jsonl.gz"
        zipped.write_bytes(gzip.compress(LINES.read_bytes()))
        twice = join(CATALOG, OtlpSource(str(LINES)), OtlpSource(str(zipped)))
        assert [row.to_json(twice.window) for row in twice.rows] == [row.to_json(result.window) for row in result.rows]


class TestSpellings:
    def test_a_body_alone_an_event_name_field_and_an_observed_time_are_enough(self, tmp_path: Path) -> None:
        time = str(nano(ago(days=1)))
        named = pairs({"skill.name": "a", "session.id": "s"})
        by_body = {
            "observedTimeUnixNano": time,
            "body": {"stringValue": "claude_code.skill_activated"},
            "attributes": named,
        }
        by_field = {"timeUnixNano": int(time) + 1, "eventName": "skill_activated", "attributes": named}
        other = {"timeUnixNano": time, "body": {"stringValue": "claude_code.user_prompt"}, "attributes": named}
        found = join(listed(skill("a")), write(tmp_path / "l", [logs(by_body, by_field, other)]))
        assert found.rows[0].activity.calls == 2

    @pytest.mark.parametrize("sequence", [7, "7"])
    def test_a_sequence_is_the_same_as_a_number_and_as_a_text(self, tmp_path: Path, sequence: int | str) -> None:
        lines = [call("a", ago(days=1), session="s", event__sequence=value) for value in (7, sequence)]
        assert join(listed(skill("a")), write(tmp_path / "l", lines)).rows[0].activity.calls == 1

    def test_another_session_sequence_or_time_is_another_call(self, tmp_path: Path) -> None:
        at = ago(days=1)
        lines = [
            call("a", at, session="s"), call("a", at, session="t"), call("a", at, session="s", event__sequence=2),
            call("a", ago(days=1, seconds=1), session="s"),
        ]  # fmt: skip
        activity = join(listed(skill("a")), write(tmp_path / "l", lines)).rows[0].activity
        assert (activity.calls, activity.sessions) == (4, 2)

    def test_only_events_inside_the_window_count_and_none_from_the_future(self, tmp_path: Path) -> None:
        lines = [call("a", ago(days=days), session=str(days)) for days in (-1, 0, 89, 90, 91)]
        activity = join(listed(skill("a")), write(tmp_path / "l", lines)).rows[0].activity
        assert activity.calls == 2
        assert activity.last == nano(ago(days=0))

    def test_more_triggers_than_anyone_has_become_other(self, tmp_path: Path) -> None:
        lines = [call("a", ago(days=1), session=str(at), invocation_trigger=f"t{at}") for at in range(1010)]
        details = join(listed(skill("a")), write(tmp_path / "l", lines)).rows[0].activity.details
        assert len(details) == 1001
        assert details["other"] == 10


class TestCounters:
    def test_a_counter_that_begins_again_is_added_to_and_said(self, tmp_path: Path) -> None:
        start = ago(days=2)
        lines = [
            point("claude_code.cost.usage", ago(days=1, hours=-at), value, temporality=2, start=start, skill__name="a")
            for at, value in enumerate((1.0, 4.0, 0.5, 2.0))
        ]
        found = join(listed(skill("a")), write(tmp_path / "l", [*lines, call("a", ago(days=1))]))
        assert found.rows[0].spending.cost == pytest.approx(6.0)
        assert "began again" in " ".join(found.notes)

    def test_a_cumulative_point_told_again_or_late_adds_nothing(self, tmp_path: Path) -> None:
        start = ago(days=2)
        made = [
            point("claude_code.cost.usage", ago(hours=10 - at), value, temporality=2, start=start, skill__name="a")
            for at, value in ((1, 1.0), (3, 4.0), (2, 2.0), (3, 4.0))
        ]
        assert join(listed(skill("a")), write(tmp_path / "l", made)).rows[0].spending.cost == pytest.approx(4.0)

    def test_nonsense_amounts_are_left_out(self, tmp_path: Path) -> None:
        made = [
            point("claude_code.cost.usage", ago(hours=at + 1), value, skill__name="a")
            for at, value in enumerate((1.0, -5.0, float("inf"), float("nan")))
        ]
        assert join(listed(skill("a")), write(tmp_path / "l", made)).rows[0].spending.cost == pytest.approx(1.0)

    def test_work_outside_any_skill_is_no_row(self, tmp_path: Path) -> None:
        made = [point("claude_code.cost.usage", ago(hours=1), 3.0, session__id="s"), call("a", ago(days=1))]
        found = join(listed(skill("a")), write(tmp_path / "l", made))
        assert found.coverage.outside_cost == pytest.approx(3.0)
        assert [row.name for row in found.rows] == ["a"]


class TestDamage:
    GOOD = json.dumps(call("a", ago(days=1)))

    @pytest.mark.parametrize(
        "bad",
        [
            "{", "null", "[1]", '"text"', "{}", '{"resourceLogs": 1}',
            '{"resourceLogs": [{"scopeLogs": [{"logRecords": [3]}]}]}',
            '{"resourceLogs": [{"scopeLogs": [{"logRecords": [{"timeUnixNano": "soon"}]}]}]}', "[" * 100_000,
            '{"a": 1} {"b": 2}', '{"x": ' + "9" * 5000 + "}", '{"resourceMetrics": [{"scopeMetrics": "x"}]}',
        ],
        ids=range(12),
    )  # fmt: skip
    def test_a_line_that_is_none_makes_silence_unmeasurable(self, tmp_path: Path, bad: str) -> None:
        (tmp_path / "l").write_text(f"{self.GOOD}\n{bad}\n{self.GOOD}\n", encoding="utf-8")
        found = join(listed(skill("a"), skill("b")), OtlpSource(str(tmp_path / "l")))
        assert verdicts(found) == {"a": "active", "b": "unmeasurable"}
        assert (found.status, found.exit_code(())) == ("unknown", 3)
        assert found.sources[0].message is not None
        assert found.sources[0].message.endswith("the first is line 2")

    def test_bytes_that_are_no_text(self, tmp_path: Path) -> None:
        (tmp_path / "l").write_bytes(b'{"a": "\xff"}\n')
        assert join(listed(), OtlpSource(str(tmp_path / "l"))).failed

    def test_a_last_line_that_is_still_being_written_is_no_damage_and_no_silence(self, tmp_path: Path) -> None:
        lines = [call("a", ago(days=days)) for days in (1, 50)]
        whole = "".join(json.dumps(line) + "\n" for line in lines)
        (tmp_path / "l").write_text(whole + self.GOOD[:40], encoding="utf-8")
        found = join(listed(skill("a"), skill("b")), OtlpSource(str(tmp_path / "l")))
        assert (found.failed, verdicts(found)) == (False, {"a": "active", "b": "unmeasurable"})
        assert found.status == "unknown"
        said = f"{tmp_path / 'l'}: line 3 is unfinished, something may be writing it just now"
        assert found.sources[0].message == said
        assert reason(found, "b") == found.sources[0].message

    def test_a_last_line_without_its_end_that_is_whole_is_read(self, tmp_path: Path) -> None:
        lines = [json.dumps(call("a", ago(days=days))) for days in (1, 50)]
        (tmp_path / "l").write_text("\n".join(lines), encoding="utf-8")
        found = join(listed(skill("a"), skill("b")), OtlpSource(str(tmp_path / "l")))
        assert (verdicts(found), found.sources[0].message) == ({"a": "active", "b": "never"}, None)

    @pytest.mark.parametrize("source", [OtlpSource, HookSource])
    @pytest.mark.parametrize(
        "text",
        [json.dumps([call("b", ago(days=1))]), GOOD[:-3], "", '"text"', "[", GOOD + " {", bytes(range(128, 256))],
    )
    @pytest.mark.parametrize("before", ["", f"{GOOD}\n"])
    def test_any_other_last_line_is_damage_with_its_end_and_without(
        self, tmp_path: Path, source: type[OtlpSource | HookSource], text: str | bytes, before: str
    ) -> None:
        data = before.encode() + (text if isinstance(text, bytes) else text.encode())
        (tmp_path / "l").write_bytes(data)
        os.utime(tmp_path / "l", (0, 0))
        whole = write(tmp_path / "whole", [call("a", ago(days=days)) for days in (1, 50)])
        found = join(listed(skill("a"), skill("b")), whole, source(str(tmp_path / "l")))
        damaged = bool(text) or (bool(before) and source is HookSource)
        assert verdicts(found)["b"] == ("unmeasurable" if damaged else "never")
        assert found.exit_code(("never",)) == (3 if damaged else 1)

    def test_a_file_of_one_line_that_is_cut_is_damage_however_new(self, tmp_path: Path) -> None:
        (tmp_path / "l").write_text(self.GOOD[:-3], encoding="utf-8")
        assert join(listed(skill("a")), OtlpSource(str(tmp_path / "l"))).exit_code(()) == 3

    def test_a_gzip_whose_text_is_cut_is_damage_however_new(self, tmp_path: Path) -> None:
        (tmp_path / "l.gz").write_bytes(gzip.compress(f"{self.GOOD}\n{self.GOOD[:-3]}".encode()))
        assert join(listed(skill("a")), OtlpSource(str(tmp_path / "l.gz"))).exit_code(()) == 3

    @pytest.mark.parametrize("cut", [20, 60])
    def test_gzip_that_ends_too_soon_is_a_failed_source(self, tmp_path: Path, cut: int) -> None:
        (tmp_path / "l.gz").write_bytes(gzip.compress(LINES.read_bytes())[:-cut])
        found = join(CATALOG, OtlpSource(str(tmp_path / "l.gz")))
        assert found.sources[0].status == "failed"
        assert set(verdicts(found).values()) <= {"active", "unlisted", "unmeasurable"}

    @pytest.mark.parametrize("name", ["missing", "."])
    def test_a_file_that_is_none_is_a_failed_source(self, tmp_path: Path, name: str) -> None:
        found = join(listed(skill("a")), OtlpSource(str(tmp_path / name)))
        assert (found.sources[0].status, found.status, verdicts(found)) == ("failed", "unknown", {"a": "unmeasurable"})
