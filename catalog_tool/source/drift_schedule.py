"""How often a repository's own workflows look for drift on a target: the ``cron`` of the file that does.

Read as text, not as YAML: a workflow may hold what our strict reader refuses, and a schedule that is not
found is told as such. Schedules that live elsewhere (GitLab keeps them in the project) cannot be seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

WORKFLOWS = ".github/workflows"
FILE_BYTES = 1024 * 1024
FILES = 200
"""How many workflows are looked at."""
_DAY = 24 * 60
_CRON = re.compile(r"""\bcron:\s*["']?([0-9*][0-9A-Za-z*,/ -]{6,80})""", re.ASCII)
_LOOKS = re.compile(r"\bcatalog-drift\.ya?ml@|\bcatalog drift\b", re.ASCII)
_ALL = re.compile(r"\bcatalog drift(?=\s*$|\s+-|\s*[|;&>])", re.ASCII | re.MULTILINE)
_FIELD = re.compile(r"(\*|[0-9]{1,2}(?:-[0-9]{1,2})?)(?:/([0-9]{1,2}))?", re.ASCII)


class DriftSchedule(NamedTuple):
    """A workflow's path in the repository, its ``cron``, and the longest pause in seconds where that is known."""

    path: str
    cron: str
    seconds: int | None


def drift_schedule(top: Path, target: str) -> DriftSchedule | None:
    """The most frequent schedule on which a workflow below ``top`` looks at a target; None where there is none."""
    found = [schedule for path in _files(top) for schedule in _schedules(path, target)]
    return min(found, key=lambda one: (one.seconds is None, one.seconds or 0, one.path), default=None)


def _files(top: Path) -> list[Path]:
    try:
        found = sorted((top / WORKFLOWS).iterdir())
    except OSError:
        return []
    return [path for path in found if path.suffix in (".yml", ".yaml") and not path.is_symlink()][:FILES]


def _schedules(path: Path, target: str) -> Iterator[DriftSchedule]:
    try:
        if not path.is_file() or path.stat().st_size > FILE_BYTES:
            return
        lines = path.read_text("utf-8", "replace").splitlines()
    except OSError:
        return
    text = "\n".join(line for line in lines if not line.lstrip().startswith("#"))
    named = re.search(rf"(?<![\w.-]){re.escape(target)}(?![\w.-])", text) is not None
    if _LOOKS.search(text) and (named or _ALL.search(text)):
        for cron in _CRON.findall(text):
            yield DriftSchedule(f"{WORKFLOWS}/{path.name}", cron.strip(), longest_pause(cron))


def longest_pause(cron: str) -> int | None:
    """The longest time in seconds between two runs of a ``cron`` that runs every day; None for any other."""
    fields = cron.split()
    if len(fields) != 5 or any(field != "*" for field in fields[2:]):
        return None
    minutes, hours = _numbers(fields[0], 60), _numbers(fields[1], 24)
    times = sorted(hour * 60 + minute for hour in hours for minute in minutes)
    if not times:
        return None
    return 60 * max(after - before for before, after in zip(times, [*times[1:], times[0] + _DAY], strict=True))


def _numbers(field: str, end: int) -> set[int]:
    """The values that one field names; none for one that cannot be read."""
    found: set[int] = set()
    for part in field.split(","):
        match = _FIELD.fullmatch(part)
        if match is None:
            return set()
        first, _, last = match[1].partition("-")
        start = 0 if first == "*" else int(first)
        stop = end - 1 if first == "*" or (match[2] and not last) else int(last or first)
        step = int(match[2] or 1)
        if not step or stop >= end:
            return set()
        found.update(range(start, stop + 1, step))
    return found
