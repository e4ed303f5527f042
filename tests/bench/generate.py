"""A seeded catalog in a git repository: ``python -m tests.bench.generate DIR --prompts N --skills N``.

The same seed and size give the same bytes and the same commit ids on every machine. The catalog is
valid, and its history is short: three commits that bring it in, two that change some skills.
"""

from __future__ import annotations

import argparse
import os
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, NamedTuple

from . import texts
from .texts import File

_FIRST_COMMIT = 1_767_600_000  # 2026-01-05T08:00:00Z
_DAY = 86_400
_SETTINGS = File("catalog.yaml", b"format: 1\ncatalog: bench\n")
_IGNORE = File(".gitignore", b"dist/\n*.tmp\n")


class Size(NamedTuple):
    """How much to make."""

    prompts: int
    skills: int
    seed: int = 1
    alone: bool = False
    """Skills of one file each."""


def generate(root: Path, size: Size) -> None:
    """Make the repository at ``root``, which must not exist; its index is fresh afterwards."""
    root.mkdir(parents=True)
    git(root, "init", "--quiet", "--initial-branch=main")
    process = subprocess.Popen(
        ["git", "fast-import", "--quiet"], cwd=root, stdin=subprocess.PIPE, env=git_environment()
    )
    assert process.stdin is not None
    with process.stdin as stream:
        for number, (subject, files) in enumerate(history(size)):
            _commit(stream, number, subject, files)
    if process.wait() != 0:
        raise RuntimeError("git fast-import failed")
    git(root, "reset", "--quiet", "--hard", "main")
    freshen(root)


def history(size: Size) -> Iterator[tuple[str, Iterable[File]]]:
    """The commits in order: subject and the files each writes."""
    third = max(size.prompts, size.skills) // 3
    yield "Begin the catalog", [_SETTINGS, _IGNORE, *(texts.shared_files() if size.prompts else ())]
    yield "Add the first third", _artifacts(size, 0, third)
    yield "Add the rest", _artifacts(size, third, max(size.prompts, size.skills))
    yield "Rework every fiftieth skill", _reworked(size, range(0, size.skills, 50), 1)
    registry = [texts.registry(size.prompts)] if size.prompts else []
    yield "Point the labels", registry
    yield "Rework every hundredth skill again", _reworked(size, range(0, size.skills, 100), 2)


def _artifacts(size: Size, start: int, stop: int) -> Iterator[File]:
    for index in range(start, min(stop, size.prompts)):
        yield texts.prompt(size.seed, index)
    for index in range(start, min(stop, size.skills)):
        yield from texts.skill(size.seed, index, alone=size.alone)


def _reworked(size: Size, indexes: range, revision: int) -> Iterator[File]:
    for index in indexes:
        yield texts.skill(size.seed, index, revision=revision, alone=size.alone)[0]


def _commit(stream: IO[bytes], number: int, subject: str, files: Iterable[File]) -> None:
    when = _FIRST_COMMIT + number * _DAY
    message = subject.encode()
    stream.write(b"commit refs/heads/main\ncommitter Bench <bench@example.org> %d +0000\n" % when)
    stream.write(b"data %d\n%s\n" % (len(message), message))
    for file in files:
        mode = b"100755" if file.executable else b"100644"
        stream.write(b"M %s inline %s\ndata %d\n" % (mode, file.path.encode(), len(file.data)))
        stream.write(file.data + b"\n")


def freshen(root: Path) -> None:
    """Date every file to the past and refresh the index, so that git need not look into any of them."""
    for folder, folders, names in os.walk(root):
        if ".git" in folders:
            folders.remove(".git")
        for name in names:
            os.utime(Path(folder, name), (_FIRST_COMMIT, _FIRST_COMMIT))
    git(root, "status", "--porcelain")


def git_environment() -> dict[str, str]:
    """An environment in which git knows neither the user's settings nor another repository."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return kept | {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "LC_ALL": "C"}


def git(root: Path, *arguments: str) -> str:
    """What ``git ARGUMENTS`` prints in ``root``; raises ``CalledProcessError`` where it fails."""
    done = subprocess.run(
        ["git", *arguments], cwd=root, env=git_environment(), check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.generate", description=__doc__)
    parser.add_argument("root", type=Path)
    parser.add_argument("--prompts", type=int, default=100)
    parser.add_argument("--skills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--alone", action="store_true", help="skills of one file each")
    chosen = parser.parse_args()
    generate(chosen.root, Size(chosen.prompts, chosen.skills, chosen.seed, chosen.alone))


if __name__ == "__main__":
    main()
