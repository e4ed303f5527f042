"""JSONPath (RFC 9535) as far as an expectation needs it: names, indexes, wildcards, descendants.

``$.answer``, ``$['a key']``, ``$.items[0]``, ``$.items[-1]``, ``$.items[*].id``, ``$..id``. Filters,
slices and unions are refused by name. What is found is bounded, so that no path can keep us busy.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from catalog_tool.model.limits import NODES

STEPS = 32
"""Steps of one path."""
_NAME = r"[A-Za-z_\u0080-\U0010ffff][A-Za-z0-9_\u0080-\U0010ffff]*"
_STEP = (
    rf"(?P<deep>\.\.)?(?:(?P<dot>\.)?(?P<name>{_NAME}|\*)"
    r"|\[(?:'(?P<single>(?:[^'\\]|\\.)*)'|\"(?P<double>(?:[^\"\\]|\\.)*)\"|(?P<index>-?[0-9]{1,9})|(?P<every>\*))\])"
)
_ESCAPE = re.compile(r"\\(.)")


@cache
def _step() -> re.Pattern[str]:
    """Compiled when the first path is read: that takes longer than most imports, and few tests hold one."""
    return re.compile(_STEP)


class BadPathError(ValueError):
    """A path that is not understood, or finds too much; the text says what."""


class Step(NamedTuple):
    """One step: a name, an index, or None for everything; ``deep``: at any depth."""

    key: str | int | None
    deep: bool


def parse_path(path: str) -> tuple[Step, ...]:
    """The steps of a path. Raises ``BadPathError``."""
    if not path.startswith("$"):
        raise BadPathError("a JSON path starts with `$`")
    steps: list[Step] = []
    at = 1
    while at < len(path):
        found = _step().match(path, at)
        if found is None or (found["name"] and not found["deep"] and not found["dot"]):
            raise BadPathError(f"not understood from {path[at : at + 20]!r}: names, [0], [*] and .. are")
        if found["deep"] and found["dot"]:
            raise BadPathError(f"not understood from {path[at : at + 20]!r}")
        steps.append(Step(_key(found), found["deep"] is not None))
        at = found.end()
        if len(steps) > STEPS:
            raise BadPathError(f"more than {STEPS} steps")
    return tuple(steps)


def _key(found: re.Match[str]) -> str | int | None:
    if found["every"] or found["name"] == "*":
        return None
    if found["index"]:
        return int(found["index"])
    quoted = found["single"] if found["single"] is not None else found["double"]
    return found["name"] if quoted is None else _ESCAPE.sub(r"\1", quoted)


def find(path: str, document: Any) -> list[Any]:
    """Every value at ``path``, in the document's order. Raises ``BadPathError``."""
    values = [document]
    for step in parse_path(path):
        values = _within(chosen for value in values for chosen in _chosen(value, step))
    return values


def _within(found: Iterator[Any]) -> list[Any]:
    values = []
    for value in found:
        values.append(value)
        if len(values) > NODES:
            raise BadPathError(f"the path finds more than {NODES:,} values")
    return values


def _chosen(value: Any, step: Step) -> Iterator[Any]:
    for holder in _every(value) if step.deep else (value,):
        yield from _children(holder, step.key)


def _every(value: Any) -> Iterator[Any]:
    pending = [value]
    while pending:
        current = pending.pop()
        yield current
        pending.extend(reversed(list(_children(current, None))))


def _children(value: Any, key: str | int | None) -> Iterator[Any]:
    if isinstance(value, dict):
        if key is None:
            yield from value.values()
        elif isinstance(key, str) and key in value:
            yield value[key]
    elif isinstance(value, list):
        if key is None:
            yield from value
        elif isinstance(key, int) and -len(value) <= key < len(value):
            yield value[key]
