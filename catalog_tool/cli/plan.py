"""``catalog plan``: what a sync would write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from catalog_tool.cli.context import answer, format_option, tell, wants_color
from catalog_tool.cli.sync import refused_document
from catalog_tool.cli.syncing import (
    git_side,
    plan_options,
    read_git_side,
    read_options,
    refuse_unknown,
    target_argument,
    tell_errors,
    working,
)
from catalog_tool.clock import now
from catalog_tool.report.json_document import json_document
from catalog_tool.report.sync_text import sync_text
from catalog_tool.source.new_files import put, unwritten
from catalog_tool.sync.apply import plan_target
from catalog_tool.sync.plan_file import plan_document

EPILOG = """\b
Examples:
  catalog plan production                       what git would change there
  catalog plan production --out plan.json       for review; `catalog apply production --plan plan.json`
  catalog plan staging --only support_agent     one prompt with its labels
  catalog plan production --exit-code           exit 1 if there is anything to do

Nothing is written. Exit codes: 0 planned or nothing to do, 1 blocked, superseded, a label held back by its
gate or (with --exit-code) work to do, 2 wrong usage, 3 the target could not be read.
"""


@click.command("plan", epilog=EPILOG)
@target_argument
@git_side
@plan_options
@click.option("--out", metavar="FILE", help="Write the plan to FILE, for `catalog apply`.")
@click.option("--exit-code", is_flag=True, help="Exit 1 where there is anything to do.")
@format_option("text", "json")
@click.pass_context
def command(ctx: click.Context, /, target: str, output: str, *, exit_code: bool, worktree: bool, **asked: Any) -> int:
    """What a sync would write to a target."""
    options = read_options(asked)
    side = read_git_side(ctx, asked["revision"], worktree=worktree)
    if side.reading.errors:
        tell_errors(ctx, side)
        document = refused_document(target, side)
        answer(json_document(document) if output == "json" else sync_text(document, color=wants_color(ctx)))
        return 1
    with working(side, target) as work:
        refuse_unknown(work, options)
        result = plan_target(work.session, work.desired, options)
    document = result.to_json()
    if asked["out"] is not None:
        _save(Path(asked["out"]), plan_document(result.plan, now()))
        tell(f"the plan is in {asked['out']}")
    answer(json_document(document) if output == "json" else sync_text(document, color=wants_color(ctx)))
    if result.status in ("blocked", "superseded") or result.plan.gated:
        return 1
    return int(exit_code and result.status != "unchanged")


def _save(path: Path, document: dict[str, Any]) -> None:
    try:
        put(path, json_document(document).encode())
    except OSError as error:
        raise unwritten(f"--out {path}", error) from error
