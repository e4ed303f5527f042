"""``catalog status``: what each target is, holds and was last given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from catalog_tool.cli import complete
from catalog_tool.cli.context import answer, format_option, wants_color
from catalog_tool.cli.side_by_side import look_at_each
from catalog_tool.cli.syncing import (
    GitSide,
    git_side,
    read_git_side,
    tell_errors,
    told_beside_others,
    unforeseen,
    working,
)
from catalog_tool.errors import CatalogError
from catalog_tool.report.json_document import json_document
from catalog_tool.report.status_text import status_text
from catalog_tool.source.drift_schedule import drift_schedule
from catalog_tool.sync.status import TargetStatus, target_status
from catalog_tool.sync.targets import target_names

EPILOG = """\b
Examples:
  catalog status
  catalog status production --format json
  catalog status production --moved                       its server has another address now

Exit codes: 0 all were read, 2 wrong usage, 3 a target could not be read. Whether a target drifted is
what `catalog drift` answers.
"""


@click.command("status", epilog=EPILOG)
@click.argument("targets", nargs=-1, metavar="[TARGET]...", shell_complete=complete.targets)
@git_side
@click.option(
    "--moved", is_flag=True, help="The targets' servers have new addresses: send the known credentials there."
)
@format_option("text", "json")
@click.pass_context
def command(ctx: click.Context, /, targets: tuple[str, ...], output: str, *, worktree: bool, **asked: Any) -> int:
    """What each target is, holds and was last given."""
    side = read_git_side(ctx, asked["revision"], worktree=worktree)
    names = list(dict.fromkeys(targets)) or target_names(side.settings)
    if side.reading.errors:
        tell_errors(ctx, side)
    asked["debug"] = ctx.obj["debug"]
    looked = look_at_each(side, names, lambda name: _status(side, names, name, asked), moved=asked["moved"])
    found = {name: status.to_json() for name, status in looked.items()}
    unknown = any(item["status"] == "unknown" for item in found.values())
    document = {"format": 1, "status": "unknown" if unknown else "ok", "targets": found}
    answer(json_document(document) if output == "json" else status_text(document, color=wants_color(ctx)))
    return 3 if unknown else 0


def _status(side: GitSide, names: Sequence[str], name: str, how: Mapping[str, Any]) -> TargetStatus:
    edits = str(side.settings.targets.get(name, {}).get("edits", "report"))
    try:
        with working(side, name, how) as work:
            top = side.place.git.top if side.place.git is not None else side.place.root
            found = target_status(work.session, work.desired, edits, drift_schedule(Path(top), name))
            # What git wants is not known where it has errors: nothing can be counted against it.
            return replace(found, counts=None, unfit={}) if side.reading.errors else found
    except CatalogError as error:
        message = told_beside_others(side, names, name, error)
    except Exception as error:  # noqa: BLE001 - the boundary of one target: the others are told
        message = unforeseen(error, debug=how["debug"])
    backend = str(side.settings.targets[name]["backend"])
    return TargetStatus(place="", backend=backend, edits=edits, blocks_edits="", message=message)
