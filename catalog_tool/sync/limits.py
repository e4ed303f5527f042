"""How much one sync may change before somebody has to say so (design §8, Safety)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

LIMITS: Mapping[str, tuple[int, float]] = {
    "deletes": (1, 0.10),
    "labels": (3, 0.30),
    "creates": (20, 1.00),
    "updates": (20, 0.50),
}
"""Kind of change → how many always pass, and what share of the managed objects passes."""


class Blocked(NamedTuple):
    """Why nothing at all is written; ``allow`` is what to type, None where nothing lifts it."""

    reason: str
    allow: str | None = None


def limit_of(kind: str, managed: int) -> int:
    """The largest number that passes: ``max(floor, share of the managed objects)``."""
    floor, share = LIMITS[kind]
    return max(floor, math.floor(share * managed + 1e-9))


def over_limits(
    counts: Mapping[str, int], managed: int, allow: Mapping[str, int], *, is_new: bool = False
) -> list[Blocked]:
    """The limits that ``counts`` goes strictly beyond, unless ``allow`` names at least as many.

    ``is_new``: the target has neither inventory nor objects, so creating has no limit.
    """
    found = []
    for kind in LIMITS:
        count, limit = counts.get(kind, 0), limit_of(kind, managed)
        if count <= max(limit, allow.get(kind, 0)) or (kind == "creates" and is_new):
            continue
        words = {"deletes": "deletions", "labels": "moves of protected labels", "creates": "new objects"}
        reason = f"{count} {words.get(kind, kind)}, at most {limit} of {managed} managed objects pass"
        found.append(Blocked(reason, f"--allow {kind}={count}"))
    return found
