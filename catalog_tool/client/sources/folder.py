"""The rows of a ``file`` target: a folder with a pointer, read without its lock (``backends.file``)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from catalog_tool.backends.file_documents import Kept, Pointer, Shelf
from catalog_tool.backends.file_folder import POINTER, Folder
from catalog_tool.backends.file_snapshot import Snapshot
from catalog_tool.canonical.identity import bundle_digest
from catalog_tool.client.errors import BadAnswerError, SourceUnavailableError
from catalog_tool.client.sources.base import ANSWER_BYTES, LabelRow
from catalog_tool.client.sources.bundle import decoded
from catalog_tool.model.addresses import LABEL, SKILL, VERSION, Address


class FolderRows:
    """``Rows`` of one state of the target. One prompt is its shelf and its entries, whatever else is there.

    Raises ``SourceUnavailableError``, ``BadAnswerError``.
    """

    def __init__(self, path: Path) -> None:
        self._what = str(path)
        self._folder = Folder(path)
        data = self._folder.pointer()
        if data is None:
            raise SourceUnavailableError(f"{path}: there is no target yet", hint="sync it first")
        try:
            self._snapshot = Snapshot(self._folder, Pointer.from_bytes(data))
        except ValueError as error:
            raise BadAnswerError(f"{path}: {POINTER}: {error}") from error
        self._store_id = self._snapshot.pointer.store_id

    def stamp(self, name: str) -> str:
        """Another one as soon as anything about this prompt is another."""
        return f"{self._store_id}-{self._snapshot.root.get(f'{VERSION}/{name}', '')}"

    def label_row(self, name: str) -> LabelRow:
        """``Rows.label_row``."""
        shelf = self._shelf(name)
        labels = {
            address.part: decoded(b'{"value":%b}' % kept.content.encode(), f"{self._what}, label {address.part}")[
                "value"
            ]
            for address, kept in shelf.objects.items()
            if address.kind == LABEL
        }
        return LabelRow(labels, shelf.generation, self._store_id)

    def _shelf(self, name: str) -> Shelf:
        return self._snapshot.shelf(f"{VERSION}/{name}")

    def entry(self, name: str, version: str) -> Any:
        """``Rows.entry``."""
        kept = self._shelf(name).objects.get(Address(VERSION, name, version))
        return self._entry(kept, f"{name}@{version}") if kept is not None else None

    def _entry(self, kept: Kept, what: str) -> Any:
        data = self._folder.read(kept.content, ANSWER_BYTES)
        return decoded(data, f"{self._what}: {what}") if data is not None else None

    def digests(self, name: str) -> Sequence[tuple[str, str]]:
        """``Rows.digests``."""
        return list(self._digests(self._shelf(name), VERSION).items())

    def _digests(self, shelf: Shelf, kind: str) -> dict[str, str]:
        found = {address: kept for address, kept in shelf.objects.items() if address.kind == kind}
        entries = {address: self._entry(kept, str(address)) for address, kept in found.items()}
        return {
            address.part or address.name: str(entry.get("digest"))
            for address, entry in entries.items()
            if entry is not None
        }

    def is_bundle(self, digest: str) -> None:
        """Refuse any other bundle: its digest is recomputed from all labels and the digests that entries claim."""
        labels: dict[str, dict[str, Any]] = {}
        versions: dict[str, dict[str, str]] = {}
        skills: dict[str, str] = {}
        for key in self._snapshot.root:
            kind, _, name = key.partition("/")
            shelf = self._snapshot.shelf(key)
            if kind == SKILL:
                skills |= self._digests(shelf, SKILL)
                continue
            row = self.label_row(name).labels
            labels |= {name: dict(row)} if row else {}
            found = self._digests(shelf, VERSION)
            versions |= {name: found} if found else {}
        recomputed = bundle_digest(labels, versions, skills)
        if recomputed != digest:
            raise BadAnswerError(f"{self._what} is bundle {recomputed}, and {digest} is wanted")
