"""One JSON Schema as a document: pointers, local references, and what counts as a constraint.

A subschema is named by its RFC 6901 pointer; nothing is ever fetched, and no pattern is ever run.
All schemas are read as JSON Schema 2020-12.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Any
from urllib.parse import unquote

from catalog_tool.diff.schema.forms import TooLarge

ANNOTATIONS = frozenset(
    {
        *("title", "description", "examples", "example", "$comment", "default"),
        *("deprecated", "readOnly", "writeOnly"),
        *("contentEncoding", "contentMediaType", "contentSchema"),
    }
)
"""Keywords that say something to a reader and refuse nothing; ``x-…`` is one too."""
IDENTITY = frozenset({"$schema", "$id", "$anchor", "$vocabulary", "$defs", "definitions"})
"""Keywords that name or hold schemas and refuse nothing where they stand."""
SCHEMA_MAPS = frozenset({"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"})
SCHEMA_LISTS = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
SCHEMA_VALUES = frozenset(
    {
        *("items", "contains", "additionalProperties", "propertyNames"),
        *("not", "if", "then", "else", "unevaluatedItems", "unevaluatedProperties"),
    }
)
SETS = frozenset({"type", "enum", "required"})
"""Keywords whose list means a set."""

SEALED_CHARACTERS = 2 * 1024 * 1024
"""Text of fingerprints that one comparison may make of a document."""

_LEGACY = re.compile(r"draft-0[3-7]", re.ASCII)


def is_annotation(keyword: str) -> bool:
    """Whether ``keyword`` of a schema refuses nothing and is only read by people and models."""
    return keyword in ANNOTATIONS or keyword.startswith("x-")


def join(pointer: str, *tokens: str | int) -> str:
    """The pointer to a child: ``join("/a", "b/c")`` → ``/a/b~1c``."""
    return pointer + "".join("/" + str(token).replace("~", "~0").replace("/", "~1") for token in tokens)


def split(pointer: str) -> list[str]:
    """The unescaped tokens of a pointer; the whole document's pointer has none."""
    return [token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:]]


def children(keyword: str, value: Any) -> Iterator[tuple[str | int | None, Any]]:
    """The subschemas that stand under a keyword, each with its name, its index, or None."""
    if keyword in SCHEMA_MAPS and isinstance(value, dict):
        yield from value.items()
    elif keyword in SCHEMA_LISTS and isinstance(value, list):
        yield from enumerate(value)
    elif keyword in SCHEMA_VALUES and isinstance(value, (dict, bool)):
        yield None, value


def _plain(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value


def fingerprint(value: Any) -> str:
    """A text that is equal exactly for equal JSON values: ``1`` and ``1.0`` are, ``1`` and true are not."""
    return json.dumps(_plain(value), sort_keys=True)


class Document:
    """A schema that subschemas are looked up in.

    ``legacy`` is true where ``$schema`` names a draft in which ``$ref`` hides its siblings.
    """

    def __init__(self, root: Any) -> None:
        self.root = root
        self.dialect = _dialect(root)
        self.legacy = self.dialect != ""
        self._values: dict[str, Any] = {"": root}
        self._based = _has_inner_id(root)
        self._sealed: dict[tuple[str, ...], str] = {}
        self._sealed_characters = 0
        self._whole: str | None = None

    def at(self, pointer: str) -> Any:
        """The JSON value under a pointer; ``KeyError`` where there is none."""
        if pointer not in self._values:
            parent, _, token = pointer.rpartition("/")
            self._values[pointer] = _step(self.at(parent), token.replace("~1", "/").replace("~0", "~"))
        return self._values[pointer]

    def resolve(self, reference: Any) -> str | None:
        """The pointer that a ``$ref`` means, or None where it does not lead to a schema of this document."""
        if not isinstance(reference, str) or self._based or not re.match(r"#(/|\Z)", reference):
            return None
        pointer = unquote(reference[1:])
        try:
            target = self.at(pointer)
        except KeyError:
            return None
        return pointer if isinstance(target, (dict, bool)) else None

    def sealed(self, place: str, keywords: Iterable[str] = ()) -> str:
        """The fingerprint of some keywords of the schema at a place (none named: of all of it).

        All that they refer to is part of it: two sealed values are equal only if the schemas mean
        the same. A reference that does not resolve stands for everything in the document.
        """
        key = (place, *keywords)
        if key not in self._sealed:
            self._sealed[key] = self._seal(place, keywords)
            self._sealed_characters += len(self._sealed[key])
            if self._sealed_characters > SEALED_CHARACTERS:
                raise TooLarge("the schema refers to too much that cannot be compared")
        return self._sealed[key]

    def reached(self, pointer: str) -> Iterator[str]:
        """The pointers of the schemas that the value under a pointer refers to directly; none where it is absent."""
        try:
            value = self.at(pointer)
        except KeyError:
            return
        for reference in _references(value):
            target = self.resolve(reference)
            if target is not None:
                yield target

    def _everything(self) -> str:
        """Stands for all constraints of the document, its definitions included."""
        if self._whole is None:
            whole = constraints(self.root, [], dropped=frozenset())
            self._whole = sha256(fingerprint(whole).encode()).hexdigest()
        return self._whole

    def _seal(self, place: str, keywords: Iterable[str]) -> str:
        schema = self.at(place)
        named = {keyword: schema[keyword] for keyword in keywords if keyword in schema}
        pending: list[Any] = []
        sealed = constraints(named or schema, pending)
        seen: dict[str, Any] = {}
        while pending:
            pointer = self.resolve(pending.pop())
            if pointer is None:
                seen = {"everything": self._everything()}
                break
            if pointer not in seen:
                seen[pointer] = constraints(self.at(pointer), pending)
        return fingerprint([sealed, seen])


def constraints(schema: Any, references: list[Any], *, dropped: frozenset[str] = IDENTITY) -> Any:
    """The schema without annotations and ``dropped`` keywords, sets in one order.

    The values of its ``$ref``s are added to ``references``; None for one that only a validator at
    work could follow.
    """
    if not isinstance(schema, dict):
        return schema
    result: dict[str, Any] = {}
    for keyword, value in schema.items():
        if is_annotation(keyword) or keyword in dropped:
            continue
        if keyword in ("$ref", "$dynamicRef", "$recursiveRef"):
            references.append(value if keyword == "$ref" else None)
        result[keyword] = _constraint(keyword, value, references, dropped)
    return result


def _constraint(keyword: str, value: Any, references: list[Any], dropped: frozenset[str]) -> Any:
    if keyword in SETS and isinstance(value, list):
        return sorted(value, key=fingerprint)
    inner = {name: constraints(child, references, dropped=dropped) for name, child in children(keyword, value)}
    if isinstance(value, dict) and keyword in SCHEMA_MAPS:
        return inner
    if isinstance(value, list) and keyword in SCHEMA_LISTS:
        return list(inner.values())
    if not inner and keyword not in ("const", "enum"):
        references.extend(_references(value))
    return inner.get(None, value)


def _references(value: Any) -> Iterator[Any]:
    """Every ``$ref`` inside a value that is not known to be a schema."""
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"]
        for child in value.values():
            yield from _references(child)
    elif isinstance(value, list):
        for child in value:
            yield from _references(child)


def _step(parent: Any, token: str) -> Any:
    if isinstance(parent, dict):
        return parent[token]
    if isinstance(parent, list) and re.fullmatch(r"0|[1-9][0-9]{0,6}", token, re.ASCII):
        index = int(token)
        if index < len(parent):
            return parent[index]
    raise KeyError(token)


def _dialect(root: Any) -> str:
    named = root.get("$schema") if isinstance(root, dict) else None
    match = _LEGACY.search(named) if isinstance(named, str) else None
    return match.group() if match else ""


def _has_inner_id(root: Any) -> bool:
    """Whether a subschema has its own ``$id``: references inside it would mean another document."""
    pending = list(root.values()) if isinstance(root, dict) else []
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            if isinstance(value.get("$id"), str):
                return True
            pending.extend(value.values())
        elif isinstance(value, list):
            pending.extend(value)
    return False
