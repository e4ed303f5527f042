"""The keywords that the comparison understands, and the form that their values must have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from catalog_tool.diff.schema.facets import KINDS, is_count, is_number

SEALED_KIND: Mapping[str, str | None] = {
    "if": None,
    "oneOf": None,
    "$ref": None,
    "contains": "array",
    "unevaluatedItems": "array",
    "dependentSchemas": "object",
    "unevaluatedProperties": "object",
}
"""Keywords that are equal or undecided, and the one JSON type that they speak about (None: all)."""

TOGETHER: Mapping[str, tuple[str, ...]] = {
    "if": ("if", "then", "else"),
    "contains": ("contains", "minContains", "maxContains"),
}
"""Keywords that mean something with others beside them only."""

IN_PLACE = ("$ref", "$dynamicRef", "allOf", "anyOf", "oneOf", "if", "not", "dependentSchemas", "contains")
"""Keywords beside which ``unevaluated…`` is more than another name for ``additional…``."""


def is_schema(value: Any) -> bool:
    """Whether a JSON value has a schema's form."""
    return isinstance(value, (dict, bool))


def type_atoms(value: Any) -> frozenset[str] | None:
    """The JSON types of a ``type`` value, number as ``integer`` and ``fraction``; None if malformed."""
    names = [value] if isinstance(value, str) else value
    if not _is_names(names) or not set(names) <= {*KINDS, "integer"}:
        return None
    atoms = frozenset(names)
    return atoms - {"number"} | {"integer", "fraction"} if "number" in atoms else atoms


def is_known(keyword: str, value: Any) -> bool:
    """Whether the keyword is understood and its value is one that it may have."""
    check = WELL_FORMED.get(keyword)
    return check is not None and check(value)


def _is_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def _is_schemas(value: Any) -> bool:
    return isinstance(value, list) and value != [] and all(map(is_schema, value))


def _is_schema_map(value: Any) -> bool:
    return isinstance(value, dict) and all(map(is_schema, value.values()))


def _is_name_map(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_is_names, value.values()))


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_types(value: Any) -> bool:
    return type_atoms(value) is not None


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_step(value: Any) -> bool:
    return is_number(value) and value > 0


def _is_value(value: Any) -> bool:
    del value  # any JSON value may be a constant
    return True


_FORMS: tuple[tuple[Callable[[Any], bool], str], ...] = (
    (_is_types, "type"),
    (_is_list, "enum"),
    (_is_value, "const"),
    (_is_names, "required"),
    (_is_schema_map, "properties patternProperties dependentSchemas"),
    (_is_name_map, "dependentRequired"),
    (_is_schemas, "prefixItems allOf anyOf oneOf"),
    (is_schema, "additionalProperties propertyNames items contains not if then else"),
    (is_schema, "unevaluatedItems unevaluatedProperties"),
    (is_number, "minimum maximum exclusiveMinimum exclusiveMaximum"),
    (_is_step, "multipleOf"),
    (is_count, "minLength maxLength minItems maxItems minProperties maxProperties minContains maxContains"),
    (_is_text, "pattern format $ref"),
    (_is_flag, "uniqueItems"),
)

WELL_FORMED: Mapping[str, Callable[[Any], bool]] = {
    keyword: check for check, keywords in _FORMS for keyword in keywords.split()
}
"""Every understood keyword, with the test of its value."""
