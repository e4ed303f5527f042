"""The commit that brings git along after a label was moved on a target: one line of the registry, on a branch.

Dated when the override was made, so that the same rollback on the same commit is the same commit again.
"""

from __future__ import annotations

from typing import NamedTuple

from catalog_tool.errors import GitError, UsageError
from catalog_tool.model.labels import LabelValue
from catalog_tool.model.target import Override
from catalog_tool.source.branch_writer import BranchWriter, Signature, check_branch_name
from catalog_tool.source.git import Git
from catalog_tool.source.registry_edit import RegistryEdit

TRAILER = "Catalog-Rollback"
_NOBODY = ("catalog rollback", "catalog@localhost")


class Rollback(NamedTuple):
    """What happened where, for the commit's message; ``subject`` is ``support_agent@production``."""

    subject: str
    target: str
    wanted: LabelValue
    override: Override


class RollbackBranch(NamedTuple):
    """The branch and its commit; ``is_new`` is False where it was this very commit already."""

    branch: str
    commit: str
    is_new: bool


def check_branch(git: Git, branch: str, subject: str) -> None:
    """Raise ``UsageError`` where the branch cannot be written: not a name, or somebody else's work."""
    check_branch_name(git, branch)
    _own_tip(git, branch, subject)


def commit_rollback(
    git: Git, start: str, prefix: str, edit: RegistryEdit, made: Rollback, branch: str
) -> RollbackBranch:
    """Commit ``edit`` (its path from the catalog's root, which is ``prefix`` in git) on ``start``.

    Who does the same at the same time makes the same commit: it counts as made, whoever put it on the branch.
    UsageError: the branch is somebody else's. GitError: git does not take it.
    """
    before = _own_tip(git, branch, made.subject)
    who = Signature(*_person(made.override.by), made.override.at)
    with BranchWriter(git, start) as writer:
        writer.put(prefix + edit.path, edit.after)
        writer.commit(_message(made), who, who)
        is_new = writer.tip != before and _is_published(writer, git, branch, before)
        return RollbackBranch(branch, writer.tip, is_new)


def _is_published(writer: BranchWriter, git: Git, branch: str, before: str | None) -> bool:
    """Put the commit on the branch; False where it came to be there meanwhile. GitError: another did, or none."""
    try:
        writer.publish(branch, before)
    except GitError:
        if git.find(f"refs/heads/{branch}") != writer.tip:
            raise
        return False
    return True


def _own_tip(git: Git, branch: str, subject: str) -> str | None:
    tip = git.find(f"refs/heads/{branch}")
    if tip is None:
        return None
    message = git.run("log", "-1", "--no-show-signature", "--format=%B", tip).decode(errors="replace")
    if f"{TRAILER}: {subject}" not in message.splitlines():
        raise UsageError(f"the branch {branch} holds other work", hint="name another with --branch, or delete it")
    return tip


def _message(made: Rollback) -> str:
    versions = ", ".join(f"{name} {weight:g}%" for name, weight in made.wanted.split)
    value = made.wanted.stable if len(made.wanted.split) == 1 else versions
    reason = _printable(made.override.reason)
    return (
        f"Roll {made.subject} back to {value}\n\n{reason}\n\n"
        f"It was moved on {made.target} by {_printable(made.override.by)}; this brings git along.\n\n"
        f"{TRAILER}: {made.subject}\n"
    )


def _person(by: str) -> tuple[str, str]:
    name, _, rest = _printable(by).partition("<")
    return name.strip(" .,:;<>\"\\'") or _NOBODY[0], rest.partition(">")[0].strip() or _NOBODY[1]


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)
