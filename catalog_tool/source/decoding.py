"""Bytes to text: UTF-8 only, one BOM dropped, CRLF to LF, and nothing silently repaired (design §2.4)."""

from __future__ import annotations

import re
from typing import NamedTuple

from catalog_tool.model.limits import PARSED_FILE_BYTES

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x84\x86-\x9f\ufffe\uffff]")
_SEPARATOR = re.compile("[\x85\u2028\u2029]")


class Flaw(NamedTuple):
    """One thing wrong in a text: a code, a message and its place (1-based, code points) in the file."""

    code: str
    message: str
    line: int | None = None
    column: int | None = None


class Decoded(NamedTuple):
    """The text of a file, or None where it cannot be used, and what was wrong."""

    text: str | None
    flaws: tuple[Flaw, ...] = ()


def place(text: str, offset: int) -> tuple[int, int]:
    """Line and column (from 1, code points) of an offset in ``text``."""
    start = text.rfind("\n", 0, offset) + 1
    return text.count("\n", 0, offset) + 1, offset - start + 1


def decode(data: bytes) -> Decoded:
    """The text of ``data``: refuses what is too large, not UTF-8, or holds NUL or a lone CR."""
    if len(data) > PARSED_FILE_BYTES:
        return Decoded(
            None, (Flaw("Y002", f"the file is {len(data)} bytes; at most {PARSED_FILE_BYTES} are read"),)
        )
    flaws: tuple[Flaw, ...] = ()
    if data.startswith(b"\xef\xbb\xbf"):
        data = data[3:]
        flaws = (Flaw("Y006", "the file starts with a byte order mark, which was dropped", 1, 1),)
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        return Decoded(None, (*flaws, _not_utf8(data, error)))
    if "\r" in text:
        text = text.replace("\r\n", "\n")
        lone = text.find("\r")
        if lone >= 0:
            message = (
                f"a carriage return without a line feed at byte {_byte(text, lone)}; use LF or CRLF line ends"
            )
            return Decoded(None, (*flaws, Flaw("Y005", message, *place(text, lone))))
    if "\0" in text:
        at = text.index("\0")
        return Decoded(
            None, (*flaws, Flaw("Y004", f"a NUL character at byte {_byte(text, at)}", *place(text, at)))
        )
    return Decoded(text, flaws)


def _byte(text: str, offset: int) -> int:
    return len(text[:offset].encode())


def _not_utf8(data: bytes, error: UnicodeDecodeError) -> Flaw:
    before = data[: error.start].decode(errors="replace").replace("\r\n", "\n")
    line, column = place(before, len(before))
    return Flaw(
        "Y003",
        f"not UTF-8: byte {error.start} is 0x{data[error.start]:02x}{_encoding_hint(data)}",
        line,
        column,
    )


def _encoding_hint(data: bytes) -> str:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return " (the file looks like UTF-16; save it as UTF-8)"
    return " (save the file as UTF-8)"


def control_flaw(text: str) -> Flaw | None:
    """The first control character that YAML forbids, if any."""
    found = _CONTROL.search(text)
    if found is None:
        return None
    return Flaw(
        "Y004", f"the control character U+{ord(found[0]):04X} is not allowed", *place(text, found.start())
    )


def separator_flaws(text: str) -> list[Flaw]:
    """Unescaped U+0085, U+2028 and U+2029: YAML 1.1 and 1.2 disagree on whether they end a line."""
    if text.isascii():
        return []
    return [
        Flaw(
            "Y016",
            f"write U+{ord(hit[0]):04X} as an escape in a double-quoted scalar",
            *place(text, hit.start()),
        )
        for hit in _SEPARATOR.finditer(text)
    ]


def without_separators(text: str) -> str:
    """The text with those characters as spaces, so that YAML counts lines as everybody else does."""
    return _SEPARATOR.sub(" ", text)
