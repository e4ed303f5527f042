"""The rows of a comparison as people read it: a comparison that says the same as another one is not repeated."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from catalog_tool.diff.changes import HIGHEST, LABEL, SKILL, TEST, Change, Detail, DiffResult
from catalog_tool.diff.evidence import is_about_evidence
from catalog_tool.report.findings_text import counted

_SHARED = "_shared/"


class Row(NamedTuple):
    """A change, and other old versions against which the new one is just as different."""

    change: Change
    same: tuple[Change, ...] = ()

    def seen_from(self) -> str:
        """The labels whose callers this change is about, where that is not what anybody would look at first."""
        return "" if HIGHEST in self.change.against else ", ".join(_labels(self.change))

    def against(self) -> list[str]:
        """What the old versions are to the new one: a sentence each; empty where nothing is worth saying."""
        said = [f"{_points(self.change)} to {self.change.before}"] if _labels(self.change) else []
        return said + [f"the same against {other.before}, to which {_points(other)}" for other in self.same]


class Rows(NamedTuple):
    """A comparison by what a reader does with it: judge the changes, plan the rollout, question tests and evidence."""

    artifacts: list[Row]
    labels: list[Change]
    tests: list[Change]
    evidence: list[Change]
    shared: list[Change]


def rows_of(result: DiffResult) -> Rows:
    """The changes, riskiest first, sorted by kind; shared parts that break nothing themselves stand apart."""
    plain = [change for change in result.changes if change.kind not in (LABEL, TEST)]
    shared = [change for change in plain if change.artifact.startswith(_SHARED) and change.contract == "none"]
    return Rows(
        list(_grouped(change for change in plain if change not in shared)),
        [change for change in result.changes if change.kind == LABEL],
        [change for change in result.changes if change.kind == TEST and not is_about_evidence(change)],
        [change for change in result.changes if is_about_evidence(change)],
        shared,
    )


def _grouped(changes: Iterable[Change]) -> Iterator[Row]:
    found: dict[tuple[Any, ...], list[Change]] = {}
    for change in changes:
        said = tuple(map(_said, change.details))
        own = () if change.against else (str(change.before),)
        found.setdefault((change.artifact, change.kind, change.op, change.after, said, *own), []).append(change)
    for group in found.values():
        first = next((change for change in group if HIGHEST in change.against), group[0])
        yield Row(first, tuple(change for change in group if change is not first))


def _said(item: Detail) -> tuple[Any, ...]:
    """All that a reader could see of a detail: a sentence may be the same of two texts that are not."""
    values = json.dumps([item.before, item.after], sort_keys=True)
    return item.rule, item.path, item.message, item.contract, item.behaviour, values, item.text


def _labels(change: Change) -> list[str]:
    return [name for name in change.against if name != HIGHEST]


def _points(change: Change) -> str:
    names = _labels(change)
    return f"{', '.join(names)} {'points' if len(names) == 1 else 'point'}"


def counts(rows: Rows) -> str:
    """``1 prompt, 2 skills, 1 label``: how much there is to look at."""
    artifacts = {(row.change.kind, row.change.artifact) for row in rows.artifacts}
    skills = sum(kind == SKILL for kind, _ in artifacts)
    shared = sum(name.startswith(_SHARED) for _, name in artifacts)
    numbers = (
        (len(artifacts) - skills - shared, "prompt"),
        (skills, "skill"),
        (len(rows.labels), "label"),
        (len(rows.shared) + shared, "shared part"),
    )
    return ", ".join(counted(number, what) for number, what in numbers if number)
