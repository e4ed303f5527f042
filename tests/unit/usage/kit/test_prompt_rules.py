"""The rules about prompt versions on the real ``promtool``: each recorded number and each alert, worked out by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from catalog_tool.usage.kit.prompt_rules import prompt_rules

from .promtool import alerts_only, judged
from .test_rules import fires, holds, sample, series

_OLD, _NEW = "v1-000000000000", "v2-3f9a1c0b77de"
MODEL = 'gen_ai_request_model="gpt-4o", catalog_prompt_label="production"'


def labels(version: str = _NEW, more: str = "") -> str:
    return f'gen_ai_prompt_name="support", prompt_version_id="{version}"{more}'


def measured(name: str, values: str, more: str = "", version: str = _NEW) -> dict[str, str]:
    return series(f"catalog_prompt_{name}{{{labels(version, more)}, {MODEL}}}", values)


GIVEN = [
    measured("requests_total", "0+57x30", ', status="ok"'),
    measured("requests_total", "0+2x30", ', status="error"'),
    measured("requests_total", "0+1x30", ', status="cancelled"'),
    measured("input_tokens_total", "0+6000x30", ', status="ok"'),
    measured("output_tokens_total", "0+1500x30", ', status="ok"'),
    measured("cost_usd_total", "0+0.6x30", ', status="ok"'),
    measured("unpriced_requests_total", "0+6x30", ', status="ok"'),
    measured("tool_calls_total", "0+9x30", ', status="ok"'),
    measured("tool_calls_total", "0+1x30", ', status="failed"'),
    # ten calls a minute: five within a second, all within two
    *(
        measured(f"{name}_seconds_bucket", values, f', status="ok", le="{bound}"')
        for name in ("duration", "time_to_first_token", "time_between_tokens")
        for bound, values in (("1", "0+5x30"), ("2", "0+10x30"), ("+Inf", "0+10x30"))
    ),
    measured("tokens_per_second_bucket", "0+0x30", ', status="ok", le="20"'),
    measured("tokens_per_second_bucket", "0+10x30", ', status="ok", le="40"'),
    measured("tokens_per_second_bucket", "0+10x30", ', status="ok", le="+Inf"'),
    measured("score_sum", "0+7x30"),
    measured("score_count", "0+10x30"),
    measured("feedback_sum", "0+1x30"),
    measured("feedback_count", "0+2x30"),
]
RECORDED = {
    "requests": 1, "input_tokens": 100, "output_tokens": 25, "cost_usd": 0.01, "error_ratio": 2 / 60,
    "tool_ok_ratio": 0.9, "output_input_ratio": 0.25, "unpriced_ratio": 6 / 60,
}  # fmt: skip
QUANTILES = {"0.5": 1.0, "0.95": 1.9, "0.99": 1.98}


def test_every_number_of_a_version(tmp_path: Path) -> None:
    def told(name: str, value: float, more: str = "") -> dict[str, Any]:
        return holds(f"round({name}, 0.000001)", "30m", sample("{" + labels(more=more) + "}", round(value, 6)))

    checks = [told(f"prompt_version:{name}:5m", value) for name, value in RECORDED.items()]
    for name in ("duration", "time_to_first_token", "time_between_tokens"):
        for quantile, seconds in QUANTILES.items():
            more = f', quantile="{quantile}"'
            checks.append(told(f'prompt_version:{name}:5m{{quantile="{quantile}"}}', seconds, more))
    checks.append(told("prompt_version:tokens_per_second:5m", 30, ', quantile="0.5"'))
    checks += [told("prompt_version:score:1h", 0.7), told("prompt_version:feedback:1h", 0.5)]
    judged(tmp_path, prompt_rules(), "1m", [{"interval": "1m", "input_series": GIVEN, "promql_expr_test": checks}])


def test_every_recorded_series_is_tried() -> None:
    recorded = {
        rule["record"]
        for group in yaml.safe_load(prompt_rules())["groups"]
        for rule in group["rules"]
        if "record" in rule
    }
    names = (*RECORDED, "duration", "time_to_first_token", "time_between_tokens", "tokens_per_second")
    tried = {f"prompt_version:{name}:5m" for name in names}
    tried |= {f"{level}:{name}:1h" for level in ("prompt", "prompt_version") for name in ("score", "feedback")}
    assert recorded == tried | {"prompt:duration:1h", "prompt:cost_usd:1h"}


def test_a_version_without_errors_has_a_rate_of_0_and_one_without_calls_none(tmp_path: Path) -> None:
    given = [
        measured("requests_total", "0+6x30", ', status="ok"'),
        measured("requests_total", "0x30", ', status="ok"', _OLD),
    ]
    check = holds("prompt_version:error_ratio:5m", "30m", sample("prompt_version:error_ratio:5m{" + labels() + "}", 0))
    judged(tmp_path, prompt_rules(), "1m", [{"interval": "1m", "input_series": given, "promql_expr_test": [check]}])


WARNING = {"severity": "warning", "gen_ai_prompt_name": "support"}
VERSION = WARNING | {"prompt_version_id": _NEW}
ENOUGH = measured("requests_total", "0+5x400", ', status="ok"')


def recorded(name: str, values: str, more: str = "") -> dict[str, str]:
    return series(f"prompt_version:{name}{{{labels(more=more)}}}", values)


def of_prompt(name: str, values: str, more: str = "") -> dict[str, str]:
    return series(f'prompt:{name}{{gen_ai_prompt_name="support"{more}}}', values)


LATE = 14 * 288 + 300
"""So many steps of five minutes: two weeks more than the others need, for what is compared with a week."""
_BELOW = "That is below 80% of the mean that the prompt had in the week before."
TAIL = ', quantile="0.95"'
ALERTS = {
    "PromptErrors": (
        [ENOUGH, recorded("error_ratio:5m", "0.01x300 0.25x100")],
        (VERSION, f"support {_NEW}: 25% of the calls fail",
         "Errors, time-outs, rate limits and refusals; calls that were cancelled do not count."),
    ),
    "PromptSlow": (
        [ENOUGH, recorded("duration:5m", "2x300 9x100", TAIL), of_prompt("duration:1h", "2x400", TAIL)],
        (VERSION | {"quantile": "0.95"}, f"support {_NEW}: one call in twenty takes more than 9s",
         "That is more than 2 times what the prompt took at this hour yesterday."),
    ),
    "PromptToolsFail": (
        [recorded("tool_ok_ratio:5m", "1x300 0.5x100")],
        (VERSION, f"support {_NEW}: 50% of the tools it calls fail", "The application says so by call.tool(ok=False)."),
    ),
    "PromptScoreDrop": (
        [recorded("score:1h", "0.9x300 0.6x100"), of_prompt("score:1h", "0.9x400"), measured("score_count", "0+2x400")],
        (VERSION, f"support {_NEW}: judges give 0.60", _BELOW),
    ),
    "PromptFeedbackDrop": (
        [recorded("feedback:1h", "0.9x300 0.5x100"), of_prompt("feedback:1h", "0.9x400"),
         measured("feedback_count", "0+2x400")],
        (VERSION, f"support {_NEW}: users give 0.50", _BELOW),
    ),
    "PromptCostSpike": (
        [of_prompt("cost_usd:1h", f"0.003x{LATE} 0.01x100")],
        (WARNING, "support costs 36.00 dollars an hour",
         "That is more than 3 times the dearest hour of the week before."),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ALERTS)
def test_every_alert_comes_with_its_cause_and_not_before(tmp_path: Path, name: str) -> None:
    given, said = ALERTS[name]
    begun = LATE * 5 if name == "PromptCostSpike" else 1500
    expected = [fires(name, f"{begun - 1}m"), fires(name, f"{begun + 400}m", said)]
    told = {"interval": "5m", "input_series": given, "alert_rule_test": expected}
    judged(tmp_path, alerts_only(prompt_rules()), "5m", [told])


def test_a_few_failures_of_few_calls_are_no_alert(tmp_path: Path) -> None:
    given = [measured("requests_total", "0+1x400", ', status="ok"'), recorded("error_ratio:5m", "0.9x400")]
    told = {"interval": "5m", "input_series": given, "alert_rule_test": [fires("PromptErrors", "1900m")]}
    judged(tmp_path, alerts_only(prompt_rules()), "5m", [told])


@pytest.mark.parametrize("name", ["score", "feedback"])
def test_one_verdict_is_no_drop(tmp_path: Path, name: str) -> None:
    given = [
        recorded(f"{name}:1h", "1x2592 0x12 _x10"), of_prompt(f"{name}:1h", "1x2592 0x12 _x10"),
        measured(f"{name}_count", "0+0.1x2591 260x20"),
    ]  # fmt: skip
    told = {"interval": "5m", "input_series": given, "alert_rule_test": [
        fires(f"Prompt{name.capitalize()}Drop", f"{minutes}m") for minutes in range(2592 * 5, 2615 * 5, 10)
    ]}  # fmt: skip
    judged(tmp_path, alerts_only(prompt_rules()), "5m", [told])


class TestCostSpikes:
    """Ten dollars in every hour from nine to five, Monday to Friday, for three weeks; the alerts' own series."""

    DAY = "0x107 0.0027777x95 0x83"
    """Nine hours of nothing, eight of work, seven of nothing: 288 steps."""
    WEEK = f"{DAY} {DAY} {DAY} {DAY} {DAY} 0x287 0x287"

    def judge(self, folder: Path, values: str, *expected: dict[str, Any]) -> None:
        given = [of_prompt("cost_usd:1h", values)]
        told = {"interval": "5m", "input_series": given, "alert_rule_test": list(expected)}
        judged(folder, alerts_only(prompt_rules()), "5m", [told])

    def test_working_hours_are_none(self, tmp_path: Path) -> None:
        hours = [24 * day + hour for day in (0, 1, 2, 4, 7, 8, 9, 11, 14, 15, 18) for hour in (10, 11, 14, 16, 20)]
        quiet = (fires("PromptCostSpike", f"{hour}h") for hour in hours)
        self.judge(tmp_path, f"{self.WEEK} {self.WEEK} {self.WEEK}", *quiet)

    def test_an_hour_four_times_as_dear_as_any_is_one_in_the_night_too(self, tmp_path: Path) -> None:
        said = (
            WARNING, "support costs 40.00 dollars an hour",
            "That is more than 3 times the dearest hour of the week before.",
        )  # fmt: skip
        at_night = fires("PromptCostSpike", f"{14 * 24 + 2}h", said)
        self.judge(tmp_path, f"{self.WEEK} {self.WEEK} 0.01111111x50", at_night)

    def test_nobody_knows_what_is_much_in_the_first_week(self, tmp_path: Path) -> None:
        quiet = (fires("PromptCostSpike", f"{hour}h") for hour in (12, 36, 48, 150))
        self.judge(tmp_path, "0.0001x300 1x1600", *quiet)


def test_every_alert_of_the_file_is_tried() -> None:
    groups = yaml.safe_load(prompt_rules())["groups"]
    assert {rule["alert"] for group in groups for rule in group["rules"] if "alert" in rule} == set(ALERTS)
