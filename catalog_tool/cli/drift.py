"""``catalog drift``: is each target what was last applied to it, and does it keep up with git?"""

from __future__ import annotations

import re
from typing import Any

import click

from catalog_tool.cli import complete
from catalog_tool.cli.context import answer, format_option, tell, wants_color
from catalog_tool.cli.side_by_side import look_at_each
from catalog_tool.cli.syncing import git_side, read_git_side, tell_errors, told_beside_others, unforeseen, working
from catalog_tool.clock import now
from catalog_tool.errors import CatalogError, UsageError
from catalog_tool.report.drift_metrics import drift_metrics
from catalog_tool.report.drift_text import drift_markdown, drift_text
from catalog_tool.report.escape import for_terminal
from catalog_tool.report.json_document import json_document
from catalog_tool.sync.drift import UNKNOWN, TargetDrift, look_for_drift, worst
from catalog_tool.sync.since import WantedSince
from catalog_tool.sync.targets import target_names

EPILOG = """\b
Examples:
  catalog drift                             every target
  catalog drift production --max-lag 2h
  catalog drift --format markdown           the body of an issue
  catalog drift --format metrics            for Prometheus' textfile collector

Drift: somebody changed the target. Behind: nobody did, but git has been ahead of it for too long.
Exit codes: 0 in sync, 1 drift or behind, 2 wrong usage, 3 a target could not be looked at.
"""
EXIT_CODES = {"in_sync": 0, "drift": 1, "behind": 1, "unknown": 3}
_DURATION = re.compile(r"([0-9]{1,9})([smhdw])", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


@click.command("drift", epilog=EPILOG)
@click.argument("targets", nargs=-1, metavar="[TARGET]...", shell_complete=complete.targets)
@git_side
@click.option(
    "--max-lag",
    default="30m",
    show_default=True,
    metavar="DURATION",
    help="How long a target may be behind: 90s, 30m, 2h.",
)
@format_option("text", "json", "markdown", "metrics")
@click.pass_context
def command(
    ctx: click.Context, /, targets: tuple[str, ...], output: str, *, worktree: bool, max_lag: str, **asked: Any
) -> int:
    """Whether somebody changed a target, or git is ahead of it."""
    seconds = duration_seconds("--max-lag", max_lag)
    found = look_at(ctx, targets, asked["revision"], worktree=worktree, max_lag_seconds=seconds)
    messages = {name: drift.message for name, drift in found.items() if drift.message is not None}
    document = {
        "format": 1,
        "status": worst([drift.status for drift in found.values()]),
        "targets": {name: drift.to_json() for name, drift in found.items()},
    }
    if output == "json":
        answer(json_document(document))
    elif output == "metrics":
        answer(drift_metrics(found, now()))
    elif output == "markdown":
        answer(drift_markdown(document, messages))
    else:
        answer(drift_text(document, messages, color=wants_color(ctx)))
    if output != "text":
        for name, message in messages.items():
            tell(f"{for_terminal(name)}: {for_terminal(message)}")
    return EXIT_CODES[str(document["status"])]


def look_at(
    ctx: click.Context, targets: tuple[str, ...], revision: str | None, *, worktree: bool, max_lag_seconds: int
) -> dict[str, TargetDrift]:
    """Every chosen target's drift; one that cannot be opened is ``unknown``, and the others are still looked at."""
    side = read_git_side(ctx, revision, worktree=worktree)
    names = list(dict.fromkeys(targets)) or target_names(side.settings)
    if side.reading.errors:
        tell_errors(ctx, side)
        message = f"the catalog has errors, so what git says is not known: {side.look}"
        return {name: TargetDrift(status=UNKNOWN, counts={}, message=message) for name in names}
    since = WantedSince(side.place.git, side.reading)

    def look(name: str) -> TargetDrift:
        try:
            with working(side, name) as work:
                return look_for_drift(work.session, work.desired, since, max_lag_seconds)
        except CatalogError as error:
            message = told_beside_others(side, names, name, error)
        except Exception as error:  # noqa: BLE001 - the boundary of one target: the others are told
            message = unforeseen(error, debug=ctx.obj["debug"])
        return TargetDrift(status=UNKNOWN, counts={}, message=message)

    return look_at_each(side, names, look)


def duration_seconds(option: str, text: str) -> int:
    """``30m`` → 1800. Raises ``UsageError``."""
    found = _DURATION.fullmatch(text)
    if found is None:
        raise UsageError(f"{option} {text}: write a number and s, m, h, d or w, for example 30m")
    return int(found[1]) * _SECONDS[found[2]]
