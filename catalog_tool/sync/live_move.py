"""A label moved on a target at once, ahead of git: ``rollback --live`` and ``watch`` (design §1, *override*).

Under the target's lease, with compare-and-swap, and in an order in which a crash does no harm: the override is
recorded first, then the label moves. Dying in between leaves an override that nothing is in (it counts only
where the label holds its value), and the next call does the rest. The inventory keeps what git last gave, so
that the state is ``override`` until git catches up, and ``converged`` once it has.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import NamedTuple

from catalog_tool.backends.stored import label_versions
from catalog_tool.canonical.jcs import canonical_bytes
from catalog_tool.errors import BackendError, CatalogError, LeaseLostError, UsageError
from catalog_tool.model.addresses import label_address, version_address
from catalog_tool.model.labels import LabelValue, label_value_of
from catalog_tool.model.target import DONE, UNCONFIRMED, Live, Override, Run, TargetState, Write
from catalog_tool.sync.lease import Holding, holding
from catalog_tool.sync.live import fingerprint
from catalog_tool.sync.markers import read_marker
from catalog_tool.sync.overrides import Word, canonical, is_answered
from catalog_tool.sync.session import Session
from catalog_tool.sync.timing import persistently

UNSAID = Word()
LABEL_SECONDS = 30.0
"""How long a live move waits for a sync that holds the target; a sync renews, so more would not help soon."""


class LiveLabel(NamedTuple):
    """A label as a target has it. ``since`` is the store's own word (ISO 8601) or None; ``override`` holds if any.

    ``applied`` is what git last gave it, as canonical JSON.
    """

    value: LabelValue
    since: str | None
    override: Override | None
    applied: str


class LiveMove(NamedTuple):
    """What is to happen to one label.

    ``expected`` is what the caller saw there; ``desired`` what git says (None: nothing), which the override
    holds against, and ``word`` where it says so; ``reason`` goes into the audit trail.
    """

    prompt: str
    label: str
    expected: LabelValue
    wanted: LabelValue
    desired: LabelValue | None
    reason: str
    word: Word = UNSAID

    @property
    def address(self) -> str:
        """The label's."""
        return label_address(self.prompt, self.label)


class Moved(NamedTuple):
    """What came of it. ``override`` is None where git says ``wanted`` already; ``confirmed``: read back."""

    moved: bool
    override: Override | None
    confirmed: bool


def read_label(session: Session, catalog: str, named: tuple[str, str], word: Word = UNSAID) -> LiveLabel:
    """What a target's label (prompt and label) is now; an override that git's ``word`` has answered is none.

    BackendError: it has none that is ours, or cannot be read. GitError: git does not answer.
    """
    address = label_address(*named)

    def read() -> tuple[TargetState, list[Live]]:
        return session.backend.load(), list(session.backend.scan([address]))

    state, found = persistently(session.timing, read)
    live = _own_label(session, catalog, state, found, address)
    value = label_value_of(live.entry)
    if value is None:
        raise BackendError(f"{address} on {session.destination.name} holds no value of ours")
    override = state.control.overrides.get(address)
    holds = override is not None and override.value == canonical(value) and not is_answered(word, address, override)
    return LiveLabel(value, live.since, override if holds else None, state.inventory[address].digest)


def move_live(session: Session, catalog: str, move: LiveMove) -> Moved:
    """Move a label now. Repeating it changes nothing more.

    BackendError: the label is not what was expected, a version is not there or was edited, or the target did
    not take it; nothing was moved. LeaseLostError: another took over.
    """
    with holding(session.backend, session.actor, session.timing, min(session.lock_timeout, LABEL_SECONDS)) as lease:
        return _Application(session, lease, catalog, move).run()


class _Application:
    """One move under the lease."""

    def __init__(self, session: Session, lease: Holding, catalog: str, move: LiveMove) -> None:
        self._session = session
        self._lease = lease
        self._catalog = catalog
        self._move = move
        self._at = int(session.timing.now())

    def run(self) -> Moved:
        move = self._move
        state, live = _checked(self._session, self._catalog, move)
        wanted, now = canonical(move.wanted), fingerprint(move.address, live.entry).digest
        before = state.control.overrides.get(move.address)
        override = self._override(before)
        if override != before:
            self._record(state, override)
        if now == wanted:
            return Moved(False, override, confirmed=True)
        try:
            confirmed = self._write(state, live)
        except LeaseLostError:
            raise
        except CatalogError:
            with contextlib.suppress(CatalogError):  # an override that nothing is in does no harm
                self._record(state, before)
            raise
        return Moved(True, override, confirmed=confirmed)

    def _override(self, before: Override | None) -> Override | None:
        """What to record: nothing where git says so itself; what stands there already where it is the same."""
        move = self._move
        value, desired = canonical(move.wanted), canonical(move.desired)
        if value is None or value == desired:
            return None
        same = before is not None and (before.value, before.desired) == (value, desired)
        if before is not None and same and not is_answered(move.word, move.address, before):
            return before
        return Override(value, desired, self._session.actor, move.reason, self._at, move.word.commit)

    def _record(self, state: TargetState, override: Override | None) -> None:
        overrides = {key: found for key, found in state.control.overrides.items() if key != self._move.address}
        if override is not None:
            overrides[self._move.address] = override
        control = replace(state.control, overrides=overrides)
        persistently(self._session.timing, lambda: self._session.backend.save_control(control, self._lease.token))

    def _write(self, state: TargetState, live: Live) -> bool:
        move, session = self._move, self._session
        entry = canonical_bytes(move.wanted.to_json())
        write = Write(
            move.address, live.entry, entry, marker=live.marker, applied=state.inventory.get(move.address)
        )  # fmt: skip
        run = Run(self._lease.token, session.actor, move.reason, self._at)
        (written,) = persistently(session.timing, lambda: session.backend.write([write], run))
        if written.outcome not in (DONE, UNCONFIRMED):
            raise BackendError(f"{move.address} was not moved: {written.message or written.outcome}", hint="look again")
        shown = persistently(session.timing, lambda: list(session.backend.scan([move.address])))
        return any(fingerprint(item.address, item.entry).digest == canonical(move.wanted) for item in shown)


def check_move(session: Session, catalog: str, move: LiveMove) -> None:
    """Look whether ``move_live`` would take this as things stand; raises what that would raise. Changes nothing."""
    _checked(session, catalog, move)


def _checked(session: Session, catalog: str, move: LiveMove) -> tuple[TargetState, Live]:
    """The target and its label, where nothing is in the way of the move."""
    names = [version_address(move.prompt, version) for version in move.wanted.versions]
    state = persistently(session.timing, session.backend.load)
    scanned = persistently(session.timing, lambda: list(session.backend.scan([move.address, *names])))
    found = {item.address: item for item in scanned}
    live = _own_label(session, catalog, state, found.values(), move.address)
    now = fingerprint(move.address, live.entry).digest
    if now not in (canonical(move.wanted), canonical(move.expected)):
        raise BackendError(f"{move.address} is {now} by now, not {canonical(move.expected)}", hint="look again")
    _check_versions(session.destination.name, state, found, names)
    return state, live


def _check_versions(where: str, state: TargetState, found: Mapping[str, Live], names: Collection[str]) -> None:
    """Going back to a text that somebody edited would be no way back."""
    for address in names:
        applied, live = state.inventory.get(address), found.get(address)
        if live is None or applied is None:
            hint = f"another version may be there (--to), or `catalog sync {where}` writes it"
            raise BackendError(f"{address} is not on {where}: nothing was moved", hint=hint)
        if fingerprint(address, live.entry).digest != applied.digest:
            hint = f"`catalog drift {where}` has the line that puts it back; or go to another version (--to)"
            raise BackendError(f"{address} was edited on {where}: nothing was moved", hint=hint)


def _own_label(session: Session, catalog: str, state: TargetState, found: Collection[Live], address: str) -> Live:
    """The label as it was read, if it is one that this catalog gave the target."""
    where = session.destination.name
    owner = state.control.catalog
    if owner is not None and owner != catalog:
        raise BackendError(f"{where} belongs to the catalog {owner!r}, not to {catalog!r}")
    live = next((item for item in found if item.address == address), None)
    if live is None and address in state.inventory:
        raise BackendError(f"{address} went from {where}", hint=f"`catalog drift {where}` tells what else did")
    if live is None:
        raise UsageError(f"{where} has no {address}", hint=f"see `catalog status {where}`")
    foreign = read_marker(live.marker, catalog, address).foreign
    if foreign is not None or address not in state.inventory or not label_versions(live.entry):
        whose = f"it belongs to {foreign!r}" if foreign is not None else "this catalog never set it"
        raise BackendError(f"{address} on {where} cannot be moved: {whose}", hint="see `catalog drift`")
    return live
