"""Reading back what was written: an outcome counts only once the target shows it."""

from __future__ import annotations

from collections.abc import Mapping

from catalog_tool.errors import UnavailableError
from catalog_tool.model.target import DONE, UNCONFIRMED
from catalog_tool.sync.live import fingerprint, scan_knowing
from catalog_tool.sync.plan import Action, Plan
from catalog_tool.sync.session import Session

BUDGET_SECONDS = 10.0
"""How long a store may take to show what it acknowledged."""
FIRST_PAUSE_SECONDS = 0.1
WHOLE_READ = 200
"""From so many objects on, all of the target is read at once."""


def verified(session: Session, plan: Plan, outcomes: Mapping[str, Action]) -> dict[str, Action]:
    """The outcomes; ``unconfirmed`` for what the target does not show within the budget, and never written again."""
    waiting = {address for address, action in outcomes.items() if action.outcome == DONE}
    deadline = session.timing.steady() + BUDGET_SECONDS
    pause = FIRST_PAUSE_SECONDS
    while waiting:
        waiting = _not_shown(session, plan, outcomes, waiting)
        if not waiting or session.timing.steady() + pause > deadline:
            break
        session.timing.sleep(pause)
        pause *= 2
    reason = "acknowledged, but not to be read back yet"
    return {
        address: action._replace(outcome=UNCONFIRMED, reason=reason) if address in waiting else action
        for address, action in outcomes.items()
    }


def _not_shown(session: Session, plan: Plan, outcomes: Mapping[str, Action], waiting: set[str]) -> set[str]:
    """Those of ``waiting`` that the target does not show as written; all of them where it does not answer."""
    missing = {address for address in waiting if outcomes[address].after is not None}
    still_there = set()
    try:
        backend = session.backend
        whole = len(waiting) >= WHOLE_READ
        for item in scan_knowing(backend, plan.desired) if whole else backend.scan(waiting):
            if item.address not in waiting:
                continue
            wanted = plan.desired.objects.get(item.address)
            if wanted is None:
                still_there.add(item.address)
            elif item.entry == wanted.entry or fingerprint(item.address, item.entry).digest == wanted.digest:
                missing.discard(item.address)
    except UnavailableError:
        return waiting
    return missing | still_there
