"""What a service hears and asks of a Postgres store."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest
from postgres_server import PostgresServer
from served_prompts import until

from catalog_tool.backends.postgres import connect
from catalog_tool.errors import BackendError, UnavailableError
from catalog_tool.sync.conformance.samples import put_label, put_version
from catalog_tool.sync.conformance.store import done, held

news = pytest.importorskip("catalog_tool.backends.postgres_news")
pytest_plugins = ["services"]
LISTENING = "SELECT count(*) FROM pg_stat_activity WHERE datname = '{}' AND query LIKE 'LISTEN%'"


@pytest.fixture
def url(postgres_server: PostgresServer) -> Iterator[tuple[str, str, PostgresServer]]:
    """A connection string, its database, and the server."""
    with postgres_server.database() as database:
        yield postgres_server.url(database), database, postgres_server


def fill(url: str, *prefixes: str) -> None:
    for prefix in prefixes:
        backend = held(lambda prefix="": connect({"url": url, "prefix": prefix}), prefix)
        done(backend, put_version(), put_version(version="v2", text="b"), put_label("v1"))
        backend.drop_lease("token-1")
        backend.close()


def move(server: PostgresServer, database: str, name: str) -> None:
    """Move a label as a hand would, and tell of it as we do."""
    told = json.dumps({"generation": 2, "id": name})
    server.psql(
        database,
        f"UPDATE catalog.label SET value = '\"v2\"' WHERE id = '{name}';"
        f" UPDATE catalog.generation SET generation = generation + 1 WHERE id = '{name}';"
        f" SELECT pg_notify('catalog_label', '{told}')",
    )


def test_the_count_changes_with_the_moves_below_its_prefix(url: tuple[str, str, PostgresServer]) -> None:
    where, database, server = url
    with closing(news.MoveCount(where)) as whole, closing(news.MoveCount(where, "o'team/")) as part:
        assert (whole(), part()) == (None, None), "nothing was stored yet"
        fill(where, "", "o_team/")
        assert part() == (0, None)
        with closing(news.MoveCount(where, "o_team/")) as below:
            before = whole(), below()
            move(server, database, "support/greet")
            assert (whole() == before[0], below() == before[1]) == (False, True)
            move(server, database, "o_team/support/greet")
            assert below() != before[1]


def test_a_store_that_is_lost_is_an_error_and_then_asked_anew(url: tuple[str, str, PostgresServer]) -> None:
    where, database, server = url
    fill(where, "")
    with closing(news.MoveCount(where)) as count:
        before = count()
        server.psql("postgres", f"ALTER DATABASE {database} WITH ALLOW_CONNECTIONS false")
        server.psql("postgres", f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'")
        with pytest.raises(BackendError):
            count()
        with pytest.raises(UnavailableError):
            count()
        server.psql("postgres", f"ALTER DATABASE {database} WITH ALLOW_CONNECTIONS true")
        assert count() == before


def test_every_move_is_heard_and_a_line_that_is_cut_is_opened_anew(url: tuple[str, str, PostgresServer]) -> None:
    where, database, server = url
    fill(where, "")
    with closing(news.LabelNews(where)) as line:
        assert line.wait(0.1), "what happened before the line was open is unknown"
        assert not line.wait(0.05)
        for _ in range(3):
            move(server, database, "support/greet")
        assert line.wait(5.0)
        assert not line.wait(0.05), "one look takes all that was told"
        later = threading.Timer(0.2, move, (server, database, "support/greet"))
        later.start()
        assert line.wait(10.0), "what is told while one waits ends the wait"
        later.join()
        server.psql(
            "postgres", f"SELECT pg_terminate_backend(pid) {LISTENING.format(database).partition('count(*) ')[2]}"
        )
        assert not line.wait(0.05)
        assert until(lambda: line.wait(0.05), 5.0), "it is open again, and something may have been missed"
        assert server.psql("postgres", LISTENING.format(database)) == "1"
