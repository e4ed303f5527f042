"""Which commit a tree is compared with where nobody names one (design §2.3)."""

from __future__ import annotations

import os
from collections.abc import Sequence

from catalog_tool.source.git import Git
from catalog_tool.source.tree import RevisionTree, WorkTree

CI_BRANCHES = ("GITHUB_BASE_REF", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME")
"""Variables by which a CI names the branch that a change is meant for."""
BRANCHES = ("origin/HEAD", "origin/main", "origin/master", "main", "master")
"""The branches that are tried where no CI names one, in order."""


def default_base(tree: WorkTree | RevisionTree) -> str | None:
    """The merge base of a tree's commit with the branch a change is meant for; None where there is none.

    On that branch it is HEAD, or its first parent where nothing differs from HEAD; so a work tree must
    have been listed before. A branch that CI names is tried as ``origin/NAME``, then ``NAME``, and no
    other after it.
    """
    git = tree.git
    if git is None:
        return None
    commit = tree.commit if isinstance(tree, RevisionTree) else git.find("HEAD")
    branch = _branch(git)
    if commit is None or branch is None:
        return None
    merge_base = git.merge_base(commit, branch)
    if merge_base is None or merge_base != commit or (isinstance(tree, WorkTree) and tree.is_modified):
        return merge_base
    return git.find(f"{commit}^1")


def _branch(git: Git) -> str | None:
    named = next((os.environ[name] for name in CI_BRANCHES if os.environ.get(name)), None)
    candidates: Sequence[str] = BRANCHES if named is None else (f"origin/{named}", named)
    return next((found for name in candidates if (found := git.find(name)) is not None), None)
