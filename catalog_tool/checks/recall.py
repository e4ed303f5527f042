"""``validate`` for a catalog that has not changed since an earlier run: the answer it got then.

What decides the answer is asked of git (the revision's commit, the branches that a base is chosen from,
and for the work tree whether anything differs from HEAD) and compared with what was asked before.
This module is all that such a run imports; the checks themselves are imported on a miss.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any, NamedTuple

from catalog_tool.errors import GitError
from catalog_tool.model.finding import Finding
from catalog_tool.model.validation import Validation
from catalog_tool.source.git import Git, parse_status, status_arguments
from catalog_tool.source.memory import Memory, code_fingerprint
from catalog_tool.source.root import Place

BASE_REFS = tuple(
    f"refs/{name}" for name in ("remotes/origin/HEAD", "remotes/origin/main", "remotes/origin/master", "heads/main", "heads/master")
)  # fmt: skip
CI_VARIABLES = ("CI", "GITHUB_BASE_REF", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME")
_PATHS = "paths"


class Question(NamedTuple):
    """What was asked: the fields of ``validation.Request`` that decide the answer."""

    revision: str | None
    since: str | None
    profile: str | None


def validate(place: Place, **asked: Any) -> Validation:
    """Find everything that is wrong; ``asked`` are the fields of ``validation.Request``."""
    memory = Memory(place.root)
    answers = memory.answers()
    question = Question(asked["revision"], asked["since"], asked["profile"])
    key = None if place.git is None else _key(place, place.git, question, answers.get(_PATHS))
    if key is not None and key in answers:
        return _decoded(answers[key])
    checks = import_module("catalog_tool.checks.validation")
    validation, paths = checks.validate(place, checks.Request(**asked))
    if place.git is not None:
        if key is None or answers.get(_PATHS) != paths:
            memory.keep(_PATHS, paths)
            key = _key(place, place.git, question, paths)
        if key is not None:
            memory.keep(key, {"findings": validation.findings, "read": validation.read})
    return validation


def _decoded(answer: Any) -> Validation:
    return Validation([Finding(*found) for found in answer["findings"]], answer["read"])


def _key(place: Place, git: Git, question: Question, paths: list[str] | None) -> str | None:
    """Everything that decides the answer, or None where nothing can be known beforehand."""
    if question.revision is None and paths is None:
        return None
    try:
        return "\n".join([code_fingerprint(), place.root, repr(question), _environment(), *_state(git, question, paths)])
    except GitError:
        return None


def _environment() -> str:
    return repr([os.environ.get(name) for name in CI_VARIABLES] + [os.environ.get("PYTHONPATH")])


def _state(git: Git, question: Question, paths: list[str] | None) -> list[str]:
    named = next((os.environ[name] for name in CI_VARIABLES[1:] if os.environ.get(name)), None)
    refs = (f"refs/remotes/origin/{named}", f"refs/heads/{named}") if named else BASE_REFS
    branches = git.start("for-each-ref", "--format=%(refname) %(objectname)", *refs)
    if question.revision is None:
        status = parse_status(git.run(*status_arguments(paths or [])))
        state = [status.head or "", str(os.path.getmtime(f"{git.git_dir()}/config"))]
        if status.changed or status.untracked or status.head is None:
            branches.finish()
            raise GitError("the work tree differs from HEAD")
    else:
        state = [git.resolve(question.revision)]
    if question.since is not None:
        state.append(git.resolve(question.since))
    return [*state, branches.finish().decode(errors="replace")]
