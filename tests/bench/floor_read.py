"""The minimal reader: libyaml's events, composed here; duplicate keys refused, a line for each node."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from yaml._yaml import CParser
from yaml.events import AliasEvent, MappingStartEvent, ScalarEvent, SequenceStartEvent

_CONSTANTS = {
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
    "null": None, "Null": None, "NULL": None, "~": None, "": None,
}  # fmt: skip
_NUMBER = re.compile(r"[-+]?(?:[0-9]+|(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?)", re.ASCII)
_NUMERIC_START = frozenset("+-.0123456789")
_PLACE = object()
_STARTS = frozenset({MappingStartEvent, SequenceStartEvent})


class RefusedError(Exception):
    """The text is not what the floor reads; the generated catalog never raises this."""


def compose(data: bytes) -> tuple[Any, list[int]]:
    """The value of one YAML document and the line of each of its nodes, in the order they stand."""
    next_event: Callable[[], Any] = CParser(data).get_event
    lines: list[int] = []
    top: list[Any] = []
    stack: list[tuple[Any, Any]] = []
    into: Any = top
    key: Any = _PLACE
    while (event := next_event()) is not None:
        kind = event.__class__
        if kind is ScalarEvent:
            lines.append(event.start_mark.line)
            value = event.value
            if into.__class__ is dict and key is _PLACE:
                if value in into:
                    raise RefusedError(f"line {lines[-1] + 1}: {value} stands here twice")
                key = value
                continue
            if event.implicit[0]:
                value = _plain(value)
        elif kind is MappingStartEvent or kind is SequenceStartEvent:
            lines.append(event.start_mark.line)
            _check(event, len(stack))
            stack.append((into, key))
            into, key = ({} if kind is MappingStartEvent else []), _PLACE
            continue
        elif stack:
            _check(event, len(stack))
            value = into
            into, key = stack.pop()
        else:
            continue
        if into.__class__ is dict:
            into[key] = value
            key = _PLACE
        else:
            into.append(value)
    return top[0], lines


def _check(event: Any, depth: int) -> None:
    """Refuse what strict reading refuses of the begin or the end of a collection, or of an alias."""
    kind = event.__class__
    if kind is AliasEvent or (kind in _STARTS and (event.anchor or event.tag or depth > 32)):
        raise RefusedError(f"line {event.start_mark.line + 1}: an alias, an anchor, a tag, or too deep")


def _plain(text: str) -> Any:
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text[0] in _NUMERIC_START and _NUMBER.fullmatch(text):
        try:
            return int(text)
        except ValueError:
            return float(text)
    return text


def front_matter(data: bytes) -> tuple[bytes, bytes]:
    """A SKILL.md's front matter and body."""
    end = data.index(b"\n---\n", 3)
    return data[4 : end + 1], data[end + 5 :]
