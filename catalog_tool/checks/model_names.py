"""Whether a model's name is pinned to a snapshot. Unknown families are not judged."""

from __future__ import annotations

import re
from typing import Any

_KNOWN = re.compile(
    r"(?:.*/)?(?:gpt-|chatgpt-|o[1-9](?:-|$)|claude-|gemini-|mistral-(?:large|medium|small)|grok-)", re.ASCII
)
_PINNED = re.compile(r"(?:[-@](?:20[0-9]{2}-?[01][0-9]-?[0-3][0-9]|[0-9]{4})|-0[0-9]{2})(?:$|[-:])", re.ASCII)


def is_floating(model: Any) -> bool:
    """Whether the name may mean another model tomorrow: ``gpt-4o``, ``claude-sonnet-latest``."""
    name = model.get("name") if isinstance(model, dict) else None
    if not isinstance(name, str):
        return False
    return name.endswith("latest") or (_KNOWN.match(name) is not None and _PINNED.search(name) is None)
