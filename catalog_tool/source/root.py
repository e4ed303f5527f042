"""Which folder is the catalog's root (design §2). Paths are strings: this runs before anything else."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import NamedTuple

from catalog_tool.errors import GitError, UsageError
from catalog_tool.source.git import Git, find_repository

SETTINGS_FILE = "catalog.yaml"
FOLDERS = ("prompts", "skills")


class Place(NamedTuple):
    """A catalog's root (absolute), the repository around it, if any, and the root's place in it.

    ``prefix`` is the root below the top of the repository with a final ``/``, or empty.
    """

    root: str
    git: Git | None
    prefix: str


def find_root(start: str | None) -> Place:
    """The root at or above a folder: ``catalog.yaml``, else ``prompts/`` or ``skills/``, else git's top.

    Raises ``UsageError`` where there is no such folder.
    """
    folder = os.path.realpath(start or ".")
    if not os.path.isdir(folder):
        what = "is not a folder" if os.path.exists(folder) else "does not exist"
        raise UsageError(f"{start} {what}", hint="name the catalog's folder with -C")
    top = find_repository(folder)
    root = _nearest(folder, top) or top or folder
    prefix = "" if top is None or root == top else os.path.relpath(root, top).replace(os.sep, "/") + "/"
    return Place(root, Git(top) if top is not None else None, prefix)


def outside_git(root: str, hint: str) -> GitError:
    """The error of what needs a repository, for a catalog's root without a work tree of git around it."""
    return inside_bare(root) or GitError(f"{root} is not in a git repository", hint=hint)


def inside_bare(root: str) -> GitError | None:
    """The error of a folder in a bare repository, where no advice for outside git holds; None elsewhere."""
    bare = next((folder for folder in _at_and_above(root) if _is_bare(folder)), None)
    if bare is None:
        return None
    return GitError(
        f"{bare} is a bare repository, and a catalog is read where files are checked out",
        hint="run this in a clone of it, or in a work tree: `git worktree add FOLDER`",
    )


def _is_bare(folder: str) -> bool:
    """Whether a folder holds what a repository consists of (git's own test, gitrepository-layout)."""
    return os.path.isfile(f"{folder}/HEAD") and all(os.path.isdir(f"{folder}/{name}") for name in ("objects", "refs"))


def _at_and_above(folder: str) -> Iterator[str]:
    yield folder
    while (parent := os.path.dirname(folder)) != folder:
        yield (folder := parent)


def _nearest(folder: str, top: str | None) -> str | None:
    """The nearest folder that is a catalog, not beyond the top of the repository."""
    above = [folder]
    while above[-1] != top and os.path.dirname(above[-1]) != above[-1]:
        above.append(os.path.dirname(above[-1]))
    settings = (root for root in above if os.path.isfile(f"{root}/{SETTINGS_FILE}"))
    folders = (root for root in above if any(os.path.isdir(f"{root}/{name}") for name in FOLDERS))
    return next(settings, None) or next(folders, None)
