"""A redis target whose clients are killed, and whose answers are lost on the way."""

from __future__ import annotations

import random
from contextlib import closing

from cutting_proxy import EXEC, Cut, CuttingProxy
from kills import kill_publishers
from redis_server import RunningRedis
from soak import SOAK

from catalog_tool.backends.audit import verify
from catalog_tool.backends.base import Backend
from catalog_tool.backends.redis import connect
from catalog_tool.errors import UnavailableError
from catalog_tool.model.target import Write
from catalog_tool.sync.conformance.samples import put_label, put_version
from catalog_tool.sync.conformance.store import LEASE, RUN

pytest_plugins = ["services"]

WRITES = 2000 if SOAK else 200


def test_a_killed_publisher_leaves_a_whole_store(redis_server: RunningRedis) -> None:
    options = {"url": redis_server.url(redis_server.new_database())}
    with closing(connect(options)) as backend:
        kill_publishers(backend, "redis", options, 300 if SOAK else 30)


def test_lost_answers_give_exactly_the_wanted_set(redis_server: RunningRedis) -> None:
    database = redis_server.new_database()
    chooser = random.Random(19)
    with CuttingProxy(("127.0.0.1", redis_server.port), EXEC) as proxy:
        with closing(connect({"url": redis_server.url(database, port=proxy.port)})) as backend:
            for number in range(1, WRITES + 1):
                version, before = f"v{number}", f"v{number - 1}" if number > 1 else None
                proxy.cut = None
                backend.take_lease(LEASE)  # on a slow machine the trial outlasts one lease
                proxy.cut = chooser.choice([None, Cut.BEFORE, Cut.AFTER])
                repeated(backend, put_version("p", version, version), put_label(version, name="p", seen=before))
        cuts = proxy.cuts
    with closing(connect({"url": redis_server.url(database)})) as backend:
        found = {item.address: item.entry for item in backend.scan()}
        wanted = [put_version("p", f"v{number}", f"v{number}") for number in range(1, WRITES + 1)]
        last = put_label(f"v{WRITES}", name="p")
        assert found == {write.address: write.entry for write in (*wanted, last)}
        events = list(backend.events())
        assert [event.after for event in events] == [f"v{number}" for number in range(1, WRITES + 1)]
        assert verify(events) is None
        assert dict(backend.generations()) == {"p": WRITES}
        assert set(backend.load().inventory) == set(found)
    assert cuts[Cut.BEFORE] > WRITES / 5
    assert cuts[Cut.AFTER] > WRITES / 5


def repeated(backend: Backend, *writes: Write) -> None:
    """Make the steps, asking again as often as the backend says that one may."""
    for _ in range(5):
        try:
            outcomes = backend.write(writes, RUN)
        except UnavailableError:
            continue
        assert [found.outcome for found in outcomes] == ["done"] * len(writes)
        return
    raise AssertionError("never answered")
