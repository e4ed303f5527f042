"""Drift and behind: what a target is, compared with what git says and what we last applied (design §8)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from catalog_tool.backends.stored import content_digest
from catalog_tool.clock import iso
from catalog_tool.errors import BackendError, CatalogError
from catalog_tool.model.addresses import LABEL, VERSION, label_address, parse_address, version_address
from catalog_tool.model.target import TargetState
from catalog_tool.sync.ancestry import Superseding, superseding
from catalog_tool.sync.compare import Comparison, Observed, compare
from catalog_tool.sync.lease import is_dead
from catalog_tool.sync.live import scan_knowing
from catalog_tool.sync.session import Session
from catalog_tool.sync.since import CONTENT, METADATA, WantedSince
from catalog_tool.sync.states import DRIFT_STATES, State
from catalog_tool.sync.timing import persistently
from catalog_tool.sync.unfit import unfit
from catalog_tool.sync.wanted import Desired

IN_SYNC, DRIFT, BEHIND, UNKNOWN = "in_sync", "drift", "behind", "unknown"
WORST_FIRST = (UNKNOWN, DRIFT, BEHIND, IN_SYNC)
_EDITED = DRIFT_STATES | {State.COLLISION}
_COUNTED_ONLY = frozenset({State.UNMANAGED})
_LATE = frozenset({State.PENDING, State.CREATE, State.COLLISION})


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetDrift:
    """One target's answer. ``message`` says why nothing is known; ``last_success`` is in seconds, or None.

    ``counts`` is by state, ``kinds`` by kind and state; ``late`` are the addresses that have waited
    longer than allowed. ``elsewhere`` says of an edited version which other one has that content in git;
    ``superseded`` why every sync from this commit is refused; ``unfit`` what the target can never hold, and why.
    """

    status: str
    counts: Mapping[str, int]
    kinds: Mapping[tuple[str, str], int] = field(default_factory=dict)
    observed: tuple[Observed, ...] = ()
    late: frozenset[str] = frozenset()
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    message: str | None = None
    last_success: int | None = None
    superseded: Superseding | None = None
    unfit: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The target's part of ``drift --format json``."""
        return {
            "status": self.status,
            "counts": dict(self.counts),
            "objects": [self._object_json(item) for item in self.observed],
            **({"superseded": self.superseded._asdict()} if self.superseded is not None else {}),
        }

    def _object_json(self, item: Observed) -> dict[str, Any]:
        unfit = self.unfit.get(item.address)
        return {
            **({"unfit": unfit} if unfit is not None else {}),
            **_object_json(item, self.elsewhere.get(item.address)),
        }


def _object_json(item: Observed, elsewhere: str | None) -> dict[str, Any]:
    shown = _label_value if item.address.startswith(LABEL) else _as_is
    return {
        **({"elsewhere": elsewhere} if elsewhere is not None else {}),
        **({"left_out": True} if item.left_out else {}),
        **({"beneath": item.beneath} if item.beneath is not None else {}),
        **({"meta_only": True} if item.meta_only else {}),
        **({"ours": True} if item.is_ours_marked else {}),
        "object": item.address,
        "state": item.state.value,
        "expected": shown(item.desired),
        "actual": shown(item.live),
        "since": item.since,
        "by": item.by,
    }


def _as_is(text: str | None) -> str | None:
    return text


def _label_value(text: str | None) -> Any:
    """A label's value; of bytes that are no JSON their digest, which is what they were compared by."""
    try:
        return None if text is None else json.loads(text)
    except ValueError:
        return text


def worst(statuses: Iterator[str] | list[str]) -> str:
    """The status of several targets: unknown before drift before behind."""
    found = set(statuses)
    return next((status for status in WORST_FIRST if status in found), IN_SYNC)


def look_for_drift(session: Session, desired: Desired, since: WantedSince, max_lag_seconds: int) -> TargetDrift:
    """Compare a target; never raises for a target that cannot be read: that is ``unknown``."""
    try:
        state, comparison = persistently(session.timing, lambda: _read(session, desired))
        if not state.inventory:
            raise nothing_kept(state)
        session.backend.generations()  # clients cannot start where one of them is no number
        never = unfit(session.destination, desired, comparison.observed)
        waiting = comparison._replace(observed=[item for item in comparison.observed if item.address not in never])
        late = frozenset(_late(session, desired, (state, waiting), since, max_lag_seconds))
        superseded = superseding(session.git, desired.commit, state.control)
    except CatalogError as error:
        hint = f" ({error.hint})" if error.hint else ""
        return TargetDrift(status=UNKNOWN, counts={}, message=error.message + hint)
    observed = tuple(
        item for item in comparison.observed
        if item.state not in _COUNTED_ONLY and not (item.is_strangers and item.desired is None)
    )  # fmt: skip
    drifted = any(item.state in DRIFT_STATES or item.is_ours_marked for item in observed)
    return TargetDrift(
        status=DRIFT if drifted else BEHIND if late else IN_SYNC,
        counts=comparison.counts,
        kinds=comparison.kinds,
        observed=observed,
        late=late,
        elsewhere=dict(_elsewhere(observed, desired)),
        last_success=state.control.last.finished_at if state.control.last else None,
        superseded=superseded,
        unfit=never,
    )


def refuse_others(state: TargetState, desired: Desired) -> None:
    """Raises ``BackendError`` for a target that is another catalog's: what is there says nothing about this one."""
    owner = state.control.catalog
    if owner is not None and owner != desired.catalog:
        raise BackendError(f"the target belongs to the catalog {owner!r}, not to {desired.catalog!r}")


def nothing_kept(state: TargetState) -> BackendError:
    """Why a target without an inventory cannot be judged: what nobody remembers writing is neither there nor gone."""
    why = "nothing was ever synced there, or it was wiped"
    if state.control.last is not None:
        when = iso(state.control.last.finished_at)
        why = f"it was synced at {when}, and nothing of what was written is remembered there: it was wiped"
    return BackendError(why, hint="`catalog sync` fills it")


def _elsewhere(observed: tuple[Observed, ...], desired: Desired) -> Iterator[tuple[str, str]]:
    """An edited version, and the other one that has its content in git: one that was edited and brought back.

    Not while a label stands on the edited one as git says: then `pull` still has a label to move.
    """
    differing = {item.address for item in observed if item.live is None or item.live != item.desired}
    for item in observed:
        if item.state not in _EDITED or item.seen is None or not item.address.startswith(VERSION):
            continue
        live = content_digest(item.seen)
        _, name, version = parse_address(item.address)
        start, labels = version_address(name, ""), label_address(name, "")
        same = (a for a, wanted in desired.objects.items() if a.startswith(start) and wanted.digest == live)
        other = next(same, item.address)
        values = (w.digest for a, w in desired.objects.items() if a.startswith(labels) and a not in differing)
        if other != item.address and not any(json.dumps(version) in value for value in values):
            yield item.address, parse_address(other).part


def _read(session: Session, desired: Desired) -> tuple[TargetState, Comparison]:
    backend = session.backend
    state = session.load(desired)
    refuse_others(state, desired)
    return state, compare(desired, state, scan_knowing(backend, desired), metadata=backend.capabilities.metadata)


def _late(
    session: Session, desired: Desired, read: tuple[TargetState, Comparison], since: WantedSince, max_lag_seconds: int
) -> Iterator[str]:
    """What git has wanted for longer than allowed; nothing while a sync is still running."""
    state, comparison = read
    if state.lease is not None and not is_dead(state.lease):
        return
    than = int(session.timing.now()) - max_lag_seconds
    for item in comparison.observed:
        kind = _awaited(item, state, desired)
        if kind is not None and since.is_older(item.address, than, kind):
            yield item.address


def _awaited(item: Observed, state: TargetState, desired: Desired) -> str | None:
    """What git wants there that is not there, and nobody edited what is: content or metadata; None for nothing.

    Metadata that were edited there are not git's to wait for: git has had the same since they were written.
    """
    if item.desired is None:
        return None
    if item.meta_only:
        applied = state.inventory.get(item.address)
        is_ahead = applied is not None and applied.meta not in ("", desired.objects[item.address].meta)
        return METADATA if item.state is State.PENDING and is_ahead else None
    is_other = item.state is State.FOREIGN and item.live != item.desired
    return CONTENT if item.state in _LATE or is_other else None
