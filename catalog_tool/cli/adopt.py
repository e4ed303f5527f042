"""``catalog adopt``: mark as ours what a target holds already."""

from __future__ import annotations

from typing import Any

import click

from catalog_tool.cli.context import answer, format_option, wants_color
from catalog_tool.cli.syncing import git_side, lease_options, read_git_side, target_argument, working
from catalog_tool.errors import UsageError
from catalog_tool.report.json_document import json_document
from catalog_tool.report.sync_text import sync_text
from catalog_tool.sync.apply import adopt

EPILOG = """\b
Examples:
  catalog adopt production prompts/support_agent@v2 labels/support_agent@production

Only what equals git's content is adopted, and nothing but its marker is written. Where they differ:
`catalog pull` takes the target's side, `catalog sync --overwrite` git's.
Exit codes: 0 adopted, or ours already; 1 nothing was adopted; 2 wrong usage; 3 the target could not be read or written.
"""


@click.command("adopt", epilog=EPILOG)
@target_argument
@click.argument("objects", nargs=-1, required=True, metavar="OBJECT...")
@git_side
@lease_options
@format_option("text", "json")
@click.pass_context
def command(
    ctx: click.Context, /, target: str, objects: tuple[str, ...], output: str, *, worktree: bool, **asked: Any
) -> int:
    """Mark objects of a target as ours where they equal git's."""
    side = read_git_side(ctx, asked["revision"], worktree=worktree)
    if side.reading.errors:
        raise UsageError("the catalog has errors, so nothing can be compared", hint=side.look)
    with working(side, target, asked) as work:
        document = adopt(work.session, work.desired, objects).to_json()
    answer(json_document(document) if output == "json" else sync_text(document, color=wants_color(ctx)))
    return int(document["status"] not in ("unchanged", "done"))
