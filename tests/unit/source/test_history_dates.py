"""First and last commit of each skill, in one ``git log``."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from catalog_tool.errors import GitError
from catalog_tool.source.git import Git
from catalog_tool.source.history_dates import EXACT_PATHS, skill_dates

from .history_repository import HOUR, START, Written, run_git


def _hours(*numbers: int) -> tuple[int, ...]:
    return tuple(START + number * HOUR for number in numbers)


def test_oldest_and_newest_of_each_file(tmp_path: Path) -> None:
    made = Written(tmp_path / "r")
    made.commit({"skills/a/SKILL.md": "1", "skills/b/SKILL.md": "1", "skills/b/more.md": "1"})
    made.commit({"skills/a/SKILL.md": "2", "unrelated": "x"})
    made.commit({"skills/b/more.md": "2"})
    made.commit({"skills/c/SKILL.md": "1"})
    git = made.done()
    paths = [f"skills/{name}/SKILL.md" for name in "abcd"]
    assert skill_dates(git, git.resolve("main"), "", paths) == {
        paths[0]: _hours(0, 1), paths[1]: _hours(0, 0), paths[2]: _hours(3, 3),
    }  # fmt: skip


def test_files_that_were_never_committed_have_no_dates(tmp_path: Path) -> None:
    made = Written(tmp_path / "r")
    made.commit({"README.md": "1"})
    git = made.done()
    assert skill_dates(git, git.resolve("main"), "", ["skills/new/SKILL.md"]) == {}


def test_commits_of_a_side_branch_count_and_merges_do_not(tmp_path: Path) -> None:
    made = Written(tmp_path / "r")
    first = made.commit({"skills/a/SKILL.md": "1"})
    made.commit({"other": "1"})
    edited = made.commit({"skills/a/SKILL.md": "2"}, of=first, side=True)
    reverted = made.commit({"skills/a/SKILL.md": "1"}, of=edited, side=True)
    made.commit({}, merge=reverted)
    git = made.done()
    assert skill_dates(git, git.resolve("main"), "", ["skills/a/SKILL.md"]) == {"skills/a/SKILL.md": _hours(0, 3)}


def test_wrong_clocks_give_the_oldest_and_newest_time(tmp_path: Path) -> None:
    made = Written(tmp_path / "r")
    for number, at in enumerate((5, 1, 9, 4)):
        made.commit({"skills/a/SKILL.md": str(number)}, at=START + at * HOUR)
    git = made.done()
    assert skill_dates(git, git.resolve("main"), "", ["skills/a/SKILL.md"])["skills/a/SKILL.md"] == _hours(1, 9)


@pytest.mark.parametrize("count", [3, EXACT_PATHS + 1, 300])
def test_few_and_many_paths_give_the_same(tmp_path: Path, count: int) -> None:
    made = Written(tmp_path / "r")
    names = [f"skill-{number}" for number in range(count)]
    made.commit({f"cat/{name[-1]}/skills/{name}/SKILL.md": "1" for name in names} | {"12": "x"})
    made.commit({f"cat/2/skills/{names[2]}/SKILL.md": "2", "cat/2/skills/SKILL.md": "x"})
    git = made.done()
    paths = [f"{name[-1]}/skills/{name}/SKILL.md" for name in names]
    found = skill_dates(git, git.resolve("main"), "cat/", paths)
    assert found == {path: _hours(0, 0) for path in paths} | {paths[2]: _hours(0, 1)}


def test_names_that_look_like_something_else(tmp_path: Path) -> None:
    odd = ["skills/a\nb/SKILL.md", "skills/1740787200/SKILL.md", "skills/:(top)/SKILL.md", "\n/SKILL.md"]
    made = Written(tmp_path / "r")
    made.commit(dict.fromkeys(odd, "1"))
    made.commit({"1740787200": "x"})
    git = made.done()
    assert skill_dates(git, git.resolve("main"), "", odd) == dict.fromkeys(odd, _hours(0, 0))
    many = [*odd, *(f"x/{number}/SKILL.md" for number in range(EXACT_PATHS))]
    assert skill_dates(git, git.resolve("main"), "", many) == dict.fromkeys(odd, _hours(0, 0))


def test_settings_of_the_repository_hide_nothing(tmp_path: Path) -> None:
    made = Written(tmp_path / "r")
    made.commit({"skills/a/SKILL.md": "1"})
    made.commit({"skills/a/SKILL.md": None, "skills/b/SKILL.md": "1"})
    git = made.done()
    for name, value in (
        ("log.showRoot", "false"),
        ("diff.renames", "copies"),
        ("log.date", "relative"),
        ("i18n.logOutputEncoding", "UTF-16"),
    ):
        run_git(git.top, "config", name, value)
    found = skill_dates(git, git.resolve("main"), "", ["skills/a/SKILL.md", "skills/b/SKILL.md"])
    assert found == {"skills/a/SKILL.md": _hours(0, 1), "skills/b/SKILL.md": _hours(1, 1)}


def test_a_shallow_clone_has_no_dates(tmp_path: Path) -> None:
    made = Written(tmp_path / "r")
    made.commit({"skills/a/SKILL.md": "1"})
    made.commit({"skills/a/SKILL.md": "2"})
    made.done()
    url = (tmp_path / "r").as_uri()
    subprocess.run(["git", "clone", "--quiet", "--depth=1", url, str(tmp_path / "s")], check=True)
    git = Git(tmp_path / "s")
    assert skill_dates(git, git.resolve("HEAD"), "", ["skills/a/SKILL.md"]) == {}


def test_only_a_whole_commit_id_reaches_git(tmp_path: Path) -> None:
    made = Written(tmp_path / "r")
    made.commit({"skills/a/SKILL.md": "1"})
    git = made.done()
    for text in (f"--output={tmp_path}/out", "main", "@{u}", ":(top)", "HEAD"):
        with pytest.raises(GitError):
            skill_dates(git, text, "", ["skills/a/SKILL.md"])
    assert not (tmp_path / "out").exists()
    assert skill_dates(git, git.resolve("main"), "", []) == {}
