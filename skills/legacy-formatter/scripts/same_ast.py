#!/usr/bin/env python3
"""Says whether two Python files, or two trees of them, mean the same to the interpreter.

    same_ast.py OLD NEW

White space, quotes, line breaks and comments may differ; everything that Python compiles may not.
Nothing is imported or run.
Exit 0: the same. 1: they differ, each difference on a line. 2: wrong usage, or a file that does not parse.
"""

from __future__ import annotations

import ast
import sys
import tokenize
from collections.abc import Iterator, Sequence
from pathlib import Path


class UnreadableError(ValueError):
    """A file that is missing or does not parse; the message is for people."""


def meaning(path: Path) -> ast.Module:
    """The syntax tree of one file."""
    try:
        with tokenize.open(path) as file:
            return ast.parse(file.read(), str(path))
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise UnreadableError(f"{path}: {error}") from None


def first_difference(old: ast.Module, new: ast.Module) -> int | None:
    """The line in the new file at which the first statement differs, or None."""
    for a, b in zip(old.body, new.body, strict=False):
        if ast.dump(a) != ast.dump(b):
            return b.lineno
    if len(old.body) == len(new.body):
        return None
    extra = new.body[len(old.body) :]
    return extra[0].lineno if extra else getattr(new.body[-1] if new.body else None, "end_lineno", 1)


def files(root: Path) -> dict[str, Path]:
    """Python files by their name relative to ``root``; a file is its own only entry."""
    if root.is_file():
        return {"": root}
    if not root.is_dir():
        raise UnreadableError(f"{root}: no such file or folder")
    return {path.relative_to(root).as_posix(): path for path in root.rglob("*.py") if path.is_file()}


def differences(old_root: Path, new_root: Path) -> Iterator[str]:
    """One line for each file that is missing, new, or means something else."""
    old, new = files(old_root), files(new_root)
    for name in sorted(old.keys() | new.keys()):
        if name not in new:
            yield f"{old[name]}: only in the old tree"
        elif name not in old:
            yield f"{new[name]}: only in the new tree"
        else:
            line = first_difference(meaning(old[name]), meaning(new[name]))
            if line is not None:
                yield f"{new[name]}:{line}: means something else than before"


def main(argv: Sequence[str]) -> int:
    """Compares two paths; returns the exit code."""
    if len(argv) != 2:
        sys.stderr.write("usage: same_ast.py OLD NEW\n")
        return 2
    try:
        found = list(differences(Path(argv[0]), Path(argv[1])))
    except (UnreadableError, RecursionError) as error:
        sys.stderr.write(f"same_ast: {error}\n")
        return 2
    sys.stdout.writelines(line + "\n" for line in found)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
