"""Planning: from a comparison to the writes for one target, without touching anything (design §8)."""

from __future__ import annotations

import fnmatch
import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from catalog_tool.canonical.jcs import digest_of
from catalog_tool.model.addresses import LABEL, SKILL, VERSION, parse_address
from catalog_tool.model.target import TargetState
from catalog_tool.sync.action import ADOPT as ADOPT
from catalog_tool.sync.action import CREATE, LABEL_MOVE, PLANNED, SKIPPED, UPDATE
from catalog_tool.sync.action import DELETE as DELETE
from catalog_tool.sync.action import NOOP as NOOP
from catalog_tool.sync.action import SUMMARY as SUMMARY
from catalog_tool.sync.action import Action as Action
from catalog_tool.sync.compare import Comparison, Observed
from catalog_tool.sync.dependents import hold_back, keep_referenced
from catalog_tool.sync.destination import Destination as Destination
from catalog_tool.sync.destination import LabelRules as LabelRules
from catalog_tool.sync.going import going_with_versions
from catalog_tool.sync.label_gates import LabelGates
from catalog_tool.sync.limits import Blocked, over_limits
from catalog_tool.sync.reasons import dropped_reason, left_reason
from catalog_tool.sync.states import LEFT_STATES, State
from catalog_tool.sync.wanted import Desired

RESTORES = 5
"""How often a label is put back on its own before somebody has to look."""
RESTORE_PAUSE_SECONDS = 60
"""The pause after the first restore; it doubles with each."""
_ACTION_FIELDS = ("object", "action", "state", "outcome", "before", "after")
"""What a plan's digest holds of an action."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanOptions:
    """What a plan may do.

    ``overwrite`` maps addresses to the live digest or value that was seen there; ``older`` lets a commit
    follow one that it does not descend from; ``now`` is the time in seconds since the epoch.
    """

    prune: bool = False
    only: tuple[str, ...] = ()
    allow: Mapping[str, int] = field(default_factory=dict)
    overwrite: Mapping[str, str] = field(default_factory=dict)
    older: bool = False
    now: int = 0

    def to_json(self) -> dict[str, Any]:
        """What a plan file keeps, so that ``apply`` plans the same."""
        return {
            "prune": self.prune, "only": list(self.only), "older": self.older,
            "allow": dict(self.allow), "overwrite": dict(self.overwrite),
        }  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Ordered writes for one target.

    ``digest`` covers everything but times and the commit: what was reviewed is what is applied.
    ``limits`` counts what the safety limits count; ``gated`` says which labels stay because of their gates.
    """

    target: str
    place: str
    desired: Desired
    options: PlanOptions
    actions: Sequence[Action]
    blocked: Sequence[Blocked]
    counts: Mapping[str, int]
    in_sync: int
    limits: Mapping[str, int]
    digest: str
    gated: Sequence[Blocked] = ()

    @property
    def writes(self) -> list[Action]:
        """The actions that change something, in the order in which they have to happen."""
        return [action for action in self.actions if action.outcome == PLANNED]

    def summary(self) -> dict[str, int]:
        """How many actions of each kind; ``noop`` counts what is left as it is."""
        found = Counter(action.action for action in self.actions)
        found[NOOP] += self.in_sync
        return {kind: found[kind] for kind in SUMMARY}


def make_plan(
    destination: Destination,
    desired: Desired,
    state: TargetState,
    comparison: Comparison,
    options: PlanOptions,
    gates: LabelGates | None = None,
) -> Plan:
    """Plan the writes that make a target what git says. The same input gives the same plan.

    ``gates`` hold back labels (None: nothing does). GitError: they could not ask git.
    """
    planner = _Planner(desired, state, options, destination.rules)
    actions = [planner.action(item) for item in comparison.observed if planner.concerns(item)]
    actions = hold_back(planner.fitting(actions, destination, comparison.observed), comparison.observed)
    actions, gated = _through_gates(actions, gates, is_new=comparison.is_new)
    actions = keep_referenced(actions, comparison)
    actions.sort(key=_order)
    limits = _counted(actions, destination.rules)
    blocked = planner.refusals()
    if not blocked:
        blocked = over_limits(limits, comparison.managed, _allowance(options, state, desired), is_new=comparison.is_new)
    return Plan(
        target=destination.name,
        place=destination.place,
        desired=desired,
        options=options,
        actions=actions,
        blocked=blocked,
        counts=comparison.counts,
        in_sync=comparison.counts.get(State.IN_SYNC.value, 0),
        limits=limits,
        digest=_digest(destination, desired, options, actions, blocked),
        gated=gated,
    )


def _digest(
    destination: Destination,
    desired: Desired,
    options: PlanOptions,
    actions: Sequence[Action],
    blocked: Sequence[Blocked],
) -> str:
    return digest_of_document(
        {
            "target": destination.name,
            "place": destination.place,
            "catalog": desired.catalog,
            "bundle": desired.bundle,
            "options": options.to_json(),
            "actions": [action.in_file() for action in actions],
            "blocked": [found.reason for found in blocked],
        }
    )


def digest_of_document(document: Mapping[str, Any]) -> str:
    """The digest of a plan from what its file says: so a file shows what its digest stands for, or is none."""
    names = ("target", "place", "catalog", "bundle", "options", "blocked")
    actions = [[action[name] for name in _ACTION_FIELDS] for action in document["actions"]]
    return digest_of({"format": 1, **{name: document[name] for name in names}, "actions": actions})


def _allowance(options: PlanOptions, state: TargetState, desired: Desired) -> Mapping[str, int]:
    """What is allowed: what was typed, or what the same sync was allowed when it began (its journal)."""
    journal = state.control.journal
    known = journal.allow if journal is not None and journal.bundle == desired.bundle else {}
    return {kind: max(options.allow.get(kind, 0), known.get(kind, 0)) for kind in {*options.allow, *known}}


class _Planner:
    """Decides about each object by its state."""

    def __init__(self, desired: Desired, state: TargetState, options: PlanOptions, rules: LabelRules) -> None:
        self._desired = desired
        self._state = state
        self._options = options
        self._rules = rules

    def concerns(self, item: Observed) -> bool:
        """Whether anything is said of it: not of what is nobody's or others', nor of what ``--only`` leaves out."""
        if item.state in (State.UNMANAGED, State.FOREIGN) and item.desired is None and item.applied is None:
            return False
        return not self._options.only or is_chosen(item.address, self._options.only)

    def refusals(self) -> list[Blocked]:
        """What nothing lifts."""
        owner = self._state.control.catalog
        if owner is not None and owner != self._desired.catalog:
            return [Blocked(f"this target belongs to the catalog {owner!r}; give {self._desired.catalog!r} a prefix")]
        if not self._desired.objects:
            return [Blocked("git wants nothing here: is this the right folder, and do the target's filters fit?")]
        return []

    def action(self, item: Observed) -> Action:
        """What is done about one object that is not in sync."""
        wanted = self._options.overwrite.get(item.address)
        if wanted is not None and item.state in _OVERWRITABLE and not item.is_strangers:
            return self._overwritten(item, wanted)
        made = _BY_STATE.get(item.state)
        if made is not None:
            kind, reason = made
            return self._write(item, kind or _kind_of(item), reason)
        if item.state is State.PRUNE:
            why = dropped_reason(item)
            return self._write(item, DELETE, why) if self._options.prune else _left(item, f"{why}; --prune deletes it")
        if item.state is State.DRIFTED and self._rules.on_drift.get(parse_address(item.address).part) == "restore":
            return self._restored(item)
        return _left(item, left_reason(item))

    def fitting(
        self, actions: Sequence[Action], destination: Destination, observed: Sequence[Observed]
    ) -> list[Action]:
        """The actions, unless the target cannot do one: then its object is left as it is, and why."""
        found = [self._fitting(action, destination) for action in actions]
        return going_with_versions(actions, found, observed) if destination.labels_go_with_version else found

    def _fitting(self, action: Action, destination: Destination) -> Action:
        wanted = self._desired.objects.get(action.object)
        if action.outcome != PLANNED or action.bookkeeping or (wanted is None and action.action != DELETE):
            return action
        entry = wanted.entry if wanted is not None and action.action != DELETE else None
        why = destination.fitness(action.object, entry)
        if why is None:
            told = None if entry is None or action.reason else destination.rendering(action.object, entry)
            return action if told is None else action._replace(reason=f"{destination.name} {told}")
        held = entry is not None  # what can never go there is no reason for a run to fail each time
        return action._replace(action=NOOP, outcome=SKIPPED, held=held, reason=f"{destination.name} {why}")

    def _write(self, item: Observed, kind: str, reason: str | None) -> Action:
        reason = "meta" if item.meta_only else reason
        kind = UPDATE if item.meta_only and kind == ADOPT else kind
        return Action(
            item.address, kind, item.state, PLANNED, reason, item.live, item.desired, item.seen,
            bookkeeping=kind == ADOPT,
        )  # fmt: skip

    def _overwritten(self, item: Observed, token: str) -> Action:
        now = token_of(item)
        if token != now:
            return _left(item, f"it is {now} now, not {token}: look again before it is overwritten")
        if item.desired is None and not self._options.prune:
            return _left(item, f"{dropped_reason(item)}; together with --prune this deletes it")
        kind = DELETE if item.desired is None else ADOPT if item.live == item.desired else _kind_of(item)
        return self._write(item, kind, f"overwrites {now}")

    def _restored(self, item: Observed) -> Action:
        known = self._state.control.restores.get(item.address)
        if item.address.startswith(LABEL) and known is not None:
            if known.times >= RESTORES:
                return _left(item, f"put back {known.times} times already: somebody has to look")
            if self._options.now < known.at + RESTORE_PAUSE_SECONDS * 2 ** (known.times - 1):
                return _left(item, "put back a moment ago; the next try waits")
        if not item.address.startswith(LABEL):
            return _left(item, left_reason(item))
        return self._write(item, LABEL_MOVE, "restore")


def is_chosen(address: str, patterns: Collection[str]) -> bool:
    """Whether a pattern takes an object: one over addresses, or the name of a prompt or skill."""
    name = parse_address(address).name
    return any(name == pattern or fnmatch.fnmatchcase(address, pattern) for pattern in patterns)


_OVERWRITABLE = LEFT_STATES | {State.MISSING}
_BY_STATE: Mapping[State, tuple[str, str | None]] = {
    State.CREATE: ("", None),
    State.PENDING: ("", None),
    State.MISSING: ("", "it was deleted on the target"),
    State.ADOPT: (ADOPT, "the target holds the same already"),
    State.CONVERGED: (ADOPT, "the target holds what git says now"),
    State.GONE: (ADOPT, "neither git nor the target has it any more"),
}
"""State → action (empty: by the kind of object) and its reason."""


def token_of(item: Observed) -> str:
    """What ``--overwrite OBJECT=…`` has to say: the live digest, or a label's version or its JSON."""
    if item.live is None:
        return "absent"
    if item.address.startswith(LABEL):
        value = _json_or_none(item.live)
        return value if isinstance(value, str) else item.live
    return item.live


def _json_or_none(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _kind_of(item: Observed) -> str:
    if item.address.startswith(LABEL):
        return LABEL_MOVE
    return CREATE if item.live is None else UPDATE


def _left(item: Observed, reason: str) -> Action:
    return Action(
        item.address, NOOP, item.state, SKIPPED, reason, item.live, item.desired, item.seen, waits_for=item.beneath
    )  # fmt: skip


def _through_gates(
    actions: Sequence[Action], gates: LabelGates | None, *, is_new: bool
) -> tuple[list[Action], list[Blocked]]:
    """Labels that their gates do not let through are left as they are on the target."""
    passed, gated = [], []
    moving = {action.object for action in actions if action.action == LABEL_MOVE and action.outcome == PLANNED}
    if gates is not None:
        gates.expect(sorted(moving))
    for action in actions:
        refusal = None
        if gates is not None and action.object in moving:
            refusal = gates.refusal(action.object, action.before, action.after, is_new=is_new)
        if refusal is None:
            passed.append(action)
            continue
        passed.append(action._replace(action=NOOP, outcome=SKIPPED, held=True, reason=refusal.summary))
        gated.append(Blocked(refusal.reason))
    return passed, gated


_LEVELS = {VERSION: 0, SKILL: 1, LABEL: 2}


def _order(action: Action) -> tuple[int, str]:
    """Versions before skills before labels; what goes, goes last, and labels before the versions they name."""
    level = _LEVELS[action.object.partition("/")[0]]
    return (10 - level if action.action == DELETE else level), action.object


def _counted(actions: Sequence[Action], rules: LabelRules) -> dict[str, int]:
    """What counts against the limits."""
    counts: Counter[str] = Counter()
    for action in actions:
        if action.outcome != PLANNED or action.bookkeeping:
            continue
        if action.action == DELETE:
            counts["deletes"] += 1
        elif action.before is None:
            counts["creates"] += 1
        elif action.action == LABEL_MOVE and parse_address(action.object).part in rules.protected:
            counts["labels"] += 1
        else:
            counts["updates"] += 1
    return dict(counts)
