"""``catalog validate``: all findings, never just the first."""

from __future__ import annotations

import click

from catalog_tool.cli.context import answer, format_option, in_actions, place_of, rev_option, wants_color
from catalog_tool.model.settings import PROFILES

EPILOG = """\b
Examples:
  catalog validate                         everything, as it is on disk
  catalog validate prompts/support_agent   only what is wrong below a path
  catalog validate --rev v1.4.0            what was committed
  catalog validate --strict --format sarif > findings.sarif

Exit codes: 0 no errors, 1 errors (with --strict: or warnings), 2 wrong usage, 3 could not look.
Every code is explained by `catalog schema --codes`.
"""


@click.command("validate", epilog=EPILOG)
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@rev_option
@click.option("--since", metavar="REV", help="Compare released versions with this revision (default: the merge base).")
@click.option("--profile", type=click.Choice(PROFILES), help="Check skills under this profile (default: catalog.yaml's).")
@click.option("--strict", is_flag=True, help="Warnings count as errors.")
@click.option("--jobs", type=click.IntRange(0, 64), default=1, show_default=True, help="Processes; 0 means one a core.")
@format_option("text", "json", "github", "sarif", "junit")
@click.pass_context
def command(ctx: click.Context, /, paths: tuple[str, ...], output: str, *, strict: bool, **asked: object) -> int:
    """Find everything that is wrong in a catalog, with file, line and column."""
    from catalog_tool.checks.validation import Request, validate
    from catalog_tool.report.formats import render_findings

    place = place_of(ctx)
    result = validate(place, Request(paths=paths, **asked))  # type: ignore[arg-type]  # the options above, by name
    answer(render_findings(output, result, strict=strict, color=wants_color(ctx), in_actions=in_actions()))
    return result.exit_code(strict=strict)
