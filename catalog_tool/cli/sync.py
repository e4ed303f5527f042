"""``catalog sync``: plan and apply within the safety limits."""

from __future__ import annotations

from typing import Any

import click

from catalog_tool.cli.context import answer, format_option, tell, wants_color
from catalog_tool.cli.syncing import (
    GitSide,
    git_side,
    lease_options,
    plan_options,
    read_git_side,
    read_options,
    refuse_unknown,
    target_argument,
    tell_errors,
    working,
)
from catalog_tool.report.escape import for_terminal
from catalog_tool.report.json_document import json_document
from catalog_tool.report.sync_text import sync_text
from catalog_tool.sync.apply import sync_target
from catalog_tool.sync.plan import SUMMARY
from catalog_tool.sync.restored import check_renewable, renewed

EPILOG = """\b
Examples:
  catalog sync staging
  catalog sync production --expect sha256:3f9a…           only the plan that was reviewed
  catalog sync production --overwrite 'labels/support_agent@production=v3'
  catalog sync production --prune --allow deletes=7
  catalog sync production --restored                      after its store came from a backup

What was edited on the target is never overwritten unless --overwrite names it and what was seen there.
Skills on a langfuse target are experimental: its API for them is unstable, and many servers lack it.
Exit codes: 0 done or nothing to do; 1 partial, blocked, stale or superseded; 2 wrong usage; 3 the target
could not be read or written; 130 interrupted.
"""
INTERRUPTED = 130


@click.command("sync", epilog=EPILOG)
@target_argument
@git_side
@plan_options
@lease_options
@click.option("--expect", metavar="PLAN_DIGEST", help="Apply only the plan with this digest.")
@click.option("--restored", is_flag=True, help="The store was set back, by a backup say: clients that saw it go on.")
@format_option("text", "json")
@click.pass_context
def command(ctx: click.Context, /, target: str, output: str, *, worktree: bool, restored: bool, **asked: Any) -> int:
    """Make a target what git says."""
    options = read_options(asked)
    side = read_git_side(ctx, asked["revision"], worktree=worktree)
    if side.reading.errors:
        tell_errors(ctx, side)
        document = refused_document(target, side)
        stopped = False
    else:
        with working(side, target, asked) as work:
            refuse_unknown(work, options)
            if restored:
                check_renewable(work.session)
            result = sync_target(work.session, work.desired, options, asked["expect"])
            if restored and renewed(work.session, result):
                tell(f"{for_terminal(target)} has another store_id: clients take what it holds now")
            document = result.to_json()
            stopped = work.session.stopped()
    answer(json_document(document) if output == "json" else sync_text(document, color=wants_color(ctx)))
    if stopped and document["status"] == "partial":
        return INTERRUPTED
    return int(document["status"] not in ("unchanged", "done"))


def refused_document(target: str, side: GitSide) -> dict[str, Any]:
    """The document of a catalog that has errors: nothing of it may go anywhere."""
    errors = len(side.reading.errors)
    what = f"{errors} error{'s' if errors != 1 else ''}"
    return {
        "format": 1,
        "status": "blocked",
        "target": target,
        "bundle": None,
        "plan_digest": None,
        "summary": dict.fromkeys(SUMMARY, 0),
        "actions": [],
        "blocked": [{"reason": f"the catalog has {what}: {side.look}", "allow": None}],
    }
