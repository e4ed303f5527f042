"""A version's metadata are never drift (design §8): git is ahead of the target where it has others, else nobody is."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from scratch import Scratch

from catalog_tool.source.schemas import schema_text

PROMPT = "id: greet\nversion: v1\nmodel: m-1\nowners: [team-a]\nsystem_prompt: Hello.\n"
SETTINGS = "catalog: acme\ntargets: {local: {backend: sqlite, path: ../runtime.db}}\n"


@pytest.fixture
def catalog(scratch: Scratch) -> Scratch:
    """A catalog of one prompt, long ago committed and synced to its target."""
    scratch.write_all({
        "catalog.yaml": SETTINGS, "prompts/greet/v1.yaml": PROMPT, "prompts/registry.yaml": "greet: {production: v1}\n",
    })  # fmt: skip
    scratch.commit(when="2026-01-02T03:04:05Z")
    assert scratch.run("sync", "local").code == 0
    return scratch


def waiting(catalog: Scratch, status: str = "in_sync", lag: str = "1s") -> list[tuple[str, str, bool]]:
    """Object, state and ``meta_only`` of what differs."""
    answer = catalog.run("drift", "local", "--max-lag", lag, "--format", "json")
    found: dict[str, Any] = answer.json()
    Draft202012Validator(json.loads(schema_text("drift-output"))).validate(found)
    assert (answer.code, found["status"]) == (int(status != "in_sync"), status)
    assert "pending: git is ahead" not in catalog.run("drift", "local").out
    objects = found["targets"]["local"]["objects"]
    return [(item["object"], item["state"], item.get("meta_only", False)) for item in objects]


@pytest.mark.parametrize("side", ["git", "target"])
def test_metadata_that_differ_are_named_and_written_by_the_next_sync(catalog: Scratch, side: str) -> None:
    assert waiting(catalog) == []
    if side == "git":
        catalog.write("prompts/greet/v1.yaml", PROMPT.replace("team-a", "team-b"))
        catalog.commit(when="2026-02-02T03:04:05Z")
    else:
        with closing(sqlite3.connect(catalog.root.parent / "runtime.db")) as connection, connection:
            connection.execute("UPDATE prompt_version SET entry = replace(entry, 'team-a', 'team-c')")
    differs = [("prompts/greet@v1", "pending", True)]
    assert waiting(catalog, "behind" if side == "git" else "in_sync") == differs, (
        "what was edited there, git is not ahead of"
    )
    assert waiting(catalog, lag="5200w") == differs
    assert "only its metadata are not git's" in catalog.run("drift", "local").out
    assert catalog.run("sync", "local").code == 0
    assert waiting(catalog) == []
