"""``catalog rollback``: bring a label back to what it had before, in git."""

from __future__ import annotations

import click

from catalog_tool.cli.complete import labels, prompt_ids
from catalog_tool.cli.context import format_option, place_of
from catalog_tool.cli.label_moves import check_version, desk_for
from catalog_tool.cli.promote import answer_move, move_label
from catalog_tool.gate.moves import Move, rolled_back

EPILOG = """\b
Examples:
  catalog rollback support_agent --label production           the version before; of a split, its stable one
  catalog rollback support_agent --label production --to v2   another earlier one
  catalog rollback support_agent --label production --dry-run

What a label had before is read from git, and going back needs no evidence: a gate never stands in the way of
an older version that was live. Forward again is a promotion.
Exit codes: 0 done, 2 wrong usage or nothing to go back to, 3 git did not answer.
"""


@click.command("rollback", epilog=EPILOG)
@click.argument("name", metavar="ID", shell_complete=prompt_ids)
@click.option("--label", metavar="LABEL", required=True, shell_complete=labels, help="The label that is to move back.")
@click.option("--to", metavar="VERSION", help="An earlier version of this label (default: the one before).")
@click.option("--dry-run", is_flag=True, help="Say what would happen; write nothing.")
@format_option("text", "json")
@click.pass_context
def command(ctx: click.Context, /, name: str, label: str, *, to: str | None, dry_run: bool, output: str) -> int:
    """Bring a label back to what it had before, in git."""
    place = place_of(ctx)
    desk = desk_for(place, None, name, label, to)
    wanted = rolled_back(desk.current, desk.shelf.history(name), to, label)
    check_version(desk.catalog, name, wanted.stable)
    move = Move(name, label, desk.current, wanted)
    status = move_label(place, desk, move, is_trial=dry_run)
    answer_move(ctx, desk, move, (status, ()), output)
    return 0
