"""The two engines: agreement, words, and what a schema's own faults lead to."""

# ruff: noqa: E501 - tables are read a row a line

from __future__ import annotations

import copy
import json
import os
import timeit
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog_tool.source.schema_engine import SchemaEngine, check_schema
from catalog_tool.source.schema_reference import find_errors
from catalog_tool.source.schema_spelling import spelled_for_python, spelled_for_rust
from catalog_tool.source.schema_survey import Survey
from catalog_tool.source.schemas import load_schema

SOAK = bool(os.environ.get("CATALOG_SOAK"))
CORPORA = os.environ.get("CATALOG_CORPORA")

# The suite's expectations that we do not follow, each with its reason.
OTHER = {
    ("optional/dependencies-compatibility.json", None): "a keyword of older drafts, unknown to 2020-12",
    ("vocabulary.json", "no validation: invalid number, but it still validates"): "one dialect only",
}


def _suite() -> Iterator[tuple[str, dict[str, Any]]]:
    assert CORPORA is not None
    root = Path(CORPORA) / "vectors/json-schema-test-suite/tests/draft2020-12"
    for path in sorted(root.rglob("*.json")):
        name = path.relative_to(root).as_posix()
        # `format` is an annotation here, so the tests of assertions are not ours.
        if not name.startswith("optional/format"):
            for group in json.loads(path.read_text(encoding="utf-8")):
                yield name, group


def _fast_and_slow(schema: Any, document: Any) -> tuple[bool, bool]:
    """The verdicts of the two engines, each on its own."""
    from catalog_tool.source.schema_engine import _fast_validator

    survey = Survey(schema)
    fast = _fast_validator(spelled_for_rust(schema, survey).schema).is_valid(document)
    found = find_errors(spelled_for_python(schema, survey).schema, document, limit=10)
    return fast, not found.errors and found.is_complete


@pytest.mark.skipif(CORPORA is None, reason="CATALOG_CORPORA is unset: the JSON-Schema-Test-Suite is not run")
def test_both_engines_agree_with_the_json_schema_test_suite() -> None:
    run, refused, differing = 0, set(), []
    for name, group in _suite():
        schema = group["schema"]
        engine = SchemaEngine(schema)
        if any(problem.kind != "dialect" for problem in engine.problems):
            refused.add((name, group["description"], engine.problems[-1].kind))
            continue
        assert engine.skipped_patterns == (), group["description"]
        for test in group["tests"]:
            if (name, None) in OTHER or (name, test["description"]) in OTHER:
                continue
            run += 1
            verdicts = {engine.is_valid(test["data"]), *_fast_and_slow(schema, test["data"])}
            if verdicts != {test["valid"]}:
                differing.append((name, group["description"], test["description"], verdicts))
    assert differing == []
    assert run > 1300
    # What is refused refers to another document, nothing else.
    assert {kind for _, _, kind in refused} == {"reference"}
    assert len(refused) < 25


@pytest.mark.skipif(CORPORA is None, reason="CATALOG_CORPORA is unset: the JSON-Schema-Test-Suite is not run")
def test_where_the_engines_would_disagree_the_reference_decides_alone() -> None:
    disagreements = set()
    for name, group in _suite():
        engine = SchemaEngine(group["schema"])
        if any(problem.kind != "dialect" for problem in engine.problems):
            continue
        for test in group["tests"]:
            fast, slow = _fast_and_slow(group["schema"], test["data"])
            assert engine.is_valid(test["data"]) is slow
            if fast != slow:
                disagreements.add(name)
                assert Survey(group["schema"]).is_exotic
    assert disagreements == {"optional/dependencies-compatibility.json"}


# Documents near to valid prompts.

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
_KEYS = st.sampled_from(
    ["id", "version", "messages", "role", "content", "tools", "name", "x-a", "params", "stop", "type", "text"]
)


def _places(value: Any) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    if isinstance(value, dict | list):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            found += [(value, key), *_places(value[key])]
    return found


@st.composite
def _near_prompts(draw: st.DrawFn) -> dict[str, Any]:
    document = copy.deepcopy(draw(st.sampled_from(load_schema("prompt")["examples"])))
    for _ in range(draw(st.integers(1, 3))):
        places = _places(document)
        holder, key = places[draw(st.integers(0, len(places) - 1))]
        change = draw(st.sampled_from(["set", "drop", "add", "rename"]))
        if change == "set":
            holder[key] = draw(_VALUES)
        elif change == "drop":
            del holder[key]
        elif isinstance(holder, dict):
            holder[draw(_KEYS | st.text(max_size=6))] = holder.pop(key) if change == "rename" else draw(_VALUES)
        if not document:
            break
    return document


@settings(max_examples=20_000 if SOAK else 300, deadline=None)
@given(_near_prompts())
def test_the_engines_agree_on_documents_near_to_prompts(document: dict[str, Any]) -> None:
    schema = json.loads(json.dumps(load_schema("prompt")))
    fast, slow = _fast_and_slow(schema, document)
    assert fast is slow
    engine = SchemaEngine(load_schema("prompt"))
    problems = engine.errors(document)
    assert engine.is_valid(document) is fast is (not problems)
    for problem in problems:
        assert problem.message
        assert len(problem.message) < 400


# Schemas at random.

_PATTERNS = st.sampled_from(
    ["^a", "b$", "^[a-z]+$", "^.$", r"\d", r"\w+", "^$", "[^a]", "a|b", "(a+)+", "(?=a)", r"\p{L}"]
)
_NAMES = st.sampled_from(["a", "b", "ab", "x-y"])
_SIZES = st.integers(0, 3)
_SMALL = st.sampled_from([None, True, False, 0, 1, 1.0, 1.5, -1, "", "a", "ab", "é", "a\n", [], [1], [1, 1.0], [True, 1], {}, {"a": 1}, {"a": "x", "b": 2}, {"x-y": []}])  # fmt: skip
_DOCUMENTS = st.recursive(
    _SMALL, lambda d: st.lists(d, max_size=3) | st.dictionaries(_NAMES, d, max_size=3), max_leaves=5
)
_TYPES = st.sampled_from(["string", "number", "integer", "boolean", "null", "object", "array"])


def _schemas(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    some = st.lists(inner, min_size=1, max_size=2)
    return st.fixed_dictionaries(
        {},
        optional={
            "type": _TYPES | st.lists(_TYPES, min_size=1, max_size=2, unique=True),
            "enum": st.lists(_SMALL, min_size=1, max_size=3),
            "const": _SMALL,
            "minimum": st.sampled_from([0, 1, 1.5, -1]),
            "exclusiveMaximum": st.sampled_from([0, 1, 1.5, -1]),
            "multipleOf": st.sampled_from([1, 2, 0.5, 0.1]),
            "minLength": _SIZES,
            "maxLength": _SIZES,
            "pattern": _PATTERNS,
            "maxItems": _SIZES,
            "uniqueItems": st.booleans(),
            "minProperties": _SIZES,
            "required": st.lists(_NAMES, max_size=2, unique=True),
            "properties": st.dictionaries(_NAMES, inner, max_size=2),
            "patternProperties": st.dictionaries(_PATTERNS, inner, max_size=2),
            "additionalProperties": inner,
            "propertyNames": inner,
            "items": inner,
            "prefixItems": some,
            "contains": inner,
            "maxContains": _SIZES,
            "allOf": some,
            "anyOf": some,
            "oneOf": some,
            "not": inner,
            "if": inner,
            "then": inner,
            "else": inner,
            "dependentSchemas": st.dictionaries(_NAMES, inner, max_size=1),
            "dependentRequired": st.just({"a": ["b"]}),
            "unevaluatedProperties": inner,
            "unevaluatedItems": inner,
            "$ref": st.just("#/$defs/x"),
        },
    ).map(lambda schema: dict(list(schema.items())[:4]))


_SCHEMAS = st.recursive(st.booleans() | st.just({}), _schemas, max_leaves=6)


@settings(max_examples=20_000 if SOAK else 400, deadline=None)
@given(_SCHEMAS, _SCHEMAS, st.lists(_DOCUMENTS, min_size=1, max_size=4))
def test_the_engines_agree_on_random_schemas(schema: Any, shared: Any, documents: list[Any]) -> None:
    if isinstance(schema, dict):
        schema = {**schema, "$defs": {"x": shared}}
    engine = SchemaEngine(schema)
    for document in documents:
        problems = engine.errors(document)
        assert engine.is_valid(document) is (not problems)
        survey = Survey(schema)
        if survey.usable and not survey.is_exotic and not survey.is_recursive:
            fast, slow = _fast_and_slow(schema, document)
            assert fast is slow


@settings(max_examples=5_000 if SOAK else 200, deadline=None)
@given(
    st.recursive(
        _VALUES,
        lambda v: st.dictionaries(
            st.sampled_from(
                [
                    "type",
                    "$ref",
                    "$id",
                    "$anchor",
                    "properties",
                    "pattern",
                    "items",
                    "allOf",
                    "$defs",
                    "required",
                    "patternProperties",
                    "$schema",
                    "enum",
                ]
            ),
            v,
            max_size=4,
        ),
        max_leaves=12,
    )
)
def test_anything_given_as_a_schema_is_judged_and_never_raises(schema: Any) -> None:
    problems = check_schema(schema)
    assert all(problem.message and problem.kind for problem in problems)
    if isinstance(schema, dict | bool):
        engine = SchemaEngine(schema)
        assert engine.is_valid({"a": 1}) is (engine.errors({"a": 1}) == [])


# Schemas that people write.


@pytest.mark.parametrize(
    ("schema", "pointer", "kind", "words"),
    [
        ({"type": "strng"}, "/type", "invalid", "did you mean string?"),
        ({"properties": {"a": {"minLength": -1}}}, "/properties/a/minLength", "invalid", "`minLength` must be at least 0"),
        ({"required": ["a", "a"]}, "/required", "invalid", "same item twice"),
        ({"required": "a"}, "/required", "invalid", "`required` must be a list"),
        ({"$ref": "https://example.org/a.json"}, "/$ref", "reference", "never fetched"),
        ({"$ref": "file:///etc/passwd"}, "/$ref", "reference", "never fetched"),
        ({"$ref": "other.json#/a"}, "/$ref", "reference", "never fetched"),
        ({"properties": {"a": {"$ref": "#/$defs/b"}}}, "/properties/a/$ref", "reference", "leads nowhere"),
        ({"$dynamicRef": "#nowhere"}, "/$dynamicRef", "reference", "leads nowhere"),
        ({"$ref": "#"}, "", "reference", "back to itself"),
        ({"enum": [{"a": {}}], "$ref": "#/enum/0"}, "/$ref", "reference", "leads nowhere"),
        ({"items": {"pattern": "(a+)+"}}, "/items/pattern", "pattern", "nested quantifiers"),
        ({"patternProperties": {"(?=a)/~": {}}}, "/patternProperties/(?=a)~1~0", "pattern", "look-ahead"),
        ({"$schema": "http://json-schema.org/draft-07/schema#"}, "/$schema", "dialect", "2020-12"),
        ([], "", "invalid", "must be"),
        ({"properties": {1: {}}}, "", "invalid", "key 1 is no text"),
        ({"enum": {1, 2}}, "", "invalid", "set is no JSON type"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_schema(schema: Any, pointer: str, kind: str, words: str) -> None:
    problems = check_schema(schema)
    assert (problems[0].pointer, problems[0].kind) == (pointer, kind)
    assert words in problems[0].message


@pytest.mark.parametrize(
    "schema",
    [
        True,
        {},
        {"$schema": "https://json-schema.org/draft/2020-12/schema"},
        {"properties": {"a": {"type": ["string", "null"], "format": "date"}}, "x-anything": {"$ref": 1}},
        {"$ref": "#/$defs/a%20b", "$defs": {"a b": {"$ref": "#c"}, "c": {"$anchor": "c"}}},
        {"$id": "urn:example:a", "$ref": "urn:example:a#/$defs/x", "$defs": {"x": {}}},
        {
            "$id": "https://example.org/root",
            "$defs": {"x": {"$id": "x.json", "type": "string"}},
            "$ref": "x.json",
        },
        {"items": {"$ref": "#"}},
        {"definitions": {"a": {}}, "$ref": "#/definitions/a"},
        {"enum": [{"$ref": "https://example.org/"}], "default": {"pattern": "(a+)+"}},
        {"properties": {"$ref": {"type": "string"}, "pattern": {"type": "string"}}},
    ],
)
def test_schemas_that_are_right(schema: Any) -> None:
    assert check_schema(schema) == []
    assert SchemaEngine(schema).problems == ()


def test_the_problems_of_a_schema_stand_for_those_of_its_documents() -> None:
    engine = SchemaEngine({"properties": {"a": {"$ref": "#/nowhere"}}})
    assert not engine.is_valid({})
    (problem,) = engine.errors({})
    assert (problem.pointer, problem.schema_pointer, problem.kind) == ("", "/properties/a/$ref", "reference")
    assert problem.message.startswith("its schema cannot be used: ")


def test_another_dialect_is_read_as_2020_12() -> None:
    draft_7 = "http://json-schema.org/draft-07/schema#"
    engine = SchemaEngine(
        {"$schema": draft_7, "properties": {"a": {"$schema": draft_7, "prefixItems": [{"type": "string"}]}}}
    )
    assert [problem.kind for problem in engine.problems] == ["dialect", "dialect"]
    assert engine.errors({"a": [1]})[0].pointer == "/a/0"


# Patterns that are not evaluated never refuse anything.

BOMB = {"pattern": "(a+)+$"}


@pytest.mark.parametrize(
    "schema",
    [
        BOMB,
        {"not": BOMB},
        {"not": {"$ref": "#/$defs/b"}, "$defs": {"b": {"allOf": [BOMB]}}},
        {"oneOf": [BOMB, {"type": "string"}]},
        {"if": BOMB, "then": False},
        {"if": {"not": BOMB}, "then": False},
        {"anyOf": [BOMB, False]},
        {"type": "string", "minLength": 1, **BOMB},
    ],
)
def test_a_pattern_that_is_not_evaluated_refuses_nothing(schema: dict[str, Any]) -> None:
    engine = SchemaEngine(schema)
    assert [problem.kind for problem in engine.skipped_patterns] == ["pattern"]
    for text in ("aaa", "b", "a" * 28 + "!"):
        assert engine.is_valid(text)
        assert engine.errors(text) == []


def test_names_under_a_pattern_that_is_not_evaluated_are_all_allowed() -> None:
    for closing in ("additionalProperties", "unevaluatedProperties"):
        engine = SchemaEngine(
            {"patternProperties": {"(a+)+": {"type": "string"}, "^b": {"type": "string"}}, closing: False}
        )
        assert engine.is_valid({"aaa": 1, "zzz": 2})
        assert [problem.pointer for problem in engine.errors({"aaa": 1, "b": 2})] == ["/b"]
    contains = SchemaEngine({"contains": {"pattern": "(a+)+"}, "maxContains": 0, "minContains": 0})
    assert contains.is_valid(["aaa", "b"])


def test_schema_pointers_name_patterns_as_they_were_written() -> None:
    for schema in (
        {"patternProperties": {r"^\d+$": {"type": "string"}, "^a/": {"type": "string"}}},
        {
            "patternProperties": {r"^\d+$": {"type": "string"}, "^a/": {"type": "string"}},
            "unevaluatedProperties": False,
        },
    ):
        problems = SchemaEngine(schema).errors({"12": 1, "a/b": 1})
        assert {(p.pointer, p.schema_pointer) for p in problems} == {
            ("/12", r"/patternProperties/^\d+$/type"),
            ("/a~1b", "/patternProperties/^a~1/type"),
        }


def test_two_patterns_of_one_meaning_are_both_kept() -> None:
    engine = SchemaEngine({"patternProperties": {"^a": {"minimum": 2}, "^[a]": {"maximum": 3}}})
    assert [p.message for p in engine.errors({"a": 1})] == ["`a` must be at least 2, not 1"]
    assert [p.message for p in engine.errors({"a": 4})] == ["`a` must be at most 3, not 4"]


# Words.


@pytest.mark.parametrize(
    ("schema", "document", "expected"),
    [
        ({"type": "object"}, [], [("", "the document must be a map, not a list")]),
        ({"items": {"type": "string"}}, [1], [("/0", "item [0] must be a string, not the number 1")]),
        ({"type": ["string", "integer", "array"]}, True, [("", "the document must be a string, an integer or a list, not true")]),
        ({"properties": {"a": {"maxLength": 2}}}, {"a": "xyz"}, [("/a", "`a` has 3 characters, at most 2 are allowed")]),
        ({"properties": {"a": {"minLength": 1}}}, {"a": ""}, [("/a", "`a` must not be empty")]),
        ({"properties": {"a": {"minItems": 2}}}, {"a": [1]}, [("/a", "`a` has 1 item, at least 2 are needed")]),
        ({"properties": {"a": {"minItems": 3}}}, {"a": [1, 2]}, [("/a", "`a` has 2 items, at least 3 are needed")]),
        ({"properties": {"a": {"maxItems": 1}}}, {"a": [1, 2]}, [("/a", "`a` has 2 items, at most 1 is allowed")]),
        ({"properties": {"a": {"maxItems": 0}}}, {"a": [1]}, [("/a", "`a` must be empty")]),
        ({"properties": {"a": {"minLength": 1200}}}, {"a": "x"}, [("/a", "`a` has 1 character, at least 1,200 are needed")]),
        ({"minProperties": 2}, {"a": 1}, [("", "the document has 1 key, at least 2 are needed")]),
        ({"maxProperties": 1}, {"a": 1, "b": 2}, [("", "the document has 2 keys, at most 1 is allowed")]),
        ({"properties": {"a": {"exclusiveMinimum": 0}}}, {"a": 0}, [("/a", "`a` must be more than 0, not 0")]),
        ({"properties": {"a": {"multipleOf": 5}}}, {"a": 7}, [("/a", "`a` must be a multiple of 5, not 7")]),
        ({"properties": {"a": {"pattern": "^x"}}}, {"a": "y"}, [("/a", '`a` does not match the pattern ^x: "y"')]),
        ({"properties": {"a": {"const": None}}}, {"a": 1}, [("/a", "`a` must be null, not 1")]),
        ({"prefixItems": [True], "items": False}, [1, 2], [("", "the document has more items than its schema allows")]),
        ({"properties": {"a": False}}, {"a": 1}, [("/a", "`a` is not allowed here")]),
        ({"properties": {"a": {"not": {"type": "string"}}}}, {"a": "x"}, [("/a", "`a` is what its schema forbids")]),
        ({"dependentRequired": {"a": ["b"]}}, {"a": 1}, [("", "`a` also needs `b`")]),
        ({"propertyNames": {"pattern": "^[a-z]+$"}}, {"A/b": 1}, [("/A~1b", '`A/b` does not match the pattern ^[a-z]+$: "A/b"')]),
        ({"contains": {"type": "string"}}, [1], [("", "the document lacks an item of the kind that it must hold")]),
        ({"contains": True, "maxContains": 1}, [1, 2], [("", "the document has too many items of the kind that it may hold")]),
        ({"contains": {"type": "string"}, "minContains": 2}, ["a"], [("", "the document has too few items of the kind that it must hold")]),
        ({"oneOf": [{"type": "string"}, {"minLength": 0}]}, "x", [("", "the document fits more than one of the forms of which it must be one")]),
        ({"properties": {"a": {}}, "unevaluatedProperties": False}, {"b": 1}, [("", "the document has keys that no part of its schema allows")]),
        ({"prefixItems": [True], "unevaluatedItems": False}, [1, 2], [("", "the document has items that no part of its schema allows")]),
        ({"anyOf": [{"type": "string"}, {"type": ["null", "array"]}]}, 1, [("", "the document must be a string, null or a list, not the number 1")]),
        (
            {"anyOf": [{"properties": {"k": {"const": "a"}, "n": {"type": "string"}}}, {"properties": {"k": {"const": "b"}}, "required": ["m"]}]},
            {"k": "a", "n": 1},
            [("/n", "`n` must be a string, not the number 1")],
        ),
        ({"properties": {"a": {"type": "string", "pattern": "^x", "errorMessage": "an x first"}}}, {"a": "y"}, [("/a", 'an x first, not "y"')]),
        ({"properties": {"a": {"type": "string", "errorMessage": "for patterns only"}}}, {"a": 1}, [("/a", "`a` must be a string, not the number 1")]),
        ({"properties": {"a": {"enum": ["x" * 100]}}}, {"a": "y" * 100}, [("/a", f'`a` must be {"x" * 100}, not "{"y" * 59}…"')]),
        ({"type": "string", "not": {"type": "integer"}}, 1, [("", "the document must be a string, not the number 1")]),
        ({"if": True, "then": {"required": ["a"]}}, {}, [("", "`a` is missing")]),
        ({"properties": {"p": {"required": ["a"]}}}, {"p": {}}, [("/p", "`a` is missing in `p`")]),
        (
            {"required": ["backend"]},
            {"backened": "sqlite", "bakend": 1},
            [("", "`backend` is missing, did you write it `backened`?")],
        ),
        (
            {"required": ["path"], "properties": {"paths": {}}},
            {"paths": 1, "url": 2},
            [("", "`path` is missing")],
        ),
        (
            {"required": ["path"], "properties": {"path": {}}, "additionalProperties": False},
            {"pth": 1},
            [("", "`path` is missing"), ("/pth", "unknown key `pth`, did you mean `path`?")],
        ),
    ],
)  # fmt: skip
def test_words(schema: dict[str, Any], document: Any, expected: list[tuple[str, str]]) -> None:
    assert [(problem.pointer, problem.message) for problem in SchemaEngine(schema).errors(document)] == expected


def test_every_problem_says_where_and_by_which_rule() -> None:
    schema = {
        "properties": {"a/b": {"items": {"$ref": "#/$defs/n"}}},
        "$defs": {"n": {"type": "number"}},
        "required": ["c"],
    }
    problems = SchemaEngine(schema).errors({"a/b": [1, "x"]})
    assert {(p.pointer, p.keyword, p.schema_pointer, p.kind) for p in problems} == {
        ("/a~1b/1", "type", "/properties/a~1b/items/type", "invalid"),
        ("", "required", "/required", "invalid"),
    }


def test_unique_items_are_those_of_json() -> None:
    engine = SchemaEngine({"uniqueItems": True})
    assert engine.is_valid([1, True, "1", [1], [True], {"a": 1}, {"a": True}, None, False, 0])
    assert [p.message for p in engine.errors([1, 2, 1.0])] == ["the document holds the same item twice: items 1 and 3"]
    assert not engine.is_valid([{"a": 1, "b": 2}, {"b": 2.0, "a": 1}])


def test_format_is_an_annotation() -> None:
    engine = SchemaEngine({"format": "email"})
    assert engine.is_valid("no address")
    assert engine.errors("no address") == []


def test_a_document_that_is_not_json_is_refused_in_words() -> None:
    engine = SchemaEngine({"patternProperties": {"^a": {}}})
    assert [p.message for p in engine.errors({1: 2})] == ["the key 1 is no text"]
    assert [p.message for p in engine.errors({None: 2})] == ["the key None is no text"]
    assert [p.message for p in SchemaEngine({"type": "object"}).errors({1, 2})] == ["set is no JSON type"]


def test_one_engine_serves_any_number_of_threads() -> None:
    from concurrent.futures import ThreadPoolExecutor

    engine = SchemaEngine({"properties": {"a": {"type": "string", "pattern": "^x"}}})
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda n: [p.message for p in engine.errors({"a": f"y{n}"})], range(200)))
    assert found == [[f'`a` does not match the pattern ^x: "y{n}"'] for n in range(200)]


def test_a_valid_document_never_loads_the_reference() -> None:
    import subprocess
    import sys

    program = (
        "import sys; from catalog_tool.source.schema_engine import *; from catalog_tool.source.schemas import *;"
        "schema = load_schema('prompt'); assert SchemaEngine(schema).is_valid(schema['examples'][0]);"
        "assert check_schema({'type': 'object', 'properties': {'a': {'$ref': '#/$defs/b'}}, '$defs': {'b': {}}}) == [];"
        "print('jsonschema' in sys.modules)"
    )
    root = Path(__file__).parents[3]
    env = {**os.environ, "PYTHONPATH": str(root)}
    result = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True)
    assert result.stdout == "False\n"


def test_the_fast_paths_are_fast() -> None:
    engine = SchemaEngine(load_schema("prompt"))
    prompt = copy.deepcopy(load_schema("prompt")["examples"][1])
    prompt["messages"][0]["content"] *= 40
    assert len(json.dumps(prompt)) > 3000
    assert _microseconds(lambda: engine.is_valid(prompt)) < 50  # 3 to 5 on an idle machine
    assert _microseconds(lambda: check_schema(prompt["variables"])) < 50  # about 4


def _microseconds(call: Any) -> float:
    return min(timeit.repeat(call, number=500, repeat=5)) / 500 * 1e6
