"""The redis backend on a real server: the kit, every store's promises, and what only a server has."""

from __future__ import annotations

import json
import random
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import redis
from opened import opened
from redis_server import PASSWORD, RunningRedis
from served_prompts import until

import catalog_tool
from catalog_tool.backends.audit import verify
from catalog_tool.backends.redis import RedisBackend
from catalog_tool.backends.redis import connect as connect_redis
from catalog_tool.backends.redis_keys import READER_ACL, WRITER_ACL, channel, lease_bytes, lease_key
from catalog_tool.backends.redis_server import Command, Decided, RedisServer
from catalog_tool.client import PromptClient
from catalog_tool.errors import BackendError, LeaseLostError, RefusedError, UnavailableError, UsageError
from catalog_tool.model.target import CHANGED, Control, Live, Write
from catalog_tool.sync.conformance import Connect
from catalog_tool.sync.conformance.engine import assert_no_lease_lasts
from catalog_tool.sync.conformance.samples import put_label, put_skill, put_version
from catalog_tool.sync.conformance.store import LEASE, OTHER, RUN, done, held, live

from .store_promises import StorePromises, assert_looking_makes_nothing

ByHand = Callable[..., Any]
PRODUCTION = put_label("v1").address
pytest_plugins = ["services"]


@pytest.fixture
def database(redis_server: RunningRedis) -> int:
    return redis_server.new_database()


@pytest.fixture
def connect(redis_server: RunningRedis, database: int) -> Iterator[Connect]:
    url = redis_server.url(database)
    with opened(lambda prefix="": connect_redis({"url": url, "prefix": prefix})) as connect:
        yield connect


@pytest.fixture
def by_hand(redis_server: RunningRedis, database: int) -> ByHand:
    return lambda *words: redis_server.run(database, *words)


class TestRedis(StorePromises):
    def test_every_move_is_told_when_it_is_there_to_be_read(
        self, connect: Connect, redis_server: RunningRedis, database: int
    ) -> None:
        backend = held(connect)
        with closing(redis.Redis(port=redis_server.port)) as hand, closing(hand.pubsub()) as listener:
            listener.subscribe(channel(database))
            assert listener.get_message(timeout=5) is not None
            done(backend, put_version(), put_version(version="v2", text="b"), put_label("v1"))
            [refused] = backend.write([put_label("v9", seen="v1")], RUN)
            assert refused.outcome == CHANGED
            done(backend, put_label("v1"))
            done(backend, put_label("v2", seen="v1"), put_label("v2", "staging"))
            done(backend, Write(put_label("v2").address, b'"v2"'))
            heard = [json.loads((listener.get_message(timeout=5) or {})["data"]) for _ in range(4)]
            assert heard == [{"id": "support/greet", "generation": number} for number in (1, 2, 3, 4)]
            assert listener.get_message(timeout=0) is None

    def test_a_lease_runs_out_by_the_stores_clock(self, connect: Connect, by_hand: ByHand) -> None:
        backend = held(connect)
        assert 29_000 < by_hand("PTTL", lease_key("")) <= 30_000
        by_hand("PEXPIRE", lease_key(""), 0)
        assert backend.load().lease is None
        for call in (
            lambda: backend.write([put_version("late")], RUN),
            lambda: backend.save_control(Control.from_json(None), LEASE.token),
        ):
            with pytest.raises(LeaseLostError):
                call()
        assert live(backend) == {}

    def test_a_lease_that_a_hand_made_endless_blocks_nobody(self, connect: Connect, by_hand: ByHand) -> None:
        assert connect().take_lease(OTHER).token == OTHER.token
        by_hand("SET", lease_key(""), lease_bytes(OTHER._replace(expires_at=253_402_300_799.0)))
        assert by_hand("PTTL", lease_key("")) == -1
        assert_no_lease_lasts(connect())

    def test_edits_by_hand_are_seen_as_they_are(self, connect: Connect, by_hand: ByHand) -> None:
        backend = held(connect)
        version, skill = put_version(), put_skill()
        done(backend, version, put_version(version="v2", text="b"), put_version(version="v3"), put_label("v1"), skill)
        edited = (version.entry or b"").replace(b"temperature", b"temperament")
        by_hand("HSET", "catalog:version", "support/greet@v1", edited)
        by_hand("HDEL", "catalog:version:marker", "support/greet@v2")
        by_hand("HDEL", "catalog:version", "support/greet@v3")
        by_hand("HSET", "catalog:label", "extra@staging", '"v9"', "support/greet@production", "no json")
        by_hand("HSET", "catalog:file", "pdf\0extra.txt", "100644\nx", "orphan\0none.txt", "100644\nx", "pdf", "odd")
        found = live(connect())
        assert found[version.address].entry == edited
        assert found["prompts/support/greet@v2"].marker is None
        assert "prompts/support/greet@v3" not in found
        assert found[PRODUCTION] == Live(PRODUCTION, b"no json", '{"m":2}')
        assert found["labels/extra@staging"] == Live("labels/extra@staging", b'"v9"')
        files = {item["path"]: item for item in json.loads(found[skill.address].entry)["files"]}
        assert (files["extra.txt"]["sha256"], files["extra.txt"]["size"]) == (sha256(b"x").hexdigest(), 1)
        assert list(connect().scan({skill.address, PRODUCTION})) == [found[skill.address], found[PRODUCTION]]
        [refused] = backend.write([put_label("v2", seen="v1")], RUN)
        assert refused.outcome == CHANGED
        done(backend, Write(PRODUCTION, b"no json", b'"v2"'))
        assert verify(backend.events()) is None

    def test_fields_that_are_no_text_are_shown(self, connect: Connect, by_hand: ByHand) -> None:
        backend = held(connect)
        by_hand("HSET", "catalog:label", b"a@\xff", b"\xfe")
        by_hand("HSET", "catalog:label:marker", b"a@\xff", b"\xfd")
        assert list(backend.scan()) == [Live("labels/a@\ufffd", b"\xfe", "\ufffd")]

    def test_an_edit_between_look_and_write_is_not_lost(self, connect: Connect, by_hand: ByHand) -> None:
        """The transaction is decided anew: what a hand set after our look is what the step is held against."""
        backend = held(connect)
        done(backend, put_version(), put_version(version="v2", text="b"), put_label("v1"))
        disturbed = Disturbed(
            backend._server, lambda: by_hand("HSET", "catalog:label", "support/greet@production", '"v2"')
        )
        [found] = RedisBackend(disturbed).write([put_label([{"version": "v1", "weight": 100}], seen="v1")], RUN)
        assert disturbed.looks == 2
        assert found.outcome == CHANGED
        assert live(backend)[PRODUCTION].entry == b'"v2"'
        assert len(list(backend.events())) == 1

    def test_others_who_are_always_faster_are_not_waited_for_forever(
        self, connect: Connect, redis_server: RunningRedis, database: int, by_hand: ByHand
    ) -> None:
        backend = held(connect)
        numbers = count()
        hasty = RedisServer(redis_server.url(database), patience=0.05)
        disturbed = Disturbed(hasty, lambda: by_hand("HSET", "catalog:version", "x@v1", next(numbers)), times=10**6)
        with closing(RedisBackend(disturbed)) as unlucky, pytest.raises(UnavailableError, match="at the same time"):
            unlucky.write([put_version()], RUN)
        assert put_version().address not in live(backend)

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (("HSET", "catalog:meta", "format", "2"), "has format 2; this version knows 1"),
            (("DEL", "catalog:meta"), "is no target"),
            (("HSET", "catalog:meta", "kind", "bundle"), "is no target"),
            (("SET", "catalog:control:", "{"), "no JSON"),
            (("SET", "catalog:control:", "[]"), "cannot be read"),
            (("SET", "catalog:control:", '{"format": 2}'), "newer catalog-tool"),
            (("SET", "catalog:lease:", "[1]"), "the lease on the target is none"),
            (("SET", "catalog:lease:", "x"), "no JSON"),
            (("HSET", "catalog:inventory:", "prompts/a@v1", "5"), "inventory entry"),
            (("SET", "catalog:meta", "5"), "something else"),
        ],
    )
    def test_what_cannot_be_read_is_said(
        self, connect: Connect, by_hand: ByHand, words: tuple[str, ...], message: str
    ) -> None:
        backend = held(connect)
        done(backend, put_version())
        by_hand(*words)
        with pytest.raises(BackendError, match=message):
            backend.load()

    @pytest.mark.parametrize("key", ["catalog:version:marker", "catalog:generation", "catalog:event", "catalog:label"])
    def test_a_key_that_a_hand_made_something_else_stops_the_whole_write(
        self, connect: Connect, by_hand: ByHand, key: str
    ) -> None:
        backend = held(connect)
        done(backend, put_version(), put_label("v1"))
        by_hand("SET", key, "x")
        inventory = by_hand("HGETALL", "catalog:inventory:")
        with pytest.raises(BackendError, match="something else"):
            backend.write([put_version(version="v2", text="b"), put_label("v1", "staging")], RUN)
        assert by_hand("HGETALL", "catalog:inventory:") == inventory
        assert by_hand("HEXISTS", "catalog:version", "support/greet@v2") == 0

    def test_tampering_with_the_trail_is_named(self, connect: Connect, by_hand: ByHand) -> None:
        backend = held(connect)
        done(backend, put_version(), put_version(version="v2", text="b"), put_label("v1"))
        for number in range(11):
            now, wanted = ("v1", "v2") if number % 2 == 0 else ("v2", "v1")
            done(backend, put_label(wanted, seen=now))
        clean, stored = list(backend.events()), by_hand("LRANGE", "catalog:event", 0, -1)
        chooser = random.Random(35)
        for _ in range(50):
            seq = chooser.randrange(1, len(clean))
            changes, named = chooser.choice(_tampering(stored, seq))
            for change in changes:
                by_hand(*change)
            try:
                found = verify(backend.events(), clean[-1])
            except BackendError as error:
                found = error.message
            assert found is not None, changes
            assert f"event {named} " in found, (changes, found)
            by_hand("DEL", "catalog:event")
            by_hand("RPUSH", "catalog:event", *stored)
        assert verify(backend.events(), clean[-1]) is None


def _tampering(stored: list[bytes], seq: int) -> list[tuple[list[tuple[Any, ...]], int]]:
    """Commands that somebody could send, each with the event that has to be named first."""
    event = stored[seq - 1]
    key, at = "catalog:event", seq - 1
    swapped = [("LSET", key, at, stored[seq]), ("LSET", key, at + 1, event)]
    return [
        ([("LSET", key, at, event.replace(b'"actor":"ci', b'"actor":"cj'))], seq),
        ([("LSET", key, at, event.replace(b'"generation":', b'"generation":9'))], seq),
        ([("LSET", key, at, b"nonsense")], seq),
        ([("LSET", key, at, b"[" * 5000)], seq),
        ([("LREM", key, 1, event)], seq),
        (swapped, seq),
        ([("LTRIM", key, 0, at - 1)] if at else [("DEL", key)], len(stored)),
    ]


class Disturbed(RedisServer):
    """A server between whose look and write somebody else comes, the first few times."""

    def __init__(self, inner: RedisServer, disturb: Callable[[], object], times: int = 1) -> None:
        self._inner, self._disturb, self._times = inner, disturb, times
        self._connection, self._patience, self._place = inner._connection, inner._patience, inner._place
        self._password, self.database = inner._password, inner.database
        self.looks = 0

    def transact(self, watched: Sequence[str], decide: Callable[[], Decided]) -> Any:
        def disturbed() -> Decided:
            found = decide()
            self.looks += 1
            if self.looks <= self._times:
                self._disturb()
            return found

        return super().transact(watched, disturbed)


class Counted(RedisServer):
    """Counts round trips."""

    trips = 0

    def ask(self, *commands: Command) -> list[Any]:
        self.trips += 1
        return super().ask(*commands)


def test_reading_and_writing_take_as_many_requests_for_many_as_for_few(
    connect: Connect, redis_server: RunningRedis, database: int
) -> None:
    counts = []
    connect().take_lease(LEASE)
    for total in (3, 300):
        counted = Counted(redis_server.url(database))
        with closing(RedisBackend(counted)) as backend:
            writes = [put_version(f"t{total}/p{number}") for number in range(total)]
            writes += [put_label("v1", name=f"t{total}/p{number}") for number in range(total)]
            done(backend, *writes)
            backend.load()
            assert sum(1 for _ in backend.scan()) >= total
        counts.append(counted.trips)
    assert counts[0] == counts[1] < 20


def test_looking_makes_no_keys(connect: Connect, by_hand: ByHand) -> None:
    assert_looking_makes_nothing(connect())
    assert by_hand("DBSIZE") == 0


def test_other_keys_of_the_database_are_left_alone(connect: Connect, by_hand: ByHand) -> None:
    by_hand("SET", "session:1", "theirs")
    done(held(connect), put_version())
    assert by_hand("GET", "session:1") == b"theirs"
    assert all(key.startswith(b"catalog:") for key in by_hand("KEYS", "*") if key != b"session:1")


def test_a_socket_and_the_environments_server(
    redis_server: RunningRedis, database: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"unix://{redis_server.socket_path}?db={database}"
    with closing(connect_redis({"url": url})) as backend:
        backend.take_lease(LEASE)
        done(backend, put_version())
        assert backend.place() == f"redis {redis_server.socket_path}/{database}"
    monkeypatch.setenv("REDIS_URL", redis_server.url(database))
    with closing(connect_redis({})) as backend:
        assert set(live(backend)) == {put_version().address}
        assert backend.place() == f"redis 127.0.0.1:{redis_server.port}/{database}"


def test_no_server_and_a_password_that_nobody_sees() -> None:
    with closing(connect_redis({"url": f"redis://ada:{PASSWORD}@127.0.0.1:1/3"})) as backend:
        assert backend.place() == "redis 127.0.0.1:1/3"
        with pytest.raises(UnavailableError) as told:
            backend.load()
        assert PASSWORD not in f"{told.value.message}{told.value.hint}"
    for broken in (
        f"http://ada:{PASSWORD}@h",
        f"redis://ada:{PASSWORD}@h:port/0",
        f"redis://ada:{PASSWORD}@h/0?decode_responses=true",
        f"redis://ada:{PASSWORD}@h/0?db={PASSWORD}",
        f"unix://ada:{PASSWORD}@",
        PASSWORD,
        5,
    ):
        with pytest.raises(UsageError) as refused:
            connect_redis({"url": broken})
        assert PASSWORD not in f"{refused.value.message}{refused.value.hint}"
        assert refused.value.__cause__ is None


def test_a_wrong_password_is_not_tried_again(redis_server: RunningRedis, database: int) -> None:
    redis_server.run(0, "ACL", "SETUSER", "somebody", "on", ">other", "allkeys", "+@all")
    for user in ("somebody", "nobody"):
        with closing(connect_redis({"url": redis_server.url(database, user)})) as backend:
            with pytest.raises(RefusedError, match="password") as told:
                backend.load()
            assert PASSWORD not in told.value.message


def test_a_call_after_the_connection_was_cut(connect: Connect, by_hand: ByHand) -> None:
    backend = held(connect)
    done(backend, put_version())
    by_hand("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    with pytest.raises(UnavailableError):
        backend.load()
    assert set(backend.load().inventory) == {put_version().address}
    done(backend, put_version(version="v2"))


def test_a_replica_is_said_to_be_one(connect: Connect, redis_server: RunningRedis) -> None:
    done(held(connect), put_version())
    redis_server.run(0, "REPLICAOF", "127.0.0.1", 1)
    try:
        with pytest.raises(BackendError, match="only reads") as told:
            connect().take_lease(LEASE._replace(token="other"), instead_of=LEASE.token)
        assert "primary" in told.value.hint
        assert set(live(connect())) == {put_version().address}
    finally:
        redis_server.run(0, "REPLICAOF", "NO", "ONE")


class TestUsers:
    """The ACLs of docs/targets.md, as they stand there."""

    @pytest.fixture
    def as_user(self, redis_server: RunningRedis, database: int) -> Callable[[str, str], str]:
        def make(user: str, acl: str) -> str:
            name = f"{user}{database}"
            with socket.create_connection(("127.0.0.1", redis_server.port)) as terminal:  # pasted: a line is a command
                terminal.sendall(f"{acl.format(user=name, password=PASSWORD)}\n".encode())
                assert terminal.recv(1000) == b"+OK\r\n"
            return redis_server.url(database, name)

        return make

    def test_the_writer_syncs_and_cannot_touch_the_trail(self, as_user: Callable[[str, str], str]) -> None:
        url = as_user("writer", _acl(WRITER_ACL))
        with closing(connect_redis({"url": url})) as backend:
            backend.take_lease(LEASE)
            done(backend, put_version(), put_version(version="v2", text="b"), put_skill(), put_label("v1"))
            done(backend, put_label("v2", seen="v1"), Write(put_version().address, put_version().entry))
            backend.save_control(backend.load().control, LEASE.token)
            assert len(live(backend)) == 3
            assert len(list(backend.events())) == 2
            assert dict(backend.contents(put_skill().address)) != {}
            backend.drop_lease(LEASE.token)
        with closing(redis.Redis.from_url(url)) as hand:
            for words in (
                ("LSET", "catalog:event", 0, "x"),
                ("LTRIM", "catalog:event", 1, 0),
                ("LPOP", "catalog:event"),
                ("DEL", "catalog:event"),
                ("SET", "catalog:event", "x"),
                ("RENAME", "catalog:event", "catalog:version"),
                ("SET", "session:1", "x"),
                ("FLUSHDB",),
                ("FLUSHALL",),
                ("CONFIG", "GET", "*"),
                ("EVAL", "return 1", 0),
                ("ACL", "LIST"),
            ):
                with pytest.raises(redis.exceptions.NoPermissionError):
                    hand.execute_command(*words)

    def test_the_reader_reads_hears_and_nothing_else(
        self, connect: Connect, as_user: Callable[[str, str], str]
    ) -> None:
        writer = held(connect)
        done(writer, put_version(), put_label("v1"), put_skill())
        url = as_user("reader", _acl(READER_ACL))
        with closing(connect_redis({"url": url})) as backend:
            assert live(backend) == live(writer)
            assert backend.load() == writer.load()
            assert list(backend.events()) == list(writer.events())
            assert dict(backend.contents(put_skill().address)) != {}
            assert list(backend.scan({PRODUCTION, put_skill().address})) != []
            assert backend.generations() == writer.generations()
            for call in (
                lambda: backend.take_lease(LEASE),
                lambda: backend.write([put_version("other")], RUN),
                lambda: backend.save_control(backend.load().control, LEASE.token),
                lambda: backend.drop_lease(LEASE.token),
            ):
                with pytest.raises(RefusedError, match="may not do this") as told:
                    call()
                assert "ACL" in told.value.hint
        with PromptClient(url, cache_dir=False, refresh_seconds=0) as client:
            assert client.get("support/greet").version == "v1"
            assert until(lambda: client.status().pushing)
            assert client.get("support/greet", version=client.get("support/greet").digest).version == "v1"


def _acl(constant: str) -> str:
    """The command as the page has it, which is the constant's."""
    page = (Path(catalog_tool.__file__).parent / "docs" / "targets.md").read_text("utf-8")
    shown = constant.format(user="NAME", password="SECRET").strip()
    assert f"```text\n{shown}\n```" in page
    return shown.replace("NAME", "{user}").replace("SECRET", "{password}")
