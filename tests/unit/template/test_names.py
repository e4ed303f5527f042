"""Which variables a prompt uses, and how that fits what it declares."""

from __future__ import annotations

from typing import Any

import pytest

from catalog_tool.template import check_names, infer_variables, literal, parse
from catalog_tool.template.names import declared_offsets

TREE = {"type": "object", "properties": {"kids": {"type": "array", "items": {"$ref": "#/$defs/tree"}}}}
ITEM = {"type": "object", "required": ["id"], "properties": {"id": {}, "name": {"type": "string"}}}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "question": {"type": "string"},
        "flag": {"type": "boolean"},
        "user": {"type": "object", "properties": {"name": {}, "address": {"$ref": "#/$defs/address"}}},
        "items": {"type": "array", "items": {"$ref": "#/$defs/item"}},
        "rows": {"type": "array", "items": {"type": "array", "items": {"type": "string"}}},
        "anything": {},
        "bag": {"type": "object"},
        "closed": {"type": "object", "additionalProperties": False},
        "map": {"type": "object", "additionalProperties": ITEM},
        "choice": {"anyOf": [{"type": "string"}, {"type": "object", "properties": {"a": {}}}]},
        "list": {"type": ["array", "null"]},
        "remote": {"$ref": "https://example.org/x.json"},
        "tree": {"$ref": "#/$defs/tree"},
    },
    "$defs": {
        "address": {"type": "object", "properties": {"city": {"type": "string"}}},
        "item": ITEM,
        "tree": TREE,
    },
}


@pytest.mark.parametrize(
    ("text", "undeclared"),
    [
        ("{{question}}", []),
        ("{{nope}} {{question}} {{gone}}", [("nope", 0), ("gone", 22)]),
        ("{{user.name}}{{user.address.city}}", []),
        ("{{user.nope}}", [("user.nope", 0)]),
        ("{{user.address.zip}}", [("user.address.zip", 0)]),
        ("{{question.length}}", [("question.length", 0)]),
        ("{{#items}}{{id}}{{name}}{{question}}{{nope}}{{/items}}", [("nope", 36)]),
        ("{{name}}{{#items}}{{/items}}", [("name", 0)]),
        ("{{items.id}}", [("items.id", 0)]),
        ("{{^items}}{{id}}{{/items}}", [("id", 10)]),
        ("{{#user}}{{address.city}}{{#address}}{{city}}{{name}}{{/address}}{{/user}}", []),
        ("{{#rows}}{{#.}}{{.}}{{/.}}{{/rows}}", []),
        ("{{#rows}}{{id}}{{/rows}}", [("id", 9)]),
        ("{{#flag}}{{question}}{{x}}{{/flag}}", [("x", 21)]),
        ("{{#anything}}{{x.y}}{{/anything}}{{anything.a.b}}", []),
        ("{{bag.x}}{{#bag}}{{y}}{{/bag}}", []),
        ("{{#bag}}{{user.nope}}{{/bag}}", []),
        ("{{closed.x}}", [("closed.x", 0)]),
        ("{{map.x.id}}", []),
        ("{{map.x.nope}}", [("map.x.nope", 0)]),
        ("{{choice.a}}{{#choice}}{{a}}{{b}}{{/choice}}", [("b", 28)]),
        ("{{#list}}{{x}}{{/list}}", []),
        ("{{remote.x}}", []),
        ("{{#tree}}{{#kids}}{{#kids}}{{kids}}{{nope}}{{/kids}}{{/kids}}{{/tree}}", [("nope", 35)]),
        ("{{#nope}}{{inside}}{{/nope}}", [("nope", 0)]),
    ],
)
def test_undeclared(text: str, undeclared: list[tuple[str, int]]) -> None:
    report = check_names([literal("x"), parse(text)], SCHEMA)
    assert [(use.name, use.offset) for use in report.undeclared] == undeclared
    assert {use.template for use in report.undeclared} <= {1}


@pytest.mark.parametrize(
    ("schema", "fits"),
    [
        ({}, False),
        ({"type": "object"}, False),
        ({"type": "object", "properties": {"y": {}}}, False),
        ({"type": "object", "properties": {"y": {}}, "additionalProperties": False}, False),
        ({"type": "object", "additionalProperties": True}, True),
        ({"type": "object", "additionalProperties": {"type": "string"}}, True),
        ({"type": "object", "patternProperties": {"^x": {}}}, True),
        ({"allOf": [{"properties": {"x": {}}}]}, True),
        ({"$ref": "#/$defs/v", "$defs": {"v": {"properties": {"x": {}}}}}, True),
        ({"properties": [], "allOf": 3, "$ref": 7}, True),
    ],
)
def test_the_variables_themselves_are_read_strictly(schema: dict[str, Any], fits: bool) -> None:  # noqa: FBT001
    assert (check_names([parse("{{x}}")], schema).undeclared == ()) is fits


@pytest.mark.parametrize(
    ("text", "unused"),
    [
        ("{{a}}", ("items", "name", "id")),
        ("{{#items}}{{id}}{{/items}}", ("a", "name", "id")),
        ("{{#items}}{{name}}{{/items}}", ("a", "id")),
        ("{{a.b}}", ("items", "name", "id")),
        ("{{#items}}{{id}}{{/items}}{{id}}{{name}}{{a}}", ()),
    ],
)
def test_unused(text: str, unused: tuple[str, ...]) -> None:
    """``id`` is required in an item, so it hides the variable; ``name`` may be absent there."""
    schema = {"properties": {"a": {}, "items": {"type": "array", "items": ITEM}, "name": {}, "id": {}}}
    assert check_names([parse(text)], schema).unused == unused


def test_a_hostile_schema_is_read_in_bounded_time() -> None:
    back = {"allOf": [{"$ref": "#/$defs/a"}] * 50}
    loop = {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": back}}
    wide: dict[str, Any] = {"anyOf": [{"anyOf": [{} for _ in range(300)]} for _ in range(300)]}
    for schema in (loop, wide):
        check_names([parse("{{x.y.z}}" * 50)], schema)


def test_only_certainly_declared_names_may_be_absent() -> None:
    text = "{{question}}{{bag.x}}{{user.name}}{{#items}}{{name}}{{/items}}"
    assert declared_offsets(parse(text), SCHEMA) == {0, 21, 34, 44}


def test_inferred_variables() -> None:
    templates = [parse("{{b}} {{a}}"), parse("{{b}}"), literal("{{c}}")]
    assert infer_variables(templates) == (
        {
            "type": "object",
            "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
            "required": ["a", "b"],
        },
        (),
    )
    assert infer_variables([parse("none")]) == ({}, ())


def test_what_is_more_than_a_string_must_be_declared() -> None:
    found = infer_variables([parse("{{a}}"), parse("{{b.c}}{{#d}}{{e}}{{/d}}")]).problems
    assert [(index, problem.kind, problem.offset) for index, problem in found] == [
        (1, "undeclared-variables", 0),
        (1, "undeclared-variables", 7),
    ]
