"""Evidence on a target: the files that git would hold, kept in the store that the labels live in.

What a store gives back is not trusted: a record counts only if its bytes are exactly those that were
written under its digest. Anything else is named and never used, and keeps the gate from deciding about the
content that it stands under: it may have been the newest run.
"""

from __future__ import annotations

from collections.abc import Sequence

from catalog_tool.backends.evidence import KeepsEvidence, KeptEvidence
from catalog_tool.canonical.jcs import short
from catalog_tool.gate.evidence import Evidence
from catalog_tool.gate.records import evidence_bytes, sealed
from catalog_tool.gate.shelf import MoreEvidence, Sources, Stored, stored_from

CHANGED = "it was changed on the target after it was written: remove it there, and run it again"


class TargetEvidence:
    """The evidence in one target's store; ``name`` is the target's. BackendError: the store does not answer."""

    def __init__(self, name: str, store: KeepsEvidence) -> None:
        self._name = name
        self._store = store

    def keep(self, evidence: Evidence) -> str:
        """Add a record; where it is, for people. Keeping it again changes nothing."""
        made = sealed(evidence)
        record = KeptEvidence(made.prompt.id, made.prompt.digest, made.digest or "", evidence_bytes(made))
        self._store.keep_evidence(record)
        return self._place(record)

    def stored(self, prompts: Sequence[str]) -> dict[str, list[Stored]]:
        """All records about each of these prompts, by place; one read for all of them."""
        found: dict[str, list[Stored]] = {prompt: [] for prompt in prompts}
        for record in self._store.evidence(prompts):
            found[record.prompt].append(self._read(record))
        for stored in found.values():
            stored.sort(key=lambda item: item.path)
        return found

    def beside(self, sources: Sources, prompts: Sequence[str] = ()) -> Sources:
        """The same sources, with what the target has; what it has of ``prompts`` is read now."""
        return _Both(sources, self, self.stored(prompts) if prompts else {})

    def _read(self, record: KeptEvidence) -> Stored:
        path = self._place(record)
        found = stored_from(path, record.data)
        if found.evidence is None:
            return Stored(path, None, f"{CHANGED} ({found.flaw})", record.subject)
        subject, digest = found.evidence.prompt, found.evidence.digest
        if (subject.id, subject.digest, digest) != record[:3] or evidence_bytes(found.evidence) != record.data:
            return Stored(path, None, CHANGED, record.subject)
        return found

    def _place(self, record: KeptEvidence) -> str:
        return f"{self._name}:{record.prompt}/evidence/{short(record.subject)}.{short(record.digest)}"


class _Both(MoreEvidence):
    """Sources, and the evidence of a target; a record that both have counts once."""

    def __init__(self, sources: Sources, target: TargetEvidence, known: dict[str, list[Stored]]) -> None:
        super().__init__(sources)
        self._target = target
        self._there = known

    def _more(self, prompt: str, own: Sequence[Stored]) -> list[Stored]:
        known = {item.evidence.digest for item in own if item.evidence is not None and item.gone is None}
        there = (self._there if prompt in self._there else self._target.stored([prompt]))[prompt]
        return [item for item in there if item.evidence is None or item.evidence.digest not in known]
