"""How long a version has stood under a label, from git alone.

Time counts on the first-parent line of the commit that is asked, by committer times: what was merged,
not what somebody tried on a branch. A version's time begins anew whenever its file, or a shared part
that it uses, changes: time under a label was spent by the content, not by the name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

from catalog_tool.errors import GitError
from catalog_tool.model.labels import LabelValue
from catalog_tool.model.names import is_version, version_number
from catalog_tool.model.settings import Settings
from catalog_tool.source.git import Git
from catalog_tool.source.history_changes import ADDED, Changes, changes_of
from catalog_tool.source.history_folders import Below, first_parent_line, settings_at
from catalog_tool.source.history_labels import KeptBlobs
from catalog_tool.source.history_live import Scope, live_at
from catalog_tool.source.history_log import Step, Touch


class Held(NamedTuple):
    """What a label pointed to from ``since`` (seconds since the epoch) on; None: it did not exist.

    ``commit`` is the one that said so.
    """

    since: int
    value: LabelValue | None
    commit: str = ""


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

    def ways_back(self, label: str, stable: str) -> list[str]:
        """The versions that the label may go back to from ``stable``: those it had before, the latest first.

        Never forward: going back closes the version that is left, and every newer one that is passed over, until
        it is promoted again. What git gave the label after ``stable`` is not before it; where git never gave it
        ``stable`` (somebody moved it on a target), only older versions are. Numbers alone are compared: whether it
        is the same content says ``gate.ways_back``.
        """
        line = list(self._stable(label))
        known = stable in line
        had: dict[str, None] = {}  # in the order of the last time
        closed: set[str] = set()
        for version in line[: len(line) - line[::-1].index(stable)] if known else line:
            if version in had and version not in closed:
                closed.update(_passed(had, version))
            had.pop(version, None)
            closed.discard(version)
            had[version] = None
        return [
            version
            for version in reversed(had)
            if version not in closed and version != stable and (known or _is_newer(stable, version))
        ]

    def last_time(self, label: str, version: str, stable: str) -> Held | None:
        """When the label last had ``version`` as its stable one before it had ``stable``; None: never."""
        had = [held for held in self.labels.get(label, ()) if held.value is not None]
        places = [index for index, held in enumerate(had) if held.value is not None and held.value.stable == stable]
        before = had[: places[-1]] if places else had
        return next((held for held in reversed(before) if held.value and held.value.stable == version), None)

    def given(self, label: str, version: str) -> Held | None:
        """When git last gave the label ``version`` as its stable one; None: never."""
        held = reversed(self.labels.get(label, ()))
        return next((each for each in held if each.value is not None and each.value.stable == version), None)

    def _stable(self, label: str) -> Iterator[str]:
        """The stable versions that the label had, oldest first; one that it kept is there once."""
        present: str | None = None
        for held in self.labels.get(label, ()):
            if held.value is not None and held.value.stable != present:
                present = held.value.stable
                yield present


def _passed(had: dict[str, None], to: str) -> Iterator[str]:
    """What a move back to ``to`` leaves behind: the last of ``had``, and the newer ones on the way."""
    for number, version in enumerate(reversed(had)):
        if version == to:
            return
        if not number or _is_newer(version, to):
            yield version


def _is_newer(one: str, other: str) -> bool:
    """By number; a target's label may hold anything, and what is no version is newer than none."""
    return is_version(one) and is_version(other) and version_number(one) > version_number(other)


EMPTY = LabelHistory({}, {})


class LabelHistories:
    """The labels of a catalog's prompts on the first-parent line that ends in ``commit`` (a whole id).

    Each commit is read by its own settings, so that a prompts folder that moved hides nothing and no time begins anew.
    The first prompt is looked up by itself. From the second on the line is read once for all of them: a process a
    prompt would cost more than all else that a gate does.
    """

    def __init__(self, git: Git, commit: str, prefix: str) -> None:
        self._git = git
        self._commit = commit
        self._prefix = prefix
        self._known: dict[str, LabelHistory] = {}
        self._registries = KeptBlobs(git)
        self._line: _Line | None = None

    def of(self, prompt: str) -> LabelHistory:
        """One prompt's. Raises ``GitError`` where git cannot answer, ``UsageError`` for what is no prompt id."""
        if prompt not in self._known:
            self._known[prompt] = self._read(prompt)
        return self._known[prompt]

    def had(self, prompt: str, label: str, version: str, held: Held) -> str | None:
        """The digest of what ``version`` held in the commit that gave it to the label; None where it cannot be read.

        Raises ``GitError`` where git cannot answer.
        """
        scope = Scope(self._git, held.commit, self._prefix, self._settings, prompt, label)
        found = live_at(scope, held.since).labels.get(label)
        versions = found.versions if found is not None else ()
        return next((live.digest for live in versions if live.version == version), None)

    def _read(self, prompt: str) -> LabelHistory:
        scope = Scope(
            self._git, self._commit, self._prefix, self._settings, prompt, registries=self._registries
        ).checked()
        steps = self._steps(scope)
        return _history(steps, changes_of(scope, steps, frozenset()), whole=self._whole)

    @cached_property
    def _whole(self) -> bool:
        return not self._git.is_shallow()

    @cached_property
    def _settings(self) -> Settings:
        return settings_at(self._git, self._commit, self._prefix)

    def _steps(self, scope: Scope) -> Sequence[Step]:
        if not self._known:
            return first_parent_line(scope).steps
        prompts = self._settings.prompts
        if self._line is None:
            everything = Below(self._git, self._commit, self._prefix, self._settings)
            self._line = _Line(first_parent_line(everything).steps, self._prefix + prompts)
        return self._line.touching([self._prefix + path for path in scope.paths(prompts)])


class _Line:
    """The steps (newest first) that touch anything below a folder, to be asked for some paths of it."""

    def __init__(self, steps: Sequence[Step], folder: str) -> None:
        self._steps = steps
        self._below: dict[str, list[tuple[int, Touch]]] = {}
        for number, step in enumerate(steps):
            for touch in step.touched:
                for path in _and_folders(touch.path, folder):
                    self._below.setdefault(path, []).append((number, touch))

    def touching(self, paths: Sequence[str]) -> list[Step]:
        """What ``first_parent_line`` tells of ``paths``, none of which lies in another."""
        found: dict[int, list[Touch]] = {}
        for path in paths:
            for number, touch in self._below.get(path, ()):
                found.setdefault(number, []).append(touch)
        return [self._steps[number]._replace(touched=tuple(touched)) for number, touched in sorted(found.items())]


def _and_folders(path: str, top: str) -> Iterator[str]:
    """A path and the folders that it lies in, below ``top``."""
    while len(path) > len(top):
        yield path
        path = path.rpartition("/")[0]


def _history(steps: Sequence[Step], changes: Changes, *, whole: bool) -> LabelHistory:
    labels: dict[str, list[Held]] = {}
    changed: dict[str, int] = {}
    parts_changed: int | None = None
    for step in reversed(steps):
        if step.at is None:
            raise GitError(f"the commit {step.commit[:12]} names no time", hint="run `git fsck`")
        for change in changes.by_commit.get(step.commit, ()):
            if change.kind == "label":
                labels.setdefault(change.name, []).append(Held(step.at, change.after, step.commit))
            elif change.kind == "version":
                changed[change.name] = step.at
            elif change.op != ADDED:
                parts_changed = step.at
    if parts_changed is not None:  # which version uses which part is not kept: all of them count from there
        changed = {version: max(at, parts_changed) for version, at in changed.items()}
    return LabelHistory(labels, changed, whole=whole)
