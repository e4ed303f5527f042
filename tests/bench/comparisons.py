"""Measures of ``catalog diff``: a pull request in a large catalog, a history of sixty, one long prompt."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from .generate import git
from .measure import REPOSITORY, Cost, environment, interleaved, spend
from .rows import Row
from .setting import Setting, discarded

CHANGED = 20
COMMITS = 60
_A_COMMIT = 3
"""Prompts that one commit of the sixty changes."""
_SECONDS = 0.2
_TEMPERATURE = re.compile(r"^((?:  )?)temperature: .*$", re.MULTILINE)


def request(setting: Setting) -> list[Row]:
    """``diff main..work`` where twenty prompts of all got a next version."""
    root = _branch(setting)
    _release(root, 0, CHANGED)
    _commit(root, "twenty")
    cache = setting.cache("request", fresh=True)
    trials = {
        "tool": lambda: setting.catalog_command(root, cache, "diff", "main..work", "--format", "json"),
        "plain": lambda: _module("floor_diff", root, "main", "work"),
    }
    return _rows(setting, f"diff, {CHANGED} of {setting.size:,} prompts changed", trials)


def sixty(setting: Setting) -> list[Row]:
    """Each of sixty commits against the one before it."""
    root = _branch(setting)
    revisions = ["main"]
    for number in range(COMMITS):
        _release(root, CHANGED + number * _A_COMMIT, _A_COMMIT)
        revisions.append(_commit(root, f"commit {number}"))
    trials = {
        "tool": lambda: _module("walk_diff", root, *revisions),
        "plain": lambda: _module("floor_diff", root, *revisions),
    }
    return _rows(setting, f"diff, {COMMITS} commits", trials)


def long(setting: Setting) -> list[Row]:
    """One prompt of 35 KB with two hundred edits, against a fixed time."""
    command = [sys.executable, "-m", "tests.bench.long_diff"]
    told = [
        subprocess.run(command, cwd=REPOSITORY, env=environment(), check=True, stdout=subprocess.PIPE).stdout
        for _ in range(setting.runs)
    ]
    middle = sorted(map(float, told))[len(told) // 2]
    return [Row("diff, 35 KB with 200 edits, cpu", middle * 1000, f"{_SECONDS} s", _SECONDS * 1000, "ms", 1.0)]


def _rows(setting: Setting, what: str, trials: dict[str, object]) -> list[Row]:
    found = interleaved(setting.runs, {name: discarded(trial) for name, trial in trials.items()})  # type: ignore[arg-type]
    floor = "GitPython + PyYAML + DeepDiff"
    return [Row(f"{what}, cpu", found["tool"].cpu * 1000, floor, found["plain"].cpu * 1000, "ms", 0.4)]


def _module(name: str, root: Path, *revisions: str) -> Cost:
    return spend([sys.executable, "-m", f"tests.bench.{name}", str(root), *revisions], REPOSITORY)


def _branch(setting: Setting) -> Path:
    root = setting.pristine(setting.size, setting.size)
    git(root, "checkout", "--quiet", "-B", "work", "main")
    return root


def _release(root: Path, start: int, count: int) -> None:
    """The next version of some prompts: another temperature, another sentence, another argument."""
    prompts = sorted(path for path in root.glob("prompts/*/*/v1.yaml") if "_shared" not in path.parts)
    for index in range(start, start + count):
        first = prompts[index * 37 % len(prompts)]
        numbers = [int(path.stem[1:]) for path in first.parent.glob("v*.yaml")]
        text = first.parent.joinpath(f"v{max(numbers)}.yaml").read_text("utf-8")
        text = _TEMPERATURE.sub(rf"\g<1>temperature: 0.{index % 9}", text)
        text = text.replace("You answer for", "You always answer for").replace("maxLength: 120", "maxLength: 160")
        text = text.replace("version: v1\n", f"version: v{max(numbers) + 1}\n")
        first.parent.joinpath(f"v{max(numbers) + 1}.yaml").write_text(text, "utf-8", newline="\n")


def _commit(root: Path, subject: str) -> str:
    git(root, "add", "--all", "prompts")
    git(root, "-c", "user.name=Bench", "-c", "user.email=bench@example.org", "commit", "--quiet", "-m", subject)
    return git(root, "rev-parse", "HEAD").strip()
