"""``catalog status`` says of every target that takes edits beside git why, and how long until one is seen."""

from __future__ import annotations

import json

import pytest
from jsonschema import Draft202012Validator
from scratch import Scratch

from catalog_tool.source.schemas import schema_text

SCHEMA = json.loads(schema_text("status-output"))
REASON = "whoever can write to the file can edit it: its permissions are the only lock"
WORKFLOW = """\
on:
  schedule:
    - cron: "17 */2 * * *"
jobs:
  look:
    uses: o/catalog/.github/workflows/catalog-drift.yml@0123
    with: {targets: local}
"""


@pytest.fixture
def catalog(scratch: Scratch) -> Scratch:
    scratch.write("catalog.yaml", "catalog: acme\ntargets:\n  local: {backend: sqlite, path: runtime.db}\n")
    scratch.write("prompts/greet/v1.yaml", "id: greet\nversion: v1\nmodel: gpt-4o\nsystem_prompt: Hello.\n")
    scratch.commit()
    return scratch


def told(catalog: Scratch) -> tuple[list[str], dict[str, object]]:
    """The lines of text, and the target in the document."""
    document = catalog.run("status", "local", "--format", "json").json()
    Draft202012Validator(SCHEMA).validate(document)
    found = catalog.run("status", "local")
    assert found.code == 0
    return [line.strip() for line in found.out.splitlines()], document["targets"]["local"]


def test_without_a_schedule_it_is_the_next_look(catalog: Scratch) -> None:
    lines, target = told(catalog)
    assert f"edits here cannot be blocked: {REASON}" in lines
    assert lines[-1] == (
        "an edit reaches applications within 30 s and is seen by the next `catalog drift`, `plan` or `sync`; "
        "no workflow here runs drift for it on a schedule"
    )
    assert target["cannot_block"] == REASON
    assert target["edit_seen"] == {"applications_seconds": 30, "drift_seconds": None, "schedule": None}


def test_with_a_schedule_it_says_how_long(catalog: Scratch) -> None:
    catalog.write(".github/workflows/look.yml", WORKFLOW)
    lines, target = told(catalog)
    assert lines[-1] == (
        "an edit reaches applications within 30 s and is seen by `catalog drift` within 120 min "
        "(.github/workflows/look.yml, cron 17 */2 * * *), or by a `plan` or `sync` before"
    )
    assert target["edit_seen"] == {
        "applications_seconds": 30, "drift_seconds": 7200,
        "schedule": {"path": ".github/workflows/look.yml", "cron": "17 */2 * * *"},
    }  # fmt: skip


def test_where_edits_are_to_be_blocked_it_says_that_they_are_not(catalog: Scratch) -> None:
    settings = "catalog: acme\ntargets:\n  local: {backend: sqlite, path: runtime.db, edits: block}\n"
    catalog.write("catalog.yaml", settings)
    catalog.commit()
    assert f"edits: block is not enforced here: {REASON}" in told(catalog)[0]


def test_of_a_server_that_is_down_too(catalog: Scratch) -> None:
    settings = "catalog: acme\ntargets:\n  far: {backend: langfuse, url: 'http://127.0.0.1:9', timeout: 1,"
    catalog.write("catalog.yaml", f"{settings} public_key: a, secret_key: '${{S}}'}}\n")
    catalog.commit()
    found = catalog.run("status", "far", env={"S": "x"})
    assert (found.code, "unknown: " in found.out) == (3, True)
    assert "is the server up, and is its address the target's `url`, else that of LANGFUSE_BASE_URL" in found.out
    assert "edits here cannot be blocked: protected labels of Langfuse bind its UI, not API keys" in found.out
    assert "an edit reaches applications within 60 s" in found.out


def test_nothing_is_counted_against_a_git_that_cannot_be_read(catalog: Scratch) -> None:
    catalog.write("prompts/registry.yaml", "greet: {production: v1}\n")
    catalog.commit("a label")
    assert catalog.run("sync", "local").code == 0
    assert told(catalog)[1]["counts"]
    catalog.write("prompts/registry.yaml", "greet: {production: v9}\n")
    catalog.commit("a label that points nowhere")
    said = catalog.run("status", "local", "--format", "json")
    assert "C311" in said.err
    target = said.json()["targets"]["local"]
    assert (target["status"], target["counts"]) == ("ok", {})
    assert target["last_sync"] is not None
