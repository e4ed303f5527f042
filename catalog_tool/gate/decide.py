"""The gate: a pure function from evidence, policy and label history to allow, deny or indeterminate.

    one failed rule                          deny
    else one undecided rule                  indeterminate
    else nothing that binds has passed       indeterminate
    else                                     allow

Only ``allow`` lets a label move. A rule that could not look is undecided, never passed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from catalog_tool.canonical.jcs import short
from catalog_tool.gate import rules_baseline, rules_evidence, rules_labels, rules_metrics
from catalog_tool.gate.decision import (
    ALLOW,
    DENY,
    FAILED,
    INDETERMINATE,
    NOTED,
    PASSED,
    UNDECIDED,
    Decision,
    Question,
    Reason,
)
from catalog_tool.gate.sample import Sample, sample_of

_Rule = Callable[[Question, Sample], Iterator[Reason]]

OF_THE_RECORD: tuple[_Rule, ...] = (
    rules_evidence.usable,
    rules_evidence.critical,
    rules_evidence.enough,
    rules_evidence.floor,
    rules_metrics.bounds,
)
AGAINST_THE_BASELINE: tuple[Callable[[Question, Sample, Sample], Iterator[Reason]], ...] = (
    rules_baseline.regressions,
    rules_metrics.drops,
)
OF_LABELS: tuple[Callable[[Question], Iterator[Reason]], ...] = (rules_labels.after, rules_labels.rollout)
BINDING = ("critical", "pass_rate", "regressions", "metric:", "drop:")
"""Rules that show something about the content; one of them has to pass."""


def decide(question: Question) -> Decision:
    """May the label move? Same question, same answer, on any machine."""
    settled = _needs_no_evidence(question)
    if settled is not None:
        return Decision(status=ALLOW, reasons=(settled,))
    reasons = [*_replaced(question), *_presence(question)]
    for rule in OF_LABELS:
        reasons.extend(rule(question))
    return _verdict(reasons)


def decide_again(question: Question) -> Decision:
    """Would the label get now what it has already? The record and its baseline are judged as for a move.

    That the content is the same settles nothing here: the model behind its name may not be.
    """
    return _verdict([*_presence(question)])


def _needs_no_evidence(question: Question) -> Reason | None:
    """Moves that bring no new content to anybody: the same content, or back to what was live."""
    version, baseline = question.candidate.version, question.baseline
    if baseline is not None and baseline.digest is not None and baseline.digest == question.candidate.digest:
        message = f"{version} holds the same content as {baseline.version}, which {question.label} has now"
        return Reason(rule="same", outcome=PASSED, message=message)
    if question.current is not None and question.weight(question.wanted) <= question.weight(question.current):
        return Reason(rule="same", outcome=PASSED, message=f"{version} gets no more callers than it has")
    stable = question.current.stable if question.current is not None else None
    if version == stable or (question.had is not None and question.had == question.candidate.digest):
        message = f"back to {version}, which {question.label} had before: going back needs no evidence"
        return Reason(rule="return", outcome=PASSED, message=message)
    return None


def _replaced(question: Question) -> Iterator[Reason]:
    """Why a version that the label had by this name is none that it may go back to."""
    if question.had is not None and question.candidate.digest is not None:
        version, was, now = question.candidate.version, short(question.had), short(question.candidate.digest)
        message = f"{question.label} had another content as {version} ({was}, now {now}): this is no way back"
        yield Reason(rule="return", outcome=NOTED, message=message)


def _presence(question: Question) -> Iterator[Reason]:
    present = list(rules_evidence.presence(question))
    yield from present
    evidence = question.record.evidence
    if evidence is None or any(reason.outcome == UNDECIDED for reason in present):
        return
    sample = sample_of(evidence)
    for rule in OF_THE_RECORD:
        yield from rule(question, sample)
    baseline, reasons = rules_baseline.baseline_sample(question)
    yield from reasons
    if baseline is not None:
        for compare in AGAINST_THE_BASELINE:
            yield from compare(question, sample, baseline)


def _verdict(reasons: list[Reason]) -> Decision:
    outcomes = {reason.outcome for reason in reasons}
    if FAILED in outcomes:
        return Decision(status=DENY, reasons=tuple(reasons))
    if UNDECIDED in outcomes:
        return Decision(status=INDETERMINATE, reasons=tuple(reasons))
    if not any(reason.outcome == PASSED and reason.rule.startswith(BINDING) for reason in reasons):
        message = "no rule that binds could show anything: set `pass_rate`, mark cases critical, or add cases"
        return Decision(
            status=INDETERMINATE, reasons=(*reasons, Reason(rule="evidence", outcome=UNDECIDED, message=message))
        )  # fmt: skip
    return Decision(status=ALLOW, reasons=tuple(reasons))
