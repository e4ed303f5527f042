"""A redis target whose clients are killed, and whose answers are lost on the way."""

from __future__ import annotations

from contextlib import closing

from cutting_proxy import EXEC, Cut, CuttingProxy
from kills import kill_publishers
from lost_answers import assert_published_once, publish_while_cut
from redis_server import RunningRedis
from soak import SOAK

from catalog_tool.backends.redis import connect
from catalog_tool.sync.conformance.store import LEASE

pytest_plugins = ["services"]

WRITES = 2000 if SOAK else 200


def test_a_killed_publisher_leaves_a_whole_store(redis_server: RunningRedis) -> None:
    options = {"url": redis_server.url(redis_server.new_database())}
    with closing(connect(options)) as backend:
        kill_publishers(backend, "redis", options, 300 if SOAK else 30)


def test_lost_answers_give_exactly_the_wanted_set(redis_server: RunningRedis) -> None:
    database = redis_server.new_database()
    with CuttingProxy(("127.0.0.1", redis_server.port), EXEC) as proxy:
        with closing(connect({"url": redis_server.url(database, port=proxy.port)})) as backend:
            publish_while_cut(backend, proxy, LEASE, WRITES)
        cuts = proxy.cuts
    with closing(connect({"url": redis_server.url(database)})) as backend:
        assert_published_once(backend, WRITES)
    assert cuts[Cut.BEFORE] > WRITES / 5
    assert cuts[Cut.AFTER] > WRITES / 5
