"""What a model's name says: its family, and whether it is pinned to a snapshot."""

from __future__ import annotations

import re

_KNOWN = re.compile(
    r"(?:.*/)?(?:gpt-|chatgpt-|o[1-9](?:-|$)|claude-|gemini-|mistral-(?:large|medium|small)|grok-)", re.ASCII
)
_PINNED = re.compile(r"(?:[-@](?:20[0-9]{2}-?[01][0-9]-?[0-3][0-9]|[0-9]{4})|-0[0-9]{2})(?:$|[-:])", re.ASCII)
_SNAPSHOT = re.compile(
    r"[-@](?:20[0-9]{2}-?[01][0-9]-?[0-3][0-9]|(?<![0-9])[0-9]{4}|0[0-9]{2}|latest)(?=$|[-:@])", re.ASCII
)


def is_floating_name(name: str) -> bool:
    """Whether the name may mean another model tomorrow: ``gpt-4o``, ``claude-sonnet-latest``.

    A family that is not known is not judged.
    """
    return name.endswith("latest") or (_KNOWN.match(name) is not None and _PINNED.search(name) is None)


def family_of(name: str) -> str:
    """The name without what pins it to a snapshot: ``gpt-4o-2024-08-06`` → ``gpt-4o``."""
    return _SNAPSHOT.sub("", name)
