"""Rules about scores and measurements: floors and ceilings, and drops against the baseline."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from catalog_tool.gate.decision import FAILED, NOTED, PASSED, UNDECIDED, Question, Reason
from catalog_tool.gate.evidence import Distribution
from catalog_tool.gate.policy import MetricRule
from catalog_tool.gate.rules_evidence import binding
from catalog_tool.gate.sample import Sample, is_lower_better, score_gains, scores
from catalog_tool.gate.statistics import Bootstrap, benjamini_hochberg, bootstrap, detectable_change
from catalog_tool.gate.usual_causes import usual_cause


def bounds(question: Question, sample: Sample) -> Iterator[Reason]:
    """Every metric of the policy keeps its ``min`` and ``max``."""
    for metric, rule in question.policy.metrics.items():
        measured = sample.evidence.performance.get(metric)
        if scores(sample, metric):
            yield from _score_bounds(question, sample, metric, rule)
        elif measured is not None:
            yield from _measured_bounds(question, sample, metric, measured)
        else:
            message = f"{metric} was not measured: the policy asks for it"
            yield Reason(rule=f"metric:{metric}", outcome=UNDECIDED, message=message)


def _score_bounds(question: Question, sample: Sample, metric: str, rule: MetricRule) -> Iterator[Reason]:
    policy, found = question.policy, scores(sample, metric)
    name = f"metric:{metric}"
    missing = len(sample.counted) - len(found)
    if missing > policy.max_errors * len(sample.counted):
        message = f"{metric} is missing for {missing} of {len(sample.counted)} cases"
        yield Reason(rule=name, outcome=UNDECIDED, message=message)
        return
    if rule.min is None and rule.max is None:
        return
    answer = bootstrap(list(found.values()), policy.confidence, _seed(sample, metric))
    low, high = answer.interval
    said = f"{metric} is {answer.mean:.4g} ({low:.4g} to {high:.4g} with {policy.confidence:.0%} confidence)"
    bad = _broken(low, high, rule)
    outcome = binding(len(found), policy, FAILED if bad else PASSED)
    yield Reason(rule=name, outcome=outcome, message=f"{said}{bad}{_cause(metric) if bad else ''}")


def _broken(low: float, high: float, rule: MetricRule) -> str:
    """What bound is not kept by the whole interval, as the end of a sentence; empty where all are."""
    if rule.min is not None and low < rule.min:
        return f"; at least {rule.min:g} is wanted"
    if rule.max is not None and high > rule.max:
        return f"; at most {rule.max:g} is wanted"
    return ""


def _measured_bounds(question: Question, sample: Sample, metric: str, measured: Distribution) -> Iterator[Reason]:
    """A measurement over requests has no cases to resample: its figure itself is compared."""
    rule = question.policy.metrics[metric]
    if rule.min is None and rule.max is None:
        return
    value: float = getattr(measured, rule.at)
    bad = _broken(value, value, rule)
    said = f"{metric} is {value:.4g} ({rule.at} of {measured.samples}){bad}{_cause(metric) if bad else ''}"
    outcome = binding(len(sample.decided), question.policy, FAILED if bad else PASSED)
    yield Reason(rule=f"measure:{metric}", outcome=outcome, message=said)


class _Comparison(NamedTuple):
    """One metric against the baseline: the gains case by case and what they say."""

    metric: str
    gains: list[float]
    found: Bootstrap


def drops(question: Question, sample: Sample, baseline: Sample) -> Iterator[Reason]:
    """No metric of the policy got worse by more than it may: paired bootstrap, Benjamini–Hochberg over all."""
    policy = question.policy
    compared = [_compare(question, sample, baseline, metric) for metric in policy.metrics]
    usable = [comparison for comparison in compared if comparison is not None]
    enough = [comparison for comparison in usable if len(comparison.gains) >= policy.min_cases]
    adjusted = benjamini_hochberg({comparison.metric: comparison.found.not_below_zero for comparison in enough})
    for comparison in usable:
        yield _judged(question, sample, comparison, adjusted.get(comparison.metric))


def _compare(question: Question, sample: Sample, baseline: Sample, metric: str) -> _Comparison | None:
    gains = score_gains(sample, baseline, metric)
    if not gains:
        return None
    allowed = question.policy.metrics[metric].max_drop
    shifted = [gain + allowed for gain in gains]
    seed = f"{_seed(sample, metric)}\n{baseline.evidence.digest}"
    return _Comparison(metric, gains, bootstrap(shifted, question.policy.confidence, seed))


def _judged(question: Question, sample: Sample, comparison: _Comparison, adjusted: float | None) -> Reason:
    metric, policy = comparison.metric, question.policy
    rule = policy.metrics[metric]
    mean = comparison.found.mean - rule.max_drop
    change = -mean if is_lower_better(sample.evidence, metric) else mean
    seen = detectable_change(comparison.gains, policy.regressions.significance)
    p = adjusted if adjusted is not None else comparison.found.not_below_zero
    said = f"{metric} changed by {change:+.4g} over {len(comparison.gains)} cases (p = {p:.3f}"
    said += f"; a change below {seen:.2g} may go unseen)"
    if adjusted is None:
        return Reason(rule=f"drop:{metric}", outcome=NOTED, message=said)
    if adjusted < policy.false_discovery:
        allowed = f"; {rule.max_drop:g} is allowed" if rule.max_drop else ""
        return Reason(
            rule=f"drop:{metric}", outcome=FAILED, message=f"worse: {said}{allowed}{_cause(metric)}"
        )  # fmt: skip
    return Reason(rule=f"drop:{metric}", outcome=PASSED, message=said)


def _cause(metric: str) -> str:
    cause = usual_cause(metric)
    return f"; the usual cause: {cause}" if cause is not None else ""


def _seed(sample: Sample, metric: str) -> str:
    return f"{sample.evidence.digest}\n{metric}"
