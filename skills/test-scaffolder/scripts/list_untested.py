#!/usr/bin/env python3
"""Lists public Python functions and methods that no test names, the most complex first.

    list_untested.py [--tests FOLDER] [--limit N] SOURCE...

Sources are parsed, never imported. "Named" means that the word occurs in a test file: a hint where to
begin, not a measure of coverage.
Exit 0: everything is named. 1: something is not. 2: wrong usage, or a file that cannot be read.
"""

from __future__ import annotations

import argparse
import ast
import os
import re
import sys
import tokenize
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

SKIPPED = frozenset({".git", ".venv", "venv", "node_modules", "__pycache__", "build", "dist", ".tox"})
LOOPS = (ast.For, ast.AsyncFor, ast.While)
BRANCHES = (ast.If, *LOOPS, ast.ExceptHandler, ast.IfExp, ast.BoolOp, ast.match_case)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


class Gap(NamedTuple):
    """A function that no test names. ``branches`` counts the decisions inside it."""

    path: str
    line: int
    name: str
    branches: int


class UnreadableError(ValueError):
    """A file that is missing or does not parse; the message is for people."""


def python_files(start: Path) -> Iterator[Path]:
    """The Python files at or under ``start``, in order, links not followed."""
    if start.is_file():
        yield start
        return
    if not start.is_dir():
        raise UnreadableError(f"{start}: no such file or folder")
    for folder, folders, files in os.walk(start):
        folders[:] = sorted(name for name in folders if name not in SKIPPED)
        yield from (Path(folder, name) for name in sorted(files) if name.endswith(".py"))


def is_test(path: Path) -> bool:
    """Whether pytest would collect this file, or it serves one that it collects."""
    return path.name.startswith("test_") or path.stem.endswith("_test") or path.name == "conftest.py"


def read(path: Path) -> str:
    """The text of a source file in the encoding that it declares."""
    try:
        with tokenize.open(path) as file:
            return file.read()
    except (OSError, SyntaxError, UnicodeDecodeError) as error:
        raise UnreadableError(f"{path}: {error}") from None


def public_functions(path: Path) -> Iterator[Gap]:
    """Functions and methods of one file whose names do not begin with an underscore."""
    try:
        tree = ast.parse(read(path), str(path))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise UnreadableError(f"{path}: {error}") from None
    waiting: list[tuple[str, ast.AST]] = [("", node) for node in tree.body]
    while waiting:
        prefix, node = waiting.pop(0)
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            waiting += [(f"{prefix}{node.name}.", child) for child in node.body]
        elif isinstance(node, FUNCTIONS) and not node.name.startswith("_"):
            branches = sum(isinstance(child, BRANCHES) for child in ast.walk(node))
            yield Gap(path.as_posix(), node.lineno, prefix + node.name, branches)


def untested(sources: Sequence[Path], tests: Path | None) -> list[Gap]:
    """Public functions whose own name no test file holds as a word, worst first."""
    files = [path for start in sources for path in python_files(start)]
    test_files = list(python_files(tests)) if tests else [path for path in files if is_test(path)]
    words = {word for path in test_files for word in re.findall(r"\w+", read(path))}
    code = [path for path in files if not is_test(path) and path not in set(test_files)]
    gaps = [gap for path in code for gap in public_functions(path)]
    missing = [gap for gap in gaps if gap.name.rpartition(".")[2] not in words]
    return sorted(missing, key=lambda gap: (-gap.branches, gap.path, gap.line))


def main(argv: Sequence[str]) -> int:
    """Prints one line a gap; returns the exit code."""
    parser = argparse.ArgumentParser(description="List public Python functions that no test names.")
    parser.add_argument("sources", nargs="+", type=Path, metavar="SOURCE")
    parser.add_argument("--tests", type=Path, metavar="FOLDER", help="where the tests are, if not in SOURCE")
    parser.add_argument("--limit", type=int, default=30, metavar="N", help="lines to print at most (30)")
    options = parser.parse_args(argv)
    try:
        gaps = untested(options.sources, options.tests)
    except UnreadableError as error:
        sys.stderr.write(f"list_untested: {error}\n")
        return 2
    for gap in gaps[: options.limit]:
        sys.stdout.write(f"{gap.path}:{gap.line}: {gap.name} ({gap.branches} branches)\n")
    if len(gaps) > options.limit:
        sys.stdout.write(f"... and {len(gaps) - options.limit} more\n")
    return 1 if gaps else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
