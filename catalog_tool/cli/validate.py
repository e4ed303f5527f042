"""``catalog validate``: all findings, never just the first."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import click

from catalog_tool.cli.context import (
    answer,
    format_option,
    inner_paths,
    lazily,
    place_of,
    report_context,
    rev_option,
)
from catalog_tool.cli.progress import progress
from catalog_tool.model.finding import Finding
from catalog_tool.model.settings import PROFILES
from catalog_tool.model.validation import Validation
from catalog_tool.report.formats import findings_report
from catalog_tool.source.root import Place

EPILOG = """\b
Examples:
  catalog validate                         everything, as it is on disk
  catalog validate prompts/support_agent   only what is wrong below a path
  catalog validate --rev v1.4.0            what was committed
  catalog validate --strict --format sarif > findings.sarif

Exit codes: 0 no errors, 1 errors (with --strict: or warnings), 2 wrong usage, 3 could not look.
`catalog schema --codes` explains every code.
"""


@click.command("validate", epilog=EPILOG)
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@rev_option
@click.option("--since", metavar="REV", help="Compare released versions with REV (default: the merge base).")
@click.option(
    "--profile", type=click.Choice(PROFILES), help="Check skills under this profile (default: the settings')."
)
@click.option(
    "--evidence-from",
    metavar="TARGET",
    shell_complete=lambda *typed: lazily("cli.complete:targets")(*typed),
    help="Gates judge by the evidence on this target too.",
)
@click.option("--strict", is_flag=True, help="Warnings count as errors.")
@click.option(
    "--jobs",
    type=click.IntRange(0, 64),
    default=1,
    show_default=True,
    help="Processes; 0: one for each core.",
)
@format_option("text", "json", "github", "sarif", "junit", "gitlab", open_to_more=True)
@click.pass_context
def command(
    ctx: click.Context, /, paths: tuple[str, ...], output: str, jobs: int, *, strict: bool, **asked: object
) -> int:
    """Find everything that is wrong, with file, line and column."""
    place = place_of(ctx)
    report = findings_report(output)
    wanted = inner_paths(place, paths)
    processes = jobs or os.cpu_count() or 1
    with _beside(place, asked.pop("evidence_from")) as beside:
        validate = lazily("checks.recall:validate")
        result: Validation = validate(place, **asked, jobs=processes, progress=progress("checking"), beside=beside)
    if wanted:
        result = result._replace(findings=[found for found in result.findings if _below(found, wanted)])
    context = report_context(ctx, place, strict=strict)
    answer(report.render(result.findings, result.summary(), context), has_commands=output == "github")
    return int(result.is_invalid(strict=strict))


def _beside(place: Place, target: object) -> AbstractContextManager[Any]:
    """What adds a target's evidence to the gates' own, None without one; little is loaded then."""
    return lazily("cli.evidence_store:adding_evidence")(place, target) if target is not None else nullcontext()


def _below(found: Finding, wanted: list[str]) -> bool:
    path = found.path
    return path is not None and any(place == "." or path == place or path.startswith(f"{place}/") for place in wanted)
