"""``validate`` for a catalog that has not changed since an earlier run: the answer it got then.

What decides the answer is asked of git (the revision's commit, the branches that a base is chosen from,
and for the work tree what differs from HEAD) and compared with what was asked before. This module is
all that such a run imports; the checks themselves are imported on a miss.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from importlib import import_module
from typing import Any, NamedTuple

from catalog_tool.errors import GitError
from catalog_tool.gate.presence import may_change_with_time
from catalog_tool.model.finding import Finding
from catalog_tool.model.validation import Validation
from catalog_tool.source.branches import base_branch, base_refs, branch_answer, branch_arguments, named_branch
from catalog_tool.source.git import Git
from catalog_tool.source.git_output import Status, parse_status, status_arguments
from catalog_tool.source.memory import Memory, code_fingerprint
from catalog_tool.source.root import Place
from catalog_tool.source.settled_folders import holds_odd_places

_LISTED = "listed"
_CHECKS = "catalog_tool.checks.validation"
_CLEAN = Status(None, (), ())


class Listed(NamedTuple):
    """What a catalog's files were listed by.

    ``paths``: below these; ``stamp``: of the index when git saw all of them; ``prompts``: the prompts folder.
    """

    paths: list[str]
    stamp: list[int]
    prompts: str


class State(NamedTuple):
    """What git says of what was asked.

    ``key`` names everything that decides the answer but the changes to the work tree. ``base_is_head``:
    the branch that released versions are compared with stands at the same commit.
    """

    key: str
    changes: Status
    base_is_head: bool

    @property
    def is_clean(self) -> bool:
        """Whether nothing differs from the commit."""
        return not self.changes.changed and not self.changes.untracked


def validate(place: Place, **asked: Any) -> Validation:
    """Find everything that is wrong; ``asked`` are the fields of ``validation.Request``."""
    if asked.get("beside") is not None:  # what is beside git changes without git
        checks = import_module(_CHECKS)
        return Validation(*checks.validate(place, checks.Request(**asked))[0])
    memory = Memory(place.root)
    answers = memory.answers()
    listed = _listed_of(answers)
    state = _ask(place, asked, listed)
    try:
        known = _remembered(place, asked, memory, answers, state)
    except (KeyError, TypeError, ValueError, AttributeError):
        known = None  # what was kept has another shape: it is as if nothing had been
    return known if known is not None else _anew(place, asked, memory, listed)


def _listed_of(answers: dict[str, Any]) -> Listed | None:
    found = answers.get(_LISTED)
    match found:
        case [[*paths], [*stamp], str(prompts)] if all(isinstance(path, str) for path in paths):
            return Listed(paths, stamp, prompts)
    return None


def _remembered(
    place: Place, asked: dict[str, Any], memory: Memory, answers: dict[str, Any], state: State | None
) -> Validation | None:
    """The answer from memory: of the same commit, or of a work tree that differs from it in a few files."""
    if state is None:
        return None
    if state.is_clean:
        known = answers.get(state.key)
        return Validation([Finding(*found) for found in known["findings"]], dict(known["read"])) if known else None
    snapshot = memory.snapshot(state.key) if asked["since"] is None else None
    if snapshot is None:
        return None
    found = import_module("catalog_tool.checks.snapshot").answer(snapshot, place, state, asked["profile"])
    return found if isinstance(found, Validation) else None


def _anew(place: Place, asked: dict[str, Any], memory: Memory, known: Listed | None) -> Validation:
    """Check everything, and remember the answer for as long as nothing changes."""
    stamp = _index_stamp(place.git) if place.git is not None else []
    checks = import_module(_CHECKS)
    validation, inspection, tree = checks.validate(place, checks.Request(**asked))
    if place.git is None or tree.has_unwatched or inspection.external:
        return Validation(*validation)
    settings = inspection.files.settings
    listed = Listed(inspection.files.listed, stamp, settings.prompts)
    if asked["revision"] is None and listed != known:  # a revision's settings may name other folders
        memory.keep(_LISTED, list(listed))
    state = _ask(place, asked, listed, tree.status)
    if state is not None and state.is_clean and not may_change_with_time(settings, validation.findings):
        memory.keep(state.key, {"findings": validation.findings, "read": validation.read})
        snapshot = import_module("catalog_tool.checks.snapshot")
        if sum(validation.read.values()) >= snapshot.WORTH_KEEPING and asked["revision"] is None:
            memory.keep_snapshot(state.key, snapshot.take(validation, inspection))
    return Validation(*validation)


def _ask(place: Place, asked: dict[str, Any], listed: Listed | None, known: Status | None = None) -> State | None:
    """What git says, or None where nothing can be known beforehand; ``known`` is what it said of the work tree."""
    if place.git is None or (asked["revision"] is None and listed is None):
        return None
    try:
        return _state(place, place.git, asked, listed or Listed([], [], ""), known)
    except (GitError, OSError):
        return None


def _installed() -> list[int]:
    """Changes whenever a package, and with it perhaps a check of its own, is installed or removed."""
    stamps = []
    for folder in sys.path:
        with suppress(OSError):
            stamps.append(os.stat(folder).st_mtime_ns)
    return stamps


def _see_everything(place: Place, git: Git, listed: Listed) -> None:
    """Raise ``GitError`` where what git says of the work tree is not all.

    It cannot hold everything: a FIFO in place of a version is looked for, while git looks at the files. And it
    was told not to look at files: that is written in the index, so it is asked again only when the index is
    another one.
    """
    if holds_odd_places(Memory(place.root), listed.prompts):
        raise GitError("git does not hold everything that is there")
    stamp = _index_stamp(git)
    if stamp == listed.stamp:
        return
    if git.list_index(listed.paths).unwatched:
        raise GitError("git does not look at some files")
    Memory(place.root).keep(_LISTED, [listed.paths, stamp, listed.prompts])


def _index_stamp(git: Git) -> list[int]:
    """Changes whenever git writes its index; empty before the first time."""
    return _stamp(git.index_file())


def _stamp(path: str) -> list[int]:
    """Changes whenever somebody writes the file; empty where there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return []
    return [found.st_mtime_ns, found.st_size, found.st_ino]


def _of_work_tree(place: Place, git: Git, listed: Listed, known: Status | None) -> tuple[Status, bytes]:
    """What differs from HEAD, and the branches; two processes at once."""
    branches = git.start(*branch_arguments())
    try:
        if known is None:
            changes = _changes(place, git, listed)
        else:
            changes = known
            _see_everything(place, git, listed)
    except GitError:
        branches.stop()
        raise
    return changes, branches.finish()


def _changes(place: Place, git: Git, listed: Listed) -> Status:
    """What differs from HEAD. Raises ``GitError`` where that cannot be all."""
    status = git.start(*status_arguments(listed.paths))
    try:
        _see_everything(place, git, listed)
    except GitError:
        status.stop()
        raise
    return parse_status(status.finish_quietly())


def _of_revision(git: Git, revision: str) -> tuple[str, bytes]:
    """A revision's commit, and the branches."""
    commit, *branches = git.look_up([f"{revision}^{{commit}}", *base_refs()])
    if commit is None:
        raise GitError(f"the revision {revision!r} cannot be resolved")
    return commit, branch_answer(branches)


def _state(place: Place, git: Git, asked: dict[str, Any], listed: Listed, known: Status | None) -> State:
    if asked["revision"] is None:
        changes, branches = _of_work_tree(place, git, listed, known)
        commit = changes.head or ""
    else:
        changes, (commit, branches) = _CLEAN, _of_revision(git, asked["revision"])
    since = git.resolve(asked["since"]) if asked["since"] is not None else ""
    # The history that a shallow clone lacks can come later, without any branch moving.
    settings = repr([_stamp(f"{git.git_dir()}/{name}") for name in ("config", "shallow")])
    environment = (named_branch(), os.environ.get("CI"), os.environ.get("PYTHONPATH"), _installed())
    where = (listed.paths, listed.prompts) if asked["revision"] is None else None
    question = repr((place.root, asked["revision"], where, since, asked["profile"], environment))
    key = "\n".join([code_fingerprint(), question, settings, commit, branches.decode(errors="replace")])
    return State(key, changes, base_is_head=base_branch(branches) == commit)
