"""What ``watch`` measures and how it judges, on a real Prometheus."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

import httpx
import prometheus_server
import pytest
from prometheus_server import Series
from traffic import Traffic

from catalog_tool.errors import BackendError
from catalog_tool.evals.sample_runs import metrics_text
from catalog_tool.evals.samples import Total
from catalog_tool.gate.watch_policy import MalformedError, WatchRule, read_watch
from catalog_tool.usage.live_watch import Check, Measure, Span, Subject, judge, judge_version, measure
from catalog_tool.usage.promql import PromQl, filled
from catalog_tool.usage.web import Asker, access_of

START = 1_795_000_000
END = START + 1800
WINDOW = 600
OLD, NEW, QUIET, ODD = "v2-aaaaaaaaaaaa", "v3-bbbbbbbbbbbb", "v4-cccccccccccc", "v5-dddddddddddd"
LATE, GAPPED = "v8-aaaaaaaaaaab", "v9-bbbbbbbbbbbc"
LOCAL, PARTLY = "v6-eeeeeeeeeeee", "v7-ffffffffffff"
"""Versions that a model without a price answered: always, and once in a hundred calls."""
NEW_SINCE = END - 300
"""The new version is younger than the window: its first errors are the first value of their series."""
TRAFFIC = (
    Traffic(OLD, START, END, 1800, error_share=0.01, seconds=0.7, dollars=0.01, score=0.9),
    Traffic(NEW, NEW_SINCE, END, 300, error_share=0.3, seconds=3.0, dollars=0.03, score=0.6),
    Traffic(QUIET, NEW_SINCE, END, 20, error_share=0.5),
    Traffic(NEW, START, END, 9000, error_share=0.9, label="staging"),
    Traffic(LOCAL, NEW_SINCE, END, 300, dollars=0, unpriced=300),
    Traffic(PARTLY, NEW_SINCE, END, 300, error_share=0.3, dollars=0.5, unpriced=3),
    Traffic(LATE, START, END, 600),
    Traffic(ODD, START, END, 600, prompt='odd"name\\'),
)


@pytest.fixture(scope="module")
def prometheus() -> Iterator[PromQl]:
    if (package := prometheus_server.missing()) is not None:
        pytest.skip(f"NO PROMETHEUS ON THIS MACHINE: install {package}; what watch measures was not tested")
    late_errors = calls(LATE, "error", [(at, 12.0) for at in range(END - 60, END + 1, 15)])
    with prometheus_server.running([*(s for one in TRAFFIC for s in one.series()), late_errors, *gapped()]) as url:
        access = access_of("--prometheus", url, {})
        with Asker(access) as asker:
            yield PromQl(asker, access.host)


def calls(version_id: str, status: str, samples: list[tuple[int, float]]) -> Series:
    named = {
        "gen_ai_prompt_name": "support_agent",
        "prompt_version_id": version_id,
        "catalog_prompt_label": "production",
    }
    return Series("catalog_prompt_requests_total", {**named, "status": status}, samples)


def gapped() -> Iterator[Series]:
    """A call each nine seconds; the first hundred failed."""
    times = [at for at in range(START, END + 1, 15) if not END - 960 < at < END - 240]
    yield calls(GAPPED, "error", [(at, min(100, (at - START) / 9)) for at in times])
    yield calls(GAPPED, "ok", [(at, max(0, (at - START) / 9 - 100)) for at in times])


def subject(version_id: str) -> Subject:
    return Subject("support_agent", "production", version_id)


NOW = Span(END, WINDOW)


@pytest.mark.parametrize(
    ("rule", "version", "expected", "samples"),
    [
        (WatchRule("error_rate", max=1), OLD, 0.01, 600),
        (WatchRule("error_rate", max=1), NEW, 0.3, 300),
        (WatchRule("latency", max=1, quantile=0.95), OLD, 0.975, 600),  # within the bucket 0.5 to 1
        (WatchRule("latency", max=1, quantile=0.5), NEW, 3.0, 300),  # the middle of 2 to 4
        (WatchRule("cost", max=1), OLD, 0.01, 600),
        (WatchRule("cost", max=1), NEW, 0.03, 300),
        (WatchRule("score", min=0, metric="all_hold"), NEW, 0.6, 300),
        (WatchRule("score", min=0), OLD, 0.9, 600),
    ],
)
def test_what_is_measured(prometheus: PromQl, rule: WatchRule, version: str, expected: float, samples: float) -> None:
    found = measure(prometheus, rule, subject(version), NOW)
    assert found.value == pytest.approx(expected, rel=0.05)
    assert found.samples == pytest.approx(samples, rel=0.05)


def test_traffic_of_another_label_and_of_another_prompt_never_counts(prometheus: PromQl) -> None:
    staging = Subject("support_agent", "staging", NEW)
    assert measure(prometheus, WatchRule("error_rate", max=1), staging, NOW).value == pytest.approx(0.9, rel=0.05)
    other = Subject("billing", "production", NEW)
    assert measure(prometheus, WatchRule("error_rate", max=1), other, NOW) == Measure(None, 0.0)


def test_names_are_quoted(prometheus: PromQl) -> None:
    found = measure(prometheus, WatchRule("error_rate", max=1), Subject('odd"name\\', "production", ODD), NOW)
    assert found.samples == pytest.approx(200, rel=0.05)


def test_a_series_that_begins_within_the_window_counts_whole(prometheus: PromQl) -> None:
    """``increase`` alone says 0 of twelve errors that were there at the first scrape."""
    query = 'sum(increase(catalog_prompt_requests_total{prompt_version_id="$version_id",status="error"}[$window]))'
    assert measure(prometheus, WatchRule("own", max=1, query=query), subject(LATE), NOW).value == 0
    found = measure(prometheus, WatchRule("error_rate", max=1), subject(LATE), NOW)
    assert found.value == pytest.approx(12 / 212, rel=0.02)


def test_a_series_that_was_not_scraped_when_the_window_began_is_not_new(prometheus: PromQl) -> None:
    """Prometheus was down for twelve minutes; what failed before them is no error of now."""
    found = measure(prometheus, WatchRule("error_rate", max=1), subject(GAPPED), NOW)
    assert (found.value, found.samples) == (0, pytest.approx(240 / 9, rel=0.1))


def test_scores_that_an_evaluation_of_samples_wrote_are_found() -> None:
    """``eval --samples --metrics`` writes totals; a collector scrapes the file again and again."""
    if (package := prometheus_server.missing()) is not None:
        pytest.skip(f"NO PROMETHEUS ON THIS MACHINE: install {package}; what watch measures was not tested")
    found: dict[tuple[str, str], list[tuple[int, float]]] = {}
    for number, at in enumerate(range(END - 1200, END + 1, 15)):
        totals = {(NEW, "all_hold"): Total(count=number, sum=number * 0.25), (NEW, "feedback"): Total(count=1, sum=-1)}
        for line in metrics_text("support_agent", totals).splitlines():
            if not line.startswith("#"):
                series, _, value = line.rpartition(" ")
                name, _, labels = series.rstrip("}").partition("{")
                found.setdefault((name, labels), []).append((at, float(value)))
    made = [
        Series(name, dict(re.findall(r'(\w+)="([^"]*)"', labels)), samples) for (name, labels), samples in found.items()
    ]
    with prometheus_server.running(made) as url, Asker(access_of("--prometheus", url, {})) as asker:
        measured = measure(PromQl(asker, "prom"), WatchRule("score", min=0.5), subject(NEW), NOW)
    assert measured.value == pytest.approx(0.25)
    assert measured.samples == pytest.approx(40, rel=0.05)


def checks(prometheus: PromQl, written: dict[str, object], version: str, stable: str | None = OLD) -> list[Check]:
    before = (subject(stable), NOW) if stable is not None else None
    return list(judge_version(prometheus, read_watch(written), (subject(version), NOW), before))


@pytest.mark.parametrize(
    ("rules", "version", "outcome"),
    [
        ({"error_rate": {"max_increase": 0.05}}, NEW, "breach"),
        ({"error_rate": {"max_increase": 0.05}}, OLD, "healthy"),
        ({"error_rate": {"max": 0.2}}, NEW, "breach"),
        ({"error_rate": {"max": 0.5}}, NEW, "healthy"),
        ({"error_rate": {"max": 0.29}}, NEW, "healthy"),  # 30 % of 300 is not shown to be above 29 %
        ({"error_rate": {"max": 0.01}}, QUIET, "too_few"),
        ({"latency": {"max_ratio": 2}}, NEW, "breach"),
        ({"latency": {"max_ratio": 9}}, NEW, "healthy"),
        ({"cost": {"max_ratio": 1.5}}, NEW, "breach"),
        ({"cost": {"max": 1}}, LOCAL, "unknown"),
        ({"cost": {"max": 0.01}}, PARTLY, "unknown"),  # neither fine nor a breach, whatever the others cost
        ({"cost": {"max_ratio": 1.5}}, PARTLY, "unknown"),
        ({"error_rate": {"max": 0.2}}, PARTLY, "breach"),  # the other rules know
        ({"score": {"max_drop": 0.1}}, NEW, "breach"),
        ({"score": {"min": 0.5}}, NEW, "healthy"),
        ({"score": {"min": 0.5}}, QUIET, "too_few"),  # calls, but nobody scored them
    ],
)
def test_verdicts(prometheus: PromQl, rules: dict[str, object], version: str, outcome: str) -> None:
    (check,) = checks(prometheus, {"rules": rules}, version)
    assert check.outcome == outcome, check


def test_an_unknown_price_is_named_also_of_what_is_compared_with(prometheus: PromQl) -> None:
    (check,) = checks(prometheus, {"rules": {"cost": {"max": 1}}}, PARTLY)
    assert check.message == f"cost is unknown: the price of 3 of 300 calls of {PARTLY} is not known"
    assert (check.value, check.limit) == (None, None)
    (check,) = checks(prometheus, {"rules": {"cost": {"max_ratio": 2}}}, NEW, LOCAL)
    assert check.outcome == "unknown"
    assert f"what it is compared with is unknown: the price of 300 of 300 calls of {LOCAL}" in check.message
    (check,) = checks(prometheus, {"rules": {"cost": {"max": 0.02, "max_ratio": 2}}}, NEW, LOCAL)
    assert check.outcome == "breach", "a bound of its own needs nothing to compare with"


def test_without_a_stable_version_only_bounds_of_its_own_bind(prometheus: PromQl) -> None:
    both = {"rules": {"error_rate": {"max": 0.2, "max_increase": 0.01}}}
    assert [check.outcome for check in checks(prometheus, both, NEW, None)] == ["breach"]
    relative = {"rules": {"error_rate": {"max_increase": 0.01}}}
    assert [check.outcome for check in checks(prometheus, relative, NEW, None)] == ["too_few"]
    assert [check.outcome for check in checks(prometheus, relative, NEW, QUIET)] == ["too_few"]


def test_a_query_of_ones_own_and_one_that_gives_several(prometheus: PromQl) -> None:
    query = 'sum(catalog_prompt_requests_total{prompt_version_id="$version_id",catalog_prompt_label="$label"})'
    (check,) = checks(prometheus, {"rules": {"calls": {"query": query, "max": 100}}}, NEW)
    assert (check.outcome, check.value) == ("breach", 300)
    several = {"rules": {"calls": {"query": "catalog_prompt_requests_total", "max": 1}}}
    with pytest.raises(BackendError, match="series for one number"):
        checks(prometheus, several, NEW)
    with pytest.raises(BackendError, match="400"):
        checks(prometheus, {"rules": {"calls": {"query": "sum(", "max": 1}}}, NEW)


def answering(body: object, status: int = 200) -> PromQl:
    transport = httpx.MockTransport(lambda _: httpx.Response(status, json=body))
    return PromQl(Asker(access_of("--prometheus", "http://prom:9090", {}), transport, sleep=lambda _: None), "prom")


def success(*values: object, **more: object) -> dict[str, object]:
    result = [{"metric": {}, "value": [END, value]} for value in values]
    return {"status": "success", "data": {"resultType": "vector", "result": result}, **more}


def test_answers_that_are_no_numbers() -> None:
    assert answering(success("NaN")).value("x", END) is None
    assert answering(success()).value("x", END) is None
    assert answering(success("4")).value("x", END) == 4


@pytest.mark.parametrize(
    "body",
    [
        success("1", warnings=["one store did not answer"]),
        {"status": "error", "error": "no"},
        {"status": "success", "data": {"resultType": "matrix", "result": []}},
        {"status": "success", "data": {"resultType": "vector", "result": [{"value": []}]}},
        {"status": "success"},
    ],
)
def test_what_is_missing_or_odd_is_a_failure_to_look(body: object) -> None:
    with pytest.raises(BackendError):
        answering(body).value("x", END)


def test_a_server_that_is_down_is_a_failure_to_look() -> None:
    with pytest.raises(BackendError, match="503"):
        answering({"error": "starting"}, 503).value("x", END)


@pytest.mark.parametrize(
    ("rule", "found", "before", "outcome", "limit"),
    [
        (WatchRule("latency", max=2), Measure(2.0, 50, 2.0), None, "healthy", 2),
        (WatchRule("latency", max=2), Measure(2.1, 50, 2.1), None, "breach", 2),
        (WatchRule("latency", max=2), Measure(2.1, 49, 2.1), None, "too_few", None),
        (WatchRule("latency", max=2), Measure(None, 90), None, "too_few", None),
        (WatchRule("score", min=0.5), Measure(0.4, 50, 0.4), None, "breach", 0.5),
        (WatchRule("score", max_drop=0.1), Measure(0.75, 50, 0.75), Measure(0.9, 50, 0.9), "breach", 0.8),
        (WatchRule("score", max_drop=0.1), Measure(0.85, 50, 0.85), Measure(0.9, 50, 0.9), "healthy", 0.8),
        (WatchRule("score", max_drop=0.1), Measure(0.1, 50, 0.1), Measure(0.9, 49, 0.9), "too_few", None),
        (WatchRule("cost", max_ratio=2), Measure(0.05, 50, 0.05), Measure(0.0, 50, 0.0), "breach", 0),
        (WatchRule("score", max_ratio=2), Measure(-0.9, 50, -0.9), Measure(-0.1, 50, -0.1), "healthy", None),
        (WatchRule("error_rate", max_ratio=2), Measure(0.9, 1000, 0.88), Measure(0.0, 500, 0.0), "breach", 0.004),
        (WatchRule("error_rate", max_ratio=2), Measure(0.001, 1000, 0.0002), Measure(0.0, 500, 0.0), "healthy", 0.004),
        (WatchRule("latency", max=90), Measure(128.0, 50, 128.0), None, "breach", 90),
        (WatchRule("latency", max_ratio=2), Measure(128.0, 50, 128.0), Measure(70, 50, 70), "unknown", None),
        (WatchRule("latency", max_ratio=2), Measure(128.0, 50, 128.0), Measure(60, 50, 60), "breach", 120),
        (WatchRule("latency", max_ratio=2), Measure(127.0, 50, 127.0), Measure(70, 50, 70), "healthy", 140),
        (WatchRule("latency", max=300, query="x"), Measure(128.0, 50, 128.0), None, "healthy", 300),
        (WatchRule("error_rate", max=0.1), Measure(0.14, 50, 0.07), None, "healthy", 0.1),
    ],
)
def test_judging_by_hand(
    rule: WatchRule, found: Measure, before: Measure | None, outcome: str, limit: float | None
) -> None:
    check = judge(rule, 50, NEW, found, before)
    assert check.outcome == outcome
    assert (check.limit is None) if limit is None else math.isclose(check.limit or 0, limit)


def test_what_is_put_into_a_query_stays_inside_its_quotes() -> None:
    made = filled('x{a="$prompt",b="$version_id",c=~"y$"}[$window] $versions', 'p"} or y{', "v1", "l", 60)
    assert made == 'x{a="p\\"} or y{",b="v1",c=~"y$"}[60s] $versions'


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({"window": "30s"}, "watch.window"),
        ({"window": "10 m"}, "watch.window"),
        ({"rules": {"nosuch": {"max": 1}}}, "watch.rules.nosuch.query"),
        ({"rules": {"error_rate": {}}}, "watch.rules.error_rate.max"),
        ({"rules": {"error_rate": {"maximum": 1}}}, "watch.rules.error_rate.maximum"),
        ({"rules": {"latency": {"max": 1, "quantile": 1}}}, "watch.rules.latency.quantile"),
        ({"rules": {"Bad": {"max": 1}}}, "watch.rules"),
        ({"rules": {"latency": {"max": 300}}}, "watch.rules.latency.max: less than 128 "),
        ({"rules": {"latency": {"max_increase": 128}}}, "watch.rules.latency.max_increase: less than 128 "),
        ({"rules": {"error_rate": {"max": 5}}}, "watch.rules.error_rate.max: less than 1 "),
        ({"runbook": "https://wiki/{{ $labels.nope"}, "watch.runbook"),
        ({"runbook": "https://wiki/{{ $value }}"}, "watch.runbook"),
        ({"runbook": "https://wiki/{{{ $labels.severity }}"}, "watch.runbook"),
        ({"runbook": "wiki"}, "watch.runbook"),
        ({"severity": "loud"}, "watch.severity"),
        ({"min_samples": 0}, "watch.min_samples"),
    ],
)
def test_a_policy_that_cannot_be_used_names_its_key(written: dict[str, object], said: str) -> None:
    with pytest.raises(MalformedError, match=said):
        read_watch(written)


def test_a_bound_of_a_query_of_ones_own_is_in_its_own_unit() -> None:
    (rule,) = read_watch({"rules": {"latency": {"query": "x", "max": 300}}}).rules
    assert rule.max == 300


def test_nothing_said_watches_the_error_rate() -> None:
    assert [(rule.name, rule.max_increase) for rule in read_watch({}).rules] == [("error_rate", 0.05)]
