"""Attacks by schema: every one judged in bounded time, without network or file (faults, row 42)."""

# ruff: noqa: E501 - tables are read a row a line

from __future__ import annotations

import builtins
import io
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from catalog_tool.source.schema_engine import SchemaEngine, check_schema

SECONDS = 2


@pytest.fixture(autouse=True)
def closed_world(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """No socket can be made and no file opened while a test runs; what was tried is kept."""
    # What is imported on a failure is imported before the doors close.
    SchemaEngine({"type": "string", "anyOf": [{"pattern": "a"}]}).errors(1)
    check_schema({"type": "strng"})
    SchemaEngine({"type": "string"}).errors(1)
    tried: list[str] = []

    def refuse(*arguments: object, **_options: object) -> None:
        tried.append(str(arguments))
        raise OSError("closed")

    with monkeypatch.context() as doors:
        doors.setattr(socket, "socket", refuse)
        doors.setattr(socket, "create_connection", refuse)
        doors.setattr(socket, "getaddrinfo", refuse)
        doors.setattr(builtins, "open", refuse)
        doors.setattr(io, "open", refuse)
        yield tried
    assert tried == []


def _nested(keyword: str, depth: int, *, listed: bool = False) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "integer"}
    for _ in range(depth):
        schema = {keyword: [schema] if listed else schema}
    return schema


def _doubling(levels: int, keyword: str) -> dict[str, Any]:
    """2^levels evaluations of one value from a schema that is linear in ``levels``."""
    defs: dict[str, Any] = {
        f"d{n}": {keyword: [{"$ref": f"#/$defs/d{n + 1}"}, {"$ref": f"#/$defs/d{n + 1}"}]} for n in range(levels)
    }
    defs[f"d{levels}"] = {"type": "integer"}
    return {"$ref": "#/$defs/d0", "$defs": defs}


def _deep_list(depth: int) -> list[Any]:
    document: list[Any] = []
    for _ in range(depth):
        document = [document]
    return document


def _deep_map(depth: int) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for _ in range(depth):
        document = {"c": document}
    return document


BRANCHING = {"properties": {"c": {"allOf": [{"$ref": "#"}, {"$ref": "#"}]}}}
DRAFT = "https://json-schema.org/draft/2020-12/schema"

ATTACKS: dict[str, tuple[Any, Any]] = {
    "pattern of 28 characters": ({"pattern": "^(a+)+$"}, "a" * 28 + "!"),
    "pattern with alternatives": ({"pattern": "^(a|aa)+$"}, "a" * 60 + "!"),
    "pattern with words": ({"pattern": r"^(\w+\s?)*$"}, "aaaa " * 20 + "!"),
    "pattern with a polynomial": ({"pattern": "a*a*a*a*a*b"}, "a" * 5000),
    "pattern in a name": ({"patternProperties": {"^(a+)+$": {}}, "additionalProperties": False}, {"a" * 40 + "!": 1}),
    "pattern in propertyNames": ({"propertyNames": {"pattern": "^(a+)+$"}}, {"a" * 40 + "!": 1}),
    "pattern under an unknown keyword": ({"x": {"y": {"pattern": "^(a+)+$"}}, "$ref": "#/x/y"}, "a" * 40 + "!"),
    "pattern that is quadratic, on a megabyte": ({"pattern": "^.*a.*b$"}, "a" * 1_000_000),
    "name that is a megabyte": ({"patternProperties": {"^.*a.*b$": False}, "additionalProperties": False}, {"a" * 1_000_000: 1}),
    "names beside unevaluatedProperties": ({"patternProperties": {"^.*a.*b$": False}, "unevaluatedProperties": False}, {"a" * 1_000_000: 1}),
    "remote reference": ({"$ref": "http://127.0.0.1:1/schema.json"}, 1),
    "remote reference, deep": ({"properties": {"a": {"items": {"$ref": "https://example.org/s.json#/x"}}}}, {"a": [1]}),
    "file reference": ({"$ref": "file:///etc/passwd"}, 1),
    "relative reference": ({"$ref": "../../../../etc/passwd"}, 1),
    "reference to the meta-schema": ({"$ref": DRAFT}, {"type": 1}),
    "remote $schema": ({"$schema": "http://127.0.0.1:1/dialect.json", "type": "string"}, 1),
    "remote $schema inside": ({"items": {"$id": "urn:x:y", "$schema": "http://127.0.0.1:1/", "type": "string"}}, [1]),
    "remote $id": ({"$id": "http://127.0.0.1:1/a.json", "$ref": "b.json"}, 1),
    "remote $vocabulary": ({"$vocabulary": {"http://127.0.0.1:1/v": True}, "type": "string"}, 1),
    "remote $dynamicRef": ({"$dynamicRef": "http://127.0.0.1:1/a#b"}, 1),
    "malformed address": ({"$id": "http://[", "$ref": "http://[/x"}, 1),
    "reference loop": ({"$ref": "#"}, 1),
    "reference loop of three": ({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"allOf": [{"$ref": "#/$defs/a"}]}}}, 1),
    "dynamic loop": ({"$dynamicAnchor": "a", "$dynamicRef": "#a"}, 1),
    "reference to nowhere": ({"$ref": "#/definitely/not/here"}, 1),
    "2^16 allOf": (_doubling(16, "allOf"), "x"),
    "2^40 allOf": (_doubling(40, "allOf"), "x"),
    "2^40 anyOf": (_doubling(40, "anyOf"), "x"),
    "2^40 oneOf": (_doubling(40, "oneOf"), 1),
    "65,536 written out": ({"allOf": [{"type": "integer"}] * 65_536}, "x"),
    "recursion that branches": (BRANCHING, _deep_map(30)),
    "recursion on a deep document": ({"items": {"$ref": "#"}}, _deep_list(5000)),
    "deep document": ({"type": "string"}, _deep_list(100_000)),
    "deep document, const": ({"const": 1}, _deep_list(100_000)),
    "deep schema": (_nested("items", 5000), [1]),
    "deep schema of lists": (_nested("allOf", 5000, listed=True), 1),
    "uniqueItems over 3,000 maps": ({"uniqueItems": True, "maxItems": 1}, [{"a": n, "b": [n]} for n in range(3000)]),
    "uniqueItems over 100,000": ({"uniqueItems": True, "maxItems": 1}, list(range(100_000))),
    "enum of 50,000": ({"items": {"enum": list(range(50_000))}}, ["x"] * 200),
    "contains over 20,000": ({"contains": {"type": "string"}, "minContains": 1}, [1] * 20_000),
    "20,000 unknown keys": ({"additionalProperties": False, "properties": {"known": True}}, {f"k{n}": n for n in range(20_000)}),
    "unevaluated in unevaluated": (_nested("unevaluatedProperties", 60), _deep_map(60)),
    "large number": ({"multipleOf": 1e-300}, 1e300),
    "larger number": ({"type": "integer", "maximum": 1}, 10**400),
    "lone surrogate": ({"type": "string", "maxLength": 0}, "\ud800"),
    "lone surrogate in a pattern": ({"pattern": "\ud800"}, "x"),
    "keys that are numbers": ({"patternProperties": {"^1$": {}}, "type": "array"}, {1: 2}),
    "nothing but brackets": ({"pattern": "[" * 2000}, "x"),
    "counted to death": ({"pattern": "((a{0,1000}){0,1000}){0,1000}"}, "a" * 50),
    "$anchor everywhere": ({"$defs": {f"d{n}": {"$anchor": "a", "$dynamicAnchor": "a"} for n in range(2000)}, "$ref": "#a"}, 1),
}  # fmt: skip


@pytest.mark.parametrize("name", ATTACKS)
def test_attack(name: str) -> None:
    schema, document = ATTACKS[name]
    start = time.perf_counter()
    problems = check_schema(schema)
    engine = SchemaEngine(schema)
    errors = engine.errors(document)
    assert engine.is_valid(document) is (errors == [])
    assert time.perf_counter() - start < SECONDS * 2  # the three calls; on a busy machine
    for problem in [*problems, *errors]:
        assert len(problem.message) < 400


REFERENCES = [
    name for name in ATTACKS if "remote ref" in name or "file ref" in name or "loop" in name or "nowhere" in name
]


@pytest.mark.parametrize("name", REFERENCES)
def test_references_that_lead_out_or_round_are_named(name: str) -> None:
    schema, document = ATTACKS[name]
    assert "reference" in {problem.kind for problem in check_schema(schema)}
    assert {problem.kind for problem in SchemaEngine(schema).errors(document)} == {"reference"}


@pytest.mark.parametrize("name", [name for name in ATTACKS if name.startswith("pattern") and "quadratic" not in name])
def test_patterns_that_explode_are_listed_and_refuse_nothing(name: str) -> None:
    schema, document = ATTACKS[name]
    assert [problem.kind for problem in check_schema(schema)] == ["pattern"]
    engine = SchemaEngine(schema)
    assert len(engine.skipped_patterns) == 1
    assert engine.is_valid(document)


def test_what_takes_too_long_is_said_to_and_never_passes() -> None:
    schema, document = ATTACKS["2^40 oneOf"]
    (problem,) = SchemaEngine(schema).errors(document)
    assert problem.kind == "limit"
