"""How often a repository's workflows look for drift."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog_tool.source.drift_schedule import DriftSchedule, drift_schedule, longest_pause

CALLER = """\
name: looks
on:
  workflow_dispatch:
  schedule:
    - cron: "{cron}"
jobs:
  look:
    uses: o/catalog/.github/workflows/catalog-drift.yml@0123
    with:
      targets: staging production
"""
PATH = ".github/workflows/looks.yml"


def write(top: Path, text: str, name: str = "looks.yml") -> None:
    folder = top / ".github" / "workflows"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)


@pytest.mark.parametrize(
    ("cron", "minutes"),
    [
        ("17 * * * *", 60), ("*/5 * * * *", 5), ("3-58/5 * * * *", 5), ("7,37 * * * *", 30), ("* * * * *", 1),
        ("17 6 * * *", 24 * 60), ("0 0,6 * * *", 18 * 60), ("1/20 * * * *", 20), ("0 */8 * * *", 480),
    ],
)  # fmt: skip
def test_the_longest_pause_of_a_day(cron: str, minutes: int) -> None:
    assert longest_pause(cron) == minutes * 60


@pytest.mark.parametrize(
    "cron", ["17 * * * 1-5", "0 0 1 * *", "17 * * *", "75 * * * *", "x * * * *", "*/0 * * * *", "5-1 * * * *", ""]
)
def test_what_is_not_of_every_day_has_no_number(cron: str) -> None:
    assert longest_pause(cron) is None


def test_the_schedule_of_the_workflow_that_looks(tmp_path: Path) -> None:
    assert drift_schedule(tmp_path, "production") is None
    write(tmp_path, CALLER.format(cron="17 * * * *"))
    assert drift_schedule(tmp_path, "production") == DriftSchedule(PATH, "17 * * * *", 3600)
    assert drift_schedule(tmp_path, "prod") is None, "it looks at other targets"
    every = "on:\n  schedule: [{cron: '*/10 * * * *'}]\njobs: {a: {run: catalog drift --format json}}"
    write(tmp_path, every, "b.yaml")
    for target in ("production", "prod"):
        assert drift_schedule(tmp_path, target) == DriftSchedule(".github/workflows/b.yaml", "*/10 * * * *", 600)


def test_a_comment_or_another_workflow_is_no_schedule(tmp_path: Path) -> None:
    caller = CALLER.format(cron="17 * * * *")
    write(tmp_path, caller.replace("  schedule", "  # schedule").replace("    - cron", "  #   - cron"))
    write(tmp_path, "on: {schedule: [{cron: '1 * * * *'}]}\njobs: {a: {run: catalog validate production}}", "c.yml")
    (tmp_path / ".github" / "workflows" / "d.yml").symlink_to(tmp_path / ".github" / "workflows" / "e.txt")
    write(tmp_path, caller, "e.txt")
    write(tmp_path, caller + " " * (1 << 20), "f.yml")
    assert drift_schedule(tmp_path, "production") is None
