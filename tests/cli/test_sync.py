"""plan, apply, sync, drift, pull, adopt and status on the embedded store, as a user runs them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from scratch import Answer, CatalogCommand, Scratch

from catalog_tool.source.schemas import schema_text

SETTINGS = """\
catalog: acme
targets:
  local: {backend: sqlite, path: runtime.db}
labels:
  production: {protected: true}
"""
PROMPT = """\
id: greet
version: {version}
model: gpt-4o-2024-08-06   # pinned
system_prompt: |
  {text}
# the end
"""
REGISTRY = "# who gets what\ngreet:\n  production: v1   # the one\n  staging: v2\n"
SKILL = "---\nname: pdf\ndescription: Fill PDF forms.\n---\n# PDF\n"
LABEL = "labels/greet@production"


@pytest.fixture
def catalog(scratch: Scratch) -> Scratch:
    scratch.write_all(
        {
            "catalog.yaml": SETTINGS,
            ".gitignore": "runtime.db*\n*.json\n",
            "prompts/greet/v1.yaml": PROMPT.format(version="v1", text="Greet warmly."),
            "prompts/greet/v2.yaml": PROMPT.format(version="v2", text="Greet."),
            "prompts/registry.yaml": REGISTRY,
            "skills/pdf/SKILL.md": SKILL,
        }
    )
    scratch.commit()
    return scratch


def document(answer: Answer, schema: str, code: int = 0) -> dict[str, Any]:
    assert answer.code == code, (answer.out, answer.err)
    value: dict[str, Any] = answer.json()
    Draft202012Validator(json.loads(schema_text(schema))).validate(value)
    return value


def run(catalog: Scratch, *arguments: str, schema: str = "plan-output", code: int = 0) -> dict[str, Any]:
    return document(catalog.run(*arguments, "--format", "json"), schema, code)


def sql(catalog: Scratch, statement: str, *values: object) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(catalog.root / "runtime.db")) as connection, connection:
        return connection.execute(statement, values).fetchall()


def move_label(catalog: Scratch, version: str) -> None:
    sql(catalog, "UPDATE label SET value = ? WHERE label = 'production'", json.dumps(version))


def objects(found: dict[str, Any]) -> dict[str, str]:
    return {item["object"]: item["state"] for item in found["targets"]["local"]["objects"]}


def edit_text(catalog: Scratch, old: bytes, new: bytes) -> None:
    [(entry,)] = sql(catalog, "SELECT entry FROM prompt_version WHERE version = 'v1'")
    assert old in entry
    sql(catalog, "UPDATE prompt_version SET entry = ? WHERE version = 'v1'", entry.replace(old, new))


def test_from_nothing_to_in_sync(catalog: Scratch) -> None:
    unknown = run(catalog, "drift", schema="drift-output", code=3)
    assert unknown["status"] == "unknown"
    plan = run(catalog, "plan", "local")
    assert (plan["status"], plan["summary"]["create"], plan["summary"]["label"]) == ("planned", 3, 2)
    assert not (catalog.root / "runtime.db").exists()
    done = run(catalog, "sync", "local")
    assert (done["status"], {action["outcome"] for action in done["actions"]}) == ("done", {"done"})
    assert done["plan_digest"] == plan["plan_digest"]
    assert run(catalog, "sync", "local")["status"] == "unchanged"
    assert run(catalog, "plan", "local", "--exit-code")["status"] == "unchanged"
    assert run(catalog, "drift", schema="drift-output")["status"] == "in_sync"
    status = run(catalog, "status", schema="status-output")["targets"]["local"]
    assert (status["catalog"], status["counts"]) == ("acme", {"in_sync": 5})
    assert status["last_sync"]["commit"] == catalog.git("rev-parse", "HEAD")


def test_a_reviewed_plan_is_applied_or_nothing(catalog: Scratch) -> None:
    saved = catalog.root / "plan.json"
    assert catalog.run("plan", "local", "--out", str(saved)).code == 0
    Draft202012Validator(json.loads(schema_text("plan"))).validate(json.loads(saved.read_text()))
    assert run(catalog, "apply", "local", "--plan", str(saved))["status"] == "done"
    stale = run(catalog, "apply", "local", "--plan", str(saved), code=1)
    assert (stale["status"], "look at a new one" in stale["blocked"][0]["reason"]) == ("stale", True)
    digest = "sha256:" + "0" * 64
    assert run(catalog, "sync", "local", "--expect", digest, code=1)["status"] == "stale"
    saved.write_text("{}")
    refused = catalog.run("apply", "local", "--plan", str(saved))
    assert (refused.code, "is no plan file" in refused.err) == (2, True)


@pytest.mark.parametrize(
    "change",
    [
        lambda plan: plan["actions"].clear(),
        lambda plan: plan["actions"][0].update(object="prompts/other@v1"),
        lambda plan: plan["actions"][0].update(after="sha256:" + "0" * 64),
        lambda plan: plan["options"].update(prune=True),
        lambda plan: plan["summary"].update(create=0),
        lambda plan: plan.update(blocked=["too many deletes"]),
    ],
    ids=["actions", "object", "after", "options", "summary", "blocked"],
)
def test_a_plan_that_shows_something_else_than_was_planned_is_not_applied(
    catalog: Scratch, change: Callable[[dict[str, Any]], None]
) -> None:
    saved = catalog.root / "plan.json"
    assert catalog.run("plan", "local", "--out", str(saved)).code == 0
    plan = json.loads(saved.read_text())
    change(plan)
    saved.write_text(json.dumps(plan))
    refused = catalog.run("apply", "local", "--plan", str(saved))
    assert (refused.code, "was changed" in refused.err) == (2, True)
    assert not (catalog.root / "runtime.db").exists()


def test_a_plan_that_is_blocked_says_why_in_its_file(catalog: Scratch) -> None:
    catalog.run("sync", "local")
    catalog.write("catalog.yaml", (catalog.root / "catalog.yaml").read_text().replace("acme", "other"))
    catalog.commit()
    saved = catalog.root / "plan.json"
    assert catalog.run("plan", "local", "--out", str(saved)).code == 1
    assert "belongs to the catalog" in json.loads(saved.read_text())["blocked"][0]
    assert run(catalog, "apply", "local", "--plan", str(saved), code=1)["status"] == "blocked"


def test_a_hand_edit_is_named_and_left_alone_until_git_is_told_to_win(catalog: Scratch) -> None:
    catalog.run("sync", "local")
    move_label(catalog, "v2")
    drift = run(catalog, "drift", schema="drift-output", code=1)
    [found] = drift["targets"]["local"]["objects"]
    assert (found["object"], found["state"], found["expected"], found["actual"]) == (LABEL, "drifted", "v1", "v2")
    assert run(catalog, "sync", "local", code=1)["status"] == "partial"
    shown = catalog.run("drift").out
    line = next(line.strip() for line in shown.splitlines() if "--overwrite" in line)
    assert line == f"catalog sync local --overwrite {LABEL}=v2"
    assert catalog.run("sync", "local", "--overwrite", f"{LABEL}=v1").code == 1
    assert catalog.run(*line.split()[1:]).code == 0
    assert run(catalog, "drift", schema="drift-output")["status"] == "in_sync"
    assert catalog.run("sync", "local", "--overwrite", LABEL).code == 2


@pytest.mark.parametrize(
    ("named", "meant"),
    [
        ("nope", "`catalog drift` prints the whole line"),
        ("labels/greet@prod", "did you mean labels/greet@production"),
        ("greet", "did you mean labels/greet@production or labels/greet@staging or prompts/greet@v1 …?"),
        ("labels/*", "did you mean labels/greet@production or labels/greet@staging?"),
    ],
)
def test_an_overwrite_of_what_nobody_has_is_a_slip(catalog: Scratch, named: str, meant: str) -> None:
    catalog.run("sync", "local")
    move_label(catalog, "v2")
    for command in ("plan", "sync"):
        refused = catalog.run(command, "local", "--overwrite", f"{named}=v1")
        assert (refused.code, refused.out) == (2, "")
        assert f"--overwrite {named}: git wants no such object there" in refused.err
        assert meant in refused.err


def test_overwrites_that_contradict_each_other_or_only_are_refused(catalog: Scratch) -> None:
    catalog.run("sync", "local")
    for command in ("plan", "sync"):
        twice = catalog.run(command, "local", "--overwrite", f"{LABEL}=v1", "--overwrite", f"{LABEL}=v2")
        assert (twice.code, f"--overwrite {LABEL} is given twice" in twice.err) == (2, True)
        apart = catalog.run(command, "local", "--only", "prompts/*", "--overwrite", f"{LABEL}=v1")
        assert (apart.code, f"--overwrite {LABEL}: --only leaves it out" in apart.err) == (2, True)
    assert catalog.run("plan", "local", "--only", "greet", "--overwrite", f"{LABEL}=v1").code == 0


def test_an_overwrite_that_is_no_longer_needed_is_none(catalog: Scratch) -> None:
    catalog.run("sync", "local")
    for command in ("plan", "sync"):
        assert run(catalog, command, "local", "--overwrite", f"{LABEL}=v2")["status"] == "unchanged"
    catalog.write("prompts/registry.yaml", REGISTRY.replace("  staging: v2\n", ""))
    catalog.commit()
    kept = run(catalog, "plan", "local", "--overwrite", "labels/greet@staging=v2")  # the inventory has it still
    assert [(action["object"], action["state"]) for action in kept["actions"]] == [("labels/greet@staging", "prune")]


def test_pull_brings_a_moved_label_back(catalog: Scratch) -> None:
    catalog.run("sync", "local")
    before = catalog.git("rev-parse", "HEAD")
    move_label(catalog, "v2")
    pulled = run(catalog, "pull", "local", schema="pull-output")
    assert (pulled["status"], pulled["branch"]) == ("done", "catalog/pull/local")
    assert catalog.git("show", "catalog/pull/local:prompts/registry.yaml") + "\n" == REGISTRY.replace("v1 ", "v2 ")
    again = run(catalog, "pull", "local", schema="pull-output")
    assert (again["status"], again["commit"]) == ("unchanged", pulled["commit"])
    assert (catalog.git("rev-parse", "HEAD"), catalog.git("status", "--porcelain")) == (before, "")
    catalog.git("merge", "--quiet", "catalog/pull/local")
    merged = run(catalog, "sync", "local")
    assert [(action["object"], action["state"]) for action in merged["actions"]] == [(LABEL, "converged")]


def test_pull_makes_edited_content_the_next_version(catalog: Scratch) -> None:
    catalog.run("sync", "local")
    edit_text(catalog, b"Greet warmly.", b"Greet coldly.")
    assert objects(run(catalog, "drift", schema="drift-output", code=1)) == {"prompts/greet@v1": "drifted"}
    run(catalog, "pull", "local", schema="pull-output")
    written = catalog.git("show", "catalog/pull/local:prompts/greet/v3.yaml") + "\n"
    assert written == PROMPT.format(version="v3", text="Greet coldly.")
    assert "production: v3   # the one" in catalog.git("show", "catalog/pull/local:prompts/registry.yaml")
    catalog.git("merge", "--quiet", "catalog/pull/local")
    assert catalog.run("validate").code == 0


def test_an_edit_that_was_brought_to_git_is_not_brought_again(catalog: Scratch) -> None:
    catalog.run("sync", "local")
    edit_text(catalog, b"Greet warmly.", b"Greet coldly.")
    run(catalog, "pull", "local", schema="pull-output")
    catalog.git("merge", "--quiet", "catalog/pull/local")
    run(catalog, "sync", "local", code=1)
    again = run(catalog, "pull", "local", schema="pull-output", code=1)
    assert (again["status"], again["changes"]) == ("nothing", [])
    [left] = again["left"]
    assert left["object"] == "prompts/greet@v1"
    assert "v3 in git" in left["reason"]
    [item] = run(catalog, "drift", schema="drift-output", code=1)["targets"]["local"]["objects"]
    assert (item["object"], item["elsewhere"]) == ("prompts/greet@v1", "v3")
    said = catalog.run("drift").out
    assert f"the target holds {item['actual'][:19]}, which git has as v3" in said
    assert "catalog pull" not in said
    (paste,) = [line.split()[1:] for line in said.splitlines() if "--overwrite" in line]
    run(catalog, *paste)
    run(catalog, "drift", schema="drift-output")


def test_a_version_that_was_given_the_content_of_another_moves_the_labels_to_that(catalog: Scratch) -> None:
    catalog.run("sync", "local")
    edit_text(catalog, b"Greet warmly.", b"Greet.")
    pulled = run(catalog, "pull", "local", schema="pull-output", code=1)
    assert [(change["object"], change["what"]) for change in pulled["changes"]] == [(LABEL, "it points to v2")]
    assert catalog.git("diff", "--name-only", "HEAD", "catalog/pull/local") == "prompts/registry.yaml"


def test_pull_brings_versions_and_skills_edited_there(catalog: Scratch) -> None:
    catalog.run("sync", "local")
    sql(
        catalog,
        "INSERT INTO prompt_version (id, version, version_id, digest, entry)"
        " SELECT id, 'v7', version_id, digest, entry FROM prompt_version WHERE version = 'v2'",
    )
    sql(catalog, "UPDATE skill_file SET content = ? WHERE path = 'SKILL.md'", SKILL.encode() + b"More.\n")
    pulled = run(catalog, "pull", "local", schema="pull-output")
    assert {change["object"] for change in pulled["changes"]} == {"prompts/greet@v7", "skills/pdf"}
    assert catalog.git("show", "catalog/pull/local:skills/pdf/SKILL.md") == f"{SKILL}More."
    catalog.git("merge", "--quiet", "catalog/pull/local")
    assert catalog.run("validate").code == 0


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (("pull", "local"), "run `git init`"),
        (("rollback", "greet", "--label", "production", "--live", "local"), "brings git along by a branch"),
        (("sync", "local"), "--worktree"),
    ],
)
def test_without_git_what_helps_is_said(
    catalog_command: CatalogCommand, tmp_path: Path, arguments: tuple[str, ...], hint: str
) -> None:
    (tmp_path / "catalog.yaml").write_text(SETTINGS)
    refused = catalog_command(*arguments, cwd=tmp_path)
    assert (refused.code, hint in refused.err) == (3, True), refused.err
    assert ("--worktree" in refused.err) == (arguments[0] == "sync")


def test_a_pull_takes_no_work_tree_and_names_none(catalog: Scratch) -> None:
    catalog.run("sync", "local")
    catalog.write("prompts/registry.yaml", REGISTRY.replace("staging: v2", "staging: v1"))
    for command, offered in (("pull", False), ("plan", True)):
        told = catalog.run(command, "local").err
        assert ("prompts/registry.yaml" in told, "--worktree" in told) == (True, offered)


def test_a_prompt_that_git_does_not_have_is_told_and_brought_where_it_is_named(catalog: Scratch) -> None:
    catalog.run("sync", "local")
    columns = "version, version_id, digest, entry"
    sql(catalog, f"INSERT INTO prompt_version (id, {columns}) SELECT 'fresh', {columns} FROM prompt_version")
    sql(catalog, "INSERT INTO label (id, label, value) VALUES ('fresh', 'production', ?)", '"v1"')
    told = catalog.run("pull", "local", "--format", "json")
    assert (told.code, told.json()["status"], told.json()["left"]) == (0, "nothing", [])
    assert "local holds 1 prompts that git does not have (fresh): --only NAME brings one" in told.err
    brought = run(catalog, "pull", "local", "--only", "fresh", schema="pull-output")
    assert {change["object"] for change in brought["changes"]} >= {"prompts/fresh@v1", "labels/fresh@production"}


def test_the_name_of_a_backend_comes_from_no_secret(catalog: Scratch) -> None:
    catalog.write("catalog.yaml", "catalog: acme\ntargets:\n  far: {backend: '${SECRET}'}\n")
    refused = catalog.run("drift", "far", "--worktree", env={"SECRET": "s3cret-of-ours"})
    assert refused.code in (2, 3)
    assert "s3cret-of-ours" not in refused.out + refused.err


def test_pull_leaves_a_branch_of_others_alone(catalog: Scratch) -> None:
    catalog.run("sync", "local")
    move_label(catalog, "v2")
    catalog.git("branch", "mine")
    refused = catalog.run("pull", "local", "--branch", "mine")
    assert (refused.code, "not one that pulls from local" in refused.err) == (2, True)
    for name in ("-x", "a..b", "a b", "--output=x"):
        assert catalog.run("pull", "local", "--branch", name).code == 2


def test_drift_says_which_line_helps(catalog: Scratch) -> None:
    catalog.run("sync", "local")
    sql(catalog, "DELETE FROM prompt_version WHERE version = 'v2'")
    told = catalog.run("drift").out
    assert told.endswith("  to write what git is ahead by, or what was deleted there:\n    catalog sync local\n")
    assert "--overwrite" not in told
    assert catalog.run("sync", "local").code == 0
    move_label(catalog, "v2")
    told = catalog.run("drift", "--format", "markdown").out
    assert f"# to put back what git says\ncatalog sync local --overwrite {LABEL}=v2\n```" in told


def test_behind_is_not_drift(catalog: Scratch) -> None:
    catalog.run("sync", "local")
    catalog.write("prompts/registry.yaml", REGISTRY.replace("staging: v2", "staging: v1"))
    catalog.commit(when="2026-02-01T00:00:00+00:00")
    found = run(catalog, "drift", schema="drift-output", code=1)
    assert (found["status"], objects(found)) == ("behind", {"labels/greet@staging": "pending"})
    assert run(catalog, "drift", "--max-lag", "900w", schema="drift-output")["status"] == "in_sync"
    assert catalog.run("drift", "--max-lag", "soon").code == 2
    catalog.write("notes.txt", "later\n")
    catalog.commit()
    assert run(catalog, "drift", schema="drift-output", code=1)["status"] == "behind"


def test_an_older_commit_never_wins(catalog: Scratch) -> None:
    old = catalog.git("rev-parse", "HEAD")
    catalog.write("prompts/registry.yaml", REGISTRY.replace("staging: v2", "staging: v1"))
    catalog.commit()
    catalog.run("sync", "local")
    superseded = run(catalog, "sync", "local", "--rev", old, code=1)
    assert (superseded["status"], "--allow older" in superseded["blocked"][0]["reason"]) == ("superseded", True)
    assert run(catalog, "sync", "local", "--rev", old, "--allow", "older")["status"] == "done"


def test_what_is_not_committed_is_named_and_left_out(catalog: Scratch) -> None:
    catalog.write("prompts/greet/v3.yaml", PROMPT.format(version="v3", text="Hi."))
    answer = catalog.run("plan", "local", "--format", "json")
    assert "prompts/greet/v3.yaml" in answer.err
    assert "prompts/greet@v3" not in {action["object"] for action in answer.json()["actions"]}
    taken = run(catalog, "plan", "local", "--worktree")
    assert "prompts/greet@v3" in {action["object"] for action in taken["actions"]}


def test_a_name_that_nobody_has_is_a_slip_and_not_nothing_to_do(catalog: Scratch) -> None:
    for command in ("plan", "sync"):
        refused = catalog.run(command, "local", "--only", "gret")
        assert (refused.code, "--only gret: neither git nor the target has it" in refused.err) == (2, True)
        assert catalog.run(command, "local", "--only", "skills/none*").code == 0
    catalog.run("sync", "local")
    catalog.git("rm", "-r", "--quiet", "skills/pdf")
    catalog.commit()
    gone = run(catalog, "plan", "local", "--only", "pdf", "--prune")
    assert [(action["object"], action["action"]) for action in gone["actions"]] == [("skills/pdf", "delete")]


def test_errors_are_counted_and_explained_at_the_revision_that_was_read(catalog: Scratch) -> None:
    catalog.write_all({"prompts/registry.yaml": "greet: {production: v9}\n"})
    catalog.commit()
    catalog.write_all({"prompts/registry.yaml": REGISTRY})
    refused = catalog.run("sync", "local")
    assert "Checked 1 prompt (2 versions) and 1 skill: 1 error." in refused.err
    assert "see `catalog validate --rev HEAD`" in refused.out
    assert (catalog.run("validate", "--rev", "HEAD").code, catalog.run("validate").code) == (1, 0)
    assert "see `catalog validate --rev HEAD`" in catalog.run("drift").out
    assert "see `catalog validate --rev HEAD`" in catalog.run("pull", "local").err


def test_a_catalog_with_errors_goes_nowhere(catalog: Scratch) -> None:
    catalog.write("prompts/greet/v3.yaml", "id: greet\nversion: v3\nsystem_prompt: '{{'\n")
    catalog.commit()
    blocked = run(catalog, "sync", "local", code=1)
    assert (blocked["status"], blocked["bundle"]) == ("blocked", None)
    assert run(catalog, "drift", schema="drift-output", code=3)["status"] == "unknown"
    assert not (catalog.root / "runtime.db").exists()


def test_adopt_marks_what_is_equal_and_refuses_what_is_not(catalog: Scratch) -> None:
    catalog.run("sync", "local")
    sql(catalog, "DELETE FROM inventory")
    sql(catalog, "UPDATE label SET marker = NULL")
    sql(catalog, "UPDATE label SET value = '\"v2\"' WHERE label = 'production'")
    adopted = run(catalog, "adopt", "local", "labels/greet@staging")
    assert [(action["object"], action["action"]) for action in adopted["actions"]] == [
        ("labels/greet@staging", "adopt")
    ]
    refused = run(catalog, "adopt", "local", LABEL, code=1)
    assert refused["status"] == "blocked"
    assert catalog.run("adopt", "local", "labels/none@production").code == 2
    sql(catalog, "DELETE FROM label WHERE label = 'production'")
    absent = run(catalog, "adopt", "local", LABEL, code=1)
    assert absent["blocked"][0]["reason"] == f"{LABEL} is not there; `catalog sync` makes it"
    assert catalog.run("status", "local").out.startswith(f"local: sqlite {catalog.root / 'runtime.db'}\n")


@pytest.mark.parametrize(
    ("settings", "arguments", "code", "message"),
    [
        (SETTINGS, ("sync", "lokal"), 2, "did you mean local?"),
        ("catalog: acme\n", ("drift",), 2, "no target is configured"),
        (SETTINGS.replace("catalog: acme\n", ""), ("sync", "local"), 2, "needs an id"),
        (SETTINGS.replace("path: runtime.db", "path: '${NOT_SET}'"), ("sync", "local"), 2, "NOT_SET"),
        (SETTINGS.replace("sqlite", "postgres").replace("path: runtime.db", "url: 'postgresql://x'"),
         ("sync", "local", "--allow", "all=7"), 2, "--allow all=7"),
    ],
)  # fmt: skip
def test_wrong_settings_say_what_to_do(
    catalog: Scratch, settings: str, arguments: tuple[str, ...], code: int, message: str
) -> None:
    catalog.write("catalog.yaml", settings)
    catalog.commit()
    answer = catalog.run(*arguments)
    assert answer.code == code, answer.err
    assert message in answer.err
    assert "Traceback" not in answer.err


def test_drift_in_every_format(catalog: Scratch) -> None:
    catalog.run("sync", "local")
    move_label(catalog, "v2")
    markdown = catalog.run("drift", "--format", "markdown")
    assert f"| `{LABEL}` | drifted" in markdown.out
    metrics = catalog.run("drift", "--format", "metrics")
    assert 'catalog_objects{target="local",kind="labels",state="drifted"} 1' in metrics.out
    assert 'catalog_target_status{target="local",status="drift"} 1' in metrics.out
    assert "greet" not in metrics.out
    assert (markdown.code, metrics.code) == (1, 1)


@pytest.fixture
def unreadable(catalog: Scratch) -> Path:
    catalog.run("sync", "local")
    path = catalog.root / "runtime.db"
    path.write_bytes(b"this is no database at all" * 100)
    return path


def test_a_target_that_cannot_be_read_is_unknown(catalog: Scratch, unreadable: Path) -> None:
    before = unreadable.read_bytes()
    assert run(catalog, "drift", schema="drift-output", code=3)["status"] == "unknown"
    assert run(catalog, "status", schema="status-output", code=3)["status"] == "unknown"
    answer = catalog.run("sync", "local", "--prune", "--format", "json")
    assert (answer.code, answer.json()["error"]["kind"]) == (3, "backend")
    assert unreadable.read_bytes() == before


def test_a_target_whose_settings_cannot_be_used_does_not_hide_the_others(catalog: Scratch) -> None:
    catalog.run("sync", "local")
    far = "targets:\n  far: {backend: postgres, url: '${NOT_SET}'}\n"
    catalog.write("catalog.yaml", SETTINGS.replace("targets:\n", far))
    catalog.commit()
    drift = run(catalog, "drift", schema="drift-output", code=3)
    assert {name: found["status"] for name, found in drift["targets"].items()} == {"far": "unknown", "local": "in_sync"}
    status = run(catalog, "status", schema="status-output", code=3)
    assert "${NOT_SET}" in status["targets"]["far"]["message"]
    assert status["targets"]["local"]["counts"] == {"in_sync": 5}
    for command in ("drift", "status"):
        assert catalog.run(command, "far").code == 2
        assert catalog.run(command, "local", "lokal").code == 2


def test_a_target_that_remembers_nothing_is_unknown_though_it_was_synced(catalog: Scratch) -> None:
    catalog.run("sync", "local")
    for table in ("inventory", "label", "prompt_version", "skill_file", "skill"):
        sql(catalog, f"DELETE FROM {table}")
        if table == "inventory":
            assert run(catalog, "drift", schema="drift-output", code=3)["status"] == "unknown"
    assert run(catalog, "drift", schema="drift-output", code=3)["status"] == "unknown"
    refused = catalog.run("drift")
    assert "nothing of what was written is remembered there: it was wiped (`catalog sync` fills it)" in refused.out
    assert run(catalog, "sync", "local")["status"] == "done"
    assert run(catalog, "drift", schema="drift-output")["status"] == "in_sync"


def test_what_the_inventory_lost_is_written_into_it_again(catalog: Scratch) -> None:
    catalog.run("sync", "local")
    sql(catalog, "DELETE FROM inventory WHERE address IN (?, ?)", LABEL, "prompts/greet@v1")
    drift = run(catalog, "drift", schema="drift-output")
    assert objects(drift) == {LABEL: "converged", "prompts/greet@v1": "converged"}
    done = run(catalog, "sync", "local")
    assert (done["status"], done["summary"]["adopt"]) == ("done", 2)
    assert run(catalog, "sync", "local")["status"] == "unchanged"
    assert objects(run(catalog, "drift", schema="drift-output")) == {}


def test_what_no_sync_wrote_into_the_inventory_is_named(catalog: Scratch) -> None:
    catalog.run("sync", "local")
    sql(catalog, "INSERT INTO inventory VALUES ('', 'nonsense', 'x', '')")
    assert run(catalog, "drift", schema="drift-output", code=3)["status"] == "unknown"
    for command in ("plan", "sync", "pull"):
        refused = catalog.run(command, "local")
        assert (refused.code, "names 'nonsense', which is no object" in refused.err) == (3, True), command
        assert "remove that entry" in refused.err


@pytest.mark.parametrize("number", ["'abc'", "-5", "0", "9007199254740992", "1.5", "x'00'"])
def test_a_generation_that_no_sync_wrote_is_named(catalog: Scratch, number: str) -> None:
    catalog.run("sync", "local")
    sql(catalog, f"UPDATE generation SET generation = {number}")
    assert run(catalog, "drift", schema="drift-output", code=3)["status"] == "unknown"
    assert "the generation of 'greet' on the target is" in catalog.run("drift").out
    catalog.run("promote", "greet", "v2", "--label", "production")
    catalog.commit()
    refused = catalog.run("sync", "local")
    assert (refused.code, "the generation of 'greet' on the target is" in refused.err + refused.out) == (3, True)
    sql(catalog, "UPDATE generation SET generation = 7")
    assert run(catalog, "sync", "local")["status"] == "done"


def test_a_target_that_was_wiped_is_not_filled_silently(catalog: Scratch) -> None:
    catalog.run("sync", "local")
    for table in ("prompt_version", "label", "skill", "skill_file"):
        sql(catalog, f"DELETE FROM {table}")
    assert run(catalog, "drift", schema="drift-output", code=3)["status"] == "unknown"
    answer = catalog.run("sync", "local")
    assert (answer.code, "reads as empty" in answer.err) == (3, True)


class TestAChangedAddress:
    """A target's credentials stay with the address they were used at."""

    def at(self, catalog: Scratch, url: str) -> Answer:
        catalog.write(
            "catalog.yaml", f"catalog: acme\ntargets:\n  far: {{backend: http, url: '{url}', token: '${{T}}'}}\n"
        )
        catalog.commit()
        return catalog.run("status", "far", "--format", "json", env={"T": self.token})

    token = "canary-credential-1"

    def test_does_not_take_the_credentials_along(self, catalog: Scratch) -> None:
        assert self.at(catalog, "http://127.0.0.1:9/a").code == 3
        assert self.at(catalog, "http://127.0.0.1:9/b").code == 3
        elsewhere = self.at(catalog, "http://localhost:9")
        assert elsewhere.code == 2
        error = elsewhere.json()["error"]
        assert "is at http://localhost:9 now, and its credentials are those of http://127.0.0.1:9" in error["message"]
        assert error["hint"].endswith("catalog status far --moved")
        assert self.token not in elsewhere.out + elsewhere.err

    def test_until_it_has_others_or_somebody_says_so(self, catalog: Scratch) -> None:
        self.at(catalog, "http://127.0.0.1:9")
        assert self.at(catalog, "http://localhost:9").code == 2
        assert catalog.run("status", "far", "--moved", env={"T": self.token}).code == 3
        assert catalog.run("status", "far", env={"T": self.token}).code == 3
        self.token = "canary-credential-2"
        assert self.at(catalog, "http://127.0.0.1:9").code == 3
        cache = Path(catalog.command.environment["CATALOG_CACHE_DIR"])
        kept = (cache / "target-places.json").read_text(encoding="utf-8")
        assert "canary" not in kept
