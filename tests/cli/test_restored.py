"""A store that a backup set back: clients that saw it go on refuse it, until a sync is told of that."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing

import pytest
from client_trials import Clock, still_client
from scratch import Scratch

PROMPT = "id: greet\nversion: {version}\nmodel: m\nsystem_prompt: Hello {version}.\n"
REGISTRY = "prompts/registry.yaml"


def point(catalog: Scratch, version: str) -> None:
    catalog.write(REGISTRY, f"greet: {{production: {version}}}\n")
    catalog.commit()


@pytest.fixture
def catalog(scratch: Scratch) -> Scratch:
    """A target with one backup, made three moves of a label before now."""
    settings = "catalog: acme\ntargets:\n  local: {backend: sqlite, path: runtime.db}\n"
    scratch.write_all({"catalog.yaml": settings, ".gitignore": "*.db*\n"})
    scratch.write_all({f"prompts/greet/{each}.yaml": PROMPT.format(version=each) for each in ("v1", "v2")})
    point(scratch, "v1")
    assert scratch.run("sync", "local").code == 0
    with closing(sqlite3.connect(scratch.root / "runtime.db")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(scratch.root / "runtime.db", scratch.root / "backup.db")
    for version in ("v2", "v1", "v2"):
        point(scratch, version)
        assert scratch.run("sync", "local").code == 0
    return scratch


def set_back(catalog: Scratch) -> None:
    for name in ("runtime.db", "runtime.db-wal", "runtime.db-shm"):
        (catalog.root / name).unlink(missing_ok=True)
    shutil.copy(catalog.root / "backup.db", catalog.root / "runtime.db")


def test_a_running_client_takes_what_git_says_after_a_restore(catalog: Scratch) -> None:
    clock = Clock()
    with still_client(f"sqlite:///{catalog.root}/runtime.db", clock) as client:
        assert client.get("greet").version == "v2"

        def now_served() -> str:
            clock.now += 100
            client.tick()
            return str(client.get("greet").version)

        set_back(catalog)
        point(catalog, "v1")
        assert catalog.run("sync", "local").code == 0
        assert now_served() == "v2", "without a word, a store that was set back looks like a replica that lags"
        told = catalog.run("sync", "local", "--restored")
        assert told.code == 0
        assert "local has another store_id: clients take what it holds now" in told.err
        assert now_served() == "v1"
        point(catalog, "v2")
        assert catalog.run("sync", "local").code == 0
        assert now_served() == "v2"


def test_a_sync_that_is_blocked_changes_no_id(catalog: Scratch) -> None:
    def store() -> str:
        return str(catalog.run("status", "local", "--format", "json").json()["targets"]["local"]["store_id"])

    before = store()
    catalog.write("prompts/greet/v2.yaml", "id: greet\nversion: v9\n")
    catalog.commit()
    assert catalog.run("sync", "local", "--restored").code == 1
    assert store() == before


def test_a_target_without_an_id_of_its_own_is_refused(scratch: Scratch) -> None:
    settings = "catalog: acme\ntargets:\n  ml: {backend: mlflow, url: 'http://127.0.0.1:1'}\n"
    scratch.write_all({"catalog.yaml": settings, "prompts/greet/v1.yaml": PROMPT.format(version="v1")})
    scratch.commit()
    refused = scratch.run("sync", "ml", "--restored")
    assert refused.code == 2
    assert "ml cannot be given another store_id (mlflow)" in refused.err
