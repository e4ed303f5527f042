"""A store that shows its writes late: sync waits within its budget, says so, and never writes anything twice."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator
from dataclasses import replace

import pytest
from client_trials import trials

from catalog_tool.backends.memory import MemoryBackend, MemoryStore
from catalog_tool.model.target import Live
from catalog_tool.sync.apply import sync_target
from catalog_tool.sync.conformance.engine import OPTIONS, assert_holds, session, wanted
from catalog_tool.sync.conformance.faults import FaultyBackend
from catalog_tool.sync.conformance.samples import FIRST, SECOND
from catalog_tool.sync.timing import Timing
from catalog_tool.sync.verify import BUDGET_SECONDS


class Clock:
    """Seconds that pass only in sleep."""

    def __init__(self) -> None:
        self.now = 1_760_000_000.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def timing(self) -> Timing:
        return Timing(now=lambda: self.now, steady=lambda: self.now, sleep=self.sleep, jitter=lambda: 0.5)


class LateBackend(FaultyBackend):
    """Reads show what was there ``delay`` seconds ago, now and then what is there: replicas that differ."""

    def __init__(self, store: MemoryStore, clock: Clock, delay: float, chooser: random.Random | None) -> None:
        super().__init__(MemoryBackend(store, ""))
        self._clock = clock
        self._delay = delay
        self._chooser = chooser
        self._past: list[tuple[float, list[Live]]] = []
        self.snapshot()

    def snapshot(self) -> None:
        """Keep what is there now."""
        self._past.append((self._clock.now, list(self._inner.scan())))

    def scan(self, only: Collection[str] | None = None) -> Iterator[Live]:
        """What a lagging replica has."""
        self.snapshot()
        delay = self._delay if self._chooser is None or self._chooser.random() < 0.5 else 0.0
        seen = [found for at, found in self._past if at <= self._clock.now - delay] or [self._past[0][1]]
        yield from (item for item in seen[-1] if only is None or item.address in only)


def written(backend: LateBackend, clock: Clock) -> tuple[str, set[str]]:
    """Sync the second sample over the first; the status and all outcomes."""
    work = replace(session(backend), timing=clock.timing())
    result = sync_target(work, wanted(backend, SECOND), OPTIONS)
    return result.status, {action.outcome for action in result.actions}


@pytest.mark.parametrize("flapping", [False, True])
def test_waits_within_the_budget_and_never_writes_twice(*, flapping: bool) -> None:
    chooser = random.Random(23)
    late = 0
    for _ in range(trials(500)):
        store, clock = MemoryStore(), Clock()
        sync_target(session(MemoryBackend(store, "")), wanted(MemoryBackend(store, ""), FIRST), OPTIONS)
        delay = chooser.uniform(0, 10)
        backend = LateBackend(store, clock, delay, chooser if flapping else None)
        begun = clock.now
        _, outcomes = written(backend, clock)
        assert clock.now - begun <= BUDGET_SECONDS
        assert backend.calls.count("write") == 2  # versions and skills, then labels
        if delay < BUDGET_SECONDS / 2:
            assert outcomes == {"done"}
        assert outcomes <= {"done", "unconfirmed"}
        late += "unconfirmed" in outcomes
        clock.sleep(delay + 1)
        assert_holds(MemoryBackend(store, ""), SECOND)
    assert late or flapping


def test_what_is_unconfirmed_is_said_and_not_made_again() -> None:
    store, clock = MemoryStore(), Clock()
    sync_target(session(MemoryBackend(store, "")), wanted(MemoryBackend(store, ""), FIRST), OPTIONS)
    backend = LateBackend(store, clock, 3600, None)
    status, outcomes = written(backend, clock)
    assert (status, "unconfirmed" in outcomes) == ("partial", True)
    clock.sleep(4000)
    before = backend.calls.count("write")
    assert sync_target(session(backend), wanted(backend, SECOND), OPTIONS).status == "unchanged"
    assert backend.calls.count("write") == before
