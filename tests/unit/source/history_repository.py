"""A real repository with a history written down commit by commit, made by one ``git fast-import``."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from catalog_tool.source.git import Git

HOUR = 3600
START = 1_740_787_200
"""2025-03-01T00:00:00Z: the time of the first commit unless it says otherwise."""
ANN, BOB = "Ann Lee <ann@example.org>", "Bob Ray <bob@example.org>"


class Link(str):
    """The content of a symbolic link: its target."""


def environment() -> dict[str, str]:
    """git as on a machine without any settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return kept | {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "LC_ALL": "C"}


def run_git(folder: Path, *arguments: str, data: bytes | None = None) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=folder, env=environment(), input=data, capture_output=True, check=True
    )
    return done.stdout.decode(errors="replace").strip()


class Written:
    """Collects commits; ``done`` makes the repository. Commits are named by the numbers ``commit`` returns.

    Each is an hour younger than the one before; ``main`` ends at the last one that is not on a side.
    """

    def __init__(self, top: Path) -> None:
        self.top = top
        self._stream: list[bytes] = []
        self._count = 0
        self._tip: int | None = None
        self._ids: dict[int, str] = {}

    def commit(
        self,
        files: Mapping[str, str | bytes | None],
        message: str | bytes = "Change",
        *,
        author: str | bytes = ANN,
        at: int | None = None,
        of: int | None = None,
        merge: int | None = None,
        side: bool = False,
    ) -> int:
        """Add a commit on top of ``of`` (the last of main); None as content removes a file."""
        self._count += 1
        parent = self._tip if of is None else of
        time = START + (self._count - 1) * HOUR if at is None else at
        text = message.encode() if isinstance(message, str) else message
        who = author.encode() if isinstance(author, str) else author
        lines = [b"commit refs/heads/%s" % (b"side" if side else b"main"), b"mark :%d" % self._count]
        lines += [
            b"author %s %d +0100" % (who, time - 60),
            b"committer Hub <hub@example.org> %d +0000" % time,
        ]
        lines += [b"data %d" % len(text), text]
        lines += [b"from :%d" % parent] if parent is not None else []
        lines += [b"merge :%d" % merge] if merge is not None else []
        for path, content in files.items():
            lines += _file(path, content)
        self._stream.append(b"\n".join(lines) + b"\n\n")
        if not side:
            self._tip = self._count
        return self._count

    def done(self) -> Git:
        """Write everything; the checkout is left empty, for history is read from objects alone."""
        self.top.mkdir(parents=True)
        run_git(self.top, "init", "--quiet", "--initial-branch=main")
        marks = self.top / ".git" / "marks"
        run_git(self.top, "fast-import", "--quiet", f"--export-marks={marks}", data=b"".join(self._stream))
        for line in marks.read_text().splitlines():
            mark, commit = line.split()
            self._ids[int(mark[1:])] = commit
        return Git(self.top)

    def id(self, number: int) -> str:
        """The commit id of a number that ``commit`` returned."""
        return self._ids[number]


def _file(path: str, content: str | bytes | None) -> list[bytes]:
    quoted = b'"' + path.encode().replace(b"\\", b"\\\\").replace(b"\n", b"\\n").replace(b'"', b'\\"') + b'"'
    if content is None:
        return [b"D " + quoted]
    data = content.encode() if isinstance(content, str) else content
    mode = b"120000" if isinstance(content, Link) else b"100644"
    return [b"M %b inline %b" % (mode, quoted), b"data %d" % len(data), data]


def raw_commit(top: Path, headers: bytes, message: bytes, *, tree: str) -> str:
    """A commit of any bytes with the tree of the revision ``tree``, on top of ``main``, which moves."""
    tree, parent = run_git(top, "rev-parse", f"{tree}^{{tree}}"), run_git(top, "rev-parse", "main")
    data = b"tree %b\nparent %b\n%b\n\n%b" % (tree.encode(), parent.encode(), headers, message)
    made = run_git(top, "hash-object", "-t", "commit", "-w", "--stdin", "--literally", data=data)
    (top / ".git" / "refs" / "heads" / "main").write_text(made + "\n")
    return made
