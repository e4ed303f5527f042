"""What a command says, and on what: stdout keeps every byte or says so, stderr never decides how a command ends.

Python's own streams lose the end of a text without a word where ``PYTHONUNBUFFERED`` is set and the system
takes a part of it, are None where the caller closed them, and raise ``OSError`` as any file does, so that
nobody can tell a disk that is full under a result from one that is full under an output folder.
"""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress
from typing import TextIO


class LostOutputError(Exception):
    """The result could not be written. Not an ``OSError``: click ends with exit code 1 at one of those.

    ``reader_left``: whoever read it has closed the pipe, and wants no more.
    """

    def __init__(self, error: OSError) -> None:
        super().__init__(error.strerror or str(error))
        self.reader_left = isinstance(error, BrokenPipeError)


class _Results(io.TextIOWrapper):
    """stdout: what cannot be written raises ``LostOutputError``."""

    def write(self, text: str) -> int:
        try:
            return super().write(text)
        except OSError as error:
            raise LostOutputError(error) from error

    def flush(self) -> None:
        try:
            super().flush()
        except OSError as error:
            raise LostOutputError(error) from error


class _Remarks(io.TextIOWrapper):
    """stderr: what cannot be written is dropped, for there is nobody left to tell."""

    def write(self, text: str) -> int:
        with suppress(OSError):
            return super().write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            super().flush()


def take_streams() -> None:
    """Put streams of our own in place of the process's: UTF-8 whatever the locale, and open even if closed."""
    sys.stdout = _taken(sys.stdout, _Results)
    sys.stderr = _taken(sys.stderr, _Remarks)


def _taken(stream: TextIO | None, kind: type[io.TextIOWrapper]) -> TextIO:
    if stream is None:
        return kind(open(os.devnull, "wb"), encoding="utf-8")  # noqa: PTH123 - for the whole run
    raw = stream.buffer
    unbuffered = isinstance(raw, io.RawIOBase)
    buffer = io.BufferedWriter(raw) if unbuffered else raw
    at_once = unbuffered or getattr(stream, "line_buffering", False)
    return kind(buffer, encoding="utf-8", errors="backslashreplace", line_buffering=at_once)


def tolerate_any_text() -> None:
    """Streams that belong to somebody else, who runs a command in his own process: they stay, and take UTF-8."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8", errors="backslashreplace")


def drop_output() -> None:
    """Send whatever still stands in stdout's buffer nowhere: it was lost, and that has been said."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
