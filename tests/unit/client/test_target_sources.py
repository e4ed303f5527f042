"""Sources that are targets: a folder, Redis and Postgres, as the backends write them, on real servers."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import psycopg
import pytest
from client_trials import Clock, still_client
from freezing_proxy import FreezingProxy
from postgres_server import PostgresServer
from redis_server import RunningRedis, binary, certificate, running, tls_settings
from served_prompts import until

from catalog_tool.backends.base import Backend
from catalog_tool.backends.file import connect as connect_file
from catalog_tool.backends.file_folder import POINTER
from catalog_tool.backends.postgres import connect as connect_postgres
from catalog_tool.backends.redis import connect as connect_redis
from catalog_tool.backends.sql_postgres import READER_GRANTS
from catalog_tool.client import (
    AccessRefusedError,
    BadAnswerError,
    PromptClient,
    PromptNotFoundError,
    SourceUnavailableError,
)
from catalog_tool.client.budget import Budget
from catalog_tool.client.sources import Options, open_source
from catalog_tool.client.sources.file import TARGET
from catalog_tool.client.wanted import Wanted
from catalog_tool.errors import UnavailableError, UsageError
from catalog_tool.sync.conformance.samples import put_label, put_version
from catalog_tool.sync.conformance.store import LEASE, RUN, done

pytest_plugins = ["services"]

NAME = "support/greet"
SPLIT = [{"version": "v1", "weight": 50}, {"version": "v2", "weight": 50}]


class Target(NamedTuple):
    """A synced target: its backend, the client's address, and a hand that edits it past us."""

    backend: Backend
    address: str
    spoil: Callable[[], Any]
    cut: Callable[[], Any]


@pytest.fixture(params=["file", "redis", "postgresql"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Target]:
    with opened_target(request, request.param, tmp_path) as found:
        yield found


@pytest.fixture(params=["redis", "postgresql"])
def pushing(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Target]:
    with opened_target(request, request.param, tmp_path) as found:
        yield found


@contextmanager
def opened_target(request: pytest.FixtureRequest, kind: str, folder: Path) -> Iterator[Target]:
    found = {"file": of_folder, "redis": of_redis, "postgresql": of_postgres}[kind](request, folder)
    with closing(found.backend):
        found.backend.take_lease(LEASE)
        done(found.backend, put_version(text="One"), put_version(version="v2", text="Two"))
        done(found.backend, put_label("v1"), put_label(SPLIT, "canary"))
        yield found


def of_folder(_: pytest.FixtureRequest, folder: Path) -> Target:
    def spoil() -> None:
        for path in (folder / "t/objects").rglob("*"):
            if path.is_file() and b'"One"' in path.read_bytes():
                path.write_bytes(path.read_bytes().replace(b'"One"', b'"Six"'))

    return Target(connect_file({"path": str(folder / "t")}), f"file://{folder}/t", spoil, lambda: None)


def of_redis(request: pytest.FixtureRequest, _: Path) -> Target:
    server: RunningRedis = request.getfixturevalue("redis_server")
    database = server.new_database()

    def spoil() -> None:
        entry = server.run(database, "HGET", "catalog:version", f"{NAME}@v1")
        server.run(database, "HSET", "catalog:version", f"{NAME}@v1", entry.replace(b'"One"', b'"Six"'))

    url = server.url(database)
    return Target(connect_redis({"url": url}), url, spoil, lambda: server.run(0, "CLIENT", "KILL", "TYPE", "pubsub"))


def of_postgres(request: pytest.FixtureRequest, _: Path) -> Target:
    server: PostgresServer = request.getfixturevalue("postgres_server")
    database = server.new_database()

    def by_hand(sql: str) -> None:
        with psycopg.connect(server.url(database), options="-c search_path=catalog") as connection:
            connection.execute(sql)  # type: ignore[call-overload]

    def spoil() -> None:
        changed = "convert_to(replace(convert_from(entry, 'UTF8'), '\"One\"', '\"Six\"'), 'UTF8')"
        by_hand(f"UPDATE prompt_version SET entry = {changed} WHERE version = 'v1'")

    def cut() -> None:
        by_hand(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
            " AND datname = current_database() AND query LIKE 'LISTEN%' OR query = 'SELECT 1'"
        )

    address = f"postgresql://owner@127.0.0.1:{server.port}/{database}"
    return Target(connect_postgres({"url": server.url(database)}), address, spoil, cut)


def move(target: Target, wanted: str, seen: str) -> None:
    target.backend.take_lease(LEASE)
    done(target.backend, put_label(wanted, seen=seen))


class TestEveryTarget:
    def test_the_right_text_by_label_version_digest_and_key(self, target: Target) -> None:
        with still_client(target.address, Clock()) as client:
            prompt = client.get(NAME)
            assert prompt.render() == [{"role": "system", "content": "One"}]
            assert (prompt.version, prompt.label, prompt.generation) == ("v1", "production", 2)
            assert client.get(NAME, ["tenant_a", "production"]).label == "production"
            second = client.get(NAME, version="v2")
            assert second.render() == [{"role": "system", "content": "Two"}]
            assert client.get(NAME, version=second.digest[:20]).version == "v2"
            assert {client.get(NAME, "canary", key=f"user-{n}").version for n in range(20)} == {"v1", "v2"}
            assert client.get(NAME, "canary").version == "v1"

    def test_what_is_not_there_is_an_answer(self, target: Target) -> None:
        with still_client(target.address, Clock()) as client:
            for name, label, version in (
                ("none", "production", None),
                (NAME, "none", None),
                (NAME, "production", "v9"),
                (NAME, "production", "sha256:" + "0" * 20),
            ):
                with pytest.raises(PromptNotFoundError):
                    client.get(name, label, version=version)

    def test_a_moved_label_is_seen_by_polling_and_generations_grow(self, target: Target) -> None:
        clock = Clock()
        with still_client(target.address, clock) as client:
            first = client.get(NAME)
            move(target, "v2", "v1")
            clock.now += 100
            client.tick()
            second = client.get(NAME)
            assert second.version == "v2"
            assert (first.generation, second.generation) == (2, 3)

    def test_a_wrong_hash_is_kept_out(self, target: Target) -> None:
        clock = Clock()
        with still_client(target.address, clock) as client:
            assert client.get(NAME).version == "v1"
            target.spoil()
            move(target, "v2", "v1")
            move(target, "v1", "v2")
            clock.now += 100
            client.tick()
            assert client.get(NAME).render() == [{"role": "system", "content": "One"}]
            assert client.counters()["bad_answers"] == 1
        with still_client(target.address, Clock()) as client, pytest.raises(BadAnswerError, match="digest"):
            client.get(NAME)

    def test_down_at_a_start_with_what_is_on_disk(self, target: Target, tmp_path: Path) -> None:
        cache = tmp_path / "cache"
        with still_client(target.address, Clock(), cache_dir=cache) as client:
            client.get(NAME)
        down = open_source(target.address, Options())
        with closing_source(down):
            lost = Lost(down)
            with PromptClient(lost, cache_dir=cache, timeout_seconds=1) as client:
                assert client.get(NAME).render() == [{"role": "system", "content": "One"}]
                assert client.status().source == "last_good"


@contextmanager
def closing_source(source: Any) -> Iterator[None]:
    try:
        yield
    finally:
        source.close()


class Lost:
    """The same source as it is when nobody answers there."""

    pushes = False

    def __init__(self, inner: Any) -> None:
        self.place = inner.place

    def read(self, *_: Any) -> None:
        raise SourceUnavailableError("down")

    def listen(self, *_: Any) -> None: ...

    def forked(self) -> None: ...

    def close(self) -> None: ...


class TestFolder:
    def test_a_target_is_told_by_the_name_of_its_pointer(self) -> None:
        assert TARGET == POINTER

    def test_what_did_not_change_is_not_read_again(self, tmp_path: Path, request: pytest.FixtureRequest) -> None:
        with opened_target(request, "file", tmp_path) as target:
            clock = Clock()
            with still_client(target.address, clock) as client:
                client.get(NAME)
                done(target.backend, put_version("other"), put_label("v1", name="other"))
                clock.now += 100
                client.tick()
                assert client.counters()["unchanged"] == 1, "another prompt moved, this one did not"

    def test_a_bundle_may_be_pinned(self, tmp_path: Path, request: pytest.FixtureRequest) -> None:
        with opened_target(request, "file", tmp_path) as target:
            with (
                still_client(target.address, Clock(), bundle_digest="sha256:" + "0" * 64) as client,
                pytest.raises(BadAnswerError, match="is wanted") as told,
            ):
                client.get(NAME)
            found = told.value.message.split("is bundle ")[1][: len("sha256:") + 64]
            with still_client(target.address, Clock(), bundle_digest=found) as client:
                assert client.get(NAME).version == "v1"

    @pytest.mark.parametrize("edit", [lambda _: b"", lambda data: data[:-9], lambda _: b"[]"])
    def test_a_pointer_that_is_none(
        self, tmp_path: Path, request: pytest.FixtureRequest, edit: Callable[[bytes], bytes]
    ) -> None:
        with opened_target(request, "file", tmp_path) as target:
            pointer = tmp_path / "t/current.json"
            whole = pointer.read_bytes()
            pointer.write_bytes(edit(whole))
            with still_client(target.address, Clock()) as client, pytest.raises(BadAnswerError):
                client.get(NAME)
            pointer.write_bytes(whole)


class TestPush:
    """A move is heard at once; where the stream is cut, polling finds it."""

    def test_a_move_is_heard_within_a_second(self, pushing: Target) -> None:
        with PromptClient(pushing.address, cache_dir=False, refresh_seconds=0) as client:
            assert client.get(NAME).version == "v1"
            assert until(lambda: client.status().pushing)
            times, now = [], "v1"
            for _ in range(6):
                wanted = "v2" if now == "v1" else "v1"
                move(pushing, wanted, now)
                started = time.monotonic()
                assert until(lambda wanted=wanted: client.get(NAME).version == wanted)
                times.append(time.monotonic() - started)
                now = wanted
            assert max(times) < 1
            assert client.counters()["push_news"] >= 6

    def test_a_cut_stream_is_polled_for_and_comes_back(self, pushing: Target) -> None:
        with PromptClient(pushing.address, cache_dir=False, refresh_seconds=0.2) as client:
            client.get(NAME)
            assert until(lambda: client.status().pushing)
            pushing.cut()
            assert until(lambda: client.counters()["push_cuts"] == 1)
            move(pushing, "v2", "v1")
            assert until(lambda: client.get(NAME).version == "v2")
            assert until(lambda: client.status().pushing, 15)

    def test_closing_ends_the_stream_at_once(self, pushing: Target) -> None:
        client = PromptClient(pushing.address, cache_dir=False, refresh_seconds=0)
        client.get(NAME)
        assert until(lambda: client.status().pushing)
        started = time.monotonic()
        client.close()
        assert time.monotonic() - started < 1
        assert until(lambda: not [found for found in threading.enumerate() if found.name == "catalog-listen"])

    def test_a_child_process_serves_and_leaves_the_parents_connections_alone(self, pushing: Target) -> None:
        with still_client(pushing.address, Clock()) as client:
            client.get(NAME)
            pid = os.fork()
            if pid == 0:
                code = 1
                try:
                    code = 0 if client.get(NAME, version="v2").version == "v2" else 2
                finally:
                    os._exit(code)
            assert os.waitpid(pid, 0)[1] == 0
            assert client.get(NAME, "canary").version == "v1"
            assert client.counters()["failures"] == 0


class TestTrouble:
    @pytest.mark.parametrize("scheme", ["redis", "postgresql"])
    def test_no_server_and_one_that_says_nothing(self, scheme: str) -> None:
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            nobody = f"{scheme}://ada:kennwort@127.0.0.1:{silent.getsockname()[1]}/1"
            with still_client(nobody, Clock(), timeout_seconds=0.5) as client:
                with pytest.raises(SourceUnavailableError) as told:
                    client.get(NAME)
                assert "kennwort" not in f"{told.value.message}{told.value.hint}{client.status()}"
            silent.listen()
            with PromptClient(nobody, cache_dir=False, timeout_seconds=0.3) as client:
                started = time.monotonic()
                with pytest.raises(SourceUnavailableError):
                    client.get(NAME)
                assert time.monotonic() - started < 1

    @pytest.mark.parametrize("kind", ["redis", "postgresql"])
    def test_a_server_that_hangs_holds_nobody_up(
        self, kind: str, request: pytest.FixtureRequest, tmp_path: Path
    ) -> None:
        """On a kept connection and on a new one: each read ends at its deadline, and the next one is well again."""
        with opened_target(request, kind, tmp_path) as target:
            found = urlsplit(target.address)
            with FreezingProxy(("127.0.0.1", found.port or 0)) as proxy:
                source = open_source(target.address.replace(f":{found.port}/", f":{proxy.port}/"), Options())
                with closing_source(source):
                    wanted = Wanted(NAME, ("production",))
                    assert source.read(wanted, None, Budget(time.monotonic, 5, 1)) is not None
                    proxy.frozen.set()
                    started = time.monotonic()
                    with pytest.raises(SourceUnavailableError):
                        source.read(wanted, None, Budget(time.monotonic, 0.3, 1))
                    assert time.monotonic() - started < 1.5
                    proxy.frozen.clear()
                    assert source.read(wanted, None, Budget(time.monotonic, 5, 1)) is not None

    @pytest.mark.parametrize("kind", ["redis", "postgresql"])
    def test_a_stream_whose_server_hangs_is_noticed(
        self, kind: str, request: pytest.FixtureRequest, tmp_path: Path
    ) -> None:
        """A quiet line is asked whether it is still there; one that does not answer counts as cut."""
        with opened_target(request, kind, tmp_path) as target:
            found = urlsplit(target.address)
            with FreezingProxy(("127.0.0.1", found.port or 0)) as proxy:
                source: Any = open_source(target.address.replace(f":{found.port}/", f":{proxy.port}/"), Options())
                source.quiet_seconds = 0.1
                heard: list[tuple[str | None, int | None]] = []
                thread = threading.Thread(target=lambda: _listen(source, heard))
                thread.start()
                assert until(lambda: proxy.questions > 4), "asked now and then"
                assert thread.is_alive()
                move(target, "v2", "v1")
                assert until(lambda: heard == [(None, None), (NAME, 3)])
                proxy.frozen.set()
                thread.join(6)
                assert not thread.is_alive()
                source.close()

    def test_a_redis_that_drips_is_given_up_at_the_deadline(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:

            def drip() -> None:
                found, _ = server.accept()
                with found:
                    try:
                        while True:
                            found.sendall(b"+")
                            time.sleep(0.02)
                    except OSError:
                        return

            thread = threading.Thread(target=drip)
            thread.start()
            started = time.monotonic()
            hasty = PromptClient(f"redis://127.0.0.1:{server.getsockname()[1]}/0", cache_dir=False, timeout_seconds=0.3)
            with hasty as client, pytest.raises(SourceUnavailableError):
                client.get(NAME)
            assert time.monotonic() - started < 1
            thread.join(5)

    @pytest.mark.parametrize(
        "said",
        [
            b"HTTP/1.1 400 Bad Request\r\n\r\n",
            b"$99999999999\r\n",
            b"*9999999\r\n",
            b"*1\r\n" * 20,
            b"x" * 40_000,
            b":x\r\n",
        ],
    )
    def test_what_is_no_redis_is_refused(self, said: bytes) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:

            def answer() -> None:
                for _ in range(3):
                    found, _ = server.accept()
                    with found:
                        found.recv(4096)
                        found.sendall(said)

            threading.Thread(target=answer, daemon=True).start()
            address = f"redis://127.0.0.1:{server.getsockname()[1]}"
            with still_client(address, Clock()) as client, pytest.raises(BadAnswerError):
                client.get(NAME)

    def test_a_redis_without_a_target(self, redis_server: RunningRedis) -> None:
        address = redis_server.url(redis_server.new_database())
        with still_client(address, Clock()) as client, pytest.raises(BadAnswerError, match="no target"):
            client.get(NAME)

    def test_a_postgres_without_a_target(self, postgres_server: PostgresServer) -> None:
        address = f"postgresql://owner@127.0.0.1:{postgres_server.port}/{postgres_server.new_database()}"
        with still_client(address, Clock()) as client, pytest.raises(BadAnswerError, match="no target"):
            client.get(NAME)

    def test_a_wrong_password_is_access_refused(self, redis_server: RunningRedis) -> None:
        redis_server.run(0, "ACL", "SETUSER", "stranger", "on", ">other", "allkeys", "+@all")
        with still_client(redis_server.url(0, "stranger"), Clock()) as client, pytest.raises(AccessRefusedError):
            client.get(NAME)

    def test_a_table_that_is_locked_is_given_up_at_the_deadline(
        self, postgres_server: PostgresServer, request: pytest.FixtureRequest, tmp_path: Path
    ) -> None:
        with opened_target(request, "postgresql", tmp_path) as target:
            database = target.address.rpartition("/")[2]
            with psycopg.connect(postgres_server.url(database)) as other:
                other.execute("LOCK TABLE catalog.label IN ACCESS EXCLUSIVE MODE")
                hasty = still_client(target.address, Clock(), timeout_seconds=0.2)
                with hasty as client, pytest.raises(SourceUnavailableError):
                    client.get(NAME)

    def test_a_role_without_grants_and_one_with_the_readers(
        self, postgres_server: PostgresServer, request: pytest.FixtureRequest, tmp_path: Path
    ) -> None:
        with opened_target(request, "postgresql", tmp_path) as target:
            database = target.address.rpartition("/")[2]
            role = f"looker_{database}"
            postgres_server.psql(database, f"CREATE ROLE {role} LOGIN")
            address = target.address.replace("owner@", f"{role}@")
            with still_client(address, Clock()) as client, pytest.raises(AccessRefusedError, match="permission"):
                client.get(NAME)
            postgres_server.psql(database, READER_GRANTS.format(role=role))
            with still_client(address, Clock()) as client:
                assert client.get(NAME).version == "v1"


@pytest.mark.parametrize(
    "address",
    ["redis://", "redis:///1", "redis://h/x", "redis://h:99999999", "redis://u:secret-word@", "redis://h/0?db=1",
     "postgresql://u:secret-word@[h/x", "postgresql://u:secret-word@h/?x=1"],
)  # fmt: skip
def test_an_address_that_cannot_be_used_shows_no_secret(address: str) -> None:
    with pytest.raises(UsageError) as told:
        open_source(address, Options())
    assert "secret-word" not in f"{told.value.message}{told.value.hint}"


def test_redis_over_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The backend and the client verify the certificate; where nobody vouches for it, nothing is said on the line."""
    program, made = binary(), certificate(tmp_path)
    if program is None or made is None:
        pytest.skip("NO REDIS OR NO OPENSSL ON THIS MACHINE: rediss:// was not tried")
    settings = tls_settings(*made)
    address = f"rediss://127.0.0.1:{settings['tls-port']}/1"
    with running(program, settings), closing(connect_redis({"url": f"{address}?ssl_ca_certs={made[0]}"})) as backend:
        backend.take_lease(LEASE)
        done(backend, put_version(text="One"), put_label("v1"))
        with still_client(address, Clock()) as client, pytest.raises(SourceUnavailableError, match=r"certificate|SSL"):
            client.get(NAME)
        with closing(connect_redis({"url": address})) as stranger, pytest.raises(UnavailableError, match="certificate"):
            stranger.load()
        monkeypatch.setenv("SSL_CERT_FILE", str(made[0]))
        with PromptClient(address, cache_dir=False, refresh_seconds=0) as client:
            assert client.get(NAME).version == "v1"
            assert until(lambda: client.status().pushing)


def test_a_missing_extra_is_one_clear_line() -> None:
    code = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from catalog_tool.client import PromptClient\n"
        "from catalog_tool.errors import UsageError\n"
        "try: PromptClient('postgresql://h/x')\n"
        "except UsageError as error: print(error.message, '|', error.hint)\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout == (
        "postgresql:// needs psycopg, which is not installed | pip install 'catalog-tool[postgres]'\n"
    )


@pytest.mark.parametrize("scheme", ["redis", "postgresql"])
def test_a_bundle_cannot_be_pinned_there(scheme: str) -> None:
    with pytest.raises(UsageError, match="bundle_digest"):
        open_source(f"{scheme}://h/0", Options(bundle_digest="sha256:" + "0" * 64))


def test_the_events_are_those_of_the_backends(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Nothing but a prompt id and a generation is told."""
    heard: list[tuple[str | None, int | None]] = []
    with opened_target(request, "redis", tmp_path) as target:
        server: RunningRedis = request.getfixturevalue("redis_server")
        source = open_source(target.address, Options())
        thread = threading.Thread(target=lambda: _listen(source, heard))
        thread.start()
        assert until(lambda: heard == [(None, None)])
        database = target.address.rpartition("/")[2]
        for said in ("nonsense", "[]", "{}", json.dumps({"id": "a", "generation": "x"})):
            server.run(0, "PUBLISH", f"catalog:moved:{database}", said)
        move(target, "v2", "v1")
        assert until(lambda: len(heard) == 3)
        source.close()
        thread.join(5)
        assert heard == [(None, None), ("a", None), (NAME, 3)]
        assert RUN.actor not in str(heard)


def _listen(source: Any, heard: list[tuple[str | None, int | None]]) -> None:
    try:
        source.listen(lambda name, generation: heard.append((name, generation)))
    except SourceUnavailableError:
        return
