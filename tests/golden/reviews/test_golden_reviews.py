"""Invented pull requests with the comment that a reviewer is known to get: adding one is adding a folder.

A folder holds ``pull_request.yaml`` (``title``, and ``removed``: paths that go), ``change/``, the files
that come or are replaced over ``_base``, and ``expected.md``. ``python tests/reviews.py FOLDER`` makes a
repository of each, asks the command line, and writes pages to look at; ``--update`` takes what it says as
expected. Here the same folders are compared without git, which has to make no difference.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
import yaml
from markdown_it import MarkdownIt
from reviews import CASES, comment, names, open_pull_request
from scratch import Scratch

from catalog_tool.diff.catalogs import Names, Options, compare_catalogs
from catalog_tool.diff.changes import DiffResult
from catalog_tool.diff.sides import TreeSide
from catalog_tool.report.diff_markdown import LIMIT, diff_markdown
from catalog_tool.source.tree import WorkTree


def compared(name: str, folder: Path) -> DiffResult:
    """The change of a case against the base, from two folders."""
    about = yaml.safe_load((CASES / name / "pull_request.yaml").read_text("utf-8"))
    after = folder / "after"
    shutil.copytree(CASES / "_base", after)
    for path in about.get("removed", []):
        shutil.rmtree(after / path)
    if (CASES / name / "change").is_dir():
        shutil.copytree(CASES / name / "change", after, dirs_exist_ok=True)
    sides = TreeSide(WorkTree(CASES / "_base")), TreeSide(WorkTree(after))
    return compare_catalogs(*sides, Names("main", "change"), Options("2026-11-21"))


@pytest.mark.parametrize("name", names())
def test_a_comment_says_what_it_is_known_to_say(name: str, tmp_path: Path) -> None:
    said = diff_markdown(compared(name, tmp_path))
    assert said == (CASES / name / "expected.md").read_text("utf-8")
    assert len(said.encode()) <= LIMIT


@pytest.mark.parametrize("name", ["canary-weights", "shared-partial-edited", "skill-with-code-added"])
def test_a_repository_gives_the_same_comment(name: str, scratch: Scratch) -> None:
    open_pull_request(name, scratch)
    assert comment(scratch, "main...change") == (CASES / name / "expected.md").read_text("utf-8")


@pytest.mark.parametrize("name", names())
def test_the_first_paragraph_is_a_verdict_in_bold_and_short(name: str) -> None:
    tokens = MarkdownIt("commonmark").enable("table").parse((CASES / name / "expected.md").read_text("utf-8"))
    first = next(token for token in tokens if token.type == "inline")
    assert first.children is not None
    assert [child.type for child in first.children[:2]] in (["text", "strong_open"], ["strong_open", "text"])
    assert len("".join(child.content for child in first.children)) < 450


def test_there_are_at_least_twenty() -> None:
    assert len(names()) >= 20
    titles = [yaml.safe_load((CASES / name / "pull_request.yaml").read_text("utf-8"))["title"] for name in names()]
    assert len(set(titles)) == len(titles)
    assert all(re.fullmatch(r"[A-Z].+", title) for title in titles)
