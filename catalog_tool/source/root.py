"""Which folder is the catalog's root, and which tree a command reads (design §2)."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from catalog_tool.errors import GitError, UsageError
from catalog_tool.model.settings import SETTINGS_FILE
from catalog_tool.source.git import Git, find_repository
from catalog_tool.source.tree import RevisionTree, WorkTree


class Place(NamedTuple):
    """A catalog's root and the repository around it, if any. ``prefix`` ends in ``/`` or is empty."""

    root: Path
    git: Git | None
    prefix: str


def find_root(start: str | None) -> Place:
    """The root at or above a folder: ``catalog.yaml``, else ``prompts/`` or ``skills/``, else git's top.

    Raises ``UsageError`` where there is no such folder.
    """
    try:
        folder = Path(start or ".").resolve(strict=True)
    except OSError as error:
        raise UsageError(f"{start}: {error.strerror}", hint="name a folder that exists with -C") from error
    if not folder.is_dir():
        raise UsageError(f"{start} is not a folder", hint="name the catalog's folder with -C")
    top = find_repository(folder)
    root = _nearest(folder, top) or top or folder
    git = Git(top) if top is not None else None
    inner = root.relative_to(top).as_posix() if top is not None else "."
    return Place(root, git, "" if inner == "." else f"{inner}/")


def _nearest(folder: Path, top: Path | None) -> Path | None:
    """The nearest folder that is a catalog, not beyond the top of the repository."""
    above = [folder, *folder.parents]
    if top is not None:
        above = above[: above.index(top) + 1]
    for candidate in above:
        if (candidate / SETTINGS_FILE).is_file():
            return candidate
    for candidate in above:
        if any((candidate / name).is_dir() for name in ("prompts", "skills")):
            return candidate
    return None


def tree_of(place: Place, revision: str | None) -> WorkTree | RevisionTree:
    """The work tree, or the catalog at a revision. Raises ``GitError`` where it cannot be resolved."""
    if revision is None:
        return WorkTree(place.root, place.git)
    if place.git is None:
        raise GitError(f"{place.root} is not in a git repository", hint="leave the revision out, or run `git init`")
    return RevisionTree(place.git, place.git.resolve(revision), place.prefix)
