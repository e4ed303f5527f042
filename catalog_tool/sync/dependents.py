"""What one action means for another: a label waits for its version, and a version stays while a label needs it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from catalog_tool.backends.stored import label_versions
from catalog_tool.model.addresses import LABEL, VERSION, parse_address, version_address
from catalog_tool.sync.action import ADOPT, DELETE, LABEL_MOVE, NOOP, PLANNED, SKIPPED, Action
from catalog_tool.sync.compare import Comparison, Observed
from catalog_tool.sync.states import State


def hold_back(actions: Sequence[Action], observed: Sequence[Observed]) -> list[Action]:
    """The actions, but labels whose version is left alone are left alone too.

    ``observed`` is all that is not in sync, also what the actions leave out. A label that was left only for what
    stood on the target under its version's name is marked as ours where that becomes git's.
    """
    unsound = set(_unsound(actions, observed))
    return [_held(action, unsound) for action in actions]


def _unsound(actions: Sequence[Action], observed: Sequence[Observed]) -> Iterator[str]:
    """The versions that will not be what git says."""
    done = {action.object: action for action in actions}
    for item in observed:
        action = done.get(item.address)
        if not item.address.startswith(VERSION):
            continue
        if action is None:
            if item.desired is not None and item.live != item.desired:
                yield item.address
        elif action.outcome == SKIPPED and action.state is not State.PRUNE:
            yield item.address


def _held(action: Action, unsound: set[str]) -> Action:
    is_freed = action.waits_for is not None and action.outcome == SKIPPED
    if action.action != LABEL_MOVE and not is_freed:
        return action
    waiting = sorted(_needs(action) & unsound)
    if waiting:
        return action._replace(action=NOOP, outcome=SKIPPED, held=True, reason=f"{waiting[0]} is not what git says")
    if not is_freed:
        return action
    reason = f"{action.waits_for} becomes what git says"
    return action._replace(action=ADOPT, outcome=PLANNED, reason=reason, bookkeeping=True)


def _needs(action: Action) -> set[str]:
    name = parse_address(action.object).name
    return {version_address(name, version) for version in label_versions((action.after or "").encode())}


def keep_referenced(actions: Sequence[Action], comparison: Comparison) -> list[Action]:
    """A version stays while a label that stays on the target points to it, whoever set that label."""
    changed = {action.object for action in actions if action.outcome == PLANNED and not action.bookkeeping}
    needed: dict[str, str] = {}
    for item in comparison.observed:
        if item.address.startswith(LABEL) and item.seen is not None and item.address not in changed:
            name = parse_address(item.address).name
            needed |= {version_address(name, version): item.address for version in label_versions(item.seen)}
    return [
        action._replace(action=NOOP, outcome=SKIPPED, held=True, reason=f"{needed[action.object]} points to it")
        if action.action == DELETE and action.object in needed
        else action
        for action in actions
    ]
