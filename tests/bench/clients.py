"""Measures of the runtime client: a cached ``get``, a weighted label, its import, and other SDKs beside it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from .measure import REPOSITORY, CommandError, environment, interleaved, spend
from .rows import Row
from .setting import Setting, discarded

_MICRO = 1_000_000
_TIMES = {"langfuse": 8, "langsmith": 6, "mlflow_traced": 500, "mlflow": 100}
"""How many times faster than these a cached ``get`` is meant to be.

500 is for MLflow's read in a trace, 140 µs of work: a 500th of its bare 20 µs is less than the clock read
that every cache with a time to live needs.
"""
_WHERE = {"mlflow_traced": "mlflow in a trace", "mlflow": "mlflow in a bare loop"}


def client(setting: Setting) -> list[Row]:
    """Against floors of our own, in this environment."""
    found = _told(sys.executable, "get", "threads", "label")
    rows = [
        _row("client: cached get", found["get"], "one dict lookup and one clock read", 4),
        _row("client: cached get, 8 threads", found["threads"], "the same floor, 8 threads", 2),
        _row("client: weighted label", found["label"], "one sha256", 1.5),
    ]
    return [*rows, *_import(setting)]


def sdks(_: Setting) -> list[Row]:
    """Against other SDKs' cached reads, in this environment or in that which ``CATALOG_SDK_PYTHON`` names."""
    rows = []
    for name, times in _TIMES.items():
        package = name.partition("_")[0]
        python = _python_with(package)
        if python is None:
            print(
                f"!!! {package} IS NOT THERE, not compared: name an interpreter with it as CATALOG_SDK_PYTHON",
                file=sys.stderr,
            )
            continue
        found = _told(python, name)[name]
        shown = _WHERE.get(name, name)
        rows.append(_row(f"client: cached get beside {shown}", found, f"{package}, cached", 1 / times, "theirs"))
    return rows


def _python_with(package: str) -> str | None:
    code = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({package!r}) is None)"
    for python in (sys.executable, os.environ.get("CATALOG_SDK_PYTHON")):
        if python and subprocess.run([python, "-c", code], check=False).returncode == 0:
            return python
    return None


def _row(what: str, found: dict[str, float], floor: str, target: float, against: str = "floor") -> Row:
    return Row(what, found["ours"] * _MICRO, floor, found[against] * _MICRO, "µs", target)


def _told(python: str, *names: str) -> dict[str, dict[str, float]]:
    command = [python, "-m", "tests.bench.client_calls", *names]
    done = subprocess.run(
        command,
        cwd=REPOSITORY,
        env=environment({"PYTHONPATH": str(REPOSITORY)}),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise CommandError(f"{' '.join(command)}: exit {done.returncode}\n{done.stderr[-2000:]}")
    answer: dict[str, dict[str, float]] = json.loads(done.stdout.splitlines()[-1])
    return answer


def _import(setting: Setting) -> list[Row]:
    found = interleaved(
        4 * setting.runs,
        {
            "client": discarded(lambda: spend([sys.executable, "-c", "import catalog_tool.client"], REPOSITORY)),
            "pass": lambda: spend([sys.executable, "-c", "pass"], REPOSITORY),
        },
    )
    return [Row("client: import, cpu", found["client"].cpu * 1000, "python -c pass", found["pass"].cpu * 1000, "ms", 3)]
