"""The parts of a prompt version, laid out for reading. What has no form of ours is shown as JSON, never left out."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from catalog_tool.canonical.identity import restore_order
from catalog_tool.server.pages_html import Html, as_json, el, inline_json, join, table, templated, text
from catalog_tool.server.pages_shell import meta_list, words

_TOLD = frozenset({"role", "content", "examples", "placeholder", "required"})
_OF_A_VARIABLE = frozenset({"type", "default", "description"})


def artifact(parts: Mapping[str, Any]) -> Iterator[Html | None]:
    """Model, params and template; messages by role; variables, tools and the output schema."""
    written = restore_order(copy.deepcopy(dict(parts)))
    engine = words(written.get("template"))
    yield meta_list(
        {
            "model": _pairs(written.get("model")),
            "params": _pairs(written.get("params")),
            "template": engine,
        }
    )
    yield el("h3", "Messages")
    messages = written.get("messages")
    for message in messages if isinstance(messages, list) else [messages]:
        yield _message(message, is_templated=engine != "none")
    yield from _variables(written.get("variables"))
    yield from _tools(written.get("tools"))
    if written.get("output_schema"):
        yield el("h3", "Output schema")
        yield as_json(written["output_schema"])


def _pairs(value: Any) -> Html | None:
    if not isinstance(value, Mapping):
        return inline_json(value) if value else None
    return join((join((f"{key} ", inline_json(held))) for key, held in value.items()), ", ") if value else None


def _message(message: Any, *, is_templated: bool) -> Html:
    if not isinstance(message, Mapping):
        return as_json(message)
    if "placeholder" in message:
        need = "optional" if message.get("required") is False else "required"
        said = f"{words(message['placeholder'])}: a list of messages given at render time, {need}"
        return _block("placeholder", el("p", said), message)
    inside: list[Html] = []
    examples = message.get("examples")
    if examples is not None:
        return _block("examples", join(_examples(examples, is_templated=is_templated)), message)
    if "content" in message:
        inside = list(_content(message["content"], is_templated=is_templated))
    return _block(words(message.get("role")) or "message", join(inside), message)


def _block(head: str, inside: Html, message: Mapping[str, Any]) -> Html:
    rest = {key: value for key, value in message.items() if key not in _TOLD}
    return el("article", el("header", el("b", head)), inside, as_json(rest) if rest else None, class_="message")


def _content(content: Any, *, is_templated: bool) -> Iterator[Html]:
    if not isinstance(content, list):
        yield _text(content, is_templated=is_templated)
        return
    for part in content:
        if isinstance(part, Mapping) and part.get("type") == "text":
            yield _text(part.get("text"), is_templated=is_templated)
        elif isinstance(part, Mapping) and part.get("type") == "image":
            yield el("p", "image, not loaded here: ", inline_json(part.get("url")))
        else:
            yield as_json(part)


def _text(value: Any, *, is_templated: bool) -> Html:
    if not isinstance(value, str):
        return as_json(value)
    return el("pre", templated(value) if is_templated else text(value), tabindex=0)


def _examples(examples: Any, *, is_templated: bool) -> Iterator[Html]:
    for example in examples if isinstance(examples, list) else [examples]:
        if not isinstance(example, Mapping):
            yield as_json(example)
            continue
        for role, said in sorted(example.items(), key=lambda item: item[0] != "user"):
            yield el("p", el("b", str(role)), class_="soft")
            yield _text(said, is_templated=is_templated)


def _variables(schema: Any) -> Iterator[Html]:
    if not schema:
        return
    yield el("h3", "Variables")
    properties = schema.get("properties") if isinstance(schema, Mapping) else None
    if not isinstance(properties, Mapping) or not all(isinstance(held, Mapping) for held in properties.values()):
        yield as_json(schema)
        return
    required = schema.get("required")
    needed = required if isinstance(required, list) else []
    if properties:
        head = ("variable", "type", "needed", "default", "what for", "limits")
        yield table(head, (_variable(name, held, name in needed) for name, held in properties.items()), "Variables")
    yield el("details", el("summary", "The variables' JSON Schema"), as_json(schema))


def _variable(name: str, held: Mapping[str, Any], is_needed: object) -> Iterator[Html | str]:
    yield el("code", name)
    yield words(held.get("type")) or "any"
    yield "required" if is_needed else "optional"
    yield inline_json(held["default"]) if "default" in held else text("–")
    yield words(held.get("description")) or "–"
    limits = {key: value for key, value in held.items() if key not in _OF_A_VARIABLE}
    yield _pairs(limits) or "–"


def _tools(tools: Any) -> Iterator[Html]:
    if not tools:
        return
    yield el("h3", "Tools")
    for tool in tools if isinstance(tools, list) else [tools]:
        if not isinstance(tool, Mapping):
            yield as_json(tool)
            continue
        rest = {key: value for key, value in tool.items() if key not in ("name", "description")}
        told = el("p", words(tool.get("description"))) if tool.get("description") else None
        bare = None if rest or told else el("p", "Implemented by the application.", class_="soft")
        head = el("header", el("b", words(tool.get("name")) or "tool"))
        yield el("article", head, told, bare, as_json(rest) if rest else None, class_="message")
