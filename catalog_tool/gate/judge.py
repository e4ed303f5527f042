"""Moves of labels judged by the gate: what ``gate``, ``promote``, ``validate``, ``plan`` and ``apply`` all call.

    policies = policies_of(settings)
    for judgement in judge_all(moves(before, after), policies, sources, now): …

``before`` is whatever the labels have now: the base in git for ``validate``, the runtime for ``plan``. A
label is judged where its settings have a ``gate``; whoever gains callers is judged, one by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from catalog_tool.canonical.jcs import digest_of
from catalog_tool.gate.decide import decide
from catalog_tool.gate.decision import Content, Decision, Question, Record
from catalog_tool.gate.fields import MalformedError
from catalog_tool.gate.moves import Move
from catalog_tool.gate.policy import Policy, read_policy
from catalog_tool.gate.shelf import Sources, Stored, record_of
from catalog_tool.gate.ways_back import WaysBack
from catalog_tool.model.settings import Settings


class Judgement(NamedTuple):
    """The decision about one version that a move brings callers to."""

    move: Move
    version: str
    decision: Decision
    question: Question


class Policies(NamedTuple):
    """The policies of a catalog by label, and which labels' cannot be used, with the reason."""

    usable: dict[str, Policy]
    refused: dict[str, str]

    @property
    def digest(self) -> str | None:
        """Of all policies that can be used, by label; None where there is none."""
        return digest_of({label: policy.digest for label, policy in self.usable.items()}) if self.usable else None

    @property
    def is_timed(self) -> bool:
        """Whether the same catalog may be judged otherwise at another time."""
        return any(policy.is_timed for policy in self.usable.values())


def policies_of(settings: Settings) -> Policies:
    """The policies under ``labels.NAME.gate``. Never raises: what cannot be used is in ``refused``."""
    found = Policies({}, {})
    for label, written in settings.labels.items():
        gate = written.get("gate")
        if gate is None:
            continue
        try:
            found.usable[label] = read_policy(gate)
        except MalformedError as error:
            found.refused[label] = error.message
    return found


def judge_all(
    changes: Iterable[Move], policies: Mapping[str, Policy], sources: Sources, now: int
) -> Iterator[Judgement]:
    """Every judgement about every move of a label that has a policy; ``now`` in seconds since the epoch."""
    for move in changes:
        policy = policies.get(move.label)
        if policy is not None:
            yield from judge(move, policy, sources, now)


def judge(move: Move, policy: Policy, sources: Sources, now: int) -> Iterator[Judgement]:
    """One judgement for each version that the move brings callers to; none where nobody gets another version."""
    for version in move.gaining():
        question = ask(move, version, policy, sources, now)
        yield Judgement(move, version, decide(question), question)


def ask(move: Move, version: str, policy: Policy, sources: Sources, now: int) -> Question:
    """The question about one version, with all that ``sources`` know about it."""
    digest = sources.digest(move.prompt, version)
    stored = sources.stored(move.prompt)
    record = record_of(stored, digest)
    baseline, baseline_record = None, Record()
    if move.current is not None:
        stable = move.current.stable
        baseline = Content(version=stable, digest=_live_digest(move, stable, digest, sources))
        baseline_record = record_of(stored, baseline.digest, like=record.evidence)
    return Question(
        prompt=move.prompt,
        label=move.label,
        candidate=Content(version=version, digest=digest),
        current=move.current,
        wanted=move.wanted,
        baseline=baseline,
        policy=policy,
        record=record,
        baseline_record=baseline_record,
        history=sources.history(move.prompt),
        had=_had(move, version, sources),
        dataset=sources.dataset(move.prompt),
        now=now,
    )


def _live_digest(move: Move, stable: str, candidate: str | None, sources: Sources) -> str | None:
    """The digest of what the label has now.

    Where it would be the candidate's, so that no evidence is asked for, git says what it gave the label: another
    content may have taken that version's name since.
    """
    digest, history = sources.digest(move.prompt, stable), sources.history(move.prompt)
    held = history.given(move.label, stable) if history is not None else None
    if digest != candidate or held is None:
        return digest
    return sources.had(move.prompt, move.label, stable, held)


def _had(move: Move, version: str, sources: Sources) -> str | None:
    """What the label had under the version's name, where the move goes back to it."""
    history = sources.history(move.prompt)
    if history is None or move.current is None:
        return None
    ways = WaysBack(sources, history, move.prompt, move.label, move.current.stable)
    return ways.had(version) if version in ways.all() else None


def with_evidence(question: Question, sources: Sources, candidate: Stored | None, baseline: Stored | None) -> Question:
    """The same question, judged by these records where they are given, and by no other of that version."""
    if candidate is not None:
        record = _only(candidate)
        question = replace(question, record=record)
        if question.baseline is not None:
            stored = sources.stored(question.prompt)
            other = record_of(stored, question.baseline.digest, like=record.evidence)
            question = replace(question, baseline_record=other)
    return question if baseline is None else replace(question, baseline_record=_only(baseline))


def _only(stored: Stored) -> Record:
    changed = (f"{stored.path}: {stored.flaw}",) if stored.flaw is not None else ()
    return Record(evidence=stored.evidence, runs=int(stored.evidence is not None), changed=changed)
