"""How long a version has stood under a label, from git alone.

Time counts on the first-parent line of the commit that is asked, by committer times: what was merged,
not what somebody tried on a branch. A version's time begins anew whenever its file, or a shared part
that it uses, changes: time under a label was spent by the content, not by the name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from catalog_tool.errors import GitError
from catalog_tool.model.labels import LabelValue
from catalog_tool.model.names import version_number
from catalog_tool.model.settings import Settings
from catalog_tool.source.git import Git
from catalog_tool.source.history_changes import ADDED, changes_of
from catalog_tool.source.history_live import Scope
from catalog_tool.source.history_log import first_parent_steps

_BATCH = 500
"""Commit ids in one call of git, well below every system's limit of a command line."""


class Held(NamedTuple):
    """What a label pointed to from ``since`` (seconds since the epoch) on; None: it did not exist."""

    since: int
    value: LabelValue | None


class LabelHistory(NamedTuple):
    """One prompt's labels, each oldest first, and when the content of its versions last changed.

    ``whole`` is False for a clone that is cut off: what is known then is no shorter than it says, but may
    have been longer.
    """

    labels: Mapping[str, Sequence[Held]]
    changed: Mapping[str, int]
    whole: bool = True

    def under(self, label: str, version: str, weight: float = 0.0) -> int | None:
        """Since when the label has had the version, at ``weight`` per cent or more, without a break until now.

        None: it does not. The content has not changed since then either.
        """
        since: int | None = None
        for held in reversed(self.labels.get(label, ())):
            if held.value is None or not any(
                name == version and share >= weight for name, share in held.value.split
            ):  # fmt: skip
                break
            since = held.since
        return None if since is None else max(since, self.changed.get(version, since))

    def earlier(self, label: str) -> list[str]:
        """The stable versions that the label had, the latest first, each once; the present one included."""
        found: dict[str, None] = {}
        for held in reversed(self.labels.get(label, ())):
            if held.value is not None:
                found.setdefault(held.value.stable)
        return list(found)

    def is_return(self, label: str, version: str, current: LabelValue | None) -> bool:
        """Whether moving to ``version`` goes back: to the stable version of a split, or to an older one that was live.

        Never forward: a version that was rolled back is not let in again because it has been there.
        """
        if current is None or version not in (current.stable, *self.earlier(label)):
            return False
        return version == current.stable or version_number(version) < version_number(current.stable)


EMPTY = LabelHistory({}, {})


def label_history(git: Git, commit: str, prefix: str, settings: Settings, prompt_id: str) -> LabelHistory:
    """The labels of one prompt on the first-parent line that ends in ``commit`` (a whole id).

    Raises ``GitError`` where git cannot answer, ``UsageError`` for what is no prompt id.
    """
    scope = Scope(git, commit, prefix, settings, prompt_id).checked()
    steps = first_parent_steps(git, commit, [prefix + path for path in scope.paths(settings.prompts)])
    times = _committed(git, [step.commit for step in steps])
    changes = changes_of(scope, steps, frozenset())
    labels: dict[str, list[Held]] = {}
    changed: dict[str, int] = {}
    parts_changed: int | None = None
    for step in reversed(steps):
        at = times[step.commit]
        for change in changes.by_commit.get(step.commit, ()):
            if change.kind == "label":
                labels.setdefault(change.name, []).append(Held(at, change.after))
            elif change.kind == "version":
                changed[change.name] = at
            elif change.op != ADDED:
                parts_changed = at
    if parts_changed is not None:  # which version uses which part is not kept: all of them count from there
        changed = {version: max(at, parts_changed) for version, at in changed.items()}
    return LabelHistory(labels, changed, whole=not git.is_shallow())


def _committed(git: Git, commits: Sequence[str]) -> dict[str, int]:
    """The committer time of each commit."""
    found: dict[str, int] = {}
    for start in range(0, len(commits), _BATCH):
        out = git.run("show", "-s", "--no-show-signature", "--format=%H %ct", *commits[start : start + _BATCH], "--")
        for line in out.decode().split("\n"):
            commit, _, seconds = line.partition(" ")
            if commit:
                found[commit] = int(seconds)
    if len(found) < len(set(commits)):
        raise GitError("git does not name the time of every commit", hint="run `git fsck`")
    return found
