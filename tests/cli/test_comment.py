"""`catalog comment` and `catalog alert` without a forge: what they read, refuse, and print."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from scratch import Scratch

from catalog_tool.source.schemas import schema_text

SAME = {"format": 1, "status": "same", "base": "main", "head": None, "changes": [], "summary": {}}
CHANGED = {**SAME, "status": "changed"}
PLAN: dict[str, Any] = {
    "format": 1, "status": "planned", "target": "production", "bundle": "sha256:" + "a" * 64,
    "plan_digest": "sha256:" + "b" * 64, "blocked": [],
    "summary": {"create": 0, "update": 0, "label": 1, "adopt": 0, "delete": 0, "noop": 0},
    "actions": [{"object": "labels/greet@production", "action": "label", "state": "pending", "outcome": "planned",
                 "reason": None}],
}  # fmt: skip


def drift(status: str, *objects: dict[str, Any]) -> dict[str, Any]:
    found = {"status": status, "counts": {}, "objects": list(objects)}
    return {"format": 1, "status": status, "targets": {"production": found}}


ITEM = {
    "object": "labels/greet@production", "state": "drifted", "expected": "v1", "actual": "v2",
    "since": None, "by": "ada",
}  # fmt: skip


@pytest.fixture
def catalog(scratch: Scratch) -> Scratch:
    scratch.write("catalog.yaml", "catalog: acme\n")
    return scratch


def comment(catalog: Scratch, changes: Any, *options: str, code: int = 0, **env: str) -> str:
    catalog.write("diff.json", changes if isinstance(changes, str) else json.dumps(changes))
    answer = catalog.run("comment", "--changes", "diff.json", "--dry-run", *options, env=env)
    assert answer.code == code, answer
    return answer.out if code == 0 else answer.err


class TestComment:
    def test_every_part_is_there_and_the_marker_first(self, catalog: Scratch) -> None:
        catalog.write("plan.json", json.dumps(PLAN))
        catalog.write("diff.md", "**The report.**\n")
        text = comment(catalog, CHANGED, "--plan", "plan.json", "--report", "diff.md", "--terraform", "tf.json")
        assert text.startswith('<!-- catalog-tool {"kind":"comment","catalog":"acme"')
        for told in (
            "### Catalog acme",
            "**The report.**",
            "labels/greet@production",
            PLAN["plan_digest"],
            "1 to move",
        ):
            assert told in text
        assert json.loads((catalog.root / "tf.json").read_text()) == {"create": 0, "update": 1, "delete": 0}

    def test_no_change_says_nothing_left(self, catalog: Scratch) -> None:
        assert "Nothing left" in comment(catalog, SAME)

    def test_it_never_passes_the_limit_nor_cuts_a_fence_or_a_fold(self, catalog: Scratch) -> None:
        fold = "\n<details><summary>x</summary>\n\n```diff\n" + "+ words\n" * 300 + "```\n\n</details>\n"
        catalog.write("diff.md", "**Head.**\n" + fold * 60)
        text = comment(catalog, CHANGED, "--report", "diff.md")
        assert len(text.encode()) <= 60_000
        assert text.count("<details>") == text.count("</details>")
        assert text.count("```diff") == len(re.findall(r"^```$", text, re.MULTILINE))
        assert "left out" in text

    @pytest.mark.parametrize("text", ["", "[]", "nonsense", '{"format":1}', '{"format":2,"status":"same"}'])
    def test_what_is_no_document_is_refused_by_name(self, catalog: Scratch, text: str) -> None:
        assert "--changes diff.json" in comment(catalog, text, code=2)

    def test_the_changes_are_needed_and_a_number_too(self, catalog: Scratch) -> None:
        assert "--changes is missing" in catalog.run("comment").err
        catalog.write("diff.json", json.dumps(CHANGED))
        answer = catalog.run("comment", "--changes", "diff.json", "--repository", "a/b")
        assert answer.code == 2
        assert "--number" in answer.err

    def test_json(self, catalog: Scratch) -> None:
        document = json.loads(comment(catalog, CHANGED, "--format", "json"))
        Draft202012Validator(json.loads(schema_text("comment-output"))).validate(document)
        assert document["status"] == "printed"

    def test_the_summary_stays_within_its_limit(self, catalog: Scratch, tmp_path: Path) -> None:
        summary = tmp_path / "summary"
        summary.write_text("x" * (1024 * 1024 - 200))
        catalog.write("diff.json", json.dumps(CHANGED))
        catalog.write("diff.md", "word " * 100)
        environment = {"GITHUB_STEP_SUMMARY": str(summary), "GITHUB_REPOSITORY": "a/b"}
        answer = catalog.run(
            "comment", "--changes", "diff.json", "--report", "diff.md", "--number", "1", env=environment
        )
        assert answer.code == 0, answer
        assert summary.stat().st_size <= 1024 * 1024
        assert "too long" in summary.read_text()[-200:]


class TestAlert:
    def test_a_dry_run_prints_the_issue(self, catalog: Scratch) -> None:
        catalog.write("drift.json", json.dumps(drift("drift", ITEM)))
        answer = catalog.run("alert", "drift.json", "--dry-run")
        assert answer.code == 1
        assert "# Catalog acme: production is not what git says" in answer.out
        assert "catalog sync production --overwrite labels/greet@production=v2" in answer.out

    def test_settings_that_break_are_the_same_catalog_s(self, catalog: Scratch) -> None:
        catalog.commit()
        catalog.write("catalog.yaml", "targets: [\n")
        assert comment(catalog, CHANGED).startswith('<!-- catalog-tool {"kind":"comment","catalog":"acme"')
        catalog.write("drift.json", json.dumps(drift("unknown")))
        assert "# Catalog acme: production cannot be looked at" in catalog.run("alert", "drift.json", "--dry-run").out

    @pytest.mark.parametrize(("status", "code"), [("in_sync", 0), ("behind", 1), ("drift", 1), ("unknown", 3)])
    def test_the_exit_code_is_the_look_s(self, catalog: Scratch, status: str, code: int) -> None:
        catalog.write("drift.json", json.dumps(drift(status)))
        answer = catalog.run("alert", "drift.json", "--dry-run", "--format", "json")
        assert answer.code == code
        Draft202012Validator(json.loads(schema_text("alert-output"))).validate(answer.json())

    def test_stdin(self, catalog: Scratch) -> None:
        assert catalog.run("alert", "-", "--dry-run", stdin=json.dumps(drift("in_sync"))).code == 0

    def test_without_a_token_it_warns_and_still_says_no(self, catalog: Scratch) -> None:
        catalog.write("drift.json", json.dumps(drift("drift", ITEM)))
        answer = catalog.run("alert", "drift.json", "--repository", "a/b")
        assert answer.code == 1
        assert "no token" in answer.err

    def test_a_state_file_that_is_damaged_starts_anew(self, catalog: Scratch) -> None:
        catalog.write("drift.json", json.dumps(drift("unknown")))
        catalog.write("state.json", "{damaged")
        assert catalog.run("alert", "drift.json", "--no-issue", "--state", "state.json").code == 3
        assert json.loads((catalog.root / "state.json").read_text())["targets"]["production"]["failures"] == 1
