"""The setting ``timeout`` of targets that are servers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from catalog_tool.errors import UsageError

LONGEST_SECONDS = 600.0


def timeout_of(options: Mapping[str, Any], default: float) -> float:
    """How many seconds a server may stay silent. Raises ``UsageError`` for what is no such time."""
    value = options.get("timeout", default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= LONGEST_SECONDS:
        raise UsageError(f"timeout is {value!r}", hint=f"seconds, more than 0 and at most {LONGEST_SECONDS:.0f}")
    return float(value)
