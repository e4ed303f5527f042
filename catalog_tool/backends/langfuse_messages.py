"""Messages as Langfuse shows them, and the way back from what people made of them there.

A chat prompt of Langfuse holds ``{role, content}`` with text only, and placeholders without ``required``;
the server drops every other key without a word. What does not survive the way there and back travels in
``config`` (``langfuse_document``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from catalog_tool.errors import RefusedError
from catalog_tool.template.names import check_names, infer_variables
from catalog_tool.template.nodes import Template
from catalog_tool.template.parse import parse

CHAT, TEXT = "chat", "text"
_PLACEHOLDER = re.compile(r"[a-zA-Z][a-zA-Z0-9_]*", re.ASCII)

Json = Any


def shown(messages: Sequence[Mapping[str, Json]], kind: str) -> Json:
    """What ``prompt`` holds for a messages part. Raises ``RefusedError`` for what Langfuse cannot show at all."""
    if kind == CHAT:
        return [one for element in messages for one in _shown_element(element)]
    alone = messages[0] if len(messages) == 1 else {}
    if alone.keys() != {"role", "content"} or alone["role"] != "system" or not isinstance(alone["content"], str):
        raise RefusedError(
            "Langfuse has this prompt as a text prompt, which holds nothing but one system message",
            hint="a type stays until the prompt is deleted there whole; or give the target a prefix",
        )
    return alone["content"]


def taken(prompt: Json) -> list[dict[str, Json]]:
    """The messages part that a prompt of Langfuse means by itself."""
    if isinstance(prompt, str):
        return [{"role": "system", "content": prompt}]
    return [_taken_element(item) for item in prompt if isinstance(item, dict)] if isinstance(prompt, list) else []


def is_whole(messages: Sequence[Mapping[str, Json]], kind: str) -> bool:
    """Whether nothing is lost on the way there and back."""
    return taken(shown(messages, kind)) == list(messages)


def seen(prompt: Json) -> Json:
    """A prompt as it compares: the server and the UI may add a ``type`` to messages."""
    if not isinstance(prompt, list):
        return prompt
    return [one for item in taken(prompt) for one in _shown_element(item)]


def edited(before: Sequence[Mapping[str, Json]], prompt: Json) -> list[dict[str, Json]]:
    """The messages part after an edit: what is still shown as it was stays whole, with all that is not shown."""
    now = seen(prompt)
    parts = [list(_shown_element(element)) for element in before]
    if not isinstance(now, list) or sum(map(len, parts)) != len(now):
        return taken(prompt)
    found: list[dict[str, Json]] = []
    at = 0
    for element, was in zip(before, parts, strict=True):
        here = now[at : at + len(was)]
        found += [dict(element)] if here == was else taken(here)
        at += len(was)
    return found


def variables_of(template: str, declared: Mapping[str, Json], now: Sequence[Json]) -> dict[str, Json]:
    """The variables part of edited messages: inferred if it looks inferred, else with what is new beside it."""
    if template != "mustache":
        return dict(declared)
    templates = list(_templates(now))
    names = sorted(declared.get("properties", {}))
    plain = {"type": "object", "properties": {name: {"type": "string"} for name in names}, "required": names}
    if declared in ({}, plain):
        return dict(infer_variables(templates).variables)
    new = {use.name: {"type": "string"} for use in check_names(templates, declared).undeclared if "." not in use.name}
    return {**declared, "properties": {**declared.get("properties", {}), **new}} if new else dict(declared)


def check_placeholders(messages: Sequence[Mapping[str, Json]]) -> None:
    """Raise ``RefusedError`` for a placeholder whose name Langfuse does not take."""
    for element in messages:
        name = element.get("placeholder")
        if isinstance(name, str) and not _PLACEHOLDER.fullmatch(name):
            raise RefusedError(f"Langfuse takes no placeholder named {name!r}: letters, digits and _ only")


def _shown_element(element: Mapping[str, Json]) -> Iterator[dict[str, Json]]:
    if "placeholder" in element:
        yield {"type": "placeholder", "name": element["placeholder"]}
    elif "examples" in element:
        for example in element["examples"]:
            yield {"role": "user", "content": _text(example["user"])}
            yield {"role": "assistant", "content": _text(example["assistant"])}
    else:
        yield {"role": element["role"], "content": _text(element.get("content"))}


def _text(content: Json) -> str:
    if isinstance(content, list):
        return "".join(part["text"] if "text" in part else f"[image: {part.get('url', '')}]" for part in content)
    return content or ""


def _taken_element(item: Mapping[str, Json]) -> dict[str, Json]:
    if item.get("type") == "placeholder":
        return {"placeholder": str(item.get("name", "")), "required": True}
    return {"role": str(item.get("role", "")), "content": str(item.get("content", ""))}


def _templates(messages: Sequence[Json]) -> Iterator[Template]:
    for element in messages:
        for one in _shown_element(element):
            if "content" in one:
                yield parse(one["content"])
