"""``catalog build``: the content-hashed bundle and the skill catalog."""

from __future__ import annotations

import os
from pathlib import Path

import click

from catalog_tool.checks.build import BuildRequest, BuildResult, build
from catalog_tool.cli.context import answer, format_option, place_of, report_context, rev_option, tell
from catalog_tool.cli.progress import progress
from catalog_tool.model.validation import Validation
from catalog_tool.report.escape import for_terminal
from catalog_tool.report.findings_json import findings_value
from catalog_tool.report.findings_text import checked, counted
from catalog_tool.report.formats import findings_report
from catalog_tool.report.json_document import json_document
from catalog_tool.source.root import Place

EPILOG = """\b
Examples:
  catalog build                              into dist/
  catalog build --rev v1.4.0 --out release   what was committed, byte for byte the same anywhere
  catalog build --check                      exit 1 if dist/ is not what would be built

An output folder is replaced as a whole: a crash leaves the old or the new files, never a mix.
Exit codes: 0 built, 1 errors (nothing is written) or --check differs, 2 wrong usage, 3 could not look.
"""


@click.command("build", epilog=EPILOG)
@rev_option
@click.option(
    "--out",
    metavar="DIR",
    default="dist",
    show_default=True,
    help="Output folder, relative to where you are.",
)
@click.option("--check", is_flag=True, help="Write nothing; exit 1 if DIR is not what would be built.")
@click.option(
    "--jobs",
    type=click.IntRange(0, 64),
    default=1,
    show_default=True,
    help="Processes; 0: one for each core.",
)
@format_option("text", "json")
@click.pass_context
def command(ctx: click.Context, /, revision: str | None, out: str, jobs: int, output: str, *, check: bool) -> int:
    """Build the content-hashed bundle and skills-catalog.json."""
    place = place_of(ctx)
    processes = jobs or os.cpu_count() or 1
    result = build(place, BuildRequest(Path(out), revision, check=check, jobs=processes, progress=progress("building")))
    if output == "json":
        answer(json_document(_document(result, out)))
    else:
        answer(_text(result, out, check=check))
    _tell_findings(ctx, place, result)
    return int(result.digest is None or bool(result.stale))


def _tell_findings(ctx: click.Context, place: Place, result: BuildResult) -> None:
    if result.undated:
        tell("skills have no dates: history is cut off (in CI fetch all of it: fetch-depth: 0)")
    validation = Validation(result.findings, result.summary)
    if result.digest is None:
        report = findings_report("text")
        tell(report.render(result.findings, validation.summary(), report_context(ctx, place, strict=False)))
        tell("nothing was written")
    elif validation.summary()["warnings"]:
        tell(f"{counted(validation.summary()['warnings'], 'warning')}: see more with `catalog validate`")


def _text(result: BuildResult, out: str, *, check: bool) -> str:
    if result.digest is None:
        return ""
    if result.stale:
        names = [f"  {for_terminal(name)}" for name in result.stale[:10]]
        more = [f"  and {len(result.stale) - 10} more"] if len(result.stale) > 10 else []
        return "\n".join([f"{for_terminal(out)} is not what would be built:", *names, *more])
    done = "is up to date" if check else "built"
    return f"{for_terminal(out)} {done}: {checked(result.summary)}\n{result.digest}"


def _document(result: BuildResult, out: str) -> dict[str, object]:
    validation = Validation(result.findings, result.summary)
    found = findings_value(result.findings, validation.summary())
    return {
        "format": 1,
        "status": "invalid" if result.digest is None else "stale" if result.stale else "ok",
        "bundle": result.digest,
        "out": out,
        "files": [file._asdict() for file in result.files],
        "summary": found["summary"],
        "findings": found["findings"],
    }
