"""A catalog of one's own for a test, and the command line as a user runs it.

The command runs as a process of the interpreter that runs the tests, never from the source folder: in
the tests of the wheel that is the installed package and nothing else.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

COMMAND = (sys.executable, "-P", "-m", "catalog_tool")
"""``-P``: the working directory is not looked into for a package of that name."""
SECONDS = 120
"""Longer than any command may take; a hang fails instead of blocking the run."""

_FIRST_COMMIT = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
_KEPT = ("PATH", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


class Answer(NamedTuple):
    """What a command answered: its exit code and what it wrote."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """stdout as one JSON document."""
        return json.loads(self.out)


def isolated_environment(home: Path) -> dict[str, str]:
    """Variables that carry nothing of the machine or the CI into a test; ``home`` is created."""
    home.mkdir(parents=True, exist_ok=True)
    return {
        **{name: os.environ[name] for name in _KEPT if name in os.environ},
        "HOME": str(home),
        "LC_ALL": "C.UTF-8",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "CATALOG_CACHE_DIR": str(home / "cache"),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogCommand:
    """Runs ``catalog`` with its own environment; call it with the arguments."""

    environment: Mapping[str, str]

    def __call__(
        self, *arguments: str, cwd: Path | None = None, env: Mapping[str, str] | None = None, stdin: str = ""
    ) -> Answer:
        """Run to the end. Output must be UTF-8. Raises ``TimeoutExpired`` after ``SECONDS``."""
        done = subprocess.run(
            [*COMMAND, *arguments],
            cwd=cwd,
            env={**self.environment, **(env or {})},
            input=stdin.encode(),
            capture_output=True,
            check=False,
            timeout=SECONDS,
        )
        return Answer(done.returncode, done.stdout.decode(), done.stderr.decode())


@dataclass(slots=True, kw_only=True)
class Scratch:
    """A folder under git, its branch ``main``, that a test fills with a catalog.

    Commits are dated one hour apart from 2026-01-05 09:00 UTC, so that their ids are the same in
    every run.
    """

    root: Path
    command: CatalogCommand
    _commits: int = field(default=0, init=False)

    def write(self, path: str, content: str | bytes) -> Path:
        """Write a file by its path from the root; folders are made, text is UTF-8 with LF."""
        full = self.root / path
        full.parent.mkdir(parents=True, exist_ok=True)
        full.write_bytes(content.encode() if isinstance(content, str) else content)
        return full

    def write_all(self, files: Mapping[str, str | bytes]) -> None:
        """Write several files."""
        for path, content in files.items():
            self.write(path, content)

    def git(self, *arguments: str, env: Mapping[str, str] | None = None) -> str:
        """Run git in the root; its output without the final line end. Raises where git fails."""
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.root,
            env={**self.command.environment, **(env or {})},
            capture_output=True,
            check=True,
            timeout=SECONDS,
        )
        return done.stdout.decode(errors="surrogateescape").rstrip("\n")

    def commit(self, message: str = "Change the catalog", *, when: str | None = None, author: str = "Ada") -> str:
        """Commit everything; returns the id. ``when`` is ISO 8601, else an hour after the last one."""
        self._commits += 1
        at = when or (_FIRST_COMMIT + timedelta(hours=self._commits)).isoformat()
        person = {"NAME": author, "EMAIL": f"{author.lower()}@example.org", "DATE": at}
        who = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in person.items()}
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message, env=who)
        return self.git("rev-parse", "HEAD")

    def run(self, *arguments: str, env: Mapping[str, str] | None = None, stdin: str = "") -> Answer:
        """Run ``catalog`` in the root."""
        return self.command(*arguments, cwd=self.root, env=env, stdin=stdin)
