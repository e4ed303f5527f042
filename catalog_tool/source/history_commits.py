"""Who made a commit, when and why: GitPython's commit objects over an object database of our own.

GitPython would start git with the repository's configuration and with whatever ``GIT_*`` is
inherited, and its parser trusts the bytes of a commit. Here the bytes come from one sealed
``git cat-file`` and are cut to what it can read in linear time; GitPython itself starts nothing.
"""

from __future__ import annotations

import codecs
import io
import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from catalog_tool.errors import GitError
from catalog_tool.source.git import Git, environment
from catalog_tool.source.history_log import checked_commit

# GitPython looks for git while it is imported, and must neither print nor fail there.
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")

from git import Commit, Repo
from git.exc import GitError as GitPythonError
from gitdb.base import OStream
from gitdb.db import LooseObjectDB

HEADER_LINE_BYTES = 1000
"""What is read of an author's or committer's line."""
MESSAGE_BYTES = 1024 * 1024
"""What is read of a commit's message."""

ID_BYTES = 20
_READ_HEADERS = (b"author ", b"committer ")
# Encodings that git users write commits in. Python knows others that are slow or no encodings of text.
_ENCODING = re.compile(
    rb"(?:utf-?8|(?:us-)?ascii|iso-?8859-?[0-9]{1,2}|latin-?[0-9]{1,2}|(?:windows-|cp)[0-9]{3,4}"
    rb"|koi8-[ru]|shift_jis|sjis|euc[-_](?:jp|kr)|gb2312|gbk|gb18030|big5)",
    re.IGNORECASE,
)


class CommitFacts(NamedTuple):
    """What a commit says of itself, as it was written: names and texts may hold anything.

    ``time`` is the committer's, in seconds since the epoch. ``subject`` is the first paragraph of the
    message on one line, ``body`` the rest.
    """

    time: int
    author: str
    email: str
    subject: str
    body: str


def read_commits(git: Git, commits: Sequence[str]) -> dict[str, CommitFacts]:
    """The facts of each commit, by its id, from one process. Raises ``GitError`` where one cannot be read."""
    wanted = list(dict.fromkeys(checked_commit(commit) for commit in commits))
    if not wanted:
        return {}
    try:
        repository = Repo(git.top, odbt=_Commits, expand_vars=False)
    except (GitPythonError, OSError, ValueError) as error:
        raise GitError(f"{git.top}: GitPython cannot open the repository") from error
    database: Any = repository.odb
    database.fill(_cat(git, wanted))
    try:
        return {commit: _facts(Commit(repository, _short(commit))) for commit in wanted}
    finally:
        repository.close()


class _Commits(LooseObjectDB):  # type: ignore[misc]  # gitdb has no types
    """An object database that knows only what it was given; it opens no file."""

    def fill(self, objects: Iterator[tuple[str, bytes]]) -> None:
        """Take the content of commits, by id."""
        self._contents = {_short(commit): _readable(data) for commit, data in objects}

    def stream(self, sha: bytes) -> OStream:
        """The content of one commit, for GitPython's parser."""
        data = self._contents[sha]
        return OStream(sha, b"commit", len(data), io.BytesIO(data))


def _short(commit: str) -> bytes:
    """The 20 bytes that GitPython takes for an id; of a SHA-256 id the first."""
    return bytes.fromhex(commit)[:ID_BYTES]


def _cat(git: Git, commits: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """The content of each commit object."""
    done = subprocess.run(  # noqa: S603 - a fixed program, arguments by list
        ["git", "--work-tree", str(git.top), "cat-file", "--batch", "--buffer"],  # noqa: S607
        cwd=git.top, env=environment(), input="".join(f"{commit}\n" for commit in commits).encode(),
        capture_output=True, check=False,
    )  # fmt: skip
    out = io.BytesIO(done.stdout)
    for commit in commits:
        header = out.readline().split()
        if len(header) != 3 or header[1] != b"commit":
            raise GitError(f"the commit {commit} cannot be read", hint="run `git fsck`")
        yield commit, out.read(int(header[2]))
        out.seek(1, io.SEEK_CUR)


def _readable(data: bytes) -> bytes:
    """The headers and the message that are read, none longer than its limit, in UTF-8.

    GitPython 3.2.1 does not honour a commit's ``encoding`` and knows SHA-1 ids only; parents (``Step`` has
    them) and signatures are of no interest here.
    """
    headers, _, message = data.partition(b"\n\n")
    lines = headers.split(b"\n")
    tree = headers[: len(b"tree ") + 2 * ID_BYTES]
    kept = [line[:HEADER_LINE_BYTES] for line in lines if line.startswith(_READ_HEADERS)]
    written = b"\n".join([tree, *kept]) + b"\n\n" + message[:MESSAGE_BYTES]
    encoding = next((line[9:] for line in lines if line.startswith(b"encoding ")), b"")
    return written.decode(encoding.decode(), "replace").encode() if _is_encoding(encoding) else written


def _is_encoding(name: bytes) -> bool:
    """Whether the message is to be decoded so; else it is read as UTF-8, git's own default."""
    if _ENCODING.fullmatch(name) is None:
        return False
    try:
        codecs.lookup(name.decode())
    except LookupError:
        return False
    return True


def _facts(commit: Commit) -> CommitFacts:
    try:
        message, author, time = str(commit.message), commit.author, commit.committed_date
    except (ValueError, LookupError, AttributeError, AssertionError) as error:
        raise GitError(f"the commit {commit.hexsha} is malformed", hint="run `git fsck`") from error
    subject, _, body = message.lstrip("\n").partition("\n\n")
    return CommitFacts(
        time, author.name or "", author.email or "", " ".join(subject.split("\n")).strip(), body.strip("\n")
    )
