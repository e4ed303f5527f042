"""Between a run and the record store: what is known before the run, and what it adds."""

from __future__ import annotations

from collections.abc import Sequence

from catalog_tool.canonical.jcs import digest_of
from catalog_tool.checks.record_store import RecordStore, Stored, stored
from catalog_tool.checks.work import Record, Work
from catalog_tool.source.catalog_files import CatalogFiles
from catalog_tool.source.memory import Memory, code_fingerprint

WORTH_KEEPING = 100
"""Artifacts from which on a store costs less than it saves."""


class Recorder:
    """One run's view of the store; without ``memory`` it knows and keeps nothing."""

    def __init__(self, memory: Memory | None, files: CatalogFiles, profile: str) -> None:
        self._shared = files.shared.digests
        self._keys: list[str | None] = []
        self._new: list[Stored] = []
        self._next = 0
        self._fresh: list[bool] = []
        self._store: RecordStore | None = None
        if memory is not None:
            namespace = f"{code_fingerprint()} {profile} {digest_of(files.team_schemas)}"
            self._store = RecordStore(memory.folder, namespace)

    def recall(self, work: Sequence[Work], *, entries: bool) -> list[Work]:
        """The same work, with what is known of each piece."""
        if self._store is None or len(work) < WORTH_KEEPING:
            self._store = None
            return list(work)
        known = self._store.load(entries=entries)
        recalled = []
        for item in work:
            key = item.key
            found = known.get(key) if key is not None else None
            record = found.record(self._shared) if found is not None else None
            self._keys.append(key)
            self._fresh.append(record is None)
            recalled.append(item if record is None else item._replace(known=record))
        return recalled

    def note(self, record: Record) -> None:
        """Take the next record, in the order of the work."""
        if self._store is None:
            return
        key = self._keys[self._next]
        if key is not None and self._fresh[self._next]:
            self._new.append(stored(key, record))
        self._next += 1

    def save(self) -> None:
        """Keep what was new."""
        if self._store is None:
            return
        if self._new:
            self._store.save(self._new, [key for key in self._keys if key is not None])
        self._store.close()
