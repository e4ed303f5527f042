"""An alias that an application made on a target for itself, under a name that no label of git can have."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from scratch import Scratch

PROMPT = "id: greet\nversion: v1\nmodel: m\nsystem_prompt: Hello.\n"


@pytest.fixture
def catalog(scratch: Scratch) -> Scratch:
    settings = "catalog: acme\ntargets:\n  local: {backend: sqlite, path: runtime.db}\n"
    scratch.write_all({"catalog.yaml": settings, ".gitignore": "*.db*\n", "prompts/greet/v1.yaml": PROMPT})
    scratch.write("prompts/registry.yaml", "greet: {production: v1}\n")
    scratch.commit()
    assert scratch.run("sync", "local").code == 0
    return scratch


def alias(catalog: Scratch, label: str) -> None:
    with closing(sqlite3.connect(catalog.root / "runtime.db")) as connection, connection:
        connection.execute("INSERT INTO label (id, label, value) VALUES ('greet', ?, '\"v1\"')", (label,))


def test_it_is_not_brought_and_fails_no_pull(catalog: Scratch) -> None:
    alias(catalog, "Beta-Test")
    pulled = catalog.run("pull", "local")
    assert (pulled.code, "Beta-Test" in pulled.out + pulled.err) == (0, False)


def test_one_that_git_can_have_is_brought(catalog: Scratch) -> None:
    alias(catalog, "beta")
    pulled = catalog.run("pull", "local")
    assert pulled.code == 0
    assert "labels/greet@beta" in pulled.out
