"""The rules of the telemetry kit on the real ``promtool``, with data whose answer was worked out by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from catalog_tool.usage.kit.listing import Entry, listing_rules
from catalog_tool.usage.kit.prompt_rules import prompt_rules
from catalog_tool.usage.kit.rule_file import Alert, Group, Recording, rule_file
from catalog_tool.usage.kit.skill_rules import skill_rules

from .promtool import ENTRIES, alerts_only, judged, run

COST = "claude_code_cost_usage_USD_total"


def sample(labels: str, value: float) -> dict[str, Any]:
    return {"labels": labels, "value": value}


def holds(expr: str, when: str, *samples: dict[str, Any]) -> dict[str, Any]:
    return {"expr": expr, "eval_time": when, "exp_samples": list(samples)}


def series(name: str, values: str) -> dict[str, str]:
    return {"series": name, "values": values}


def fires(name: str, when: str, *alerts: tuple[dict[str, str], str, str]) -> dict[str, Any]:
    """An alert with each of these labels, summary and description; nothing where there are none."""
    expected = [
        {"exp_labels": labels, "exp_annotations": {"summary": summary, "description": description}}
        for labels, summary, description in alerts
    ]
    return {"alertname": name, "eval_time": when, "exp_alerts": expected}


def test_every_rule_file_is_accepted(tmp_path: Path) -> None:
    for name, text in (
        ("skills", skill_rules(30)), ("prompts", prompt_rules()), ("catalog", listing_rules(ENTRIES)),
        ("empty", listing_rules([])),
    ):  # fmt: skip
        (tmp_path / f"{name}.yml").write_text(text, encoding="utf-8")
        said = run("promtool", "check", "rules", "--lint=all", "--lint-fatal", str(tmp_path / f"{name}.yml"))
        assert "SUCCESS" in said


def test_any_text_is_only_text(tmp_path: Path) -> None:
    evil = 'x"}\n- record: y\n  expr: "1" # \\ \x1b\u2028\x85 {{ $labels.x }} é \U0001f600 \'yes'
    (tmp_path / "evil.yml").write_text(listing_rules([Entry("no", evil, evil, "", None)]), encoding="utf-8")
    run("promtool", "check", "rules", str(tmp_path / "evil.yml"))
    held = yaml.safe_load((tmp_path / "evil.yml").read_text(encoding="ascii"))["groups"][0]["rules"]
    assert held == [
        {"record": "catalog_skill_listed", "expr": "vector(1)",
         "labels": {"skill_name": "no", "skill": evil, "owner": evil, "version": ""}},
    ]  # fmt: skip


def test_a_rule_file_reads_back() -> None:
    rules = [Recording("a:b", "sum(\n  x\n)", {"owner": "true"}), Alert("A", "x > 1", "5m", "info", "s: #", "d")]
    assert yaml.safe_load(rule_file("Said.", [Group("g", "1m", rules)])) == {
        "groups": [{
            "name": "g", "interval": "1m", "rules": [
                {"record": "a:b", "expr": "sum(\n  x\n)", "labels": {"owner": "true"}},
                {"alert": "A", "expr": "x > 1", "for": "5m", "labels": {"severity": "info"},
                 "annotations": {"summary": "s: #", "description": "d"}},
            ],
        }],
    }  # fmt: skip


class TestFolding:
    """Sessions' counters become totals: where ``increase`` sees nothing, the fold sees all."""

    def test_each_session_counts_once_and_wholly(self, tmp_path: Path) -> None:
        given = [
            # two sessions that begin with their final value, and never grow
            series(f'{COST}{{skill_name="pdf-forms", session_id="1"}}', "_x20 5.75x300"),
            series(f'{COST}{{skill_name="pdf-forms", session_id="2"}}', "_x90 0.25x200"),
            # one that grows: 0, 0.5, … 10
            series(f'{COST}{{skill_name="code-review", session_id="3"}}', "_x5 0+0.5x20 10x300"),
            # one whose counter begins again inside the session: 4, then 4 more
            series(f'{COST}{{skill_name="db-migrations", session_id="4"}}', "0+1x4 4x20 0 1 2 3 4x200"),
            # a machine that slept for eight hours
            series(f'{COST}{{skill_name="sleeper", session_id="5"}}', "2x30 _x96 2x200"),
            # work outside any skill
            series(f'{COST}{{session_id="6"}}', "_x3 10x300"),
        ]
        total = "sum by (skill_name) (sum_over_time(skill:cost_usd:increase15m[2d]))"
        found = (
            sample('{skill_name="pdf-forms"}', 6), sample('{skill_name="code-review"}', 10),
            sample('{skill_name="db-migrations"}', 8), sample('{skill_name="sleeper"}', 2), sample("{}", 10),
        )  # fmt: skip
        naive = 'sum by (skill_name) (increase(claude_code_cost_usage_USD_total{skill_name="pdf-forms"}[2d]))'
        told = {
            "interval": "5m",
            "input_series": given,
            "promql_expr_test": [
                holds(total, "25h", *found),
                holds(naive, "25h", sample('{skill_name="pdf-forms"}', 0)),
            ],
        }
        judged(tmp_path, skill_rules(30), "15m", [told])

    def test_calls_results_tokens_and_tools(self, tmp_path: Path) -> None:
        def typed(name: str, labels: str) -> dict[str, str]:
            return series(f"{name}{{{labels}}}", "_x4 1 2 2 3x40")

        given = [
            typed("catalog_skill_calls_total", 'skill_name="a", invocation_trigger="user-slash", service_version="1"'),
            typed("catalog_skill_calls_total", 'skill_name="a", invocation_trigger="user-slash", service_version="2"'),
            typed("catalog_skill_results_total", 'skill_name="a", skill_outcome="failure"'),
            typed("claude_code_token_usage_tokens_total", 'skill_name="a", type="input", session_id="1"'),
            typed("catalog_tool_results_total", 'tool_name="Bash", success="true"'),
        ]
        expected = {
            "skill:calls:increase15m": ('{skill_name="a", invocation_trigger="user-slash"}', 6),
            "skill:results:increase15m": ('{skill_name="a", skill_outcome="failure"}', 3),
            "skill:tokens:increase15m": ('{skill_name="a", type="input"}', 3),
            "tool:results:increase15m": ('{tool_name="Bash", success="true"}', 3),
        }
        checks = [holds(f"sum_over_time({name}[1d])", "3h", sample(*found)) for name, found in expected.items()]
        last = "max_over_time(skill:last_call_timestamp_seconds:max15m[1d])"
        checks.append(holds(last, "3h", sample('{skill_name="a"}', 45 * 60)))
        judged(
            tmp_path, skill_rules(30), "15m", [{"interval": "5m", "input_series": given, "promql_expr_test": checks}]
        )


CALLS, LISTED = "skill:calls:increase15m", "catalog_skill_listed"


def listed(name: str, values: str = "1x400", skill: str = "", version: str = "0") -> dict[str, str]:
    labels = f'skill_name="{name}", skill="{skill or name}", owner="team", version="{version}"'
    return series(f"{LISTED}{{{labels}}}", values)


def called(name: str, values: str) -> dict[str, str]:
    return series(f'{CALLS}{{skill_name="{name}", invocation_trigger="user-slash"}}', values)


def stale(name: str) -> tuple[dict[str, str], str, str]:
    return (
        {"severity": "info", "skill": name, "owner": "team", "version": "0"},
        f"Nobody has used the skill {name} for 30 days",
        "Owner: team. Nor under another of its names. Ask `catalog usage` before it goes.",
    )


SILENT = (
    {"severity": "warning"},
    "No skill, no token, nothing has been heard of any agent for three days",
    "Something before it is broken, or nobody works. Until it is known, no skill is stale.",
)
ALIVE = called("alive", "1x400")


class TestSkillAlerts:
    """65 days, four hours a sample: sample 390 is the end."""

    def judge(self, folder: Path, given: list[dict[str, str]], *expected: dict[str, Any]) -> None:
        told = {"interval": "4h", "input_series": given, "alert_rule_test": list(expected)}
        judged(folder, alerts_only(skill_rules(30)), "4h", [told])

    def test_stale_and_never_are_told_and_nothing_else(self, tmp_path: Path) -> None:
        given = [
            listed("alive"), listed("never"), listed("once"), listed("new", "_x250 1x150"),
            listed("gone", "1x250"), ALIVE, called("once", "0x100 1 0x300"), called("unlisted", "1x400"),
        ]  # fmt: skip
        at_the_end = fires("SkillStale", "65d", stale("never"), stale("once"))
        self.judge(tmp_path, given, at_the_end, fires("SkillStale", "40d", stale("never"), stale("gone")))

    def test_a_call_by_any_of_its_names_is_use_of_the_skill(self, tmp_path: Path) -> None:
        given = [
            *(listed(f"{form}deploy", skill="deploy") for form in ("", "toolbox:", "anthropic-skills:")),
            *(listed(f"{form}never", skill="never") for form in ("", "toolbox:")),
            # two skills that one name may stand for
            *(listed("shared", skill=skill) for skill in ("web", "api")), listed("web"), listed("api"),
            # one that has a new version since a moment
            listed("toolbox:changed", "1x389", "changed"), listed("toolbox:changed", "_x389 1x10", "changed", "1"),
            called("toolbox:deploy", "1x400"), called("shared", "1x400"), called("toolbox:changed", "1x400"),
        ]  # fmt: skip
        self.judge(tmp_path, given, fires("SkillStale", "65d", stale("never")))

    def test_data_that_do_not_reach_back_are_no_verdict(self, tmp_path: Path) -> None:
        given = [listed("alive"), listed("never"), called("alive", "_x225 1x175")]
        self.judge(tmp_path, given, fires("SkillStale", "65d"))

    def test_hidden_names_hold_it_back_and_are_told(self, tmp_path: Path) -> None:
        given = [listed("alive"), listed("never"), ALIVE, called("custom_skill", "3x400")]
        said = (
            {"severity": "warning"}, "75% of the calls of a day hide their skill's name",
            "Agents without OTEL_LOG_TOOL_DETAILS=1 call every skill custom_skill: nothing can be said of single "
            "skills.",
        )  # fmt: skip
        self.judge(tmp_path, given, fires("SkillStale", "65d"), fires("SkillNamesRedacted", "65d", said))

    def test_silence_of_everything_is_one_alert_and_no_stale_skill(self, tmp_path: Path) -> None:
        given = [listed("alive"), listed("never"), called("alive", "1x275 0x125")]
        self.judge(
            tmp_path, given,
            fires("SkillStale", "65d"), fires("SkillTelemetrySilent", "52d", SILENT),
            fires("SkillTelemetrySilent", "46d"),
        )  # fmt: skip

    def test_a_weekend_is_no_silence_and_tokens_alone_are_none(self, tmp_path: Path) -> None:
        tokens = series('skill:tokens:increase15m{type="input"}', "100x400")
        self.judge(tmp_path, [called("a", "1x375 0x15")], fires("SkillTelemetrySilent", "64d"))
        self.judge(tmp_path, [called("a", "1x250 0x140"), tokens], fires("SkillTelemetrySilent", "64d"))

    def test_failures_are_those_that_skills_reported(self, tmp_path: Path) -> None:
        def result(name: str, outcome: str, values: str) -> dict[str, str]:
            return series(f'skill:results:increase15m{{skill_name="{name}", skill_outcome="{outcome}"}}', values)

        given = [
            result("bad", "failure", "0x6 1x2 0x3"), result("bad", "success", "0x6 1 0x5"),
            result("worse", "failure", "0x6 1x3 0x2"), result("worse", "success", "0x6 1 0x5"),
            result("fine", "success", "0x6 1x5"), called("silent", "1x12"),
        ]  # fmt: skip
        said = (
            {"severity": "warning", "skill_name": "worse"}, "worse says that 80% of its runs of a day failed",
            "By its own word (skill_result). That a tool ran well says nothing: success=true includes exit 1.",
        )  # fmt: skip
        bad = (said[0] | {"skill_name": "bad"}, "bad says that 75% of its runs of a day failed", said[2])
        self.judge(tmp_path, given, fires("SkillFailing", "44h", said, bad), fires("SkillFailing", "20h"))

    def test_the_collector_is_watched(self, tmp_path: Path) -> None:
        given = [
            series('up{job="agents", instance="collector:8889"}', "1x30 0x30"),
            series('otelcol_exporter_send_failed_log_records{exporter="otlphttp/loki"}', "0+6x60"),
        ]
        down = (
            {"severity": "warning", "job": "agents", "instance": "collector:8889"},
            "The collector does not answer on collector:8889", "What agents send meanwhile is lost.",
        )  # fmt: skip
        lost = (
            {"severity": "warning", "exporter": "otlphttp/loki"}, "The collector cannot store events (otlphttp/loki)",
            "Look at the logs of the collector and of Loki. What is missing there looks like silence later.",
        )  # fmt: skip
        expected = [
            fires("SkillCollectorDown", "30m"), fires("SkillCollectorDown", "55m", down),
            fires("SkillEventsNotStored", "55m", lost),
        ]  # fmt: skip
        told = {"interval": "1m", "input_series": given, "alert_rule_test": expected}
        judged(tmp_path, alerts_only(skill_rules(30)), "1m", [told])


class TestCostSpikes:
    """Quarters of an hour, as the rules make them."""

    SPENT = "skill:cost_usd:increase15m"
    DAY = 96

    def judge(self, folder: Path, given: dict[str, str], *expected: dict[str, Any]) -> None:
        spent = [
            series(f'{self.SPENT}{{skill_name="{name}"}}' if name else self.SPENT, values)
            for name, values in given.items()
        ]
        told = {"interval": "15m", "input_series": spent, "alert_rule_test": list(expected)}
        judged(folder, alerts_only(skill_rules(30)), "15m", [told])

    def said(self, name: str, dollars: str) -> tuple[dict[str, str], str, str]:
        labels = {"severity": "warning", "skill_name": name} if name else {"severity": "warning"}
        more = "That is more than 3 times a mean day of the week before. An empty name is work outside any skill."
        return labels, f"{name} cost {dollars} dollars in a day", more

    def test_they_are_told_by_skill(self, tmp_path: Path) -> None:
        ten, day = 10 * self.DAY, self.DAY
        given = {
            "dear": f"0.125x{ten} 0 0.5x{day}",  # 12 dollars a day, then 48
            "": f"0.125x{ten} 0 0.5x{day}",
            "usual": f"0.125x{ten + day}",
            "small": f"0.00125x{ten} 0.0125x{day}",  # ten times as much, and still little
        }
        at_the_end = fires("SkillCostSpike", "15855m", self.said("", "48.00"), self.said("dear", "48.00"))
        self.judge(tmp_path, given, at_the_end, fires("SkillCostSpike", "10d"))

    def test_steady_spending_is_none_from_the_first_day_on(self, tmp_path: Path) -> None:
        hours = [*range(24, 97, 12), 168, 192, 204, 240, 300]
        quiet = (fires("SkillCostSpike", f"{hour}h") for hour in hours)
        self.judge(tmp_path, {"steady": f"0.104x{14 * self.DAY}", "": f"0.104x{14 * self.DAY}"}, *quiet)

    def test_a_day_a_week_is_no_spike_and_four_times_as_much_is(self, tmp_path: Path) -> None:
        # twenty dollars within two hours of each Monday; the collector forgets the counter a day later
        monday = f"2.5x7 0x{self.DAY - 1} _x{6 * self.DAY - 7}"
        given = {"weekly": f"{monday} {monday} {monday} 10x7 0x88"}
        quiet = [fires("SkillCostSpike", f"{week * 7 * 24 + hour}h") for week in (0, 1, 2) for hour in (1, 2, 12, 23)]
        self.judge(tmp_path, given, *quiet, fires("SkillCostSpike", f"{21 * 24 + 12}h", self.said("weekly", "80.00")))

    def test_nobody_knows_what_is_much_for_a_skill_in_its_first_week(self, tmp_path: Path) -> None:
        given = {"young": f"0.01x{2 * self.DAY} 5x{6 * self.DAY}"}
        self.judge(tmp_path, given, *(fires("SkillCostSpike", f"{hour}h") for hour in (50, 72, 160)))


def test_the_stale_window_is_what_was_asked_for(tmp_path: Path) -> None:
    given = [listed("alive"), listed("once"), ALIVE, called("once", "0x325 1 0x75")]
    alert = stale("once")
    said = (alert[0], alert[1].replace("30 days", "7 days"), alert[2])
    expected = [fires("SkillStale", "65d", said), fires("SkillStale", "58d")]
    told = {"interval": "4h", "input_series": given, "alert_rule_test": expected}
    judged(tmp_path, alerts_only(skill_rules(7)), "4h", [told])
