"""What people and MLflow's SDK see of a prompt version, and the way back from what they made of it.

A version whose only message is the system's is a text prompt there, any other a chat prompt of
OpenAI-shaped messages; examples are shown as the messages they become, placeholders not at all.
``response_format`` is the output schema in its written order, ``model_config`` model and params.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from catalog_tool.canonical.identity import restore_order, written_order
from catalog_tool.canonical.jcs import NotCanonicalError, canonical_bytes
from catalog_tool.template.names import check_names, infer_variables
from catalog_tool.template.nodes import Template
from catalog_tool.template.parse import parse

TEXT, KIND = "mlflow.prompt.text", "_mlflow_prompt_type"
RESPONSE_FORMAT, MODEL_CONFIG = "_mlflow_prompt_response_format", "_mlflow_prompt_model_config"
SEEN = (KIND, TEXT, RESPONSE_FORMAT, MODEL_CONFIG)
"""The tags that MLflow's own page and SDK show and edit."""

_MODEL = {"provider": "provider", "model_name": "name"}
_PARAMS = {"stop_sequences": "stop"}
Json = Any


def seen_tags(parts: Mapping[str, Any]) -> dict[str, str]:
    """The visible tags of a version; a response format and a model configuration only where there are any."""
    messages = parts["messages"]
    text = _only_text(messages)
    tags = {KIND: "text", TEXT: text} if text is not None else {KIND: "chat", TEXT: _written(shown_messages(messages))}
    if parts["output_schema"]:
        tags[RESPONSE_FORMAT] = _written(_ordered_schema(parts))
    if config := _config(parts):
        tags[MODEL_CONFIG] = _written(config)
    return tags


def _written(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False)


def _ordered_schema(parts: Mapping[str, Any]) -> Json:
    order = {key: names for key, names in parts.get("order", {}).items() if key.startswith("/output_schema/")}
    copied = json.loads(json.dumps({"output_schema": parts["output_schema"]}))
    return restore_order({**copied, "order": order})["output_schema"]


def _only_text(messages: list[Any]) -> str | None:
    """The text of a version that is nothing but a system prompt, or that has no message at all."""
    if not messages:
        return ""
    first = messages[0]
    is_plain = len(messages) == 1 and first.keys() == {"role", "content"} and first["role"] == "system"
    return first["content"] if is_plain and isinstance(first["content"], str) else None


def shown_messages(messages: list[Any]) -> list[dict[str, Any]]:
    """A chat prompt's messages as MLflow's ``ChatMessage`` takes them."""
    return [shown for _, found in _slots(messages) for shown in found]


def _slots(messages: list[Any]) -> list[tuple[Any, list[dict[str, Any]]]]:
    """Each element of a version's messages with what is shown of it."""
    found: list[tuple[Any, list[dict[str, Any]]]] = []
    for message in messages:
        if "placeholder" in message:
            found.append((message, []))
        elif "examples" in message:
            pairs = [(role, example[role]) for example in message["examples"] for role in ("user", "assistant")]
            found.append((message, [{"role": role, "content": _shown_content(text)} for role, text in pairs]))
        else:
            found.append((message, [_shown(message)]))
    return found


def _shown(message: Mapping[str, Any]) -> dict[str, Any]:
    shown = {key: message[key] for key in ("role", "name", "tool_call_id") if key in message}
    if "content" in message:
        shown["content"] = _shown_content(message["content"])
    if "tool_calls" in message:
        shown["tool_calls"] = [_shown_call(call) for call in message["tool_calls"]]
    return shown


def _shown_content(content: Json) -> Json:
    if not isinstance(content, list):
        return content
    return [
        {"type": "image_url", "image_url": {"url": part["url"]}} if part.get("type") == "image" else part
        for part in content
    ]


def _shown_call(call: Mapping[str, Any]) -> dict[str, Any]:
    arguments = call.get("arguments", {})
    text = arguments if isinstance(arguments, str) else _written(arguments)
    function = {"name": call.get("name", ""), "arguments": text}
    return {"id": call.get("id", ""), "type": "function", "function": function}


def _config(parts: Mapping[str, Any]) -> dict[str, Any]:
    """Model and params in one mapping, under MLflow's names; a param never hides the model's."""
    model, params = parts["model"], parts["params"]
    named = {theirs: model[ours] for theirs, ours in _MODEL.items() if ours in model}
    renamed = {theirs: ours for ours, theirs in _PARAMS.items()}
    return {**{renamed.get(key, key): value for key, value in params.items()}, **named}


EMPTY: Mapping[str, Any] = {
    "messages": [], "model": {}, "output_schema": {}, "params": {}, "template": "mustache", "tools": [],
    "variables": {},
}  # fmt: skip
"""The parts of a version that nobody of ours wrote, before its visible tags are read."""
UNREADABLE = "x-unreadable"
"""Where text is kept that should be JSON and is none, so that it shows as an edit."""


def shown_parts(parts: Mapping[str, Any], tags: Mapping[str, str]) -> dict[str, Any]:
    """The parts of a version with every visible edit in them; ``parts`` itself where nothing was edited.

    Another spelling of the same JSON is no edit. Raises ``KeyError``, ``TypeError`` or
    ``AttributeError`` for parts that are none.
    """
    wanted = seen_tags(parts)
    made = dict(parts)
    if _content(tags) != _content(wanted):
        made["messages"] = _messages(parts["messages"], tags)
        made["variables"] = _variables(parts, made["messages"])
    schema = _read(tags, RESPONSE_FORMAT)
    if not _same(schema, _read(wanted, RESPONSE_FORMAT)):
        made["output_schema"] = schema
        made["order"] = _reordered(parts, schema)
    config = _read(tags, MODEL_CONFIG)
    if not _same(config, _config(parts)):
        made["model"], made["params"] = _configured(parts, config)
    return made


def _content(tags: Mapping[str, str]) -> tuple[str, Any]:
    kind, text = tags.get(KIND, "text"), tags.get(TEXT, "")
    if kind != "chat":
        return "text", text
    try:
        return kind, canonical_bytes(json.loads(text))
    except (ValueError, RecursionError, NotCanonicalError):
        return kind, text


def _read(tags: Mapping[str, str], key: str) -> dict[str, Any]:
    """A visible JSON object; an absent one is empty."""
    text = tags.get(key) or "{}"
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {UNREADABLE: text}
    return found if isinstance(found, dict) else {UNREADABLE: text}


def _same(one: Json, other: Json) -> bool:
    try:
        return canonical_bytes(one) == canonical_bytes(other)
    except (NotCanonicalError, RecursionError):
        return False


def _messages(before: list[Any], tags: Mapping[str, str]) -> list[Any]:
    """The messages that the visible text stands for; what is as it was shown stays as it was written."""
    text = tags.get(TEXT, "")
    if tags.get(KIND) != "chat":
        return [{"role": "system", "content": text}]
    found = _chat(text)
    if found is None:
        return [{"role": "system", "content": text, UNREADABLE: "chat"}]
    slots = _slots(before)
    if sum(len(shown) for _, shown in slots) != len(found):
        return [_message(item) for item in found]
    return list(_in_place(slots, found))


def _chat(text: str) -> list[dict[str, Any]] | None:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    is_chat = isinstance(found, list) and all(isinstance(item, dict) and "role" in item for item in found)
    return found if is_chat else None


def _in_place(slots: list[tuple[Any, list[dict[str, Any]]]], found: list[dict[str, Any]]) -> Iterator[Any]:
    start = 0
    for original, shown in slots:
        now = found[start : start + len(shown)]
        start += len(shown)
        if _same(now, shown):
            yield original
        else:
            yield from (_message(item) for item in now)


def _message(shown: Mapping[str, Any]) -> dict[str, Any]:
    """A message of ours from one of MLflow's; what ours has no place for is left out."""
    made = {key: shown[key] for key in ("role", "name", "tool_call_id") if shown.get(key) is not None}
    if shown.get("content") is not None:
        made["content"] = _own_content(shown["content"])
    if shown.get("tool_calls"):
        made["tool_calls"] = [_own_call(call) for call in shown["tool_calls"]]
    return made


def _own_content(content: Json) -> Json:
    if not isinstance(content, list):
        return content
    return [
        {"type": "image", "url": part["image_url"].get("url", "")}
        if isinstance(part, dict) and isinstance(part.get("image_url"), dict) else part
        for part in content
    ]  # fmt: skip


def _own_call(call: Json) -> Json:
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict):
        return call
    arguments = function.get("arguments", "")
    try:
        arguments = json.loads(arguments)
    except (ValueError, TypeError, RecursionError):
        return {"id": call.get("id", ""), "name": function.get("name", ""), "arguments": arguments}
    return {"id": call.get("id", ""), "name": function.get("name", ""), "arguments": arguments}


def _variables(parts: Mapping[str, Any], messages: list[Any]) -> dict[str, Any]:
    """What an edited text uses: inferred where it was before, else the declared ones and what is new beside them."""
    declared: dict[str, Any] = parts["variables"]
    if parts["template"] != "mustache":
        return declared
    templates = list(_templates(messages))
    if declared == infer_variables(list(_templates(parts["messages"]))).variables:
        return infer_variables(templates).variables
    new = {use.name: {"type": "string"} for use in check_names(templates, declared).undeclared if "." not in use.name}
    return {**declared, "properties": {**declared.get("properties", {}), **new}} if new else declared


def _templates(messages: list[Any]) -> Iterator[Template]:
    for _, shown in _slots(messages):
        for message in shown:
            content = message.get("content")
            parts = content if isinstance(content, list) else [{"text": content}]
            texts = [part.get("text") for part in parts if isinstance(part, dict)]
            yield from (parse(text) for text in texts if isinstance(text, str))


def _reordered(parts: Mapping[str, Any], schema: Json) -> dict[str, list[str]]:
    kept = {key: names for key, names in parts.get("order", {}).items() if not key.startswith("/output_schema/")}
    return {**kept, **written_order({**EMPTY, "output_schema": schema})}


def _configured(parts: Mapping[str, Any], config: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Model and params with what was changed in the configuration; null is absent there."""
    model, params, before = dict(parts["model"]), dict(parts["params"]), _config(parts)
    for key in {*before, *config}:
        if key in before and key in config and _same(before[key], config[key]):
            continue
        holder, name = (model, _MODEL[key]) if key in _MODEL else (params, _PARAMS.get(key, key))
        if config.get(key) is None:
            holder.pop(name, None)
        else:
            holder[name] = config[key]
    return model, params
