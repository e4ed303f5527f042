"""Strict JSON: RFC 8259 with the refusals of our YAML (design §2.4).

The standard library reads the value and notices that something is strange; only then are the tokens
looked at one by one, to say what and where.
"""

from __future__ import annotations

import json
import re
import sys
import unicodedata
from collections.abc import Iterator
from typing import Any

from catalog_tool.model.limits import NESTING, NODES
from catalog_tool.source.decoding import MOST_FLAWS, Flaw, place
from catalog_tool.source.strict_yaml import REFUSED_KEYS, WARNINGS, Document
from catalog_tool.source.yaml_scalars import RefusedNumberError, resolve_plain

_SURROGATE = re.compile("[\ud800-\udfff]")
_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[{}\[\],:]|[^\s{}\[\],:"]+')
_NUMBER_FIRST = frozenset("-0123456789NI")
"""Of the numbers, and of the three names that Python reads as numbers."""

Found = tuple[str, str]
"""A code and a message."""
_COMMA: Found = ("Y022", "not JSON: a comma with nothing after it")
_ENDS = ("]", "}")


def read_json(text: str) -> Document:
    """The value of a JSON text, with everything that is wrong in it; never raises for bad input."""
    reader = _Reader()
    try:
        value = json.loads(
            text,
            object_pairs_hook=reader.pairs,
            parse_int=reader.number,
            parse_float=reader.number,
            parse_constant=reader.constant,
        )
    except json.JSONDecodeError as error:
        at, (code, message) = _syntax(text, error)
        return Document(None, [Flaw(code, message, *place(text, at))], refused=True)
    except (RecursionError, _TooMuchError):
        value = None
        reader.is_strange = True
    if not reader.is_strange and not _is_strange(value):
        return Document(value, [], refused=False)
    flaws = [Flaw(code, message, *place(text, at)) for at, (code, message) in _first(_Survey(text).flaws())]
    return Document(value, flaws, refused=any(flaw.code not in WARNINGS for flaw in flaws))


def _syntax(text: str, error: json.JSONDecodeError) -> tuple[int, Found]:
    """What ends the reading, in the same words under every Python: how deep each goes, and what it calls a
    comma too many, differs.
    """
    for at, found in _Survey(text).flaws(error.pos):
        if found[0] == "Y015":
            return at, found
    comma = len(text[: error.pos].rstrip(" \t\n")) - 1
    if text[error.pos : error.pos + 1] in _ENDS and text[comma : comma + 1] == ",":
        return comma, _COMMA
    return error.pos, _COMMA if "trailing comma" in error.msg else ("Y022", f"not JSON: {error.msg}")


def _first(found: Iterator[tuple[int, Found]]) -> Iterator[tuple[int, Found]]:
    """As many as a file may have wrong: to find a place takes as long as the text before it is."""
    for _, flaw in zip(range(MOST_FLAWS), found, strict=False):
        yield flaw


class _TooMuchError(Exception):
    """Out of ``json.loads`` as soon as the values are too many; never seen outside this module."""


class _Reader:
    """The hooks of ``json.loads``; ``is_strange`` where one of them saw something to tell."""

    def __init__(self) -> None:
        self.is_strange = False
        self._numbers = 0

    def pairs(self, items: list[tuple[str, Any]]) -> dict[str, Any]:
        """The object of these members; of two with one key the last counts."""
        value = dict(items)
        if len(value) != len(items) or any(_key_flaw(key) for key in value):
            self.is_strange = True
        return value

    def number(self, spelled: str) -> Any:
        """The value of a number."""
        self._numbers += 1
        if self._numbers > NODES:
            raise _TooMuchError
        try:
            scalar = resolve_plain(spelled)
        except RefusedNumberError:
            return self.constant(spelled)
        self.is_strange = self.is_strange or scalar.code is not None
        return scalar.value

    def constant(self, _spelled: str) -> Any:
        """A stand-in for what JSON does not know."""
        self.is_strange = True
        return 0


def _is_strange(value: Any) -> bool:
    """Whether a value is too deep or too large, or holds text that is refused."""
    level, depth, count = [value], 0, 0
    while level:
        count += len(level)
        below: list[Any] = []
        is_deeper = False
        for item in level:
            if isinstance(item, str):
                if _text_flaw(item):
                    return True
            elif isinstance(item, dict | list):
                is_deeper = True
                count += len(item) if isinstance(item, dict) else 0
                below.extend(item.values() if isinstance(item, dict) else item)
        depth += is_deeper
        if depth > NESTING or count > NODES:
            return True
        level = below
    return False


def _key_flaw(key: str) -> Found | None:
    if key in REFUSED_KEYS:
        return "Y014", "the key `__proto__` is refused: JavaScript readers drop it"
    if not key.isascii() and not _SURROGATE.search(key) and not unicodedata.is_normalized("NFC", key):
        return "Y025", f"the key `{key[:60]}` is not in Unicode normal form C"
    return _text_flaw(key)


def _text_flaw(text: str) -> Found | None:
    if "\0" in text:
        return "Y004", "an escaped NUL character"
    if not text.isascii() and _SURROGATE.search(text):
        return "Y016", "a lone surrogate: write the character itself"
    return None


class _Survey:
    """The tokens of a text that the standard library has read, in their order."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._keys: list[set[str] | None] = []
        self._at_key = False
        self._count = 0

    def flaws(self, end: int = sys.maxsize) -> Iterator[tuple[int, Found]]:
        """What is wrong, with its offset; of what ends before ``end`` only."""
        for found in _TOKEN.finditer(self._text):
            if found.end() > end:
                return
            flaw = self._token(found[0])
            if flaw is not None:
                yield found.start(), flaw
            if flaw is not None and flaw[0] == "Y015":
                return

    def _token(self, token: str) -> Found | None:
        first = token[0]
        if first in "]}":
            self._keys.pop()
        elif first in ",:":
            self._at_key = first == "," and self._keys[-1] is not None
        else:
            self._count += 1
            if self._count > NODES:
                return "Y015", f"more than {NODES} values"
            return self._open(first) if first in "[{" else self._scalar(token)
        return None

    def _open(self, first: str) -> Found | None:
        self._keys.append(set() if first == "{" else None)
        self._at_key = first == "{"
        return ("Y015", f"nested more than {NESTING} deep") if len(self._keys) > NESTING else None

    def _scalar(self, token: str) -> Found | None:
        if token[0] == '"':
            text = json.loads(token)
            return self._key(text) if self._at_key else _text_flaw(text)
        return _number_flaw(token) if token[0] in _NUMBER_FIRST else None

    def _key(self, key: str) -> Found | None:
        keys = self._keys[-1] if self._keys[-1] is not None else set()
        is_double = key in keys
        keys.add(key)
        return ("Y008", f"the key `{key[:60]}` is given twice") if is_double else _key_flaw(key)


def _number_flaw(token: str) -> Found | None:
    if token[-1] in "Ny":  # NaN, Infinity
        return "Y012", f"`{token}` is not a number JSON can hold"
    try:
        scalar = resolve_plain(token)
    except RefusedNumberError as error:
        return "Y012", str(error)
    return (scalar.code, scalar.message) if scalar.code is not None else None
