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
from catalog_tool.source.git import Git, Status, parse_status, status_arguments
from catalog_tool.source.memory import Memory, code_fingerprint
from catalog_tool.source.root import Place

BASE_REFS = tuple(
    f"refs/{name}" for name in ("remotes/origin/HEAD", "remotes/origin/main", "remotes/origin/master", "heads/main", "heads/master")
)  # fmt: skip
CI_VARIABLES = ("GITHUB_BASE_REF", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME")
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
    state = _ask(place, asked, answers.get(_PATHS))
    if state is not None and state.is_clean and state.key in answers:
        known = answers[state.key]
        return Validation([Finding(*found) for found in known["findings"]], known["read"])
    if state is not None and not state.is_clean and asked["since"] is None:
        snapshot = memory.snapshot(state.key)
        few = import_module("catalog_tool.checks.snapshot") if snapshot is not None else None
        answer = few.answer(snapshot, place, state, asked["profile"]) if few is not None else None
        if isinstance(answer, Validation):
            return answer
    return _anew(place, asked, memory, answers.get(_PATHS))


def _anew(place: Place, asked: dict[str, Any], memory: Memory, paths: list[str] | None) -> Validation:
    """Check everything, and remember the answer for as long as nothing changes."""
    checks = import_module("catalog_tool.checks.validation")
    validation, inspection = checks.validate(place, checks.Request(**asked))
    if place.git is None:
        return Validation(*validation)
    if paths != inspection.files.listed:
        memory.keep(_PATHS, inspection.files.listed)
    state = _ask(place, asked, inspection.files.listed)
    if state is not None and state.is_clean:
        memory.keep(state.key, {"findings": validation.findings, "read": validation.read})
        snapshot = import_module("catalog_tool.checks.snapshot")
        if sum(validation.read.values()) >= snapshot.WORTH_KEEPING and asked["revision"] is None:
            memory.keep_snapshot(state.key, snapshot.take(validation, inspection))
    return Validation(*validation)


def _ask(place: Place, asked: dict[str, Any], paths: list[str] | None) -> State | None:
    """What git says, or None where nothing can be known beforehand."""
    if place.git is None or (asked["revision"] is None and paths is None):
        return None
    try:
        return _state(place, place.git, asked, paths or [])
    except (GitError, OSError):
        return None


def _state(place: Place, git: Git, asked: dict[str, Any], paths: list[str]) -> State:
    named = next((os.environ[name] for name in CI_VARIABLES if os.environ.get(name)), None)
    refs = (f"refs/remotes/origin/{named}", f"refs/heads/{named}") if named else BASE_REFS
    started = git.start("for-each-ref", "--format=%(objectname) %(refname)", *refs)
    changes = _CLEAN
    if asked["revision"] is None:
        changes = parse_status(git.run(*status_arguments(paths)))
        commit = changes.head or ""
    else:
        commit = git.resolve(asked["revision"])
    since = git.resolve(asked["since"]) if asked["since"] is not None else ""
    branches = started.finish().decode(errors="replace")
    settings = str(os.stat(f"{git.git_dir()}/config").st_mtime_ns)
    question = repr((place.root, asked["revision"], since, asked["profile"], named, os.environ.get("CI")))
    by_name = {name: commit for commit, _, name in (line.partition(" ") for line in branches.splitlines())}
    branch = next((by_name[ref] for ref in refs if ref in by_name), None)
    key = "\n".join([code_fingerprint(), question, settings, commit, branches])
    return State(key, changes, base_is_head=branch == commit)
