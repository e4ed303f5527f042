"""Which commit a tree is compared with where nobody names one (design §2.3)."""

from __future__ import annotations

from catalog_tool.source.branches import base_branch, branch_arguments
from catalog_tool.source.tree import RevisionTree, WorkTree


def default_base(tree: WorkTree | RevisionTree) -> str | None:
    """The merge base of a tree's commit with the branch a change is meant for; None where there is none.

    On that branch it is HEAD, or its first parent where nothing differs from HEAD; so a work tree must
    have been listed before. A branch that CI names is tried as ``origin/NAME``, then ``NAME``, and no
    other after it.
    """
    git = tree.git
    if git is None:
        return None
    commit = tree.commit if isinstance(tree, RevisionTree) else tree.head
    branch = base_branch(git.run(*branch_arguments()))
    if commit is None or branch is None:
        return None
    merge_base = commit if branch == commit else git.merge_base(commit, branch)
    if merge_base is None or merge_base != commit or (isinstance(tree, WorkTree) and tree.is_modified):
        return merge_base
    return git.find(f"{commit}^1")


def merged_commit(tree: WorkTree | RevisionTree) -> str | None:
    """The commit up to which time under a label counts: where the tree's commit leaves the main branch, or itself.

    None without git, before the first commit, and where a clone that is cut off cannot tell.
    """
    commit = tree.commit if isinstance(tree, RevisionTree) else tree.head
    if tree.git is None or commit is None:
        return None
    branch = base_branch(tree.git.run(*branch_arguments()))
    return commit if branch is None else tree.git.merge_base(commit, branch)
