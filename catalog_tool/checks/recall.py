"""``validate`` for a catalog that has not changed since an earlier run: the answer it got then.

What decides the answer is asked of git (the revision's commit, the branches that a base is chosen from,
and for the work tree what differs from HEAD) and compared with what was asked before. This module is
all that such a run imports; the checks themselves are imported on a miss.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any, NamedTuple

from catalog_tool.errors import GitError
from catalog_tool.model.finding import Finding
from catalog_tool.model.validation import Validation
from catalog_tool.source.branches import base_branch, branch_arguments, named_branch
from catalog_tool.source.git import Git, Status, parse_status, status_arguments
from catalog_tool.source.memory import Memory, code_fingerprint
from catalog_tool.source.root import Place

_PATHS = "paths"
_CLEAN = Status(None, (), ())


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
    memory = Memory(place.root)
    answers = memory.answers()
    paths = _paths_of(answers)
    state = _ask(place, asked, paths)
    try:
        known = _remembered(place, asked, memory, answers, state)
    except (KeyError, TypeError, ValueError, AttributeError):
        known = None  # what was kept has another shape: it is as if nothing had been
    return known if known is not None else _anew(place, asked, memory, paths)


def _paths_of(answers: dict[str, Any]) -> list[str] | None:
    found = answers.get(_PATHS)
    good = isinstance(found, list) and all(isinstance(path, str) for path in found)
    return found if good else None


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


def _anew(place: Place, asked: dict[str, Any], memory: Memory, paths: list[str] | None) -> Validation:
    """Check everything, and remember the answer for as long as nothing changes."""
    checks = import_module("catalog_tool.checks.validation")
    validation, inspection, tree = checks.validate(place, checks.Request(**asked))
    if place.git is None:
        return Validation(*validation)
    if paths != inspection.files.listed:
        memory.keep(_PATHS, inspection.files.listed)
    state = _ask(place, asked, inspection.files.listed, tree.status)
    if state is not None and state.is_clean:
        memory.keep(state.key, {"findings": validation.findings, "read": validation.read})
        snapshot = import_module("catalog_tool.checks.snapshot")
        if sum(validation.read.values()) >= snapshot.WORTH_KEEPING and asked["revision"] is None:
            memory.keep_snapshot(state.key, snapshot.take(validation, inspection))
    return Validation(*validation)


def _ask(place: Place, asked: dict[str, Any], paths: list[str] | None, known: Status | None = None) -> State | None:
    """What git says, or None where nothing can be known beforehand; ``known`` is what it said of the work tree."""
    if place.git is None or (asked["revision"] is None and paths is None):
        return None
    try:
        return _state(place, place.git, asked, paths or [], known)
    except (GitError, OSError):
        return None


def _state(place: Place, git: Git, asked: dict[str, Any], paths: list[str], known: Status | None) -> State:
    started = git.start(*branch_arguments())
    try:
        if asked["revision"] is None:
            changes = known or parse_status(git.run_quietly(*status_arguments(paths)))
            commit = changes.head or ""
        else:
            changes, commit = _CLEAN, git.resolve(asked["revision"])
        since = git.resolve(asked["since"]) if asked["since"] is not None else ""
    except GitError:
        started.stop()
        raise
    branches = started.finish()
    settings = str(os.stat(f"{git.git_dir()}/config").st_mtime_ns)
    environment = (named_branch(), os.environ.get("CI"), os.environ.get("PYTHONPATH"))
    question = repr((place.root, asked["revision"], since, asked["profile"], environment))
    key = "\n".join([code_fingerprint(), question, settings, commit, branches.decode(errors="replace")])
    return State(key, changes, base_is_head=base_branch(branches) == commit)
