"""A ``file`` target, as a user runs it: sync, an edit in the folder, drift, pull or overwrite, damage."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from scratch import Answer, Scratch

from catalog_tool.source.schemas import schema_text

FILES = {
    "catalog.yaml": "catalog: acme\ntargets:\n  shared: {backend: file, path: run/shared}\n",
    ".gitignore": "run/\n",
    "prompts/greet/v1.yaml": "id: greet\nversion: v1\nmodel: gpt-4o-2024-08-06\nsystem_prompt: Greet warmly.\n",
    "prompts/greet/v2.yaml": "id: greet\nversion: v2\nmodel: gpt-4o-2024-08-06\nsystem_prompt: Greet.\n",
    "prompts/registry.yaml": "greet:\n  production: v1\n",
    "skills/pdf/SKILL.md": "---\nname: pdf\ndescription: Fill PDF forms.\n---\n# PDF\n",
}
VERSION = "prompts/greet@v1"


@pytest.fixture
def catalog(scratch: Scratch) -> Scratch:
    scratch.write_all(FILES)
    (scratch.root / "run").mkdir()
    scratch.commit()
    assert scratch.run("sync", "shared").code == 0
    return scratch


def document(answer: Answer, schema: str, code: int) -> dict[str, Any]:
    assert answer.code == code, (answer.out, answer.err)
    value: dict[str, Any] = answer.json()
    Draft202012Validator(json.loads(schema_text(schema))).validate(value)
    return value


def edit(catalog: Scratch, old: bytes, new: bytes) -> None:
    """Change the object that holds these bytes, as a hand would."""
    [found] = [path for path in objects(catalog) if old in path.read_bytes()]
    found.write_bytes(found.read_bytes().replace(old, new))


def objects(catalog: Scratch) -> list[Path]:
    return [path for path in (catalog.root / "run/shared/objects").rglob("*") if path.is_file()]


def test_a_second_sync_writes_nothing(catalog: Scratch) -> None:
    before = (catalog.root / "run/shared/current.json").read_bytes()
    assert document(catalog.run("plan", "shared", "--format", "json"), "plan-output", 0)["status"] == "unchanged"
    assert catalog.run("plan", "shared", "--exit-code").code == 0
    assert (catalog.root / "run/shared/current.json").read_bytes() == before


def test_an_edit_is_drift_and_both_sides_can_be_taken(catalog: Scratch) -> None:
    edit(catalog, b"Greet warmly.", b"Greet coldly.")
    told = document(catalog.run("drift", "--format", "json"), "drift-output", 1)
    [found] = [item for item in told["targets"]["shared"]["objects"] if item["state"] == "drifted"]
    assert found["object"] == VERSION
    overwritten = catalog.run("sync", "shared", "--overwrite", f"{VERSION}={found['actual']}")
    assert overwritten.code == 0, overwritten
    assert catalog.run("drift").code == 0
    assert any(b"Greet warmly." in path.read_bytes() for path in objects(catalog))


def test_bytes_that_are_gone_are_put_back(catalog: Scratch) -> None:
    [found] = [path for path in objects(catalog) if b"Greet warmly." in path.read_bytes()]
    found.unlink()
    told = document(catalog.run("drift", "--format", "json"), "drift-output", 1)
    assert told["targets"]["shared"]["counts"]["missing"] == 1
    assert catalog.run("sync", "shared").code == 0
    assert catalog.run("drift").code == 0


@pytest.mark.parametrize("name", ["current.json", "objects"])
def test_a_damaged_target_is_unknown_and_never_empty(catalog: Scratch, name: str) -> None:
    path = catalog.root / "run/shared" / name
    path.rename(path.with_name("gone"))
    told = document(catalog.run("drift", "--format", "json"), "drift-output", 3)
    assert told["targets"]["shared"]["status"] == "unknown"
    assert catalog.run("sync", "shared").code == 3
    assert "Traceback" not in catalog.run("sync", "shared").err


def test_a_label_moves_with_git_and_stands_in_the_trail(catalog: Scratch) -> None:
    catalog.write("prompts/registry.yaml", "greet:\n  production: v2\n")
    catalog.commit()
    assert catalog.run("sync", "shared").code == 0
    trail = (catalog.root / "run/shared/trail.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line)["after"] for line in trail] == ["v1", "v2"]
