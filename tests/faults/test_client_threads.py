"""Forks, herds, hangs and leaks (faults 4, 5, 6, 15)."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from client_trials import SOAK, trials
from served_prompts import Service, entry, serving, until, write_bundle

from catalog_tool.client import PromptClient, Tuning

NAME = "support/agent"
HERE = Path(__file__).parent
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


@pytest.fixture
def service() -> Iterator[Service]:
    with serving() as found:
        for number in range(10):
            name = f"prompt{number}"
            found.catalog.publish(name, "v1", entry(f"Prompt {number} for {{{{name}}}}."))
            found.catalog.move(name, "production", "v1")
        found.catalog.publish(NAME, "v1", entry("One {{name}}"))
        found.catalog.publish(NAME, "v2", entry("Two {{name}}", version="v2"))
        found.catalog.move(NAME, "production", "v1")
        yield found


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
class TestRow4Fork:
    """A child serves at once, refreshes within the window, and ends within two seconds."""

    def run(self, service: Service, kind: str, forks: int) -> str:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", str(HERE / "client_forks.py"), service.url, kind, str(forks)],
            capture_output=True,
            text=True,
            timeout=60 + forks,
            check=False,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @pytest.mark.parametrize("kind", ["idle", "refreshing", "lock held", "cold"])
    def test_children_of_a_fork(self, kind: str, service: Service) -> None:
        assert f"children {trials(125)} fine" in self.run(service, kind, trials(125))


class TestRow5ColdHerd:
    """Fifty threads that want ten prompts of a slow server make ten requests, and wait for one fetch."""

    def test_one_request_for_each_prompt(self, service: Service) -> None:
        service.delay = 0.5
        service.streams = False  # a stream that opens asks once more for what was fetched before it was open
        for _ in range(trials(200) if SOAK else 3):
            service.requests.clear()
            # Without jitter no refresh is due before the trial is over; with it one in a few hundred trials is.
            with PromptClient(service.url, cache_dir=False, timeout_seconds=5, tuning=Tuning(jitter=0)) as client:
                barrier = threading.Barrier(50)

                def get(number: int, client: PromptClient = client, barrier: threading.Barrier = barrier) -> float:
                    barrier.wait()
                    started = time.perf_counter()
                    text = client.get(f"prompt{number % 10}").render(name="Ann")[0]["content"]
                    assert text == f"Prompt {number % 10} for Ann."
                    return time.perf_counter() - started

                with ThreadPoolExecutor(50) as pool:
                    waits = list(pool.map(get, range(50)))
                told = client.counters()
            assert (told["fetches"], told.get("retries", 0)) == (10, 0)
            assert sorted(service.requests) == [f"/v1/prompts/prompt{number}?label=production" for number in range(10)]
            assert max(waits) < 2 * service.delay, sorted(waits)[-5:]


class TestRow6HungRefresh:
    """One prompt whose refresh hangs keeps no other waiting."""

    def test_the_others_refresh_within_the_window(self, service: Service) -> None:
        hung = "prompt0"
        never = threading.Event()
        with PromptClient(service.url, cache_dir=False, refresh_seconds=0.4, timeout_seconds=2) as client:
            for number in range(10):
                client.get(f"prompt{number}")
            service.streams = False
            service.cut_streams()
            service.script = lambda path: never.wait(5) and None if f"/{hung}?" in path else None
            try:
                for trial in range(trials(100)):
                    version = f"v{trial + 2}"
                    for number in range(1, 10):
                        service.catalog.publish(f"prompt{number}", version, entry(f"{version} {{{{name}}}}", version))
                        service.catalog.move(f"prompt{number}", "production", version)
                    moved = time.monotonic()
                    assert until(
                        lambda version=version: all(
                            client.get(f"prompt{number}").version == version for number in range(1, 10)
                        )
                    )
                    assert time.monotonic() - moved < 0.4 + 2 * 0.5
                    assert client.get(hung).version == "v1"
            finally:
                never.set()


class TestRow15Leaks:
    """Clients come and go, gets go on and on, and nothing is left behind."""

    def test_memory_threads_and_files_are_flat_over_many_gets(self, tmp_path: Path) -> None:
        write_bundle(tmp_path / "bundle.json", {NAME: {"production": "v1"}}, {NAME: {"v1": entry()}})
        with PromptClient(f"file://{tmp_path}", cache_dir=False, refresh_seconds=0.05) as client:
            client.get(NAME)
            gc.collect()
            threads = threading.active_count()
            tracemalloc.start()
            try:
                before = tracemalloc.get_traced_memory()[0]
                for _ in range(trials(1_000_000)):
                    client.get(NAME)
                gc.collect()
                grown = tracemalloc.get_traced_memory()[0] - before
            finally:
                tracemalloc.stop()
            assert grown < 1024**2
            assert threading.active_count() <= threads + 1

    def test_a_thousand_clients_leave_nothing(self, service: Service, tmp_path: Path) -> None:
        def one() -> None:
            with PromptClient(service.url, cache_dir=tmp_path) as client:
                client.get(NAME)

        for _ in range(5):
            one()
        gc.collect()
        files = _open_files()
        tracemalloc.start()
        try:
            before = tracemalloc.get_traced_memory()[0]
            for _ in range(trials(1000)):
                one()
            assert until(lambda: not _ours())
            gc.collect()
            grown = tracemalloc.get_traced_memory()[0] - before
        finally:
            tracemalloc.stop()
        assert grown < 1024**2
        # The server of this test has the other ends of the connections, and closes them in its own time.
        assert until(lambda: _open_files() <= files + 2), _open_files() - files

    def test_a_client_that_is_forgotten_ends_its_threads(self, service: Service) -> None:
        forgotten = [PromptClient(service.url, cache_dir=False, refresh_seconds=0.05)]
        forgotten[0].get(NAME)
        assert until(lambda: forgotten[0].status().pushing)
        service.cut_streams()
        forgotten.clear()
        gc.collect()
        assert until(lambda: "catalog-refresh" not in _ours())


def _ours() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("catalog-")]


def _open_files() -> int:
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.is_dir() else 0
