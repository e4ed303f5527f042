"""What models lack and how much they read. One dated table: it ages, and an unknown model is not judged."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

AS_OF = "2026-11-01"
"""When this table was last looked over."""

TOOLS, SCHEMA, IMAGES = "tools", "an output schema", "images"
"""What a prompt may use and a model may lack."""


class Facts(NamedTuple):
    """``context`` in tokens, input and output together; ``lacks`` of what a prompt may use."""

    context: int
    lacks: frozenset[str] = frozenset()


_TEXT_ONLY = frozenset({IMAGES})
_NO_SCHEMA = frozenset({SCHEMA})
_BARE = frozenset({TOOLS, SCHEMA, IMAGES})

MODELS: Mapping[str, Facts] = MappingProxyType(
    {
        "gpt-3.5-turbo": Facts(16_385, _NO_SCHEMA | _TEXT_ONLY),
        "gpt-4": Facts(8_192, _NO_SCHEMA | _TEXT_ONLY),
        "gpt-4-turbo": Facts(128_000, _NO_SCHEMA),
        "gpt-4o": Facts(128_000),
        "gpt-4o-2024-05-13": Facts(128_000, _NO_SCHEMA),
        "gpt-4o-mini": Facts(128_000),
        "gpt-4.1": Facts(1_047_576),
        "gpt-4.1-mini": Facts(1_047_576),
        "gpt-4.1-nano": Facts(1_047_576),
        "gpt-5": Facts(400_000),
        "gpt-5-mini": Facts(400_000),
        "gpt-5-nano": Facts(400_000),
        "o1": Facts(200_000),
        "o1-mini": Facts(128_000, _BARE),
        "o1-preview": Facts(128_000, _BARE),
        "o3": Facts(200_000),
        "o3-mini": Facts(200_000, _TEXT_ONLY),
        "o4-mini": Facts(200_000),
        "claude-2": Facts(100_000, _BARE),
        "claude-2.1": Facts(200_000, _BARE),
        "claude-3-haiku": Facts(200_000),
        "claude-3-sonnet": Facts(200_000),
        "claude-3-opus": Facts(200_000),
        "claude-3-5-haiku": Facts(200_000),
        "claude-3-5-sonnet": Facts(200_000),
        "claude-3-7-sonnet": Facts(200_000),
        "claude-sonnet-4": Facts(200_000),
        "claude-opus-4": Facts(200_000),
        "claude-opus-4-1": Facts(200_000),
        "claude-sonnet-4-5": Facts(200_000),
        "claude-haiku-4-5": Facts(200_000),
        "gemini-1.0-pro": Facts(32_760, _TEXT_ONLY),
        "gemini-1.5-flash": Facts(1_048_576),
        "gemini-1.5-pro": Facts(2_097_152),
        "gemini-2.0-flash": Facts(1_048_576),
        "gemini-2.5-flash": Facts(1_048_576),
        "gemini-2.5-pro": Facts(1_048_576),
    }
)
"""By full name or by family (the name without what pins it to a snapshot)."""
