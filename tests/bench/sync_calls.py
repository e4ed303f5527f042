"""Run as a process: what a first sync and a no-change plan cost beside their floors; prints JSON.

``python -m tests.bench.sync_calls ROOT BACKEND SCRATCH ROUNDS``: ROOT is a catalog under git. Each round
syncs it into an empty store, plans once more, and does the floors' work: the same rows in one bulk upsert
transaction into tables of the same schema, and reading the catalog plus every digest of the store.
Seconds: of processor time where the store is in this process, else of wall time.
"""

from __future__ import annotations

import gc
import json
import sqlite3
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import postgres_server
import psycopg

from catalog_tool.backends.registry import connect
from catalog_tool.model.target import Lease
from catalog_tool.source.root import find_root
from catalog_tool.sync.apply import plan_target, sync_target
from catalog_tool.sync.plan import Destination, LabelRules, PlanOptions
from catalog_tool.sync.session import Session
from catalog_tool.sync.wanted import Desired, desired_for, read_catalog

EVERYTHING = {"include": ["**"], "labels": ["*"], "skills": True}
TABLES = {
    "prompt_version": 6, "label": 4, "skill": 4, "skill_file": 6, "inventory": 4, "generation": 2, "label_event": 10,
}  # fmt: skip
"""The tables that a sync fills, and how many columns they have."""
KEYS = {
    "prompt_version": "id, version", "label": "id, label", "skill": "name", "skill_file": "name, path",
    "inventory": "scope, address", "generation": "id", "label_event": "seq",
}  # fmt: skip
DIGESTS = (
    "SELECT id, version, digest FROM {0}prompt_version UNION ALL SELECT id, label, value FROM {0}label"
    " UNION ALL SELECT name, '', digest FROM {0}skill"
)


def read(root: str) -> Desired:
    """The catalog at HEAD, as every plan reads it."""
    return desired_for(read_catalog(find_root(root), "HEAD"), EVERYTHING)


class Stores:
    """Fresh stores of one kind, and their rows by hand."""

    def __init__(self, backend: str, scratch: Path, server: postgres_server.PostgresServer | None) -> None:
        self.backend = backend
        self._scratch = scratch
        self._server = server
        self._count = 0
        self.clock = time.process_time if server is None else time.perf_counter

    def fresh(self) -> str:
        """Where an empty store is."""
        self._count += 1
        if self._server is None:
            return str(self._scratch / f"store{self._count}.db")
        return self._server.url(self._server.new_database())

    def options(self, place: str) -> dict[str, Any]:
        """The settings of a target there."""
        return {"path": place} if self._server is None else {"url": place}

    def connection(self, place: str) -> Any:
        """The driver's own connection."""
        return sqlite3.connect(place) if self._server is None else psycopg.connect(place)

    @property
    def schema(self) -> str:
        """Before the name of a table."""
        return "" if self._server is None else "catalog."

    def rows(self, place: str) -> dict[str, list[Any]]:
        """Everything that a sync wrote."""
        with closing(self.connection(place)) as connection:
            found = {}
            for table in TABLES:
                found[table] = connection.execute(f"SELECT * FROM {self.schema}{table}").fetchall()
        return found

    def digests(self, place: str) -> int:
        """How many digests the store holds, all read."""
        with closing(self.connection(place)) as connection:
            return len(connection.execute(DIGESTS.format(self.schema)).fetchall())

    def prepare(self, place: str) -> None:
        """The tables, empty."""
        with closing(connect(self.backend, self.options(place))) as backend:
            backend.take_lease(Lease("bench", "bench", "here", 1, 1))

    def upsert(self, place: str, rows: dict[str, list[Any]]) -> None:
        """All rows, one transaction, one statement a table."""
        mark = "?" if self._server is None else "%s"
        with closing(self.connection(place)) as connection:
            cursor = connection.cursor()
            if self._server is None:
                cursor.execute("PRAGMA synchronous = FULL")
            for table, found in rows.items():
                marks = ", ".join([mark] * TABLES[table])
                sql = f"INSERT INTO {self.schema}{table} VALUES ({marks}) ON CONFLICT ({KEYS[table]}) DO NOTHING"
                cursor.executemany(sql, found)
            connection.commit()


def session(stores: Stores, place: str) -> Session:
    """A session on the store."""
    backend = connect(stores.backend, stores.options(place))
    return Session(
        backend=backend, destination=Destination("bench", "bench", LabelRules(frozenset(), {})), git=None, actor="bench"
    )


def seconds(clock: Callable[[], float], call: Callable[[], Any]) -> float:
    """What a call took; the collector runs before it, never in it."""
    gc.collect()
    gc.disable()
    begun = clock()
    call()
    taken = clock() - begun
    gc.enable()
    return taken


def measured(root: str, stores: Stores, rounds: int) -> dict[str, float]:
    """Medians of interleaved rounds."""
    desired = read(root)
    found: dict[str, list[float]] = {"sync": [], "upsert": [], "plan": [], "reading": []}
    rows: dict[str, list[Any]] = {}
    for _ in range(rounds):
        place = stores.fresh()
        work = session(stores, place)
        found["sync"].append(seconds(stores.clock, lambda: sync_target(work, desired, PlanOptions())))  # noqa: B023
        work.backend.close()
        rows = rows or stores.rows(place)
        bare = stores.fresh()
        stores.prepare(bare)
        found["upsert"].append(seconds(stores.clock, lambda: stores.upsert(bare, rows)))  # noqa: B023
        work = session(stores, place)
        found["plan"].append(seconds(stores.clock, lambda: plan_target(work, read(root), PlanOptions())))  # noqa: B023
        work.backend.close()
        found["reading"].append(seconds(stores.clock, lambda: (read(root), stores.digests(place))))  # noqa: B023
    medians = {name: median(times) for name, times in found.items()}
    return medians | memory(stores, place, desired) | {"objects": len(desired.objects)}


def memory(stores: Stores, place: str, desired: Desired) -> dict[str, float]:
    """The most that a no-change plan holds beyond what is wanted, and the size of what is wanted; bytes."""
    work = session(stores, place)
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    plan_target(work, desired, PlanOptions())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    work.backend.close()
    return {"beyond": peak - before, "bundle": sum(len(item.entry) for item in desired.objects.values())}


@contextmanager
def stores_of(backend: str, scratch: Path) -> Iterator[Stores]:
    """The stores of a kind, with their server running."""
    if backend == "sqlite":
        yield Stores(backend, scratch, None)
        return
    binaries = postgres_server.binaries()
    if binaries is None:
        raise SystemExit(f"no Postgres on this machine: install {postgres_server.PACKAGE}")
    with postgres_server.running(binaries) as server:
        yield Stores(backend, scratch, server)


if __name__ == "__main__":
    catalog, kind, folder, times = sys.argv[1:]
    with stores_of(kind, Path(folder)) as opened:
        print(json.dumps(measured(catalog, opened, int(times))))
