"""Records of evidence that a change takes away or replaces: ``catalog diff`` names them, with what they said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from gated import ID, cases, evidence, record, start
from scratch import Scratch

FAILED = "the record of v3 of 2026-01-05T11:00:00Z went: 3 cases: 2 passed, 1 failed"


@pytest.fixture
def failing(scratch: Scratch) -> str:
    """v3 passed, and then failed; the path of the record that says so, committed."""
    start(scratch)
    record(scratch, evidence(scratch, "v3", cases(3), hour=1))
    path = record(scratch, evidence(scratch, "v3", cases(3, ["case 1"]), hour=2))
    scratch.commit("Two runs")
    return path


def told(scratch: Scratch, *operands: str) -> list[dict[str, Any]]:
    changes = scratch.run("diff", *(operands or ("HEAD",)), "--format", "json").json()["changes"]
    return [item for change in changes if change["kind"] == "test" for item in change["details"]]


def test_a_record_that_goes_is_told_with_what_it_said(scratch: Scratch, failing: str) -> None:
    scratch.git("rm", "--quiet", failing)
    (item,) = told(scratch)
    assert (item["rule"], item["path"], item["message"]) == (
        "test-weakened", f"/evidence/{failing.rpartition('/')[2]}", FAILED,
    )  # fmt: skip
    assert item["before"]["counts"]["fail"] == 1
    assert scratch.run("diff", "HEAD").out.startswith(f"evidence of {ID}\n")
    said = scratch.run("diff", "HEAD", "--format", "markdown").out
    assert said.startswith("**Evidence went.**")
    assert "1 record of evidence went" in said
    assert "2 passed, 1 failed" in said
    scratch.write("prompts/registry.yaml", f"{ID}:\n  staging: v3\n  production: v3\n")
    said = scratch.run("diff", "HEAD", "--format", "markdown").out
    assert "A rollout, no new content." not in said
    assert "Evidence that went" in said


def test_a_record_that_says_something_else_is_told(scratch: Scratch, failing: str) -> None:
    other = scratch.root / failing
    other.write_bytes(other.read_bytes().replace(b'"fail"', b'"pass"'))
    assert [item["message"] for item in told(scratch)] == [FAILED.replace("went", "is another one now")]


def test_a_record_that_stands_under_another_name_is_not_gone(scratch: Scratch, failing: str) -> None:
    folder = Path(failing).parent
    scratch.git("mv", failing, str(folder / "v3-000000000000.000000000000.json"))
    assert told(scratch) == []
    moved = json.loads((scratch.root / folder / "v3-000000000000.000000000000.json").read_text("utf-8"))
    scratch.write(str(folder / "v3-000000000000.000000000000.json"), json.dumps({**moved, "endpoint": "other"}))
    assert [item["message"] for item in told(scratch)] == [FAILED]


def test_records_go_along_with_a_prompt_that_has_another_id(scratch: Scratch, failing: str) -> None:
    scratch.git("mv", f"prompts/{ID}", "prompts/helper")
    for number in (1, 2, 3):
        file = scratch.root / f"prompts/helper/v{number}.yaml"
        file.write_text(file.read_text("utf-8").replace(f"id: {ID}", "id: helper"), "utf-8")
    scratch.write("prompts/registry.yaml", "helper:\n  staging: v3\n  production: v2\n")
    assert told(scratch) == []
    scratch.git("rm", "--quiet", "--force", failing.replace(ID, "helper"))
    assert [item["message"] for item in told(scratch)] == [FAILED]


@pytest.mark.usefixtures("failing")
def test_a_record_that_comes_and_a_prompt_that_goes_with_its_own_are_not_told(scratch: Scratch) -> None:
    assert told(scratch, "HEAD~1", "HEAD") == []
    scratch.git("rm", "--quiet", "-r", f"prompts/{ID}")
    scratch.write("prompts/registry.yaml", "{}\n")
    assert told(scratch) == []


def test_a_record_that_could_not_be_used_is_told_where_it_goes(scratch: Scratch, failing: str) -> None:
    scratch.write(failing, "{}")
    scratch.commit("Broken")
    scratch.write(failing, '{"a": 1}')
    assert told(scratch) == []
    scratch.git("rm", "--quiet", "--force", failing)
    assert [item["message"] for item in told(scratch)] == ["a record went: it could not be used"]
