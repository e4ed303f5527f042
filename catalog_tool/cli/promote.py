"""``catalog promote``: give a label to a version, in git, if its gate allows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from catalog_tool.cli.complete import labels, prompt_ids, versions
from catalog_tool.cli.context import answer, format_option, place_of, wants_color
from catalog_tool.cli.gate import EXIT_CODES
from catalog_tool.cli.label_moves import EVIDENCE_FROM, LabelDesk, desk_for, evidence_option, judging_by
from catalog_tool.cli.numbers import Share
from catalog_tool.clock import now
from catalog_tool.errors import CatalogError
from catalog_tool.gate.judge import Judgement, judge
from catalog_tool.gate.moves import Move, promoted
from catalog_tool.report.json_document import json_document
from catalog_tool.report.label_move import (
    DONE,
    PLANNED,
    UNCHANGED,
    edit_text,
    label_move_document,
    label_move_text,
)
from catalog_tool.source.registry_edit import RegistryEdit, sole_writer, with_label, write_registry
from catalog_tool.source.root import Place

EPILOG = """\b
Examples:
  catalog promote support_agent v3 --label staging
  catalog promote support_agent v3 --label production              the next step of its roll-out, else all of it
  catalog promote support_agent v3 --label canary --weight 5       five callers in a hundred
  catalog promote support_agent v3 --label production --dry-run    what the gate says, and what would change

Only the label's value changes in registry.yaml; comments and layout stay. Commit it: what is committed is
what `validate`, `plan` and `apply` judge again, by the same gate.
Commands at once lose no edit of each other: whoever comes to a label that moved since it was judged is refused.
Exit codes: 0 done, 1 the gate denies, 2 wrong usage, 3 the gate cannot decide, the label was moved meanwhile, or
the disk is full or fails. Nothing is written on 1, 2 and 3.
"""


@click.command("promote", epilog=EPILOG)
@click.argument("name", metavar="ID", shell_complete=prompt_ids)
@click.argument("version", metavar="VERSION", shell_complete=versions)
@click.option("--label", metavar="LABEL", required=True, shell_complete=labels, help="The label that is to move.")
@click.option("--weight", type=Share(), help="Its share in per cent (default: the next step).")
@evidence_option
@click.option("--dry-run", is_flag=True, help="Say what would happen; write nothing.")
@format_option("text", "json")
@click.pass_context
def command(ctx: click.Context, /, name: str, version: str, label: str, *, weight: float | None, **asked: Any) -> int:
    """Give a label to a version, in git, if its gate allows."""
    place = place_of(ctx)
    desk = desk_for(place, None, name, label, version)
    move = Move(name, label, desk.current, promoted(desk.current, version, weight, desk.policy))
    with judging_by(place, desk, asked[EVIDENCE_FROM]) as desk:
        judgements = list(judge(move, desk.policy, desk.sources, now())) if desk.policy is not None else []
    refused = next((judged.decision.status for judged in judgements if not judged.decision.allows), None)
    status = refused or move_label(place, desk, move, is_trial=asked["dry_run"])
    answer_move(ctx, desk, move, (status, judgements), asked["output"])
    return EXIT_CODES[refused] if refused is not None else 0


def move_label(place: Place, desk: LabelDesk, move: Move, *, is_trial: bool) -> str:
    """Write the move to the registry unless it is a trial; the status for the report."""
    if move.current is not None and move.current.to_json() == move.wanted.to_json():
        return UNCHANGED
    if is_trial:
        edit_of(desk, move)
        return PLANNED
    root = Path(place.root)
    with sole_writer(root, desk.registry):
        write_registry(root, edit_of(desk, move))
    return DONE


def edit_of(desk: LabelDesk, move: Move) -> RegistryEdit:
    """The registry as it is by now with the label moved; what moved beside it meanwhile stays.

    UsageError: that cannot be done. CatalogError: the label is not where it was when the move was judged.
    """
    edit = with_label(desk.registry, desk.registry_bytes(), move.prompt, move.label, move.wanted)
    if edit.was != move.current:
        raise CatalogError(
            f"{move.label} of {move.prompt} was moved meanwhile", hint="nothing was changed: run it again"
        )
    return edit


def answer_move(
    ctx: click.Context, desk: LabelDesk, move: Move, outcome: tuple[str, Sequence[Judgement]], output: str
) -> None:
    """The result: ``outcome`` is the status and what the gates said."""
    status, judgements = outcome
    if output == "json":
        answer(json_document(label_move_document(status, move, desk.registry, judgements)))
        return
    text = label_move_text(status, move, desk.registry, judgements, color=wants_color(ctx))
    changed = edit_text(edit_of(desk, move)) if status == PLANNED else ""
    answer(text + changed)
