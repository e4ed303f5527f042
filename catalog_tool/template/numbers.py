"""Numbers as text: RFC 8785 §3.2.2.3, which is what ECMAScript's ``Number.prototype.toString`` prints."""

from __future__ import annotations

import math

from catalog_tool.model import limits


def canonical_number(value: int | float) -> str:
    """``256.0`` → ``256``, ``1e21`` → ``1e+21``: the one spelling of a JSON number.

    Raises ValueError for what JSON cannot carry: NaN, infinities, integers past ±(2^53-1).
    """
    if isinstance(value, int):
        if abs(value) > limits.SAFE_INTEGER:
            raise ValueError("an integer beyond 2^53-1 loses digits in JSON: pass it as a string")
        return int.__repr__(value)
    if not math.isfinite(value):
        raise ValueError("NaN and infinities are no JSON numbers")
    if value == 0:
        return "0"  # minus zero too
    sign, digits, point = _decimal(value)
    return sign + _ecmascript(digits, point)


def _decimal(value: float) -> tuple[str, str, int]:
    """Sign, shortest round-trip digits without outer zeros, and where the decimal point stands.

    The value is ``0.DIGITS × 10**point``. Python's ``repr`` and ECMAScript both print the shortest
    digits that read back as the same double; only the layout differs.
    """
    text = float.__repr__(value)
    sign = "-" if text[0] == "-" else ""
    mantissa, _, exponent = text.removeprefix("-").partition("e")
    whole, _, fraction = mantissa.partition(".")
    written = whole + fraction
    digits = written.lstrip("0")
    point = len(whole) + int(exponent or 0) - (len(written) - len(digits))
    return sign, digits.rstrip("0"), point


def _ecmascript(digits: str, point: int) -> str:
    """Lay out digits the way ECMAScript does: plain from 1e-6 up to 1e21, else with an exponent."""
    count = len(digits)
    if count <= point <= 21:
        return digits + "0" * (point - count)
    if 0 < point <= 21:
        return f"{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"0.{'0' * -point}{digits}"
    fraction = f".{digits[1:]}" if count > 1 else ""
    return f"{digits[0]}{fraction}e{'+' if point > 0 else '-'}{abs(point - 1)}"
