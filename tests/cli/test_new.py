"""``catalog new``: scaffolds that validate as they stand, and names explained."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator
from scratch import CatalogCommand, Scratch

from catalog_tool.model.names import is_prompt_id, is_skill_name
from catalog_tool.source.naming import near_prompt_id, near_skill_name, prompt_id_problem, skill_name_problem
from catalog_tool.source.schemas import schema_text

UNOWNED = "id: faq\nversion: v1\nsystem_prompt: Answer.\n"


@pytest.fixture
def started(catalog_command: CatalogCommand, tmp_path: Path) -> Path:
    assert catalog_command("init", str(tmp_path / "catalog")).code == 0
    return tmp_path / "catalog"


def severities(command: CatalogCommand, folder: Path) -> set[str]:
    answer = command("-C", str(folder), "validate", "--strict", "--format", "json")
    return {found["severity"] for found in answer.json()["findings"]}


@pytest.mark.parametrize("name", ["support_agent", "billing/refund/partial-refund"])
def test_a_new_prompt(catalog_command: CatalogCommand, started: Path, name: str) -> None:
    answer = catalog_command("new", "prompt", name, "--format", "json", cwd=started)
    assert (answer.code, answer.err) == (0, "")
    document = answer.json()
    Draft202012Validator(json.loads(schema_text("new-output"))).validate(document)
    created = [f"prompts/{name}/v1.yaml", f"prompts/{name}/tests/cases.yaml"]
    assert document == {"format": 1, "status": "ok", "kind": "prompt", "name": name, "created": created}
    for path in created:
        line = (started / path).read_text().splitlines()[0]
        schema = (started / path).parent / line.removeprefix("# yaml-language-server: $schema=")
        value = yaml.safe_load((started / path).read_text())
        Draft202012Validator(json.loads(schema.resolve(strict=True).read_text())).validate(value)
    assert severities(catalog_command, started) == {"info"}


def test_new_skills_validate_side_by_side(catalog_command: CatalogCommand, started: Path) -> None:
    for name in ("pdf-forms", "csv-import", "pdf"):
        answer = catalog_command("new", "skill", name, "--format", "json", cwd=started)
        document = answer.json()
        Draft202012Validator(json.loads(schema_text("new-output"))).validate(document)
        assert document["created"] == [f"skills/{name}/SKILL.md"]
    assert severities(catalog_command, started) == {"info"}


@pytest.mark.parametrize("profile", ["portable", "upload", "claude-code"])
def test_a_new_skill_fits_every_profile(catalog_command: CatalogCommand, tmp_path: Path, profile: str) -> None:
    (tmp_path / "catalog.yaml").write_text(f"skill_profile: {profile}\n")
    assert catalog_command("new", "skill", "pdf-forms", cwd=tmp_path).code == 0
    assert severities(catalog_command, tmp_path) <= {"info"}


def test_a_name_that_the_profile_refuses(catalog_command: CatalogCommand, tmp_path: Path) -> None:
    (tmp_path / "catalog.yaml").write_text("skill_profile: upload\n")
    answer = catalog_command("new", "skill", "claude-helper", cwd=tmp_path)
    assert answer.code == 2
    assert "claude" in answer.err
    assert not (tmp_path / "skills").exists()


def test_paths_are_shown_from_where_the_reader_stands(catalog_command: CatalogCommand, started: Path) -> None:
    answer = catalog_command("new", "prompt", "faq", cwd=started / "prompts")
    assert "  ../prompts/faq/v1.yaml\n" in answer.out
    assert "What to do next:\n  edit it, then run `catalog validate`\n  `faq: {production: v1}`" in answer.out


def test_an_existing_prompt_is_refused(catalog_command: CatalogCommand, started: Path) -> None:
    before = (started / "prompts/ticket_summary/v1.yaml").read_bytes()
    answer = catalog_command("new", "prompt", "ticket_summary", cwd=started)
    assert (answer.code, answer.out) == (2, "")
    assert "catalog bump ticket_summary" in answer.err
    assert (started / "prompts/ticket_summary/v1.yaml").read_bytes() == before


def test_an_existing_skill_is_refused(catalog_command: CatalogCommand, started: Path) -> None:
    other = started / ".claude/skills/notes/SKILL.md"
    other.parent.mkdir(parents=True)
    other.write_text("---\nname: notes\ndescription: Takes notes.\n---\n# Notes\n")
    for name in ("commit-writer", "notes"):
        answer = catalog_command("new", "skill", name, cwd=started)
        assert answer.code == 2
        assert f"there is a skill {name} already" in answer.err


def test_a_version_that_git_ignores_is_not_overwritten(scratch: Scratch) -> None:
    scratch.write(".gitignore", "v1.yaml\n")
    scratch.write("prompts/faq/v1.yaml", UNOWNED)
    answer = scratch.run("new", "prompt", "faq")
    assert answer.code == 2
    assert "exists already" in answer.err
    assert (scratch.root / "prompts/faq/v1.yaml").read_text() == UNOWNED


@pytest.mark.parametrize(
    ("line", "arguments"),
    [
        ("build/", "new skill build"),
        ("lib/", "new prompt lib/x"),
        ("tests/", "new prompt faq"),
        ("SKILL.md", "new skill notes"),
        ("v2.yaml", "bump greet"),
    ],
)
def test_nothing_is_started_where_git_would_not_see_it(scratch: Scratch, line: str, arguments: str) -> None:
    scratch.write("prompts/greet/v1.yaml", "id: greet\nversion: v1\nsystem_prompt: Hi.\n")
    scratch.write(".gitignore", f"{line}\n")
    before = sorted(scratch.root.rglob("*"))
    answer = scratch.run(*arguments.split())
    assert (answer.code, answer.out) == (2, "")
    assert "error: git ignores " in answer.err
    assert "`git check-ignore --verbose " in answer.err
    assert sorted(scratch.root.rglob("*")) == before


def test_a_skill_behind_a_link_is_seen(scratch: Scratch) -> None:
    scratch.write("catalog.yaml", "skills: [.claude/skills]\n")
    (scratch.root / "agents/skills").mkdir(parents=True)
    (scratch.root / ".claude").mkdir()
    (scratch.root / ".claude/skills").symlink_to("../agents/skills")
    assert scratch.run("new", "skill", "notes").code == 0
    assert (scratch.root / "agents/skills/notes/SKILL.md").is_file()


def test_a_repository_inside_is_not_this_catalog_s(scratch: Scratch) -> None:
    (scratch.root / "skills/notes").mkdir(parents=True)
    scratch.git("init", "--quiet", "skills/notes")
    answer = scratch.run("new", "skill", "notes")
    assert answer.code == 2
    assert "skills/notes/SKILL.md lies in the repository" in answer.err
    assert [path.name for path in (scratch.root / "skills/notes").iterdir()] == [".git"]


@pytest.mark.parametrize("name", ["null", "true", "on", "no", "y", "n0", "billing/refund"])
def test_a_prompt_s_name_is_text(scratch: Scratch, name: str) -> None:
    answer = scratch.run("new", "prompt", name)
    assert answer.code == 0
    text = (scratch.root / f"prompts/{name}/v1.yaml").read_text()
    assert yaml.safe_load(text)["id"] == name
    assert ('"' in text.splitlines()[0]) == (name in ("null", "true", "on", "no", "y"))
    line = answer.out.partition("`catalog validate`\n  `")[2].partition("`")[0]
    scratch.write("prompts/registry.yaml", f"{line}\n")
    assert severities(scratch.command, scratch.root) == {"info"}
    assert scratch.run("bump", name).code == 0
    assert severities(scratch.command, scratch.root) <= {"info", "warning"}
    assert scratch.run("show", f"{name}@production").code == 0


@pytest.mark.parametrize("name", ["null", "true", "12", "1e3", "0x1f", "012", "on", "2026-01-01", "3d-print"])
def test_a_skill_s_name_is_text(scratch: Scratch, name: str) -> None:
    assert scratch.run("new", "skill", name).code == 0
    front = (scratch.root / f"skills/{name}/SKILL.md").read_text().split("---\n")[1]
    assert yaml.safe_load(front)["name"] == name
    assert severities(scratch.command, scratch.root) == {"info"}


def test_own_golden_tests_are_kept(catalog_command: CatalogCommand, tmp_path: Path) -> None:
    tests = tmp_path / "prompts/faq/tests/cases.yaml"
    tests.parent.mkdir(parents=True)
    tests.write_text("cases:\n  - {name: mine, vars: {question: why}}\n")
    answer = catalog_command("new", "prompt", "faq", "--format", "json", cwd=tmp_path)
    assert answer.json()["created"] == ["prompts/faq/v1.yaml"]
    assert "mine" in tests.read_text()


def test_without_schemas_no_line_names_one(catalog_command: CatalogCommand, tmp_path: Path) -> None:
    assert catalog_command("new", "prompt", "faq", cwd=tmp_path).code == 0
    assert (tmp_path / "prompts/faq/v1.yaml").read_text().startswith("id: faq\n")


def test_an_owner_only_where_owners_are_named(catalog_command: CatalogCommand, tmp_path: Path) -> None:
    (tmp_path / "prompts/faq").mkdir(parents=True)
    (tmp_path / "prompts/faq/v1.yaml").write_text(UNOWNED)
    assert catalog_command("new", "prompt", "one", cwd=tmp_path).code == 0
    assert "owner" not in (tmp_path / "prompts/one/v1.yaml").read_text()
    assert catalog_command("new", "prompt", "two", "--owner", "@acme/support: [x]", cwd=tmp_path).code == 0
    assert yaml.safe_load((tmp_path / "prompts/two/v1.yaml").read_text())["owners"] == ["@acme/support: [x]"]
    assert catalog_command("new", "skill", "three", cwd=tmp_path).code == 0
    assert "  owner: your-team\n" in (tmp_path / "skills/three/SKILL.md").read_text()


def test_no_owner_where_codeowners_names_one(scratch: Scratch) -> None:
    scratch.write("CODEOWNERS", "prompts/ @acme/prompts\n")
    assert scratch.run("new", "prompt", "faq").code == 0
    assert "owner" not in (scratch.root / "prompts/faq/v1.yaml").read_text()
    assert scratch.run("new", "skill", "notes").code == 0
    assert "owner: your-team" in (scratch.root / "skills/notes/SKILL.md").read_text()


@pytest.mark.parametrize("owner", ["", " ", "a\nb", "a\x1b[31m"])
def test_an_owner_is_a_name(catalog_command: CatalogCommand, tmp_path: Path, owner: str) -> None:
    assert catalog_command("new", "prompt", "faq", "--owner", owner, cwd=tmp_path).code == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("skills", "folders", "expected"),
    [
        ("[agents, skills]", [], "agents"),
        ("[agents, skills]", ["skills"], "skills"),
        ("['plugins/*/skills', 'deep/**']", [], "deep"),
        ("['plugins/*/skills']", [], None),
        ("[]", [], None),
    ],
)
def test_the_folder_of_a_new_skill(
    catalog_command: CatalogCommand, tmp_path: Path, skills: str, folders: list[str], expected: str | None
) -> None:
    (tmp_path / "catalog.yaml").write_text(f"skills: {skills}\n")
    for folder in folders:
        (tmp_path / folder).mkdir()
    answer = catalog_command("new", "skill", "notes", cwd=tmp_path)
    if expected is None:
        assert answer.code == 2
        assert "names no folder" in answer.err
    else:
        assert (tmp_path / expected / "notes/SKILL.md").is_file()


def test_a_link_out_of_the_catalog_is_not_followed(catalog_command: CatalogCommand, tmp_path: Path) -> None:
    catalog, outside = tmp_path / "catalog", tmp_path / "outside"
    (catalog / "prompts").mkdir(parents=True)
    outside.mkdir()
    (catalog / "prompts/faq").symlink_to(outside)
    assert catalog_command("new", "prompt", "faq", cwd=catalog).code == 2
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize(
    ("typed", "why", "near"),
    [
        ("Support Agent", "lower-case words", "support_agent"),
        ("SupportAgent", "lower-case words", "support_agent"),
        ("support_agent@latest", "version or a label", "support_agent"),
        ("support_agent@v2", "version or a label", "support_agent"),
        ("support/v2", "'v2' names a version", "support"),
        ("support_agent/v1.yaml", "not a prompt id", "support_agent"),
        ("billing\\refund", "not a prompt id", "billing/refund"),
        ("billing//refund", "not a prompt id", "billing/refund"),
        ("/billing", "not a prompt id", "billing"),
        ("../etc", "not a prompt id", "etc"),
        ("über_uns", "lower-case words", "uber_uns"),
        ("a__b", "lower-case words", "a_b"),
        ("tests", "folder inside every prompt", None),
        ("support/labels", "folder inside every prompt", None),
        ("con", "Windows reserves", None),
        ("2fa", "lower-case words", None),
        ("提示", "lower-case words", None),
        ("", "lower-case words", None),
        ("support\n", "lower-case words", "support"),
    ],
)
def test_a_bad_prompt_id_is_explained(typed: str, why: str, near: str | None) -> None:
    problem = prompt_id_problem(typed)
    assert problem is not None
    assert why in problem
    assert near_prompt_id(typed) == near
    assert near is None or is_prompt_id(near)


@pytest.mark.parametrize(
    ("typed", "why", "near"),
    [
        ("My_Skill", "lower-case letters", "my-skill"),
        ("PdfForms", "lower-case letters", "pdf-forms"),
        ("-x-", "lower-case letters", "x"),
        ("a" * 65, "65 characters", "a" * 64),
        ("con", "Windows reserves", None),
        ("!", "lower-case letters", None),
    ],
)
def test_a_bad_skill_name_is_explained(typed: str, why: str, near: str | None) -> None:
    problem = skill_name_problem(typed)
    assert problem is not None
    assert why in problem
    assert near_skill_name(typed) == near
    assert near is None or is_skill_name(near)


def test_a_bad_name_writes_nothing(catalog_command: CatalogCommand, tmp_path: Path) -> None:
    answer = catalog_command("new", "prompt", "Support Agent", "--format", "json", cwd=tmp_path)
    assert answer.code == 2
    error = answer.json()["error"]
    assert error["kind"] == "usage"
    assert error["hint"] == "for example: catalog new prompt support_agent"
    assert catalog_command("new", "skill", "My Skill", cwd=tmp_path).code == 2
    assert catalog_command("new", "thing", "x", cwd=tmp_path).code == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["new prompt greet", "new skill csv-import", "bump greet"])
def test_settings_of_a_later_version_are_not_added_to(scratch: Scratch, command: str) -> None:
    scratch.write("catalog.yaml", "format: 2\n")
    scratch.write("prompts/greet/v1.yaml", "id: greet\nversion: v1\nsystem_prompt: Hi.\n")
    before = sorted(scratch.root.rglob("*"))
    refused = scratch.run(*command.split())
    assert (refused.code, "catalog.yaml" in refused.err, sorted(scratch.root.rglob("*"))) == (2, True, before)
