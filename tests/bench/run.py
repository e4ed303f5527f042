"""``python -m tests.bench``: every number of the tool as a ratio to a floor measured in the same run."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from . import activations, builds, changes, clients, comparisons, floor_schemas, service, starts, syncs
from .measure import CommandError
from .rows import Row, table
from .setting import Setting, installed_tool

MEASURES: dict[str, Callable[[Setting], list[Row]]] = {
    "start": starts.start,
    "findings": starts.findings,
    "peers": starts.peers,
    "revision": changes.revision,
    "worktree": changes.worktree,
    "ten": changes.ten,
    "request": comparisons.request,
    "sixty": comparisons.sixty,
    "long": comparisons.long,
    "cold": builds.cold,
    "jobs": builds.jobs,
    "memory": builds.memory,
    "activations": activations.activations,
    "client": clients.client,
    "sdks": clients.sdks,
    "service": service.service,
    "syncs": syncs.syncs,
}


def arguments(given: Sequence[str]) -> argparse.Namespace:
    """The command line of the bench."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--only", action="append", choices=list(MEASURES), help="repeatable; default: all")
    parser.add_argument("--size", type=int, default=10_000, help="prompts, and as many skills (%(default)s)")
    parser.add_argument("--runs", type=int, default=5, help="rounds; short commands run four times as often")
    parser.add_argument("--seed", type=int, default=1, help="of the generated catalogs")
    parser.add_argument("--tool", type=shlex.split, default=installed_tool(), help="the command under test")
    parser.add_argument("--json", type=Path, help="write the rows there too")
    parser.add_argument("--scratch", type=Path, help="a folder to work in; default: one in memory where there is one")
    return parser.parse_args(given)


def scratch_parent() -> Path:
    """Memory rather than a disk: a file system that is slow to create files would hide every ratio."""
    shared = Path("/dev/shm")
    return shared if os.access(shared, os.W_OK) else Path(tempfile.gettempdir())


def measure(setting: Setting, names: Sequence[str]) -> tuple[list[Row], list[str]]:
    """The rows of the measures called, and those that could not be taken."""
    rows: list[Row] = []
    failed: list[str] = []
    for name in names:
        print(f"measuring {name} …", file=sys.stderr)
        try:
            rows += MEASURES[name](setting)
        except CommandError as problem:
            failed.append(name)
            print(f"!!! {name}: {problem}", file=sys.stderr)
    return rows, failed


def main(given: Sequence[str]) -> int:
    """Measure, print the table; 1 where a target is missed or a measure could not be taken."""
    chosen = arguments(given)
    with tempfile.TemporaryDirectory(prefix="catalog-bench-", dir=chosen.scratch or scratch_parent()) as scratch:
        setting = Setting(scratch=Path(scratch), tool=chosen.tool, size=chosen.size, runs=chosen.runs, seed=chosen.seed)
        rows, failed = measure(setting, chosen.only or list(MEASURES))
    print(table(rows), end="")
    missed = [row for row in rows if not row.passed]
    print(f"{len(rows) - len(missed)} of {len(rows)} within target; medians of interleaved runs, seed {chosen.seed}")
    for name in floor_schemas.stand_ins():
        print(f"the floors checked with a stand-in for schemas/{name}")
    for name in failed:
        print(f"not measured: {name}")
    if chosen.json:
        document = {"format": 1, "rows": [row.document() for row in rows], "failed": failed}
        chosen.json.write_text(json.dumps(document, indent=2) + "\n", "utf-8")
    return 1 if missed or failed else 0
