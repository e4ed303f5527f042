"""Applying: lease, preconditions, writes in their order, verification, journal (design §8)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple, TypeVar

from catalog_tool.errors import UsageError
from catalog_tool.model.target import Control, Journal, LastSync, Live, Restore, TargetState
from catalog_tool.sync.ancestry import superseded_by
from catalog_tool.sync.compare import compare
from catalog_tool.sync.lease import Holding, holding
from catalog_tool.sync.live import scan_knowing
from catalog_tool.sync.plan import ADOPT, Action, Plan, PlanOptions, make_plan
from catalog_tool.sync.plan_file import SavedPlan
from catalog_tool.sync.result import BLOCKED, DONE, STALE, SUPERSEDED, Result, planned, settled_status
from catalog_tool.sync.session import Session
from catalog_tool.sync.states import State
from catalog_tool.sync.timing import persistently
from catalog_tool.sync.verify import verified
from catalog_tool.sync.wanted import Desired
from catalog_tool.sync.write import Writer

Kept = TypeVar("Kept")
_DIFFERS = "is not what git says; see `catalog pull` and `catalog sync --overwrite`"


def plan_target(session: Session, desired: Desired, options: PlanOptions) -> Result:
    """Plan without writing anything. Raises ``BackendError`` where the target cannot be read whole."""
    state, plan, _ = _look(session, desired, options)
    return _refused(session, desired, options, state, plan) or planned(plan)


def sync_target(session: Session, desired: Desired, options: PlanOptions, expect: str | None = None) -> Result:
    """Plan and apply. ``expect`` is the digest of the only plan that may be applied; another is ``stale``.

    Every precondition is checked again under the lease: all of the target is read once more, and planned
    anew unless it is what it was. Raises ``BackendError`` where the target cannot be read, or the lease is
    lost on the way.
    """
    before = _look(session, desired, options)
    state, plan, _ = before
    early = _refused(session, desired, options, state, plan) or _unexpected(plan, expect)
    if early is not None:
        return early
    if not plan.writes and not _is_news(desired, state):
        return planned(plan)
    with holding(session.backend, session.actor, session.timing, session.lock_timeout) as lease:
        state, plan, _ = before if _is_as_seen(session, desired, before) else _look(session, desired, options)
        early = _refused(session, desired, options, state, plan) or _unexpected(plan, expect)
        return early or _Application(session, lease, state, plan).run()


def apply_plan(session: Session, desired: Desired, saved: SavedPlan) -> Result:
    """Apply a plan from a file: ``stale`` where the bundle, the target or the plan is another by now."""
    if desired.bundle == saved.bundle:
        return sync_target(session, desired, replace(saved.options, now=int(session.timing.now())), saved.digest)
    plan = _look(session, desired, saved.options).plan
    reason = f"git is another by now: the plan is for the bundle {saved.bundle}"
    return Result(status=STALE, plan=plan, actions=plan.actions, reason=reason)


def adopt(session: Session, desired: Desired, objects: Sequence[str]) -> Result:
    """Mark objects as ours whose live content equals git's; nothing else about them changes.

    Raises ``UsageError`` for an address that git does not have. Where one differs, or is not there,
    nothing is marked: ``blocked``.
    """
    for address in objects:
        if address not in desired.objects:
            raise UsageError(f"git has no {address}", hint="write prompts/ID@v2, labels/ID@production or skills/NAME")
    options = PlanOptions(only=tuple(objects), now=int(session.timing.now()))
    plan = _look(session, desired, options).plan
    wrong = next((action for action in plan.actions if action.action != ADOPT), None)
    if wrong is not None:
        absent = wrong.state in (State.CREATE, State.MISSING)
        why = "is not there; `catalog sync` makes it" if absent else _DIFFERS
        why = f"stays as it is: {wrong.reason}" if wrong.state is State.FOREIGN else why
        reason = f"{wrong.object} {why}"
        return Result(status=BLOCKED, plan=plan, actions=plan.actions, reason=reason)
    return sync_target(session, desired, options, expect=plan.digest)


class _Look(NamedTuple):
    """A target read whole, and what follows from it; ``seen`` is a hash over all objects, of this process only."""

    state: TargetState
    plan: Plan
    seen: int


class _Hashed:
    """Hands a scan on and hashes it; in another order the same objects give another hash."""

    def __init__(self, scan: Iterable[Live]) -> None:
        self._scan = scan
        self.seen = 0

    def __iter__(self) -> Iterator[Live]:
        for item in self._scan:
            self.seen = hash((self.seen, item))
            yield item


def _look(session: Session, desired: Desired, options: PlanOptions) -> _Look:
    backend = session.backend

    def read() -> _Look:
        state = session.load(desired)
        scan = _Hashed(scan_knowing(backend, desired))
        comparison = compare(desired, state, scan, metadata=backend.capabilities.metadata)
        plan = make_plan(session.destination, desired, state, comparison, options, session.gates)
        return _Look(state, plan, scan.seen)

    return persistently(session.timing, read)


def _is_as_seen(session: Session, desired: Desired, before: _Look) -> bool:
    """Whether the target still holds what it held, so that the same input would give the same plan."""
    backend = session.backend

    def read() -> bool:
        state = session.load(desired)
        scan = _Hashed(scan_knowing(backend, desired))
        deque(scan, maxlen=0)
        known = before.state
        same_store = known.store_id in ("", state.store_id)  # taking the lease makes a store that was not there
        return (
            same_store
            and scan.seen == before.seen
            and (state.control, state.inventory) == (known.control, known.inventory)
        )

    return persistently(session.timing, read)


def _refused(session: Session, desired: Desired, options: PlanOptions, state: TargetState, plan: Plan) -> Result | None:
    newer = None if options.older else superseded_by(session.git, desired.commit, state.control)
    if newer is not None:
        ours = (desired.commit or "")[:12]
        reason = f"the target has {newer[:12]}, which {ours} does not descend from; `--allow older` if that is meant"
        return Result(status=SUPERSEDED, plan=plan, actions=plan.actions, reason=reason)
    return Result(status=BLOCKED, plan=plan, actions=plan.actions) if plan.blocked else None


def _unexpected(plan: Plan, expect: str | None) -> Result | None:
    if expect is None or plan.digest == expect:
        return None
    reason = f"this is not the plan {expect} any more, for git or the target changed: look at a new one"
    return Result(status=STALE, plan=plan, actions=plan.actions, reason=reason)


def _is_news(desired: Desired, state: TargetState) -> bool:
    """Whether the target has to be told of a newer commit though nothing else changes."""
    last = state.control.last
    return last is None or state.control.journal is not None or last.commit != desired.commit


class _Application:
    """One run of a plan under the lease."""

    def __init__(self, session: Session, lease: Holding, state: TargetState, plan: Plan) -> None:
        self._session = session
        self._lease = lease
        self._plan = plan
        self._control = lease.known = state.control
        self._now = int(session.timing.now())

    def run(self) -> Result:
        if not self._plan.writes:
            self._finish(self._plan.actions)
            return planned(self._plan)
        self._begin()
        writer = Writer(self._session.backend, self._lease, self._plan, self._session.actor, self._session.timing)
        outcomes = writer.run(self._session.concurrency, self._session.progress, self._session.stopped)
        outcomes = verified(self._session, self._plan, outcomes)
        actions = [outcomes.get(action.object, action) for action in self._plan.actions]
        self._finish(actions)
        return Result(status=settled_status(actions, DONE), plan=self._plan, actions=actions)

    def _save(self, control: Control) -> None:
        self._lease.renew()  # reading a large target may have taken long
        persistently(self._session.timing, lambda: self._session.backend.save_control(control, self._lease.token))
        self._control = self._lease.known = control

    def _begin(self) -> None:
        desired = self._plan.desired
        known = self._control.journal
        same = known is not None and known.bundle == desired.bundle
        allow = dict(known.allow) if known is not None and same else {}
        for kind, count in self._plan.limits.items():
            allow[kind] = max(count, allow.get(kind, 0))
        journal = Journal(desired.commit, desired.bundle, self._plan.digest, self._now, allow)
        self._save(replace(self._control, catalog=desired.catalog, journal=journal))

    def _finish(self, actions: Sequence[Action]) -> None:
        """Close the journal, unless something that was to be written was not."""
        outcomes = {action.object: action for action in actions}
        if any(action.outcome in ("failed", "dropped") for action in outcomes.values()):
            return
        desired = self._plan.desired
        self._save(
            replace(
                self._control,
                catalog=desired.catalog,
                last=LastSync(desired.commit, desired.bundle, int(self._session.timing.now())),
                journal=None,
                overrides=_without(self._control.overrides, outcomes),
                restores=self._restores(outcomes),
            )
        )

    def _restores(self, outcomes: Mapping[str, Action]) -> Mapping[str, Restore]:
        """Count labels that were put back; a label that git moved starts anew."""
        kept = _without(self._control.restores, outcomes)
        for address, action in outcomes.items():
            if action.outcome == DONE and action.reason == "restore":
                known = self._control.restores.get(address)
                kept[address] = Restore(known.times + 1 if known else 1, self._now)
        return kept


def _without(known: Mapping[str, Kept], outcomes: Mapping[str, Action]) -> dict[str, Kept]:
    """What is remembered of objects that were not written."""
    written = {address for address, action in outcomes.items() if action.outcome == DONE}
    return {address: found for address, found in known.items() if address not in written}
