"""What git's plumbing commands print, as values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import IO, NamedTuple

from catalog_tool.errors import GitError

_SKIPPED = "S"
"""How ``ls-files -v`` marks skip-worktree; what is assumed to be unchanged has a lower-case mark."""
_UNWATCHED = re.compile(rb"(?:^|(?<=\0))[a-zS] ([^\0]*)")


class TreeEntry(NamedTuple):
    """A path at a revision or in the index: its mode (six octal digits) and 40 (or 64) hex id."""

    mode: str
    blob: str


class Index(NamedTuple):
    """The files of the index by path, and those on disk that git was told not to look at.

    ``git update-index --assume-unchanged`` and ``--skip-worktree`` do that.
    """

    entries: dict[str, TreeEntry]
    unwatched: list[str]


class Blob(NamedTuple):
    """A blob's id, its size in bytes, and its content unless it is larger than was asked for."""

    id: str
    size: int
    data: bytes | None


class Status(NamedTuple):
    """What differs between the work tree and HEAD; paths are relative to the top of the repository."""

    head: str | None
    changed: tuple[str, ...]
    untracked: tuple[str, ...]


def parse_tree(out: bytes) -> Iterator[tuple[str, TreeEntry]]:
    """Path and entry of every file that ``ls-tree -r -z`` named."""
    for record in out.decode(errors="surrogateescape").split("\0"):
        if record:
            info, _, path = record.partition("\t")
            mode, _kind, blob = info.split(" ")
            yield path, TreeEntry(mode, blob)


def parse_index(out: bytes) -> Iterator[tuple[str, TreeEntry, bool]]:
    """Path and entry of every file that ``ls-files -z -v --stage`` named, and whether git watches it."""
    for record in out.decode(errors="surrogateescape").split("\0"):
        if record:
            info, _, path = record.partition("\t")
            tag, mode, blob, _stage = info.split(" ")
            yield path, TreeEntry(mode, blob), tag != _SKIPPED and not tag.islower()


def parse_unwatched(out: bytes) -> Iterator[str]:
    """The paths of ``ls-files -z -v`` that git was told not to look at. Nearly always there is none among many."""
    for found in _UNWATCHED.finditer(out):
        yield found[1].decode(errors="surrogateescape")


def status_arguments(paths: Sequence[str]) -> list[str]:
    """The command whose answer ``parse_status`` reads."""
    return [
        "status", "--porcelain=v2", "-z", "--branch", "--untracked-files=all", "--no-renames",
        "--ignore-submodules=all", *(["--", *paths] if paths else []),
    ]  # fmt: skip


def parse_status(out: bytes) -> Status:
    """What ``git status`` said."""
    head: str | None = None
    changed: list[str] = []
    untracked: list[str] = []
    for record in out.decode(errors="surrogateescape").split("\0"):
        kind = record[:2]
        if kind == "# ":
            if record.startswith("# branch.oid ") and not record.endswith("(initial)"):
                head = record[13:]
        elif kind == "1 ":
            changed.append(record.split(" ", 8)[8])
        elif kind == "u ":
            changed.append(record.split(" ", 10)[10])
        elif kind == "? ":
            untracked.append(record[2:])
    return Status(head, tuple(changed), tuple(untracked))


def read_blob(stream: IO[bytes], blob: str, limit: int) -> Blob:
    """The next object of ``cat-file --batch``, which must be ``blob``; its content is skipped beyond ``limit`` bytes.

    Raises ``GitError`` where it is missing, no blob, or cut off.
    """
    header = stream.readline().split()
    if len(header) != 3 or header[1] != b"blob":
        raise GitError(f"the object {blob} cannot be read", hint="run `git fsck`; in a partial clone fetch it first")
    size = int(header[2])
    left = size + 1
    if size <= limit:
        data = stream.read(left)
        left -= len(data)
        if not left:
            return Blob(blob, size, data[:-1])
    while left and (skipped := stream.read(min(left, 1 << 20))):
        left -= len(skipped)
    if left:
        raise GitError(f"git cat-file was cut off while reading {blob}")
    return Blob(blob, size, None)


def git_error(command: str, stderr: str) -> GitError:
    """The error of a command that failed, in git's own first line."""
    said = next((line for line in stderr.splitlines() if line.strip()), "no message").removeprefix("fatal: ")
    if "dubious ownership" in stderr:
        return GitError(
            f"git refuses this repository: {said}", hint="git config --global --add safe.directory <folder>"
        )
    return GitError(f"git {command}: {said}")
