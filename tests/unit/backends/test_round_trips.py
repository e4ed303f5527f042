"""A plan that finds nothing to do asks a server of our own as often for many versions as for few."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from counting_proxy import CountingProxy
from postgres_server import PostgresServer
from redis_server import RunningRedis
from running_service import catalog_of, running
from soak import SOAK

from catalog_tool.backends.registry import connect
from catalog_tool.server.tokens import TokenFile, Wish
from catalog_tool.sync.apply import plan_target, sync_target
from catalog_tool.sync.conformance.engine import OPTIONS, session
from catalog_tool.sync.conformance.samples import Sample, desired_of

pytest_plugins = ["services"]

SIZES = (100, 10_000) if SOAK else (20, 1_000)
MOST = 20
"""For any number of versions. A question that travels in two segments may count twice, so no two runs are equal."""
VERSIONS_A_PROMPT = 10


def catalog(size: int) -> Sample:
    """So many versions, ten of each prompt, and a label for each prompt."""
    names = [(f"p{number // VERSIONS_A_PROMPT}", f"v{number % VERSIONS_A_PROMPT + 1}") for number in range(size)]
    labels = {(name, "production"): "v1" for name, version in names if version == "v1"}
    return Sample({(name, version): f"{name} {version}" for name, version in names}, labels)


def trips_of_a_plan(kind: str, port: int, options: Callable[[int], dict[str, Any]], size: int) -> int:
    """Sync so many versions, and plan the same again; how often the store was asked then, connecting included."""
    desired = desired_of(catalog(size))
    with closing(connect(kind, options(port))) as backend:
        assert sync_target(session(backend), desired, OPTIONS).status == "done"
    with CountingProxy(("127.0.0.1", port)) as proxy, closing(connect(kind, options(proxy.port))) as backend:
        assert plan_target(session(backend), desired, OPTIONS).status == "unchanged"
        return proxy.trips


def test_postgres(postgres_server: PostgresServer) -> None:
    trips = []
    for size in SIZES:
        database = postgres_server.new_database()

        def options(port: int, database: str = database) -> dict[str, Any]:
            url = postgres_server.url(database, host="127.0.0.1", port=port)
            return {"url": f"{url} sslmode=disable gssencmode=disable"}

        trips.append(trips_of_a_plan("postgres", postgres_server.port, options, size))
    assert max(trips) < MOST, trips


def test_redis(redis_server: RunningRedis) -> None:
    trips = []
    for size in SIZES:
        database = redis_server.new_database()

        def options(port: int, database: int = database) -> dict[str, Any]:
            return {"url": redis_server.url(database, port=port)}

        trips.append(trips_of_a_plan("redis", redis_server.port, options, size))
    assert max(trips) < MOST, trips


@contextmanager
def served(folder: Path) -> Iterator[tuple[int, str]]:
    """Our own service on an empty store: its port, and a token for syncing."""
    catalog_of(folder, "backend: sqlite, path: store.db")
    tokens = TokenFile(folder / "tokens.json")
    secret, _ = tokens.create(Wish(name="ci", scopes=["sync"]), 0)
    with running(folder, "--tokens", str(tokens.path), wait_for="/healthz") as service:
        yield service.port, secret


def test_our_own_service(tmp_path: Path) -> None:
    trips = []
    for size in SIZES:
        with served(tmp_path / str(size)) as (port, secret):

            def options(port: int, secret: str = secret) -> dict[str, Any]:
                return {"url": f"http://127.0.0.1:{port}", "token": secret}

            trips.append(trips_of_a_plan("http", port, options, size))
    assert max(trips) < MOST, trips
