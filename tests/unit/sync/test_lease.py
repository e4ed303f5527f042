"""Who holds a target's lease, and when it is taken over."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace

import pytest

from catalog_tool.backends.memory import MemoryBackend, MemoryStore
from catalog_tool.errors import BackendError, LeaseLostError
from catalog_tool.model.target import LEASE_SECONDS, RENEW_SECONDS, Lease, Live
from catalog_tool.sync.apply import sync_target
from catalog_tool.sync.conformance.engine import OPTIONS, assert_holds, session
from catalog_tool.sync.conformance.samples import FIRST, SECOND, desired_of
from catalog_tool.sync.lease import NO_CLOCKS_SECONDS, holding
from catalog_tool.sync.session import Session
from catalog_tool.sync.timing import Timing

OTHER = Lease("other", "somebody", "elsewhere", 1, 1)
START = 1_760_000_000.0


class Waiting:
    """A clock that only waiting moves, and a store whose own clock is ``apart`` seconds ahead."""

    def __init__(self, apart: float = 0.0) -> None:
        self.seconds = 0.0
        self.store = MemoryStore()
        self._apart = apart
        self.timing = Timing(
            now=lambda: START + self.seconds, steady=lambda: self.seconds, sleep=self._sleep, jitter=lambda: 0.0
        )
        self.renewing = False

    def backend(self) -> MemoryBackend:
        return MemoryBackend(self.store, clock=lambda: START + self._apart + self.seconds)

    def _sleep(self, seconds: float) -> None:
        before, self.seconds = self.seconds, self.seconds + seconds
        if self.renewing and self.seconds // RENEW_SECONDS > before // RENEW_SECONDS:
            assert self.backend().take_lease(OTHER).token == OTHER.token


@pytest.mark.parametrize("apart", [0.0, 3600.0, -3600.0, NO_CLOCKS_SECONDS - 1])
def test_a_holder_that_renews_is_never_taken_over_whatever_its_clock_says(apart: float) -> None:
    waiting = Waiting(apart)
    waiting.backend().take_lease(OTHER)
    waiting.renewing = True
    with (
        pytest.raises(BackendError, match="somebody is syncing") as told,
        holding(waiting.backend(), "us", waiting.timing, 300),
    ):
        pass
    assert waiting.seconds == 300
    assert f"{LEASE_SECONDS} seconds" in told.value.hint


@pytest.mark.parametrize(
    ("ahead", "waited"),
    [(20, 20), (LEASE_SECONDS, 30), (3600, 30), (NO_CLOCKS_SECONDS, 30), (NO_CLOCKS_SECONDS + 60, 0), (9e9, 0)],
)
def test_one_that_nobody_renews_is_over_in_time_whatever_it_claims(ahead: float, waited: float) -> None:
    waiting = Waiting()
    waiting.store.leases[""] = OTHER._replace(expires_at=START + ahead)
    with holding(waiting.backend(), "us", waiting.timing, 60) as lease:
        assert waiting.store.leases[""].token == lease.token
    assert waiting.seconds == waited


class Slow(MemoryBackend):
    """A store whose whole reads take ``seconds`` by the clock of the test; ``meanwhile`` happens in the last."""

    def __init__(self, waiting: Waiting, seconds: float, meanwhile: Callable[[], None] | None = None) -> None:
        super().__init__(waiting.store, clock=lambda: START + waiting.seconds)
        self._waiting = waiting
        self._seconds = seconds
        self._meanwhile = meanwhile
        self.scans = 0

    def scan(self, only: Collection[str] | None = None) -> Iterator[Live]:
        self._waiting.seconds += self._seconds
        self.scans += 1
        if self.scans == LAST_SCAN and self._meanwhile is not None:
            self._meanwhile()
        yield from super().scan(only)


LAST_SCAN = 3
"""A sync reads before the lease, under it, and to see what came of it."""


def slow_session(waiting: Waiting, backend: MemoryBackend) -> Session:
    return replace(session(backend), timing=waiting.timing, lock_timeout=60)


def test_reading_may_take_longer_than_a_lease_holds() -> None:
    waiting = Waiting()
    backend = Slow(waiting, 2 * LEASE_SECONDS)
    assert sync_target(slow_session(waiting, backend), desired_of(FIRST), OPTIONS).status == "done"
    assert backend.scans == LAST_SCAN
    assert backend.load().control.journal is None


def test_but_not_if_another_sync_ran_meanwhile() -> None:
    waiting = Waiting()
    other = MemoryBackend(waiting.store, clock=lambda: START + waiting.seconds)

    def newer() -> None:
        sample = desired_of(SECOND, commit="f" * 40)
        assert sync_target(slow_session(waiting, other), sample, OPTIONS).status == "done"

    with pytest.raises(LeaseLostError, match="another sync ran"):
        sync_target(slow_session(waiting, Slow(waiting, 2 * LEASE_SECONDS, newer)), desired_of(FIRST), OPTIONS)
    assert (last := other.load().control.last) is not None
    assert last.commit == "f" * 40
    assert_holds(other, SECOND)


class _Interrupted(MemoryBackend):
    """Ctrl-C comes when the store has given the lease, and before its answer was read."""

    def take_lease(self, lease: Lease, *, instead_of: str | None = None) -> Lease:
        super().take_lease(lease, instead_of=instead_of)
        raise KeyboardInterrupt


def test_a_lease_is_given_back_by_whoever_is_interrupted_while_taking_it() -> None:
    store = MemoryStore()
    with pytest.raises(KeyboardInterrupt), holding(_Interrupted(store), "us", Timing(), 60):
        pass
    assert MemoryBackend(store).load().lease is None
