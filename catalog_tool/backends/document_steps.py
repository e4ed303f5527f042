"""The steps of one ``write`` on a state document: what they touch is read, what they put is stored, rows change.

The decisions are those of ``sql_steps``. Contents are stored before the document names them; a call
that has to begin anew, because somebody else replaced the document, stores and reads nothing twice.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from catalog_tool.backends.base import LabelEvent
from catalog_tool.backends.document import Document, Row, claimed_digest, entry_key, reference, tuple_of
from catalog_tool.backends.document_contents import (
    Blobs,
    side_by_side,
    skill_entry,
    store_skill,
    store_version,
    version_entry,
)
from catalog_tool.backends.sql_steps import Found, Kept, Steps, named_versions
from catalog_tool.backends.stored import Batch
from catalog_tool.canonical.jcs import canonical_bytes
from catalog_tool.model.addresses import LABEL, SKILL, VERSION, Address, parse_address
from catalog_tool.model.target import DONE, Run, Write, Written

SEALED_EVENTS = 200
"""How many events the document itself holds before they are stored as a content."""
Named = tuple[Address, Write]


class WriteCall:
    """One call of ``write``. ``make`` may be called again with a newer document."""

    def __init__(self, blobs: Blobs, writes: Sequence[Write], run: Run) -> None:
        self._blobs = blobs
        self._run = run
        self._batch = Batch(writes)
        self._read: dict[tuple[str, str], bytes | None] = {}
        self._stored: set[str] = set()

    def make(self, document: Document) -> list[Written]:
        """Make all steps on the document; one result for each, in order."""
        steps = Steps(self._found(document), self._run)
        made = [steps.make(address, write) for address, write in self._batch.named]
        self._apply(document, steps, made)
        return self._batch.outcomes(made)

    def _found(self, document: Document) -> Found:
        touched = [address for address, _ in self._batch.named] + self._labels_of_lost(document)
        self._read_all(document, touched)
        found = Found(generations=document.generations, last=document.last)
        for address in touched:
            row = document.rows.get(str(address), Row())
            if row.value is not None:
                found.objects[address] = Kept(row.value.encode(), row.marker)
            elif row.at is not None and (entry := self._read[(address.kind, row.at)]) is not None:
                found.objects[address] = Kept(entry, row.marker)
        found.versions = {
            address for address in named_versions(self._batch.named) if document.rows.get(str(address), Row()).is_there
        }
        return found

    def _labels_of_lost(self, document: Document) -> list[Address]:
        """The labels of all prompts that lose a version: they may point to it."""
        lost = {
            address.name
            for address, write in self._batch.named
            if address.kind == VERSION and write.entry is None and write.marker is None
        }
        if not lost:
            return []
        labels = [parse_address(address) for address in document.rows if address.startswith(f"{LABEL}/")]
        return [address for address in labels if address.name in lost]

    def _read_all(self, document: Document, touched: Sequence[Address]) -> None:
        rows = [(address.kind, document.rows.get(str(address), Row()).at) for address in touched]
        wanted = {(kind, at) for kind, at in rows if at is not None and (kind, at) not in self._read}
        ordered = sorted(wanted)
        for key, entry in zip(ordered, side_by_side(self._entry, ordered), strict=True):
            self._read[key] = entry

    def _entry(self, wanted: tuple[str, str]) -> bytes | None:
        kind, at = wanted
        return skill_entry(self._blobs, at) if kind == SKILL else version_entry(self._blobs, at)

    def _apply(self, document: Document, steps: Steps, made: Sequence[Written]) -> None:
        contents = {address: write for address, write in steps.put.items() if address.kind != LABEL}
        for address, at in zip(contents, side_by_side(self._store, contents.items()), strict=True):
            document.rows[str(address)] = Row(
                at=at, marker=contents[address].marker, digest=claimed_digest(contents[address].entry or b"")
            )
        for address, write in steps.put.items():
            if address.kind == LABEL:
                document.rows[str(address)] = Row(value=(write.entry or b"").decode(), marker=write.marker)
        for address, marker in steps.marked.items():
            document.rows[str(address)] = document.rows[str(address)]._replace(marker=marker)
        for (address, write), outcome in zip(self._batch.named, made, strict=True):
            goes = outcome.outcome == DONE and write.entry is None and write.marker is None
            if goes and address not in steps.put:
                document.rows.pop(str(address), None)
        self._note(document, steps)

    def _store(self, item: Named) -> str:
        address, write = item
        at = reference(write.entry or b"", self._run.token, str(address))
        if at not in self._stored:
            store = store_skill if address.kind == SKILL else store_version
            store(self._blobs, at, write)
            self._stored.add(at)
            self._read.pop((address.kind, at), None)
        return at

    def _note(self, document: Document, steps: Steps) -> None:
        """Inventory, generations and the audit trail."""
        for address, applied in steps.applied.items():
            row = document.rows.get(address, Row())._replace(applied=applied)
            if row.is_there or applied is not None:
                document.rows[address] = row
            else:
                document.rows.pop(address, None)
        document.generations.update(steps.generations)
        for event in steps.events:
            document.tail.append(event)
            document.last = event
            address = str(Address(LABEL, event.name, event.label))
            if (kept := document.rows.get(address)) is not None:
                after = canonical_bytes(event.after).decode()
                document.rows[address] = kept._replace(moved=(event.at, event.actor, after))
        if len(document.tail) >= SEALED_EVENTS:
            self._seal(document)

    def _seal(self, document: Document) -> None:
        data = json.dumps(document.tail, ensure_ascii=False).encode()
        at = reference(data, self._run.token, "events")
        self._blobs.write(entry_key(at), data)
        document.sealed.append(at)
        document.tail.clear()


def sealed_events(data: bytes) -> list[LabelEvent]:
    """What ``_seal`` stored. Raises ``ValueError`` or ``TypeError`` for anything else."""
    return [tuple_of(LabelEvent, event) for event in json.loads(data)]
