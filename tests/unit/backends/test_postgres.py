"""The postgres backend on a real server: the kit, the promises of every SQL store, and what only a server has."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import closing

import psycopg
import pytest
from opened import opened
from postgres_server import PASSWORD, PostgresServer, PsqlError

from catalog_tool.backends.postgres import CAPABILITIES, CHANNEL, PostgresDatabase, connection_parameters
from catalog_tool.backends.postgres import connect as connect_postgres
from catalog_tool.backends.sql_backend import SqlBackend
from catalog_tool.backends.sql_postgres import READER_GRANTS, WRITER_GRANTS
from catalog_tool.errors import BackendError, LeaseLostError, RefusedError, UnavailableError, UsageError
from catalog_tool.model.target import Write
from catalog_tool.sync.conformance import Connect
from catalog_tool.sync.conformance.samples import put_label, put_skill, put_version
from catalog_tool.sync.conformance.store import LEASE, RUN, done, held, live

from .sql_conformance import ByHand, SqlConformance

pytest_plugins = ["services"]


@pytest.fixture
def database(postgres_server: PostgresServer) -> Iterator[str]:
    with postgres_server.database() as name:
        yield name


@pytest.fixture
def connect(postgres_server: PostgresServer, database: str) -> Iterator[Connect]:
    url = postgres_server.url(database)
    with opened(lambda prefix="": connect_postgres({"url": url, "prefix": prefix})) as connect:
        yield connect


@pytest.fixture
def by_hand(postgres_server: PostgresServer, database: str) -> ByHand:
    def run(sql: str) -> None:
        with psycopg.connect(postgres_server.url(database), options="-c search_path=catalog") as connection:
            connection.execute(sql)  # type: ignore[call-overload]

    return run


class TestPostgres(SqlConformance):
    UNGUARD = "ALTER TABLE label_event DISABLE TRIGGER USER"
    ENTRY_WITH = "convert_to(replace(convert_from(entry, 'UTF8'), '{old}', '{new}'), 'UTF8')"

    def test_the_trail_cannot_be_emptied(self, connect: Connect, by_hand: ByHand) -> None:
        done(held(connect), put_version(), put_label("v1"))
        with pytest.raises(psycopg.Error, match="append-only"):
            by_hand("TRUNCATE label_event")

    def test_every_move_is_told_when_it_is_there_to_be_read(
        self,
        connect: Connect,
        postgres_server: PostgresServer,
        database: str,
    ) -> None:
        backend = held(connect)
        with psycopg.connect(postgres_server.url(database), autocommit=True) as listener:
            listener.execute(f"LISTEN {CHANNEL}")
            done(backend, put_version(), put_version(version="v2", text="b"), put_label("v1"))
            [refused] = backend.write([put_label("v9", seen="v1")], RUN)
            assert refused.outcome == "changed"
            done(backend, put_label("v1"))
            done(backend, put_label("v2", seen="v1"), put_label("v2", "staging"))
            done(backend, Write(put_label("v2").address, b'"v2"'))
            heard = [json.loads(found.payload) for found in listener.notifies(timeout=5, stop_after=4)]
            assert heard == [{"id": "support/greet", "generation": number} for number in (1, 2, 3, 4)]
            assert list(listener.notifies(timeout=0)) == []

    def test_nothing_is_told_of_what_was_rolled_back(
        self,
        connect: Connect,
        by_hand: ByHand,
        postgres_server: PostgresServer,
        database: str,
    ) -> None:
        backend = held(connect)
        done(backend, put_version())
        by_hand("ALTER TABLE label_event ADD CONSTRAINT never CHECK (seq < 0)")
        with psycopg.connect(postgres_server.url(database), autocommit=True) as listener:
            listener.execute(f"LISTEN {CHANNEL}")
            with pytest.raises(BackendError):
                backend.write([put_label("v1")], RUN)
            assert list(listener.notifies(timeout=0)) == []
        assert put_label("v1").address not in live(backend)


def test_looking_makes_no_schema(connect: Connect, by_hand: ByHand) -> None:
    backend = connect()
    assert (list(backend.scan()), list(backend.events()), dict(backend.generations())) == ([], [], {})
    assert dict(backend.contents("skills/pdf")) == {}
    assert backend.load().store_id == ""
    with pytest.raises(LeaseLostError):
        backend.write([put_version()], RUN)
    by_hand("CREATE SCHEMA catalog")  # fails where we made it


def test_a_schema_that_is_there_is_used(connect: Connect, by_hand: ByHand) -> None:
    by_hand("CREATE SCHEMA catalog")
    done(held(connect), put_version())


def test_a_database_that_cannot_hold_every_name_is_refused(postgres_server: PostgresServer) -> None:
    url = postgres_server.url(postgres_server.new_database("LATIN1"))
    with closing(connect_postgres({"url": url})) as backend:
        with pytest.raises(BackendError, match="LATIN1"):
            backend.take_lease(LEASE)
        assert backend.load().store_id == ""


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        ("UPDATE meta SET value = '2' WHERE key = 'format'", "has format 2; this version knows 1"),
        ("DELETE FROM meta", "not a target's"),
        ("DROP TABLE inventory", "a table of ours is not there"),
        ("UPDATE control SET document = '{'", "no JSON"),
    ],
)
def test_what_cannot_be_read_is_said(connect: Connect, by_hand: ByHand, edit: str, message: str) -> None:
    backend = held(connect)
    backend.save_control(backend.load().control, LEASE.token)
    by_hand(edit)
    with pytest.raises(BackendError, match=message):
        backend.load()


def test_the_writers_role_syncs_and_cannot_touch_the_trail(
    connect: Connect,
    postgres_server: PostgresServer,
    database: str,
) -> None:
    connect().take_lease(LEASE)
    postgres_server.psql(
        database, f"CREATE ROLE writer_{database} LOGIN; {WRITER_GRANTS.format(role=f'writer_{database}')}"
    )
    url = postgres_server.url(database, f"writer_{database}")
    with closing(connect_postgres({"url": url})) as backend:
        backend.take_lease(LEASE)
        done(backend, put_version(), put_version(version="v2", text="b"), put_skill(), put_label("v1"))
        done(backend, put_label("v2", seen="v1"), Write(put_version().address, put_version().entry))
        backend.save_control(backend.load().control, LEASE.token)
        backend.drop_lease(LEASE.token)
        assert len(list(backend.events())) == 2
    for statement in (
        "UPDATE catalog.label_event SET actor = 'nobody'",
        "DELETE FROM catalog.label_event",
        "TRUNCATE catalog.label_event",
        "ALTER TABLE catalog.label_event DISABLE TRIGGER ALL",
        "DROP TABLE catalog.label_event",
        "UPDATE catalog.meta SET value = 'x'",
        "CREATE TABLE catalog.more (a int)",
    ):
        with pytest.raises(PsqlError, match=r"permission denied|must be owner"):
            postgres_server.psql(database, statement, f"writer_{database}")


def test_the_readers_role_reads_and_nothing_else(
    connect: Connect,
    postgres_server: PostgresServer,
    database: str,
) -> None:
    done(held(connect), put_version(), put_label("v1"), put_skill())
    postgres_server.psql(
        database, f"CREATE ROLE reader_{database} LOGIN; {READER_GRANTS.format(role=f'reader_{database}')}"
    )
    url = postgres_server.url(database, f"reader_{database}")
    with closing(connect_postgres({"url": url})) as backend:
        assert live(backend) == live(connect())
        assert dict(backend.contents(put_skill().address)) != {}
        assert backend.load() == connect().load()
        assert list(backend.events()) == list(connect().events())
        for call in (
            lambda: backend.take_lease(LEASE),
            lambda: backend.write([put_version("other")], RUN),
            lambda: backend.save_control(backend.load().control, LEASE.token),
            lambda: backend.drop_lease(LEASE.token),
        ):
            with pytest.raises(RefusedError, match="may not do this") as told:
                call()
            assert "GRANT" in told.value.hint
    assert connect().load().lease is not None


def test_a_role_that_only_reads_is_left_so(connect: Connect, by_hand: ByHand, database: str) -> None:
    done(held(connect), put_version())
    by_hand(f"ALTER DATABASE {database} SET default_transaction_read_only = on")
    backend = connect()
    assert set(live(backend)) == {put_version().address}
    with pytest.raises(BackendError, match="only reads"):
        backend.take_lease(LEASE)


def test_a_call_after_the_connection_was_cut(connect: Connect, by_hand: ByHand) -> None:
    backend = held(connect)
    done(backend, put_version())
    by_hand(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        " AND datname = current_database()"
    )
    with pytest.raises(UnavailableError):
        backend.load()
    assert set(backend.load().inventory) == {put_version().address}
    done(backend, put_version(version="v2"))


def test_a_writer_who_holds_the_store_is_waited_for_and_not_forever(
    connect: Connect,
    postgres_server: PostgresServer,
    database: str,
) -> None:
    backend = held(connect)
    done(backend, put_version(), put_label("v1"))
    parameters, _ = connection_parameters(postgres_server.url(database), {})
    impatient = SqlBackend(PostgresDatabase(parameters, patience=0.1), CAPABILITIES)
    move = put_label([{"version": "v1", "weight": 50}, {"version": "v1", "weight": 50}], seen="v1")
    with psycopg.connect(postgres_server.url(database)) as other, closing(impatient):
        other.execute("UPDATE catalog.label SET marker = 'held'")
        with pytest.raises(UnavailableError, match="another writer holds it"):
            impatient.write([move], RUN)
        assert live(impatient) == live(backend)
        other.rollback()
        done(impatient, move)


def test_no_server_and_a_password_that_nobody_sees() -> None:
    url = f"postgresql://ada:{PASSWORD}@127.0.0.1:1/none"
    with closing(connect_postgres({"url": url})) as backend:
        assert backend.place() == "postgres 127.0.0.1:1/none"
        with pytest.raises(UnavailableError) as told:
            backend.load()
        assert PASSWORD not in f"{told.value.message}{told.value.hint}"
    with closing(connect_postgres({"url": f"postgresql://ada:{PASSWORD}@localhost:x:y/none"})) as backend:
        with pytest.raises(BackendError) as told:
            backend.load()
        assert PASSWORD not in f"{told.value.message}{told.value.hint}"
    for broken in (f"pass={PASSWORD}", f"postgresql://ada:{PASSWORD}@[h/none", f"postgresql://a:{PASSWORD}@h/?x=1"):
        with pytest.raises(UsageError) as refused:
            connect_postgres({"url": broken})
        assert PASSWORD not in f"{refused.value.message}{refused.value.hint}"
        assert refused.value.__cause__ is None
    with pytest.raises(UsageError):
        connect_postgres({"url": 5})


FROM_ENVIRONMENT = {"PGHOST": "db.internal", "PGPASSWORD": "theirs"}


@pytest.mark.parametrize(
    ("url", "environment", "password"),
    [
        (None, FROM_ENVIRONMENT, None),
        ("", FROM_ENVIRONMENT, None),
        ("dbname=catalog", FROM_ENVIRONMENT, None),
        ("postgresql:///catalog", FROM_ENVIRONMENT, None),
        ("postgresql://ada@db.internal/catalog", FROM_ENVIRONMENT, None),
        ("postgresql://ada@db.internal:5432/catalog", FROM_ENVIRONMENT, None),
        ("postgresql://ada:own@evil.example/catalog", FROM_ENVIRONMENT, "own"),
        ("postgresql://ada@evil.example/catalog", FROM_ENVIRONMENT, ""),
        ("postgresql://ada@db.internal:6000/catalog", FROM_ENVIRONMENT, ""),
        ("postgresql://ada@db.internal,evil.example/catalog", FROM_ENVIRONMENT, ""),
        ("host=db.internal hostaddr=192.0.2.1", FROM_ENVIRONMENT, ""),
        ("hostaddr=192.0.2.1", FROM_ENVIRONMENT, ""),
        ("service=evil", FROM_ENVIRONMENT, ""),
        ("postgresql://ada@evil.example/catalog", {"PGPASSWORD": "theirs"}, ""),
        ("postgresql://ada@evil.example/catalog", {"PGSERVICE": "production"}, ""),
        ("host=/run/other", {"PGPASSWORD": "theirs"}, ""),
        ("port=6000", FROM_ENVIRONMENT, ""),
        ("host=db.internal", {**FROM_ENVIRONMENT, "PGPORT": "6000"}, None),
        ("postgresql://ada@db.internal:5432/catalog", {**FROM_ENVIRONMENT, "PGPORT": "6000"}, ""),
    ],
)
def test_a_password_of_the_environment_stays_with_its_host(
    url: str | None, environment: Mapping[str, str], password: str | None
) -> None:
    given, withheld = connection_parameters(url, environment)
    assert given.get("password") == password
    assert bool(withheld) == (password == "")


def test_the_server_of_the_environment(
    postgres_server: PostgresServer,
    database: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PGHOST", postgres_server.socket_folder)
    monkeypatch.setenv("PGPORT", str(postgres_server.port))
    monkeypatch.setenv("PGUSER", "owner")
    monkeypatch.setenv("PGDATABASE", database)
    with closing(connect_postgres({})) as backend:
        backend.take_lease(LEASE)
        done(backend, put_version())
        assert backend.place() == f"postgres {postgres_server.socket_folder}:{postgres_server.port}/{database}"
    assert postgres_server.psql(database, "SELECT count(*) FROM catalog.prompt_version") == "1"


def test_a_wrong_password_is_not_tried_again(postgres_server: PostgresServer, database: str) -> None:
    with postgres_server.asking_for_passwords(database):
        url = f"host=127.0.0.1 port={postgres_server.port} user=asked_{database} dbname={database}"
        with closing(connect_postgres({"url": f"{url} password={PASSWORD}"})) as backend:
            backend.load()
        for wrong in (f"{url} password={PASSWORD[:-1]}", url):
            with closing(connect_postgres({"url": wrong})) as backend, pytest.raises(RefusedError) as told:
                backend.load()
            assert PASSWORD[:-1] not in told.value.message
