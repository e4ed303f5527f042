"""Random histories of a target: git moves on, people edit, processes die, servers refuse; the laws hold throughout.

The model is what git says and which objects somebody touched by hand; the store is the reference.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from soak import SOAK

from catalog_tool.backends.audit import verify
from catalog_tool.backends.memory import MemoryBackend, MemoryStore
from catalog_tool.backends.stored import label_versions
from catalog_tool.errors import BackendError, UnavailableError
from catalog_tool.model.addresses import LABEL, VERSION, label_address, parse_address, version_address
from catalog_tool.model.target import CHANGED, DONE, Lease, Run, Write
from catalog_tool.sync.apply import plan_target, sync_target
from catalog_tool.sync.conformance.engine import QUICK, bury, contents
from catalog_tool.sync.conformance.faults import Crash, FaultyBackend, at_call
from catalog_tool.sync.conformance.samples import Sample, desired_of, put_label, put_skill, put_version
from catalog_tool.sync.plan import Destination, LabelRules, PlanOptions
from catalog_tool.sync.result import Result
from catalog_tool.sync.session import Session
from catalog_tool.sync.states import LEFT_STATES
from catalog_tool.sync.wanted import Desired

NAMES = ("support/greet", "review", "a")
LABELS = ("production", "staging", "canary")
SOMEBODY = Lease("somebody", "somebody", "elsewhere", 1, 1)
BY_HAND = Run("somebody", "somebody", "by hand", 1_760_000_500)

names, labels = st.sampled_from(NAMES), st.sampled_from(LABELS)
texts = st.sampled_from(("Be brief.\n", "Be kind. {{x}}", "é e\u0301", "", "1e400", "a\r\nb"))
which = st.integers(0, 9)


class Histories(RuleBasedStateMachine):
    """One catalog, one target."""

    def __init__(self) -> None:
        super().__init__()
        self.store = MemoryStore()
        self.versions: dict[tuple[str, str], str] = {}
        self.labels: dict[tuple[str, str], Any] = {}
        self.skills: dict[str, Mapping[str, bytes]] = {}
        self.born: dict[str, int] = {}
        self.generations: Mapping[str, int] = {}

    # What people do in git.

    @initialize(name=names, text=texts)
    def first_commit(self, name: str, text: str) -> None:
        self.write_version(name, text)

    @rule(name=names, text=texts)
    def write_version(self, name: str, text: str) -> None:
        self.born[name] = self.born.get(name, 0) + 1
        self.versions[name, f"v{self.born[name]}"] = text

    @rule(number=which)
    def remove_version(self, number: int) -> None:
        pointed = {(name, one) for (name, _), value in self.labels.items() for one in _pointed(value)}
        free = sorted(set(self.versions) - pointed)
        if len(self.versions) > 1 and free:
            del self.versions[free[number % len(free)]]

    @rule(label=labels, number=which, weight=st.integers(0, 99))
    def move_label(self, label: str, number: int, weight: int) -> None:
        name, version = sorted(self.versions)[number % len(self.versions)]
        others = [one for other, one in sorted(self.versions) if other == name and one != version]
        split = (
            [{"version": version, "weight": 100 - weight}, {"version": others[0], "weight": weight}] if others else []
        )
        self.labels[name, label] = split if weight and split else version

    @rule(number=which)
    def remove_label(self, number: int) -> None:
        if self.labels:
            del self.labels[sorted(self.labels)[number % len(self.labels)]]

    @rule(key=st.sampled_from(("pdf", "csv")), data=st.binary(max_size=3))
    def write_skill(self, key: str, data: bytes) -> None:
        self.skills[key] = {"SKILL.md": b"---\nname: x\n---\n" + data}

    @rule(number=which)
    def remove_skill(self, number: int) -> None:
        if self.skills:
            del self.skills[sorted(self.skills)[number % len(self.skills)]]

    # What people do to the target, beside git.

    @rule(label=labels, number=which)
    def label_moved_by_hand(self, label: str, number: int) -> None:
        there = sorted(address for address in contents(self.backend()) if address.startswith(VERSION))
        if there:
            found = parse_address(there[number % len(there)])
            self.by_hand(put_label(found.part, label, found.name), label_address(found.name, label))

    @rule(name=names, number=st.integers(1, 4), text=texts)
    def version_written_by_hand(self, name: str, number: int, text: str) -> None:
        self.by_hand(put_version(name, f"v{number}", text + "!"), version_address(name, f"v{number}"))

    @rule(data=st.binary(max_size=3))
    def skill_written_by_hand(self, data: bytes) -> None:
        self.by_hand(put_skill("pdf", {"SKILL.md": data}), "skills/pdf")

    @rule(number=which)
    def deleted_by_hand(self, number: int) -> None:
        there = sorted(contents(self.backend()))
        if len(there) > 1:  # a store that reads as empty is not believed: that law has its own test
            address = there[number % len(there)]
            self.by_hand(Write(address, None), address)

    # What the tool does, and what happens to it.

    @rule(prune=st.booleans())
    def synced(self, prune: bool) -> None:  # noqa: FBT001 - drawn
        options, desired = _options(prune=prune), self.desired()
        before = contents(self.backend())
        foretold = plan_target(self.session(self.backend()), desired, options)
        result = sync_target(self.session(self.backend()), desired, options)
        if result.status in ("blocked", "stale"):
            assert contents(self.backend()) == before
            return
        assert result.plan.digest == foretold.plan.digest
        self.left_alone(result, before)
        self.written(result, desired)
        again = FaultyBackend(self.backend())
        assert sync_target(self.session(again), desired, options).status in ("unchanged", "partial")
        assert again.writes == 0

    @rule(number=st.integers(1, 12), prune=st.booleans(), late=st.booleans())
    def killed(self, number: int, prune: bool, late: bool) -> None:  # noqa: FBT001 - drawn
        fault = at_call(number, Crash)
        faulty = FaultyBackend(self.backend(), **{"after" if late else "before": fault})
        with suppress(Crash, BackendError):
            sync_target(self.session(faulty), self.desired(), _options(prune=prune))
        bury(self.backend())

    @rule(numbers=st.sets(st.integers(1, 12), max_size=4), prune=st.booleans(), late=st.booleans())
    def rate_limited(self, numbers: set[int], prune: bool, late: bool) -> None:  # noqa: FBT001 - drawn
        count = 0

        def fault(_: str) -> BaseException | None:
            nonlocal count
            count += 1
            return UnavailableError("slow down", retry_after=1) if count in numbers else None

        faulty = FaultyBackend(self.backend(), **{"after" if late else "before": fault})
        desired, before = self.desired(), contents(self.backend())
        result = sync_target(self.session(faulty), desired, _options(prune=prune))
        if result.status not in ("blocked", "stale"):
            self.left_alone(result, before)
            self.written(result, desired)

    # The laws.

    def left_alone(self, result: Result, before: Mapping[str, bytes]) -> None:
        after = contents(self.backend())
        for action in result.actions:
            if action.state in LEFT_STATES:
                assert after.get(action.object) == before.get(action.object), action
        known = {action.object for action in result.actions}
        for address in before.keys() - known:
            assert after.get(address) == before[address], address

    def written(self, result: Result, desired: Desired) -> None:
        after = contents(self.backend())
        for action in result.actions:
            assert action.outcome in ("done", "skipped"), action
            if action.outcome == "done" and action.object in desired.objects:
                assert after[action.object] == desired.objects[action.object].entry, action
            elif action.outcome == "done":
                assert action.object not in after, action
        if all(action.outcome == "done" for action in result.actions) and result.status != "partial":
            wanted = {address: item.entry for address, item in desired.objects.items()}
            assert wanted.items() <= after.items()

    @invariant()
    def labels_resolve(self) -> None:
        found = contents(self.backend())
        for address, entry in found.items():
            if address.startswith(LABEL):
                name = parse_address(address).name
                assert all(version_address(name, one) in found for one in label_versions(entry)), address

    @invariant()
    def the_trail_holds(self) -> None:
        assert verify(self.backend().events()) is None
        found = dict(self.backend().generations())
        assert all(found.get(name, 0) >= number for name, number in self.generations.items())
        self.generations = found

    # The parts of it.

    def backend(self) -> MemoryBackend:
        return MemoryBackend(self.store, "")

    def session(self, backend: Any) -> Session:
        bury(self.backend())
        destination = Destination("target", "memory", LabelRules(frozenset({"production"}), {}))
        return Session(backend=backend, destination=destination, git=None, actor="tests", timing=QUICK, lock_timeout=0)

    def desired(self) -> Desired:
        return desired_of(Sample(dict(self.versions), dict(self.labels), dict(self.skills)))

    def by_hand(self, write: Write, address: str) -> None:
        backend = self.backend()
        bury(backend)
        seen = contents(backend).get(address)
        kept = write._replace(seen=seen, marker=None, applied=backend.load().inventory.get(address))
        assert backend.take_lease(SOMEBODY).token == SOMEBODY.token
        (found,) = backend.write([kept], BY_HAND)
        backend.drop_lease(SOMEBODY.token)
        assert found.outcome in (DONE, CHANGED)


def _options(*, prune: bool) -> PlanOptions:
    return PlanOptions(prune=prune, allow=dict.fromkeys(("creates", "labels", "updates", "deletes"), 999))


def _pointed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else [part["version"] for part in value]


TestHistories = Histories.TestCase
TestHistories.settings = settings(
    max_examples=2_000 if SOAK else 60, stateful_step_count=50 if SOAK else 30, deadline=None
)
