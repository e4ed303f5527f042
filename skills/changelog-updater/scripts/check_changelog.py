#!/usr/bin/env python3
"""Checks the form of a changelog in the Keep a Changelog style.

    check_changelog.py [--release VERSION] [FILE]

FILE defaults to CHANGELOG.md. With --release the newest section must be VERSION, dated, and
Unreleased must be empty or absent.
Exit 0: in order. 1: problems, one a line. 2: wrong usage, or the file cannot be read.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import NamedTuple

KINDS = ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security")
SECTION = re.compile(r"## +\[?([^\]\s]+)\]?(?: +- +(\S+))?(?: +\[YANKED\])? *")
SEMVER = re.compile(r"(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?")
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
LINK = re.compile(r"\[([^\]]+)\]: +\S+")


Rank = tuple[tuple[int, ...], bool, tuple[tuple[bool, int, str], ...]]
"""The order of semantic versions: numbers, a release above its previews, then the preview's parts."""


class Problem(NamedTuple):
    """One thing out of order; ``line`` counts from 1."""

    line: int
    message: str


class Section(NamedTuple):
    """One version: where it begins, its name, its date as written, its lines with their numbers."""

    line: int
    name: str
    day: str
    body: list[tuple[int, str]]


def sections(lines: Sequence[str]) -> tuple[list[Section], list[Problem]]:
    """The file cut at its second-level headings; code fences hold no headings."""
    found: list[Section] = []
    problems: list[Problem] = []
    fenced = False
    for number, line in enumerate(lines, 1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        if line.startswith("## ") and not fenced:
            match = SECTION.fullmatch(line)
            if match is None:
                problems.append(Problem(number, f"not a version heading: {line!r}"))
            else:
                found.append(Section(number, match[1], match[2] or "", []))
        elif found:
            found[-1].body.append((number, line))
    return found, problems


def _rank(name: str) -> Rank | None:
    match = SEMVER.fullmatch(name)
    if match is None:
        return None
    pre = tuple((not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in (match[4] or "").split("."))
    return (int(match[1]), int(match[2]), int(match[3])), match[4] is None, pre


def check_headings(found: Sequence[Section]) -> Iterator[Problem]:
    """Unreleased first and once, versions falling, dates real and not rising."""
    seen: set[str] = set()
    ranks: list[Rank] = []
    days: list[date] = []
    for place, section in enumerate(found):
        if section.name in seen:
            yield Problem(section.line, f"{section.name} occurs twice")
        seen.add(section.name)
        if section.name.lower() == "unreleased":
            if place:
                yield Problem(section.line, "Unreleased belongs above every version")
            continue
        rank = _rank(section.name)
        if rank is None:
            yield Problem(section.line, f"{section.name} is not a semantic version")
        elif ranks and rank >= ranks[-1]:
            yield Problem(section.line, f"{section.name} stands below an older version or an equal one")
        ranks += [rank] if rank else []
        try:
            if DAY.fullmatch(section.day) is None:  # fromisoformat knows other spellings, too
                raise ValueError
            day = date.fromisoformat(section.day)
        except ValueError:
            yield Problem(section.line, f"{section.name} needs a date as YYYY-MM-DD, found {section.day!r}")
            continue
        if days and day > days[-1]:
            yield Problem(section.line, f"{section.name} is dated after the version above it")
        days.append(day)


def check_body(section: Section) -> Iterator[Problem]:
    """Entries stand in lists under known kinds, each kind once and not empty."""
    kind, start, entries = "", 0, 0
    seen: set[str] = set()
    for number, line in [*section.body, (0, "### ")]:
        if line.startswith("### "):
            if kind and not entries:
                yield Problem(start, f"{kind} in {section.name} is empty")
            kind, start, entries = line[4:].strip(), number, 0
            if kind and kind not in KINDS:
                yield Problem(number, f"unknown kind {kind!r}; known: {', '.join(KINDS)}")
            if kind in seen:
                yield Problem(number, f"{kind} occurs twice in {section.name}")
            seen.add(kind)
        elif line.startswith(("- ", "* ")):
            entries += 1
            if not kind:
                yield Problem(number, f"an entry of {section.name} stands outside any kind")


def check_links(lines: Sequence[str], found: Sequence[Section]) -> Iterator[Problem]:
    """Where one bracketed version has a link, every bracketed version has one."""
    linked = {match[1] for line in lines if (match := LINK.match(line))}
    bracketed = [s for s in found if lines[s.line - 1].startswith(f"## [{s.name}]")]
    if any(section.name in linked for section in bracketed):
        for section in bracketed:
            if section.name not in linked:
                yield Problem(section.line, f"{section.name} has no link at the end of the file")


def check_release(found: Sequence[Section], version: str) -> Iterator[Problem]:
    """What must hold in the commit that is released."""
    rest = list(found)
    if rest and rest[0].name.lower() == "unreleased":
        first = rest.pop(0)
        if any(line.startswith(("- ", "* ")) for _, line in first.body):
            yield Problem(first.line, f"Unreleased still holds entries that {version} should carry")
    if not rest or rest[0].name != version:
        newest = rest[0].name if rest else "nothing"
        yield Problem(rest[0].line if rest else 1, f"the newest section is {newest}, not {version}")


def check(text: str, release: str | None) -> list[Problem]:
    """Every problem of one changelog, in the order of lines."""
    lines = text.splitlines()
    found, problems = sections(lines)
    if not found:
        problems.append(Problem(1, "no version sections"))
    problems += check_headings(found)
    problems += [problem for section in found for problem in check_body(section)]
    problems += check_links(lines, found)
    if release is not None:
        problems += check_release(found, release)
    return sorted(problems)


def main(argv: Sequence[str]) -> int:
    """Prints the problems; returns the exit code."""
    parser = argparse.ArgumentParser(description="Check the form of a changelog.")
    parser.add_argument("file", nargs="?", type=Path, default=Path("CHANGELOG.md"), metavar="FILE")
    parser.add_argument("--release", metavar="VERSION", help="check the commit that releases VERSION")
    options = parser.parse_args(argv)
    try:
        text = options.file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        sys.stderr.write(f"check_changelog: {options.file}: {error}\n")
        return 2
    problems = check(text, options.release)
    sys.stdout.writelines(f"{options.file}:{one.line}: {one.message}\n" for one in problems)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
