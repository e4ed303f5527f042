"""Taking out of samples what looks like a person or a secret.

A net with holes: names and addresses of streets pass. Whoever must be sure gives a ``redact`` of
their own. All patterns are linear: bounded repeats, no nesting.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

_PATTERNS = (
    ("[key]", r"-----BEGIN [A-Z ]{1,40}PRIVATE KEY-----"),
    ("[token]", r"\b(?:[Bb]earer|[Bb]asic) [A-Za-z0-9._~+/=-]{8,4096}"),
    ("[token]", r"\beyJ[A-Za-z0-9_-]{8,4096}\.[A-Za-z0-9_-]{8,4096}\.[A-Za-z0-9_-]{4,4096}"),
    ("[token]", r"\b(?:sk|pk|rk|ghp|gho|ghs|ghu|glpat|xox[a-z]|hf|AKIA|ASIA|AIza)[-_A-Za-z0-9]{12,512}"),
    ("[email]", r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}"),
    ("[number]", r"(?<![\w.])\+?\d(?:[ ().-]{0,2}\d){8,24}(?![\w])"),
)
_FOUND = re.compile("|".join(f"({pattern})" for _, pattern in _PATTERNS), re.ASCII)
_DEPTH = 32


def redacted(text: str) -> str:
    """``text`` without e-mail addresses, long numbers (cards, telephones, accounts), keys and tokens."""
    return _FOUND.sub(lambda found: _PATTERNS[(found.lastindex or 1) - 1][0], text)


def redacted_value(value: Any, redact: Callable[[str], str], depth: int = 0) -> Any:
    """Plain JSON of ``value`` with every text redacted, keys too; other types become their name."""
    if isinstance(value, str):
        return redact(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if depth < _DEPTH and isinstance(value, Mapping):
        return {redact(str(key)): redacted_value(item, redact, depth + 1) for key, item in value.items()}
    if depth < _DEPTH and isinstance(value, list | tuple):
        return [redacted_value(item, redact, depth + 1) for item in value]
    return f"<{type(value).__name__}>"
