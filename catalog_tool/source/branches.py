"""The branch that a change is meant for (design §2.3), asked of git in one process."""

from __future__ import annotations

import os
from collections.abc import Sequence

CI_BRANCHES = ("GITHUB_BASE_REF", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME")
"""Variables by which a CI names that branch; it is tried as ``origin/NAME``, then ``NAME``, and no other."""
BASE_REFS = (
    "refs/remotes/origin/HEAD",
    "refs/remotes/origin/main",
    "refs/remotes/origin/master",
    "refs/heads/main",
    "refs/heads/master",
)
"""What is tried in order where no CI names one."""


def named_branch() -> str | None:
    """The branch that a CI names, if any."""
    return next((os.environ[name] for name in CI_BRANCHES if os.environ.get(name)), None)


def base_refs() -> tuple[str, ...]:
    """The references to try, in order."""
    named = named_branch()
    return (f"refs/remotes/origin/{named}", f"refs/heads/{named}") if named else BASE_REFS


def branch_arguments() -> list[str]:
    """The git command whose answer ``base_branch`` reads."""
    return ["for-each-ref", "--format=%(objectname) %(refname)", *base_refs()]


def branch_answer(commits: Sequence[str | None]) -> bytes:
    """The same answer, from the commit of each of ``base_refs``."""
    found = zip(base_refs(), commits, strict=True)
    return "".join(f"{commit} {name}\n" for name, commit in found if commit is not None).encode()


def base_branch(answer: bytes) -> str | None:
    """The commit of the first reference that is there."""
    lines = (line.partition(" ") for line in answer.decode(errors="replace").splitlines())
    by_name = {name: commit for commit, _, name in lines}
    return next((by_name[name] for name in base_refs() if name in by_name), None)
