"""Bytes to text: UTF-8 only, one BOM dropped, CRLF to LF, and nothing silently repaired (design §2.4)."""

from __future__ import annotations

import re
import unicodedata
from itertools import islice
from typing import NamedTuple

from catalog_tool.model.limits import PARSED_FILE_BYTES

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x84\x86-\x9f\ufffe\uffff]")
_SEPARATOR = re.compile("[\x85\u2028\u2029]|^\ufeff", re.MULTILINE)
_SEPARATORS = ("\x85", "\u2028", "\u2029", "\ufeff")
"""What the pattern can begin with: to look for four characters is ten times faster than to match."""
_BOM = b"\xef\xbb\xbf"
_UTF_16 = " (the file looks like UTF-16; save it as UTF-8)"
_LONE_CR = re.compile(rb"\r(?!\n)")

NOT_NORMAL = "text that is not in Unicode normal form C: its NFC twin has another digest"
MOST_FLAWS = 100
"""A file with more things wrong than this is not read on."""


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
        return Decoded(None, (Flaw("Y002", f"the file is {len(data)} bytes; at most {PARSED_FILE_BYTES} are read"),))
    flaws: tuple[Flaw, ...] = ()
    dropped = len(_BOM) if data.startswith(_BOM) else 0
    if dropped:
        data = data[dropped:]
        flaws = (Flaw("Y006", "the file starts with a byte order mark, which was dropped", 1, 1),)
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        at = error.start
        message = f"not UTF-8: byte {at + dropped} is 0x{data[at]:02x}{_encoding_hint(data)}"
        return Decoded(None, (*flaws, _flaw_at_byte("Y003", message, data, at)))
    if "\r" in text:
        lone = _LONE_CR.search(data)
        if lone is not None:
            at = lone.start()
            message = f"a carriage return without a line feed at byte {at + dropped}; end lines with LF"
            return Decoded(None, (*flaws, _flaw_at_byte("Y005", message, data, at)))
        text = text.replace("\r\n", "\n")
    if "\0" in text:
        at = data.index(b"\0")
        message = f"a NUL character at byte {at + dropped}{_UTF_16 if at + dropped < 2 else ''}"
        return Decoded(None, (*flaws, _flaw_at_byte("Y004", message, data, at)))
    return Decoded(text, flaws)


def _flaw_at_byte(code: str, message: str, data: bytes, at: int) -> Flaw:
    """A flaw at a byte before which all of ``data`` is UTF-8."""
    before = data[:at].decode().replace("\r\n", "\n")
    return Flaw(code, message, *place(before, len(before)))


def _encoding_hint(data: bytes) -> str:
    return _UTF_16 if data[:2] in (b"\xff\xfe", b"\xfe\xff") else " (save the file as UTF-8)"


def control_flaw(text: str) -> Flaw | None:
    """The first control character that YAML forbids, if any."""
    found = _CONTROL.search(text)
    if found is None:
        return None
    return Flaw("Y004", f"the control character U+{ord(found[0]):04X} is not allowed", *place(text, found.start()))


def separator_flaws(text: str) -> list[Flaw]:
    """Unescaped U+0085, U+2028 and U+2029, and U+FEFF where a line begins.

    YAML 1.1 and 1.2 disagree on whether the three end a line; libyaml drops the fourth without a word.

    The first ``MOST_FLAWS`` of them: to find a place takes as long as the text before it is.
    """
    if text.isascii() or not any(character in text for character in _SEPARATORS):
        return []
    return [
        Flaw(
            "Y016",
            f"write U+{ord(hit[0]):04X} as an escape in a double-quoted scalar",
            *place(text, hit.start()),
        )
        for hit in islice(_SEPARATOR.finditer(text), MOST_FLAWS)
    ]


def without_separators(text: str) -> str:
    """The text with those characters as spaces, so that YAML counts lines as everybody else does."""
    return _SEPARATOR.sub(" ", text)


def normal_form_flaw(text: str) -> Flaw | None:
    """The first place of ``text`` that is not in Unicode normal form C, if any (design §4)."""
    if text.isascii() or unicodedata.is_normalized("NFC", text):
        return None
    lines = enumerate(text.split("\n"), 1)
    number, line = next((found for found in lines if not unicodedata.is_normalized("NFC", found[1])), (1, text))
    twin = unicodedata.normalize("NFC", line)
    pairs = enumerate(zip(line, twin, strict=False))
    same = next((at for at, (written, normal) in pairs if written != normal), len(twin))
    return Flaw("Y026", NOT_NORMAL, number, same + 1)
