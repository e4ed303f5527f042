"""What no sync will ever bring about on a target, so that it is not waited for: it cannot hold it, or let it go."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from catalog_tool.backends.stored import label_versions
from catalog_tool.model.addresses import LABEL, parse_address, version_address
from catalog_tool.sync.compare import Observed
from catalog_tool.sync.destination import Destination
from catalog_tool.sync.going import leaving_together
from catalog_tool.sync.states import State
from catalog_tool.sync.wanted import Desired

_WANTED = frozenset({State.CREATE, State.PENDING})


def unfit(destination: Destination, desired: Desired, observed: Sequence[Observed]) -> dict[str, str]:
    """Address and reason, a clause whose subject is the target, of what waits there for ever."""
    leaving = leaving_together(observed) if destination.labels_go_with_version else frozenset()
    found = {}
    for item in observed:
        if item.state in _WANTED:
            why = destination.fitness(item.address, desired.objects[item.address].entry)
        elif item.state is State.PRUNE and item.address not in leaving:
            why = destination.fitness(item.address, None)
        else:
            continue
        if why is not None:
            found[item.address] = why
    return {**found, **dict(_waiting_for(found, desired, observed))}


def _waiting_for(found: dict[str, str], desired: Desired, observed: Sequence[Observed]) -> Iterator[tuple[str, str]]:
    """The labels that git puts on a version which the target cannot hold."""
    for item in observed:
        if item.state in _WANTED and item.address.startswith(LABEL) and item.address not in found:
            name = parse_address(item.address).name
            versions = sorted(label_versions(desired.objects[item.address].entry))
            needed = next((at for at in (version_address(name, one) for one in versions) if at in found), None)
            if needed is not None:
                yield item.address, f"has no {needed}: it {found[needed]}"
