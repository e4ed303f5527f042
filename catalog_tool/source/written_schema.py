"""JSON Schemas that stand inside a file: what is wrong with them, at their places (design §5)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from catalog_tool.model.limits import NESTING
from catalog_tool.source.document import SourceDocument, pointer_path
from catalog_tool.source.positions import Path
from catalog_tool.source.schema_engine import SchemaEngine, check_schema

_CODES = {"reference": "P121", "pattern": "P122", "dialect": "P125"}
_TYPES = {"string": str, "boolean": bool, "integer": int}
_PLAIN_KEYS = frozenset({"type", "enum", "default", "description", "title"})
_LONGEST_KNOWN, _MOST_KNOWN = 2000, 2000
"""Characters of a schema that is remembered, and how many of them are."""
_known_good: set[str] = set()
"""Schemas as ``repr`` spells them in which nothing was wrong: many prompts share a tool's or an output's."""


def check_written_schema(document: SourceDocument, path: Path, schema: Any) -> None:
    """Report what is wrong with a JSON Schema that stands at ``path`` of the document, defaults included."""
    spelled = repr(schema)
    if spelled in _known_good:
        return
    problems = check_schema(schema)
    for problem in problems:
        where = [*path, *pointer_path(problem.pointer, schema)]
        document.report(_CODES.get(problem.kind, "P120"), problem.message, document.at(where))
    unsettled = []
    if "'default'" in spelled:
        unsettled = [found for found in _with_defaults(schema) if not _plainly_fits(found[1])]
    if unsettled:
        _check_defaults(document, path, unsettled, SchemaEngine(schema))
    elif not problems and len(spelled) <= _LONGEST_KNOWN:
        if len(_known_good) >= _MOST_KNOWN:
            _known_good.clear()
        _known_good.add(spelled)


def _check_defaults(
    document: SourceDocument, path: Path, found: list[tuple[list[str], Any]], engine: SchemaEngine
) -> None:
    """Each default as the only value of its document: references mean what they mean there."""
    if any(problem.kind != "dialect" for problem in engine.problems):
        return
    for steps, schema in found:
        only, pointer = _only(steps, schema["default"])
        for problem in engine.errors(only):
            if problem.pointer == pointer or problem.pointer.startswith(pointer + "/"):
                message = f"the default is refused by its own schema: {problem.message}"
                document.report("P123", message, document.at([*path, *steps, "default"]))
                break


def _plainly_fits(schema: Mapping[str, Any]) -> bool:
    """Whether a default is one of its schema's words, or of the type that is all its schema asks."""
    default = schema["default"]
    if schema.keys() - _PLAIN_KEYS:
        return False
    if type(schema.get("enum")) is list:
        return type(default) is str and default in schema["enum"] and schema.get("type", "string") == "string"
    kind = schema.get("type", "")
    return isinstance(kind, str) and _TYPES.get(kind) is type(default)


def _only(path: list[str], default: Any) -> tuple[Any, str]:
    """The smallest document in which the schema at ``path`` meets its default, and where it meets it."""
    document, pointer = default, ""
    for keyword, name in reversed(list(_steps(path))):
        document = [document] if keyword == "items" else {name: document}
        step = "0" if keyword == "items" else name.replace("~", "~0").replace("/", "~1")
        pointer = f"/{step}{pointer}"
    return document, pointer


def _steps(path: list[str]) -> Iterator[tuple[str, str]]:
    """``properties NAME`` and ``items``, as ``_with_defaults`` walks."""
    rest = iter(path)
    for keyword in rest:
        yield keyword, next(rest) if keyword == "properties" else ""


def _with_defaults(schema: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[list[str], dict[str, Any]]]:
    """Every schema of the whole, of properties and of items that has a default, with its path."""
    if not isinstance(schema, dict) or len(path) > NESTING:
        return
    if "default" in schema:
        yield list(path), schema
    properties = schema.get("properties")
    if isinstance(properties, dict):
        for name, inner in properties.items():
            yield from _with_defaults(inner, (*path, "properties", name))
    yield from _with_defaults(schema.get("items"), (*path, "items"))
