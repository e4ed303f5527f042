"""The state of one object from its three points: desired, live, last applied (design §8).

Pure and total: every combination has exactly one state. ``None`` stands for absent; for what is
present the digest stands, or of a label the canonical JSON of its value.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class State(StrEnum):
    """What an object is in; the words of the contract."""

    IN_SYNC = "in_sync"
    PENDING = "pending"
    CREATE = "create"
    ADOPT = "adopt"
    COLLISION = "collision"
    DRIFTED = "drifted"
    OVERRIDE = "override"
    CONVERGED = "converged"
    CONFLICT = "conflict"
    MISSING = "missing"
    PRUNE = "prune"
    PRUNE_CONFLICT = "prune_conflict"
    GONE = "gone"
    UNMANAGED = "unmanaged"
    FOREIGN = "foreign"
    UNKNOWN = "unknown"


DRIFT_STATES = frozenset({State.DRIFTED, State.CONFLICT, State.MISSING, State.PRUNE_CONFLICT})
"""What counts as drift: somebody changed the target."""
LEFT_STATES = frozenset({State.DRIFTED, State.CONFLICT, State.COLLISION, State.FOREIGN, State.PRUNE_CONFLICT})
"""What a sync leaves alone, and says so."""


class Points(NamedTuple):
    """The three points of one object, and what else decides.

    ``applied`` is the inventory's, or where there is none that of the object's own marker. ``foreign``:
    the marker is another catalog's, and ``applied`` the inventory's or None. ``override``: the live value
    that was put there on purpose, while git still says what it said then. ``immutable``: a prompt version.
    """

    desired: str | None
    live: str | None
    applied: str | None
    foreign: bool = False
    override: str | None = None
    immutable: bool = False


def state_of(points: Points) -> State | None:
    """The state, or None where there is nothing at all. The first rule that fits wins."""
    desired, live, applied = points.desired, points.live, points.applied
    if points.foreign and live is not None and _is_left_as_foreign(points):
        return State.FOREIGN
    if points.override is not None and live == points.override != desired:
        return State.OVERRIDE
    if desired is None:
        return _not_wanted(live, applied)
    if applied is None:
        return State.CREATE if live is None else State.ADOPT if live == desired else State.COLLISION
    if live == desired:
        return State.IN_SYNC if applied == desired else State.CONVERGED
    if applied == desired:
        return State.MISSING if live is None else State.DRIFTED
    if points.immutable:
        return State.CONFLICT
    if live is None:
        return State.MISSING
    return State.PENDING if live == applied else State.CONFLICT


def _is_left_as_foreign(points: Points) -> bool:
    """Whether another's marker is all there is to say: never written by us, or what it holds is no edit.

    A marker that somebody put on our own object must not hide that its content was edited too.
    """
    return points.applied is None or points.live in (points.applied, points.desired, points.override)


def _not_wanted(live: str | None, applied: str | None) -> State | None:
    if live is None:
        return None if applied is None else State.GONE
    if applied is None:
        return State.UNMANAGED
    return State.PRUNE if live == applied else State.PRUNE_CONFLICT
