"""Rules that compare with the baseline: what the label points to now, on the same dataset and judge."""

from __future__ import annotations

from collections.abc import Iterator

from catalog_tool.canonical.jcs import short
from catalog_tool.gate.decision import FAILED, NOTED, PASSED, UNDECIDED, Question, Reason
from catalog_tool.gate.evidence import Evidence
from catalog_tool.gate.policy import ANY, OPTIONAL, SAME
from catalog_tool.gate.rules_evidence import binding, errors
from catalog_tool.gate.sample import Sample, named, paired, per_cent, sample_of
from catalog_tool.gate.statistics import detectable_drop, mcnemar, needed_regressions


def baseline_sample(question: Question) -> tuple[Sample | None, tuple[Reason, ...]]:
    """The baseline's cases where they can be compared, else None and why not."""
    if question.baseline is None:
        message = f"{question.label} points to nothing yet: there is nothing to compare with"
        return None, (Reason(rule="baseline", outcome=NOTED, message=message),)
    evidence, changed = question.baseline_record.evidence, question.baseline_record.changed
    if changed:
        said = tuple(f"a record of what {question.label} has now cannot be used: {flaw}" for flaw in changed)
        return None, tuple(Reason(rule="baseline", outcome=UNDECIDED, message=message) for message in said)
    optional = question.policy.baseline == OPTIONAL
    if evidence is None or evidence.prompt.digest != question.baseline.digest:
        name = f"{question.prompt}@{question.baseline.version}"
        message = f"there is no evidence for {name}, which {question.label} has now: run `catalog eval {name}`"
        return None, (Reason(rule="baseline", outcome=NOTED if optional else UNDECIDED, message=message),)
    own = question.record.evidence
    differences = tuple(_differences(own, evidence, question.policy.models)) if own is not None else ()
    sample = sample_of(evidence)
    reasons = (*differences, *errors("baseline", sample, question.policy), *_short(evidence))
    stops = any(reason.outcome == UNDECIDED for reason in reasons)
    return (None if stops else sample), reasons


def _differences(candidate: Evidence, baseline: Evidence, models: str) -> Iterator[Reason]:
    again = "run both on the same (`catalog eval --baseline`)"
    if candidate.dataset.digest != baseline.dataset.digest:
        was, now = short(baseline.dataset.digest), short(candidate.dataset.digest)
        message = f"the baseline was evaluated on another dataset ({was} → {now}): {again}"
        yield Reason(rule="dataset", outcome=UNDECIDED, message=message)
    if candidate.judge.digest != baseline.judge.digest:
        yield Reason(rule="judge", outcome=UNDECIDED, message=f"the baseline had another judge: {again}")
    outcome = NOTED if models == ANY else UNDECIDED
    if models == SAME and candidate.model.name != baseline.model.name:
        message = f"the model changed from {baseline.model.name} to {candidate.model.name}: {again}"
        yield Reason(rule="model", outcome=outcome, message=f"{message}, or set `models: declared`")
    elif candidate.model.name != baseline.model.name:
        message = f"the model changed from {baseline.model.name} to {candidate.model.name}"
        yield Reason(rule="model", outcome=NOTED, message=message)
    elif _served(candidate) and _served(baseline) and _served(candidate) != _served(baseline):
        was, now = ", ".join(sorted(_served(baseline))), ", ".join(sorted(_served(candidate)))
        message = f"{candidate.model.name} was answered by {was} then and by {now} now: {again}"
        yield Reason(rule="model", outcome=outcome, message=message)


def _served(evidence: Evidence) -> frozenset[str]:
    return frozenset(evidence.model.answered_as)


def _short(evidence: Evidence) -> Iterator[Reason]:
    if evidence.stopped is not None or len(evidence.cases) != evidence.dataset.cases:
        message = "the baseline's evidence is not whole: run it again"
        yield Reason(rule="baseline", outcome=UNDECIDED, message=message)


def regressions(question: Question, sample: Sample, baseline: Sample) -> Iterator[Reason]:
    """The candidate does not lose cases: exact McNemar, and net losses that matter."""
    policy = question.policy
    found = paired(sample, baseline)
    limits = policy.regressions
    needed = needed_regressions(found.pairs, limits.cases, limits.share)
    p = mcnemar(len(found.regressions), len(found.improvements))
    counted = f"{len(found.regressions)} lost, {len(found.improvements)} won of {found.pairs} cases (p = {p:.3f})"
    lost = f": {named(found.regressions)}" if found.regressions else ""
    if p < limits.significance and found.net >= needed:
        outcome = binding(found.pairs, policy, FAILED)
        message = f"worse than {_baseline_name(question)}: {counted}{lost}"
    else:
        outcome = binding(found.pairs, policy, PASSED)
        message = f"not worse than {_baseline_name(question)}: {counted}{lost}"
    yield Reason(rule="regressions", outcome=outcome, message=message, cases=found.regressions)
    seen = detectable_drop(found.pairs, limits.significance, needed)
    blind = f"a drop of less than {per_cent(seen)} of the cases" if seen is not None else "no drop at all"
    say = "would go unseen at least once in five times" if seen is not None else "can be seen"
    yield Reason(rule="detectable", outcome=NOTED, message=f"with {found.pairs} cases {blind} {say}")


def _baseline_name(question: Question) -> str:
    return question.baseline.version if question.baseline is not None else "the baseline"
