#!/usr/bin/env python3
"""Lists what lock files pin, what is suspicious about it, and what changed. Works offline.

    audit_locks.py [--against OLD] [--allow-host HOST]... [--format text|json] [PATH...]

PATH is a lock file or a folder (default: the current one), OLD a lock file or folder to compare with.
Exit 0: nothing found. 1: findings. 2: wrong usage, or a file that cannot be read.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

sys.dont_write_bytecode = True  # a skill's folder stays as it was shipped

from lockfiles import LockError, Package, reader_for  # noqa: E402

SKIPPED = frozenset({"node_modules", ".git", ".venv", "venv", ".tox", "vendor", "target", "dist", "build"})
MAX_BYTES = 64 * 1024 * 1024


class Lock(NamedTuple):
    """One lock file that was read."""

    path: str
    ecosystem: str
    packages: list[Package]


class Finding(NamedTuple):
    """One suspicious thing about one package of one lock file."""

    path: str
    rule: str
    package: str
    message: str


def lock_paths(start: Path) -> Iterator[tuple[str, Path]]:
    """Lock files under ``start`` with their names relative to it; links are not followed."""
    if start.is_file():
        yield start.name, start
        return
    for folder, folders, files in os.walk(start):
        folders[:] = sorted(name for name in folders if name not in SKIPPED)
        for name in sorted(files):
            path = Path(folder, name)
            if reader_for(name) is not None and not path.is_symlink():
                yield path.relative_to(start).as_posix(), path


def read_lock(name: str, path: Path) -> Lock:
    """One lock file; LockError says why it cannot be read."""
    found = reader_for(path.name)
    if found is None:
        raise LockError(f"{path}: not a lock file this script knows")
    ecosystem, reader = found
    try:
        if path.stat().st_size > MAX_BYTES:
            raise LockError(f"larger than {MAX_BYTES} bytes")
        packages = reader(path.read_text(encoding="utf-8"))
    except (LockError, OSError, UnicodeDecodeError) as error:
        raise LockError(f"{path}: {error}") from None
    return Lock(name, ecosystem, sorted(set(packages)))


def findings_of(lock: Lock, allowed: frozenset[str]) -> Iterator[Finding]:
    """What is suspicious in one lock file, package by package, then across packages."""
    versions: dict[str, set[str]] = {}
    for package in lock.packages:
        versions.setdefault(package.name, set()).add(package.version)
        for rule, message in _suspicions(package, allowed):
            yield Finding(lock.path, rule, package.name, message)
    for name, several in sorted(versions.items()):
        if len(several) > 1 and lock.ecosystem != "go":
            yield Finding(lock.path, "duplicate", name, "several versions: " + ", ".join(sorted(several)))


def _suspicions(package: Package, allowed: frozenset[str]) -> Iterator[tuple[str, str]]:
    source = package.source
    if source == "registry" and not package.version:
        yield "unpinned", "no exact version"
        return
    if source.startswith("http://"):
        yield "insecure", f"fetched without TLS from {urlsplit(source).hostname}"
    elif source == "git":
        yield "not-registry", f"{package.version or 'no version'} comes from a git repository"
    elif source not in {"registry", "path"} and urlsplit(source).hostname not in allowed:
        yield "not-registry", f"{package.version or 'no version'} comes from {urlsplit(source).hostname}"
    if not package.hashed and source not in {"git", "path"}:
        yield "no-hash", f"{package.version or 'no version'} has no hash to verify"


def changes_between(old: Sequence[Lock], new: Sequence[Lock]) -> list[dict[str, str]]:
    """Packages that came, went or moved, for each lock file by its relative name."""
    before, after = ({lock.path: _versions(lock) for lock in locks} for locks in (old, new))
    rows: list[dict[str, str]] = []
    for path in sorted(before.keys() | after.keys()):
        was, now = before.get(path, {}), after.get(path, {})
        moved = sorted(name for name in was.keys() | now.keys() if was.get(name) != now.get(name))
        rows += [_change(path, name, was.get(name, ""), now.get(name, "")) for name in moved]
    return rows


def _versions(lock: Lock) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    for package in lock.packages:
        label = package.version or package.source
        found.setdefault(package.name, []).append(label)
    return {name: ", ".join(sorted(set(several))) for name, several in found.items()}


def _change(path: str, name: str, was: str, now: str) -> dict[str, str]:
    return {"path": path, "package": name, "from": was, "to": now, "step": _step(was, now)}


def _step(was: str, now: str) -> str:
    """added, removed, or the part of the version number that moved."""
    if not was or not now:
        return "added" if now else "removed"
    a, b = ([int(n) for n in re.findall(r"\d+", version)[:3]] for version in (was, now))
    if "," in was + now or not a or not b:
        return "changed"
    for place, (x, y) in enumerate(zip(a, b, strict=False)):
        if x != y:
            word = ("major", "minor", "patch")[place]
            return word if y > x else f"downgrade ({word})"
    return "changed"


def _text(report: dict[str, object], locks: Sequence[Lock], found: Sequence[Finding]) -> str:
    lines = [f"{lock.path}: {lock.ecosystem}, {len(lock.packages)} packages" for lock in locks]
    lines += [f"{one.path}: {one.rule}: {one.package}: {one.message}" for one in found]
    changes = report.get("changes")
    if isinstance(changes, list):
        lines += [
            f"{row['path']}: {row['step']}: {row['package']} {row['from'] or '-'} -> {row['to'] or '-'}"
            for row in changes
        ]
    return "\n".join(lines or ["no lock files found"]) + "\n"


def _printable(text: str) -> str:
    """Names come from files nobody has vetted: control characters become visible escapes."""
    return "".join(c if c == "\n" or c.isprintable() else repr(c)[1:-1] for c in text)


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="List what lock files pin and what is suspicious.")
    parser.add_argument("paths", nargs="*", type=Path, default=[Path()], metavar="PATH")
    parser.add_argument("--against", type=Path, metavar="OLD", help="an older lock file or folder")
    parser.add_argument("--allow-host", action="append", default=[], metavar="HOST", help="a trusted mirror")
    parser.add_argument("--format", choices=["text", "json"], default="text")
    return parser.parse_args(argv)


def _read_all(starts: Sequence[Path]) -> list[Lock]:
    for start in starts:
        if not start.exists():
            raise LockError(f"{start}: no such file or folder")
    return [read_lock(name, path) for start in starts for name, path in lock_paths(start)]


def main(argv: Sequence[str]) -> int:
    """Runs the audit; returns the exit code."""
    options = _arguments(argv)
    try:
        locks = _read_all(options.paths)
        old = _read_all([options.against]) if options.against else None
    except LockError as error:
        sys.stderr.write(_printable(f"audit_locks: {error}\n"))
        return 2
    allowed = frozenset(options.allow_host)
    found = [finding for lock in locks for finding in findings_of(lock, allowed)]
    report: dict[str, object] = {
        "locks": [{**lock._asdict(), "packages": [p._asdict() for p in lock.packages]} for lock in locks],
        "findings": [finding._asdict() for finding in found],
    }
    if old is not None:
        report["changes"] = changes_between(old, locks)
    if options.format == "json":
        sys.stdout.write(json.dumps(report, indent=2) + "\n")
    else:
        sys.stdout.write(_printable(_text(report, locks, found)))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
