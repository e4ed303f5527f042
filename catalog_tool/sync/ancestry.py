"""Whether a commit may follow what a target was last given (design §8): an older one never wins by accident."""

from __future__ import annotations

from typing import NamedTuple

from catalog_tool.errors import GitError
from catalog_tool.model.target import Control
from catalog_tool.source.git import Git


class Superseding(NamedTuple):
    """The commit on a target that ours does not descend from; ``is_newer``: it descends from ours."""

    commit: str
    is_newer: bool


def superseding(git: Git | None, ours: str | None, control: Control) -> Superseding | None:
    """What a sync would be refused for as ``superseded``, for those who only look.

    None also where a shallow clone cannot tell. Raises ``GitError`` where git does not answer.
    """
    if git is None or ours is None or not any(commit != ours for commit in _given(control)) or git.is_shallow():
        return None
    commit = superseded_by(git, ours, control)
    if commit is None:
        return None
    return Superseding(commit, git.find(commit) is not None and git.merge_base(commit, ours) == ours)


def superseded_by(git: Git | None, ours: str | None, control: Control) -> str | None:
    """The commit on the target that ours does not descend from, or None.

    Counts the last finished sync and one that began and did not finish. Raises ``GitError`` where a
    shallow clone cannot tell.
    """
    if git is None or ours is None:
        return None
    given = (commit for commit in _given(control) if commit != ours)
    return next((commit for commit in given if not _descends(git, ours, commit)), None)


def _given(control: Control) -> list[str]:
    """The commits of the last finished sync, and of one that did not finish."""
    runs = (control.last, control.journal)
    return [run.commit for run in runs if run is not None and run.commit is not None]


def _descends(git: Git, ours: str, commit: str) -> bool:
    if git.find(commit) is not None and git.merge_base(commit, ours) == commit:
        return True
    if git.is_shallow():
        raise GitError(
            f"this clone is too shallow to tell whether {ours[:12]} follows {commit[:12]}, which the target has",
            hint="fetch the whole history (in CI: fetch-depth: 0)",
        )
    return False
