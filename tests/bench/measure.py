"""What a command costs: processor time, wall time and peak memory of the process and its children."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

REPOSITORY = Path(__file__).resolve().parents[2]
_LAUNCHER = Path(__file__).with_name("launcher.py")
_KIB = 1 if sys.platform == "darwin" else 1024
_FOREIGN = ("CI", "GITHUB_BASE_REF", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "PYTHONDONTWRITEBYTECODE")


class Cost(NamedTuple):
    """Seconds of processor and wall time, and the largest resident set of any one process, in bytes."""

    cpu: float
    wall: float
    peak: int

    def __add__(self, other: object) -> Cost:
        if not isinstance(other, Cost):
            return NotImplemented
        return Cost(self.cpu + other.cpu, self.wall + other.wall, max(self.peak, other.peak))


class CommandError(Exception):
    """A measured command ended with an exit code that was not expected; carries the end of its output."""


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of every measured command: no other git settings, no CI, our floors importable."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    for name in _FOREIGN:
        kept.pop(name, None)
    quiet = {
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "LC_ALL": "C.UTF-8",
        "NO_COLOR": "1",
    }
    return kept | quiet | dict(extra or {})


def spend(
    command: Sequence[str], cwd: Path, *, extra: Mapping[str, str] | None = None, codes: Sequence[int] = (0,)
) -> Cost:
    """Run ``command`` to its end and say what it cost; raises ``CommandError`` on another exit code."""
    with tempfile.TemporaryFile() as output, tempfile.NamedTemporaryFile() as report:
        launched = [sys.executable, "-S", "-E", str(_LAUNCHER), report.name, *command]
        streams = {"stdin": subprocess.DEVNULL, "stdout": output, "stderr": output}
        done = subprocess.run(launched, cwd=cwd, env=environment(extra), check=False, **streams)
        found = json.loads(report.read() or "null") or {"code": done.returncode}
        if found["code"] not in codes or "cpu" not in found:
            output.seek(0)
            tail = output.read()[-2000:].decode(errors="replace")
            raise CommandError(f"{' '.join(command)[:300]}: exit {found['code']}\n{tail}")
    return Cost(found["cpu"], found["wall"], found["peak"] * _KIB)


def interleaved(runs: int, trials: Mapping[str, Callable[[], Cost]]) -> dict[str, Cost]:
    """The median cost of each trial over ``runs`` rounds; every second round goes backwards."""
    costs: dict[str, list[Cost]] = {name: [] for name in trials}
    for number in range(runs):
        names = list(trials)
        for name in names if number % 2 == 0 else reversed(names):
            costs[name].append(trials[name]())
    return {name: middle(found) for name, found in costs.items()}


def middle(costs: Sequence[Cost]) -> Cost:
    """The median of each number on its own."""
    return Cost(
        median(cost.cpu for cost in costs),
        median(cost.wall for cost in costs),
        int(median(cost.peak for cost in costs)),
    )
