"""``catalog rollback``: bring a label back to what it had before, in git, or on a target first."""

from __future__ import annotations

import click

from catalog_tool.cli.complete import labels, prompt_ids, targets
from catalog_tool.cli.context import answer, format_option, place_of
from catalog_tool.cli.label_moves import check_version, desk_for
from catalog_tool.cli.live_rollback import LiveOrder, git_of, roll_back_live
from catalog_tool.cli.promote import answer_move, move_label
from catalog_tool.errors import UsageError
from catalog_tool.gate.moves import Move, rolled_back
from catalog_tool.report.json_document import json_document
from catalog_tool.report.label_move import live_document, live_text
from catalog_tool.source.resolve import near_label
from catalog_tool.source.root import Place

EPILOG = """\b
Examples:
  catalog rollback support_agent --label production           the version before; of a split, its stable one
  catalog rollback support_agent --label production --to v2   another earlier one
  catalog rollback support_agent --label production --dry-run
  catalog rollback support_agent --label production --live prod --reason 'refunds are refused'

What a label had before is read from git, and going back needs no evidence: a gate never stands in the way of
a version that was live before. What was rolled back stays closed until it is promoted again.
With --live the target's label moves first, within seconds. The target remembers who did it and why, `drift`
says `override` instead of drift, and a branch holds the commit that brings git along: push and merge it.
Exit codes: 0 done, 2 wrong usage or nothing to go back to, 3 the target or git did not answer, or the label was
moved meanwhile.
"""


@click.command("rollback", epilog=EPILOG)
@click.argument("name", metavar="ID", shell_complete=prompt_ids)
@click.option("--label", metavar="LABEL", required=True, shell_complete=labels, help="The label that is to move back.")
@click.option("--to", metavar="VERSION", help="An earlier version of this label (default: the one before).")
@click.option(
    "--live", "target", metavar="TARGET", shell_complete=targets,
    help="Move it on this target first, and commit on a branch.",
)  # fmt: skip
@click.option("--reason", metavar="TEXT", help="Why, for the audit trail and the commit (with --live).")
@click.option("--branch", metavar="B", help="The branch to write.  [default: catalog/rollback/ID@LABEL]")
@click.option("--rev", "revision", metavar="REV", help="Build on this git revision instead of HEAD (with --live).")
@click.option("--dry-run", is_flag=True, help="Say what would happen; write nothing.")
@format_option("text", "json")
@click.pass_context
def command(
    ctx: click.Context, /, name: str, label: str, *, to: str | None, dry_run: bool, output: str, **live: str | None
) -> int:
    """Bring a label back to what it had before, in git or live."""
    place = place_of(ctx)
    target = live["target"]
    if target is not None:
        usual = LiveOrder(target)
        order = LiveOrder(target, to, live["reason"] or usual.reason, live["branch"], dry_run)
        answer(_rolled_back_live(place, (name, label, live["revision"]), order, output))
        return 0
    if any(live.values()):
        raise UsageError("--reason, --branch and --rev are for --live TARGET", hint="commit a rollback in git yourself")
    desk = desk_for(place, None, name, label, to)
    if desk.current is None:
        raise UsageError(
            f"there is no label {label} of {name} to roll back", hint=near_label(desk.catalog.files, name, label)
        )
    wanted = rolled_back(desk.current, desk.shelf, (name, label), to)
    check_version(desk.catalog, name, wanted.stable)
    move = Move(name, label, desk.current, wanted)
    status = move_label(place, desk, move, is_trial=dry_run)
    answer_move(ctx, desk, move, (status, ()), output)
    return 0


def _rolled_back_live(place: Place, what: tuple[str, str, str | None], order: LiveOrder, output: str) -> str:
    name, label, revision = what
    git_of(place)
    desk = desk_for(place, revision or "HEAD", name, label, order.to)
    done = roll_back_live(place, desk, order)
    move = Move(name, label, done.before, done.wanted)
    if output == "json":
        return json_document(live_document(move, desk.registry, done.to_json()))
    return live_text(move, done.to_json())
