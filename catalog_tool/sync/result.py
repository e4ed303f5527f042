"""What came of a plan, an apply or a sync: one status, and an outcome for each object."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from catalog_tool.sync.limits import Blocked
from catalog_tool.sync.plan import Action, Plan
from catalog_tool.sync.states import LEFT_STATES

UNCHANGED, PLAN_MADE, DONE, BLOCKED, STALE, SUPERSEDED, PARTIAL = (
    "unchanged", "planned", "done", "blocked", "stale", "superseded", "partial",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """``actions`` are the plan's with their outcomes; ``reason`` explains stale and superseded."""

    status: str
    plan: Plan
    actions: Sequence[Action]
    reason: str | None = None

    @property
    def blocked(self) -> list[Blocked]:
        """What stopped everything, and labels that their gates hold back while the rest goes on."""
        return [*self.plan.blocked, *self.plan.gated, *([Blocked(self.reason)] if self.reason else [])]

    def to_json(self) -> dict[str, Any]:
        """The document of ``plan``, ``apply`` and ``sync`` (design §8)."""
        return {
            "format": 1,
            "status": self.status,
            "target": self.plan.target,
            "bundle": self.plan.desired.bundle,
            "plan_digest": self.plan.digest,
            "summary": self.plan.summary(),
            "actions": [action.to_json() for action in self.actions],
            "blocked": [found._asdict() for found in self.blocked],
        }


def planned(plan: Plan) -> Result:
    """The result of planning alone."""
    if plan.blocked:
        status = BLOCKED
    elif plan.writes:
        status = PLAN_MADE
    else:
        status = settled_status(plan.actions, UNCHANGED)
    return Result(status=status, plan=plan, actions=plan.actions)


def settled_status(actions: Sequence[Action], otherwise: str) -> str:
    """``partial`` where something was left alone or went wrong, else ``otherwise``."""
    wrong = any(action.outcome in ("failed", "dropped", "unconfirmed") for action in actions)
    left = any(action.outcome == "skipped" and action.state in LEFT_STATES for action in actions)
    held = any(action.outcome == "skipped" and action.action == "noop" and action.held for action in actions)
    return PARTIAL if wrong or left or held else otherwise
