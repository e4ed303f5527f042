"""What is asked for, as one value: the key of every cache. Parts are never joined to a string."""

from __future__ import annotations

from typing import NamedTuple

_HEX = frozenset("0123456789abcdef")
_DIGEST = "sha256:"
_SHORTEST = 12


class Wanted(NamedTuple):
    """A prompt by its labels, first one wins, or by its version (``v2``, or a digest's 12 to 64 hex).

    ``keyed``: a key will be routed, so every version of a weighted label is needed.
    """

    name: str
    labels: tuple[str, ...]
    version: str | None = None
    keyed: bool = False

    def __str__(self) -> str:
        return f"{self.name}@{self.version or ','.join(self.labels)}"


def is_digest(text: str) -> bool:
    """Whether ``text`` is a digest, or the start of one that is long enough to be meant."""
    found = text.removeprefix(_DIGEST)
    return text.startswith(_DIGEST) and _SHORTEST <= len(found) <= 64 and _HEX.issuperset(found)
