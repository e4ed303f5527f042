"""Rules about labels: where the version must have stood before, and the steps of a roll-out."""

from __future__ import annotations

from collections.abc import Iterator

from catalog_tool.clock import iso
from catalog_tool.gate.decision import FAILED, NOTED, PASSED, UNDECIDED, Question, Reason
from catalog_tool.gate.policy import After, Step
from catalog_tool.gate.rules_evidence import duration
from catalog_tool.gate.sample import sample_of

SHALLOW = "history is cut off or not there: fetch all of it (in CI: fetch-depth: 0)"


def after(question: Question) -> Iterator[Reason]:
    """The version has stood under the other labels for long enough."""
    for wanted in question.policy.after:
        yield _after(question, wanted)


def _after(question: Question, wanted: After) -> Reason:
    name, rule = question.candidate.version, f"after:{wanted.label}"
    if question.history is None:
        return Reason(rule=rule, outcome=UNDECIDED, message=SHALLOW)
    since = question.history.under(wanted.label, name)
    if since is None:
        outcome = FAILED if question.history.whole else UNDECIDED
        message = f"{name} does not stand under {wanted.label}" + _unless_whole(question)
        return Reason(rule=rule, outcome=outcome, message=message)
    stood = max(0, question.now - since)
    said = f"{name} has stood under {wanted.label} for {duration(stood)}"
    if stood >= wanted.seconds:
        return Reason(rule=rule, outcome=PASSED, message=said)
    outcome = FAILED if question.history.whole else UNDECIDED
    left = f"; {duration(wanted.seconds)} are wanted, which is at {iso(since + wanted.seconds)}"
    return Reason(rule=rule, outcome=outcome, message=said + left + _unless_whole(question))


def _unless_whole(question: Question) -> str:
    return "" if question.history is not None and question.history.whole else f" ({SHALLOW})"


def rollout(question: Question) -> Iterator[Reason]:
    """The weight rises by one step of the schedule, and the last step has stood for its time."""
    steps = question.policy.rollout
    if not steps or question.current is None:
        return
    present, wanted = question.weight(question.current), question.weight(question.wanted)
    reached = [step for step in steps if step.weight <= present]
    following = next((step for step in steps if step.weight > present), steps[-1])
    schedule = " → ".join(f"{step.weight:g}" for step in steps)
    if wanted > following.weight:
        message = f"from {present:g} % the next step is {following.weight:g} %, not {wanted:g} % (steps: {schedule})"
        yield Reason(rule="rollout", outcome=FAILED, message=message)
        return
    yield from _stood(question, reached[-1] if reached else None)
    yield from _step_evidence(question, following, reached[-1] if reached else None)
    message = f"{present:g} % → {wanted:g} % (steps: {schedule})"
    yield Reason(rule="rollout", outcome=NOTED, message=message)


def _stood(question: Question, step: Step | None) -> Iterator[Reason]:
    if step is None or not step.seconds:
        return
    if question.history is None:
        yield Reason(rule="rollout", outcome=UNDECIDED, message=SHALLOW)
        return
    since = question.history.under(question.label, question.candidate.version, step.weight)
    stood = 0 if since is None else max(0, question.now - since)
    said = f"{question.candidate.version} has stood at {step.weight:g} % for {duration(stood)}"
    if stood >= step.seconds:
        yield Reason(rule="rollout", outcome=PASSED, message=said)
        return
    at = f", which is at {iso(since + step.seconds)}" if since is not None else " from when it is committed"
    outcome = FAILED if question.history.whole else UNDECIDED
    message = f"{said}; {duration(step.seconds)} are wanted{at}{_unless_whole(question)}"
    yield Reason(rule="rollout", outcome=outcome, message=message)


def _step_evidence(question: Question, step: Step, before: Step | None) -> Iterator[Reason]:
    evidence = question.record.evidence
    if evidence is None:
        return
    decided = len(sample_of(evidence).decided)
    if decided < step.min_cases:
        message = f"{step.weight:g} % needs evidence of {step.min_cases} decided cases; there are {decided}"
        yield Reason(rule="rollout", outcome=UNDECIDED, message=message)
    if not step.fresh or before is None:
        return
    history = question.history
    since = history.under(question.label, question.candidate.version, before.weight) if history is not None else None
    if since is None or evidence.started_at < since:
        message = f"{step.weight:g} % needs evidence recorded since {before.weight:g} % began"
        yield Reason(rule="rollout", outcome=UNDECIDED, message=message)
