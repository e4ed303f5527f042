"""Every PromQL expression of the dashboard on a real Prometheus that holds a month of known data."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from catalog_tool.usage.kit.dashboard import dashboard

from .prometheus_server import Loaded, loaded
from .promtool import ENTRIES

NOW = 1_795_219_200
"""A whole number of days since the epoch."""
HOUR, DAY = 3600, 86_400
DASHBOARD: dict[str, Any] = json.loads(dashboard(ENTRIES, 30))
PANELS = {panel["title"]: panel for panel in DASHBOARD["panels"] if panel["type"] != "row"}
VARIABLES = {
    "$__range": "30d", "$stale_after": "30d", "$skill": ".*", "$prompt": ".*", "$__rate_interval": "5m",
}  # fmt: skip
_NAMES = re.compile("|".join(re.escape(name) for name in sorted(VARIABLES, key=len, reverse=True)))

CALLS = {
    ("code-reviewer", "user-slash"): 8, ("code-reviewer", "claude-proactive"): 6, ("dep-auditor", "user-slash"): 6,
    ("toolbox:dep-auditor", "user-slash"): 4,
    ("superpowers:executing-plans", "nested-skill"): 9, ("custom_skill", "user-slash"): 3,
}  # fmt: skip
BY_SKILL = {"code-reviewer": 14, "dep-auditor": 10, "superpowers:executing-plans": 9, "custom_skill": 3}
BY_NAME = BY_SKILL | {"dep-auditor": 6, "toolbox:dep-auditor": 4}
PROMPT = 'gen_ai_prompt_name="support",prompt_version_id="v2-3f9a1c0b77de",gen_ai_request_model="gpt-4o"'


def resolved(expr: str) -> str:
    return _NAMES.sub(lambda found: VARIABLES[found[0]], expr)


class Text:
    """OpenMetrics text; the samples of a family stand together."""

    def __init__(self) -> None:
        self._families: dict[tuple[str, str], list[str]] = {}

    def spread(self, name: str, labels: str, total: float, count: int) -> None:
        """A recorded series: hourly, 0 but for ``count`` hours of the month that share ``total``."""
        busy = {700 - 17 * number for number in range(count)}
        for hour in range(31 * 24):
            self.add(name, labels, total / count if hour in busy else 0, NOW - 31 * DAY + hour * HOUR)

    def steady(self, name: str, labels: str, value: float) -> None:
        """A gauge that is the same, every five minutes of the last day."""
        for step in range(289):
            self.add(name, labels, value, NOW - DAY + step * 300)

    def growing(self, name: str, suffix: str, labels: str, value: float) -> None:
        """A counter that grows by ``value`` every hour of the last 30 days, and a little longer."""
        kind = "histogram" if suffix != "_total" else "counter"
        for hour in range(31 * 24 + 1):
            self.add(name, labels, value * hour, NOW - 31 * DAY + hour * HOUR, (kind, suffix))

    def add(self, name: str, labels: str, value: float, time: int, kind: tuple[str, str] = ("gauge", "")) -> None:
        line = f"{name}{kind[1]}{{{labels}}} {value!r} {time}"
        self._families.setdefault((name, kind[0]), []).append(line)

    def __str__(self) -> str:
        parts = [f"# TYPE {name} {kind}\n" + "\n".join(lines) for (name, kind), lines in self._families.items()]
        return "\n".join(parts) + "\n# EOF\n"


def month() -> str:
    text = Text()
    for (skill, trigger), count in CALLS.items():
        text.spread("skill:calls:increase15m", f'skill_name="{skill}",invocation_trigger="{trigger}"', count, count)
    for outcome, name in (("success", "dep-auditor"), ("failure", "toolbox:dep-auditor")):
        text.spread("skill:results:increase15m", f'skill_name="{name}",skill_outcome="{outcome}"', 5, 5)
    text.spread("skill:results:increase15m", 'skill_name="code-reviewer",skill_outcome="success"', 4, 4)
    for name, dollars in (("code-reviewer", 7.0), ("dep-auditor", 1.5), ("toolbox:dep-auditor", 1.0)):
        text.spread("skill:cost_usd:increase15m", f'skill_name="{name}"', dollars, 5)
    text.spread("skill:cost_usd:increase15m", 'kind=""', 10.0, 5)
    for kind, count in (("input", 900.0), ("output", 600.0)):
        text.spread("skill:tokens:increase15m", f'skill_name="code-reviewer",type="{kind}"', count, 5)
    text.spread("tool:results:increase15m", 'tool_name="Bash",success="true"', 30, 5)
    text.spread("tool:results:increase15m", 'tool_name="Bash",success="false"', 10, 5)
    seen = {"code-reviewer": 2, "dep-auditor": 9, "toolbox:dep-auditor": 2, "superpowers:executing-plans": 2}
    for name, days in seen.items():
        text.add("skill:last_call_timestamp_seconds:max15m", f'skill_name="{name}"', NOW - days * DAY, NOW - days * DAY)
    for entry in ENTRIES:
        labels = ",".join(f'{name}="{value}"' for name, value in entry._asdict().items() if name != "listing_tokens")
        text.steady("catalog_skill_listed", labels, 1)
    text.steady("up", 'job="agents",instance="collector:8889"', 1)
    for status in ("in_sync", "drift"):
        text.steady("catalog_target_status", f'target="prod",status="{status}"', float(status == "drift"))
    text.steady("catalog_objects", 'target="prod",kind="label",state="drifted"', 2)
    text.steady("catalog_target_last_success_timestamp_seconds", 'target="prod"', NOW - HOUR)
    _prompts(text)
    return str(text)


def _prompts(text: Text) -> None:
    for status, number in (("ok", 9.0), ("error", 1.0)):
        text.growing("catalog_prompt_requests", "_total", f'{PROMPT},status="{status}"', number)
    for name, number in (("input_tokens", 1000.0), ("output_tokens", 250.0), ("cost_usd", 0.5)):
        text.growing(f"catalog_prompt_{name}", "_total", f'{PROMPT},status="ok"', number)
    text.growing("catalog_prompt_unpriced_requests", "_total", f'{PROMPT},status="ok"', 2.0)
    for status, number in (("ok", 3.0), ("failed", 1.0)):
        text.growing("catalog_prompt_tool_calls", "_total", f'{PROMPT},status="{status}"', number)
    for name in ("duration_seconds", "time_to_first_token_seconds", "time_between_tokens_seconds", "tokens_per_second"):
        for bound, number in (("1.0", 5.0), ("2.0", 10.0), ("+Inf", 10.0)):
            text.growing(f"catalog_prompt_{name}", "_bucket", f'{PROMPT},le="{bound}"', number)
    for name, mean in (("score", 0.75), ("feedback", 0.5)):
        text.growing(f"catalog_prompt_{name}", "_sum", PROMPT, mean * 8)
        text.growing(f"catalog_prompt_{name}", "_count", PROMPT, 8.0)
    version = 'gen_ai_prompt_name="support",prompt_version_id="v2-3f9a1c0b77de"'
    for name in ("requests", "error_ratio", "input_tokens", "output_tokens", "output_input_ratio", "tool_ok_ratio",
                 "cost_usd", "unpriced_ratio"):  # fmt: skip
        text.steady(f"prompt_version:{name}:5m", version, 1)
    for name in ("duration", "time_to_first_token", "time_between_tokens", "tokens_per_second"):
        text.steady(f"prompt_version:{name}:5m", f'{version},quantile="0.5"', 1)
    for name in ("score", "feedback"):
        text.steady(f"prompt_version:{name}:1h", version, 1)


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loaded]:
    with loaded(tmp_path_factory.mktemp("prometheus"), month(), NOW) as server:
        yield server


def targets(kind: str) -> list[tuple[str, dict[str, Any]]]:
    """Every target of a kind of data source, with its panel's title."""
    return [
        (title, target) for title, panel in PANELS.items() for target in panel["targets"]
        if target["datasource"]["type"] == kind
    ]  # fmt: skip


def named(item: str | dict[str, Any]) -> str:
    return item if isinstance(item, str) else str(item["refId"])


@pytest.mark.parametrize(("title", "target"), targets("prometheus"), ids=named)
def test_every_expression_finds_what_is_there(prometheus: Loaded, title: str, target: dict[str, Any]) -> None:
    expr = resolved(target["expr"])
    assert "$" not in expr
    if target["instant"]:
        assert prometheus.vector(expr), title
        return
    step = DAY if target.get("interval") == "1d" else 300
    assert prometheus.matrix(expr, 30 if step == DAY else 1, step), title


def expr(title: str, ref: str = "A") -> str:
    return resolved(next(target["expr"] for target in PANELS[title]["targets"] if target["refId"] == ref))


class TestNumbers:
    @pytest.mark.parametrize(
        ("title", "number"),
        [("Active", 2), ("Unlisted", 1), ("Invocations", 36), ("Failure rate", 5 / 14), ("Hidden names", 3 / 36),
         ("Results reported", 14), ("Collector", 1), ("Since the last sync", HOUR)],
    )  # fmt: skip
    def test_one_number(self, prometheus: Loaded, title: str, number: float) -> None:
        assert [value for _, value in prometheus.vector(expr(title))] == [pytest.approx(number)]

    @pytest.mark.parametrize(
        ("ref", "expected"),
        [
            ("B", BY_SKILL),
            ("C", {name: (NOW - 2 * DAY) * 1000 for name in BY_SKILL if name != "custom_skill"}),
            ("D", {"dep-auditor": 0.5, "code-reviewer": 0}),
            ("E", {"code-reviewer": 7, "dep-auditor": 2.5}),
            ("F", {"code-reviewer": 1500}),
        ],
    )  # fmt: skip
    def test_the_columns_of_the_leaderboard(self, prometheus: Loaded, ref: str, expected: dict[str, float]) -> None:
        assert prometheus.values(expr("Leaderboard", ref), "skill_name") == pytest.approx(expected)

    @pytest.mark.parametrize(
        ("title", "label", "expected"),
        [
            ("Trigger mix", "invocation_trigger", {"user-slash": 21, "claude-proactive": 6, "nested-skill": 9}),
            ("Cost a call", "skill_name", {"code-reviewer": 0.5, "dep-auditor": 0.25}),
            ("Cost by owner", "owner", {"team-platform": 7, "team-security": 2.5}),
            ("Failure rate by skill", "skill_name", {"dep-auditor": 0.5, "code-reviewer": 0}),
            ("Tools that ran", "tool_name", {"Bash": 0.75}),
        ],
    )
    def test_a_row_each(self, prometheus: Loaded, title: str, label: str, expected: dict[str, float]) -> None:
        assert prometheus.values(expr(title), label) == pytest.approx(expected)

    def test_calls_by_another_name_are_the_skills(self, prometheus: Loaded) -> None:
        used = prometheus.values(expr("Not used within the stale window", "B"), "skill_name")
        assert used == pytest.approx(BY_SKILL)
        in_none = prometheus.values(expr("Used, and in no catalog", "B"), "skill_name")
        assert in_none == pytest.approx({name: count for name, count in BY_SKILL.items() if name != "custom_skill"})

    def test_days_add_up(self, prometheus: Loaded) -> None:
        days = {labels["skill_name"]: sum(found) for labels, found in prometheus.matrix(expr("Calls a day"), 31, DAY)}
        assert days == pytest.approx(BY_NAME)

    def test_a_version_beside_the_others(self, prometheus: Loaded) -> None:
        names = {
            item["options"]["renameByName"][f"Value #{target['refId']}"]: target["expr"]
            for item in PANELS["Versions side by side"]["transformations"] if item["id"] == "organize"
            for target in PANELS["Versions side by side"]["targets"]
        }  # fmt: skip
        hours = 720
        expected = {
            "requests": 10 * hours, "errors": 0.1, "p50": 1, "p95": 1.9, "p99": 1.98, "first token p95": 1.9,
            "between tokens p95": 1.9, "tokens/s": 1, "tokens in": 1000 * hours, "tokens out": 250 * hours,
            "out/in": 0.25, "tools ok": 0.75, "score": 0.75, "feedback": 0.5, "cost": 0.5 * hours,
            "no price": 0.2,
        }  # fmt: skip
        found = {name: prometheus.values(resolved(text), "prompt_version_id") for name, text in names.items()}
        assert {name: held["v2-3f9a1c0b77de"] for name, held in found.items()} == pytest.approx(expected)


def test_nothing_reported_is_no_rate(prometheus: Loaded) -> None:
    assert prometheus.vector(expr("Failure rate").replace("skill:results", "skill:nothing")) == []
    assert PANELS["Failure rate"]["fieldConfig"]["defaults"]["noValue"] == "not reported"
