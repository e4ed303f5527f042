"""Is a live version worse than its stable one? Measured in a Prometheus, judged by a label's watch policy.

A breach has to be shown: below ``min_samples`` nothing is said, and an error rate counts by the lower bound of
its interval (Wilson), not by what it happened to be.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from catalog_tool.gate.statistics import wilson
from catalog_tool.gate.watch_policy import COST, ERROR_RATE, LATENCY, SCORE, WatchPolicy, WatchRule
from catalog_tool.semconv import LONGEST_SECONDS
from catalog_tool.usage import promql
from catalog_tool.usage.promql import PromQl, Scope

HEALTHY, BREACH, FEW, UNKNOWN = "healthy", "breach", "too_few", "unknown"
CONFIDENCE = 0.95
"""Of an error rate's interval."""


class Subject(NamedTuple):
    """A version under a label."""

    prompt: str
    label: str
    version_id: str


class Span(NamedTuple):
    """A window of ``seconds`` that ends ``at`` (seconds since the epoch)."""

    at: int
    seconds: int


class Measure(NamedTuple):
    """What was measured: ``low`` is the value itself, or of a share its interval's lower bound.

    ``unknown`` says why the samples carry no value: an unknown price is unknown, never 0.
    """

    value: float | None
    samples: float
    low: float | None = None
    unknown: str | None = None


class Check(NamedTuple):
    """One rule's word about one version; ``limit`` is the bound that counts, in the rule's unit."""

    version_id: str
    rule: str
    outcome: str
    value: float | None
    stable: float | None
    limit: float | None
    samples: int
    message: str

    def to_json(self) -> dict[str, Any]:
        """As it stands in the document of ``watch``."""
        return self._asdict()


def measure(prometheus: PromQl, rule: WatchRule, subject: Subject, span: Span) -> Measure:
    """Ask for one rule's value and how many samples it stands on. Raises ``BackendError``."""
    label = None if rule.name == SCORE else subject.label
    scope = promql.scope_of((subject.prompt, subject.version_id, label), span.seconds, rule.metric)
    if rule.samples is not None:
        counted = promql.filled(rule.samples, *_named(subject), span.seconds)
    elif rule.name == SCORE and rule.query is None:
        counted = promql.scores(scope)
    else:
        counted = promql.requests(promql.scope_of(_named(subject), span.seconds))
    samples = prometheus.value(counted, span.at) or 0.0
    if samples <= 0:
        return Measure(None, 0.0)
    if rule.name == ERROR_RATE and rule.query is None:
        told = prometheus.value(promql.failures(scope), span.at) or 0.0
        failed = max(0.0, min(told, samples))
        low = wilson(round(failed), max(round(samples), 1, round(failed)), CONFIDENCE).low
        return Measure(failed / samples, samples, low)
    if rule.name == COST and rule.query is None:
        unpriced = prometheus.value(promql.unpriced(scope), span.at) or 0.0
        if unpriced > 0:
            calls = f"{max(1, round(unpriced))} of {round(samples)} calls of {subject.version_id}"
            return Measure(None, samples, None, f"the price of {calls} is not known")
    value = prometheus.value(_query(rule, subject, scope), span.at)
    return Measure(value, samples, value)


def _named(subject: Subject) -> tuple[str, str, str]:
    return subject.prompt, subject.version_id, subject.label


def _query(rule: WatchRule, subject: Subject, scope: Scope) -> str:
    if rule.query is not None:
        return promql.filled(rule.query, *_named(subject), scope.window)
    if rule.name == LATENCY:
        return promql.latency(scope, rule.quantile)
    return promql.cost(scope) if rule.name == COST else promql.score(scope)


def judge_version(
    prometheus: PromQl, policy: WatchPolicy, candidate: tuple[Subject, Span], stable: tuple[Subject, Span] | None
) -> Iterator[Check]:
    """One check a rule. ``stable`` is None where there is nothing to compare with. Raises ``BackendError``."""
    for rule in policy.rules:
        found = measure(prometheus, rule, *candidate)
        before = measure(prometheus, rule, *stable) if stable is not None and rule.compares else None
        yield judge(rule, policy.min_samples, candidate[0].version_id, found, before)


def judge(rule: WatchRule, min_samples: int, version_id: str, found: Measure, before: Measure | None) -> Check:
    """What a measurement means. Pure."""
    samples = round(found.samples)
    stable = before if before is not None and before.value is not None and before.samples >= min_samples else None
    limits = list(_limits(rule, stable))

    def check(outcome: str, limit: float | None, message: str) -> Check:
        value = stable.value if stable is not None else None
        return Check(version_id, rule.name, outcome, found.value, value, limit, samples, message)

    if samples < min_samples:
        return check(FEW, None, f"{rule.name}: {samples} samples, {min_samples} needed")
    if found.unknown is not None:
        return check(UNKNOWN, None, f"{rule.name} is unknown: {found.unknown}")
    if found.value is None or found.low is None:
        return check(FEW, None, f"{rule.name} has no value, though there are {samples} samples")
    said = f"{rule.name} {found.value:.4g} ({samples} samples)"
    against = f", stable {stable.value:.4g}" if stable is not None else ""
    for limit, is_upper in limits:
        if found.low > limit if is_upper else found.value < limit:
            return check(BREACH, limit, f"{said}{against}; {'at most' if is_upper else 'at least'} {limit:.4g}")
    unknown = _unknown(rule, min_samples, found, before, limits)
    if unknown is not None:
        return check(UNKNOWN, None, f"{said}{against}; {unknown}")
    if rule.compares and stable is None:
        return check(FEW, None, f"{said}; too few samples of the stable version to compare")
    return check(HEALTHY, limits[0][0] if limits else None, said + against)


def _unknown(
    rule: WatchRule, min_samples: int, found: Measure, before: Measure | None, limits: list[tuple[float, bool]]
) -> str | None:  # fmt: skip
    """Why a bound that is not shown to be broken is not known to be kept either, None where it is kept."""
    if rule.compares and before is not None and before.unknown is not None and before.samples >= min_samples:
        return f"what it is compared with is unknown: {before.unknown}"
    if rule.name == LATENCY and rule.query is None and found.value == LONGEST_SECONDS:
        above = [limit for limit, is_upper in limits if is_upper and limit >= LONGEST_SECONDS]
        if above:
            return f"how much longer than {LONGEST_SECONDS:g} is unknown, and {above[0]:.4g} are allowed"
    return None


def _limits(rule: WatchRule, stable: Measure | None) -> Iterator[tuple[float, bool]]:
    """The bounds in force; True for an upper one."""
    if rule.max is not None:
        yield rule.max, True
    if rule.min is not None:
        yield rule.min, False
    if stable is None or stable.value is None:
        return
    if rule.max_increase is not None:
        yield stable.value + rule.max_increase, True
    if rule.max_drop is not None:
        yield stable.value - rule.max_drop, False
    if rule.max_ratio is not None and stable.value >= 0:
        yield max(stable.value, _least(rule, stable)) * rule.max_ratio, True


def _least(rule: WatchRule, stable: Measure) -> float:
    """What a ratio is at least taken of: a version none of whose calls failed might have had one that did."""
    return 1 / stable.samples if rule.name == ERROR_RATE and rule.query is None else 0.0
