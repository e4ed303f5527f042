"""Prompts that vanish, and the last known good ones on a disk that fails (faults 12, 13, 14)."""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest
from client_trials import SOAK, Clock, closed_port, files_in, still_client, trials
from served_prompts import Service, entry, serving

from catalog_tool.client import ClientError, PromptNotFoundError, StalePromptError, Tuning
from catalog_tool.client.last_good import SLOTS, LastGood
from catalog_tool.client.status import Counters
from catalog_tool.client.wanted import Wanted

NAME = "support/agent"
WANTED = Wanted(NAME, ("production",))


@pytest.fixture
def service() -> Iterator[Service]:
    with serving() as found:
        found.catalog.publish(NAME, "v1", entry())
        found.catalog.move(NAME, "production", "v1")
        yield found


class TestRow12Vanished:
    """A label or prompt that is gone at a refresh: the last good one is kept, and it is said loudly."""

    def test_the_last_good_one_is_served_and_the_status_is_loud(
        self, service: Service, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        clock = Clock()
        with still_client(service.url, clock, cache_dir=tmp_path) as client:
            first = client.get(NAME)
            kept = files_in(tmp_path)
            service.catalog.move(NAME, "production", None)
            for trial in range(trials(50)):
                clock.now += 100
                client.tick()
                assert client.get(NAME) is first
                assert client.counters()["not_found"] == trial + 1
                (shown,) = client.status().prompts
                assert shown.missing
                assert "there is no support/agent@production" in (shown.trouble or "")
            assert files_in(tmp_path) == kept
            assert len(caplog.records) == 1, "said once, not at every refresh"
            service.catalog.move(NAME, "production", "v1")
            clock.now += 100
            client.tick()
            assert not client.status().prompts[0].missing
            assert "is there again" in caplog.text

    def test_it_is_said_after_a_restart_too(
        self, service: Service, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        with still_client(service.url, Clock(), cache_dir=tmp_path) as client:
            first = client.get(NAME)
        service.catalog.move(NAME, "production", None)
        clock = Clock()
        with still_client(service.url, clock, cache_dir=tmp_path) as client:
            for _ in range(4):
                assert client.get(NAME).version_id == first.version_id
                clock.now += 100
                client.tick()
            (said,) = caplog.messages
            assert said.startswith("there is no support/agent@production; the last good one, v1-")
            assert client.status().prompts[0].missing
            service.catalog.move(NAME, "production", "v1")
            clock.now += 100
            client.tick()
            assert caplog.messages[1:] == ["support/agent@production is there again"]

    def test_strict_mode_raises(self, service: Service) -> None:
        clock = Clock()
        with still_client(service.url, clock, tuning=Tuning(on_missing="raise")) as client:
            client.get(NAME)
            service.catalog.move(NAME, "production", None)
            clock.now += 100
            client.tick()
            with pytest.raises(PromptNotFoundError):
                client.get(NAME)
            assert client.get(NAME, fallback="Be kind.").is_fallback

    @pytest.mark.parametrize("on_stale", ["raise", "alarm"])
    def test_what_is_too_old_is_an_error_or_an_alarm(self, on_stale: Any, service: Service) -> None:
        clock = Clock()
        with still_client(service.url, clock, max_stale_seconds=60, tuning=Tuning(on_stale=on_stale)) as client:
            first = client.get(NAME)
            service.catalog.move(NAME, "production", None)
            clock.now += 50
            client.tick()
            assert client.get(NAME) is first
            clock.now += 9.9
            assert client.get(NAME) is first
            clock.now += 0.2
            if on_stale == "alarm":
                assert client.get(NAME) is first
                assert client.counters()["stale_served"] == 1
                return
            with pytest.raises(StalePromptError):
                client.get(NAME)
            assert client.counters()["stale_refused"] == 1
            service.catalog.move(NAME, "production", "v1")
            clock.now += 100
            client.tick()
            assert client.get(NAME).version == "v1"

    def test_a_version_that_was_asked_for_never_grows_old(self, service: Service) -> None:
        clock = Clock()
        with still_client(service.url, clock, max_stale_seconds=60) as client:
            first = client.get(NAME, version="v1")
            clock.now += 10**6
            assert client.tick() > 1000
            assert client.get(NAME, version="v1") is first
        assert len(service.requests) == 1


WRITER = """
import sys
from catalog_tool.client.last_good import LastGood
from catalog_tool.client.status import Counters
from catalog_tool.client.wanted import Wanted
disk = LastGood(sys.argv[1], ("http://a", ""), Counters())
print("ready", flush=True)
number = 0
while True:
    number += 1
    body = b'{"label":"production","value":"v%d","entries":{"v%d":"%b"}}' % (number, number, b"x" * (number % 7 * 9000))
    disk.write(Wanted("support/agent", ("production",)), body, 1.0)
"""


class TestRow13TwoWritersKilled:
    """Two processes write the same file and are killed: it is always whole, and little is left lying about."""

    def test_the_file_is_always_whole(self, tmp_path: Path) -> None:
        chance = random.Random(13)
        kills = 1000 if SOAK else 40
        counters = Counters()
        disk = LastGood(tmp_path, ("http://a", ""), counters)
        processes = [_writer(tmp_path) for _ in range(2)]
        assert all(process.stdout and process.stdout.readline() for process in processes)
        found = 0
        try:
            for number in range(kills):
                victim = processes[number % 2]
                time.sleep(chance.uniform(0, 0.02))
                victim.send_signal(signal.SIGKILL)
                victim.communicate()
                read = disk.read(WANTED)
                found += read is not None
                assert read is None or read[0].entries.keys() == {read[0].value}
                left = [name for name in files_in(tmp_path) if "unfinished" in name]
                assert len(left) <= SLOTS
                processes[number % 2] = _writer(tmp_path)
                process = processes[number % 2]
                assert process.stdout
                assert process.stdout.readline()
        finally:
            for process in processes:
                process.kill()
                process.communicate()
        assert found > kills * 0.9
        assert counters.snapshot()["last_good_refused"] == 0
        disk.write(WANTED, b'{"label":"production","value":"v1","entries":{}}', 1.0)
        assert counters.snapshot()["last_good_failed"] == 0


def _writer(folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


class TestRow14BadDisks:
    """The memory keeps serving whatever the disk does, and a corrupt file is refused by its hash."""

    def test_a_file_with_any_bit_flipped_is_refused(self, service: Service, tmp_path: Path) -> None:
        with still_client(service.url, Clock(), cache_dir=tmp_path) as client:
            client.get(NAME)
        (path,) = (tmp_path / "client").iterdir()
        good = path.read_bytes()
        counters = Counters()
        disk = LastGood(tmp_path, (service.url, ""), counters)
        assert disk.read(WANTED) is not None
        places = range(len(good)) if SOAK else [*range(0, len(good), 11), *range(60, 70)]
        for place in places:
            damaged = bytearray(good)
            damaged[place] ^= 1 << (place % 8)
            path.write_bytes(damaged)
            assert disk.read(WANTED) is None, f"byte {place}"
        for cut in range(0, len(good), 97):
            path.write_bytes(good[:cut])
            assert disk.read(WANTED) is None
        assert counters.snapshot()["last_good_refused"] == len(places) + len(range(0, len(good), 97))
        with (
            closed_port() as address,
            still_client(address, Clock(), cache_dir=tmp_path) as client,
            pytest.raises(ClientError),
        ):
            client.get(NAME)

    def test_a_whole_file_whose_text_is_not_what_its_digest_says_is_refused(
        self, service: Service, tmp_path: Path
    ) -> None:
        one = entry()
        evil = json.dumps({"label": "production", "value": "v1", "entries": {"v1": {**one, "template": "none"}}})
        disk = LastGood(tmp_path, (service.url, ""), Counters())
        disk.write(WANTED, evil.encode(), time.time())
        assert disk.read(WANTED) is not None
        service.script = lambda _: service.answer("/nowhere", None)._replace(status=503)
        with still_client(service.url, Clock(), cache_dir=tmp_path) as client:
            with pytest.raises(ClientError):
                client.get(NAME)
            assert client.counters()["last_good_refused"] == 1

    @pytest.mark.parametrize("trouble", ["a file in the way", "a link that leads nowhere", "no room"])
    def test_the_memory_keeps_serving(self, trouble: str, service: Service, tmp_path: Path) -> None:
        folder = tmp_path / "cache"
        if trouble == "a file in the way":
            folder.write_text("no folder")
        elif trouble == "a link that leads nowhere":
            (folder / "client").mkdir(parents=True)
            for slot in range(SLOTS):
                (folder / "client" / f"unfinished-{slot}").symlink_to(tmp_path / "stolen")
        clock = Clock()
        limit = _file_size_limit(100) if trouble == "no room" else nullcontext()
        with limit, still_client(service.url, clock, cache_dir=folder) as client:
            for _ in range(5):
                assert client.get(NAME).version == "v1"
                service.catalog.publish(NAME, "v1", entry("Other {{name}}"))
                service.catalog.move(NAME, "production", "v1")
                clock.now += 100
                client.tick()
            assert client.counters()["last_good_failed"] == 6
        assert not (tmp_path / "stolen").exists()
        if folder.is_dir():
            assert [name for name in files_in(folder) if name.endswith(".json")] == []

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
    def test_a_folder_that_may_not_be_written(self, service: Service, tmp_path: Path) -> None:
        tmp_path.chmod(0o500)
        with still_client(service.url, Clock(), cache_dir=tmp_path) as client:
            assert client.get(NAME).version == "v1"
            assert client.counters()["last_good_failed"] == 1

    def test_the_files_are_for_the_user_alone(self, service: Service, tmp_path: Path) -> None:
        with still_client(service.url, Clock(), cache_dir=tmp_path) as client:
            client.get(NAME)
        folder = tmp_path / "client"
        assert folder.stat().st_mode & 0o077 == 0
        assert all(path.stat().st_mode & 0o077 == 0 for path in folder.iterdir())

    def test_what_was_deleted_is_written_again(self, service: Service, tmp_path: Path) -> None:
        clock = Clock()
        with still_client(service.url, clock, cache_dir=tmp_path) as client:
            client.get(NAME)
            kept = files_in(tmp_path)
            next((tmp_path / "client").iterdir()).unlink()
            clock.now += 100
            client.tick()
            assert client.counters()["unchanged"] == 1
            assert files_in(tmp_path) == kept


@contextmanager
def _file_size_limit(size: int) -> Iterator[None]:
    """A disk that is full after so many bytes: writing more is an error, as ENOSPC is."""
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
