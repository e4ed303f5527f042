"""New commits on a branch of their own: work tree, index and the checked-out branch stay as they are.

A temporary index, new objects, and one ref at the end. Nothing of the repository is run: no hook, no
filter. Paths are from the top of the repository.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

from catalog_tool.errors import GitError, UsageError
from catalog_tool.source.git import Git, environment
from catalog_tool.source.git_output import TreeEntry

_SAFE = ("-c", f"core.hooksPath={os.devnull}", "-c", "core.fsmonitor=false", "-c", "core.untrackedCache=false")
_PERSON = ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL")


class Signature(NamedTuple):
    """Who made a commit, and when (seconds since the epoch)."""

    name: str
    mail: str
    at: int


class BranchWriter:
    """Makes commits one after the other from ``start``. Use it as a context, then ``publish``."""

    def __init__(self, git: Git, start: str) -> None:
        self._git = git
        self._folder = tempfile.TemporaryDirectory(prefix="catalog-branch-")
        self.tip = start
        self._call("read-tree", start)

    def __enter__(self) -> BranchWriter:
        return self

    def __exit__(self, *error: object) -> None:
        self._folder.cleanup()

    def entries(self, path: str) -> dict[str, TreeEntry]:
        """The files at or below a path, at the last commit."""
        return self._git.list_tree(self.tip, [path])

    def put(self, path: str, data: bytes, mode: str = "100644") -> None:
        """Write a file."""
        blob = self._call("hash-object", "-w", "--no-filters", "--stdin", given=data)
        self._index([f"{mode} {blob}\t{path}"])

    def remove(self, path: str) -> None:
        """Take a file, or all below a folder, away."""
        self._index([f"0 {'0' * len(self.tip)}\t{found}" for found in self.entries(path)])

    def move(self, old: str, new: str) -> bool:
        """Move a folder; False where the last commit does not have it."""
        inside = {path: entry for path, entry in self.entries(old).items() if path.startswith(f"{old}/")}
        self._index(
            [f"0 {'0' * len(self.tip)}\t{path}" for path in inside]
            + [f"{entry.mode} {entry.blob}\t{new}{path[len(old) :]}" for path, entry in inside.items()]
        )
        return bool(inside)

    def _index(self, lines: list[str]) -> None:
        given = "".join(f"{line}\0" for line in lines).encode(errors="surrogateescape")
        self._call("update-index", "-z", "--index-info", given=given)

    def commit(self, message: str, author: Signature | None = None, committer: Signature | None = None) -> str:
        """Commit what the index holds; without signatures, as the user's git would sign. Gives the commit's id."""
        tree = self._call("write-tree")
        signed = _signed("AUTHOR", author) | _signed("COMMITTER", committer)
        self.tip = self._call("commit-tree", tree, "-p", self.tip, "-F", "-", given=message.encode(), signed=signed)
        return self.tip

    def publish(self, branch: str, expected: str | None = None) -> None:
        """Point the branch to the last commit. ``expected`` is where it points now, None: it does not exist.

        Raises ``GitError`` where that is not so any more.
        """
        self._call("update-ref", f"refs/heads/{branch}", self.tip, expected or "0" * len(self.tip))

    def _call(self, *arguments: str, given: bytes = b"", signed: dict[str, str] | None = None) -> str:
        person = {name: os.environ[name] for name in _PERSON if name in os.environ}
        index = {"GIT_INDEX_FILE": str(Path(self._folder.name, "index"))}
        done = subprocess.run(  # noqa: S603 - a fixed program, arguments by list
            ["git", *_SAFE, *arguments],  # noqa: S607 - the user's git
            cwd=self._git.top, env=environment() | person | index | (signed or {}),
            input=given, capture_output=True, check=False,
        )  # fmt: skip
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip().split("\n")
            hint = "set user.name and user.email" if b"tell me who you are" in done.stderr else ""
            raise GitError(f"git {arguments[0]}: {said[-1].removeprefix('fatal: ')}", hint=hint)
        return done.stdout.decode().strip()


def _signed(role: str, who: Signature | None) -> dict[str, str]:
    if who is None:
        return {}
    return {f"GIT_{role}_NAME": who.name, f"GIT_{role}_EMAIL": who.mail, f"GIT_{role}_DATE": f"{who.at} +0000"}


def check_branch_name(git: Git, branch: str) -> None:
    """Raise ``UsageError`` for what cannot be a branch's name."""
    try:
        if branch.startswith("-"):
            raise GitError("a branch does not begin with -")
        git.run("check-ref-format", f"refs/heads/{branch}")
    except GitError as error:
        raise UsageError(f"{branch!r} cannot be a branch's name") from error
