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
    (tmp_path / "catalog.yaml").write_text("prompts: texts/all\nskills: ['agents/*', agents]\n")
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


@pytest.mark.parametrize("settings", ["", "catalog: bot\n", "prompts: ["])
def test_not_around_another_catalog(scratch: Scratch, settings: str) -> None:
    scratch.write("services/bot/catalog.yaml", settings)
    scratch.write("services/bot/prompts/registry.yaml", "")
    answer = scratch.run("init")
    assert answer.code == 2
    assert "holds the catalog services/bot" in answer.err
    assert not (scratch.root / "catalog.yaml").exists()
    assert scratch.run("init", "services/bot2").code == 0
    scratch.write("catalog.yaml", "catalog: top\n")
    assert scratch.run("init", "services/bot").code == 0  # what stands there is added to


def test_a_file_of_that_name_of_another_tool_is_no_catalog(scratch: Scratch) -> None:
    scratch.write("conf/base/catalog.yaml", "cars:\n  type: pandas.CSVDataset\n  filepath: cars.csv\n")
    scratch.write("node_modules/x/catalog.yaml", "")
    assert scratch.run("init").code == 0


@pytest.mark.parametrize("line", ["*.yaml", "prompts/", "skills/", "SKILL.md", "tests/", "/catalog.yaml"])
def test_what_git_ignores_is_no_place_for_a_catalog(scratch: Scratch, line: str) -> None:
    scratch.write(".gitignore", f"{line}\n")
    answer = scratch.run("init", "--format", "json")
    assert answer.code == 2
    assert answer.json()["error"]["message"].startswith("git ignores ")
    assert list(snapshot(scratch.root)) == [".gitignore"]


def test_in_a_folder_that_git_ignores(scratch: Scratch) -> None:
    scratch.write(".gitignore", "tmp/\n")
    answer = scratch.run("init", "tmp/try it")
    assert answer.code == 2
    assert "git ignores catalog.yaml" in answer.err
    assert "'tmp/try it/catalog.yaml'" in answer.err
    assert not (scratch.root / "tmp").exists()
    scratch.write("tmp/catalog.yaml", "catalog: forced\n")
    scratch.git("add", "--force", "tmp/catalog.yaml")
    assert scratch.run("init", "tmp").code == 2  # the settings are read, and nothing else would be


def test_what_git_leaves_out_and_nothing_reads_is_said(scratch: Scratch) -> None:
    scratch.write(".gitignore", "*.json\n/dist\n.catalog\n")
    answer = scratch.run("init")
    assert answer.code == 0
    assert "Git leaves these out, by a line of a .gitignore:\n  schemas/catalog.schema.json\n" in answer.out
    assert "to .gitignore first" not in answer.out


@pytest.mark.parametrize("with_git", [True, False])
@pytest.mark.parametrize(
    ("lines", "missing"),
    [
        ("node_modules/\n", "/dist/ and /.catalog/"),
        ("dist/\n", "/.catalog/"),
        ("/.catalog\n", "/dist/"),
        ("dist\n.catalog/\n", None),
    ],
)
def test_a_gitignore_that_was_there_lacks_lines(
    scratch: Scratch,
    catalog_command: CatalogCommand,
    tmp_path: Path,
    lines: str,
    missing: str | None,
    *,
    with_git: bool,
) -> None:
    folder = scratch.root if with_git else tmp_path / "plain"
    folder.mkdir(exist_ok=True)
    (folder / ".gitignore").write_text(lines)
    answer = catalog_command("init", cwd=folder)
    assert answer.code == 0
    assert (f"\nAdd {missing} to .gitignore first" in answer.out) == (missing is not None)
    assert ("to .gitignore first" in answer.out) == (missing is not None)
    assert (folder / ".gitignore").read_text() == lines


def test_patterns_of_the_repository_s_top_hold_below_it(scratch: Scratch) -> None:
    scratch.write(".gitignore", "dist/\n.catalog/\n")
    scratch.write("team/.gitignore", "mine\n")
    answer = scratch.run("init", "team")
    assert answer.code == 0
    assert "to .gitignore first" not in answer.out


def test_owners_that_the_repository_names(scratch: Scratch) -> None:
    scratch.write(".github/CODEOWNERS", "/services/bot/ @org/a\n")
    answer = scratch.run("init", "services/bot")
    assert answer.code == 0
    assert "your-team" not in answer.out
    for path in ("prompts/ticket_summary/v1.yaml", "skills/commit-writer/SKILL.md"):
        assert "owner" not in (scratch.root / "services/bot" / path).read_text()
    assert "put your team where `your-team` stands" in scratch.run("init", "services/other").out


def test_an_example_that_was_thrown_away_does_not_come_back(scratch: Scratch) -> None:
    assert scratch.run("init").code == 0
    (scratch.root / "skills/commit-writer/SKILL.md").unlink()
    assert init(scratch.command, scratch.root)["created"] == []


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


def test_a_folder_s_name_is_no_workflow_command(catalog_command: CatalogCommand, tmp_path: Path) -> None:
    answer = catalog_command("init", "##[error]x\n::error::y", cwd=tmp_path, env={"GITHUB_ACTIONS": "true"})
    assert answer.code == 0
    assert "##[error]" not in answer.out
    assert "\n::error" not in answer.out


def test_what_looks_wrong_takes_all_files_away_again(tmp_path: Path) -> None:
    def check() -> None:
        assert (tmp_path / "a/x").is_file()
        raise UsageError("no")

    (tmp_path / "mine").write_text("mine")
    with pytest.raises(UsageError):
        create(tmp_path, NewFile("a/x", "text"), NewFile("b", "text"), check=check)
    assert [path.name for path in tmp_path.rglob("*")] == ["mine"]


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
