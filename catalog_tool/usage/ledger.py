"""Every event once, in constant memory: records are parted by session, spilled to disk, and read part by part.

The same event may arrive twice: from two sources, or because a collector tried again. Which ones are
the same can only be said when all have been seen, and all of them may be millions. All events of a
session stand in one part, so a part at a time is enough to drop doubles and to count sessions.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from struct import Struct
from types import TracebackType

PARTS = 128
IN_MEMORY = 4 * 1024 * 1024
"""Bytes of records that are held before they go to disk."""
_RECORD = Struct("<QQqIHB")
_MASK = (1 << 64) - 1

Record = tuple[int, int, int, int, int, int]
"""Event, session (both 64-bit hashes), time in nanoseconds, number of the name, a small number, kind."""


class Ledger:
    """Takes records in any order and gives them back parted by session. Use it as a context.

    ``in_memory`` is how many bytes of records are held before they go to disk.
    """

    def __init__(self, in_memory: int = IN_MEMORY) -> None:
        self._most = in_memory
        self._parts = [bytearray() for _ in range(PARTS)]
        self._held = 0
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> Ledger:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._folder is not None:
            self._folder.cleanup()

    def add(self, event: int, session: int, time: int, name: int, detail: int, kind: int) -> None:
        """Keep a record. ``event`` and ``session`` are hashes (any integers), ``detail`` fits 16 bits, ``kind`` 8."""
        session &= _MASK
        self._parts[session % PARTS] += _RECORD.pack(event & _MASK, session, time, name, detail, kind)
        self._held += _RECORD.size
        if self._held >= self._most:
            self._spill()

    def parts(self) -> Iterator[Iterator[Record]]:
        """The records of each part; every session is in one part only."""
        for number, held in enumerate(self._parts):
            path = self._path(number)
            data = path.read_bytes() + held if path is not None and path.exists() else bytes(held)
            if data:
                yield _RECORD.iter_unpack(data)

    def _spill(self) -> None:
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="catalog-usage-")
        for number, held in enumerate(self._parts):
            path = self._path(number)
            if held and path is not None:
                with path.open("ab") as file:
                    file.write(held)
                held.clear()
        self._held = 0

    def _path(self, number: int) -> Path | None:
        return Path(self._folder.name, f"part-{number}") if self._folder is not None else None
