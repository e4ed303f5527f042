"""A postgres target whose clients are killed, and whose answers are lost on the way."""

from __future__ import annotations

from contextlib import closing

from cutting_proxy import Cut, CuttingProxy
from kills import kill_publishers
from lost_answers import assert_published_once, publish_while_cut
from postgres_server import PostgresServer
from soak import SOAK

from catalog_tool.backends.postgres import connect
from catalog_tool.sync.conformance.store import LEASE

pytest_plugins = ["services"]

WRITES = 2000 if SOAK else 200


def test_a_killed_publisher_leaves_a_whole_store(postgres_server: PostgresServer) -> None:
    options = {"url": postgres_server.url(postgres_server.new_database())}
    with closing(connect(options)) as backend:
        kill_publishers(backend, "postgres", options, 1000 if SOAK else 50)


def test_lost_answers_give_exactly_the_wanted_set(postgres_server: PostgresServer) -> None:
    database = postgres_server.new_database()
    with CuttingProxy(("127.0.0.1", postgres_server.port)) as proxy:
        plain = "sslmode=disable gssencmode=disable"
        url = f"{postgres_server.url(database, host='127.0.0.1', port=proxy.port)} {plain}"
        with closing(connect({"url": url})) as backend:
            backend.take_lease(LEASE)
            publish_while_cut(backend, proxy, LEASE, WRITES)
        cuts = proxy.cuts
    with closing(connect({"url": postgres_server.url(database)})) as backend:
        assert_published_once(backend, WRITES)
    assert cuts[Cut.BEFORE] > WRITES / 5
    assert cuts[Cut.AFTER] > WRITES / 5
