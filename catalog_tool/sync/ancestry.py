"""Whether a commit may follow what a target was last given (design §8): an older one never wins by accident."""

from __future__ import annotations

from catalog_tool.errors import GitError
from catalog_tool.model.target import Control
from catalog_tool.source.git import Git


def superseded_by(git: Git | None, ours: str | None, control: Control) -> str | None:
    """The commit on the target that ours does not descend from, or None.

    Counts the last finished sync and one that began and did not finish. Raises ``GitError`` where a
    shallow clone cannot tell.
    """
    if git is None or ours is None:
        return None
    known = [control.last.commit if control.last else None, control.journal.commit if control.journal else None]
    for commit in known:
        if commit is not None and commit != ours and not _descends(git, ours, commit):
            return commit
    return None


def _descends(git: Git, ours: str, commit: str) -> bool:
    if git.find(commit) is not None and git.merge_base(commit, ours) == commit:
        return True
    if git.is_shallow():
        raise GitError(
            f"this clone is too shallow to tell whether {ours[:12]} follows {commit[:12]}, which the target has",
            hint="fetch the whole history (in CI: fetch-depth: 0)",
        )
    return False
