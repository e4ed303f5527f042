"""The alert rules and the Alertmanager configuration, checked and run by promtool and amtool."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from catalog_tool.client.buckets import SECONDS
from catalog_tool.errors import UsageError
from catalog_tool.gate.statistics import wilson
from catalog_tool.gate.watch_policy import USUAL, WatchPolicy, read_watch
from catalog_tool.source.yaml_edit import dumped
from catalog_tool.usage.alert_rules import LOW, VALUES, alerts_of, recordings_of, rules_document, skipped_rules
from catalog_tool.usage.alertmanager import alertmanager_config
from catalog_tool.usage.live_watch import CONFIDENCE, Measure, judge

FULL = read_watch(
    {
        "window": "10m",
        "min_samples": 100,
        "for": "2m",
        "runbook": "https://wiki.example.org/{{ $labels.gen_ai_prompt_name }}?a=1&b='2\"{c}",
        "rules": {
            "error_rate": {"max": 0.5, "max_increase": 0.05},
            "latency": {"max": 6, "max_ratio": 2},
            "cost": {"max": 1, "max_ratio": 2},
            "score": {"min": 0.2, "max_drop": 0.1, "metric": "all_hold"},
            "own": {"query": "up", "max": 1},
        },
    }
)
OLD, NEW = "v2-aaaaaaaaaaaa", "v3-bbbbbbbbbbbb"


def tool(name: str, *arguments: str | Path) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"NO {name.upper()} ON THIS MACHINE: install prometheus and prometheus-alertmanager")
    done = subprocess.run([found, *arguments], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def rules_file(folder: Path, policies: dict[str, WatchPolicy]) -> Path:
    path = folder / "catalog.rules.yml"
    path.write_text(dumped(rules_document(policies)))
    return path


def test_what_is_written_is_what_was_meant() -> None:
    document = rules_document({"production": FULL, "staging": USUAL})
    assert yaml.safe_load(dumped(document)) == document
    kinds = [[next(iter(rule)) for rule in group["rules"]] for group in document["groups"]]
    assert kinds == [["record"] * 8 + ["alert"] * 10, ["record"] * 4 + ["alert"]]
    assert skipped_rules(FULL) == ["own"]
    rule = document["groups"][0]["rules"][8]
    assert (rule["for"], rule["labels"]["severity"]) == ("120s", "critical")
    assert rule["annotations"]["runbook_url"] == FULL.runbook
    assert ">= 100" in rule["expr"]


def test_what_only_says_that_nothing_can_be_said_wakes_nobody() -> None:
    (unknown,) = [alert for alert in alerts_of("production", FULL) if alert.name == "CatalogPromptCostUnknown"]
    assert (FULL.severity, unknown.severity) == ("critical", "warning")
    assert "cost_usd" in unknown.description
    assert "rollback" not in unknown.description


@pytest.mark.parametrize(
    ("window", "words"),
    [("90s", "90 seconds"), ("60s", "1 minute"), ("10m", "10 minutes"), ("1h", "1 hour"), ("48h", "2 days")],
)
def test_the_window_is_told_as_it_is(window: str, words: str) -> None:
    (alert,) = alerts_of("production", read_watch({"window": window}))
    assert alert.description.startswith(f"measured over {words}: ")


def test_promtool_takes_the_rules(tmp_path: Path) -> None:
    path = rules_file(tmp_path, {"production": FULL, "staging": USUAL})
    assert "23 rules found" in tool("promtool", "check", "rules", path)


def counter(name: str, version: str, per_minute: float, **labels: str) -> dict[str, str]:
    inside = {"gen_ai_prompt_name": "support_agent", "prompt_version_id": version, **labels}
    matchers = ",".join(f'{key}="{value}"' for key, value in inside.items())
    return {"series": f"{name}{{{matchers}}}", "values": f"0+{per_minute}x40"}


def traffic(
    version: str, calls: float, errors: float = 0, *, seconds: float = 1, cost: float = 0.01, score: float = 0.9,
    label: str = "production", unpriced: float = 0,
) -> list[dict[str, str]]:  # fmt: skip
    """A version's series at so many calls a minute, as the client's metrics are."""
    ok = {"catalog_prompt_label": label, "status": "ok"}
    found = [
        counter("catalog_prompt_requests_total", version, calls - errors, **ok),
        counter("catalog_prompt_cost_usd_total", version, calls * cost, **ok),
        counter("catalog_prompt_score_count", version, calls, metric="all_hold"),
        counter("catalog_prompt_score_sum", version, calls * score, metric="all_hold"),
    ]
    for bound in (*map(str, SECONDS), "+Inf"):
        inside = calls if bound == "+Inf" or seconds <= float(bound) else 0
        found.append(counter("catalog_prompt_duration_seconds_bucket", version, inside, le=bound, **ok))
    if unpriced:
        found.append(counter("catalog_prompt_unpriced_requests_total", version, unpriced, **ok))
    if errors:
        failed = {"catalog_prompt_label": label, "status": "error"}
        found.append(counter("catalog_prompt_requests_total", version, errors, **failed))
    return found


def errors(version: str, values: str) -> dict[str, str]:
    """A counter of errors, as promtool writes values minute by minute."""
    found = counter("catalog_prompt_requests_total", version, 0, catalog_prompt_label="production", status="error")
    return {**found, "values": values}


SITUATIONS: dict[str, tuple[list[dict[str, str]], set[tuple[str, str]]]] = {
    "all is well": ([*traffic(OLD, 60), *traffic(NEW, 30)], set()),
    "errors of one": ([*traffic(OLD, 60), *traffic(NEW, 30, 6)], {("ErrorRateWorse", NEW)}),
    "errors of most": ([*traffic(OLD, 60), *traffic(NEW, 30, 24)], {("ErrorRate", NEW), ("ErrorRateWorse", NEW)}),
    "errors of all alike": ([*traffic(OLD, 60, 12), *traffic(NEW, 30, 6)], set()),
    "alone, and bad": (traffic(NEW, 30, 24), {("ErrorRate", NEW)}),
    "too few calls": ([*traffic(OLD, 60), *traffic(NEW, 5, 4)], set()),
    "too few to compare with": ([*traffic(OLD, 5), *traffic(NEW, 30, 6)], set()),
    "slow": ([*traffic(OLD, 60), *traffic(NEW, 30, seconds=4)], {("LatencyRatio", NEW)}),
    "very slow": ([*traffic(OLD, 60), *traffic(NEW, 30, seconds=8)], {("Latency", NEW), ("LatencyRatio", NEW)}),
    "dear": ([*traffic(OLD, 60), *traffic(NEW, 30, cost=0.03)], {("CostRatio", NEW)}),
    "dear, as far as prices are known": (
        [*traffic(OLD, 60), *traffic(NEW, 30, cost=0.03, unpriced=1)],
        {("CostUnknown", NEW)},
    ),
    "cheap, because the other is not known": (
        [*traffic(OLD, 60, cost=0.001, unpriced=30), *traffic(NEW, 30)],
        {("CostUnknown", OLD)},
    ),
    "scored low": ([*traffic(OLD, 60), *traffic(NEW, 30, score=0.7)], {("ScoreDrop", NEW)}),
    "scored very low": ([*traffic(OLD, 60), *traffic(NEW, 30, score=0.1)], {("ScoreLow", NEW), ("ScoreDrop", NEW)}),
    "errors that were there at the first scrape": (
        [*traffic(OLD, 60), *traffic(NEW, 30), errors(NEW, "_x25 60x20")],
        {("ErrorRateWorse", NEW)},
    ),
    "errors of a time before scrapes failed": (
        [*traffic(OLD, 60), *traffic(NEW, 30), errors(NEW, "60x5 _x15 60x20")],
        set(),
    ),
    "another label": ([*traffic(OLD, 60), *traffic(NEW, 30, 24, seconds=8, score=0.1, label="dev")], set()),
}


@pytest.mark.parametrize("name", SITUATIONS)
def test_what_fires(tmp_path: Path, name: str) -> None:
    series, expected = SITUATIONS[name]
    fires(tmp_path, FULL, series, expected)


def fires(tmp_path: Path, policy: WatchPolicy, series: list[dict[str, str]], expected: set[tuple[str, str]]) -> None:
    """Exactly the expected alerts fire, on the expected versions."""
    rules = rules_file(tmp_path, {"production": policy})
    names = sorted({alert.name for alert in alerts_of("production", policy)})
    tests: list[dict[str, Any]] = []
    for alert in names:
        firing = [version for kind, version in sorted(expected) if f"CatalogPrompt{kind}" == alert]
        tests.append({"expr": _fires(alert), "eval_time": "30m", "exp_samples": [_sample(v) for v in firing]})
        tests.append({"expr": _fires(alert), "eval_time": "1m", "exp_samples": []})
    document = {
        "rule_files": [rules.name], "evaluation_interval": "1m",
        "tests": [{"interval": "1m", "input_series": series, "promql_expr_test": tests}],
    }  # fmt: skip
    (tmp_path / "tests.yml").write_text(json.dumps(document))
    tool("promtool", "test", "rules", tmp_path / "tests.yml")


@pytest.mark.parametrize(
    ("bound", "new", "old", "is_breach"),
    [
        ({"max_ratio": 2}, (60, 54), (60, 0), True),
        ({"max_ratio": 2}, (100, 0.1), (60, 0), False),  # one error of a thousand calls, against none of 600
        ({"max_ratio": 2}, (10, 0.1), (60, 0), False),  # one of a hundred: more than twice one of 600, but not shown
        ({"max_ratio": 2}, (60, 1.2), (60, 0), True),  # twelve of 600
        ({"max_ratio": 2}, (60, 0), (60, 0), False),
        ({"max_ratio": 2}, (60, 6), (60, 1), True),
        ({"max": 0.12}, (30, 4.5), (60, 0), False),  # 15 % of 300 are not shown to be above 12 %
        ({"max": 0.12}, (30, 4.8), (60, 0), True),
        ({"max_increase": 0.12}, (30, 4.5), (60, 0), False),
        ({"max_increase": 0.12}, (30, 4.8), (60, 0), True),
        ({"max": 0}, (30, 0), (60, 0), False),
    ],
)
def test_an_alert_says_of_errors_what_watch_says(
    tmp_path: Path,
    bound: dict[str, float],
    new: tuple[float, float],
    old: tuple[float, float],
    is_breach: bool,  # noqa: FBT001
) -> None:
    """``new`` and ``old``: calls and errors a minute. The windows hold ten minutes."""
    policy = read_watch({"for": "2m", "rules": {"error_rate": bound}})
    found, before = (
        Measure(failed / calls, calls * 10, wilson(round(failed * 10), round(calls * 10), CONFIDENCE).low)
        for calls, failed in (new, old)
    )
    assert judge(policy.rules[0], policy.min_samples, NEW, found, before).outcome == (
        "breach" if is_breach else "healthy"
    )
    kind = {"max": "ErrorRate", "max_increase": "ErrorRateWorse", "max_ratio": "ErrorRateRatio"}[next(iter(bound))]
    fires(tmp_path, policy, [*traffic(OLD, *old), *traffic(NEW, *new)], {(kind, NEW)} if is_breach else set())


@pytest.mark.parametrize(("new", "old", "is_breach"), [(0.01, 0, True), (0, 0, False), (0.01, 0.01, False)])
def test_an_alert_says_of_cost_what_watch_says(
    tmp_path: Path,
    new: float,
    old: float,
    is_breach: bool,  # noqa: FBT001
) -> None:
    policy = read_watch({"for": "2m", "rules": {"cost": {"max_ratio": 2}}})
    check = judge(policy.rules[0], policy.min_samples, NEW, Measure(new, 300, new), Measure(old, 600, old))
    assert check.outcome == ("breach" if is_breach else "healthy")
    series = [*traffic(OLD, 60, cost=old), *traffic(NEW, 30, cost=new)]
    fires(tmp_path, policy, series, {("CostRatio", NEW)} if is_breach else set())


@pytest.mark.parametrize(("seconds", "is_unknown"), [(100, False), (500, True)])
def test_times_beyond_the_last_bound_of_the_histogram_are_told(
    tmp_path: Path,
    seconds: float,
    is_unknown: bool,  # noqa: FBT001
) -> None:
    """Half as much again as some two minutes is more than the histogram tells apart."""
    policy = read_watch({"for": "2m", "rules": {"latency": {"max_ratio": 1.5}}})
    slow = 128.0 if is_unknown else 124.8
    check = judge(policy.rules[0], policy.min_samples, NEW, Measure(slow, 300, slow), Measure(124.8, 600, 124.8))
    assert check.outcome == ("unknown" if is_unknown else "healthy"), check
    series = [*traffic(OLD, 60, seconds=80), *traffic(NEW, 30, seconds=seconds)]
    fires(tmp_path, policy, series, {("LatencyUnknown", NEW)} if is_unknown else set())


def asked(tmp_path: Path, expr: str, series: dict[str, float], expected: list[dict[str, Any]]) -> None:
    """An expression over recorded series of versions, each ``name version``."""
    made = []
    for named, value in series.items():
        name, version = named.split()
        labels = f'gen_ai_prompt_name="p",prompt_version_id="{version}",catalog_prompt_label="production"'
        made.append({"series": f"{name}{{{labels}}}", "values": str(value)})
    test = {"expr": expr, "eval_time": "0m", "exp_samples": expected}
    document = {"tests": [{"interval": "1m", "input_series": made, "promql_expr_test": [test]}]}
    (tmp_path / "tests.yml").write_text(json.dumps(document))
    tool("promtool", "test", "rules", tmp_path / "tests.yml")


def test_more_failures_than_calls_are_all_of_them(tmp_path: Path) -> None:
    """``increase`` goes to the window's ends, for few failures a little further than for many calls."""
    expr = next(one.expr for one in recordings_of("production", USUAL) if one.name == LOW)
    over = {f"{VALUES['error_rate']} {NEW}": 1.02, f"catalog:prompt_calls {NEW}": 100.0}
    low = wilson(100, 100, CONFIDENCE).low
    asked(tmp_path, f"abs(sum({expr}) - {low}) < bool 1e-9", over, [{"labels": "{}", "value": 1}])


def _fires(alert: str) -> str:
    return f'count by (prompt_version_id) (ALERTS{{alertname="{alert}",alertstate="firing"}})'


def _sample(version: str) -> dict[str, Any]:
    return {"labels": f'{{prompt_version_id="{version}"}}', "value": 1}


SLACK = {"CATALOG_ALERTS_SLACK_URL": "https://hooks.slack.example/T0/B0/s3cret", "CATALOG_ALERTS_SLACK_CHANNEL": "#llm"}
PAGER = {"CATALOG_ALERTS_PAGERDUTY_KEY_FILE": "/run/secrets/pager"}
MAIL = {
    "CATALOG_ALERTS_EMAIL_TO": "oncall@example.org", "CATALOG_ALERTS_EMAIL_FROM": "catalog@example.org",
    "CATALOG_ALERTS_EMAIL_SMARTHOST": "smtp.example.org:587", "CATALOG_ALERTS_EMAIL_USERNAME": "catalog",
    "CATALOG_ALERTS_EMAIL_PASSWORD_FILE": "/run/secrets/mail",
}  # fmt: skip


@pytest.mark.parametrize(
    ("environ", "receivers", "holds_secret"),
    [
        ({}, (), False),
        (SLACK, ("slack",), True),
        (PAGER, ("pagerduty",), False),
        (MAIL, ("email",), False),
        ({**SLACK, **PAGER, **MAIL}, ("slack", "pagerduty", "email"), True),
    ],
)
def test_amtool_takes_the_configuration(
    tmp_path: Path,
    environ: dict[str, str],
    receivers: tuple[str, ...],
    holds_secret: bool,  # noqa: FBT001
) -> None:
    made = alertmanager_config(environ)
    assert (made.receivers, made.holds_secret) == (receivers, holds_secret)
    path = tmp_path / "alertmanager.yml"
    path.write_text(dumped(made.document))
    assert yaml.safe_load(path.read_text()) == made.document
    assert "2 inhibit rules" in tool("amtool", "check-config", path)


@pytest.mark.parametrize(("severity", "receiver"), [("critical", "catalog-page"), ("warning", "catalog")])
def test_who_is_told(tmp_path: Path, severity: str, receiver: str) -> None:
    path = tmp_path / "alertmanager.yml"
    path.write_text(dumped(alertmanager_config({**SLACK, **PAGER}).document))
    labels = (f"severity={severity}", "gen_ai_prompt_name=support_agent", "catalog_prompt_label=production")
    assert tool("amtool", "config", "routes", "test", f"--config.file={path}", *labels).strip() == receiver


def test_half_of_an_email_is_refused() -> None:
    with pytest.raises(UsageError, match="CATALOG_ALERTS_EMAIL_FROM, CATALOG_ALERTS_EMAIL_SMARTHOST"):
        alertmanager_config({"CATALOG_ALERTS_EMAIL_TO": "oncall@example.org"})
