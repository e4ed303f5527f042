"""``catalog rollback --live``: the target first, within seconds, then the commit that brings git along."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import Any

import gated
import pytest
from jsonschema import Draft202012Validator
from scratch import Answer, Scratch

from catalog_tool.source.schemas import load_schema

BACK = ("rollback", gated.ID, "--label", "production", "--live", "local")
LABEL = f"labels/{gated.ID}@production"
BRANCH = f"catalog/rollback/{gated.ID}@production"
SETTINGS = "catalog: acme\ntargets:\n  local: {backend: sqlite, path: .catalog/local.db}\n"
LABELS = "labels:\n  production: {protected: true}\n"


@pytest.fixture
def catalog(scratch: Scratch) -> Scratch:
    """``production`` went from v2 to v3, in git and on the target; somebody is named in git's settings."""
    gated.start(scratch)
    scratch.write("catalog.yaml", SETTINGS + LABELS)
    scratch.write(".gitignore", ".catalog/\n")
    scratch.commit("v2")
    move(scratch, "v3")
    scratch.git("config", "user.name", "Grace")
    scratch.git("config", "user.email", "grace@example.org")
    return scratch


def move(scratch: Scratch, value: str) -> None:
    """Commit a value of ``production`` and sync it."""
    scratch.write(gated.REGISTRY, gated.LABELS.replace("production: v2", f"production: {value}"))
    scratch.commit(f"production: {value}")
    assert scratch.run("sync", "local").code == 0


def document(answer: Answer) -> dict[str, Any]:
    assert answer.code == 0, (answer.out, answer.err)
    found: dict[str, Any] = answer.json()
    Draft202012Validator(load_schema("promote-output")).validate(found)
    return found


def drift(scratch: Scratch) -> tuple[str, dict[str, str]]:
    found = scratch.run("drift", "local", "--format", "json").json()["targets"]["local"]
    return found["status"], {item["object"]: item["state"] for item in found["objects"]}


def overrides(scratch: Scratch) -> list[dict[str, Any]]:
    found = scratch.run("status", "local", "--format", "json").json()["targets"]["local"]["overrides"]
    return [dict(item) for item in found]


def moves(scratch: Scratch) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(scratch.root / ".catalog/local.db")) as connection:
        return connection.execute("SELECT actor, reason FROM label_event WHERE label = 'production'").fetchall()


def test_the_author_that_git_would_name_moved_it(catalog: Scratch) -> None:
    author = {"GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.org"}
    document(catalog.run(*BACK, "--format", "json", env=author))
    assert moves(catalog)[-1][0] == "Ada <ada@example.org>"


def test_the_whole_way(catalog: Scratch) -> None:
    head = catalog.git("rev-parse", "HEAD")
    found = document(catalog.run(*BACK, "--reason", "refunds are refused", "--format", "json"))
    assert (found["status"], found["from"], found["to"]) == ("done", "v3", "v2")
    live = found["live"]
    assert (live["status"], live["by"], live["reason"]) == ("moved", "Grace <grace@example.org>", "refunds are refused")
    assert drift(catalog) == ("in_sync", {LABEL: "override"})
    assert moves(catalog)[-1] == ("Grace <grace@example.org>", "refunds are refused")
    assert catalog.run("sync", "local").code == 0
    assert drift(catalog) == ("in_sync", {LABEL: "override"})
    (override,) = catalog.run("status", "local", "--format", "json").json()["targets"]["local"]["overrides"]
    assert override["reason"] == "refunds are refused"
    # the commit: one line, on a branch of its own, the work tree as it was
    assert catalog.git("status", "--porcelain") == ""
    assert catalog.git("rev-parse", "HEAD") == head == catalog.git("rev-parse", f"{BRANCH}^")
    assert catalog.git("log", "-1", "--format=%an <%ae>|%s", BRANCH).startswith("Grace <grace@example.org>|Roll")
    assert catalog.git("diff", "--numstat", head, BRANCH) == f"1\t1\t{gated.REGISTRY}"
    # merged: git says what the target holds
    catalog.git("merge", "--quiet", "--ff-only", BRANCH)
    assert drift(catalog) == ("in_sync", {LABEL: "converged"})
    assert catalog.run("sync", "local").code == 0
    assert drift(catalog) == ("in_sync", {})
    assert catalog.run("status", "local", "--format", "json").json()["targets"]["local"]["overrides"] == []


def test_promoted_again_before_any_sync_is_a_new_word_of_git(catalog: Scratch) -> None:
    document(catalog.run(*BACK, "--format", "json"))
    catalog.write("prompts/other/v1.yaml", "id: other\nversion: v1\nsystem_prompt: Hi.\n")
    catalog.write(gated.REGISTRY, "other: {production: v1}\n" + (catalog.root / gated.REGISTRY).read_text())
    catalog.commit("another prompt's label")
    assert drift(catalog)[1][LABEL] == "override", "git has not spoken of this one"
    catalog.git("merge", "--quiet", "--no-edit", BRANCH)
    merged = (catalog.root / gated.REGISTRY).read_text()
    catalog.write(gated.REGISTRY, merged.replace("production: v2", "production: v3"))
    catalog.commit("production: v3, and meant")
    assert drift(catalog)[1][LABEL] == "pending"
    assert overrides(catalog) == []
    # held back before that reached the target: against the new word
    again = document(catalog.run(*BACK, "--to", "v2", "--reason", "still refused", "--format", "json"))
    assert (again["status"], again["live"]["reason"]) == ("unchanged", "still refused")
    assert drift(catalog)[1][LABEL] == "override"


def test_what_git_promotes_again_reaches_the_target(catalog: Scratch) -> None:
    document(catalog.run(*BACK, "--format", "json"))
    catalog.git("merge", "--quiet", "--ff-only", BRANCH)
    move(catalog, "v3")
    assert drift(catalog) == ("in_sync", {})
    assert overrides(catalog) == []


def test_again_is_the_same_commit_and_no_second_move(catalog: Scratch) -> None:
    first = document(catalog.run(*BACK, "--format", "json"))
    again = document(catalog.run(*BACK, "--reason", "another", "--format", "json"))
    assert (again["status"], again["to"]) == ("unchanged", "v2")  # not one further back
    assert again["live"] == {**first["live"], "status": "unchanged"}
    assert len([1 for _, reason in moves(catalog) if not reason.startswith("sync")]) == 1


def test_a_commit_that_fails_is_made_by_the_next_try(catalog: Scratch) -> None:
    locked = catalog.root / ".git/refs/heads/catalog"
    locked.write_text(catalog.git("rev-parse", "HEAD") + "\n")  # a branch `catalog`: none can be below it
    answer = catalog.run(*BACK)
    assert answer.code == 3
    assert "production of support_agent is v2 on local now, but git was not brought along" in answer.err
    assert "run the same command again" in answer.err
    assert drift(catalog) == ("in_sync", {LABEL: "override"})
    locked.unlink()
    assert document(catalog.run(*BACK, "--format", "json"))["live"]["branch"] == BRANCH


def test_a_split_goes_back_to_its_stable_version(catalog: Scratch) -> None:
    move(catalog, "v2")
    move(catalog, "{v2: 95, v3: 5}")
    found = document(catalog.run(*BACK, "--format", "json"))
    assert found["from"] == [{"version": "v2", "weight": 95}, {"version": "v3", "weight": 5}]
    assert found["to"] == "v2"
    assert "production: v2   # live" in catalog.git("show", f"{BRANCH}:{gated.REGISTRY}")


def test_what_was_live_just_before_comes_back_whatever_its_number(catalog: Scratch) -> None:
    move(catalog, "v1")
    found = document(catalog.run(*BACK, "--format", "json"))
    assert (found["from"], found["to"], found["live"]["status"]) == ("v1", "v3", "moved")
    catalog.git("merge", "--quiet", "--ff-only", BRANCH)
    assert catalog.run("sync", "local").code == 0
    assert document(catalog.run(*BACK, "--format", "json"))["to"] == "v2", "v1 was rolled back, and stays closed"


def test_a_trial_and_a_named_branch(catalog: Scratch) -> None:
    found = document(catalog.run(*BACK, "--dry-run", "--format", "json"))
    assert (found["status"], found["live"]["branch"]) == ("planned", None)
    assert drift(catalog) == ("in_sync", {})
    assert "nothing was moved" in catalog.run(*BACK, "--dry-run").out
    said = catalog.run(*BACK, "--branch", "hotfix")
    assert (said.code, "git push origin 'hotfix'" in said.out) == (0, True)
    assert catalog.git("rev-parse", "--verify", "hotfix")


def test_two_catalogs_of_one_repository_have_branches_of_their_own(catalog: Scratch) -> None:
    for name in ("north", "south"):
        for version in ("v1", "v2"):
            text = f"id: greet\nversion: {version}\nsystem_prompt: Greet {version} in the {name}.\n"
            catalog.write(f"{name}/prompts/greet/{version}.yaml", text)
        catalog.write(f"{name}/catalog.yaml", SETTINGS.replace("acme", name))
        catalog.write(f"{name}/prompts/registry.yaml", "greet: {production: v1}\n")
    (catalog.root / "catalog.yaml").unlink()
    catalog.commit("v1")
    for name in ("north", "south"):
        catalog.write(f"{name}/prompts/registry.yaml", "greet: {production: v2}\n")
    catalog.commit("v2")
    for name in ("north", "south"):
        assert catalog.run("-C", name, "sync", "local").code == 0
        back = ("rollback", "greet", "--label", "production", "--live", "local", "--format", "json")
        found = document(catalog.run("-C", name, *back))
        assert found["live"]["branch"] == f"catalog/rollback/{name}/greet@production"
        changed = catalog.git("diff", "--name-only", "main", found["live"]["branch"])
        assert changed == f"{name}/prompts/registry.yaml"


def test_git_that_went_back_already_needs_no_branch(catalog: Scratch) -> None:
    catalog.write(gated.REGISTRY, gated.LABELS)
    catalog.commit("back in git, not synced yet")
    found = document(catalog.run(*BACK, "--format", "json"))
    assert (found["status"], found["live"]["branch"]) == ("done", None)
    assert drift(catalog) == ("in_sync", {LABEL: "converged"})


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((*BACK, "--branch", "main"), 2, "the branch main holds other work"),
        ((*BACK, "--branch=--output=x"), 2, "cannot be a branch's name"),
        ((*BACK, "--to", "v9"), 2, "no version v9"),
        ((*BACK[:-1], "nosuch"), 2, "there is no target"),
        ((*BACK[:3], "tenant_acme", *BACK[4:]), 2, "has no labels/support_agent@tenant_acme"),
        (("rollback", gated.ID, "--label", "production", "--reason", "x"), 2, "--live TARGET"),
    ],
)
def test_nothing_is_moved_where_it_cannot_be_done(
    catalog: Scratch, arguments: tuple[str, ...], code: int, said: str
) -> None:
    answer = catalog.run(*arguments)
    assert (answer.code, said in answer.err) == (code, True), answer
    assert drift(catalog) == ("in_sync", {})
    assert catalog.git("branch", "--list", "catalog/*") == ""


@pytest.mark.parametrize("name", ["--output=MARK", "ext::sh -c touch% MARK", "HEAD^{/", "@{-1}", "main\n--output=MARK"])
def test_a_hostile_revision_runs_and_writes_nothing(catalog: Scratch, name: str) -> None:
    mark = catalog.root.parent / "mark"
    answer = catalog.run(*BACK, f"--rev={name.replace('MARK', str(mark))}")
    assert answer.code in (2, 3), answer
    assert "Traceback" not in answer.err
    assert not mark.exists()
    assert drift(catalog) == ("in_sync", {})


def test_a_label_that_went_is_no_wrong_usage(catalog: Scratch) -> None:
    with closing(sqlite3.connect(catalog.root / ".catalog/local.db")) as connection, connection:
        connection.execute("DELETE FROM label")
    answer = catalog.run(*BACK)
    assert (answer.code, "labels/support_agent@production went from local" in answer.err) == (3, True), answer


def test_an_edited_version_is_no_way_back(catalog: Scratch) -> None:
    with closing(sqlite3.connect(catalog.root / ".catalog/local.db")) as connection, connection:
        (entry,) = connection.execute("SELECT entry FROM prompt_version WHERE version = 'v2'").fetchone()
        edited = json.dumps(json.loads(entry)).replace("Text 2", "Text two").encode()
        connection.execute("UPDATE prompt_version SET entry = ? WHERE version = 'v2'", (edited,))
    for more in ((), ("--dry-run",)):
        answer = catalog.run(*BACK, *more)
        assert (answer.code, "v2 was edited on local" in answer.err) == (3, True), answer
        assert "`catalog drift local` has the line that puts it back" in answer.err
