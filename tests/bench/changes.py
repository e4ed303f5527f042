"""Measures of work that was mostly done before: nothing changed, or ten files of many."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from .generate import git
from .measure import Cost, environment, interleaved, middle
from .rows import Row
from .setting import BENCH, Setting, discarded

_OWNERS = re.compile(r"\n(?:notes: .*\n)?owners: \[")
_MANY = 4
"""Short commands run this many times as often as builds."""


def _pair(what: str, tool: Cost, floor_name: str, floor: Cost, target: float) -> list[Row]:
    """A row for processor time and one for wall time, in milliseconds."""
    return [
        Row(f"{what}, cpu", tool.cpu * 1000, floor_name, floor.cpu * 1000, "ms", target),
        Row(f"{what}, wall", tool.wall * 1000, floor_name, floor.wall * 1000, "ms", target),
    ]


def revision(setting: Setting) -> list[Row]:
    """``validate --rev HEAD`` of a revision that was validated before, at each size."""
    rows = []
    for size in setting.sizes:
        root = setting.pristine(size, size)
        cache = setting.cache(f"revision-{size}", fresh=True)
        trials = {
            "tool": lambda: setting.catalog_command(root, cache, "validate", "--rev", "HEAD"),  # noqa: B023
            "bare": setting.bare_click,
            "git": lambda: setting.rev_parse(root),  # noqa: B023
        }
        found = interleaved(setting.runs * _MANY, {name: discarded(trial) for name, trial in trials.items()})
        what = f"nothing changed, --rev HEAD, {size:,}+{size:,}"
        rows += _pair(what, found["tool"], "bare click + git rev-parse", found["bare"] + found["git"], 1.25)
    return rows


def worktree(setting: Setting) -> list[Row]:
    """``validate`` of a clean work tree that was validated before, at each size."""
    rows = []
    for size in setting.sizes:
        root = setting.pristine(size, size)
        cache = setting.cache(f"worktree-{size}", fresh=True)
        trials = {
            "tool": lambda: setting.catalog_command(root, cache, "validate"),  # noqa: B023
            "bare": setting.bare_click,
            "git": lambda: setting.git_status(root),  # noqa: B023
        }
        found = interleaved(setting.runs * _MANY, {name: discarded(trial) for name, trial in trials.items()})
        what = f"nothing changed, work tree, {size:,}+{size:,}"
        rows += _pair(what, found["tool"], "git status + bare click", found["bare"] + found["git"], 1.25)
    return rows


def ten(setting: Setting) -> list[Row]:
    """``validate`` and ``build`` after ten files changed, five prompts and five skills."""
    size = setting.size
    cache = setting.cache("ten", fresh=True)
    root = setting.pristine(size, size)
    setting.catalog_command(root, cache, "validate")
    rounds = [_ten_round(setting, root, cache, number) for number in range(setting.runs)]
    unchanged, validate, build, write = (middle(list(costs)) for costs in zip(*rounds, strict=True))
    several = Cost(unchanged.cpu * 1.5 + write.cpu, unchanged.wall * 1.5 + write.wall, 0)
    what = f"ten files changed of {size * 2:,}"
    return [
        *_pair(f"{what}, validate", validate, "nothing changed", unchanged, 1.5),
        *_pair(f"{what}, build", build, "1.5 x nothing changed + writing the same bytes", several, 1.0),
    ]


def _ten_round(setting: Setting, root: Path, cache: Path, number: int) -> tuple[Cost, Cost, Cost, Cost]:
    """The costs of: nothing changed, validate after a change, build after another, writing what was built."""
    git(root, "reset", "--quiet", "--hard", "main")
    git(root, "status", "--porcelain")
    setting.catalog_command(root, cache, "validate")
    unchanged = setting.catalog_command(root, cache, "validate")
    change_ten(root, f"{number} a")
    validate = setting.catalog_command(root, cache, "validate")
    change_ten(root, f"{number} b")
    out = setting.out("ten")
    build = setting.catalog_command(root, cache, "build", "--out", str(out))
    return unchanged, validate, build, _writing(out, setting.out("rewritten"))


def _writing(built: Path, target: Path) -> Cost:
    """What it costs to write the files of a build, without reading them."""
    command = [sys.executable, str(BENCH / "floor_rewrite.py"), str(built), str(target)]
    answer = subprocess.run(command, env=environment(), check=True, stdout=subprocess.PIPE)
    found = json.loads(answer.stdout)
    return Cost(found["cpu"], found["wall"], 0)


def change_ten(root: Path, word: str) -> None:
    """Change five prompts where a version may change, in what its digest does not count, and five skills."""
    prompts = sorted(root.glob("prompts/*/*/v1.yaml"))
    for path in prompts[:: max(len(prompts) // 5, 1)][:5]:
        text = _OWNERS.sub(f"\\nnotes: change {word}\\nowners: [", path.read_text("utf-8"), count=1)
        path.write_text(text, "utf-8", newline="\n")
    skills = sorted(root.glob("skills/*/SKILL.md"))
    for path in skills[:: max(len(skills) // 5, 1)][:5]:
        with path.open("a", encoding="utf-8", newline="\n") as stream:
            stream.write(f"\nChange {word}.\n")
