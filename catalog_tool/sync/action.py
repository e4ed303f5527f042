"""One step of a plan: what is done about one object, or why nothing is."""

from __future__ import annotations

from typing import Any, NamedTuple

from catalog_tool.sync.states import State

CREATE, UPDATE, LABEL_MOVE, ADOPT, DELETE, NOOP = "create", "update", "label", "adopt", "delete", "noop"
SUMMARY = (CREATE, UPDATE, LABEL_MOVE, ADOPT, DELETE, NOOP)
PLANNED, SKIPPED = "planned", "skipped"


class Action(NamedTuple):
    """What is done about one object. ``action`` is one of ``SUMMARY``; ``noop`` is only told.

    ``before`` and ``after`` are digests (of a label: its value's canonical JSON), None for absent.
    ``bookkeeping``: only marker and inventory change. ``held``: left alone because of another object.
    ``waits_for``: what keeps a label that says what git says from being right, the version of that name there.
    """

    object: str
    action: str
    state: State
    outcome: str = PLANNED
    reason: str | None = None
    before: str | None = None
    after: str | None = None
    seen: bytes | None = None
    bookkeeping: bool = False
    held: bool = False
    waits_for: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As it stands in every document of a plan."""
        return {
            "object": self.object, "action": self.action, "state": self.state.value,
            "outcome": self.outcome, "reason": self.reason,
        }  # fmt: skip

    def in_file(self) -> dict[str, Any]:
        """As it stands in a plan file, with the precondition that it saw."""
        return {**self.to_json(), "before": self.before, "after": self.after}
