"""Values as OTLP/JSON spells them (opentelemetry-proto): one key names the type, integers may be text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from catalog_tool.usage.windows import DATED

Attributes = dict[str, Any]
"""A record's attributes: key → AnyValue, as they stand in the line."""


def attributes_of(holder: Mapping[str, Any]) -> Attributes:
    """The attributes of a record, a resource, a span or a point."""
    return {item["key"]: item["value"] for item in holder.get("attributes") or ()}


def text_of(value: Mapping[str, Any] | None) -> str:
    """An AnyValue as text; a list, a map, or none at all is the empty string."""
    if value:
        for held in value.values():
            if isinstance(held, str):
                return held
            if isinstance(held, bool):
                return "true" if held else "false"
            if isinstance(held, int | float):
                return str(held)
    return ""


def texts_of(value: Mapping[str, Any] | None) -> list[str]:
    """A list of texts: an ``arrayValue``, or JSON in a string, whose items may be objects with a ``name``."""
    if not value:
        return []
    held = value.get("arrayValue")
    if isinstance(held, dict):
        return [text for item in held.get("values") or () if (text := text_of(item))]
    found = json_of(value)
    items = found if isinstance(found, list) else []
    names = (item.get("name") if isinstance(item, dict) else item for item in items)
    return [name for name in names if isinstance(name, str) and name]


def json_of(value: Mapping[str, Any] | None) -> Any:
    """The JSON that a string attribute holds, or None."""
    text = text_of(value)
    if text[:1] not in ("{", "["):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def number_of(value: Mapping[str, Any] | None) -> float | None:
    """A number, or the number that a text spells; None for anything else."""
    try:
        return float(text_of(value))
    except ValueError:
        return None


def first_of(attributes: Mapping[str, Any], keys: Iterable[str]) -> str:
    """The text of the first of these attributes that has one."""
    for key in keys:
        text = text_of(attributes.get(key))
        if text:
            return text
    return ""


class Reach:
    """The oldest and the newest record of a source."""

    def __init__(self) -> None:
        self.start: int | None = None
        self.end: int | None = None

    def see(self, time: int) -> None:
        """A record of this time (ns); one before ``DATED`` is none."""
        if (self.start is None or time < self.start) and time >= DATED:
            self.start = time
        if (self.end is None or time > self.end) and time >= DATED:
            self.end = time
