"""Which commit a tree is compared with where nobody names one (design §2.3)."""

from __future__ import annotations

from pathlib import Path

from catalog_tool.model.limits import PARSED_FILE_BYTES
from catalog_tool.source.branches import base_branch, branch_arguments
from catalog_tool.source.catalog_files import CatalogFiles, find_catalog
from catalog_tool.source.git import Git
from catalog_tool.source.root import SETTINGS_FILE
from catalog_tool.source.settings import read_settings
from catalog_tool.source.tree import FILE, RevisionTree, WorkTree


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


def catalog_at(
    git: Git, tree: WorkTree | RevisionTree, files: CatalogFiles, base: str
) -> tuple[RevisionTree, CatalogFiles]:
    """The catalog of ``tree`` as it was at the commit ``base``, wherever it stood there.

    Where its folder held none, it is the one of the same id; where it has no id, the only one that has gone since.
    Raises ``GitError``.
    """
    old = RevisionTree(git, base, tree.prefix)
    found = find_catalog(old)
    if found.exists:
        return old, found
    now = WorkTree(Path(git.top), git) if isinstance(tree, WorkTree) else tree.top()
    moved = [prefix for prefix, id_ in _catalogs(old.top()) if _is_moved(now, files, prefix, id_)]
    if len(moved) != 1:
        return old, found
    old = RevisionTree(git, base, moved[0])
    return old, find_catalog(old)


def _catalogs(top: RevisionTree) -> list[tuple[str, str | None]]:
    """The folders, with a final ``/``, of all catalogs at a commit, with the ids that their settings give."""
    settings = {path: entry for path, entry in top.list().items() if f"/{path}".endswith(f"/{SETTINGS_FILE}")}
    files = {path: entry for path, entry in settings.items() if entry.mode == FILE}
    return [
        (content.path.removesuffix(SETTINGS_FILE), read_settings(content.data)[0].catalog)
        for content in top.read(files, PARSED_FILE_BYTES)
    ]


def _is_moved(now: WorkTree | RevisionTree, files: CatalogFiles, prefix: str, id_: str | None) -> bool:
    if files.settings.catalog is not None:
        return files.settings.catalog == id_
    return id_ is None and not now.list([f"{prefix}{SETTINGS_FILE}"])


def merged_commit(tree: WorkTree | RevisionTree) -> str | None:
    """The commit up to which time under a label counts: where the tree's commit leaves the main branch, or itself.

    None without git, before the first commit, and where a clone that is cut off cannot tell.
    """
    commit = tree.commit if isinstance(tree, RevisionTree) else tree.head
    if tree.git is None or commit is None:
        return None
    branch = base_branch(tree.git.run(*branch_arguments()))
    return commit if branch is None else tree.git.merge_base(commit, branch)
