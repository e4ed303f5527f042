"""Targets of one catalog in one place, split by what they take: none takes for dropped what another wants."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

import pytest
from scratch import Scratch

PROMPT = "id: greet\nversion: {0}\nsystem_prompt: Hello {0}.\n"
SETTINGS = """\
catalog: shop
targets:
  live: {backend: sqlite, path: ../runtime.db, labels: [production], skills: false}
  test: {backend: sqlite, path: ./../runtime.db, labels: [staging]}
"""
PRODUCTION, STAGING = "labels/greet@production", "labels/greet@staging"
SKILL = "---\nname: pdf\ndescription: Fill PDF forms when asked to.\n---\nBody.\n"


@pytest.fixture
def catalog(scratch: Scratch) -> Scratch:
    scratch.write_all({
        "catalog.yaml": SETTINGS,
        "prompts/greet/v1.yaml": PROMPT.format("v1"), "prompts/greet/v2.yaml": PROMPT.format("v2"),
        "prompts/registry.yaml": "greet: {production: v1, staging: v2}\n",
        "skills/pdf/SKILL.md": SKILL,
    })  # fmt: skip
    scratch.commit(when="2026-01-02T03:04:05Z")
    for target in ("live", "test"):
        assert scratch.run("sync", target).code == 0
    return scratch


def held(catalog: Scratch) -> dict[str, str]:
    with closing(sqlite3.connect(catalog.root.parent / "runtime.db")) as connection:
        return dict(connection.execute("SELECT label, value FROM label").fetchall())


def drift(catalog: Scratch, target: str) -> dict[str, Any]:
    found: dict[str, Any] = catalog.run("drift", target, "--format", "json").json()["targets"][target]
    return {item["object"]: item for item in found["objects"]}


def test_neither_prunes_what_the_other_wants(catalog: Scratch) -> None:
    for target in ("live", "test"):
        answer = catalog.run("sync", target, "--prune", "--allow", "deletes=9", "--format", "json")
        assert (answer.code, answer.json()["status"], answer.json()["actions"]) == (0, "unchanged", [])
        assert drift(catalog, target) == {}
    assert held(catalog) == {"production": '"v1"', "staging": '"v2"'}


def test_what_somebody_does_to_one_is_only_that_ones_drift(catalog: Scratch) -> None:
    with closing(sqlite3.connect(catalog.root.parent / "runtime.db")) as connection, connection:
        connection.execute("DELETE FROM label WHERE label = 'staging'")
    assert catalog.run("sync", "live").code == 0
    assert drift(catalog, "live") == {}
    assert drift(catalog, "test")[STAGING]["state"] == "missing", "it is remembered that it was there"


def test_what_git_drops_goes_from_where_it_was(catalog: Scratch) -> None:
    catalog.write("prompts/registry.yaml", "greet: {production: v1}\n")
    catalog.commit()
    said = catalog.run("plan", "live").out
    assert "git no longer has it; --prune deletes it" in said
    assert catalog.run("sync", "live", "--prune").code == 0
    assert held(catalog) == {"production": '"v1"'}


def test_what_the_settings_leave_out_is_not_told_as_gone_from_git(catalog: Scratch) -> None:
    alone = (
        "catalog: shop\ntargets: {live: {backend: sqlite, path: ../runtime.db, labels: [production], skills: false}}\n"
    )
    catalog.write("catalog.yaml", alone)
    catalog.commit()
    for said in (catalog.run("plan", "live").out, catalog.run("drift", "live").out):
        assert "the target's settings leave it out" in said
        assert "git no longer has it" not in said
    found = drift(catalog, "live")
    assert {address: (item["state"], item["left_out"]) for address, item in found.items()} == {
        STAGING: ("prune", True), "skills/pdf": ("prune", True),
    }  # fmt: skip
    assert catalog.run("sync", "live", "--prune", "--allow", "deletes=2").code == 0
    assert held(catalog) == {"production": '"v1"'}


@pytest.mark.parametrize("elsewhere", ["path: ../other.db", "path: ../runtime.db, prefix: test/"])
def test_another_place_is_nobody_elses(catalog: Scratch, elsewhere: str) -> None:
    catalog.write("catalog.yaml", SETTINGS.replace("path: ./../runtime.db", elsewhere))
    catalog.commit()
    assert catalog.run("sync", "live", "--prune", "--allow", "deletes=2").code == 0
    assert held(catalog) == {"production": '"v1"'}
