"""``catalog apply``: the plan that was reviewed, or nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from catalog_tool.cli.context import answer, format_option, wants_color
from catalog_tool.cli.sync import INTERRUPTED, refused_document
from catalog_tool.cli.syncing import (
    git_side,
    lease_options,
    read_git_side,
    target_argument,
    tell_errors,
    working,
)
from catalog_tool.errors import UsageError
from catalog_tool.report.json_document import json_document
from catalog_tool.report.sync_text import sync_text
from catalog_tool.sync.apply import apply_plan
from catalog_tool.sync.plan_file import read_plan

EPILOG = """\b
Examples:
  catalog plan production --out plan.json
  catalog apply production --plan plan.json

The plan is made anew from git and from the target. Where it is not the one in the file, because either
changed since, nothing is written and the answer is `stale`.
Exit codes: 0 done; 1 stale, blocked, superseded or partial; 2 wrong usage; 3 the target could not be
read or written; 130 interrupted.
"""


@click.command("apply", epilog=EPILOG)
@target_argument
@git_side
@lease_options
@click.option("--plan", "file", metavar="FILE", required=True, help="The plan to apply.")
@format_option("text", "json")
@click.pass_context
def command(ctx: click.Context, /, target: str, output: str, file: str, *, worktree: bool, **asked: Any) -> int:
    """Apply a plan that was reviewed, exactly."""
    saved = read_plan(Path(file))
    if saved.target != target:
        raise UsageError(f"{file} is a plan for the target {saved.target!r}, not for {target!r}")
    side = read_git_side(ctx, asked["revision"], worktree=worktree)
    if side.reading.errors:
        tell_errors(ctx, side)
        document = refused_document(target, side)
        stopped = False
    else:
        with working(side, target, asked) as work:
            document = apply_plan(work.session, work.desired, saved).to_json()
            stopped = work.session.stopped()
    answer(json_document(document) if output == "json" else sync_text(document, color=wants_color(ctx)))
    if stopped and document["status"] == "partial":
        return INTERRUPTED
    return int(document["status"] not in ("unchanged", "done"))
