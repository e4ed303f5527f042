"""What a store and the engine owe their users together: convergence, order, and nobody else's things left alone."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from catalog_tool.backends.base import Backend
from catalog_tool.backends.fitness import fitness
from catalog_tool.backends.stored import label_versions
from catalog_tool.errors import BackendError, UnavailableError
from catalog_tool.model.addresses import LABEL, parse_address, version_address
from catalog_tool.model.target import DONE, LEASE_SECONDS, Lease, Live, Run, Write
from catalog_tool.source.git import Git
from catalog_tool.sync.apply import plan_target, sync_target
from catalog_tool.sync.compare import compare
from catalog_tool.sync.conformance.edits import EDITS, Edit
from catalog_tool.sync.conformance.faults import Crash, FaultyBackend, at_call
from catalog_tool.sync.conformance.samples import FIRST, SECOND, Sample, desired_of, put_label, put_version
from catalog_tool.sync.live import scan_knowing
from catalog_tool.sync.plan import Destination, LabelRules, PlanOptions
from catalog_tool.sync.result import Result
from catalog_tool.sync.session import Session
from catalog_tool.sync.timing import Timing
from catalog_tool.sync.wanted import Desired

Connect = Callable[..., Backend]
EDITOR = Lease("someone", "someone", "elsewhere", 1, 1)
EDIT = Run("someone", "someone", "by hand", 1_760_000_500)
QUICK = Timing(sleep=lambda _: None, jitter=lambda: 0.0)
OPTIONS = PlanOptions(allow={"deletes": 99, "labels": 99, "creates": 99, "updates": 99})


def session(backend: Backend, git: Git | None = None) -> Session:
    """A session that never really waits."""
    rules = LabelRules(frozenset({"production"}), {})
    known = backend.capabilities
    destination = Destination("kit", backend.place(), rules, fitness(known), known.labels_go_with_version)
    return Session(backend=backend, destination=destination, git=git, actor="kit", timing=QUICK, lock_timeout=0)


def wanted(backend: Backend, sample: Sample, commit: str | None = None) -> Desired:
    """A sample, as far as the store can hold it."""
    return desired_of(sample, commit=commit, skills=backend.capabilities.skills)


def sync(backend: Backend, sample: Sample, options: PlanOptions = OPTIONS) -> Result:
    """Sync a sample."""
    return sync_target(session(backend), wanted(backend, sample), options)


def contents(backend: Backend) -> dict[str, bytes]:
    """What is there, by address."""
    return {item.address: item.entry for item in backend.scan()}


def assert_holds(backend: Backend, sample: Sample) -> None:
    """The target holds the sample and nothing else, and a plan has nothing to do."""
    desired = wanted(backend, sample)
    assert contents(backend) == {address: item.entry for address, item in desired.objects.items()}
    assert plan_target(session(backend), desired, OPTIONS).status == "unchanged"


def assert_labels_resolve(backend: Backend) -> None:
    """Every label points to versions that are there."""
    found = contents(backend)
    for address, entry in found.items():
        if address.startswith(LABEL):
            name = parse_address(address).name
            for version in label_versions(entry):
                assert version_address(name, version) in found, (address, version)


def bury(backend: Backend) -> None:
    """Take away the lease of a process that is dead."""
    held = backend.load().lease
    if held is not None:
        assert backend.take_lease(EDITOR, instead_of=held.token).token == EDITOR.token
        backend.drop_lease(EDITOR.token)


def edit(backend: Backend, *writes: Write) -> None:
    """Change objects behind the engine's back: no marker, no inventory of ours."""
    bury(backend)
    assert backend.take_lease(EDITOR).token == EDITOR.token
    inventory = backend.load().inventory
    kept = [write._replace(applied=inventory.get(write.address)) for write in writes]
    outcomes = backend.write(kept, EDIT)
    assert [found.outcome for found in outcomes] == [DONE] * len(writes), outcomes
    backend.drop_lease(EDITOR.token)


def assert_no_lease_lasts(backend: Backend) -> None:
    """A sync takes over the lease that somebody who is not there holds, without waiting for its end."""
    waited = _Waited()
    waiting = replace(session(backend), timing=waited.timing(), lock_timeout=60)
    assert sync_target(waiting, wanted(backend, FIRST), OPTIONS).status == "done"
    assert waited.seconds == 0


class EngineConformance:
    """The engine on this store.

    ``stride`` tries only every so many-th crash, intrusion and edit, ``reads`` is how many clean reads are made:
    for a store whose server is slow, where the full numbers are for a run of their own.
    """

    stride = 1
    reads = 100

    def test_apply_then_plan_is_empty_and_a_second_apply_writes_nothing(self, connect: Connect) -> None:
        backend = connect()
        for sample in (FIRST, SECOND):
            result = sync(backend, sample)
            assert (result.status, {action.outcome for action in result.actions}) == ("done", {"done"})
            assert_holds(backend, sample)
            again = FaultyBackend(backend)
            assert sync(again, sample).status == "unchanged"
            assert again.writes == 0

    def test_a_crash_at_every_call_converges(self, connect: Connect) -> None:
        number, where = 1, "before"
        backend = connect()
        sync(backend, FIRST)
        samples = [SECOND, FIRST]
        while True:
            sample = samples[0]
            fault = at_call(number, Crash)
            faulty = FaultyBackend(backend, **{where: fault})
            try:
                sync(faulty, sample, PlanOptions(prune=True, allow=OPTIONS.allow))
            except Crash:
                crashed = True
            else:
                crashed = False
            bury(backend)
            assert_labels_resolve(backend)
            result = sync(backend, sample, PlanOptions(prune=True, allow=OPTIONS.allow))
            kept = {action.object for action in result.actions if action.outcome == "skipped"}
            assert result.status in ("done", "unchanged") or (kept and not backend.capabilities.label_delete), result
            if backend.capabilities.label_delete and backend.capabilities.version_delete:
                assert_holds(backend, sample)
            samples.reverse()
            if not crashed and where == "after":
                break
            number, where = (number + self.stride, where) if crashed else (1, "after")

    def test_lost_answers_give_exactly_the_wanted_set(self, connect: Connect) -> None:
        backend = connect()
        for sample in (FIRST, SECOND):
            assert sync(FaultyBackend(backend, after=_every_other_write()), sample).status == "done"
            bury(backend)
            assert_holds(backend, sample)

    def test_a_lease_that_nobody_renews_is_taken_over_whatever_it_says(self, connect: Connect) -> None:
        for number, claimed in enumerate((None, 253_402_300_799.0)):
            prefix = f"l{number}-"
            assert connect(prefix=prefix).take_lease(EDITOR).token == EDITOR.token
            backend, waited = _Claiming(connect(prefix=prefix), claimed), _Waited()
            waiting = replace(session(backend), timing=waited.timing(), lock_timeout=60)
            assert sync_target(waiting, wanted(backend, FIRST), OPTIONS).status == "done"
            assert (waited.seconds >= LEASE_SECONDS) == (claimed is None)
            assert_holds(connect(prefix=prefix), FIRST)

    def test_two_syncs_at_once_and_the_older_commit_never_wins(self, connect: Connect) -> None:
        with TemporaryDirectory() as folder:
            commits = _two_commits(Path(folder))
            for newer_intrudes in (True, False):
                for number in range(1, 30, self.stride):
                    race = _Race(connect, commits, prefix=f"n{number}-{newer_intrudes:d}-")
                    if not race.run(number, newer_intrudes=newer_intrudes):
                        break
                else:
                    raise AssertionError("the sync never ended")

    def test_what_is_not_ours_is_left_alone(self, connect: Connect) -> None:
        backend = connect()
        mine = put_version("other/thing", text="somebody's")._replace(marker=None)
        taken = put_version("review", "v1", "somebody was first")._replace(marker=None)
        edit(backend, mine, taken)
        result = sync(backend, FIRST)
        assert result.status == "partial"
        found = contents(backend)
        assert found[mine.address] == mine.entry
        assert found[taken.address] == taken.entry
        states = {action.object: action.state.value for action in result.actions if action.outcome == "skipped"}
        assert states[taken.address] == "collision"
        assert put_label("v1", name="review").address not in found

    def test_a_read_that_fails_or_is_empty_never_deletes(self, connect: Connect) -> None:
        backend = connect()
        sync(backend, FIRST)
        before = contents(backend)
        prune = PlanOptions(prune=True, allow=OPTIONS.allow)
        smaller = FIRST._replace(labels={})
        failing = FaultyBackend(backend, after=lambda name: UnavailableError("cut off") if name == "scan" else None)
        for broken in (failing, _Blind(backend)):
            try:
                sync(broken, smaller, prune)
            except BackendError:
                assert contents(backend) == before
            else:
                raise AssertionError("a read that failed was believed")

    def test_a_hundred_clean_reads_show_no_drift(self, connect: Connect) -> None:
        backend = connect()
        sync(backend, SECOND)
        desired = wanted(backend, SECOND)
        for number in range(self.reads):
            scan = scan_knowing(backend, desired) if number % 2 else backend.scan()
            found = compare(desired, backend.load(), scan, metadata=backend.capabilities.metadata)
            assert found.observed == []

    def test_every_kind_of_drift_is_named(self, connect: Connect) -> None:
        for number, (name, change) in list(enumerate(EDITS.items()))[:: self.stride]:
            backend = connect(prefix=f"e{number}-")
            if change.needs_skills and not backend.capabilities.skills:
                continue
            sync(backend, FIRST)
            before = contents(backend)
            try:
                edit(backend, *change.writes(before))
            except AssertionError:
                continue  # the store refuses such an edit: so much the better
            desired = wanted(backend, FIRST)
            # A store that knows what it wrote need not look whether metadata is still what it was.
            for scan in (backend.scan, partial(scan_knowing, backend, desired))[: 1 if change.is_metadata else 2]:
                found = compare(desired, backend.load(), scan(), metadata=backend.capabilities.metadata)
                states = {item.address: item.state.value for item in found.observed}
                assert states == _expected(change, backend), (name, states)


class _Claiming(FaultyBackend):
    """A store in which somebody wrote another end into the lease."""

    def __init__(self, inner: Backend, claimed: float | None) -> None:
        super().__init__(inner)
        self._claimed = claimed

    def take_lease(self, lease: Lease, *, instead_of: str | None = None) -> Lease:
        """The other's with that end, as long as it is the other's."""
        held = super().take_lease(lease, instead_of=instead_of)
        return held if held.token == lease.token or self._claimed is None else held._replace(expires_at=self._claimed)


class _Waited:
    """A steady clock that only waiting moves."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def timing(self) -> Timing:
        """Time by this clock."""
        return QUICK._replace(steady=lambda: self.seconds, sleep=self._wait)

    def _wait(self, seconds: float) -> None:
        self.seconds += seconds


class _Blind(FaultyBackend):
    """A store that reads as empty."""

    def scan(self, only: Any = None) -> Iterator[Live]:  # noqa: ARG002 - the protocol's
        """Nothing, without an error."""
        return iter(())


def _expected(change: Edit, backend: Backend) -> dict[str, str]:
    capable = backend.capabilities
    if change.is_metadata and not capable.metadata:
        return {}
    return dict(change.expected)


class _Commits(NamedTuple):
    git: Git
    old: str
    new: str


class _Race:
    """One sync, and another of another commit that runs whole in the middle of it."""

    def __init__(self, connect: Connect, commits: _Commits, prefix: str) -> None:
        self._connect: Callable[[], Backend] = lambda: connect(prefix=prefix)
        self._commits = commits

    def _sync(self, backend: Backend, *, newer: bool) -> str:
        commit, sample = (self._commits.new, SECOND) if newer else (self._commits.old, FIRST)
        try:
            return sync_target(session(backend, self._commits.git), wanted(backend, sample, commit), OPTIONS).status
        except BackendError:
            return "waited in vain"

    def run(self, number: int, *, newer_intrudes: bool) -> bool:
        """Intrude before the ``number``-th call; False where the first sync made fewer."""
        intruder: list[str] = []
        faulty = FaultyBackend(
            self._connect(),
            before=_once(number, lambda: intruder.append(self._sync(self._connect(), newer=newer_intrudes))),
        )
        first = self._sync(faulty, newer=not newer_intrudes)
        if not intruder:
            return False
        newer, older = (intruder[0], first) if newer_intrudes else (first, intruder[0])
        assert newer in ("done", "unchanged", "waited in vain")
        assert older in ("done", "superseded", "waited in vain")
        assert "done" in (newer, older)
        last = self._connect()
        assert self._sync(last, newer=True) in ("done", "unchanged")
        assert_holds(last, SECOND)
        assert self._sync(last, newer=False) == "superseded"
        assert_holds(last, SECOND)
        return True


def _once(number: int, act: Callable[[], None]) -> Callable[[str], None]:
    """Do something before the ``number``-th call."""
    count = 0

    def fault(_: str) -> None:
        nonlocal count
        count += 1
        if count == number:
            act()

    return fault


def _every_other_write() -> Callable[[str], BaseException | None]:
    """Lose the answer of every other call that writes."""
    count = 0

    def fault(name: str) -> BaseException | None:
        nonlocal count
        count += name in ("write", "save_control")
        lost = name in ("write", "save_control") and count % 2 == 1
        return UnavailableError("the answer was lost") if lost else None

    return fault


def _two_commits(folder: Path) -> _Commits:
    """A real repository with an older and a newer commit."""

    def git(*arguments: str) -> str:
        options = ("-c", "user.name=kit", "-c", "user.email=kit@example.org", "-c", "commit.gpgsign=false")
        done = subprocess.run(  # noqa: S603 - a fixed program
            ["git", *options, *arguments],  # noqa: S607 - the one on PATH
            cwd=folder, check=True, capture_output=True, text=True,
        )  # fmt: skip
        return done.stdout.strip()

    git("init", "-q")
    commits = []
    for number in range(2):
        git("commit", "-q", "--allow-empty", "--no-verify", "-m", json.dumps(number))
        commits.append(git("rev-parse", "HEAD"))
    return _Commits(Git(str(folder)), commits[0], commits[1])
