"""Evidence in a database: stores of older versions, edits by SQL, and what a role that syncs may do."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from postgres_server import PostgresServer, PsqlError

from catalog_tool.backends.postgres import connect as connect_postgres
from catalog_tool.backends.sql_backend import SqlBackend
from catalog_tool.backends.sql_postgres import WRITER_GRANTS
from catalog_tool.backends.sqlite import connect as connect_sqlite
from catalog_tool.errors import BackendError
from catalog_tool.sync.conformance.evidence import NAME, RECORD
from catalog_tool.sync.conformance.samples import put_version
from catalog_tool.sync.conformance.store import LEASE, done, live

pytest_plugins = ["services"]
ByHand = Callable[[str], None]
Store = tuple[SqlBackend, ByHand]


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Store]:
    def by_hand(sql: str) -> None:
        with closing(sqlite3.connect(tmp_path / "target.sqlite")) as connection:
            connection.executescript(sql)

    with closing(connect_sqlite({"path": str(tmp_path / "target.sqlite")})) as backend:
        yield backend, by_hand


@pytest.fixture
def postgres(postgres_server: PostgresServer) -> Iterator[Store]:
    with postgres_server.database() as database:
        url = postgres_server.url(database)

        def by_hand(sql: str) -> None:
            with psycopg.connect(url, options="-c search_path=catalog") as connection:
                connection.execute(sql)  # type: ignore[call-overload]

        with closing(connect_postgres({"url": url})) as backend:
            yield backend, by_hand


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest) -> Store:
    found: Store = request.getfixturevalue(request.param)
    return found


def test_a_store_of_an_older_version_gets_its_table_with_the_first_record(store: Store) -> None:
    backend, by_hand = store
    backend.take_lease(LEASE)
    done(backend, put_version())
    by_hand("DROP TABLE evidence")
    assert list(backend.evidence([NAME])) == []
    for _ in range(2):
        backend.keep_evidence(RECORD)
    assert list(backend.evidence([NAME])) == [RECORD]
    assert set(live(backend)) == {put_version().address}


def test_what_a_hand_put_there_is_given_back_as_it_is(store: Store) -> None:
    backend, by_hand = store
    backend.keep_evidence(RECORD)
    by_hand("UPDATE evidence SET content = 'changed'")
    assert list(backend.evidence([NAME])) == [RECORD._replace(data=b"changed")]
    with pytest.raises(BackendError, match="is not what was written"):
        backend.keep_evidence(RECORD)


def test_odd_values_that_only_sqlite_takes_do_no_harm(sqlite: Store) -> None:
    backend, by_hand = sqlite
    backend.keep_evidence(RECORD)
    by_hand(f"INSERT INTO evidence VALUES ('{NAME}', 7, CAST(X'ff' AS TEXT), '')")
    found = sorted(backend.evidence([NAME]))
    assert [(record.subject, record.digest, record.data) for record in found if record != RECORD] == [
        ("7", "\ufffd", b"")
    ]


def test_a_role_that_syncs_adds_evidence_and_changes_none(postgres_server: PostgresServer) -> None:
    with postgres_server.database() as database:
        role = f"keeper_{database}"
        with closing(connect_postgres({"url": postgres_server.url(database)})) as owner:
            owner.take_lease(LEASE)
        postgres_server.psql(database, f"CREATE ROLE {role} LOGIN; {WRITER_GRANTS.format(role=role)}")
        with closing(connect_postgres({"url": postgres_server.url(database, role)})) as backend:
            backend.keep_evidence(RECORD)
            assert list(backend.evidence([NAME])) == [RECORD]
        for statement in ("UPDATE catalog.evidence SET content = ''", "DELETE FROM catalog.evidence"):
            with pytest.raises(PsqlError, match="permission denied"):
                postgres_server.psql(database, statement, role)
