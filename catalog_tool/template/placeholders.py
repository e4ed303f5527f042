"""Messages given at render time: checked, copied, never templated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from catalog_tool.model import limits
from catalog_tool.template.errors import BadPlaceholderError

ROLES = frozenset({"system", "developer", "user", "assistant", "tool"})
"""The roles of a message (design §2.1)."""


def given_messages(name: str, value: Any) -> list[dict[str, Any]]:
    """Fresh copies of the messages given for the placeholder ``name``.

    Each must be a dictionary with a known ``role`` and a ``content`` that is text or a list of typed
    parts; ``content`` may be absent or null only beside ``tool_calls``. Other keys belong to
    whoever runs the prompt and are kept. Raises BadPlaceholderError.
    """
    if not isinstance(value, list | tuple):
        raise BadPlaceholderError(name, "a list of messages is needed")
    messages = []
    for number, message in enumerate(value, 1):
        reason = _fault(message)
        if reason:
            raise BadPlaceholderError(name, f"message {number} {reason}")
        messages.append(copied(name, message))
    return messages


def _fault(message: Any) -> str:
    """What is wrong with one message, empty where nothing is."""
    if not isinstance(message, dict):
        return "is no object"
    role = message.get("role")
    if not isinstance(role, str) or role not in ROLES:
        return f"needs a role: one of {', '.join(sorted(ROLES))}"
    for key in ("name", "tool_call_id"):
        if not isinstance(message.get(key, ""), str):
            return f"has a {key} that is no text"
    calls = message.get("tool_calls")
    if calls is not None and not _is_list_of_objects(calls):
        return "has tool_calls that are no list of objects"
    content = message.get("content")
    if content is None:
        return "" if calls else "has no content"
    if isinstance(content, str):
        return ""
    if not _is_list_of_objects(content) or not all(isinstance(part.get("type"), str) for part in content):
        return "has content that is neither text nor a list of typed parts"
    return ""


def _is_list_of_objects(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(item, dict) for item in value)


def copied(name: str, value: Any, depth: int = 0) -> Any:
    """A copy of plain JSON that shares nothing with ``value``; raises BadPlaceholderError for the rest."""
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if depth > limits.NESTING:
        raise BadPlaceholderError(name, f"nested deeper than {limits.NESTING}")
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise BadPlaceholderError(name, "a key is no text")
        return {key: copied(name, item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [copied(name, item, depth + 1) for item in value]
    raise BadPlaceholderError(name, f"{type(value).__name__} is no JSON value")
