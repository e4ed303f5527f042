"""``catalog init``: what a new user gets, and that nothing of theirs is ever touched."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from scratch import CatalogCommand, Scratch

from catalog_tool.errors import UsageError
from catalog_tool.source.naming import catalog_id_from
from catalog_tool.source.new_files import NewFile, claim_and_rename, create, is_free
from catalog_tool.source.scaffold_catalog import EDITOR_SCHEMAS
from catalog_tool.source.schemas import schema_text

WRITTEN = [
    "catalog.yaml",
    "prompts/registry.yaml",
    "prompts/ticket_summary/v1.yaml",
    "prompts/ticket_summary/tests/summaries.yaml",
    "skills/commit-writer/SKILL.md",
    *(f"schemas/{name}.schema.json" for name in EDITOR_SCHEMAS),
    ".github/workflows/catalog.yml",
    ".gitignore",
]
MODELINE = re.compile(r"# yaml-language-server: \$schema=(\S+)\n")
OWN_PROMPT = "id: faq\nversion: v1\nsystem_prompt: Answer.\n"


def snapshot(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {
        path.relative_to(folder).as_posix(): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".git/" not in path.as_posix()
    }


def init(command: CatalogCommand, folder: Path, **how: Any) -> dict[str, Any]:
    answer = command("init", str(folder), "--format", "json", **how)
    assert (answer.code, answer.err) == (0, "")
    document: dict[str, Any] = answer.json()
    Draft202012Validator(json.loads(schema_text("init-output"))).validate(document)
    return document


def findings(command: CatalogCommand, folder: Path, env: Mapping[str, str] | None = None) -> list[tuple[str, str]]:
    answer = command("-C", str(folder), "validate", "--strict", "--format", "json", env=env)
    return [(found["severity"], found["code"]) for found in answer.json()["findings"]]


def test_a_new_catalog_validates_and_builds(catalog_command: CatalogCommand, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "My Prompts"
    document = init(catalog_command, folder)
    assert document["root"] == str(folder.resolve())
    assert document["created"] == WRITTEN
    assert document["skipped"] == []
    assert sorted(snapshot(folder)) == sorted(WRITTEN)
    assert findings(catalog_command, folder) == [("info", "P153")]
    built = catalog_command("-C", str(folder), "build", "--out", str(folder / "dist"))
    assert (built.code, built.err) == (0, "")
    bundle = json.loads((folder / "dist/bundle.json").read_bytes())
    assert bundle["labels"] == {"ticket_summary": {"production": "v1"}}
    assert list(bundle["skills"]) == ["commit-writer"]


def test_the_example_renders(catalog_command: CatalogCommand, tmp_path: Path) -> None:
    init(catalog_command, tmp_path)
    rendered = catalog_command("-C", str(tmp_path), "render", "ticket_summary@production", "--var", "ticket=It broke.")
    assert rendered.code == 0
    assert "It broke." in rendered.out
    assert "English" in rendered.out


def test_it_says_what_to_do_next(catalog_command: CatalogCommand, tmp_path: Path) -> None:
    answer = catalog_command("init", "my prompts", cwd=tmp_path)
    assert answer.code == 0
    assert answer.out.startswith("Started a catalog in my prompts:\n  catalog.yaml\n")
    for step in ("  cd 'my prompts'", "  catalog validate ", "  catalog build ", "`your-team`"):
        assert step in answer.out


def test_in_git_the_outputs_of_build_are_ignored(scratch: Scratch) -> None:
    assert scratch.run("init").code == 0
    scratch.commit()
    assert scratch.run("build").code == 0
    assert scratch.git("status", "--porcelain") == ""
    assert {severity for severity, _ in findings(scratch.command, scratch.root)} <= {"info"}


def test_a_second_run_changes_nothing(catalog_command: CatalogCommand, tmp_path: Path) -> None:
    init(catalog_command, tmp_path)
    before = snapshot(tmp_path)
    document = init(catalog_command, tmp_path)
    assert (document["created"], document["skipped"]) == ([], WRITTEN)
    assert snapshot(tmp_path) == before
    answer = catalog_command("init", cwd=tmp_path)
    assert answer.code == 0
    assert "has everything" in answer.out
    assert "Left alone, because it was there already:\n  catalog.yaml" in answer.out


def test_every_yaml_file_names_its_schema(catalog_command: CatalogCommand, tmp_path: Path) -> None:
    created = init(catalog_command, tmp_path)["created"]
    ours = [path for path in created if path.endswith(".yaml")]
    assert len(ours) == 4
    for path in ours:
        line = MODELINE.match((tmp_path / path).read_text())
        assert line is not None, path
        schema = json.loads((tmp_path / path).parent.joinpath(line[1]).resolve(strict=True).read_text())
        value = yaml.safe_load((tmp_path / path).read_text())
        Draft202012Validator(schema).validate(value)
    for path in created:
        assert re.search(r"%[A-Z]+%", (tmp_path / path).read_text()) is None, path


def test_schemas_are_the_package_own(catalog_command: CatalogCommand, tmp_path: Path) -> None:
    init(catalog_command, tmp_path)
    for name in EDITOR_SCHEMAS:
        assert (tmp_path / f"schemas/{name}.schema.json").read_text(encoding="utf-8") == schema_text(name)


def test_existing_files_stay(catalog_command: CatalogCommand, tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("mine\n")
    (tmp_path / "catalog.yaml").write_text("catalog: mine\n")
    document = init(catalog_command, tmp_path)
    assert document["skipped"] == ["catalog.yaml", ".gitignore"]
    assert (tmp_path / ".gitignore").read_text() == "mine\n"
    assert (tmp_path / "catalog.yaml").read_text() == "catalog: mine\n"


def test_a_catalog_with_prompts_and_skills_gets_no_examples(catalog_command: CatalogCommand, tmp_path: Path) -> None:
    (tmp_path / "prompts/faq").mkdir(parents=True)
    (tmp_path / "prompts/faq/v1.yaml").write_text(OWN_PROMPT)
    (tmp_path / ".claude/skills/notes").mkdir(parents=True)
    (tmp_path / ".claude/skills/notes/SKILL.md").write_text(
        "---\nname: notes\ndescription: Takes notes. Use when there is a meeting.\n---\n# Notes\n"
    )
    document = init(catalog_command, tmp_path)
    assert [path for path in document["created"] if path.startswith(("prompts", "skills", ".claude"))] == [
        "prompts/registry.yaml"
    ]
    assert {severity for severity, _ in findings(catalog_command, tmp_path)} == {"info"}


def test_an_unowned_prompt_stays_a_note_beside_the_example_skill(
    catalog_command: CatalogCommand, tmp_path: Path
) -> None:
    (tmp_path / "prompts/faq").mkdir(parents=True)
    (tmp_path / "prompts/faq/v1.yaml").write_text(OWN_PROMPT)
    init(catalog_command, tmp_path)
    assert "owner" not in (tmp_path / "skills/commit-writer/SKILL.md").read_text()
    assert {severity for severity, _ in findings(catalog_command, tmp_path)} == {"info"}


def test_the_example_does_not_come_back(catalog_command: CatalogCommand, tmp_path: Path) -> None:
    init(catalog_command, tmp_path)
    assert catalog_command("-C", str(tmp_path), "bump", "ticket_summary").code == 0
    (tmp_path / "prompts/ticket_summary/v1.yaml").unlink()
    assert init(catalog_command, tmp_path)["created"] == []


def test_configured_folders_are_used(catalog_command: CatalogCommand, tmp_path: Path) -> None:
    (tmp_path / "catalog.yaml").write_text("prompts: texts/all\nskills: ['plugins/*/skills', agents]\n")
    created = init(catalog_command, tmp_path)["created"]
    assert "texts/all/ticket_summary/v1.yaml" in created
    assert "agents/commit-writer/SKILL.md" in created
    assert {severity for severity, _ in findings(catalog_command, tmp_path)} == {"info"}
    line = MODELINE.match((tmp_path / "texts/all/ticket_summary/v1.yaml").read_text())
    assert line is not None
    assert line[1] == "../../../schemas/prompt.schema.json"


@pytest.mark.parametrize("blocked", ["prompts", "skills/commit-writer", "schemas", ".github", ".github/workflows"])
def test_a_file_in_the_way_is_one_clear_error(catalog_command: CatalogCommand, tmp_path: Path, blocked: str) -> None:
    (tmp_path / blocked).parent.mkdir(exist_ok=True)
    (tmp_path / blocked).write_text("mine")
    answer = catalog_command("init", cwd=tmp_path)
    assert (answer.code, answer.out) == (2, "")
    assert f"{blocked} is not a folder" in answer.err
    assert len(answer.err.splitlines()) == 2
    assert list(snapshot(tmp_path)) == [blocked]


def test_a_folder_with_a_file_s_name(catalog_command: CatalogCommand, tmp_path: Path) -> None:
    (tmp_path / ".gitignore").mkdir()
    answer = catalog_command("init", cwd=tmp_path)
    assert answer.code == 2
    assert ".gitignore is a folder" in answer.err
    assert snapshot(tmp_path) == {}


@pytest.mark.parametrize("name", ["file", "file/below", "n" * 300])
def test_a_folder_that_cannot_be(catalog_command: CatalogCommand, tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("mine")
    answer = catalog_command("init", name, "--format", "json", cwd=tmp_path)
    assert answer.code == 2
    assert answer.json()["error"]["kind"] == "usage"
    assert list(snapshot(tmp_path)) == ["file"]


def test_an_unwritable_folder(catalog_command: CatalogCommand, tmp_path: Path) -> None:
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o555)
    if os.access(folder, os.W_OK):  # root may write everywhere but in a file system that refuses
        folder = Path("/proc/self")
    if not folder.is_dir():
        pytest.skip("nothing is unwritable for root here")
    answer = catalog_command("init", str(folder))
    assert (answer.code, answer.out) == (2, "")
    assert "cannot be written" in answer.err


@pytest.mark.parametrize("link", ["prompts", "skills", "schemas", ".github"])
def test_a_link_out_of_the_folder_is_not_followed(catalog_command: CatalogCommand, tmp_path: Path, link: str) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "catalog"
    outside.mkdir()
    folder.mkdir()
    (folder / link).symlink_to(outside)
    answer = catalog_command("init", str(folder))
    assert answer.code == 2
    assert "leads out of" in answer.err
    assert (list(outside.iterdir()), [path.name for path in folder.iterdir()]) == ([], [link])


def test_links_with_a_file_s_name_are_left_alone(catalog_command: CatalogCommand, tmp_path: Path) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "catalog"
    outside.mkdir()
    folder.mkdir()
    (folder / ".gitignore").symlink_to(outside / "made")
    assert ".gitignore" in init(catalog_command, folder)["skipped"]
    assert list(outside.iterdir()) == []


def test_settings_cannot_lead_out_of_the_folder(catalog_command: CatalogCommand, tmp_path: Path) -> None:
    folder = tmp_path / "catalog"
    folder.mkdir()
    (folder / "catalog.yaml").write_text("prompts: ../outside\n")
    assert catalog_command("init", str(folder)).code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["catalog"]
    with pytest.raises(UsageError, match="leads out of"):
        is_free(folder, "../outside/file")


def test_not_inside_another_catalog(scratch: Scratch) -> None:
    assert scratch.run("init").code == 0
    answer = scratch.run("init", "inner")
    assert answer.code == 2
    assert "lies in the catalog" in answer.err
    assert not (scratch.root / "inner").exists()


def test_a_catalog_around_the_repository_does_not_matter(scratch: Scratch) -> None:
    (scratch.root.parent / "catalog.yaml").write_text("catalog: outer\n")
    assert scratch.run("init", "team").code == 0


def test_the_folder_is_named_once(catalog_command: CatalogCommand, tmp_path: Path) -> None:
    assert catalog_command("-C", str(tmp_path), "init", "x").code == 2
    assert catalog_command("-C", str(tmp_path / "y"), "init").code == 0
    assert (tmp_path / "y/catalog.yaml").is_file()


@pytest.mark.parametrize(
    ("folder", "catalog"),
    [
        ("acme-prompts", "acme-prompts"),
        ("My Prompts!", "my-prompts"),
        ("Ünï_code", "uni-code"),
        ("提示", "my-catalog"),
        ("---", "my-catalog"),
        ("", "my-catalog"),
        ("x" * 80, "x" * 63),
        ("2026-01-05", "2026-01-05"),
        ("a.b/../c", "a-b-c"),
    ],
)
def test_the_id_comes_from_the_folder_s_name(folder: str, catalog: str) -> None:
    assert catalog_id_from(folder) == catalog


@pytest.mark.parametrize("name", ["2026-01-05", "1e3", "no", "0x1f", "null", "123"])
def test_the_id_is_a_string_whatever_the_folder_is_called(
    catalog_command: CatalogCommand, tmp_path: Path, name: str
) -> None:
    init(catalog_command, tmp_path / name)
    assert yaml.safe_load((tmp_path / name / "catalog.yaml").read_text())["catalog"] == name


def workflow(folder: Path) -> dict[Any, Any]:
    value: dict[Any, Any] = yaml.safe_load((folder / ".github/workflows/catalog.yml").read_text())
    return value


def test_the_workflow_is_thin_and_safe(catalog_command: CatalogCommand, tmp_path: Path) -> None:
    init(catalog_command, tmp_path)
    value = workflow(tmp_path)
    assert value["permissions"] == {"contents": "read"}
    assert set(value[True]) == {"pull_request", "push"}  # YAML 1.1 reads the key `on` as true
    (job,) = value["jobs"].values()
    used = [step["uses"] for step in job["steps"] if "uses" in step]
    assert len(used) == 3
    assert all(re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40}", action) for action in used)
    assert job["steps"][0]["with"] == {"fetch-depth": 0, "persist-credentials": False}
    commands = [step["run"] for step in job["steps"] if "run" in step]
    assert commands[1:] == ["catalog validate --format github", "catalog eval --level0", "catalog build --out dist"]
    text = (tmp_path / ".github/workflows/catalog.yml").read_text()
    assert all(re.search(rf"{re.escape(action)} # v[0-9.]+\n", text) for action in used)
    assert "secrets" not in text


def asks_only_for_what_is_offered(job: dict[str, Any], commit: str) -> None:
    """A caller gives a shipped workflow inputs and secrets that it has, and all that it needs."""
    called = re.fullmatch(rf"acme/catalog-tool/(\.github/workflows/catalog-[a-z]+\.yml)@{commit}", job["uses"])
    assert called is not None
    offered = yaml.safe_load((Path(__file__).parents[2] / called[1]).read_text())[True]["workflow_call"]
    inputs, given = offered["inputs"], job["with"]
    assert given.keys() <= inputs.keys()
    assert {name for name, found in inputs.items() if found.get("required")} <= given.keys()
    assert job.get("secrets", {}).keys() <= offered.get("secrets", {}).keys()


def test_callers_of_the_shipped_workflows(catalog_command: CatalogCommand, tmp_path: Path) -> None:
    commit = "0123456789" * 4
    assert catalog_command("init", str(tmp_path), "--workflows-from", f"acme/catalog-tool@{commit}").code == 0
    for name in ("catalog.yml", "catalog-drift.yml", "catalog-usage.yml", "catalog-eval.yml"):
        value = yaml.safe_load((tmp_path / ".github/workflows" / name).read_text())
        assert value["permissions"] == {}
        for job in value["jobs"].values():
            asks_only_for_what_is_offered(job, commit)
    for wrong in ("acme/catalog-tool@v1", f"../x@{commit}", f"./x@{commit}", f"acme/..@{commit}"):
        refused = catalog_command("init", str(tmp_path / "b"), "--workflows-from", wrong)
        assert refused.code == 2, wrong
        assert not (tmp_path / "b").exists()


def test_below_the_top_of_a_repository(scratch: Scratch) -> None:
    answer = scratch.run("init", "team/prompts")
    assert "move team/prompts/.github/workflows/catalog.yml" in answer.out
    (job,) = workflow(scratch.root / "team/prompts")["jobs"].values()
    assert job["defaults"]["run"]["working-directory"] == "team/prompts"
    assert job["steps"][-1]["with"]["path"] == "team/prompts/dist/"


def test_a_folder_s_name_never_reaches_a_shell(scratch: Scratch) -> None:
    name = "a$(touch pwned)${{ github.token }}"
    assert scratch.run("init", name).code == 0
    text = (scratch.root / name / ".github/workflows/catalog.yml").read_text()
    assert "pwned" not in text
    assert "github.token" not in text


def test_a_folder_s_name_is_no_workflow_command(catalog_command: CatalogCommand, tmp_path: Path) -> None:
    answer = catalog_command("init", "##[error]x\n::error::y", cwd=tmp_path, env={"GITHUB_ACTIONS": "true"})
    assert answer.code == 0
    assert "##[error]" not in answer.out
    assert "\n::error" not in answer.out


def test_files_get_the_user_s_own_permissions(tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        create(tmp_path, NewFile("a/b.txt", "text"))
    finally:
        os.umask(old)
    assert (tmp_path / "a/b.txt").stat().st_mode & 0o777 == 0o640


def test_create_never_overwrites(tmp_path: Path) -> None:
    create(tmp_path, NewFile("x", "first"))
    with pytest.raises(UsageError, match="x exists already"):
        create(tmp_path, NewFile("x", "second"))
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("x", "first")]


def test_without_hard_links_nothing_is_overwritten_either(tmp_path: Path) -> None:
    (tmp_path / "staged").write_text("new")
    claim_and_rename(tmp_path / "staged", tmp_path / "target")
    assert (tmp_path / "target").read_text() == "new"
    (tmp_path / "staged").write_text("newer")
    with pytest.raises(FileExistsError):
        claim_and_rename(tmp_path / "staged", tmp_path / "target")
    assert (tmp_path / "target").read_text() == "new"
