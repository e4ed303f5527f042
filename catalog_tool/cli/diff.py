"""``catalog diff``: what a change really means."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from catalog_tool.cli.context import answer, format_option, in_actions, lazily, place_of, shown_prefix, wants_color
from catalog_tool.clock import iso, now
from catalog_tool.diff.catalogs import Options
from catalog_tool.diff.changes import DiffResult
from catalog_tool.diff.operands import compare, parse_operands
from catalog_tool.errors import UsageError
from catalog_tool.source.document import SourceDocument
from catalog_tool.source.root import Place

EPILOG = """\b
Examples:
  catalog diff                              your work against the branch it is meant for
  catalog diff main..HEAD                   two revisions; A...B: from where they part
  catalog diff support_agent@v2 support_agent@v3
  catalog diff v1.4.0:support_agent@production support_agent@production
  catalog diff old/bundle.json dist/bundle.json
  catalog diff --format markdown --output comment.md
  catalog diff --fail-on major --format github

Contract: can code that worked with the old version fail? Behaviour: how likely does the model answer
otherwise? Exit codes: 0 whatever changed, 1 with --fail-on, 2 wrong usage, 3 could not look.
"""


@click.command("diff", epilog=EPILOG)
@click.argument("operands", nargs=-1, metavar="[BASE[..HEAD] | REF REF | A.json B.json]")
@format_option("text", "json", "markdown", "sarif", "github")
@click.option(
    "--fail-on",
    type=click.Choice(("patch", "minor", "major")),
    help="Exit 1 where a contract change is as bad as this.",
)
@click.option("--render", metavar="FILE", help="Render with these values (YAML or JSON) instead of the golden tests'.")
@click.option("--output", "target", metavar="FILE", help="Write the result to FILE instead of stdout.")
@click.pass_context
def command(ctx: click.Context, /, operands: tuple[str, ...], output: str, **asked: str | None) -> int:
    """What a change really means, for reviewers."""
    wanted = parse_operands(operands)
    place = place_of(ctx)
    values = _values(asked["render"])
    result = compare(place, wanted, Options(iso(now())[:10], values, asked["render"] or "values"))
    _give(_report(ctx, place, result, {"output": output, **asked}), asked["target"], has_commands=output == "github")
    threshold = asked["fail_on"]
    return int(threshold is not None and result.fails(threshold))


def _values(file: str | None) -> Mapping[str, Any] | None:
    if file is None:
        return None
    try:
        data = Path(file).read_bytes()
    except OSError as error:
        raise UsageError(f"--render {file}: {error.strerror}") from error
    document = SourceDocument(file, data)
    if document.value is None or not document.clean:
        first = document.findings[0]
        raise UsageError(f"--render {file}:{first.line or 1}: {first.message}")
    return document.value


def _report(ctx: click.Context, place: Place, result: DiffResult, asked: Mapping[str, str | None]) -> str:
    output, target = asked["output"], asked["target"]
    if output == "json":
        return str(lazily("report.json_document:json_document")(result.to_json()))
    if output == "markdown":
        return str(lazily("report.diff_markdown:diff_markdown")(result))
    if output in ("sarif", "github"):
        render = lazily(f"report.diff_{output}:diff_{output}")
        return str(render(result, path_prefix=shown_prefix(place), threshold=asked["fail_on"] or "major"))
    color = target is None and wants_color(ctx)
    text = lazily("report.diff_text:diff_text")(
        result,
        width=_width(),
        color=color,
        show_renders=asked["render"] is not None,
        actions=in_actions(),
    )
    return str(text)


def _width() -> int:
    """Columns of the terminal; ``COLUMNS`` where it is set; 100 where nobody looks."""
    return shutil.get_terminal_size((100, 24)).columns if os.environ.get("COLUMNS") or _at_terminal() else 100


def _at_terminal() -> bool:
    return sys.stdout.isatty()


def _give(text: str, target: str | None, *, has_commands: bool) -> None:
    if target is None:
        answer(text, has_commands=has_commands)
        return
    try:
        lazily("source.new_files:put")(Path(target), text.encode(errors="backslashreplace"))
    except OSError as error:
        raise lazily("source.new_files:unwritten")(f"--output {target}", error) from error
