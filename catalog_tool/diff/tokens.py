"""How many tokens a version takes, estimated: code points divided by four, always shown with ``~``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from catalog_tool.model.limits import CHARACTERS_A_TOKEN


def estimated_tokens(parts: Mapping[str, Any]) -> int:
    """Tokens of the messages as written (variables empty), the tools and the output schema."""
    characters = sum(len(text) for text in _texts(parts.get("messages") or []))
    for name in ("tools", "output_schema"):
        if parts.get(name):
            characters += len(json.dumps(parts[name], ensure_ascii=False, separators=(",", ":")))
    return -(-characters // CHARACTERS_A_TOKEN)


def _texts(messages: Any) -> Iterator[str]:
    for message in messages:
        content = message.get("content")
        if isinstance(content, str):
            yield content
        for part in content if isinstance(content, list) else ():
            if isinstance(part.get("text"), str):
                yield part["text"]
        for example in message.get("examples", ()):
            yield example["user"]
            yield example["assistant"]
