"""The outer join of desired, live and last applied: one ``Observed`` for each object that is not in sync."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from catalog_tool.backends.stored import label_versions
from catalog_tool.canonical.jcs import digest_of_bytes
from catalog_tool.errors import BackendError
from catalog_tool.model.addresses import LABEL, VERSION, parse_address, version_address
from catalog_tool.model.target import Applied, Live, TargetState
from catalog_tool.sync.live import Fingerprint, fingerprint
from catalog_tool.sync.markers import Ownership, read_marker
from catalog_tool.sync.states import Points, State, state_of
from catalog_tool.sync.wanted import Desired, WantedObject

_NOT_GITS = frozenset({State.COLLISION, State.DRIFTED, State.CONFLICT, State.FOREIGN})
"""A version in one of these is not what git has under its name."""
_RIGHT_BY_NAME: Mapping[State, State] = {State.CONVERGED: State.CONFLICT, State.ADOPT: State.COLLISION}
"""A label that says what git says and is not noted as ours yet → what it is where that version is not git's."""


class Observed(NamedTuple):
    """One object and its three points (digests; of a label its value's canonical JSON).

    ``seen`` is the live entry as it was read, the precondition of any write. ``meta_only``: content is equal
    everywhere and only metadata differs; of a skill also where they were edited there (``drifted``). ``owner``
    names the catalog of a foreign marker. ``beneath``: a label says what git says, and the version of that name
    there is not git's: this one. ``left_out``: git has it, and the target's settings do not take it.
    """

    address: str
    state: State
    desired: str | None = None
    live: str | None = None
    applied: str | None = None
    seen: bytes | None = None
    meta_only: bool = False
    since: str | None = None
    by: str | None = None
    owner: str | None = None
    beneath: str | None = None
    left_out: bool = False

    @property
    def is_strangers(self) -> bool:
        """Whether it bears another catalog's marker and was never ours: nothing of ours touches it."""
        return self.state is State.FOREIGN and self.applied is None

    @property
    def is_ours_marked(self) -> bool:
        """Whether it is ours and somebody put another catalog's marker on it, which changed nothing else."""
        return self.state is State.FOREIGN and self.applied is not None


class Comparison(NamedTuple):
    """A target compared with git. ``observed`` is sorted by address and leaves out what is in sync.

    What other targets of the catalog want in the same place is theirs: neither seen nor counted.

    ``kinds`` counts all objects by kind and state; ``managed`` is the size of the inventory; ``is_new``
    says that there is neither inventory nor any object.
    """

    observed: list[Observed]
    kinds: Mapping[tuple[str, str], int]
    managed: int
    is_new: bool

    @property
    def counts(self) -> dict[str, int]:
        """Objects by state."""
        found: Counter[str] = Counter()
        for (_, state), number in self.kinds.items():
            found[state] += number
        return dict(sorted(found.items()))


def compare(desired: Desired, state: TargetState, scan: Iterable[Live], *, metadata: bool = True) -> Comparison:
    """Compare what is wanted with what is there. ``metadata``: the store keeps a version's metadata.

    Raises ``BackendError`` where the target reads as empty though we filled it: it was wiped, or the
    read failed without saying so; and where its inventory names what is no object.
    """
    _refuse_strangers(state.inventory)
    join = _Join(desired, state, metadata=metadata)
    observed = list(join.live(scan))
    if state.inventory and not join.found:
        raise BackendError(
            f"the target reads as empty, but {len(state.inventory)} objects were written to it",
            hint="is this another store? One that was wiped on purpose: remove the rest of it too, and sync again",
        )
    observed.extend(join.absent())
    observed = list(join.standing(observed))
    observed.sort(key=lambda item: item.address)
    managed = sum(address not in desired.beside for address in state.inventory)
    kinds = join.in_sync + Counter((item.address.partition("/")[0], item.state.value) for item in observed)
    is_new = not state.inventory and not join.found
    return Comparison(observed, dict(sorted(kinds.items())), managed, is_new)


def _is_retold(found: Fingerprint, wanted: WantedObject | None, applied: Applied | None) -> bool:
    """Whether what is told of a skill beside its files was edited there: applications are given it, unlike a version's.

    A digest that is the files' of before is none: whoever edits a file leaves it.
    """
    if found.claim is None or applied is None or not applied.meta:
        return False
    told = {applied.meta, wanted.meta if wanted is not None else applied.meta}
    return found.meta not in told or found.claim not in (found.digest, applied.digest)


def _refuse_strangers(inventory: Iterable[str]) -> None:
    for address in inventory:
        try:
            parse_address(address)
        except ValueError as error:
            raise BackendError(
                f"the inventory on the target names {address!r}, which is no object",
                hint="no sync wrote that: look who changed it by hand, and remove that entry",
            ) from error


class _Join:
    """Walks the live objects once; of those in sync nothing is kept but their address."""

    def __init__(self, desired: Desired, state: TargetState, *, metadata: bool) -> None:
        self._desired = desired
        self._state = state
        is_ours = state.control.catalog in (None, desired.catalog)
        self._inventory: Mapping[str, Applied] = state.inventory if is_ours else {}
        self._metadata = metadata
        self._ours = f'{{"catalog":{json.dumps(desired.catalog)},'
        self.found: set[str] = set()
        self.in_sync: Counter[tuple[str, str]] = Counter()

    def live(self, scan: Iterable[Live]) -> Iterator[Observed]:
        """Everything that is there and not in sync."""
        for item in scan:
            self.found.add(item.address)
            if item.address in self._desired.beside:
                continue
            wanted = self._desired.objects.get(item.address)
            if wanted is not None and wanted.entry == item.entry and self._is_settled(item, wanted):
                self._count(item.address)
                continue
            observed = self._observe(item, wanted)
            if observed.state is State.IN_SYNC:
                self._count(item.address)
            else:
                yield observed

    def _count(self, address: str) -> None:
        self.in_sync[address.partition("/")[0], State.IN_SYNC.value] += 1

    def _is_settled(self, item: Live, wanted: WantedObject) -> bool:
        """Whether the inventory agrees and the marker is plainly ours, or gone: nothing to look at closer."""
        applied = self._inventory.get(item.address)
        ours = item.marker is None or item.marker.startswith(self._ours)
        return ours and applied is not None and applied.digest == wanted.digest

    def _observe(self, item: Live, wanted: WantedObject | None) -> Observed:
        owner = read_marker(item.marker, self._desired.catalog, item.address)
        if wanted is not None and wanted.entry == item.entry:
            found = Fingerprint(wanted.digest, "")
            same_meta = True
        else:
            found = fingerprint(item.address, item.entry)
            is_same = wanted is not None and wanted.meta == found.meta and found.claim in (None, found.digest)
            same_meta = not self._metadata or wanted is None or is_same
        applied = self._applied(item.address, owner)
        is_retold = self._metadata and _is_retold(found, wanted, applied)
        live = digest_of_bytes(item.entry) if is_retold else found.digest
        state = self._state_of(item.address, wanted, live, applied, owner) or State.UNMANAGED
        meta_only = state in (State.IN_SYNC, State.CONVERGED, State.ADOPT) and not same_meta
        meta_only = meta_only or (is_retold and wanted is not None and wanted.digest == found.digest)
        if meta_only and state is State.IN_SYNC:
            state = State.PENDING
        elif state is State.IN_SYNC and item.address not in self._inventory:
            state = State.CONVERGED  # only its marker tells that it is ours: the inventory has lost it
        return Observed(
            item.address, state,
            desired=wanted.digest if wanted else None,
            live=live,
            applied=applied.digest if applied else None,
            seen=item.entry, meta_only=meta_only, since=item.since, by=item.by, owner=owner.foreign,
            left_out=item.address in self._desired.left_out,
        )  # fmt: skip

    def _applied(self, address: str, owner: Ownership) -> Applied | None:
        return self._inventory.get(address) or owner.applied

    def _state_of(
        self, address: str, wanted: WantedObject | None, live: str | None, applied: Applied | None, owner: Ownership
    ) -> State | None:
        desired = wanted.digest if wanted else None
        recorded = self._state.control.overrides.get(address)
        override = recorded.value if recorded is not None and recorded.desired == desired else None
        last = applied.digest if applied else None
        if recorded is not None and override is None and live == recorded.value != desired:
            last = live  # git has moved on from what the override was made against: the live value is ours
        return state_of(
            Points(
                desired, live, last,
                foreign=owner.foreign is not None, override=override, immutable=address.startswith(VERSION),
            )
        )  # fmt: skip

    def standing(self, observed: Sequence[Observed]) -> Iterator[Observed]:
        """The same, but no label is right whose version's name something else has on the target.

        What applications are given by it is not git's. Where the version is ours and was edited, that is drift by
        itself, and a label that we put there stays what it is.
        """
        others = {
            item.address: item for item in observed
            if item.address.startswith(VERSION) and item.state in _NOT_GITS and item.live != item.desired
        }  # fmt: skip
        for item in observed:
            beneath = self._beneath(item.address, others) if item.state in _RIGHT_BY_NAME else None
            state = item.state if beneath is None else _RIGHT_BY_NAME[item.state]
            yield item._replace(state=state, beneath=beneath)
        strangers = {address for address, item in others.items() if item.applied is None}
        known = {item.address for item in observed}
        for address, wanted in self._desired.objects.items() if strangers else ():
            if address in known or address not in self.found or (beneath := self._beneath(address, strangers)) is None:
                continue
            self.in_sync[LABEL, State.IN_SYNC.value] -= 1
            value = wanted.digest
            yield Observed(address, State.CONFLICT, value, value, value, seen=wanted.entry, beneath=beneath)

    def _beneath(self, address: str, others: Container[str]) -> str | None:
        """The first version among ``others`` that git's label points to."""
        wanted = self._desired.objects.get(address)
        if wanted is None or not address.startswith(LABEL):
            return None
        name = parse_address(address).name
        named = sorted(version_address(name, version) for version in label_versions(wanted.entry))
        return next((version for version in named if version in others), None)

    def absent(self) -> Iterator[Observed]:
        """What is wanted or was applied, and is not there."""
        nobody = Ownership()
        for address in self._desired.objects.keys() | self._inventory.keys():
            if address in self.found or address in self._desired.beside:
                continue
            wanted = self._desired.objects.get(address)
            applied = self._applied(address, nobody)
            state = self._state_of(address, wanted, None, applied, nobody)
            if state is not None:
                yield Observed(
                    address, state,
                    desired=wanted.digest if wanted else None, applied=applied.digest if applied else None,
                    left_out=address in self._desired.left_out,
                )  # fmt: skip
