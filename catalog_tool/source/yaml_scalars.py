"""What a plain YAML scalar means: the YAML 1.2 core schema without its traps (design §2.4)."""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import Any, NamedTuple

from catalog_tool.model.limits import SAFE_INTEGER

NUMERIC_FIRST = frozenset("0123456789+-.")
"""First characters of plain scalars that may be numbers."""

SIGNIFICANT_DIGITS = 15
"""What every reader of a double keeps."""

_WORDS: dict[str, Any] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_YAML_1_1_BOOLEANS = frozenset(
    spelled for word in ("yes", "no", "on", "off") for spelled in (word, word.capitalize(), word.upper())
)
SUSPECTS = frozenset(_WORDS) | _YAML_1_1_BOOLEANS | {"<<"}
"""Plain scalars that are more than a string, or look as if they were."""
_EXPONENT_FROM = 1e21
"""From here on canonical JSON writes an exponent; below, a whole number that no reader keeps as an integer."""
_INTEGER = re.compile(r"[-+]?[0-9]+", re.ASCII)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)
_SPECIAL = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)", re.ASCII)
_RADIX = re.compile(r"[-+]?0(?:o[0-7_]+|x[0-9a-fA-F_]+)", re.ASCII)
_UNDERSCORED = r"[-+]?(?=[0-9.]*_)(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9_]+)(?:[eE][-+]?[0-9]+)?"
"""The look-ahead asks for the underscore once: looking for it everywhere would be quadratic."""
_LOOK_ALIKES = (
    (re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt \t].*)?", re.ASCII), "a date"),
    (re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?", re.ASCII), "a number in base 60"),
    (re.compile(r"[-+]?0b[01_]+", re.ASCII), "a binary number"),
    (re.compile(_UNDERSCORED, re.ASCII), "a number"),
)


_SHORT = 24
"""Characters of a scalar whose meaning is remembered: the same few stand in every file of a catalog."""


class RefusedNumberError(ValueError):
    """A scalar that is a number somewhere and cannot be kept as one."""


class Scalar(NamedTuple):
    """The value of a plain scalar and, where another reader may disagree, a code and a message."""

    value: Any
    code: str | None = None
    message: str = ""


def resolve_plain(text: str) -> Scalar:
    """The value of a plain scalar. Raises ``RefusedNumberError``, with a message, for numbers JSON cannot keep."""
    return _resolve_short(text) if len(text) <= _SHORT else _resolve(text)


def _resolve(text: str) -> Scalar:
    if text in _WORDS:
        return Scalar(_WORDS[text])
    if text in _YAML_1_1_BOOLEANS:
        return Scalar(text, "Y013", f"`{text}` is a string here and a boolean in YAML 1.1; quote it")
    if _INTEGER.fullmatch(text):
        return _integer(text)
    if _FLOAT.fullmatch(text):
        return _float(text)
    if _SPECIAL.fullmatch(text):
        raise RefusedNumberError(f"`{text}` is not a number JSON can hold")
    if _RADIX.fullmatch(text):
        raise RefusedNumberError(f"`{text[:60]}`: write the number in decimal, or quote it")
    for pattern, what in _LOOK_ALIKES:
        if pattern.fullmatch(text):
            return Scalar(text, "Y013", f"`{text[:60]}` is a string here and {what} in YAML 1.1; quote it")
    return Scalar(text)


_resolve_short = lru_cache(maxsize=2048)(_resolve)


def _integer(text: str) -> Scalar:
    digits = text.lstrip("+-")
    counted = digits.lstrip("0") or "0"
    if len(counted) > 16 or int(counted) > SAFE_INTEGER:
        raise RefusedNumberError(f"the integer `{text[:60]}` is beyond ±(2^53-1); quote it")
    number = -int(counted) if text[0] == "-" else int(counted)
    if len(digits) > 1 and digits[0] == "0":
        return Scalar(
            number,
            "Y019",
            f"`{text[:60]}` is {number} here and octal in YAML 1.1; drop the zeros or quote it",
        )
    return Scalar(number)


def _float(text: str) -> Scalar:
    number = float(text)
    if math.isinf(number):
        raise RefusedNumberError(f"`{text[:60]}` is too large for a number; quote it")
    if SAFE_INTEGER < abs(number) < _EXPONENT_FROM:
        raise RefusedNumberError(f"`{text[:60]}` is a whole number beyond ±(2^53-1); quote it")
    digits = re.sub(r"[eE].*|[-+.]", "", text).strip("0")
    value: float | int = int(number) if number.is_integer() and abs(number) <= SAFE_INTEGER else number
    if len(digits) > SIGNIFICANT_DIGITS:
        return Scalar(
            value,
            "Y019",
            f"`{text[:60]}` has more than {SIGNIFICANT_DIGITS} significant digits; readers round it",
        )
    if digits and not number:
        return Scalar(value, "Y019", f"`{text[:60]}` is too small for a number; readers make it 0")
    return Scalar(value)
