"""Row 20: two syncs of different commits, stopped at every pair of steps; also where the lease runs out meanwhile."""

from __future__ import annotations

import threading
from dataclasses import replace
from itertools import product

import pytest
from scratch import Scratch
from soak import SOAK

from catalog_tool.backends.audit import verify
from catalog_tool.backends.memory import MemoryBackend, MemoryStore
from catalog_tool.errors import BackendError
from catalog_tool.model.target import LEASE_SECONDS
from catalog_tool.source.git import Git
from catalog_tool.sync.apply import sync_target
from catalog_tool.sync.conformance.engine import OPTIONS, QUICK, assert_holds, assert_labels_resolve, session
from catalog_tool.sync.conformance.faults import FaultyBackend
from catalog_tool.sync.conformance.samples import FIRST, SECOND, desired_of

MOST_STEPS = 40
OLD, NEW = "old", "new"
STOPPED = "stopped"


class Commits:
    """A repository with an older and a newer commit."""

    def __init__(self, scratch: Scratch) -> None:
        self.git = Git(str(scratch.root))
        scratch.write("x", "1")
        self.old = scratch.commit()
        scratch.write("x", "2")
        self.new = scratch.commit()


class Stepping:
    """One sync in a thread of its own, which stands still before its ``stop``-th call until it is let go."""

    def __init__(self, store: MemoryStore, clock: list[float], commits: Commits, which: str, stop: int) -> None:
        self._backend = FaultyBackend(MemoryBackend(store, clock=lambda: clock[0]), before=self._step)
        self._clock, self._commits, self._which, self._stop = clock, commits, which, stop
        self._calls = 0
        self._stands, self._go = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.was_stopped = False
        self.status = ""

    def _step(self, _: str) -> None:
        self._calls += 1
        if self._calls == self._stop:
            self.was_stopped = True
            self._stands.set()
            assert self._go.wait(60)

    def _run(self) -> None:
        sample, commit = (SECOND, self._commits.new) if self._which == NEW else (FIRST, self._commits.old)
        try:
            desired = desired_of(sample, commit=commit)
            timing = QUICK._replace(steady=lambda: self._clock[0])
            ours = replace(session(self._backend, self._commits.git), timing=timing)
            self.status = sync_target(ours, desired, OPTIONS).status
        except BackendError:
            self.status = STOPPED
        finally:
            self._stands.set()

    def start(self) -> None:
        """Run until the stop, or the end."""
        self._thread.start()
        assert self._stands.wait(60)

    def finish(self) -> None:
        """Run to the end."""
        self._go.set()
        self._thread.join(60)
        assert self.status


@pytest.mark.parametrize("first", [OLD, NEW])
@pytest.mark.parametrize("passes", [0, LEASE_SECONDS + 1])
def test_one_wins_the_other_says_so_and_the_older_never(first: str, passes: float, scratch: Scratch) -> None:
    """``passes``: seconds on the store's clock while the first stands still, and again while both do."""
    commits = Commits(scratch)
    second = NEW if first == OLD else OLD
    longest = [0, 0]
    seen = set()
    for i, j in product(range(1, MOST_STEPS), repeat=2):
        if not SOAK and (i + 3 * j) % 7 != 0:
            continue
        store, clock = MemoryStore(), [1_760_000_000.0]
        one = Stepping(store, clock, commits, first, i)
        other = Stepping(store, clock, commits, second, j)
        one.start()
        clock[0] += passes
        other.start()
        clock[0] += passes
        one.finish()
        other.finish()
        longest = [max(longest[0], i * one.was_stopped), max(longest[1], j * other.was_stopped)]
        if not one.was_stopped or not other.was_stopped:
            continue
        found = {first: one.status, second: other.status}
        seen.add((found[OLD], found[NEW]))
        assert found[NEW] in ("done", "unchanged", STOPPED), (i, j, found)
        assert found[OLD] in ("done", "superseded", STOPPED), (i, j, found)
        assert passes or "done" in found.values(), (i, j, found)  # a lease that ran out may stop the one that was first
        assert_last_word(store, clock, commits)
    assert min(longest) > 5
    assert len(seen) > 1


def assert_last_word(store: MemoryStore, clock: list[float], commits: Commits) -> None:
    """Whatever was left, the newer commit completes it, and the older one is refused."""
    clock[0] += LEASE_SECONDS + 1
    backend = MemoryBackend(store, clock=lambda: clock[0])
    assert_labels_resolve(backend)
    newer, older = desired_of(SECOND, commit=commits.new), desired_of(FIRST, commit=commits.old)
    assert sync_target(session(backend, commits.git), newer, OPTIONS).status in ("done", "unchanged")
    assert_holds(backend, SECOND)
    assert sync_target(session(backend, commits.git), older, OPTIONS).status == "superseded"
    assert_holds(backend, SECOND)
    assert verify(backend.events()) is None
