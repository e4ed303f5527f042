"""The gates of protected labels in ``plan``, ``apply`` and ``sync``: going round ``validate`` does not help.

A move that is about to reach a target is judged from what the target's label has now, by the evidence of the
revision that is synced and of the target itself. It passes if the gate allows it now, or allowed it when it was
committed (``gate.committed``). Whatever it does not allow stays as it is on the target; the rest of the sync goes on.

On a target that was never synced nobody has anything yet: there the first value that a label ever had in git
is stopped by bad evidence only. With nothing before it, there is nothing to compare with and nowhere to have stood.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import NamedTuple

from catalog_tool.gate.committed import SourcesThen, committed_move
from catalog_tool.gate.decision import DENY, FAILED, Reason
from catalog_tool.gate.judge import Judgement, judge, policies_of
from catalog_tool.gate.moves import Move
from catalog_tool.gate.policy import Policy
from catalog_tool.gate.shelf import CatalogShelf, Sources
from catalog_tool.gate.target_evidence import TargetEvidence
from catalog_tool.model.addresses import parse_address, version_address
from catalog_tool.model.labels import label_value_of
from catalog_tool.source.base import merged_commit
from catalog_tool.source.git import Git
from catalog_tool.sync.wanted import Reading

SHOWN = 3
"""Reasons told one by one."""


class Refusal(NamedTuple):
    """Why a label stays: ``summary`` for the line of its action, ``reason`` for the report."""

    summary: str
    reason: str


class LabelGates:
    """Asked once for each protected label that a plan would move. ``now`` is in seconds since the epoch.

    ``sources`` (of the prompts that will be asked about) are opened with the first question: most plans move no
    label.
    """

    def __init__(self, policies: Mapping[str, Policy], sources: Callable[[Sequence[str]], Sources], now: int) -> None:
        self._policies = policies
        self._expected: list[str] = []
        self._open = cache(lambda: sources(self._expected))
        self._now = now

    def expect(self, addresses: Iterable[str]) -> None:
        """The labels that will be asked about, so that what is known of them is read together."""
        named = [parse_address(address) for address in addresses]
        self._expected += [prompt for _, prompt, label in named if label in self._policies]

    def refusal(self, address: str, live: str | None, desired: str | None, *, is_new: bool = False) -> Refusal | None:
        """Why the label at ``address`` may not go from ``live`` to ``desired`` (canonical JSON); None where it may.

        ``is_new``: the target was never synced. GitError: git does not answer.
        """
        _, prompt, label = parse_address(address)
        policy, wanted = self._policies.get(label), label_value_of(desired)
        if policy is None or wanted is None:
            return None
        move = Move(prompt, label, label_value_of(live), wanted)
        sources = self._open()
        refused = self._refused(move, policy, sources, self._now)
        if not refused:
            return None
        made = committed_move(prompt, label, wanted, sources.history(prompt))
        if made is not None and is_new and made.move.current is None:
            bad = [judged for judged in refused if _has_bad_evidence(judged)]
            return _told(bad[0]) if bad else None
        if made is not None and not self._refused(made.move, policy, SourcesThen(sources, made.at), made.at):
            return None
        return _told(refused[0])

    def _refused(self, move: Move, policy: Policy, sources: Sources, now: int) -> list[Judgement]:
        return [judged for judged in judge(move, policy, sources, now) if not judged.decision.allows]


def label_gates(reading: Reading, git: Git | None, now: int, target: TargetEvidence | None = None) -> LabelGates:
    """The gates of one reading of the catalog; ``target`` has evidence besides the revision's, None for none."""
    settings = reading.files.settings
    protected = {name for name, rule in settings.labels.items() if rule.get("protected")}
    policies = {name: policy for name, policy in policies_of(settings).usable.items() if name in protected}

    def digest(prompt: str, version: str) -> str | None:
        found = reading.versions.get(version_address(prompt, version))
        return found.digest if found is not None else None

    def sources(prompts: Sequence[str]) -> Sources:
        shelf = CatalogShelf(reading.tree, reading.files, digest, git=git, commit=merged_commit(reading.tree))
        shelf.expect(prompts)
        return target.beside(shelf, prompts) if target is not None else shelf

    return LabelGates(policies, sources, now)


def _has_bad_evidence(judged: Judgement) -> bool:
    """Whether a record speaks against it, or might: one that was changed may have been the one that did."""
    return bool(judged.question.record.changed) or any(
        reason.outcome == FAILED and not reason.rule.startswith(("after:", "rollout"))
        for reason in judged.decision.reasons
    )


def _told(judged: Judgement) -> Refusal:
    verb = "denies" if judged.decision.status == DENY else "cannot decide about"
    reasons: tuple[Reason, ...] = judged.decision.deciding()
    more = f" (and {len(reasons) - SHOWN} more)" if len(reasons) > SHOWN else ""
    head = f"the gate of {judged.move.label} {verb} {judged.move.prompt}@{judged.version}"
    said = [f"{reason.rule}: {reason.message}" for reason in reasons[:SHOWN]]
    return Refusal(head, f"{head}: {'; '.join(said)}{more}")
