"""What each change of a schema is called, on each side."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from catalog_tool.diff.schema import SIDES, SchemaChange, compare_schemas

TEXT = {"type": "string"}
WHOLE = {"type": "integer"}


def members(_required: tuple[str, ...] = (), _closed: object = False, /, **named: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"type": "object", "properties": named}
    if _required:
        made["required"] = list(_required)
    if _closed:
        made["additionalProperties"] = False
    return made


def rules(old: Any, new: Any, side: str) -> list[tuple[str, str]]:
    return [(change.rule, change.contract) for change in compare_schemas(old, new, side=side)]


def only(old: Any, new: Any, side: str) -> SchemaChange:
    (change,) = compare_schemas(old, new, side=side)
    return change


# old, new, then rule and contract for variables, tool arguments, output
ONE_MEMBER = [
    (
        "required added, open",
        members(a=TEXT),
        members(("b",), a=TEXT, b=WHOLE),
        ("var-required-added", "major"),
        ("tool-arg-added", "minor"),
        ("output-tightened", "minor"),
    ),
    (
        "required added, closed",
        members((), True, a=TEXT),
        members(("b",), True, a=TEXT, b=WHOLE),
        ("var-required-added", "major"),
        ("tool-arg-added", "major"),
        ("output-loosened", "major"),
    ),
    (
        "optional added, open",
        members(a=TEXT),
        members(a=TEXT, b=WHOLE),
        ("var-optional-added", "minor"),
        ("tool-arg-added", "minor"),
        ("output-optional-added", "minor"),
    ),
    (
        "optional added, closed",
        members((), True, a=TEXT),
        members((), True, a=TEXT, b=WHOLE),
        ("var-optional-added", "minor"),
        ("tool-arg-added", "major"),
        ("output-optional-added", "major"),
    ),
    (
        "optional added beside a constraint on the rest",
        {**members(a=TEXT), "additionalProperties": TEXT},
        {**members(a=TEXT, b=WHOLE), "additionalProperties": TEXT},
        ("var-narrowed", "major"),
        ("tool-arg-added", "major"),
        ("output-optional-added", "major"),
    ),
    (
        "removed, open",
        members(a=TEXT, b=WHOLE),
        members(a=TEXT),
        ("var-removed", "minor"),
        ("tool-arg-dropped", "major"),
        ("output-loosened", "major"),
    ),
    (
        "removed, closed",
        members((), True, a=TEXT, b=WHOLE),
        members((), True, a=TEXT),
        ("var-removed", "major"),
        ("tool-arg-dropped", "major"),
        ("output-loosened", "major"),
    ),
    (
        "renamed",
        members(("question",), question=TEXT),
        members(("questions",), questions=TEXT),
        ("var-renamed", "major"),
        ("tool-arg-dropped", "major"),
        ("output-loosened", "major"),
    ),
    (
        "became required",
        members(a=TEXT),
        members(("a",), a=TEXT),
        ("var-required-added", "major"),
        ("tool-arg-narrowed", "minor"),
        ("output-tightened", "minor"),
    ),
    (
        "became optional",
        members(("a",), a=TEXT),
        members(a=TEXT),
        ("var-widened", "minor"),
        ("tool-arg-dropped", "major"),
        ("output-loosened", "major"),
    ),
    (
        "closed",
        members(a=TEXT),
        members((), True, a=TEXT),
        ("var-narrowed", "major"),
        ("tool-arg-narrowed", "minor"),
        ("output-tightened", "minor"),
    ),
    (
        "opened",
        members((), True, a=TEXT),
        members(a=TEXT),
        ("var-widened", "minor"),
        ("tool-arg-widened", "major"),
        ("output-loosened", "major"),
    ),
    (
        "another pattern",
        members(a={**TEXT, "pattern": "^a"}),
        members(a={**TEXT, "pattern": "^b"}),
        ("undecided", "major"),
        ("undecided", "major"),
        ("undecided", "major"),
    ),
]


@pytest.mark.parametrize(
    ("_", "old", "new", "variables", "arguments", "output"), ONE_MEMBER, ids=[c[0] for c in ONE_MEMBER]
)
def test_one_member(_, old, new, variables, arguments, output) -> None:
    assert rules(old, new, "variables") == [variables]
    assert rules(old, new, "tool-arguments") == [arguments]
    assert rules(old, new, "output") == [output]
    expected = "undecided" if variables[0] == "undecided" else "tool-returns"
    assert rules(old, new, "tool-returns") == [(expected, variables[1])]


NODE = {"type": "object", "properties": {"value": WHOLE, "next": {"$ref": "#"}}}

# each narrows from left to right
NARROWER = {
    "type": ({"type": ["string", "null"]}, TEXT),
    "nullable union": ({"anyOf": [TEXT, {"type": "null"}]}, TEXT),
    "integer": ({"type": "number"}, WHOLE),
    "any": ({}, TEXT),
    "enum": ({"enum": ["a", "b"]}, {"enum": ["a"]}),
    "enum of a type": (TEXT, {"enum": ["a"]}),
    "const": ({"enum": ["a", 1]}, {"const": "a"}),
    "listed in a range": ({"type": "integer", "minimum": 1}, {"enum": [1, 2]}),
    "minimum": ({**WHOLE, "minimum": 1}, {**WHOLE, "minimum": 2}),
    "exclusive maximum": ({"type": "number", "maximum": 2}, {"type": "number", "exclusiveMaximum": 2}),
    "multiple": ({**WHOLE, "multipleOf": 2}, {**WHOLE, "multipleOf": 4}),
    "length": (TEXT, {**TEXT, "maxLength": 5}),
    "pattern": (TEXT, {**TEXT, "pattern": "^a"}),
    "format": (TEXT, {**TEXT, "format": "date"}),
    "items": ({"type": "array"}, {"type": "array", "items": TEXT}),
    "prefix": (
        {"type": "array", "items": TEXT},
        {"type": "array", "items": TEXT, "prefixItems": [{"const": "a"}]},
    ),
    "items count": ({"type": "array", "maxItems": 3}, {"type": "array", "maxItems": 2}),
    "unique": ({"type": "array"}, {"type": "array", "uniqueItems": True}),
    "contains": ({"type": "array"}, {"type": "array", "contains": TEXT}),
    "alternatives": (
        {"anyOf": [members(("a",), a=TEXT), members(("b",), b=TEXT)]},
        {"anyOf": [members(("b",), b=TEXT)]},
    ),
    "alternative of values": ({"oneOf": [{"const": "a"}, {"const": "b"}]}, {"oneOf": [{"const": "a"}]}),
    "not": (TEXT, {**TEXT, "not": {"const": "a"}}),
    "not a type": ({}, {"not": TEXT}),
    "negation weakened": ({**TEXT, "not": {"const": "a"}}, {**TEXT, "not": {"enum": ["a", "b"]}}),
    "all of": (TEXT, {"allOf": [TEXT, {"minLength": 2}]}),
    "dependent": (members(a=TEXT, b=TEXT), {**members(a=TEXT, b=TEXT), "dependentRequired": {"a": ["b"]}}),
    "names": ({"type": "object"}, {"type": "object", "propertyNames": {"maxLength": 3}}),
    "members count": ({"type": "object"}, {"type": "object", "minProperties": 1}),
    "pattern members": (
        {"type": "object", "patternProperties": {"^a": {}}},
        {"type": "object", "patternProperties": {"^a": TEXT}},
    ),
    "condition": (TEXT, {**TEXT, "if": {"minLength": 2}, "then": {"pattern": "^a"}}),
    "unevaluated": ({"type": "object"}, {"type": "object", "unevaluatedProperties": False}),
    "recursion": (
        {
            "$ref": "#/$defs/N",
            "$defs": {"N": {**NODE, "properties": {"value": {}, "next": {"$ref": "#/$defs/N"}}}},
        },
        {
            "$ref": "#/$defs/N",
            "$defs": {"N": {**NODE, "properties": {"value": WHOLE, "next": {"$ref": "#/$defs/N"}}}},
        },
    ),
    "nothing": (TEXT, False),
}


@pytest.mark.parametrize("name", NARROWER)
def test_narrowing_breaks_writers_and_widening_readers(name: str) -> None:
    wide, narrow = NARROWER[name]
    assert {change.rule for change in compare_schemas(wide, narrow, side="output")} == {"output-tightened"}
    assert {change.contract for change in compare_schemas(wide, narrow, side="output")} == {"minor"}
    assert "major" in {change.contract for change in compare_schemas(wide, narrow, side="tool-returns")}
    assert {change.rule for change in compare_schemas(narrow, wide, side="output")} == {"output-loosened"}
    assert {change.contract for change in compare_schemas(narrow, wide, side="tool-returns")} == {"minor"}


SAME = {
    "type list": (TEXT, {"type": ["string"]}),
    "nullable": ({"type": ["string", "null"]}, {"anyOf": [{"type": "null"}, TEXT]}),
    "nullable one of": ({"type": ["null", "string"]}, {"oneOf": [{"type": "null"}, TEXT]}),
    "one alternative": (TEXT, {"anyOf": [TEXT]}),
    "all of": ({**TEXT, "minLength": 1}, {"allOf": [TEXT, {"minLength": 1}]}),
    "integer": (WHOLE, {"type": "number", "multipleOf": 1}),
    "exclusive integer bound": ({**WHOLE, "minimum": 1}, {**WHOLE, "exclusiveMinimum": 0}),
    "const": ({"const": "a"}, {"enum": ["a"]}),
    "enum order": ({"enum": ["a", "b"]}, {"enum": ["b", "a"]}),
    "enum and type": ({"enum": ["a"]}, {"enum": ["a"], "type": "string"}),
    "filtered values": ({"enum": [1, 2]}, {"enum": [0, 1, 2], "minimum": 1}),
    "booleans": ({"type": "boolean"}, {"enum": [True, False]}),
    "reference": ({"$ref": "#/$defs/X", "$defs": {"X": TEXT}}, TEXT),
    "true": ({"type": "object"}, {"type": "object", "additionalProperties": True}),
    "no constraint": (TEXT, {**TEXT, "minLength": 0}),
    "constraint of another type": (TEXT, {**TEXT, "minimum": 3}),
    "unevaluated": (members((), True, a=TEXT), {**members(a=TEXT), "unevaluatedProperties": False}),
    "unused definition": (TEXT, {**TEXT, "$defs": {"X": WHOLE}}),
    "unrolled recursion": (
        {"$ref": "#/$defs/N", "$defs": {"N": {"type": "array", "items": {"$ref": "#/$defs/N"}}}},
        {"type": "array", "items": {"$ref": "#"}},
    ),
    "alternatives in another order": (
        {"anyOf": [members(("a",), a=TEXT), members(("b",), b=TEXT)]},
        {"anyOf": [members(("b",), b=TEXT), members(("a",), a=TEXT)]},
    ),
    "1.0": ({"const": 1}, {"const": 1.0}),
    "keyword order": ({"type": "string", "minLength": 1}, {"minLength": 1, "type": "string"}),
}


@pytest.mark.parametrize("name", SAME)
def test_another_spelling_is_no_change_of_contract(name: str) -> None:
    for old, new in (SAME[name], SAME[name][::-1]):
        for side in SIDES:
            found = rules(old, new, side)
            assert set(found) <= {("schema-respelled", "patch")}
        assert found or name == "1.0"


UNDECIDED = {
    "pattern": ({"pattern": "a"}, {"pattern": "b"}),
    "format": ({"format": "date"}, {"format": "time"}),
    "unknown keyword": ({}, {"nullable": True}),
    "unknown value": ({"type": "string"}, {"type": "text"}),
    "remote reference": ({"$ref": "https://example.org/a"}, {"$ref": "https://example.org/b"}),
    "dangling reference": ({"$ref": "#/$defs/X"}, {"$ref": "#/$defs/Y"}),
    "endless reference": ({"$ref": "#"}, {"allOf": [{"$ref": "#"}], "type": "string"}),
    "condition": ({"if": TEXT, "then": {"minLength": 1}}, {"if": TEXT, "then": {"minLength": 2}}),
    "contains": ({"contains": TEXT}, {"contains": WHOLE}),
    "fractions": ({"multipleOf": 0.2}, {"multipleOf": 0.1}),
    "draft": ({**TEXT, "$schema": "http://json-schema.org/draft-07/schema#"}, TEXT),
    "overlapping one of": (
        {"oneOf": [{"minLength": 1}, {"maxLength": 3}]},
        {"oneOf": [{"minLength": 2}, {"maxLength": 3}]},
    ),
    "changed below an unevaluated": (
        {"anyOf": [members(a=TEXT), members(b=TEXT)], "unevaluatedProperties": False},
        {"anyOf": [members(a=TEXT), members(c=TEXT)], "unevaluatedProperties": False},
    ),
    "definition below contains": (
        {"contains": {"$ref": "#/$defs/X"}, "$defs": {"X": TEXT}},
        {"contains": {"$ref": "#/$defs/X"}, "$defs": {"X": WHOLE}},
    ),
    "recursion under not": (
        {"properties": {"a": {"not": {"$ref": "#"}}}},
        {"properties": {"a": {"not": {"$ref": "#"}}, "b": TEXT}},
    ),
}


@pytest.mark.parametrize("name", UNDECIDED)
def test_what_cannot_be_decided_is_major_and_says_why(name: str) -> None:
    old, new = UNDECIDED[name]
    for side in ("tool-returns", "output"):
        found = [change for change in compare_schemas(old, new, side=side) if change.rule == "undecided"]
        assert found
        assert all(change.contract == "major" for change in found)
        assert all("not decided, so it counts as breaking" in change.message for change in found)


def conditional(then: Any, **more: Any) -> dict[str, Any]:
    return {**members(k=WHOLE, z=TEXT, y=TEXT), "if": {"required": ["k"]}, "then": then, **more}


IN = {"$defs": {"T": {"required": ["y"]}}}
# old, new, the path that is undecided, its values before and after
OPAQUE = {
    "then": (
        conditional({"required": ["z"]}),
        conditional({"required": ["z", "y"]}),
        *("/then", {"required": ["z"]}, {"required": ["z", "y"]}),
    ),
    "inside then": (
        conditional({"properties": {"z": {"minLength": 3}}}),
        conditional({"properties": {"z": {"minLength": 1}}}),
        *("/then", {"properties": {"z": {"minLength": 3}}}, {"properties": {"z": {"minLength": 1}}}),
    ),
    "if and then": (
        conditional(TEXT),
        conditional(WHOLE, **{"if": {"required": ["z"]}}),
        *("/if", {"required": ["k"]}, {"required": ["z"]}),
    ),
    "else came": (conditional(TEXT), conditional(TEXT, **{"else": WHOLE}), "/else", None, WHOLE),
    "an alternative's": (
        {"anyOf": [conditional({"required": ["z"]}), TEXT]},
        {"anyOf": [conditional({"required": ["y"]}), TEXT]},
        *("/anyOf/0/then", {"required": ["z"]}, {"required": ["y"]}),
    ),
    "the second of two": (
        {"allOf": [conditional(TEXT), conditional({"required": ["z"]})]},
        {"allOf": [conditional(TEXT), conditional({"required": ["y"]})]},
        *("/allOf/1/then", {"required": ["z"]}, {"required": ["y"]}),
    ),
    "contains": ({"contains": TEXT}, {"contains": WHOLE}, "/contains", TEXT, WHOLE),
    "how many": ({"contains": TEXT}, {"contains": TEXT, "minContains": 2}, "/minContains", None, 2),
    "unknown": ({**TEXT, "near": 1}, {**TEXT, "near": 2}, "/near", 1, 2),
    "unknown came": (TEXT, {**TEXT, "near": 2}, "/near", None, 2),
    "pattern members": ({"patternProperties": {"a": TEXT}}, {"patternProperties": {"b": TEXT}},
                        "/patternProperties", {"a": TEXT}, {"b": TEXT}),
    "draft": (TEXT, {**TEXT, "$schema": "http://json-schema.org/draft-07/schema#"},
              "/$schema", None, "http://json-schema.org/draft-07/schema#"),
    "referred to": (
        conditional({"$ref": "#/$defs/T"}, **IN),
        conditional({"$ref": "#/$defs/T"}, **{"$defs": {"T": {"required": ["z"]}}}),
        *("/then", {"$ref": "#/$defs/T"}, {"$ref": "#/$defs/T"}),
    ),
    "referred to by what is referred to": (
        {"contains": {"items": {"$ref": "#/$defs/A"}}, "$defs": {"A": {"not": {"$ref": "#/$defs/T"}}, **IN["$defs"]}},
        {"contains": {"items": {"$ref": "#/$defs/A"}}, "$defs": {"A": {"not": {"$ref": "#/$defs/T"}}, "T": TEXT}},
        *("/contains", {"items": {"$ref": "#/$defs/A"}}, {"items": {"$ref": "#/$defs/A"}}),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", OPAQUE)
def test_an_undecided_keyword_says_what_it_was_and_nothing_in_it_is_called_the_same(name: str) -> None:
    old, new, path, before, after = OPAQUE[name]
    for side in SIDES[2:]:
        change = only(old, new, side)
        assert (change.rule, change.path, change.before, change.after) == ("undecided", path, before, after)


def test_another_spelling_beside_what_is_undecided_is_still_told() -> None:
    old, new = members(a=conditional(TEXT), b={"enum": ["x"]}), members(a=conditional(WHOLE), b={"const": "x"})
    assert rules(old, new, "output") == [("undecided", "major"), ("schema-respelled", "patch")]


def test_what_came_says_what_it_is() -> None:
    bare = {key: value for key, value in conditional(TEXT).items() if key != "then"}
    change = only(bare, conditional({"required": ["z"]}), "output")
    assert (change.rule, change.path, change.op) == ("output-tightened", "/then", "added")
    assert (change.before, change.after) == (None, {"required": ["z"]})
    change = only({"contains": TEXT}, {}, "output")
    assert (change.path, change.op, change.before, change.after) == ("/contains", "removed", TEXT, None)


ANNOTATIONS = {
    "title": "Other",
    "description": "Other.",
    "examples": ["x"],
    "x-ui": {"type": "integer"},
    "$comment": "hm",
    "deprecated": True,
    "readOnly": True,
}


@pytest.mark.parametrize("keyword", ANNOTATIONS)
def test_annotations_are_text_on_every_side(keyword: str) -> None:
    old = members(a=TEXT)
    new = members(a={**TEXT, keyword: ANNOTATIONS[keyword]})
    expected = {
        "variables": ("var-text", "patch", "none"),
        "tool-returns": ("var-text", "patch", "none"),
        "tool-arguments": ("tool-text", "patch", "high"),
        "output": ("output-text", "patch", "medium"),
    }
    for side in SIDES:
        change = only(old, new, side)
        assert (change.rule, change.contract, change.behaviour) == expected[side]
        assert (change.path, change.op) == (f"/properties/a/{keyword}", "added")
        assert only(new, old, side).op == "removed"


def test_annotations_beside_what_is_opaque_stay_text() -> None:
    old = {"contains": {"$ref": "#"}, "if": {"$ref": "x"}, "then": TEXT, "examples": [[1]]}
    assert rules(old, {**old, "examples": [[2]]}, "output") == [("output-text", "patch")]


def test_a_reference_into_an_annotation_is_followed() -> None:
    old = {"$ref": "#/x-shared", "x-shared": TEXT}
    assert ("output-loosened", "major") in rules(old, {**old, "x-shared": {}}, "output")


def test_a_default_matters_to_variables_only() -> None:
    old, new = members(tone={**TEXT, "default": "warm"}), members(tone={**TEXT, "default": "cold"})
    change = only(old, new, "variables")
    assert (change.rule, change.contract, change.behaviour) == ("var-default", "minor", "high")
    assert (change.path, change.before, change.after) == ("/properties/tone/default", "warm", "cold")
    assert change.message.startswith('variable `tone`: default changed from "warm" to "cold"')
    assert rules(old, new, "tool-arguments") == [("tool-text", "patch")]
    assert rules(old, new, "tool-returns") == [("var-text", "patch")]


def test_the_order_of_properties_matters_to_what_models_write() -> None:
    old, new = members(reasoning=TEXT, answer=TEXT), members(answer=TEXT, reasoning=TEXT)
    for side in ("tool-arguments", "output"):
        change = only(old, new, side)
        assert (change.rule, change.contract, change.behaviour) == ("schema-order", "patch", "medium")
        assert (change.path, change.after) == ("/properties", ["answer", "reasoning"])
    assert rules(old, new, "variables") == [("schema-respelled", "patch")]
    assert rules(members(a=TEXT, c=TEXT), members(a=TEXT, b=TEXT, c=TEXT), "output") == [
        ("output-optional-added", "minor")
    ]


def test_names_of_properties_are_not_keywords() -> None:
    old = members(description=TEXT, properties=members(default=TEXT))
    new = members(description=WHOLE, properties=members(default=WHOLE))
    assert {change.path for change in compare_schemas(old, new, side="output")} == {
        "/properties/description/type",
        "/properties/properties/properties/default/type",
    }


def test_a_message_names_the_thing_and_what_follows() -> None:
    old = members(("title", "priority"), title=TEXT, priority=TEXT)
    change = only(old, members(("title",), title=TEXT, priority=TEXT), "tool-arguments")
    assert change.message == "argument `priority` became optional: the handler may miss what it needs"
    assert (change.path, change.op, change.before, change.after) == ("/required", "removed", "priority", None)
    nested = only(
        members(filters=members(tags={"type": "array", "items": {"enum": ["a"]}})),
        members(filters=members(tags={"type": "array", "items": {"enum": ["a", "b"]}})),
        "output",
    )
    assert nested.path == "/properties/filters/properties/tags/items/enum"
    assert nested.message.startswith('output field `filters.tags[]` among its listed values gained ["b"]')


def test_a_change_in_a_definition_is_said_once_and_where_it_is() -> None:
    def shared(city: Any) -> dict[str, Any]:
        return {
            **members(home={"$ref": "#/$defs/Address"}, work={"$ref": "#/$defs/Address"}),
            "$defs": {"Address": members(city=city)},
        }

    change = only(shared(TEXT), shared({**TEXT, "maxLength": 9}), "variables")
    assert (change.path, change.rule) == ("/$defs/Address/properties/city/maxLength", "var-narrowed")
    assert "definition `Address.city`" in change.message


def test_pointers_are_escaped_and_based() -> None:
    old, new = members(**{"a/b~c": TEXT}), members(**{"a/b~c": WHOLE})
    (change,) = compare_schemas(old, new, side="output", base_pointer="/tools/0/parameters")
    assert change.path == "/tools/0/parameters/properties/a~1b~0c/type"
    assert "`a/b~c`" in change.message


def test_a_rename_is_one_change_that_names_both_places() -> None:
    change = only(members(("question",), question=TEXT), members(("questions",), questions=TEXT), "variables")
    assert (change.op, change.before, change.after) == ("changed", "question", "questions")
    assert change.path == "/properties/questions"
    assert set(change.also) == {"/properties/question", "/required"}
    unlike = rules(members(question=TEXT), members(limit=WHOLE), "variables")
    assert unlike == [("var-removed", "minor"), ("var-optional-added", "minor")]


def test_an_optional_member_in_overlapping_alternatives_is_not_called_safe() -> None:
    """A member that one alternative leaves open may be declared by the other that also accepts it."""
    old = {"anyOf": [members(a=TEXT), members(b=TEXT)]}
    new = {"anyOf": [members(a=TEXT, b=WHOLE), members(b=TEXT, a=WHOLE)]}
    assert "major" in {change.contract for change in compare_schemas(old, new, side="tool-returns")}
    tagged = [members(("k",), k={"const": name}, a=TEXT) for name in ("x", "y")]
    more = [tagged[0], members(("k",), k={"const": "y"}, a=TEXT, b=WHOLE)]
    assert {c.contract for c in compare_schemas({"oneOf": tagged}, {"oneOf": more}, side="tool-returns")} == {"minor"}


def test_variables_and_arguments_are_objects_whatever_the_schema_says() -> None:
    assert rules({}, {"type": "object"}, "variables") == [("schema-respelled", "patch")]
    assert rules({}, members(("a",), a=TEXT), "variables") == [("var-required-added", "major")]
    assert rules({}, {"type": "object"}, "output") == [("output-tightened", "minor")]


def test_an_unknown_side_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown side"):
        compare_schemas({}, {}, side="input")


def definitions(count: int, make: Any, last: Any) -> dict[str, Any]:
    made = {f"d{n}": make({"$ref": f"#/$defs/d{n + 1}"}) for n in range(count)}
    return {"$ref": "#/$defs/d0", "$defs": {**made, f"d{count}": last}}


HOSTILE = {
    "long chain": lambda last: definitions(
        8000, lambda ref: {"type": "object", "properties": {"x": ref}, "required": ["x"]}, last
    ),
    "long chain in place": lambda last: definitions(8000, lambda ref: ref, last),
    "chain of alternatives": lambda last: definitions(2000, lambda ref: {"oneOf": [ref, {"type": "null"}]}, last),
    "doubled allOf": lambda last: definitions(60, lambda ref: {"allOf": [ref, ref]}, last),
    "doubled members": lambda last: definitions(30, lambda ref: {"properties": {"l": ref, "r": ref}}, last),
    "many alternatives": lambda last: {"anyOf": [{"minLength": n, **last} for n in range(5000)]},
    "product of alternatives": lambda last: {"allOf": [{"anyOf": [last, {"minLength": n}]} for n in range(40)]},
    "many members": lambda last: {"properties": {f"p{n}": last for n in range(20_000)}},
    "many references nowhere": lambda last: {"properties": {f"p{n}": {"$ref": json.dumps(last)} for n in range(9000)}},
    "long lists": lambda last: {"enum": [*range(20_000), last]},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_schemas_end_soon_and_are_never_called_safe(name: str) -> None:
    start = time.process_time()
    found = compare_schemas(HOSTILE[name](TEXT), HOSTILE[name](WHOLE), side="output")
    assert time.process_time() - start < 3
    assert "major" in {change.contract for change in found}
