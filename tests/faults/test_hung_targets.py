"""A target whose server hangs: a look ends as ``unknown``, and a signal ends every command before a SIGKILL would."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import socket
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from freezing_proxy import FreezingProxy
from postgres_server import PostgresServer
from redis_server import RunningRedis
from scratch import COMMAND, SECONDS, Scratch
from tcp_proxy import TcpProxy, end

from catalog_tool.backends.postgres import PostgresDatabase
from catalog_tool.backends.postgres_waiting import SilentError, open_connection
from catalog_tool.backends.redis_server import ANSWER_SECONDS, CONNECT_SECONDS, RedisServer
from catalog_tool.backends.registry import connect
from catalog_tool.cli.stopping import GRACE_SECONDS, UNWINDING_SECONDS, stopping
from catalog_tool.errors import UnavailableError
from catalog_tool.sync.lease import own_lease
from catalog_tool.sync.timing import FIRST_PAUSE_SECONDS, TRIES

pytest_plugins = ["services"]

KILLED_AFTER_SECONDS = 10.0
"""What CI systems leave a job that they cancel."""
PROMPT = "id: greet\nversion: {version}\nmodel: gpt-4o-2024-08-06\nsystem_prompt: Greet {version}.\n"
REDIS, POSTGRES, HTTP = "redis", "postgres", "http"
SET_VERSION = b"HSET\r\n$15\r\ncatalog:version\r\n"
"""What only the step that writes sends."""


def fill(catalog: Scratch, target: str, versions: tuple[str, ...] = ("v1",)) -> None:
    catalog.write("catalog.yaml", f"catalog: acme\ntargets:\n  live: {{{target}}}\n")
    catalog.write_all({f"prompts/greet/{each}.yaml": PROMPT.format(version=each) for each in versions})
    catalog.write("prompts/registry.yaml", f"greet: {{production: {versions[-1]}}}\n")
    catalog.commit()


def on_redis(server: RunningRedis, port: int | None = None, more: str = "timeout: 60") -> str:
    return f"backend: redis, url: '{server.url(server.new_database(), port=port)}', {more}"


@contextlib.contextmanager
def stopped(process: int) -> Iterator[None]:
    """A process that stands still."""
    os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process, signal.SIGCONT)


@contextlib.contextmanager
def begun(catalog: Scratch, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A command under way; it is killed at the end if it is still there."""
    with subprocess.Popen(
        [*COMMAND, *arguments], cwd=catalog.root, env=dict(catalog.command.environment),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.kill()


@contextlib.contextmanager
def alarm_after(seconds: float, handler: Callable[[int, Any], object]) -> Iterator[None]:
    """A signal comes then, unless this is over before."""
    kept = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, kept)


def too_late(_number: int, _frame: object) -> None:
    raise AssertionError("it hangs")


def seconds_since(started: float) -> float:
    return time.monotonic() - started


def test_a_redis_that_hangs_is_unknown_within_the_time_that_was_set(
    scratch: Scratch, redis_server: RunningRedis
) -> None:
    fill(scratch, on_redis(redis_server, more="timeout: 0.2"))
    assert scratch.run("sync", "live").code == 0
    with stopped(int(redis_server.run(0, "INFO", "server")["process_id"])):
        started = time.monotonic()
        found = scratch.run("drift", "live", "--format", "json")
        assert seconds_since(started) < TRIES * (0.2 + 2)
    assert (found.code, found.json()["status"]) == (3, "unknown")
    assert "did not answer in time" in found.err
    assert scratch.run("drift", "live").code == 0


def test_by_default_a_server_that_hangs_is_given_up_in_less_than_a_minute() -> None:
    pauses = sum(FIRST_PAUSE_SECONDS * 2.0**attempt for attempt in range(TRIES - 1))
    assert TRIES * max(ANSWER_SECONDS, CONNECT_SECONDS) + pauses < 30


class SlowProxy(TcpProxy):
    """Takes what a client sends a little at a time; the server's answers pass as they come."""

    def __init__(self, server: tuple[str, int]) -> None:
        super().__init__(server)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)

    def serve(self, client: socket.socket, server: socket.socket) -> None:
        """Until the client is done."""
        self.start(self._answer, server, client)
        while data := client.recv(65_536):
            server.sendall(data)
            threading.Event().wait(0.02)  # what is on trial is that it takes its time
        end(server)

    def _answer(self, server: socket.socket, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(65_536):
                client.sendall(data)


def test_a_redis_that_takes_slowly_what_is_sent_is_waited_for(redis_server: RunningRedis) -> None:
    value = b"x" * 8 * 1024**2
    with SlowProxy(("127.0.0.1", redis_server.port)) as proxy:
        url = redis_server.url(redis_server.new_database(), port=proxy.port)
        with closing(RedisServer(url, silence=0.5)) as server:
            started = time.monotonic()
            assert server.ask(("SET", "large", value), ("STRLEN", "large")) == [b"OK", len(value)]
            assert seconds_since(started) > 1


@pytest.fixture
def silent() -> Iterator[tuple[str, int]]:
    """Where somebody listens and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()


@pytest.fixture(params=[REDIS, POSTGRES, HTTP])
def hanging(request: pytest.FixtureRequest, scratch: Scratch) -> Iterator[FreezingProxy]:
    """A catalog with a target that hangs as soon as it is looked at, behind a proxy that tells when."""
    if request.param == REDIS:
        redis: RunningRedis = request.getfixturevalue("redis_server")
        with FreezingProxy(("127.0.0.1", redis.port), b"MULTI") as proxy:
            fill(scratch, on_redis(redis, proxy.port))
            yield proxy
    elif request.param == POSTGRES:
        postgres: PostgresServer = request.getfixturevalue("postgres_server")
        with postgres.database() as name, FreezingProxy(("127.0.0.1", postgres.port), b"to_regclass") as proxy:
            fill(scratch, f"backend: postgres, url: '{postgres.url(name, host='127.0.0.1', port=proxy.port)}'")
            yield proxy
    else:
        with FreezingProxy(request.getfixturevalue("silent"), b"HTTP/1.1") as proxy:
            fill(scratch, f"backend: http, url: 'http://127.0.0.1:{proxy.port}'")
            yield proxy


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("look", ["drift", "plan", "status", "sync"])
def test_the_first_signal_ends_a_look_at_once(
    scratch: Scratch, hanging: FreezingProxy, look: str, number: signal.Signals
) -> None:
    with begun(scratch, look, "live", "--format", "json") as process:
        assert hanging.asked.wait(SECONDS)
        started = time.monotonic()
        process.send_signal(number)
        out, said = process.communicate(timeout=SECONDS)
        assert seconds_since(started) < GRACE_SECONDS
    assert (process.returncode, out, said.split()) == (130, "", ["interrupted"])


@pytest.fixture
def hanging_step(scratch: Scratch, redis_server: RunningRedis) -> Iterator[FreezingProxy]:
    """A catalog with a target that hangs in the first step that writes."""
    with FreezingProxy(("127.0.0.1", redis_server.port), SET_VERSION) as proxy:
        fill(scratch, on_redis(redis_server, proxy.port))
        yield proxy


def test_a_step_that_hangs_is_interrupted_before_the_job_is_killed(
    scratch: Scratch, hanging_step: FreezingProxy
) -> None:
    with begun(scratch, "sync", "live") as process:
        assert hanging_step.asked.wait(SECONDS)
        started = time.monotonic()
        process.send_signal(signal.SIGTERM)
        out, said = process.communicate(timeout=SECONDS)
        assert GRACE_SECONDS - 0.5 < seconds_since(started) < KILLED_AFTER_SECONDS
    assert (process.returncode, out) == (130, "")
    assert said.splitlines() == ["stopping after this step …", "", "interrupted"]
    hanging_step.frozen.clear()
    assert scratch.run("sync", "live").code == 0
    assert scratch.run("drift", "live").code == 0


def test_a_step_that_hangs_is_interrupted_by_a_second_ctrl_c(scratch: Scratch, hanging_step: FreezingProxy) -> None:
    with begun(scratch, "sync", "live") as process:
        assert hanging_step.asked.wait(SECONDS)
        started = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        assert process.stderr.readline() == "stopping after this step …\n"
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=SECONDS)
        assert seconds_since(started) < GRACE_SECONDS
    assert process.returncode == 130


def test_a_step_that_ends_in_time_is_finished_and_told(scratch: Scratch, redis_server: RunningRedis) -> None:
    with FreezingProxy(("127.0.0.1", redis_server.port), SET_VERSION) as proxy:
        fill(scratch, on_redis(redis_server, proxy.port, more="timeout: 0.5"))
        with begun(scratch, "sync", "live", "--format", "json") as process:
            assert proxy.asked.wait(SECONDS)
            process.send_signal(signal.SIGTERM)
            assert process.stderr is not None
            assert process.stderr.readline() == "stopping after this step …\n"
            proxy.frozen.clear()
            out, _ = process.communicate(timeout=SECONDS)
        assert process.returncode == 130
        outcomes = {action["object"]: action["outcome"] for action in json.loads(out)["actions"]}
        assert outcomes == {"prompts/greet@v1": "done", "labels/greet@production": "dropped"}
        assert scratch.run("sync", "live").code == 0


def test_a_signal_within_a_look_of_a_longer_work_is_meant_for_that() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM)]
    with stopping() as whole:
        with stopping(is_looking=True) as look:
            signal.raise_signal(signal.SIGTERM)
        assert look is whole
        assert whole.is_asked()
        assert 0 < signal.getitimer(signal.ITIMER_REAL)[0] <= GRACE_SECONDS
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM)] == before
    assert GRACE_SECONDS + 3 * UNWINDING_SECONDS < KILLED_AFTER_SECONDS


def parameters(server: PostgresServer, name: str, port: int | None = None) -> dict[str, str]:
    where = {"host": "127.0.0.1", "port": str(port or server.port), "user": "owner", "dbname": name}
    return where | {"connect_timeout": "2"}


def test_a_postgres_that_hangs_within_a_statement_is_given_up(postgres_server: PostgresServer) -> None:
    with postgres_server.database() as name, FreezingProxy(("127.0.0.1", postgres_server.port)) as proxy:
        database = PostgresDatabase(parameters(postgres_server, name, proxy.port), silence=0.2)
        with closing(database):
            assert database.ask("SELECT 1") == [(1,)]
            proxy.frozen.set()
            with pytest.raises(UnavailableError, match="answers nobody else"), alarm_after(10, too_late):
                database.ask("SELECT 1")


def test_a_postgres_that_is_busy_is_waited_for(postgres_server: PostgresServer) -> None:
    with postgres_server.database() as name:
        with closing(PostgresDatabase(parameters(postgres_server, name), silence=0.1)) as database:
            assert database.ask("SELECT 1 FROM pg_sleep(0.7)") == [(1,)]
        with (
            closing(open_connection(parameters(postgres_server, name), 0.1, 0.3)) as connection,
            pytest.raises(SilentError, match="did not answer for"),
            alarm_after(10, too_late),
        ):
            connection.execute("SELECT pg_sleep(60)")
        assert connection.closed


@contextlib.contextmanager
def held(kind: str, path: Path) -> Iterator[None]:
    """Another process writes to the store, and does not end."""
    if kind == "sqlite":
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield
    else:
        with (path / "lock").open("rb+") as other_lock:
            fcntl.flock(other_lock, fcntl.LOCK_EX)
            yield


@pytest.mark.parametrize("kind", ["sqlite", "file"])
def test_who_waits_for_another_process_hears_signals(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "live"
    with closing(connect(kind, {"path": str(path)})) as backend:
        backend.take_lease(own_lease("us"))
        with held(kind, path):
            started = time.monotonic()
            with alarm_after(0.3, signal.default_int_handler), pytest.raises(KeyboardInterrupt):
                backend.take_lease(own_lease("us"))
            assert 0.3 <= seconds_since(started) < 3
        assert backend.load().lease is not None


def test_who_opens_a_database_that_is_another_process_s_alone_hears_signals(tmp_path: Path) -> None:
    path = tmp_path / "live"
    with closing(connect("sqlite", {"path": str(path)})) as backend:
        backend.take_lease(own_lease("us"))
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode=EXCLUSIVE")
        other.execute("UPDATE meta SET value = value")
        started = time.monotonic()
        with (
            closing(connect("sqlite", {"path": str(path)})) as backend,
            alarm_after(0.3, signal.default_int_handler),
            pytest.raises(KeyboardInterrupt),
        ):
            backend.load()
        assert seconds_since(started) < 3
