"""The minimal normal form of a prompt: its parts as design §4 counts them, partials and tools expanded."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_PARAMS = ("temperature", "top_p", "max_tokens", "stop", "seed", "presence_penalty", "frequency_penalty")
_TOOL_KEYS = ("name", "description", "parameters", "returns", "strict", "dispatch")
_META_KEYS = ("description", "owners", "tags")
_PARTIAL = re.compile(r"(?m)^[ \t]*\{\{>\s*(\S+?)\s*\}\}[ \t]*\n|\{\{>\s*(\S+?)\s*\}\}")
_TAG = re.compile(r"\{\{([^{}]*)\}\}")
_STOPS = frozenset({"default", "const", "enum", "examples"})

Parts = dict[str, Any]


def parts_of(document: Mapping[str, Any], partials: Mapping[str, str], tools: Mapping[str, Any]) -> Parts:
    """The seven parts of a prompt, and ``order`` where it is not empty."""
    messages = [_message(item, partials) for item in _messages(document)]
    model = document.get("model", {})
    params = dict(document.get("params", {}))
    params.update((name, document[name]) for name in _PARAMS if name in document)
    parts: Parts = {
        "messages": messages,
        "template": document.get("template", "mustache"),
        "variables": document["variables"] if "variables" in document else _variables(messages),
        "tools": [_tool(item, tools) for item in document.get("tools", ())],
        "output_schema": document.get("output_schema", {}),
        "model": {"name": model} if isinstance(model, str) else model,
        "params": params,
    }
    order = order_of(parts)
    if order:
        parts["order"] = order
    return parts


def meta_of(document: Mapping[str, Any]) -> dict[str, Any]:
    """What is served with a version but never counted in its digest."""
    return {name: value for name, value in document.items() if name in _META_KEYS or name.startswith("x-")}


def _messages(document: Mapping[str, Any]) -> list[Any]:
    if "system_prompt" in document:
        return [{"role": "system", "content": document["system_prompt"]}]
    return list(document["messages"])


def _message(item: dict[str, Any], partials: Mapping[str, str]) -> dict[str, Any]:
    if "placeholder" in item:
        return {"placeholder": item["placeholder"], "required": item.get("required", True)}
    content = item.get("content")
    if isinstance(content, str) and "{{>" in content:
        return item | {"content": _expand(content, partials)}
    return item


def _expand(text: str, partials: Mapping[str, str]) -> str:
    return _PARTIAL.sub(lambda match: partials[match[1] or match[2]], text)


def _variables(messages: list[dict[str, Any]]) -> dict[str, Any]:
    names = sorted({name.strip() for item in messages for name in _TAG.findall(item.get("content", ""))})
    if not names:
        return {}
    return {"type": "object", "properties": {name: {"type": "string"} for name in names}, "required": names}


def _tool(item: Any, tools: Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(item, str):
        item = tools.get(item) or {"name": item}
    return {name: value for name, value in item.items() if name in _TOOL_KEYS and (name, value) != ("strict", False)}


def order_of(parts: Parts) -> dict[str, list[str]]:
    """The written order of each ``properties`` map of a schema that models write fields for."""
    found: dict[str, list[str]] = {}
    if parts["output_schema"]:
        _walk(parts["output_schema"], "/output_schema", found)
    for index, tool in enumerate(parts["tools"]):
        if "parameters" in tool:
            _walk(tool["parameters"], f"/tools/{index}/parameters", found)
    return found


def _walk(node: Any, pointer: str, found: dict[str, list[str]]) -> None:
    if isinstance(node, list):
        for index, item in enumerate(node):
            _walk(item, f"{pointer}/{index}", found)
    if not isinstance(node, dict):
        return
    for name, value in node.items():
        if name in _STOPS or name.startswith("x-"):
            continue
        place = f"{pointer}/{name}"
        if name == "properties" and isinstance(value, dict):
            written = list(value)
            if written != sorted(written):
                found[place] = written
            for inner, schema in value.items():
                _walk(schema, f"{place}/{inner}", found)
        else:
            _walk(value, place, found)
