"""Skills that other people wrote: all of them are read, in time, and nothing is made up about them."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from scratch import CatalogCommand

from catalog_tool.checks.skill_fields import ProfileCheck
from catalog_tool.checks.skill_record import SkillRecord, record_skill
from catalog_tool.model.codes import CODES
from catalog_tool.model.settings import PROFILES
from catalog_tool.source.skill_folders import SkillFolder
from catalog_tool.source.tree import FILE, Entry

SECONDS_A_SKILL = 1.0
REPOSITORIES = {"awesome-copilot": ["skills/**"], "superpowers": ["skills"], "wshobson-agents": ["plugins/*/skills"]}


def _folders(corpora: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted((corpora / "skills").rglob("SKILL.md")):
        yield path.parent.relative_to(corpora / "skills").as_posix(), path.parent


def _record(path: str, folder: Path, check: ProfileCheck) -> SkillRecord:
    contents = {
        file.relative_to(folder).as_posix(): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()
    }
    entries = {inner: Entry(FILE, None) for inner in contents}
    return record_skill(SkillFolder(folder.name, path, entries), dict(contents), check)


@pytest.mark.parametrize("profile", PROFILES)
def test_every_skill_is_read_and_every_finding_has_a_place(corpora: Path, profile: str) -> None:
    check = ProfileCheck(profile)
    count = 0
    for path, folder in _folders(corpora):
        began = time.process_time()
        record = _record(path, folder, check)
        assert time.process_time() - began < SECONDS_A_SKILL, path
        assert record.skill.files, path
        assert record.skill.description, path
        for found in record.findings:
            assert found.code in CODES
            assert found.path is not None
            lines = (folder.parents[path.count("/")] / found.path).read_bytes().decode(errors="replace").split("\n")
            assert found.line is not None, found
            assert 1 <= found.line <= len(lines), found
            assert found.column is None or 1 <= found.column <= len(lines[found.line - 1]) + 1, found
        count += 1
    assert count > 600


def test_what_an_agent_loads_has_no_error_under_its_profile(corpora: Path) -> None:
    check = ProfileCheck("claude-code")
    errors = {
        path: [found for found in _record(path, folder, check).findings if found.severity == "error"]
        for path, folder in _folders(corpora)
    }
    assert {path: found for path, found in errors.items() if found} == {}


@pytest.mark.parametrize("name", REPOSITORIES)
def test_whole_repositories_validate_and_build(
    corpora: Path, tmp_path: Path, catalog_command: CatalogCommand, name: str
) -> None:
    source = corpora / "skills" / name
    root = tmp_path / name
    shutil.copytree(source, root)
    globs = ", ".join(f"'{glob}'" for glob in REPOSITORIES[name])
    (root / "catalog.yaml").write_text(f"skills: [{globs}]\nskill_profile: claude-code\n")
    answer = catalog_command("validate", "--format", "json", cwd=root)
    assert answer.code == 0, answer.err
    assert "Traceback" not in answer.err
    found = answer.json()
    assert found["summary"]["skills"] > 10
    assert found["summary"]["errors"] == 0
    assert catalog_command("build", cwd=root).code == 0
