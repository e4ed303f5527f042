"""What enters a prompt's digest and what does not; the written order of ``properties``."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reading import SHORT, digest, read

from catalog_tool.canonical.identity import meta_of, prompt_identity, restore_order, written_order

EMPTY = {
    "messages": [],
    "model": {},
    "output_schema": {},
    "params": {},
    "template": "mustache",
    "tools": [],
    "variables": {},
}


def orders(schema: dict[str, Any]) -> dict[str, list[str]]:
    return written_order({"output_schema": schema})


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"properties": {"a": {}, "b": {}}}, {}),
        ({"properties": {"b": {}, "a": {}}}, {"/o/properties": ["b", "a"]}),
        ({"items": {"properties": {"b": {}, "a": {}}}}, {"/o/items/properties": ["b", "a"]}),
        ({"anyOf": [True, {"properties": {"b": {}, "a": {}}}]}, {"/o/anyOf/1/properties": ["b", "a"]}),
        ({"default": {"properties": {"b": {}, "a": {}}}}, {}),
        ({"x-ui": {"properties": {"b": {}, "a": {}}}}, {}),
        ({"enum": [{"properties": {"b": {}, "a": {}}}]}, {}),
        ({"const": {"properties": {"b": {}, "a": {}}}}, {}),
        ({"examples": [{"properties": {"b": {}, "a": {}}}]}, {}),
        (
            {"properties": {"default": {"properties": {"b": {}, "a": {}}}}},
            {"/o/properties/default/properties": ["b", "a"]},
        ),
        (
            {"properties": {"x-y": {"properties": {"b": {}, "a": {}}}}},
            {"/o/properties/x-y/properties": ["b", "a"]},
        ),
        ({"properties": {"properties": {"b": {}, "a": {}}}}, {}),
        (
            {"properties": {"properties": {"properties": {"b": {}, "a": {}}}}},
            {"/o/properties/properties/properties": ["b", "a"]},
        ),
        (
            {"properties": {"a/b~c": {"properties": {"b": {}, "a": {}}}}},
            {"/o/properties/a~1b~0c/properties": ["b", "a"]},
        ),
        ({"properties": {"\U00010000": {}, "\ue000": {}}}, {}),
        ({"properties": {"\ue000": {}, "\U00010000": {}}}, {"/o/properties": ["\ue000", "\U00010000"]}),
    ],
)
def test_written_order(schema: dict[str, Any], expected: dict[str, list[str]]) -> None:
    found = {pointer.replace("/output_schema", "/o", 1): keys for pointer, keys in orders(schema).items()}
    assert found == expected


def test_order_is_kept_for_parameters_and_not_for_other_schemas() -> None:
    schema = {"type": "object", "properties": {"b": {}, "a": {}}}
    tools = [{"name": "t"}, {"name": "u", "parameters": schema, "returns": schema}]
    found = written_order({"tools": tools, "variables": schema})
    assert found == {"/tools/1/parameters/properties": ["b", "a"]}


NAMES = st.sampled_from(["a", "b", "B", "properties", "default", "x-y", "a/b", "~", "é", "\ue000", "\U00010000"])
SCHEMAS = st.recursive(
    st.sampled_from([{"type": "string"}, {}, True]),
    lambda inner: st.fixed_dictionaries(
        {},
        optional={
            "properties": st.dictionaries(NAMES, inner, max_size=4),
            "items": inner,
            "anyOf": st.lists(inner, max_size=2),
            "$defs": st.dictionaries(NAMES, inner, max_size=2),
            "examples": st.just([{"properties": {"b": 1, "a": 2}}]),
        },
    ),
    max_leaves=12,
)


def spelled(value: Any) -> str:
    """A value with the order of its keys."""
    return json.dumps(value)


@given(SCHEMAS)
def test_restoring_gives_the_written_order_back(schema: Any) -> None:
    parts = {**EMPTY, "output_schema": schema, "tools": [{"name": "t", "parameters": schema}]}
    identity = prompt_identity(parts)
    served = {name: json.loads(data) for name, data in identity.parts.items()}
    assert prompt_identity(copy.deepcopy(served)) == identity
    restored = restore_order(served)
    assert written_order(restored) == written_order(parts) == restored.get("order", {})
    restored.pop("order", None)
    assert prompt_identity(restored) == identity


def test_order_is_a_part_only_where_there_is_one() -> None:
    assert "order" not in prompt_identity(EMPTY).parts
    assert prompt_identity({**EMPTY, "order": {}}) == prompt_identity(EMPTY)


@pytest.mark.parametrize(
    "line",
    [
        "description: Other.",
        "owners: [me]",
        "tags: [a]",
        "notes: anything",
        "x-team: {a: [1, 2]}",
        "template: mustache",
        "output_schema: {}",
        "params: {}",
    ],
)
def test_what_does_not_count(line: str) -> None:
    assert digest(SHORT + line + "\n", "support_agent/v2.yaml") == digest(SHORT, "support_agent/v2.yaml")


@pytest.mark.parametrize(
    "line",
    [
        "stop: []",
        "params: {max_tokens: 5}",
        "output_schema: {description: x}",
        "output_schema: {x-y: 1}",
        "template: none",
        "variables: {type: object, properties: {product_name: {type: string}}}",
    ],
)
def test_what_counts(line: str) -> None:
    assert digest(SHORT + line + "\n", "support_agent/v2.yaml") != digest(SHORT, "support_agent/v2.yaml")


def test_tools_count_by_their_keys() -> None:
    head = "system_prompt: x\ntools: "
    plain = digest(head + "[{name: t}]")
    assert plain == digest(head + "[t]")
    assert plain == digest(head + "[{name: t, strict: false, owners: [a], tags: [b], notes: c, x-d: 1}]")
    assert plain != digest(head + "[{name: t, strict: true}]")
    assert plain != digest(head + "[{name: t, dispatch: static}]")
    assert plain != digest(head + "[{name: t, description: '', parameters: {}}]")


def test_metadata_is_kept_and_notes_are_not() -> None:
    text = SHORT + "description: D\nowners: [o]\ntags: [t]\nnotes: n\nx-a: 1\n"
    version = read(text, "support_agent/v2.yaml").version
    assert version is not None
    assert version.metadata() == {"description": "D", "owners": ["o"], "tags": ["t"], "x-a": 1}
    assert meta_of({"x": 1, "id": "a", "x-": 2}) == {"x-": 2}
