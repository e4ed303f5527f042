"""Why a sync leaves an object alone, in words for people."""

from __future__ import annotations

from catalog_tool.model.addresses import VERSION
from catalog_tool.sync.compare import Observed
from catalog_tool.sync.states import State

_REASONS = {
    State.OVERRIDE: "moved on purpose by a rollback, until git catches up",
    State.COLLISION: "something else has this name; adopt it, or take it away",
    State.CONFLICT: "git and the target both changed it",
}


def dropped_reason(item: Observed) -> str:
    """Why nothing of git's belongs where there is something of ours."""
    return "the target's settings leave it out" if item.left_out else "git no longer has it"


def left_reason(item: Observed) -> str:
    """One clause for an object that is neither in sync nor written."""
    if item.state is State.FOREIGN:
        if item.is_strangers:
            return f"it belongs to the catalog {item.owner!r}"
        return f"it is ours, and was marked as the catalog {item.owner!r}'s; `catalog drift` says how to mark it again"
    if item.state is State.PRUNE_CONFLICT:
        return f"{dropped_reason(item)}, and it was edited on the target"
    if item.beneath is not None:
        return f"{item.beneath} is not what git says"
    if item.state is State.CONFLICT and item.address.startswith(VERSION):
        return "a version is immutable: make the next one with `catalog bump`"
    return _REASONS.get(item.state, "edited on the target")
