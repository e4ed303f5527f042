"""Every edit is seen, and every way out of one that is printed works, on the embedded store."""

from __future__ import annotations

import json
import shlex
import sqlite3
from contextlib import closing
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from scratch import Scratch

from catalog_tool.source.schemas import schema_text

SETTINGS = """\
catalog: shop
targets:
  lite: {backend: sqlite, path: runtime.db}
labels:
  production: {protected: true}
"""
REGISTRY = "bye:\n  production: v2\ngreet:\n  production: v1\n  staging: v1\n"
BYE = "labels/bye@production"
GREET = "prompts/greet@v1"


def prompt(name: str, version: str, text: str) -> str:
    return f"id: {name}\nversion: {version}\nsystem_prompt: {text}\n"


@pytest.fixture
def catalog(scratch: Scratch) -> Scratch:
    scratch.write_all(
        {
            "catalog.yaml": SETTINGS,
            ".gitignore": "runtime.db*\n*.json\n",
            "prompts/bye/v1.yaml": prompt("bye", "v1", "Bye."),
            "prompts/bye/v2.yaml": prompt("bye", "v2", "Ciao."),
            "prompts/greet/v1.yaml": prompt("greet", "v1", "Hello dear."),
            "prompts/registry.yaml": REGISTRY,
        }
    )
    scratch.commit(when="2026-01-01T00:00:00+00:00")
    assert scratch.run("sync", "lite").code == 0
    return scratch


def sql(catalog: Scratch, statement: str) -> None:
    with closing(sqlite3.connect(catalog.root / "runtime.db")) as connection, connection:
        assert connection.execute(statement).rowcount >= 1, statement


def run(catalog: Scratch, *arguments: str, schema: str, code: int) -> dict[str, Any]:
    answer = catalog.run(*arguments, "--format", "json")
    assert answer.code == code, (answer.out, answer.err)
    document: dict[str, Any] = answer.json()
    Draft202012Validator(json.loads(schema_text(schema))).validate(document)
    return document


def drift(catalog: Scratch, code: int, *arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = run(catalog, "drift", *arguments, schema="drift-output", code=code)["targets"]["lite"]
    return found


def states(found: dict[str, Any]) -> dict[str, str]:
    return {item["object"]: item["state"] for item in found["objects"]}


def lines_to_paste(catalog: Scratch) -> list[list[str]]:
    lines = [line.strip() for line in catalog.run("drift").out.splitlines()]
    return [shlex.split(line)[1:] for line in lines if line.startswith("catalog sync")]


def paste(catalog: Scratch) -> None:
    """Run each line that drift prints, as it stands there."""
    printed = lines_to_paste(catalog)
    assert printed
    for line in printed:
        answer = catalog.run(*line)
        assert answer.code in (0, 1), answer.err
        assert not answer.err.startswith("error"), answer.err


STAMP = 'marker = replace(marker, \'"catalog":"shop"\', \'"catalog":"zzz"\')'


def test_an_edit_behind_another_catalogs_marker_is_drift_and_git_gets_its_side_back(catalog: Scratch) -> None:
    sql(catalog, f"UPDATE label SET value = '\"v1\"', {STAMP} WHERE id = 'bye'")
    sql(catalog, f"UPDATE prompt_version SET entry = replace(entry, 'Hello', 'EVIL'), {STAMP} WHERE id = 'greet'")
    found = drift(catalog, 1)
    assert (found["status"], states(found)) == ("drift", {BYE: "drifted", GREET: "drifted"})
    assert 'catalog_target_status{target="lite",status="drift"} 1' in catalog.run("drift", "--format", "metrics").out
    paste(catalog)
    assert (drift(catalog, 0)["status"], states(drift(catalog, 0))) == ("in_sync", {})


def test_a_pull_brings_what_was_edited_behind_another_catalogs_marker(catalog: Scratch) -> None:
    sql(catalog, f"UPDATE label SET value = '\"v1\"', {STAMP} WHERE id = 'bye'")
    assert [change["object"] for change in run(catalog, "pull", "lite", schema="pull-output", code=0)["changes"]] == [
        BYE
    ]


def test_another_catalogs_marker_alone_is_drift_and_can_be_taken_off(catalog: Scratch) -> None:
    """Nothing else changed, and every sync leaves the object: so somebody has to hear of it."""
    sql(catalog, f"UPDATE label SET {STAMP} WHERE id = 'bye'")
    found = drift(catalog, 1)
    assert [(item["object"], item["state"], item["ours"]) for item in found["objects"]] == [(BYE, "foreign", True)]
    said = [line.strip() for line in catalog.run("drift").out.splitlines()]
    assert f"{BYE}  foreign: ours, and marked as another catalog's" in said, (
        "and not since when we wrote it, and by whom"
    )
    assert run(catalog, "sync", "lite", schema="plan-output", code=1)["status"] == "partial"
    catalog.write("prompts/registry.yaml", REGISTRY.replace("bye:\n  production: v2", "bye:\n  production: v1"))
    catalog.commit(when="2026-01-02T00:00:00+00:00")
    catalog.write("drift.json", catalog.run("drift", "--format", "json").out)
    alert = catalog.run("alert", "drift.json", "--dry-run", "--no-issue").out
    assert "Nobody changed this target" not in alert
    assert "marked as another catalog" in alert
    paste(catalog)
    assert states(drift(catalog, 0)) == {}


def test_what_git_wants_where_another_catalog_has_it_is_not_in_sync_for_ever(catalog: Scratch) -> None:
    sql(catalog, f"UPDATE label SET value = '\"v1\"', {STAMP} WHERE id = 'bye'")
    sql(catalog, f"DELETE FROM inventory WHERE address = '{BYE}'")
    found = drift(catalog, 1)
    assert (found["status"], states(found)) == ("behind", {BYE: "foreign"})
    assert lines_to_paste(catalog) == []
    catalog.write("drift.json", catalog.run("drift", "--format", "json").out)
    told = catalog.run("alert", "drift.json", "--dry-run", "--no-issue").out
    assert "1 object." in told
    assert "belongs to another catalog" in told
    assert run(catalog, "sync", "lite", "--overwrite", f"{BYE}=v1", schema="plan-output", code=1)["status"] == "partial"
    assert states(drift(catalog, 1)) == {BYE: "foreign"}


@pytest.fixture
def dropped(catalog: Scratch) -> Scratch:
    """Somebody edits what git drops."""
    sql(
        catalog,
        "UPDATE prompt_version SET entry = replace(entry, 'Ciao', 'Tschau') WHERE id = 'bye' AND version = 'v2'",
    )
    sql(catalog, "UPDATE label SET value = '\"v1\"' WHERE id = 'bye'")
    catalog.git("rm", "-r", "--quiet", "prompts/bye")
    catalog.write("prompts/registry.yaml", REGISTRY.partition("greet")[1] + REGISTRY.partition("greet")[2])
    catalog.commit(when="2026-01-02T00:00:00+00:00")
    return catalog


def test_what_git_dropped_and_somebody_edited_goes_by_the_line_that_drift_prints(dropped: Scratch) -> None:
    edited = {BYE: "prune_conflict", "prompts/bye@v2": "prune_conflict"}
    assert states(drift(dropped, 1)) == edited | {"prompts/bye@v1": "prune"}
    said = dropped.run("drift").out
    assert "catalog pull" not in said
    line = lines_to_paste(dropped)[0]
    assert line == ["sync", "lite", "--prune", "--only", BYE, "--overwrite", f"{BYE}=v1"]
    paste(dropped)
    assert states(drift(dropped, 0)) == {"prompts/bye@v1": "prune"}  # nothing but what was named
    assert dropped.run("sync", "lite", "--prune").code == 0
    assert states(drift(dropped, 0)) == {}


def test_what_git_dropped_and_somebody_edited_stays_where_it_is_not_what_was_seen(dropped: Scratch) -> None:
    for arguments in (("--prune",), ("--overwrite", f"{BYE}=v1"), ("--prune", "--overwrite", f"{BYE}=v2")):
        assert dropped.run("sync", "lite", *arguments, "--allow", "deletes=9").code == 1
        assert states(drift(dropped, 1))[BYE] == "prune_conflict"


def test_a_pull_names_what_git_no_longer_has(dropped: Scratch) -> None:
    pulled = run(dropped, "pull", "lite", schema="pull-output", code=1)
    assert [left["object"] for left in pulled["left"]] == [BYE, "prompts/bye@v2"]
    assert all("`catalog drift` says how to delete it" in left["reason"] for left in pulled["left"])


def move_staging(catalog: Scratch, when: str, version: str = "v2") -> None:
    catalog.write("prompts/greet/v2.yaml", prompt("greet", "v2", "Hi."))
    catalog.write("prompts/registry.yaml", REGISTRY.replace("staging: v1", f"staging: {version}"))
    catalog.commit(when=when)


def test_an_older_checkout_is_told_that_it_is(catalog: Scratch) -> None:
    move_staging(catalog, "2026-01-02T00:00:00+00:00")
    assert catalog.run("sync", "lite").code == 0
    newer = catalog.git("rev-parse", "HEAD")
    catalog.git("checkout", "--quiet", "HEAD~1")
    found = drift(catalog, 1)
    assert (found["status"], found["superseded"]) == ("behind", {"commit": newer, "is_newer": True})
    said = catalog.run("drift").out
    assert said.startswith("lite: superseded: it was given a commit that this one does not descend from\n")
    assert f"this checkout is older than what the target was given ({newer[:12]})" in said
    assert "git is ahead" not in said
    assert lines_to_paste(catalog) == [["sync", "lite", "--allow", "older"]]
    assert "this checkout is older" in catalog.run("status").out
    status = run(catalog, "status", schema="status-output", code=0)["targets"]["lite"]
    assert status["superseded"] == {"commit": newer, "is_newer": True}
    assert catalog.run("sync", "lite").code == 1


def rewrite(catalog: Scratch) -> None:
    """The same files on a history of its own."""
    catalog.git("checkout", "--quiet", "--orphan", "rewritten")
    catalog.commit("another history", when="2026-01-01T00:00:01+00:00")


def test_a_rewritten_history_is_told_before_a_sync_is_refused(catalog: Scratch) -> None:
    old = catalog.git("rev-parse", "HEAD")
    rewrite(catalog)
    found = drift(catalog, 0)
    assert (found["status"], found["superseded"]) == ("in_sync", {"commit": old, "is_newer": False})
    for command in ("drift", "status"):
        assert f"({old[:12]}) is not in this commit's history" in catalog.run(command).out
    assert "is not in this commit's history" in catalog.run("drift", "--format", "markdown").out
    assert catalog.run("sync", "lite").code == 1
    paste(catalog)
    assert "superseded" not in drift(catalog, 0)
    assert run(catalog, "status", schema="status-output", code=0)["targets"]["lite"]["superseded"] is None


def test_what_is_edited_beside_another_history_is_put_back_by_the_line_that_is_printed(catalog: Scratch) -> None:
    rewrite(catalog)
    sql(catalog, "UPDATE label SET value = '\"v1\"' WHERE id = 'bye'")
    assert lines_to_paste(catalog)[0] == ["sync", "lite", "--allow", "older", "--overwrite", f"{BYE}=v1"]
    paste(catalog)
    assert states(drift(catalog, 0)) == {}


def test_an_alert_tells_another_history_from_a_sync_that_never_ran(catalog: Scratch) -> None:
    rewrite(catalog)
    move_staging(catalog, "2026-01-02T00:00:00+00:00")
    catalog.write("drift.json", catalog.run("drift", "--format", "json").out)
    said = catalog.run("alert", "drift.json", "--dry-run", "--no-issue").out
    assert "is not in this commit's history" in said
    assert "catalog sync lite --allow older" in said
    assert "git has been ahead" not in said
    assert "it may never have run" not in said


def test_since_and_by_are_told_only_where_somebody_changed_the_target(catalog: Scratch) -> None:
    moved_on = REGISTRY.replace("production: v2", "production: v1")
    catalog.write("prompts/registry.yaml", moved_on)
    catalog.commit(when="2026-01-02T00:00:00+00:00")
    assert catalog.run("sync", "lite").code == 0
    assert catalog.run("rollback", "bye", "--label", "production", "--to", "v2", "--live", "lite").code == 0
    catalog.write("prompts/greet/v2.yaml", prompt("greet", "v2", "Hi."))
    catalog.write("prompts/registry.yaml", moved_on.replace("staging: v1", "staging: v2"))
    catalog.commit(when="2026-01-03T00:00:00+00:00")
    since = {item["object"]: item["since"] for item in drift(catalog, 1)["objects"]}
    moved, waiting = since[BYE], since["labels/greet@staging"]
    assert moved
    assert waiting  # when the sync set it: not since when git is ahead
    said = {line.split()[0]: line for line in catalog.run("drift").out.splitlines() if "@" in line}
    assert f"override: moved on purpose by a rollback, since {moved}, by " in said[BYE]
    assert said["labels/greet@staging"].endswith("pending: git is ahead")
    rows = [
        line.split("|") for line in catalog.run("drift", "--format", "markdown").out.splitlines() if "`labels" in line
    ]
    assert {row[1].strip(" `"): [cell.strip() for cell in row[5:7]] for row in rows}["labels/greet@staging"] == ["", ""]
    assert {row[1].strip(" `"): row[5].strip(" `") for row in rows}[BYE] == moved


def test_a_deleted_version_is_nothing_to_pull(catalog: Scratch) -> None:
    sql(catalog, "DELETE FROM prompt_version WHERE id = 'bye' AND version = 'v1'")
    assert "catalog pull" not in catalog.run("drift").out
    sql(catalog, "DELETE FROM label WHERE id = 'bye'")
    assert "catalog pull lite" in catalog.run("drift").out


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE control SET document = replace(document, 'shop', 'zzz')", "belongs to the catalog 'zzz'"),
        ("DELETE FROM inventory", "it was wiped"),
    ],
)
def test_a_pull_from_what_drift_cannot_judge_is_not_nothing_to_bring(
    catalog: Scratch, statement: str, said: str
) -> None:
    sql(catalog, statement)
    assert drift(catalog, 3)["status"] == "unknown"
    refused = catalog.run("pull", "lite")
    assert (refused.code, said in refused.err) == (3, True), refused.err


def test_a_pull_from_a_target_that_never_was_synced_says_so(catalog: Scratch) -> None:
    (catalog.root / "runtime.db").unlink()
    refused = catalog.run("pull", "lite")
    assert (refused.code, "nothing was ever synced there" in refused.err) == (3, True), refused.err


def test_a_pull_moves_no_label_that_applications_are_not_given_the_edit_by(catalog: Scratch) -> None:
    """Git has moved its label on to a version that was edited there before any sync moved the target's."""
    catalog.write("prompts/greet/v2.yaml", prompt("greet", "v2", "Hi."))
    catalog.commit(when="2026-01-02T00:00:00+00:00")
    assert catalog.run("sync", "lite").code == 0
    sql(catalog, "UPDATE prompt_version SET entry = replace(entry, 'Hi.', 'Yo.') WHERE id = 'greet' AND version = 'v2'")
    catalog.write("prompts/registry.yaml", REGISTRY.replace("greet:\n  production: v1", "greet:\n  production: v2"))
    catalog.commit(when="2026-01-03T00:00:00+00:00")
    assert states(drift(catalog, 1)) == {"prompts/greet@v2": "drifted", "labels/greet@production": "pending"}
    pulled = run(catalog, "pull", "lite", schema="pull-output", code=0)
    assert [change["object"] for change in pulled["changes"]] == ["prompts/greet@v2"]


def test_a_pull_moves_no_label_that_the_target_does_not_take(catalog: Scratch) -> None:
    catalog.write("catalog.yaml", SETTINGS.replace("db}", "db, labels: [production]}"))
    catalog.commit(when="2026-01-02T00:00:00+00:00")
    sql(catalog, "DELETE FROM label WHERE label = 'staging'")
    sql(catalog, "UPDATE prompt_version SET entry = replace(entry, 'Hello', 'Yo') WHERE id = 'greet'")
    pulled = run(catalog, "pull", "lite", schema="pull-output", code=0)
    moved = [change["object"] for change in pulled["changes"]]
    assert moved == ["prompts/greet@v1", "labels/greet@production"]
