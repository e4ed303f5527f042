"""The steps of one ``write`` on an SQL store, decided without asking the store again.

What the steps touch was read and locked before; what they change is collected, and written in bulk
after the last one. So the number of statements does not grow with the number of objects, and each
step sees what the ones before it did.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from catalog_tool.backends.audit import Move, chained
from catalog_tool.backends.base import LabelEvent
from catalog_tool.backends.stored import label_value, label_versions, storable_text
from catalog_tool.model.addresses import LABEL, VERSION, Address
from catalog_tool.model.target import CHANGED, DONE, Applied, Run, Write, Written


class Kept(NamedTuple):
    """One object as the store holds it: ``Live.entry`` and its marker."""

    entry: bytes
    marker: str | None


@dataclass(slots=True, kw_only=True)
class Found:
    """What the store holds of all that a batch touches, by the address on the target.

    ``objects`` has every object that a step names, and all labels of prompts that lose a version;
    ``versions`` those that a label shall point to.
    """

    objects: dict[Address, Kept] = field(default_factory=dict)
    versions: set[Address] = field(default_factory=set)
    generations: dict[str, int] = field(default_factory=dict)
    last: LabelEvent | None = None


class Steps:
    """Makes steps one after the other on what was found, and collects what has to be written.

    * ``gone``: objects whose rows have to go; ``put``: the step whose content they hold afterwards.
    * ``marked``: markers of objects that stay.
    * ``applied``: inventory entries by the catalog's own address, None for those that go.
    * ``events``: the moves of labels; ``generations`` those that changed.
    """

    def __init__(self, found: Found, run: Run) -> None:
        self._found = found
        self._run = run._replace(actor=storable_text(run.actor), reason=storable_text(run.reason))
        self._labels: dict[str, dict[Address, bytes]] = {}
        for address, kept in found.objects.items():
            self._index_label(address, kept.entry)
        self._now: dict[Address, Kept | None] = dict(found.objects)
        self.put: dict[Address, Write] = {}
        self.marked: dict[Address, str] = {}
        self.applied: dict[str, Applied | None] = {}
        self.events: list[LabelEvent] = []
        self.generations: dict[str, int] = {}

    @property
    def gone(self) -> Iterator[Address]:
        """Objects whose rows have to go: removed, or about to be written anew."""
        return (address for address in self._found.objects if address in self.put or self._now[address] is None)

    def make(self, address: Address, write: Write) -> Written:
        """Make one step; ``address`` is where the object is on the target."""
        kept = self._now.get(address)
        now = kept.entry if kept is not None else None
        wanted = write.entry if write.entry is not None or write.marker is None else write.seen
        if now not in (write.seen, wanted):
            return Written(write.address, CHANGED, "it is not what the plan saw")
        if (refusal := self._dangling(address, wanted)) is not None:
            return Written(write.address, CHANGED, refusal)
        if write.entry is not None and (kept is None or now != write.entry):
            self._put(address, write)
        elif write.marker is not None and kept is not None:
            self._mark(address, kept, write.marker)
        elif write.entry is None and write.marker is None:
            self._remove(address)
        self._note_move(address, now, wanted)
        self.applied[write.address] = write.applied
        return Written(write.address, DONE)

    def _put(self, address: Address, write: Write) -> None:
        entry = write.entry or b""
        self._now[address] = Kept(entry, write.marker)
        self.put[address] = write
        self.marked.pop(address, None)
        self._index_label(address, entry)

    def _mark(self, address: Address, kept: Kept, marker: str) -> None:
        if kept.marker == marker:
            return
        self._now[address] = kept._replace(marker=marker)
        if address in self.put:
            self.put[address] = self.put[address]._replace(marker=marker)
        else:
            self.marked[address] = marker

    def _remove(self, address: Address) -> None:
        self._now[address] = None
        self.put.pop(address, None)
        self.marked.pop(address, None)
        self._labels.get(address.name, {}).pop(address, None)

    def _index_label(self, address: Address, entry: bytes) -> None:
        if address.kind == LABEL:
            self._labels.setdefault(address.name, {})[address] = entry

    def _dangling(self, address: Address, wanted: bytes | None) -> str | None:
        """Why a step would leave a label that points nowhere."""
        if address.kind == LABEL and wanted is not None:
            missing = [version for version in label_versions(wanted) if not self._has_version(address.name, version)]
            return f"{', '.join(sorted(missing))} is not there" if missing else None
        if address.kind == VERSION and wanted is None:
            for label, entry in self._labels.get(address.name, {}).items():
                if address.part in label_versions(entry):
                    return f"{label} points to it"
        return None

    def _has_version(self, name: str, version: str) -> bool:
        address = Address(VERSION, name, version)
        if address in self._now:
            return self._now[address] is not None
        return address in self._found.versions

    def _note_move(self, address: Address, before: bytes | None, after: bytes | None) -> None:
        if address.kind != LABEL or before == after:
            return
        name = address.name
        generation = self.generations.get(name, self._found.generations.get(name, 0)) + 1
        self.generations[name] = generation
        move = Move(name, address.part, label_value(before), label_value(after), generation)
        self.events.append(chained(self.events[-1] if self.events else self._found.last, move, self._run))


def named_versions(writes: Iterable[tuple[Address, Write]]) -> set[Address]:
    """The versions that the steps' labels point to afterwards."""
    return {
        Address(VERSION, address.name, version)
        for address, write in writes
        if address.kind == LABEL
        for version in label_versions(write.entry if write.entry is not None else write.seen)
    }
