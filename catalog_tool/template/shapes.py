"""What a JSON Schema says about the names inside a value: as much as templates need, no validation.

References are followed inside the same schema only; anything else is unknown, and unknown is lenient.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

_SCHEMAS = 256
"""Subschemas that are looked at for one value: a bound for hostile combinators and references."""
_BRANCHES = ("allOf", "anyOf", "oneOf", "then", "else")
_DYNAMIC = ("$dynamicRef", "$recursiveRef")


class Child(NamedTuple):
    """What a name means inside a value. Not ``declared``: the schema only leaves room for it."""

    shape: Shape
    declared: bool


class Shape(NamedTuple):
    """Everything that is known about one value: flat subschemas of one ``root`` document.

    ``unknown``: it may be anything besides. ``strict``: a name is only there where the schema says so,
    an object without ``properties`` has none (the variables themselves are read that way). ``certain``:
    alternatives (``anyOf``, ``oneOf``, ``then``, ``else``) are left out, all of ``schemas`` hold.
    """

    schemas: tuple[Mapping[str, Any], ...]
    root: Any
    unknown: bool = False
    strict: bool = False
    certain: bool = False

    def properties(self) -> dict[str, None]:
        """The declared names, in written order."""
        return {name: None for schema in self.schemas for name in _mapping(schema, "properties")}

    def child(self, name: str) -> Child | None:
        """The value under ``name``, or None where the schema has no room for it."""
        found = [properties[name] for properties in self._maps() if name in properties]
        if found:
            return Child(self._of(found), declared=True)
        if not self.open:
            return None
        rest = [rule for rule in self._extra() if rule is not False]
        return Child(self._of(rest or [True]), declared=False)

    def required(self) -> tuple[str, ...]:
        """The names that some subschema requires, in written order, each once."""
        names = (name for schema in self.schemas for name in _list(schema, "required"))
        return tuple(dict.fromkeys(name for name in names if isinstance(name, str)))

    @property
    def open(self) -> bool:
        """Whether names that no ``properties`` lists may be there and were meant to be.

        Said outright (``additionalProperties`` other than false, ``patternProperties``), or nothing at
        all is said about an object's names.
        """
        if self.unknown:
            return True
        extra = self._extra()
        if any(rule is not False for rule in extra):
            return True
        if any("patternProperties" in schema for schema in self.schemas):
            return True
        if self.strict or extra or not self.schemas or any(True for _ in self._maps()):
            return False
        types = self._types()
        return not types or "object" in types

    def elements(self) -> Shape:
        """What stands on the context stack inside a section over this value."""
        types = self._types()
        unknown = self.unknown or not types
        schemas: list[Mapping[str, Any]] = [schema for schema in self.schemas if "object" in types]
        if "array" in types:
            items = [schema["items"] for schema in self.schemas if "items" in schema]
            items += [item for schema in self.schemas for item in _list(schema, "prefixItems")]
            inside = self._of(items or [True])
            schemas.extend(inside.schemas)
            unknown = unknown or inside.unknown
        return Shape(tuple(schemas), self.root, unknown, certain=self.certain)

    def _of(self, schemas: list[Any]) -> Shape:
        return shape_of(schemas, self.root, certain=self.certain)

    def _extra(self) -> list[Any]:
        return [schema["additionalProperties"] for schema in self.schemas if "additionalProperties" in schema]

    def _maps(self) -> Iterator[Mapping[str, Any]]:
        for schema in self.schemas:
            properties = schema.get("properties")
            if isinstance(properties, Mapping):
                yield properties

    def _types(self) -> set[str]:
        """The JSON types the value may have, as far as said; empty where nothing is."""
        return {kind for schema in self.schemas for kind in _kinds(schema)}


def variables_shape(schema: Any, *, certain: bool = False) -> Shape:
    """The shape of a prompt's variables, which are read strictly."""
    return shape_of([schema], schema, strict=True, certain=certain)


def shape_of(schemas: list[Any], root: Any, *, strict: bool = False, certain: bool = False) -> Shape:
    """Flatten ``schemas``, which speak about one value, through references and combinators."""
    flat: list[Mapping[str, Any]] = []
    unknown = False
    seen: set[int] = set()
    queue = list(schemas)
    while queue:
        schema = queue.pop(0)
        if schema is False or id(schema) in seen:
            continue
        if not isinstance(schema, Mapping) or len(seen) >= _SCHEMAS:
            unknown = True
            continue
        seen.add(id(schema))
        flat.append(schema)
        unknown = any(key in schema for key in _DYNAMIC) or unknown
        queue.extend(_linked(schema, root, _BRANCHES[:1] if certain else _BRANCHES))
    return Shape(tuple(flat), root, unknown, strict, certain)


def _linked(schema: Mapping[str, Any], root: Any, branches: tuple[str, ...]) -> Iterator[Any]:
    """The subschemas that speak about the same value; True for one that cannot be found."""
    if "$ref" in schema:
        yield resolve(root, schema["$ref"])
    for key in branches:
        if key in schema:
            alternatives = schema[key]
            yield from alternatives if isinstance(alternatives, list | tuple) else (alternatives,)


def resolve(root: Any, reference: Any) -> Any:
    """The subschema at ``#`` or ``#/a/b`` (RFC 6901); True, which allows anything, for all others."""
    if reference == "#":
        return root
    if not isinstance(reference, str) or not reference.startswith("#/") or "%" in reference:
        return True
    found = root
    for token in reference[2:].split("/"):
        key = token.replace("~1", "/").replace("~0", "~")
        if isinstance(found, Mapping) and key in found:
            found = found[key]
        elif isinstance(found, list | tuple) and _is_index(key) and int(key) < len(found):
            found = found[int(key)]
        else:
            return True
    return found


def _is_index(key: str) -> bool:
    return key.isascii() and key.isdecimal() and len(key) < 10


def _kinds(schema: Mapping[str, Any]) -> Iterator[str]:
    kind = schema.get("type")
    if isinstance(kind, str):
        yield kind
    elif isinstance(kind, list | tuple):
        yield from (name for name in kind if isinstance(name, str))
    elif "enum" in schema or "const" in schema:
        yield from (_kind(value) for value in [*_list(schema, "enum"), schema.get("const")])
    else:
        if "properties" in schema or "additionalProperties" in schema or "required" in schema:
            yield "object"
        if "items" in schema or "prefixItems" in schema:
            yield "array"


def _kind(value: Any) -> str:
    if isinstance(value, Mapping):
        return "object"
    return "array" if isinstance(value, list | tuple) else "scalar"


def _mapping(schema: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = schema.get(key)
    return value if isinstance(value, Mapping) else {}


def _list(schema: Mapping[str, Any], key: str) -> Sequence[Any]:
    value = schema.get(key)
    return value if isinstance(value, list | tuple) else ()
