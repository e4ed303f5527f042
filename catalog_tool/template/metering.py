"""The work limit of optional engines: every step costs, whatever it is spent on.

Knows no engine: plain operations on plain JSON that first pay for what they are about to do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from functools import partial
from typing import Any

from catalog_tool.model import limits
from catalog_tool.template.errors import RenderError, RenderLimitError
from catalog_tool.template.numbers import canonical_number
from catalog_tool.template.render import Allowance, text_of

_CHARACTERS_A_STEP = 64
_INTEGER_BITS = 1024
_RANGE = 100_000
_WIDTH = 64
"""Columns that ``indent`` may add."""


class Meter:
    """The steps that one rendering may still take, and what it may still write."""

    __slots__ = ("allowance", "left")

    def __init__(self, allowance: Allowance, steps: int = limits.JINJA_STEPS) -> None:
        self.left = steps
        self.allowance = allowance

    def spend(self, steps: int) -> None:
        """Pay ``steps``; raises RenderLimitError where they are not there."""
        self.left -= max(steps, 0)
        if self.left < 0:
            raise RenderLimitError(f"the template works more than {limits.JINJA_STEPS} steps and was stopped")

    def text(self, characters: int) -> None:
        """Pay for a text of that length before it is made."""
        if characters > limits.RENDERED_CHARACTERS:
            raise RenderLimitError(f"a text in the template passes {limits.RENDERED_CHARACTERS} characters")
        self.spend(1 + characters // _CHARACTERS_A_STEP)

    def weigh(self, value: Any) -> None:
        """Pay for looking at all of ``value``, however deep it is."""
        queue = [value]
        while queue:
            item = queue.pop()
            self.spend(1 + len(item) // _CHARACTERS_A_STEP if isinstance(item, str) else 1)
            if isinstance(item, dict):
                self.spend(len(item))
                queue.extend(item.values())
            elif isinstance(item, list | tuple):
                self.spend(len(item))
                queue.extend(item)
            elif isinstance(item, int):
                check_integer(item)
            elif isinstance(item, range):
                self.spend(len(item))

    def each(self, values: Iterable[Any], steps: int = 1) -> Iterator[Any]:
        """``values`` one by one, each paid for when it is taken."""
        for value in values:
            self.spend(1 + max(steps, 0))
            yield value


_CURRENT: ContextVar[Meter] = ContextVar("meter")


def meter() -> Meter:
    """The meter of the rendering that runs in this thread or task."""
    return _CURRENT.get()


def metered(work: Callable[[], str], allowance: Allowance) -> str:
    """Run ``work`` under a fresh meter."""
    token = _CURRENT.set(Meter(allowance))
    try:
        return work()
    finally:
        _CURRENT.reset(token)


def weighed(value: Any) -> Any:
    """``value``, paid for; what is lazy becomes a list."""
    if isinstance(value, Iterator):
        value = list(meter().each(value))
    meter().weigh(value)
    return value


def operate(operator: str, left: Any, right: Any, compute: Callable[[Any, Any], Any]) -> Any:
    """One arithmetic operation, refused where its result would be large."""
    meter().spend(1)
    if operator == "%" and isinstance(left, str):
        raise RenderError("formatting with '%' is not available in templates: use '~'")
    if operator == "*":
        _pay_for_copies(left, right)
        _pay_for_copies(right, left)
    elif operator == "+":
        _pay_for_sum(left, right)
    elif operator == "**":
        _check_power(left, right)
    for operand in (left, right):
        check_integer(operand)
    result = compute(left, right)
    check_integer(result)
    return result


def check_integer(value: Any) -> None:
    """Refuse integers whose arithmetic would take long."""
    if isinstance(value, int) and value.bit_length() > _INTEGER_BITS:
        raise RenderLimitError("a number in the template grows too large")


def _pay_for_copies(sequence: Any, times: Any) -> None:
    if not isinstance(times, int):
        return
    if isinstance(sequence, str):
        meter().text(len(sequence) * max(times, 0))
    elif isinstance(sequence, list | tuple):
        meter().spend(len(sequence) * max(times, 0))


def _pay_for_sum(left: Any, right: Any) -> None:
    if isinstance(left, str) and isinstance(right, str):
        meter().text(len(left) + len(right))
    elif isinstance(left, list | tuple) and isinstance(right, list | tuple):
        meter().spend(len(left) + len(right))


def _check_power(base: Any, exponent: Any) -> None:
    if not (isinstance(base, int) and isinstance(exponent, int)) or base in (-1, 0, 1):
        return
    if abs(exponent) * base.bit_length() > 2 * _INTEGER_BITS:
        raise RenderLimitError("a number in the template grows too large")


def bounded_range(*bounds: int) -> range:
    """``range`` of at most 100,000 numbers."""
    numbers = range(*bounds)
    if len(numbers) > _RANGE:
        raise RenderLimitError(f"a range in the template passes {_RANGE} numbers")
    return numbers


def new_object(*args: Any, **kwargs: Any) -> dict[Any, Any]:
    """``dict`` with its arguments paid for."""
    return dict(*(weighed(arg) for arg in args), **weighed(kwargs))


def as_text(value: Any) -> str:
    """A scalar as it would be written; a list or an object is an error."""
    return text_of(value, "the value")


def join(values: Any, separator: Any = "") -> str:
    """``separator.join`` over scalars."""
    pieces = [as_text(value) for value in values]
    between = as_text(separator)
    meter().text(sum(map(len, pieces)) + len(between) * max(len(pieces) - 1, 0))
    return between.join(pieces)


def replace(text: Any, old: Any, new: Any, count: Any = None) -> str:
    """``str.replace`` with its result paid for before."""
    whole, before, after = as_text(text), as_text(old), as_text(new)
    times = whole.count(before)
    if isinstance(count, int) and count >= 0:
        times = min(times, count)
    meter().text(len(whole) + times * max(len(after) - len(before), 0))
    return whole.replace(before, after, times)


def strip(text: Any, characters: Any = None, *, sides: Callable[[str, Any], str] = str.strip) -> str:
    """``str.strip`` with a short set of characters: each is searched for at each end."""
    if isinstance(characters, str) and len(characters) > _WIDTH:
        raise RenderLimitError(f"strip takes at most {_WIDTH} characters")
    return sides(as_text(text), characters)


def indent(text: Any, width: Any = 4, first: Any = False, blank: Any = False) -> str:
    """``text`` with ``width`` spaces (or the text ``width``) before each line but the first."""
    prefix = width if isinstance(width, str) else " " * min(int(width), _WIDTH + 1)
    if len(prefix) > _WIDTH:
        raise RenderLimitError(f"indent passes {_WIDTH} characters")
    lines = as_text(text).split("\n")
    meter().text(sum(map(len, lines)) + len(lines) * (len(prefix) + 1))
    meter().spend(len(lines))
    return "\n".join(
        prefix + line if (number or first) and (line or blank) else line for number, line in enumerate(lines)
    )


def total(values: Any, start: Any = 0) -> Any:
    """The sum of numbers only: summing lists would copy them again and again."""
    result = start
    for value in values:
        if not isinstance(value, int | float) or not isinstance(result, int | float):
            raise TypeError("sum is for numbers")
        result = result + value
    return result


def rounded(value: Any, precision: Any = 0) -> Any:
    """``round`` with at most 30 digits on either side."""
    if not isinstance(precision, int) or abs(precision) > 30:
        raise RenderLimitError("round takes at most 30 digits")
    return round(float(value), precision)


def json_text(value: Any) -> str:
    """Compact JSON, keys in their own order, numbers canonical."""
    pieces: list[str] = []
    _json(value, pieces, 0)
    meter().text(sum(map(len, pieces)))
    return "".join(pieces)


def _json(value: Any, out: list[str], depth: int) -> None:
    if depth > limits.NESTING:
        raise RenderLimitError(f"tojson: nested deeper than {limits.NESTING}")
    if value is None or isinstance(value, bool):
        out.append({None: "null", True: "true", False: "false"}[value])
    elif isinstance(value, int | float):
        out.append(canonical_number(value))
    elif isinstance(value, str):
        out.append(_quoted(value))
    elif isinstance(value, dict):
        _json_items(value.items(), out, depth)
    elif isinstance(value, list | tuple | range):
        for number, item in enumerate(value):
            out.append("," if number else "[")
            _json(item, out, depth + 1)
        out.append("]" if len(value) else "[]")
    else:
        raise TypeError("tojson is for JSON values")


def _json_items(items: Iterable[tuple[Any, Any]], out: list[str], depth: int) -> None:
    opening = "{"
    for key, item in items:
        out.append(f"{opening}{_quoted(as_text(key))}:")
        _json(item, out, depth + 1)
        opening = ","
    out.append("{}" if opening == "{" else "}")


_ESCAPES = str.maketrans(
    {chr(code): f"\\u{code:04x}" for code in range(32)}
    | {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}
)


def _quoted(text: str) -> str:
    return f'"{text.translate(_ESCAPES)}"'


FILTERS: dict[str, Callable[..., Any]] = {
    "indent": indent,
    "join": join,
    "replace": replace,
    "round": rounded,
    "string": as_text,
    "sum": total,
    "tojson": json_text,
    "trim": strip,
}
"""Filters of our own, where an engine's could make much of little."""

_TEXT_METHODS: dict[str, Callable[..., Any]] = {
    "capitalize": str.capitalize,
    "count": str.count,
    "endswith": str.endswith,
    "find": str.find,
    "isalnum": str.isalnum,
    "isalpha": str.isalpha,
    "isdigit": str.isdigit,
    "isspace": str.isspace,
    "join": lambda text, values: join(values, text),
    "lower": str.lower,
    "lstrip": partial(strip, sides=str.lstrip),
    "replace": replace,
    "rstrip": partial(strip, sides=str.rstrip),
    "split": str.split,
    "splitlines": str.splitlines,
    "startswith": str.startswith,
    "strip": strip,
    "title": str.title,
    "upper": str.upper,
}
_OBJECT_METHODS: dict[str, Callable[..., Any]] = {
    "get": dict.get,
    "items": lambda value: list(value.items()),
    "keys": list,
    "values": lambda value: list(value.values()),
}


def method(value: Any, name: str) -> Callable[..., Any] | None:
    """The function behind ``value.name(…)``, None where a value has no such method."""
    if isinstance(value, dict):
        return _OBJECT_METHODS.get(name)
    return _TEXT_METHODS.get(name) if isinstance(value, str) else None
