"""Many clients at once, servers that ask for patience, clocks that jump (faults 7, 8, 9)."""

from __future__ import annotations

import heapq
import random
from collections import Counter
from email.utils import formatdate
from typing import Any

import pytest
from client_trials import Clock, still_client, trials
from served_prompts import Said, entry, serving

from catalog_tool.client import PromptClient, SourceUnavailableError, Tuning
from catalog_tool.client.budget import Budget
from catalog_tool.client.cadence import RETRY_AFTER_SECONDS, Cadence, retry_after_seconds
from catalog_tool.client.sources.base import Answer, Hear
from catalog_tool.client.wanted import Wanted

NAME = "support/agent"
ENTRY = entry()
INTERVAL = 30


class Counted:
    """A source that notes when it is asked, and is down between two moments."""

    pushes = False
    place = "counted://"

    def __init__(self, clock: Clock, asked: list[float], down: tuple[float, float] = (0, 0)) -> None:
        self._clock, self._asked, self._down = clock, asked, down

    def read(self, wanted: Wanted, validator: str | None, budget: Budget) -> Answer | None:
        del wanted
        budget.spend()
        self._asked.append(self._clock.now)
        if self._down[0] <= self._clock.now < self._down[1]:
            raise SourceUnavailableError("down")
        return None if validator == "same" else Answer("production", "v1", {"v1": ENTRY}, validator="same")

    def listen(self, hear: Hear) -> None: ...

    def forked(self) -> None: ...

    def close(self) -> None: ...


def simulate(seed: int, seconds: float, jitter: float, down: tuple[float, float] = (0, 0)) -> list[float]:
    """When a source is asked by a thousand clients that all start in the same second."""
    chance = random.Random(seed)
    clock, asked = Clock(0), []  # type: tuple[Clock, list[float]]
    tuning = Tuning(jitter=jitter, uniform=chance.uniform)
    clients: list[PromptClient] = []
    agenda: list[tuple[float, int]] = []
    for number in range(1000):
        clock.now = chance.random()
        client = still_client(Counted(clock, asked, down), clock, refresh_seconds=INTERVAL, tuning=tuning)
        client.get(NAME)
        heapq.heappush(agenda, (clock.now + client.tick(), number))
        clients.append(client)
    while agenda[0][0] < seconds:
        clock.now, number = heapq.heappop(agenda)
        heapq.heappush(agenda, (clock.now + max(1e-6, clients[number].tick()), number))
    return asked


def peak_to_mean(asked: list[float], start: float, end: float) -> float:
    """The busiest second against the mean of all, between two moments."""
    within = Counter(int(at) for at in asked if start <= at < end)
    return max(within.values()) / (sum(within.values()) / (end - start))


class TestRow7MassRestart:
    """A thousand clients that start together ask at most three times the mean in any second."""

    @pytest.mark.parametrize("seed", range(trials(50)))
    def test_after_a_restart(self, seed: int) -> None:
        asked = simulate(seed, 4 * INTERVAL, 0.5)
        for start in (1, 1 + INTERVAL, 1 + 2 * INTERVAL):
            assert peak_to_mean(asked, start, start + INTERVAL) <= 3

    @pytest.mark.parametrize("seed", range(trials(50)))
    def test_when_a_server_returns(self, seed: int) -> None:
        back = 5 * INTERVAL
        asked = simulate(seed, back + 2 * INTERVAL, 0.5, down=(INTERVAL, back))
        assert peak_to_mean(asked, back, back + INTERVAL) <= 3
        down_rate = sum(INTERVAL <= at < back for at in asked) / (back - INTERVAL)
        assert down_rate <= 1000 / INTERVAL * 2, "a server that is down is not asked more than one that is up"

    def test_the_jitter_setting_reaches_the_schedule(self) -> None:
        assert peak_to_mean(simulate(1, 2 * INTERVAL, 0.0), 1, 1 + INTERVAL) > 10

    def test_the_interval_is_never_exceeded(self) -> None:
        cadence = Cadence(INTERVAL, 0.5, lambda _, high: high)
        assert cadence.first(pushing=False) <= INTERVAL
        assert cadence.later(pushing=True) <= INTERVAL
        assert cadence.window(2, pushing=False) == INTERVAL + 4


class TestRow8RetryAfter:
    """Every form of the header is honoured or ignored, and five minutes are the most."""

    NOW = 1_800_000_000.0

    @pytest.mark.parametrize(
        ("header", "seconds"),
        [
            (None, None),
            ("7", 7),
            (" 7 ", 7),
            ("0", 0),
            ("-5", 0),
            ("1000000000", RETRY_AFTER_SECONDS),
            ("9" * 500, RETRY_AFTER_SECONDS),
            (formatdate(NOW + 20, usegmt=True), 20),
            (formatdate(NOW - 20, usegmt=True), 0),
            (formatdate(NOW + 10**6, usegmt=True), RETRY_AFTER_SECONDS),
            ("soon", None),
            ("1.5", None),
            ("٣", None),
            ("Fri, 99 Foo 9999 99:99:99 GMT", None),
            ("", None),
        ],
    )
    def test_forms(self, header: str | None, seconds: float | None) -> None:
        assert retry_after_seconds(header, self.NOW) == seconds

    @pytest.mark.parametrize(("header", "least", "most"), [("60", 60, 90), ("1000000000", 300, 330), ("x", 0, 30)])
    def test_the_next_attempt_comes_after_it_and_not_all_at_once(self, header: str, least: float, most: float) -> None:
        pauses = set()
        with serving() as service:
            service.catalog.publish(NAME, "v1", ENTRY)
            service.catalog.move(NAME, "production", "v1")
            for seed in range(5):
                clock = Clock()
                with still_client(service.url, clock, tuning=Tuning(uniform=random.Random(seed).uniform)) as client:
                    client.get(NAME)
                    service.script = lambda _: Said(429, b"{}", {"Retry-After": header})
                    clock.now += INTERVAL
                    client.tick()
                    pauses.add(client.tick())
                    service.script = lambda _: None
        assert all(least <= pause <= most for pause in pauses), pauses
        assert len(pauses) == 5

    def test_a_start_does_not_wait_longer_than_its_deadline(self) -> None:
        with serving() as service:
            service.script = lambda _: Said(503, b"{}", {"Retry-After": "1"})
            with PromptClient(service.url, cache_dir=False, timeout_seconds=0.5) as client:
                with pytest.raises(SourceUnavailableError) as caught:
                    client.get(NAME)
                assert caught.value.retry_after == 1
            assert len(service.requests) == 1


class TestRow9ClockJumps:
    """The wall clock may jump by a day either way: no storm of refreshes, and no freeze."""

    @pytest.mark.parametrize("jump", [86_400, -86_400, 10 * 365 * 86_400])
    def test_refreshes_follow_the_monotonic_clock_alone(self, jump: float) -> None:
        clock, wall, asked = Clock(), Clock(1.8e9), []  # type: tuple[Clock, Clock, list[float]]
        with still_client(Counted(clock, asked), clock, refresh_seconds=INTERVAL, tuning=Tuning(wall=wall)) as client:
            client.get(NAME)
            for second in range(20 * INTERVAL):
                clock.now += 1
                wall.now += 1 + (jump if second % 50 == 0 else 0)
                client.tick()
                assert client.get(NAME).version == "v1"
            assert 20 <= len(asked) <= 41

    def test_a_file_from_the_future_has_age_zero_and_one_from_the_past_its_own(self, tmp_path: Any) -> None:
        clock, wall, asked = Clock(), Clock(1.8e9), []  # type: tuple[Clock, Clock, list[float]]
        with still_client(Counted(clock, asked), clock, cache_dir=tmp_path, tuning=Tuning(wall=wall)) as client:
            client.get(NAME)
        for jump, age in ((86_400.0, 86_400.0), (-86_400.0, 0.0)):
            later = Tuning(wall=Clock(1.8e9 + jump))
            down = Counted(clock, asked, down=(0, float("inf")))
            with still_client(down, clock, cache_dir=tmp_path, tuning=later) as client:
                client.get(NAME)
                assert client.status().age_seconds == pytest.approx(age, abs=1)
