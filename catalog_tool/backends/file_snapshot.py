"""One state of a ``file`` target: what a pointer names, read as somebody asks for it and never changed meanwhile.

The documents that lead to objects are ours alone: one that is not what its hash says is an error. The
objects' own bytes are given as they are, whatever a hand left there: what they hash to is the caller's
question. An object whose bytes are gone is not there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import sha256

from catalog_tool.backends.file_documents import Kept, Pointer, Shelf, root_from_bytes, shelf_of
from catalog_tool.backends.file_folder import Folder
from catalog_tool.backends.naming import Prefix
from catalog_tool.backends.stored import skill_entry_with
from catalog_tool.clock import iso
from catalog_tool.errors import BackendError
from catalog_tool.model.addresses import LABEL, SKILL, Address
from catalog_tool.model.limits import SKILL_FILE_BYTES
from catalog_tool.model.target import Live

_LAST_SECOND = 253_402_300_799
"""9999-12-31T23:59:59Z, the last that ISO 8601 can write."""


class Snapshot:
    """The shelves that a pointer names. Nothing but the root is kept in memory."""

    def __init__(self, folder: Folder, pointer: Pointer) -> None:
        self._folder = folder
        self.pointer = pointer
        self.root: Mapping[str, str] = {}
        if pointer.root is not None:
            try:
                self.root = root_from_bytes(self._document(pointer.root))
            except ValueError as error:
                raise self._damaged(pointer.root, str(error)) from error

    def shelf(self, key: str) -> Shelf:
        """One shelf; an empty one where there is none."""
        name = self.root.get(key)
        if name is None:
            return Shelf()
        try:
            return Shelf.from_bytes(self._document(name))
        except ValueError as error:
            raise self._damaged(name, str(error)) from error

    def shelf_at(self, address: Address) -> Shelf:
        """The shelf on which an object lies."""
        return self.shelf(shelf_of(address))

    def under(self, prefix: Prefix) -> Iterator[Shelf]:
        """Every shelf under a prefix."""
        for key in self.root:
            if prefix.off(key) is not None:
                yield self.shelf(key)

    def live(self, address: Address, kept: Kept) -> Live | None:
        """An object as it is on the disk; None where its bytes are gone."""
        if address.kind == LABEL:
            told = kept.at is not None and kept.by is not None and kept.at <= _LAST_SECOND
            since = iso(kept.at) if told and kept.at is not None else None
            return Live(str(address), kept.content.encode(), kept.marker, since, kept.by if told else None)
        entry = self._folder.read(kept.content)
        if entry is None:
            return None
        if address.kind == SKILL:
            entry = skill_entry_with(entry, self._listed(kept))
        return Live(str(address), entry, kept.marker)

    def has(self, kept: Kept) -> bool:
        """Whether the bytes of a version are there."""
        return self._folder.read(kept.content) is not None

    def _listed(self, kept: Kept) -> list[dict[str, object]]:
        found = [(path, mode, self._folder.read(name, SKILL_FILE_BYTES)) for path, mode, name in kept.files]
        return [
            {"mode": mode, "path": path, "sha256": sha256(data).hexdigest(), "size": len(data)}
            for path, mode, data in sorted(found, key=lambda file: file[0].encode())
            if data is not None
        ]

    def files(self, kept: Kept) -> dict[str, tuple[str, bytes]]:
        """A skill's files as they are on the disk: path → mode and bytes."""
        found = ((path, mode, self._folder.read(name, SKILL_FILE_BYTES)) for path, mode, name in kept.files)
        return {path: (mode, data) for path, mode, data in found if data is not None}

    def needed(self) -> set[str]:
        """The hashes of everything that this state needs. Raises ``BackendError`` where that cannot be known."""
        found = {*self.root.values()} | ({self.pointer.root} if self.pointer.root is not None else set())
        for key in self.root:
            found |= self.shelf(key).contents()
        return found

    def _document(self, name: str) -> bytes:
        data = self._folder.read(name)
        if data is None:
            raise self._damaged(name, "it is not there")
        if sha256(data).hexdigest() != name:
            raise self._damaged(name, "it is not what its name says")
        return data

    def _damaged(self, name: str, why: str) -> BackendError:
        hint = "restore it, or move the folder away and sync again: git holds all of it"
        return BackendError(f"{self._folder.place()}: the document {name[:12]}… cannot be read: {why}", hint=hint)
