"""A label's value: one version, or a weighted split with the stable version first (design §2.2)."""

from __future__ import annotations

import json
from typing import Any, NamedTuple


class LabelValue(NamedTuple):
    """``split`` holds (version, weight in per cent), stable first; a single version weighs 100."""

    split: tuple[tuple[str, float | int], ...]

    @property
    def stable(self) -> str:
        """The version that a caller without a key gets."""
        return self.split[0][0]

    @property
    def versions(self) -> tuple[str, ...]:
        """Every version the label points to."""
        return tuple(version for version, _ in self.split)

    def to_json(self) -> Any:
        """``"v2"`` or ``[{"version","weight"}…]``: the canonical form."""
        if len(self.split) == 1:
            return self.split[0][0]
        return [{"version": version, "weight": weight} for version, weight in self.split]


def label_value_of(text: str | bytes | None) -> LabelValue | None:
    """The value that canonical JSON says; None for none, and for what is no label's value."""
    try:
        value = None if text is None else json.loads(text)
        if isinstance(value, str):
            return LabelValue(((value, 100),))
        pairs = tuple((part["version"], part["weight"]) for part in value or ())
    except (ValueError, RecursionError, TypeError, KeyError):
        return None
    sound = all(isinstance(version, str) and isinstance(weight, int | float) for version, weight in pairs)
    return LabelValue(pairs) if pairs and sound else None


Labels = dict[str, dict[str, LabelValue]]
"""Prompt id → label → value."""
