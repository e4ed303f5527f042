"""What goes on a target that can remove a label only together with the version it stands on."""

from __future__ import annotations

from collections.abc import Sequence

from catalog_tool.backends.stored import label_versions
from catalog_tool.model.addresses import LABEL, VERSION, parse_address, version_address
from catalog_tool.sync.action import DELETE, PLANNED, Action
from catalog_tool.sync.compare import Observed
from catalog_tool.sync.states import State


def going_with_versions(
    chosen: Sequence[Action], fitting: Sequence[Action], observed: Sequence[Observed]
) -> list[Action]:
    """The fitting actions, but a label that shall go does, where the version that it stands on goes.

    ``chosen`` are the same actions before it was asked what the target can do. A version that a label stands on
    which stays goes nowhere, nor does any label with it.
    """
    leaving = {action.object for action in chosen if action.action == DELETE and action.object.startswith(LABEL)}
    staying = {at for item in observed if item.address not in leaving for at in _stands_on(item.address, item.seen)}
    going = {action.object for action in fitting if _goes(action) and action.object.startswith(VERSION)} - staying
    return [
        before._replace(reason=f"it goes with {', '.join(sorted(stands))}")
        if before.object in leaving and (stands := _stands_on(before.object, before.seen)) and stands <= going
        else action
        for before, action in zip(chosen, fitting, strict=True)
    ]


def leaving_together(observed: Sequence[Observed]) -> frozenset[str]:
    """The labels that git dropped with every version they stand on, where nothing else keeps one of those."""
    pruned = {item.address: item.seen for item in observed if item.state is State.PRUNE}
    staying = {at for item in observed if item.address not in pruned for at in _stands_on(item.address, item.seen)}
    going = pruned.keys() - staying
    return frozenset(at for at, seen in pruned.items() if (stands := _stands_on(at, seen)) and stands <= going)


def labels_that_go(actions: Sequence[Action]) -> dict[str, frozenset[str]]:
    """The labels that go with each version, by its address."""
    found: dict[str, set[str]] = {}
    for action in actions:
        if _goes(action):
            for version in _stands_on(action.object, action.seen):
                found.setdefault(version, set()).add(parse_address(action.object).part)
    return {version: frozenset(labels) for version, labels in found.items()}


def _goes(action: Action) -> bool:
    return action.action == DELETE and action.outcome == PLANNED


def _stands_on(address: str, entry: bytes | None) -> set[str]:
    """The versions that a label stands on; none for what is no label."""
    if entry is None or not address.startswith(LABEL):
        return set()
    name = parse_address(address).name
    return {version_address(name, version) for version in label_versions(entry)}
