"""One prompt version or skill for people."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from catalog_tool.report.escape import for_terminal, lines_for_terminal

_BOLD, _RESET = "\x1b[1m", "\x1b[0m"


def artifact_text(document: Mapping[str, Any], *, color: bool) -> str:
    """The document of ``show --format json``, laid out for reading."""
    lines = _prompt(document) if document["kind"] == "prompt" else _skill(document)
    return "\n".join(f"{_BOLD}{text}{_RESET}" if head and color else text for head, text in lines) + "\n"


def messages_text(messages: list[dict[str, Any]], *, color: bool) -> str:
    """Rendered messages: a line with the role, then the text."""
    lines = [line for message in messages for line in _message(message)]
    return "\n".join(f"{_BOLD}{text}{_RESET}" if head and color else text for head, text in lines) + "\n"


def _prompt(document: Mapping[str, Any]) -> Iterator[tuple[bool, str]]:
    label = f"  ({document['label']})" if document["label"] else ""
    yield True, f"{document['id']}@{document['version']}{for_terminal(label)}"
    yield False, document["digest"]
    for key, value in document["meta"].items():
        yield False, f"{for_terminal(key)}: {_inline(value)}"
    for key in ("model", "params", "template", "variables", "tools", "output_schema"):
        if document[key] not in ({}, []):
            yield False, f"{key}: {_inline(document[key])}"
    for message in document["messages"]:
        yield False, ""
        yield from _message(message)


def _message(message: Mapping[str, Any]) -> Iterator[tuple[bool, str]]:
    if "placeholder" in message:
        need = "required" if message["required"] else "optional"
        yield True, f"[{for_terminal(message['placeholder'])}: messages given at render time, {need}]"
        return
    for example in message.get("examples", ()):
        yield True, "[example]"
        yield False, f"user: {lines_for_terminal(example['user'])}"
        yield False, f"assistant: {lines_for_terminal(example['assistant'])}"
    if "role" in message:
        yield True, f"[{for_terminal(message['role'])}]"
        content = message.get("content")
        if isinstance(content, str):
            yield False, lines_for_terminal(content).rstrip("\n")
        elif content is not None:
            yield False, _inline(content)
        for key in ("name", "tool_calls", "tool_call_id"):
            if key in message:
                yield False, f"{key}: {_inline(message[key])}"


def _skill(document: Mapping[str, Any]) -> Iterator[tuple[bool, str]]:
    yield True, for_terminal(document["name"])
    yield False, document["digest"]
    yield False, f"description: {for_terminal(document['description'])}"
    yield False, f"path: {for_terminal(document['path'])}"
    if document["owners"]:
        yield False, f"owners: {for_terminal(', '.join(document['owners']))}"
    for file in document["files"]:
        yield False, f"  {file['mode']} {file['size']:>8} {for_terminal(file['path'])}"
    yield False, ""
    yield False, lines_for_terminal(document["body"]).rstrip("\n")


def _inline(value: Any) -> str:
    return for_terminal(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
