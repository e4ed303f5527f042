"""From a prompt's document to its canonical parts, before templates are looked at (design §4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from catalog_tool.canonical.identity import TOOL_KEYS
from catalog_tool.source.positions import Path

PARAMS = ("temperature", "top_p", "max_tokens", "stop", "seed", "presence_penalty", "frequency_penalty")
"""Parameters that may stand at the top of a prompt file."""
MUSTACHE = "mustache"


class Slot(NamedTuple):
    """One templated text of a prompt: where it stands in the document, and the text as written."""

    path: Path
    text: str


def messages_of(document: Mapping[str, Any]) -> tuple[list[dict[str, Any]], list[Path]]:
    """The messages in canonical form, with the document path of each."""
    if "system_prompt" in document:
        return [{"role": "system", "content": document["system_prompt"]}], [[]]
    messages: list[dict[str, Any]] = []
    paths: list[Path] = []
    for index, message in enumerate(document.get("messages") or ()):
        if "placeholder" in message:
            message = {"placeholder": message["placeholder"], "required": message.get("required", True)}
        messages.append(dict(message))
        paths.append(["messages", index])
    return messages, paths


def slots(messages: list[dict[str, Any]], paths: list[Path]) -> list[tuple[Slot, Callable[[str], None]]]:
    """Every templated text, with a setter that puts an expanded text in its place.

    The setters write into ``messages``, whose nested values are copied here first.
    """
    found: list[tuple[Slot, Callable[[str], None]]] = []
    for message, path in zip(messages, paths, strict=True):
        content = message.get("content")
        if isinstance(content, str):
            at = [*path, "content"] if path else ["system_prompt"]
            found.append((Slot(at, content), _setter(message, "content")))
        elif isinstance(content, list):
            message["content"] = parts = [dict(part) for part in content]
            for number, part in enumerate(parts):
                if isinstance(part.get("text"), str):
                    found.append((Slot([*path, "content", number, "text"], part["text"]), _setter(part, "text")))
        for number, example in enumerate(_copied_examples(message)):
            found.extend(
                (Slot([*path, "examples", number, side], example[side]), _setter(example, side))
                for side in ("user", "assistant")
            )
    return found


def _copied_examples(message: dict[str, Any]) -> list[dict[str, Any]]:
    if "examples" not in message:
        return []
    message["examples"] = copied = [dict(example) for example in message["examples"]]
    return copied


def _setter(holder: dict[str, Any], key: str) -> Callable[[str], None]:
    return lambda text: holder.__setitem__(key, text)


def placeholders_of(messages: list[dict[str, Any]]) -> list[str]:
    """The names of the placeholders, in order."""
    return [message["placeholder"] for message in messages if "placeholder" in message]


def model_of(document: Mapping[str, Any]) -> dict[str, Any]:
    """A string is a name; nothing is split and no provider guessed."""
    model = document.get("model", {})
    return {"name": model} if isinstance(model, str) else model


def params_of(document: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of both places; the schema has refused what stands at both."""
    return {**document.get("params", {}), **{name: document[name] for name in PARAMS if name in document}}


def counted_tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of a tool that count; ``strict: false`` is the same as none."""
    return {key: tool[key] for key in tool if key in TOOL_KEYS and not (key == "strict" and tool[key] is False)}
