"""Rules about one record: is there evidence, is it about this content, whole, new enough, and enough?"""

from __future__ import annotations

from collections.abc import Iterator

from catalog_tool.canonical.jcs import short
from catalog_tool.gate.decision import FAILED, NOTED, PASSED, UNDECIDED, Question, Reason
from catalog_tool.gate.evidence import FAIL, PASS, Evidence
from catalog_tool.gate.policy import ANY, Policy
from catalog_tool.gate.sample import Sample, named, per_cent
from catalog_tool.gate.statistics import cases_for_floor, wilson

CLOCK_SECONDS = 300
"""How far two clocks may be apart before a record from the future is not believed."""


def presence(question: Question) -> Iterator[Reason]:
    """There is a record, and it is about this content."""
    for flaw in question.record.flaws:
        if flaw not in question.baseline_record.changed:  # said there, where it decides
            yield Reason(rule="evidence", outcome=NOTED, message=f"a record cannot be used: {flaw}")
    for changed in question.record.changed:
        yield Reason(rule="evidence", outcome=UNDECIDED, message=f"a record cannot be used: {changed}")
    evidence, digest = question.record.evidence, question.candidate.digest
    if digest is None:
        message = f"{question.candidate_name} cannot be read, so nothing can be said about it"
        yield Reason(rule="evidence", outcome=UNDECIDED, message=message)
    elif evidence is None:
        message = f"there is no evidence for {question.candidate_name} ({short(digest)}): run `catalog eval`"
        yield Reason(rule="evidence", outcome=UNDECIDED, message=message)
    elif evidence.prompt.digest != digest or evidence.prompt.id != question.prompt:
        about = f"{evidence.prompt.id}@{evidence.prompt.version} ({short(evidence.prompt.digest)})"
        message = f"the evidence is about {about}, not about {question.candidate_name} ({short(digest)})"
        yield Reason(rule="evidence", outcome=UNDECIDED, message=message)
    else:
        again = f"; {question.record.runs} runs are recorded, the newest decides" if question.record.runs > 1 else ""
        yield Reason(rule="evidence", outcome=PASSED, message=f"it is about this content ({short(digest)}){again}")


def usable(question: Question, sample: Sample) -> Iterator[Reason]:
    """The record is whole, new enough, from where the policy allows, and about the dataset as it stands."""
    evidence, policy = sample.evidence, question.policy
    yield from _dataset(evidence, question.dataset)
    if evidence.stopped is not None:
        yield _undecided("complete", f"the run ended before its last case ({evidence.stopped})")
    yield from _age(evidence, policy, question.now)
    if evidence.origin not in policy.origins:
        allowed = ", ".join(policy.origins)
        yield _undecided("origin", f"the evidence is of kind {evidence.origin}; the policy takes {allowed}")
    if evidence.repetitions < policy.repetitions:
        message = f"each case was asked {evidence.repetitions} times; the policy wants {policy.repetitions}"
        yield _undecided("repetitions", message)
    yield from _declared(evidence, policy)
    yield from errors("errors", sample, policy)


def _dataset(evidence: Evidence, present: str | None) -> Iterator[Reason]:
    total = evidence.dataset.cases
    if total == 0 or not evidence.cases:
        yield _undecided("dataset", "the dataset is empty: nothing was tested")
    elif len(evidence.cases) != total:
        yield _undecided("dataset", f"the record holds {len(evidence.cases)} of the dataset's {total} cases")
    if present is not None and evidence.dataset.files and present != evidence.dataset.digest:
        message = (
            f"the golden tests have changed since ({short(evidence.dataset.digest)} → {short(present)}): run again"
        )
        yield _undecided("dataset", message)


def _age(evidence: Evidence, policy: Policy, now: int) -> Iterator[Reason]:
    age = now - evidence.finished_at
    if age < -CLOCK_SECONDS:
        yield _undecided("age", "the evidence is from the future: a clock is wrong")
    elif policy.max_age is not None and age > policy.max_age:
        yield _undecided("age", f"the evidence is {duration(age)} old; at most {duration(policy.max_age)} are allowed")


def _declared(evidence: Evidence, policy: Policy) -> Iterator[Reason]:
    declared, asked = evidence.model.declared, evidence.model.name
    if declared is None or declared == asked:
        return
    message = f"the version names the model {declared}, but {asked} was asked"
    yield Reason(rule="model", outcome=NOTED if policy.models == ANY else UNDECIDED, message=message)


def errors(rule: str, sample: Sample, policy: Policy) -> Iterator[Reason]:
    """Too many cases of which nothing is known: a crashed judge, a dead server, cases left out."""
    undecided, counted = sample.undecided, sample.counted
    if not counted:
        if sample.evidence.cases:
            yield _undecided(rule, "every case is marked flaky: nothing counts")
        return
    share = len(undecided) / len(counted)
    if share > policy.max_errors:
        kinds = ", ".join(sorted({case.outcome for case in undecided}))
        message = (
            f"{len(undecided)} of {len(counted)} cases ({per_cent(share)}) were not decided ({kinds}); "
            f"at most {per_cent(policy.max_errors)} are allowed: {named(case.name for case in undecided)}"
        )
        names = tuple(case.name for case in undecided)
        yield Reason(rule=rule, outcome=UNDECIDED, message=message, cases=names)


def critical(question: Question, sample: Sample) -> Iterator[Reason]:  # noqa: ARG001 - every rule has this form
    """Every critical case passes, however few cases there are."""
    failed = tuple(case.name for case in sample.critical if case.outcome == FAIL)
    unknown = tuple(case.name for case in sample.critical if case.outcome not in (PASS, FAIL))
    if failed:
        message = f"{_count(len(failed), 'critical case')} failed: {named(failed)}"
        yield Reason(rule="critical", outcome=FAILED, message=message, cases=failed)
    if unknown:
        message = f"{_count(len(unknown), 'critical case')} not decided: {named(unknown)}"
        yield Reason(rule="critical", outcome=UNDECIDED, message=message, cases=unknown)
    if sample.critical and not failed and not unknown:
        yield Reason(rule="critical", outcome=PASSED, message=f"all {len(sample.critical)} critical cases passed")
    flaky = tuple(case.name for case in sample.flaky if case.outcome == FAIL and not case.critical)
    if flaky:
        message = f"{_count(len(flaky), 'flaky case')} failed, not counted: {named(flaky)}"
        yield Reason(rule="flaky", outcome=NOTED, message=message, cases=flaky)


def enough(question: Question, sample: Sample) -> Iterator[Reason]:
    """Whether shares of the cases mean anything at all."""
    decided, needed = len(sample.decided), question.policy.min_cases
    if decided < needed:
        message = f"{decided} decided cases are too few to decide ({needed} needed): only critical cases bind"
        yield Reason(rule="cases", outcome=NOTED, message=message)


def floor(question: Question, sample: Sample) -> Iterator[Reason]:
    """The lower bound of the pass rate reaches the floor."""
    policy, decided = question.policy, len(sample.decided)
    if policy.pass_rate is None or not decided:
        return
    low = wilson(sample.passed, decided, policy.confidence).low
    rate = sample.passed / decided
    said = (
        f"{sample.passed} of {decided} passed ({per_cent(rate)}; at least {per_cent(low)} "
        f"with {policy.confidence:.0%} confidence)"
    )
    if low >= policy.pass_rate:
        yield Reason(rule="pass_rate", outcome=binding(decided, policy, PASSED), message=said)
        return
    more = cases_for_floor(rate, policy.pass_rate, policy.confidence)
    hint = f"; with this rate about {more} cases would show it" if more is not None else ""
    message = f"{said}; the floor is {per_cent(policy.pass_rate)}{hint}"
    yield Reason(rule="pass_rate", outcome=binding(decided, policy, FAILED), message=message)


def binding(cases: int, policy: Policy, outcome: str) -> str:
    """The outcome of a rule about shares: with too few cases it is only noted."""
    return outcome if cases >= policy.min_cases else NOTED


def duration(seconds: int) -> str:
    """``3d``, ``90m``: the largest unit that leaves nothing over, else hours or minutes."""
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size and (seconds % size == 0 or seconds >= 2 * size):
            return f"{seconds // size}{unit}"
    return f"{max(seconds, 0)}s"


def _undecided(rule: str, message: str) -> Reason:
    return Reason(rule=rule, outcome=UNDECIDED, message=message)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
