"""How label moves arrive, and that they never go back (faults 16, 17)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from client_trials import Clock, still_client, trials
from served_prompts import Said, Service, entry, serving, until

from catalog_tool.client import OlderAnswerError, PromptClient, StalePromptError, Tuning
from catalog_tool.client.cadence import PUSH_SPREAD_SECONDS

NAME = "support/agent"


@pytest.fixture
def service() -> Iterator[Service]:
    with serving() as found:
        for version in ("v1", "v2"):
            found.catalog.publish(NAME, version, entry(f"{version} {{{{name}}}}", version))
        found.catalog.move(NAME, "production", "v1")
        yield found


def move(service: Service, *, push: bool) -> str:
    """Point the label to the other version; which one."""
    other = "v2" if service.catalog.labels[NAME]["production"] == "v1" else "v1"
    service.catalog.move(NAME, "production", other)
    if push:
        service.tell(NAME)
    return other


def times_of_moves(client: PromptClient, service: Service, number: int, *, push: bool) -> list[float]:
    """How long each move took to arrive."""
    times = []
    for _ in range(number):
        wanted = move(service, push=push)
        started = time.monotonic()
        assert until(lambda wanted=wanted: client.get(NAME).version == wanted)
        times.append(time.monotonic() - started)
    return sorted(times)


class TestRow16Propagation:
    """Two hundred label moves: by polling within the window, by push at once, and by polling when push is cut."""

    def test_by_polling(self, service: Service) -> None:
        service.streams = False
        with PromptClient(service.url, cache_dir=False, refresh_seconds=0.1, timeout_seconds=0.5) as client:
            client.get(NAME)
            times = times_of_moves(client, service, trials(200), push=False)
            status = client.status()
        assert not status.pushing
        assert times[int(len(times) * 0.99)] < 0.1 + 0.15
        assert status.window_seconds == pytest.approx(0.1 + 2 * 0.5)

    def test_by_push(self, service: Service) -> None:
        with PromptClient(service.url, cache_dir=False, refresh_seconds=0, timeout_seconds=0.5) as client:
            client.get(NAME)
            assert until(lambda: client.status().pushing)
            time.sleep(PUSH_SPREAD_SECONDS + 0.1)
            before = len(service.requests)
            times = times_of_moves(client, service, trials(200), push=True)
            assert client.status().window_seconds == pytest.approx(PUSH_SPREAD_SECONDS + 1)
            assert len(service.requests) - before <= trials(200) + 2, "push only: nothing is polled"
        assert times[int(len(times) * 0.99)] < PUSH_SPREAD_SECONDS + 0.3

    @pytest.mark.parametrize("generation", [0, 2])
    def test_news_of_a_bundle_or_of_a_store_made_anew_are_heard(self, generation: int, service: Service) -> None:
        """A bundle counts no generations, a new store from its own start: both may tell of a lower one."""
        service.catalog.generations[NAME] = generation and 7
        with PromptClient(service.url, cache_dir=False, refresh_seconds=0, timeout_seconds=0.5) as client:
            client.get(NAME)
            assert until(lambda: client.status().pushing and client.counters()["fetches"] == 2)
            service.catalog.generations[NAME] = generation - 1
            service.catalog.store_id = "store-2"
            wanted = move(service, push=True)
            assert until(lambda: client.get(NAME).version == wanted)
            assert client.counters()["older_answers"] == 0

    def test_a_line_on_which_nothing_comes_makes_nothing_stale(self, service: Service) -> None:
        clock = Clock()
        with PromptClient(
            service.url, cache_dir=False, refresh_seconds=0, timeout_seconds=0.5, tuning=Tuning(clock=clock)
        ) as client:
            client.get(NAME)
            assert until(lambda: client.status().pushing)
            clock.now += 3600
            assert until(lambda: client.counters()["fetches"] == 2), "what it may have missed before it was open"
            clock.now += 3600
            assert client.get(NAME).version == "v1"
            status = client.status()
            assert (status.stale, status.window_seconds) == (False, PUSH_SPREAD_SECONDS + 1)
            service.streams = False
            service.cut_streams()
            assert until(lambda: client.status().stale), "nobody tells any more, and it was not asked for yet"

    @pytest.mark.parametrize("pushing", [True, False])
    def test_what_may_not_grow_old_is_confirmed_in_time(self, pushing: bool, service: Service) -> None:  # noqa: FBT001
        clock = Clock()
        with still_client(service.url, clock, refresh_seconds=0, max_stale_seconds=6) as client:
            client.get(NAME)
            if pushing:
                client._keeper.heard(None, None)
            for _ in range(60):
                clock.now += 0.5
                client.tick()
                assert client.get(NAME).version == "v1"
                assert not client.status().stale
            assert len(service.requests) <= 2 + 60 * 0.5 / 1.5
            service.script = lambda _: Said(503)
            clock.now += 6.5
            client.tick()
            with pytest.raises(StalePromptError):
                client.get(NAME)

    def test_when_the_stream_is_cut_it_is_polled_and_caught_up(self, service: Service) -> None:
        with PromptClient(service.url, cache_dir=False, refresh_seconds=0.1, timeout_seconds=0.5) as client:
            client.get(NAME)
            assert until(lambda: client.status().pushing)
            service.streams = False
            service.cut_streams()
            assert until(lambda: not client.status().pushing)
            times = times_of_moves(client, service, trials(100), push=False)
            assert client.counters()["push_cuts"] == 1
            assert times[int(len(times) * 0.99)] < 0.1 + 0.15

    def test_a_cut_stream_comes_back_and_what_was_missed_is_asked_for(self, service: Service) -> None:
        with PromptClient(service.url, cache_dir=False, refresh_seconds=0, timeout_seconds=0.5) as client:
            client.get(NAME)
            assert until(lambda: client.status().pushing)
            service.cut_streams()
            assert until(lambda: client.counters()["push_cuts"] == 1)
            wanted = move(service, push=False)
            assert until(lambda: client.get(NAME).version == wanted, 8)

    def test_the_stale_flag_shows_when_the_source_is_silent(self, service: Service) -> None:
        clock = Clock()
        with still_client(service.url, clock, refresh_seconds=30, timeout_seconds=2) as client:
            client.get(NAME)
            clock.now += 33
            assert not client.status().stale
            clock.now += 2
            assert client.status().stale
            client.tick()
            assert not client.status().stale


class TestRow17RollbackOrder:
    """A lagging replica's older generation is never taken, not even after a restart."""

    def test_an_older_generation_is_refused(self, service: Service) -> None:
        clock = Clock()
        for _ in range(trials(100)):
            service.catalog.generations[NAME] = 7
            service.catalog.labels[NAME]["production"] = "v2"
            with still_client(service.url, clock) as client:
                assert client.get(NAME).generation == 7
                service.catalog.generations[NAME] = 6
                service.catalog.labels[NAME]["production"] = "v1"
                clock.now += 100
                client.tick()
                assert client.get(NAME).version == "v2"
                assert client.counters()["older_answers"] == 1
                with pytest.raises(OlderAnswerError):
                    client.get(NAME, ["tenant", "production"])
                service.catalog.generations[NAME] = 8
                clock.now += 100
                client.tick()
                assert (client.get(NAME).version, client.get(NAME).generation) == ("v1", 8)

    def test_what_is_on_disk_counts_as_seen(self, service: Service, tmp_path: Path) -> None:
        service.catalog.generations[NAME] = 7
        with still_client(service.url, Clock(), cache_dir=tmp_path) as client:
            client.get(NAME)
        service.catalog.generations[NAME] = 6
        service.catalog.labels[NAME]["production"] = "v2"
        service.delay = 0.2
        with PromptClient(service.url, cache_dir=tmp_path) as client:
            assert client.get(NAME).version == "v1"
            assert until(lambda: client.counters()["older_answers"] == 1)
            assert client.get(NAME).version == "v1"

    def test_another_store_counts_from_its_own_start(self, service: Service) -> None:
        clock = Clock()
        with still_client(service.url, clock) as client:
            service.catalog.generations[NAME] = 7
            client.get(NAME)
            clock.now += 100
            client.tick()
            service.catalog.store_id = "store-2"
            service.catalog.generations[NAME] = 1
            service.catalog.labels[NAME]["production"] = "v2"
            clock.now += 100
            client.tick()
            assert (client.get(NAME).version, client.get(NAME).generation) == ("v2", 1)

    def test_a_replica_that_does_not_show_the_news_yet_is_asked_again_soon(self, service: Service) -> None:
        with PromptClient(service.url, cache_dir=False, refresh_seconds=20) as client:
            client.get(NAME)
            assert until(lambda: client.status().pushing)
            time.sleep(PUSH_SPREAD_SECONDS + 0.1)
            before = len(service.requests)
            service.tell(NAME, service.catalog.generations[NAME] + 1)
            assert until(lambda: len(service.requests) > before)
            wanted = move(service, push=False)
            assert until(lambda: client.get(NAME).version == wanted)
