"""Files of JSON lines: plain, gzipped, or standard input; bounded, and honest about what could not be read."""

from __future__ import annotations

import gzip
import json
import os
import sys
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, cast

from catalog_tool.errors import BackendError
from catalog_tool.usage.source import Progress

LINE_BYTES = 64 * 1024 * 1024
"""Longest line that is read."""
STDIN = "-"
_EVERY = 2_000
_GZIP = b"\x1f\x8b"


class LineFile:
    """The objects of a file, a line each. The last line may be cut: something may be writing it just now."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.bad = 0
        self._first_bad = 0
        self._number = 0

    @property
    def damage(self) -> str | None:
        """What could not be read, or None."""
        if not self.bad:
            return None
        lines = "1 line is" if self.bad == 1 else f"{self.bad} lines are"
        return f"{self.name}: {lines} not what this source writes, the first is line {self._first_bad}"

    def reject(self) -> None:
        """The line read last holds something else than it should."""
        self.bad += 1
        self._first_bad = self._first_bad or self._number

    def objects(self, progress: Progress | None) -> Iterator[dict[str, Any]]:
        """Each line's object. Raises ``BackendError`` where the file cannot be read to its end."""
        try:
            with ExitStack() as stack:
                yield from self._decoded(stack, progress)
        except (OSError, EOFError, zlib.error) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise BackendError(f"{self.name}: {reason}", hint="name a file of JSON lines, or - for stdin") from error

    def _decoded(self, stack: ExitStack, progress: Progress | None) -> Iterator[dict[str, Any]]:
        raw = stack.enter_context(_open(self.name))
        total = os.fstat(raw.fileno()).st_size if raw.seekable() else 0
        zipped = cast("Any", raw).peek(2)[:2] == _GZIP
        file = cast("BinaryIO", stack.enter_context(gzip.GzipFile(fileobj=raw))) if zipped else raw
        decode = json.JSONDecoder().raw_decode
        for line in iter(partial(file.readline, LINE_BYTES), b""):
            self._number += 1
            try:
                text = line.decode().strip()
                value, end = decode(text)
                value = value if end == len(text) else None
            except (ValueError, RecursionError):
                value = None
            if isinstance(value, dict):
                yield value
            elif line.strip() and (line.endswith(b"\n") or len(line) == LINE_BYTES):
                self.reject()
            if progress is not None and self._number % _EVERY == 0:
                _tell(progress, raw, total)
        if progress is not None:
            progress(1, 1)


def _open(name: str) -> BinaryIO:
    if name == STDIN:
        return cast("BinaryIO", os.fdopen(os.dup(sys.stdin.fileno()), "rb"))
    return cast("BinaryIO", Path(name).open("rb"))


def _tell(progress: Progress, raw: BinaryIO, total: int) -> None:
    at = raw.tell() if total else 0
    progress(at, max(total, at + 1))
