"""The minimal pipeline behind the command line of ``catalog``, to try the harness with.

``python -m tests.bench --tool "python -m tests.bench.floor_tool"`` compares the floor with itself: the
ratios that it prints for a cold build are the noise of the machine.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from .floor_write import write
from .floors import minimal, read_catalog


def main() -> None:
    parser = argparse.ArgumentParser(prog="floor_tool")
    parser.add_argument("-C", dest="root", type=Path, default=Path())
    commands = parser.add_subparsers(dest="command", required=True)
    validate = commands.add_parser("validate")
    build = commands.add_parser("build")
    for command in (validate, build):
        command.add_argument("--rev")
    build.add_argument("--out", type=Path, required=True)
    build.add_argument("--jobs", type=int, default=1)
    chosen = parser.parse_args()
    engine = minimal()
    catalog = read_catalog(chosen.root, engine)
    if chosen.command == "build":
        write(catalog, chosen.out, engine.dumps)


if __name__ == "__main__":
    main()
