"""The sqlite backend: the kit, the promises of every SQL store, and what only a file has."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from opened import opened

from catalog_tool.backends.sql_backend import SqlBackend
from catalog_tool.backends.sqlite import CAPABILITIES, SqliteDatabase
from catalog_tool.backends.sqlite import connect as connect_sqlite
from catalog_tool.errors import BackendError, LeaseLostError, UsageError
from catalog_tool.stores.sqlite_schema import create_bundle_database
from catalog_tool.sync.conformance import Connect
from catalog_tool.sync.conformance.samples import put_label, put_skill, put_version
from catalog_tool.sync.conformance.store import LEASE, RUN, done, held, live

from .sql_conformance import ByHand, SqlConformance
from .store_promises import assert_looking_makes_nothing


@pytest.fixture
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store") / "target.sqlite"


@pytest.fixture
def connect(file: Path) -> Iterator[Connect]:
    with opened(lambda prefix="": connect_sqlite({"path": str(file), "prefix": prefix})) as connect:
        yield connect


@pytest.fixture
def by_hand(file: Path) -> ByHand:
    def run(sql: str) -> None:
        with closing(sqlite3.connect(file)) as connection:
            connection.executescript(sql)

    return run


class TestSqlite(SqlConformance):
    UNGUARD = (
        "DROP TRIGGER label_event_stays; DROP TRIGGER label_event_stays_as_written;"
        " DROP TRIGGER label_event_grows_at_its_end"
    )
    ENTRY_WITH = "replace(CAST(entry AS TEXT), '{old}', '{new}')"  # leaves text where there was a blob

    def test_the_trail_grows_only_at_its_end(self, connect: Connect, by_hand: ByHand) -> None:
        done(held(connect), put_version(), put_label("v1"))
        for seq in (1, 3, 0):
            row = f"({seq}, 1, 'a', 'b', 'c', 'd', NULL, NULL, 1, 'e')"
            for verb in ("INSERT", "INSERT OR REPLACE"):
                with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                    by_hand(f"{verb} INTO label_event VALUES {row}")

    def test_text_that_is_no_text_is_shown(self, connect: Connect, by_hand: ByHand) -> None:
        backend = held(connect)
        done(backend, put_version(), put_label("v1"))
        by_hand("UPDATE label SET value = CAST(X'ff' AS TEXT), marker = CAST(X'fe' AS TEXT)")
        by_hand("UPDATE prompt_version SET version = CAST(X'fd' AS TEXT)")
        found = live(backend)
        assert found["prompts/support/greet@\ufffd"].entry == put_version().entry
        label = found[put_label("v1").address]
        assert (label.entry, label.marker) == (b"\xff", "\ufffd")


def test_looking_makes_no_file(connect: Connect, file: Path) -> None:
    assert_looking_makes_nothing(connect())
    assert list(file.parent.iterdir()) == []


@pytest.mark.parametrize("begun", [b"", None])
def test_a_file_without_tables_becomes_a_target(connect: Connect, file: Path, begun: bytes | None) -> None:
    if begun is None:  # what a crash between the first two writes of a new file leaves
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
    else:
        file.write_bytes(begun)
    assert list(connect().scan()) == []
    assert connect().load().inventory == {}
    done(held(connect), put_version())
    assert set(live(connect())) == {put_version().address}


def test_a_bundle_is_no_target(connect: Connect, file: Path) -> None:
    with closing(create_bundle_database(file)) as connection:
        connection.executemany("INSERT INTO meta VALUES (?, ?)", [("kind", "bundle"), ("format", "1")])
        connection.execute("COMMIT")
    before = file.read_bytes()
    for call in (lambda b: b.load(), lambda b: list(b.scan()), lambda b: b.take_lease(LEASE)):
        with pytest.raises(BackendError, match=r"bundle\.sqlite") as told:
            call(connect())
        assert "file of its own" in told.value.hint
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        ("PRAGMA user_version=2", "has version 2; this version knows 1"),
        ("UPDATE meta SET value = '2' WHERE key = 'format'", "has format 2; this version knows 1"),
        ("DELETE FROM meta", "not a target's"),
        ("DROP TABLE meta", "no such table: meta"),
        ("UPDATE control SET document = '{'", "no JSON"),
        ("UPDATE control SET document = '[]'", "cannot be read"),
        ("UPDATE control SET document = '{\"format\": 2}'", "newer catalog-tool"),
    ],
)
def test_what_cannot_be_read_is_said(connect: Connect, by_hand: ByHand, edit: str, message: str) -> None:
    backend = held(connect)
    backend.save_control(backend.load().control, LEASE.token)
    by_hand(edit)
    with pytest.raises(BackendError, match=message):
        connect().load()


def test_a_file_that_was_replaced_is_opened_anew(connect: Connect, file: Path) -> None:
    backend = held(connect)
    done(backend, put_version())
    first = backend.load().store_id
    for path in file.parent.iterdir():
        path.unlink()
    assert backend.load().inventory == {}
    with pytest.raises(LeaseLostError):
        backend.write([put_version()], RUN)
    backend.take_lease(LEASE)
    assert backend.load().store_id not in ("", first)
    assert list(backend.scan()) == []


def test_places_that_cannot_be_a_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="needs `path`"):
        connect_sqlite({})
    with (
        pytest.raises(BackendError, match="no folder"),
        closing(connect_sqlite({"path": str(tmp_path / "no/no/t")})) as none,
    ):
        none.take_lease(LEASE)
    with (
        pytest.raises(BackendError, match="cannot be opened"),
        closing(connect_sqlite({"path": str(tmp_path)})) as folder,
    ):
        folder.load()
    plain = tmp_path / "plain"
    plain.write_text("not a database, but long enough to look at" * 40, encoding="utf-8")
    with (
        pytest.raises(BackendError, match="no SQLite database"),
        closing(connect_sqlite({"path": str(plain)})) as other,
    ):
        other.load()
    odd = tmp_path / "a %23?mode=memory#é.sqlite"
    with closing(connect_sqlite({"path": str(odd)})) as backend:
        backend.take_lease(LEASE)
        assert odd.exists()


class Traced(SqliteDatabase):
    """Notes every statement that SQLite runs."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.statements: list[str] = []

    def _connect(self, mode: str) -> sqlite3.Connection:
        connection = super()._connect(mode)
        connection.set_trace_callback(self.statements.append)
        return connection


def test_reading_all_takes_as_many_statements_for_many_as_for_few(file: Path) -> None:
    counts = []
    with closing(SqlBackend(Traced(file), CAPABILITIES)) as backend:
        backend.take_lease(LEASE)
        for total in (3, 300):
            done(backend, *(put_version(f"t{total}/p{number}") for number in range(total)))
            done(backend, *(put_label("v1", name=f"t{total}/p{number}") for number in range(total)))
            done(backend, *(put_skill(f"t{total}-{number}") for number in range(total)))
            traced = Traced(file)
            with closing(SqlBackend(traced, CAPABILITIES)) as reader:
                reader.load()
                assert sum(1 for _ in reader.scan()) >= total
            counts.append(len(traced.statements))
    assert counts[0] == counts[1] < 30
