"""Files of JSON lines: plain, gzipped, or standard input; bounded, and honest about what could not be read."""

from __future__ import annotations

import gzip
import json
import os
import stat
import sys
import time
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, cast

from catalog_tool.errors import BackendError
from catalog_tool.usage.otlp_values import Reach
from catalog_tool.usage.source import OK, PARTIAL, Progress, SourceReport

LINE_BYTES = 64 * 1024 * 1024
"""Longest line that is read."""
STDIN = "-"
FRESH_SECONDS = 60
"""A file that was written to so lately may be written to just now: a collector's file exporter flushes what it
buffers every second, wherever that ends a line."""
_EVERY = 2_000
_GZIP = b"\x1f\x8b"


class LineFile:
    """The objects of a file, a line each.

    ``unfinished``: the last line is the beginning of an object, in a file that something may be writing just now.
    What stands in it is not known; any other line that cannot be read is damage.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.bad = 0
        self.unfinished = False
        self._first_bad = 0
        self._number = 0

    @property
    def damage(self) -> str | None:
        """What could not be read, or None."""
        if not self.bad:
            return None
        lines = "1 line is" if self.bad == 1 else f"{self.bad} lines are"
        return f"{self.name}: {lines} not what this source writes, the first is line {self._first_bad}"

    def report(self, kind: str, reach: Reach) -> SourceReport:
        """How reading it went, once ``objects`` is through."""
        if self.damage is not None:
            return SourceReport(kind, PARTIAL, reach.start, reach.end, self.damage)
        unfinished = (
            f"{self.name}: line {self._number} is unfinished, something may be writing it just now"
            if self.unfinished
            else None
        )
        return SourceReport(kind, OK, reach.start, reach.end, unfinished, unfinished=self.unfinished)

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
        is_live = not zipped and _is_fresh(raw)
        decode = json.JSONDecoder().raw_decode
        for line in iter(partial(file.readline, LINE_BYTES), b""):
            self._number += 1
            begun = False
            try:
                text = line.decode().strip()
                value, end = decode(text)
                value = value if end == len(text) else None
            except ValueError:
                value, begun = None, is_live and self._number > 1 and _is_begun(line)
            except RecursionError:
                value = None
            if isinstance(value, dict):
                yield value
            elif begun:
                self.unfinished = True
            elif line.strip():
                self.reject()
            if progress is not None and self._number % _EVERY == 0:
                _tell(progress, raw, total)
        if progress is not None:
            progress(1, 1)


def _is_fresh(raw: BinaryIO) -> bool:
    """Whether it is a file that was written to within the last minute; what came through a pipe is at its end."""
    held = os.fstat(raw.fileno())
    return stat.S_ISREG(held.st_mode) and time.time() - held.st_mtime < FRESH_SECONDS


def _is_begun(line: bytes) -> bool:
    """Whether a line that is no JSON may be the beginning of an object."""
    return line.startswith(b"{") and not line.endswith(b"\n") and len(line) < LINE_BYTES


def _open(name: str) -> BinaryIO:
    if name == STDIN:
        return cast("BinaryIO", os.fdopen(os.dup(sys.stdin.fileno()), "rb"))
    return cast("BinaryIO", Path(name).open("rb"))


def _tell(progress: Progress, raw: BinaryIO, total: int) -> None:
    at = raw.tell() if total else 0
    progress(at, max(total, at + 1))
