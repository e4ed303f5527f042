"""Where a bench runs: the scratch folder, the generated catalogs, and how each command is called."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .generate import git
from .measure import REPOSITORY, CommandError, Cost, environment, spend

BENCH = Path(__file__).resolve().parent


def installed_tool() -> list[str]:
    """The ``catalog`` of this interpreter's environment, as a user starts it."""
    script = Path(sys.executable).parent / "catalog"
    return [str(script)] if script.exists() else [sys.executable, "-m", "catalog_tool"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One bench: ``scratch`` is its own folder, ``size`` the largest catalog, ``runs`` the rounds."""

    scratch: Path
    tool: list[str]
    size: int
    runs: int
    seed: int = 1

    @property
    def sizes(self) -> list[int]:
        """100, 1,000 and 10,000, as far as ``size`` goes, and ``size``."""
        return sorted({n for n in (100, 1000, 10_000) if n < self.size} | {self.size})

    def catalog(self, prompts: int, skills: int, *options: str) -> Path:
        """The generated catalog of this size; made on first use, in a process of its own.

        ``options`` are the generator's.
        """
        root = self.scratch / "-".join(("catalog", str(prompts), str(skills), *options))
        if not root.exists():
            # Apart, because a process's peak memory begins at that of the one that starts it.
            counts = ["--prompts", str(prompts), "--skills", str(skills), "--seed", str(self.seed)]
            command = [sys.executable, "-m", "tests.bench.generate", str(root), *counts, *options]
            subprocess.run(command, cwd=REPOSITORY, env=environment(), check=True)
        return root

    def pristine(self, prompts: int, skills: int) -> Path:
        """The same catalog with everything that a measure changed undone."""
        root = self.catalog(prompts, skills)
        git(root, "reset", "--quiet", "--hard", "main")
        git(root, "status", "--porcelain")
        return root

    def cache(self, name: str, *, fresh: bool = False) -> Path:
        """A user cache folder for the tool; ``fresh``: emptied."""
        folder = self.scratch / "caches" / name
        if fresh:
            shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def out(self, name: str) -> Path:
        """An output folder that does not exist yet."""
        folder = self.scratch / "out" / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        return folder

    def catalog_command(self, root: Path, cache: Path, *arguments: str) -> Cost:
        """The cost of ``catalog -C ROOT ARGUMENTS`` with this user cache."""
        command = [*self.tool, "-C", str(root), *arguments]
        return spend(command, REPOSITORY, extra={"CATALOG_CACHE_DIR": str(cache)})

    def cold(self, root: Path, *arguments: str) -> Cost:
        """The same with an empty user cache."""
        return self.catalog_command(root, self.cache("cold", fresh=True), *arguments)

    def floor_build(self, kind: str, root: Path) -> Cost:
        """The cost of the floor ``minimal`` or ``stock`` building ``root``."""
        command = [sys.executable, "-m", "tests.bench.floors", kind, str(root), str(self.out(kind))]
        return spend(command, REPOSITORY)

    def bare_click(self, *arguments: str) -> Cost:
        """The start of a click program that does nothing."""
        return spend([sys.executable, str(BENCH / "bare_click.py"), *(arguments or ("hello",))], REPOSITORY)

    def rev_parse(self, root: Path) -> Cost:
        """``git rev-parse HEAD``."""
        return spend(["git", "rev-parse", "HEAD"], root)

    def git_status(self, root: Path) -> Cost:
        """``git status --porcelain``."""
        return spend(["git", "status", "--porcelain"], root)


def discarded(trial: Callable[[], Cost]) -> Callable[[], Cost]:
    """The trial after it ran once unmeasured: byte code written, files in the page cache."""
    trial()
    return trial


__all__ = ["BENCH", "CommandError", "Setting", "discarded", "installed_tool"]
