"""The same commit read from disk and from the object database: the same bytes, modes and digests."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from scratch import Scratch

from catalog_tool.checks.inspection import Inspection, Options, inspect
from catalog_tool.errors import UsageError
from catalog_tool.source.root import find_root
from catalog_tool.source.tree import RevisionTree, WorkTree, tree_of

PROMPT = "id: greet\nversion: v1\nmodel: gpt-4o-2024-08-06\nsystem_prompt: |\n  Greet {{name}}.\n"
SKILL = "---\nname: pdf\ndescription: Fills PDF forms. Use when a form has to be completed.\n---\n# PDF\n"
CATALOG: dict[str, str | bytes] = {
    "prompts/greet/v1.yaml": PROMPT,
    "prompts/registry.yaml": "greet:\n  production: v1\n",
    "skills/pdf/SKILL.md": SKILL,
    "skills/pdf/scripts/run.sh": "#!/bin/sh\necho hi\n",
    "skills/pdf/data/é.bin": bytes(range(256)),
}


def look(root: Path, revision: str | None = None) -> Inspection:
    """The catalog at ``root``, without any memory of earlier runs."""
    return inspect(tree_of(find_root(str(root)), revision), Options(overlap=False))


def identity(found: Inspection) -> dict[str, object]:
    """Every digest, and of skills the files with their modes."""
    versions = {f"{record.id}@{record.version}": record.digest for record in found.versions}
    return {**versions, **{item.skill.key: (item.skill.digest, item.skill.files) for item in found.skills}}


def skill_files(found: Inspection, key: str = "pdf") -> dict[str, str]:
    """The files of one skill with their modes."""
    (skill,) = (item.skill for item in found.skills if item.skill.key == key)
    return {path: mode for path, mode, _, _ in skill.files}


@pytest.fixture
def committed(scratch: Scratch) -> Scratch:
    """The catalog above, committed, with one executable file."""
    scratch.write_all(CATALOG)
    (scratch.root / "skills/pdf/scripts/run.sh").chmod(0o755)
    scratch.commit()
    return scratch


def test_work_tree_and_revision_agree(committed: Scratch) -> None:
    here, there = look(committed.root), look(committed.root, "HEAD")
    assert identity(here) == identity(there)
    assert skill_files(here) == {
        "SKILL.md": "100644", "data/é.bin": "100644", "scripts/run.sh": "100755",
    }  # fmt: skip
    assert [found for found in here.findings if found.severity == "error"] == []


def test_ignored_files_are_not_there(committed: Scratch) -> None:
    committed.write_all(
        {
            ".gitignore": "*.tmp\n",
            "skills/pdf/.gitignore": "/build/\n",
            "skills/pdf/notes.tmp": "x",
            "skills/pdf/build/out.txt": "x",
            "prompts/greet/v2.yaml.tmp": "x",
        }
    )
    (committed.root / ".git/info").mkdir(exist_ok=True)
    committed.write(".git/info/exclude", "secret.txt\n")
    committed.write("skills/pdf/secret.txt", "x")
    assert set(skill_files(look(committed.root))) == {
        ".gitignore", "SKILL.md", "data/é.bin", "scripts/run.sh",
    }  # fmt: skip


def test_a_tracked_file_counts_even_where_it_is_ignored(committed: Scratch) -> None:
    committed.write("skills/pdf/keep.tmp", "x")
    committed.commit()
    committed.write(".gitignore", "*.tmp\n")
    assert "keep.tmp" in skill_files(look(committed.root))


def test_untracked_and_modified_files_are_read_from_disk(committed: Scratch) -> None:
    before = identity(look(committed.root, "HEAD"))
    committed.write("prompts/greet/v1.yaml", PROMPT.replace("Greet", "Welcome"))
    committed.write("prompts/greet/v2.yaml", PROMPT.replace("v1", "v2"))
    committed.write("skills/pdf/new.md", "new\n")
    after = look(committed.root)
    assert identity(after)["greet@v2"] == before["greet@v1"]
    assert identity(after)["greet@v1"] != before["greet@v1"]
    assert "new.md" in skill_files(after)
    assert identity(look(committed.root, "HEAD")) == before


def test_staged_removed_and_renamed_files(committed: Scratch) -> None:
    committed.git("rm", "--quiet", "--cached", "skills/pdf/scripts/run.sh")
    (committed.root / "skills/pdf/data/é.bin").unlink()
    committed.git("mv", "prompts/greet", "prompts/welcome")
    found = look(committed.root)
    assert set(skill_files(found)) == {"SKILL.md", "scripts/run.sh"}
    assert [(record.id, record.version) for record in found.versions] == [("welcome", "v1")]


def test_a_file_added_to_the_index_and_gone_from_disk(committed: Scratch) -> None:
    committed.write("skills/pdf/new.md", "new\n")
    committed.git("add", "skills/pdf/new.md")
    (committed.root / "skills/pdf/new.md").unlink()
    assert "new.md" not in skill_files(look(committed.root))


def test_a_merge_conflict_is_read_from_disk(committed: Scratch) -> None:
    committed.git("checkout", "--quiet", "-b", "other")
    committed.write("prompts/greet/v1.yaml", PROMPT.replace("Greet", "Hail"))
    committed.commit()
    committed.git("checkout", "--quiet", "main")
    committed.write("prompts/greet/v1.yaml", PROMPT.replace("Greet", "Meet"))
    committed.commit()
    with pytest.raises(subprocess.CalledProcessError):
        committed.git("-c", "user.name=a", "-c", "user.email=a@example.org", "merge", "other")
    found = look(committed.root)
    assert [record.version for record in found.versions] == ["v1"]
    assert any(each.path == "prompts/greet/v1.yaml" and each.severity == "error" for each in found.findings)


@pytest.mark.parametrize("attributes", ["", "* text eol=crlf\n", "*.md text eol=crlf\n*.yaml text\n"])
@pytest.mark.parametrize("autocrlf", ["false", "true", "input"])
@pytest.mark.parametrize("folder", ["", "team/catalog"])
def test_a_checkout_with_other_line_ends_is_the_commit(
    tmp_path: Path, scratch: Scratch, attributes: str, autocrlf: str, folder: str
) -> None:
    prefix = f"{folder}/" if folder else ""
    scratch.write_all({prefix + path: content for path, content in CATALOG.items()})
    if folder:
        scratch.write(prefix + "catalog.yaml", "format: 1\n")
    if attributes:
        scratch.write(".gitattributes", attributes)
    scratch.commit()
    clone = tmp_path / "clone"
    scratch.git("-c", f"core.autocrlf={autocrlf}", "clone", "--quiet", str(scratch.root), str(clone))
    scratch.git("-C", str(clone), "config", "core.autocrlf", autocrlf)
    on_disk = (clone / prefix / "skills/pdf/SKILL.md").read_bytes()
    assert (b"\r\n" in on_disk) == (autocrlf == "true" or "eol=crlf" in attributes)
    here = look(clone / folder)
    assert identity(here) == identity(look(scratch.root / folder, "HEAD"))
    assert "S217" not in {found.code for found in here.findings}


def test_attributes_of_the_repository_alone(tmp_path: Path, committed: Scratch) -> None:
    clone = tmp_path / "clone"
    committed.git("clone", "--quiet", "--no-checkout", str(committed.root), str(clone))
    (clone / ".git/info").mkdir(exist_ok=True)
    (clone / ".git/info/attributes").write_text("*.md text eol=crlf\n")
    committed.git("-C", str(clone), "checkout", "--quiet", "main")
    assert b"\r\n" in (clone / "skills/pdf/SKILL.md").read_bytes()
    assert identity(look(clone)) == identity(look(committed.root, "HEAD"))


def test_a_modified_file_keeps_the_line_ends_it_has_on_disk(committed: Scratch) -> None:
    committed.git("config", "core.autocrlf", "true")
    committed.write("skills/pdf/SKILL.md", SKILL.replace("\n", "\r\n") + "more\r\n")
    assert "S217" in {found.code for found in look(committed.root).findings}


def test_modes_come_from_the_index_unless_the_file_changed(committed: Scratch) -> None:
    committed.git("config", "core.fileMode", "false")
    (committed.root / "skills/pdf/scripts/run.sh").chmod(0o644)
    (committed.root / "skills/pdf/SKILL.md").chmod(0o755)
    assert identity(look(committed.root)) == identity(look(committed.root, "HEAD"))
    committed.git("config", "core.fileMode", "true")
    assert skill_files(look(committed.root))["scripts/run.sh"] == "100644"


def test_a_touched_file_is_no_change(committed: Scratch) -> None:
    for path in ("prompts/greet/v1.yaml", "skills/pdf/SKILL.md"):
        os.utime(committed.root / path, (1, 1))
    tree = tree_of(find_root(str(committed.root)), None)
    assert isinstance(tree, WorkTree)
    inspect(tree, Options(overlap=False))
    assert not tree.is_modified


def test_where_the_disk_knows_no_modes_those_of_git_count(committed: Scratch) -> None:
    committed.git("config", "core.fileMode", "false")
    for path, mode in (("skills/pdf/scripts/run.sh", 0o644), ("skills/pdf/SKILL.md", 0o755)):
        (committed.root / path).write_text((committed.root / path).read_text() + "\n# More.\n")
        (committed.root / path).chmod(mode)
    committed.write("skills/pdf/new.sh", "echo\n").chmod(0o755)
    edited = identity(look(committed.root))
    assert skill_files(look(committed.root))["scripts/run.sh"] == "100755"
    committed.commit()
    assert identity(look(committed.root, "HEAD")) == edited


@pytest.fixture
def other(tmp_path: Path, committed: Scratch) -> Path:
    """Another repository, with a skill at its top."""
    other = tmp_path / "other"
    other.mkdir()
    committed.git("-C", str(other), "init", "--quiet", "--initial-branch", "main")
    (other / "SKILL.md").write_text(SKILL)
    committed.git("-C", str(other), "add", "--all")
    who = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    committed.git("-C", str(other), *who, "commit", "--quiet", "--message", "x")
    return other


def refused(root: Path, revision: str | None = None) -> list[tuple[str, str | None]]:
    """What is no file of this repository."""
    found = look(root, revision).findings
    return [(each.code, each.path) for each in found if each.code in ("S216", "Y024")]


@pytest.mark.parametrize(
    ("place", "code"),
    [("prompts", "Y024"), ("skills", "S216"), (".claude/skills", "S216")],
)
def test_a_folder_of_the_settings_that_is_a_submodule_is_told(
    committed: Scratch, other: Path, place: str, code: str
) -> None:
    committed.git("rm", "-rq", "prompts", "skills")
    committed.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(other), place)
    assert refused(committed.root) == [(code, place)]
    committed.commit()
    assert refused(committed.root) == refused(committed.root, "HEAD") == [(code, place)]


def test_prompts_behind_a_link_are_told(committed: Scratch) -> None:
    committed.git("mv", "prompts", "kept")
    (committed.root / "prompts").symlink_to("kept")
    assert refused(committed.root) == [("Y024", "prompts")]


@pytest.mark.parametrize(
    ("place", "code"), [("prompts/nest", "Y024"), ("skills/nest", "S216"), (".claude/skills", "S216")]
)
def test_a_repository_of_its_own_that_nobody_added_is_told(
    committed: Scratch, other: Path, place: str, code: str
) -> None:
    committed.git("clone", "--quiet", str(other), place)
    assert refused(committed.root) == [(code, place)]


def test_submodules_are_refused_and_never_entered(committed: Scratch, other: Path) -> None:
    for place in ("skills/pdf/vendor", "skills/other", "elsewhere"):
        committed.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(other), place)
    committed.commit()
    for revision in (None, "HEAD"):
        found = look(committed.root, revision)
        assert [(each.code, each.path) for each in found.findings if each.code == "S216"] == [
            ("S216", "skills/other"), ("S216", "skills/pdf/vendor"),
        ]  # fmt: skip
        assert not any(path.startswith("vendor") for path in skill_files(found))


def test_a_sha256_repository(tmp_path: Path, committed: Scratch) -> None:
    root = tmp_path / "long"
    root.mkdir()
    committed.git("init", "--quiet", "--object-format=sha256", "--initial-branch", "main", str(root))
    long = Scratch(root=root, command=committed.command)
    long.write_all(CATALOG)
    (root / "skills/pdf/scripts/run.sh").chmod(0o755)
    assert len(long.commit()) == 64
    assert identity(look(root)) == identity(look(root, "HEAD")) == identity(look(committed.root))
    long.git("config", "core.autocrlf", "true")
    assert identity(look(root)) == identity(look(committed.root))


def test_a_linked_work_tree(tmp_path: Path, committed: Scratch) -> None:
    linked = tmp_path / "linked"
    committed.git("worktree", "add", "--quiet", str(linked), "-b", "side")
    assert identity(look(linked)) == identity(look(committed.root))
    (linked / "prompts/greet/v2.yaml").write_text(PROMPT.replace("v1", "v2"))
    assert set(identity(look(linked))) - set(identity(look(committed.root))) == {"greet@v2"}


@pytest.mark.parametrize("revision", [None, "HEAD"])
def test_a_catalog_in_a_folder_of_the_repository(scratch: Scratch, revision: str | None) -> None:
    scratch.write_all({f"team/catalog/{path}": content for path, content in CATALOG.items()})
    scratch.write_all({"team/catalog/catalog.yaml": "format: 1\n", "prompts/other/v1.yaml": PROMPT})
    commit = scratch.commit()
    tree = tree_of(find_root(str(scratch.root / "team/catalog/prompts")), revision)
    found = inspect(tree, Options(overlap=False))
    assert set(identity(found)) == {"greet@v1", "pdf"}
    assert {record.path for record in found.versions} == {"prompts/greet/v1.yaml"}
    if isinstance(tree, WorkTree):
        assert (tree.head, tree.is_modified) == (commit, False)
        scratch.write("team/catalog/prompts/greet/v1.yaml", PROMPT + "# changed\n")
        inspect(tree, Options(overlap=False))
        assert tree.is_modified
    else:
        assert tree.commit == commit


def test_without_git_everything_on_disk_counts(tmp_path: Path, committed: Scratch) -> None:
    bare = tmp_path / "bare"
    for path, content in CATALOG.items():
        (bare / path).parent.mkdir(parents=True, exist_ok=True)
        (bare / path).write_bytes(content.encode() if isinstance(content, str) else content)
    (bare / "skills/pdf/scripts/run.sh").chmod(0o755)
    assert identity(look(bare)) == identity(look(committed.root))
    with pytest.raises(Exception, match="not in a git repository"):
        tree_of(find_root(str(bare)), "HEAD")


@pytest.mark.parametrize(
    ("part", "expected"), [("prompts", {"greet@v1"}), ("skills", {"pdf"}), (".claude/skills", {"pdf"})]
)
@pytest.mark.parametrize("in_git", [True, False])
def test_prompts_or_skills_alone(
    tmp_path: Path, scratch: Scratch, part: str, expected: set[str], *, in_git: bool
) -> None:
    source = "skills" if part != "prompts" else "prompts"
    files = {
        path.replace(source, part, 1): content for path, content in CATALOG.items() if path.startswith(f"{source}/")
    }
    root = scratch.root if in_git else tmp_path / "plain"
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content.encode() if isinstance(content, str) else content)
    if in_git:
        scratch.commit()
        assert set(identity(look(root, "HEAD"))) == expected
    assert set(identity(look(root))) == expected


def test_a_repository_without_a_commit(scratch: Scratch) -> None:
    with pytest.raises(UsageError, match="no catalog here"):
        look(scratch.root)
    scratch.write_all(CATALOG)
    assert set(identity(look(scratch.root))) == {"greet@v1", "pdf"}


def test_a_shallow_clone(tmp_path: Path, committed: Scratch) -> None:
    committed.write("prompts/greet/v2.yaml", PROMPT.replace("v1", "v2"))
    committed.commit()
    clone = tmp_path / "shallow"
    committed.git("clone", "--quiet", "--depth", "1", committed.root.as_uri(), str(clone))
    assert identity(look(clone)) == identity(look(clone, "HEAD")) == identity(look(committed.root))
    tree = tree_of(find_root(str(clone)), "HEAD")
    assert isinstance(tree, RevisionTree)
    assert tree.git.is_shallow()


def test_a_sparse_checkout_reads_what_is_not_on_disk_from_git(committed: Scratch) -> None:
    committed.git("sparse-checkout", "set", "--no-cone", "/prompts/", "/skills/pdf/SKILL.md")
    assert not (committed.root / "skills/pdf/scripts").exists()
    assert identity(look(committed.root)) == identity(look(committed.root, "HEAD"))


@pytest.mark.parametrize("flag", ["--assume-unchanged", "--skip-worktree"])
def test_files_that_git_was_told_not_to_look_at_are_read_from_disk(committed: Scratch, flag: str) -> None:
    paths = ["prompts/greet/v1.yaml", "skills/pdf/SKILL.md", "skills/pdf/scripts/run.sh", "skills/pdf/data/é.bin"]
    committed.git("update-index", flag, *paths)
    tree = tree_of(find_root(str(committed.root)), None)
    same = inspect(tree, Options(overlap=False))
    assert isinstance(tree, WorkTree)
    assert not tree.is_modified
    assert identity(same) == identity(look(committed.root, "HEAD"))
    committed.write(paths[0], PROMPT.replace("Greet", "Hail"))
    committed.write(paths[1], SKILL + "More.\n")
    (committed.root / paths[2]).chmod(0o644)
    tree = tree_of(find_root(str(committed.root)), None)
    edited = inspect(tree, Options(overlap=False))
    assert isinstance(tree, WorkTree)
    assert tree.is_modified
    assert skill_files(edited)["scripts/run.sh"] == "100644"
    committed.git("update-index", "--no-assume-unchanged", "--no-skip-worktree", *paths)
    assert identity(edited) == identity(look(committed.root)) != identity(same)


def test_a_folder_replaced_by_a_link_is_not_read_through(tmp_path: Path, committed: Scratch) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "run.sh").write_text("private\n")
    (committed.root / "skills/pdf/scripts/run.sh").unlink()
    (committed.root / "skills/pdf/scripts").rmdir()
    (committed.root / "skills/pdf/scripts").symlink_to(outside)
    found = look(committed.root)
    assert "scripts/run.sh" not in skill_files(found)
    assert ("S215", "skills/pdf/scripts") in {(each.code, each.path) for each in found.findings}
