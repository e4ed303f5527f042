"""Which folder is the catalog's root (design §2)."""

from __future__ import annotations

from pathlib import Path

import pytest
from scratch import Scratch

from catalog_tool.errors import GitError, UsageError
from catalog_tool.source.root import find_root
from catalog_tool.source.tree import tree_of


def made(root: Path, *folders: str) -> None:
    for folder in folders:
        (root / folder).mkdir(parents=True)


def test_the_nearest_settings_win_over_nearer_folders(tmp_path: Path) -> None:
    made(tmp_path, "a/skills/x", "a/b/prompts/c")
    (tmp_path / "a" / "catalog.yaml").write_text("")
    assert find_root(str(tmp_path / "a/b/prompts/c")).root == str(tmp_path.resolve() / "a")
    (tmp_path / "a/b" / "catalog.yaml").write_text("")
    assert find_root(str(tmp_path / "a/b/prompts/c")).root == str(tmp_path.resolve() / "a/b")


@pytest.mark.parametrize("name", ["prompts", "skills"])
def test_without_settings_the_nearest_prompts_or_skills(tmp_path: Path, name: str) -> None:
    made(tmp_path, f"a/{name}/x", "a/b/c")
    place = find_root(str(tmp_path / "a/b/c"))
    assert (place.root, place.git, place.prefix) == (str(tmp_path.resolve() / "a"), None, "")


def test_else_the_top_of_the_repository(scratch: Scratch) -> None:
    made(scratch.root, "a/b", ".claude/skills/x")
    place = find_root(str(scratch.root / "a/b"))
    assert (place.root, place.prefix) == (str(scratch.root), "")
    assert place.git is not None


def test_a_catalog_below_the_top_and_none_above_it(scratch: Scratch) -> None:
    made(scratch.root, "team/a/prompts/x", "team/b")
    place = find_root(str(scratch.root / "team/a/prompts/x"))
    assert (place.root, place.prefix) == (str(scratch.root / "team/a"), "team/a/")
    (scratch.root.parent / "catalog.yaml").write_text("")
    assert find_root(str(scratch.root / "team/b")).root == str(scratch.root)


def test_a_link_leads_to_the_folder_itself(tmp_path: Path) -> None:
    made(tmp_path, "real/prompts")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert find_root(str(tmp_path / "link")).root == str((tmp_path / "real").resolve())


def test_no_such_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="does not exist"):
        find_root(str(tmp_path / "nowhere"))
    with pytest.raises(UsageError, match="is not a folder"):
        find_root(str(tmp_path / "file"))


@pytest.mark.parametrize("inner", ["", "refs/heads"])
def test_a_bare_repository_is_named_as_one(tmp_path: Path, scratch: Scratch, inner: str) -> None:
    scratch.write("prompts/a/v1.yaml", "id: a\n")
    scratch.commit()
    bare = tmp_path / "catalog.git"
    scratch.git("clone", "--quiet", "--bare", str(scratch.root), str(bare))
    commands = ["validate --rev HEAD", "diff HEAD", "history a --rev HEAD", "validate", "build", "list"]
    for command in commands if not inner else ["validate --rev HEAD", "validate"]:
        answer = scratch.command("-C", str(bare / inner), *command.split())
        assert (answer.code, answer.out) == (3, ""), command
        assert f"{bare} is a bare repository" in answer.err
        assert "in a clone of it" in answer.err


@pytest.mark.parametrize("missing", ["HEAD", "objects", "refs"])
def test_what_only_looks_like_a_bare_repository_is_outside_git(tmp_path: Path, missing: str) -> None:
    made(tmp_path, "objects", "refs", "prompts/a")
    (tmp_path / "HEAD").write_text("ref: refs/heads/main\n")
    (tmp_path / missing).rename(tmp_path / "renamed")
    place = find_root(str(tmp_path))
    with pytest.raises(GitError, match="is not in a git repository"):
        tree_of(place, "HEAD")
