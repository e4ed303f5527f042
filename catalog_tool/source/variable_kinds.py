"""What kind of value a variable's schema asks for, as far as one can tell without a value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

_REFERENCES = 16
"""How many ``$ref`` are followed before a schema counts as saying nothing."""
_NAMES = {"array": "a list", "object": "an object"}
_EMPTY = "null"


def structure_asked(schema: Any, declared: Mapping[str, Any]) -> str | None:
    """``a list`` or ``an object`` where a schema takes nothing that could be written into a text; else None.

    ``declared`` is the whole ``variables`` part: a ``$ref`` is looked up in it. ``const`` counts before
    ``enum``, and ``enum`` before ``type``: each may only narrow the next (JSON Schema 2020-12, validation §6.1).
    """
    for _ in range(_REFERENCES):
        if not isinstance(schema, dict):
            return None
        kinds = _kinds(schema)
        if kinds is not None:
            asked = sorted(kinds - {_EMPTY})
            return _NAMES[asked[0]] if asked and all(kind in _NAMES for kind in asked) else None
        schema = _referred(schema.get("$ref"), declared)
    return None


def _kinds(schema: Mapping[str, Any]) -> set[str] | None:
    """The kinds of value that a schema takes by its own keywords; None where they do not say."""
    if "const" in schema:
        return {_kind(schema["const"])}
    if isinstance(options := schema.get("enum"), list):
        return {_kind(option) for option in options}
    named = schema.get("type")
    if isinstance(named, str):
        return {named}
    return {name for name in named if isinstance(name, str)} if isinstance(named, list) else None


def _kind(value: Any) -> str:
    if isinstance(value, list):
        return "array"
    if isinstance(value, dict):
        return "object"
    return _EMPTY if value is None else "text"


def _referred(reference: Any, declared: Mapping[str, Any]) -> Any:
    """What a JSON Pointer (RFC 6901) into ``declared`` leads to; None for any other reference."""
    if not isinstance(reference, str) or not reference.startswith("#/"):
        return None
    found: Any = declared
    for step in unquote(reference[2:]).split("/"):
        name = step.replace("~1", "/").replace("~0", "~")
        found = found.get(name) if isinstance(found, dict) else None
    return found
