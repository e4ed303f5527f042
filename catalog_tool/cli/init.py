"""``catalog init``: a working catalog in a folder."""

from __future__ import annotations

import os
import shlex

import click

from catalog_tool.cli.context import answer, format_option, in_actions
from catalog_tool.errors import UsageError
from catalog_tool.report.escape import for_actions_log, for_terminal
from catalog_tool.report.json_document import json_document
from catalog_tool.source.scaffold_catalog import WORKFLOW, StartedCatalog, start_catalog

EPILOG = """\b
Examples:
  catalog init                  here
  catalog init my-prompts       in a folder, which is made if it does not exist
  catalog init --format json    what was written, for a program
  catalog init --workflows-from OWNER/NAME@COMMIT    call catalog-tool's own workflows there

Nothing is asked and nothing overwritten: what is there already stays as it is.

Exit codes: 0 done, 2 the folder cannot be used, 3 the disk is full or fails. Nothing is left on 2 and 3.
"""


@click.command("init", epilog=EPILOG)
@click.argument("folder", required=False, metavar="[DIR]", type=click.Path())
@click.option("--workflows-from", metavar="OWNER/NAME@COMMIT", help="Call the workflows of this copy of catalog-tool.")
@format_option("text", "json")
@click.pass_context
def command(ctx: click.Context, /, folder: str | None, output: str, workflows_from: str | None) -> int:
    """Start a catalog: settings, one prompt, one skill, schemas, workflows."""
    chosen: str | None = ctx.find_root().obj["root"]
    if folder is not None and chosen is not None:
        raise UsageError("the folder is named twice", hint="either -C DIR or `catalog init DIR`")
    started = start_catalog(folder or chosen or ".", workflows_from)
    if output == "json":
        answer(json_document(_document(started)))
    else:
        text = _text(started)
        answer(for_actions_log(text) if in_actions() else text)
    return 0


def _document(started: StartedCatalog) -> dict[str, object]:
    return {
        "format": 1,
        "status": "ok",
        "root": str(started.root),
        "created": started.files.created,
        "skipped": started.files.skipped,
    }


def _text(started: StartedCatalog) -> str:
    created, skipped = started.files
    shown = for_terminal(_seen_from_here(str(started.root)))
    where = "this folder" if shown == "." else shown
    lines = [f"Started a catalog in {where}:" if created else f"{where} has everything a new catalog gets."]
    lines += [f"  {path}" for path in created]
    if skipped:
        lines += ["Left alone, because it was there already:", *(f"  {path}" for path in skipped)]
    if created:
        lines += ["", "What to do next:", *_next_steps(started, shown)]
    return "\n".join(lines)


def _seen_from_here(folder: str) -> str:
    near = os.path.relpath(folder)
    return folder if near.startswith("..") else near


def _next_steps(started: StartedCatalog, shown: str) -> list[str]:
    """What a new user types, and what only people can decide."""
    steps = [] if shown == "." else [f"  cd {shlex.quote(shown)}"]
    steps += [
        "  catalog validate          find everything that is wrong",
        "  catalog build             write the bundle that applications read to dist/",
        "  catalog new prompt NAME   write your own",
    ]
    has_examples = any(path.endswith(("/v1.yaml", "/SKILL.md")) for path in started.files.created)
    steps.append(f"Then {'put your team where `your-team` stands, and ' if has_examples else ''}commit it all.")
    if started.inner and WORKFLOW in started.files.created:
        inner = for_terminal(started.inner)
        steps.append(f"GitHub reads workflows at the top of a repository only: move {inner}{WORKFLOW} there.")
    return steps
