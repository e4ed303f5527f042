"""A prompt's parts to messages: roles and number from the parts alone, nothing shared."""

from __future__ import annotations

import copy
from types import MappingProxyType
from typing import Any

import pytest

from catalog_tool.errors import UsageError
from catalog_tool.template import (
    BadPlaceholderError,
    MissingVariableError,
    RenderError,
    RenderLimitError,
    TemplateError,
    UnknownVariableError,
    compile_prompt,
    render_messages,
)

PARTS: dict[str, Any] = {
    "template": "mustache",
    "variables": {
        "type": "object",
        "required": ["product_name", "question"],
        "properties": {
            "product_name": {"type": "string", "maxLength": 80},
            "question": {"type": "string"},
            "tone": {"enum": ["formal", "warm"], "default": "warm"},
        },
    },
    "messages": [
        {"role": "system", "content": "Agent for {{product_name}}, {{tone}}."},
        {"examples": [{"user": "Is {{product_name}} good?", "assistant": "Yes."}]},
        {"placeholder": "history", "required": False},
        {
            "role": "user",
            "name": "{{product_name}}",
            "content": [
                {"type": "text", "text": "{{question}}"},
                {"type": "image", "url": "https://example.org/{{question}}"},
            ],
        },
        {
            "role": "assistant",
            "tool_calls": [{"id": "{{x}}", "name": "search", "arguments": {"q": ["{{question}}"]}}],
        },
        {"role": "tool", "tool_call_id": "{{x}}", "content": "found {{question}}"},
    ],
}
GIVEN = {"product_name": "Acme", "question": "{{tone}}?"}


def with_variables(schema: dict[str, Any], text: str = "x") -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}], "variables": schema}


def test_messages() -> None:
    history = [{"role": "user", "content": "hi {{tone}}"}]
    assert render_messages(PARTS, GIVEN, {"history": history}) == [
        {"role": "system", "content": "Agent for Acme, warm."},
        {"role": "user", "content": "Is Acme good?"},
        {"role": "assistant", "content": "Yes."},
        {"role": "user", "content": "hi {{tone}}"},
        {
            "role": "user",
            "name": "{{product_name}}",
            "content": [
                {"type": "text", "text": "{{tone}}?"},
                {"type": "image", "url": "https://example.org/{{question}}"},
            ],
        },
        {
            "role": "assistant",
            "tool_calls": [{"id": "{{x}}", "name": "search", "arguments": {"q": ["{{question}}"]}}],
        },
        {"role": "tool", "tool_call_id": "{{x}}", "content": "found {{tone}}?"},
    ]


def test_nothing_is_shared_with_the_caller() -> None:
    parts, history = (
        copy.deepcopy(PARTS),
        [{"role": "assistant", "tool_calls": [{"id": "1", "arguments": {}}]}],
    )
    prompt = compile_prompt(parts)
    first = prompt.render(GIVEN, {"history": history})
    expected = copy.deepcopy(first)
    for message in first:
        for call in message.get("tool_calls", ()):
            call["arguments"]["q"] = "changed"
        message["role"] = "system"
    first.clear()
    assert prompt.render(GIVEN, {"history": history}) == expected
    assert (parts, history[0]["tool_calls"]) == (PARTS, [{"id": "1", "arguments": {}}])


def test_read_only_parts_work() -> None:
    parts = MappingProxyType(
        {
            "messages": (MappingProxyType({"role": "user", "content": "{{a}}", "tool_calls": ()}),),
            "variables": MappingProxyType({"properties": MappingProxyType({"a": {}}), "required": ("a",)}),
        }
    )
    assert render_messages(parts, {"a": 1}) == [{"role": "user", "content": "1", "tool_calls": []}]
    with pytest.raises(MissingVariableError):
        render_messages(parts, {})


def test_every_missing_name_in_one_error() -> None:
    parts = copy.deepcopy(PARTS)
    parts["messages"].append({"placeholder": "files"})
    with pytest.raises(MissingVariableError, match="product_name, question, files") as caught:
        render_messages(parts, {})
    assert caught.value.names == ("product_name", "question", "files")
    assert isinstance(caught.value, UsageError)


def test_missing_names_of_open_schemas_are_collected_over_all_texts() -> None:
    parts = with_variables({"additionalProperties": True}, "{{a}}")
    parts["messages"].append({"role": "user", "content": "{{b}}"})
    with pytest.raises(MissingVariableError) as caught:
        render_messages(parts, {})
    assert caught.value.names == ("a", "b")


def test_null_is_a_value_and_is_empty() -> None:
    assert render_messages(PARTS, {**GIVEN, "tone": None})[0]["content"] == "Agent for Acme, ."


@pytest.mark.parametrize(
    ("schema", "strict", "refused"),
    [
        ({"type": "object", "properties": {"a": {}}}, False, False),
        ({"type": "object", "properties": {"a": {}}}, True, True),
        ({"type": "object", "properties": {"a": {}}, "additionalProperties": False}, False, True),
        ({}, False, False),
        ({}, True, True),
        ({"patternProperties": {"(a+)+$": {}}, "additionalProperties": False}, True, False),
        ({"allOf": [{"properties": {"x": {}}}]}, True, False),
    ],
)
def test_extra_variables(schema: dict[str, Any], strict: bool, refused: bool) -> None:  # noqa: FBT001
    parts = with_variables(schema)
    if not refused:
        assert render_messages(parts, {"x": 1}, strict=strict)
        return
    with pytest.raises(UnknownVariableError) as caught:
        render_messages(parts, {"x": 1, "y": 2}, strict=strict)
    assert caught.value.names == ("x", "y")


def test_defaults_and_required_in_nested_values() -> None:
    item = {"type": "object", "required": ["id"], "properties": {"id": {}, "unit": {"default": "pc"}}}
    schema = {
        "properties": {
            "user": {"type": "object", "properties": {"lang": {"default": "en"}}},
            "items": {"type": "array", "items": {"$ref": "#/$defs/item"}},
            "limit": {"allOf": [{"type": "integer", "default": 3}]},
            "maybe": {"anyOf": [{"required": ["no"], "properties": {"no": {}}}, {"type": "object"}]},
        },
        "$defs": {"item": item},
    }
    text = "{{limit}} {{user.lang}}{{#items}} {{id}}{{unit}}{{/items}}"
    given: dict[str, Any] = {"user": {}, "items": [{"id": 1}, {"id": 2, "unit": "kg"}], "maybe": {}}
    before = copy.deepcopy(given)
    assert render_messages(with_variables(schema, text), given)[0]["content"] == "3 en 1pc 2kg"
    assert given == before
    with pytest.raises(MissingVariableError) as caught:
        render_messages(with_variables(schema, text), {"items": [{"id": 1}, {}]})
    assert caught.value.names == ("items[1].id",)


def test_a_required_variable_with_a_default_is_not_missing() -> None:
    schema = {"required": ["a"], "properties": {"a": {"default": 7}}}
    assert render_messages(with_variables(schema, "{{a}}"), {})[0]["content"] == "7"


def test_values_deeper_than_the_limit_are_taken_as_they_are() -> None:
    schema: dict[str, Any] = {"properties": {"t": {"$ref": "#/$defs/t"}}}
    schema["$defs"] = {"t": {"type": "array", "items": {"$ref": "#/$defs/t"}}}
    deep: list[Any] = []
    for _ in range(5000):
        deep = [deep]
    assert render_messages(with_variables(schema), {"t": deep})[0]["content"] == "x"


@pytest.mark.parametrize(
    "history",
    [
        "hello",
        {"role": "user", "content": "x"},
        ["hello"],
        [{"content": "x"}],
        [{"role": "root", "content": "x"}],
        [{"role": ["user"], "content": "x"}],
        [{"role": "user"}],
        [{"role": "user", "content": None}],
        [{"role": "user", "content": 3}],
        [{"role": "user", "content": [{"text": "no type"}]}],
        [{"role": "user", "content": "x", "name": 3}],
        [{"role": "assistant", "tool_calls": ["x"]}],
        [{"role": "user", "content": "x", "extra": object()}],
        [{"role": "user", "content": "x", 3: "x"}],
    ],
)
def test_placeholders_take_messages_only(history: Any) -> None:
    with pytest.raises(BadPlaceholderError) as caught:
        render_messages(PARTS, GIVEN, {"history": history})
    assert caught.value.name == "history"


def test_a_placeholder_that_nests_without_end() -> None:
    loop: dict[str, Any] = {"role": "user", "content": "x"}
    loop["metadata"] = loop
    with pytest.raises(BadPlaceholderError):
        render_messages(PARTS, GIVEN, {"history": [loop]})


def test_placeholders_and_variables_share_one_namespace() -> None:
    prompt = compile_prompt(PARTS)
    assert prompt.placeholders == ("history",)
    assert prompt.split({"history": [], "question": "q"}) == ({"question": "q"}, {"history": []})
    with pytest.raises(BadPlaceholderError):
        prompt.render({**GIVEN, "history": []})
    with pytest.raises(UnknownVariableError):
        prompt.render(GIVEN, {"files": []})
    assert len(prompt.render(GIVEN, {"history": None})) == len(PARTS["messages"])


def test_provider_keys_of_given_messages_are_kept() -> None:
    message = {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}], "refusal": None}
    assert message in render_messages(PARTS, GIVEN, {"history": [message]})


def test_problems_of_all_texts_are_told() -> None:
    parts = with_variables({}, "{{a b}}")
    parts["messages"].append({"examples": [{"user": "{{", "assistant": "{{> p}}"}]})
    with pytest.raises(TemplateError) as caught:
        compile_prompt(parts)
    kinds = [problem.kind for problem in caught.value.problems]
    assert kinds == ["bad-name", "unclosed-tag", "unexpanded-partial"]


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"messages": "x"},
        {"messages": ["x"]},
        {"messages": [{"content": "x"}]},
        {"messages": [{"role": "user", "content": 3}]},
        {"messages": [{"role": "user", "content": ["x"]}]},
        {"messages": [{"examples": [{"user": "x"}]}]},
        {"messages": [], "variables": []},
        {"messages": [], "template": "erb"},
        {"messages": [], "template": ["x"]},
    ],
)
def test_parts_that_are_none(parts: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        compile_prompt(parts)


def test_engine_none_is_literal() -> None:
    parts = {**with_variables({}, "{{x}} {{#a}} {{"), "template": "none"}
    assert render_messages(parts, {}) == [{"role": "user", "content": "{{x}} {{#a}} {{"}]


def test_the_limit_counts_all_texts_of_a_prompt() -> None:
    parts = with_variables({"properties": {"a": {}}}, "{{a}}")
    parts["messages"] *= 5
    with pytest.raises(RenderLimitError):
        render_messages(parts, {"a": "x" * 1_000_000})


def test_no_message_shows_a_value() -> None:
    for given in ({"a": ["hunter2"]}, {"a": {"k": "hunter2"}}, {"hunter": "hunter2"}):
        with pytest.raises(RenderError) as caught:
            render_messages(with_variables({"required": ["a"], "properties": {"a": {}}}, "{{a}}"), given)
        assert "hunter2" not in f"{caught.value.message} {caught.value.hint}"
