"""``catalog init``: a working catalog in a folder."""

from __future__ import annotations

import os
import shlex

import click

from catalog_tool.cli.context import answer, format_option, in_actions
from catalog_tool.errors import UsageError
from catalog_tool.report.escape import for_actions_log, for_terminal
from catalog_tool.report.json_document import json_document
from catalog_tool.source.scaffold import ANY_OWNER
from catalog_tool.source.scaffold_catalog import StartedCatalog, start_catalog
from catalog_tool.source.scaffold_workflows import WORKFLOWS

EPILOG = """\b
Examples:
  catalog init                  here
  catalog init my-prompts       in a folder, which is made if it does not exist
  catalog init --format json    what was written, for a program
  catalog init --workflows-from OWNER/NAME@COMMIT    call catalog-tool's own workflows there

Nothing is asked and nothing overwritten: what is there already stays as it is.

Exit codes: 0 done, 2 the folder cannot be used or git ignores it, 3 git, or the disk, fails. Nothing is left on
2 and 3.
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
    lines += _listed(created)
    if skipped:
        lines += ["Left alone, because it was there already:", *_listed(skipped)]
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
    steps.append(
        f"Then {f'put your team where `{ANY_OWNER}` stands, and ' if started.has_placeholder else ''}commit it all."
    )
    return [*steps, *_what_git_takes(started), *_what_runs(started)]


def _what_git_takes(started: StartedCatalog) -> list[str]:
    lines = []
    if started.unignored:
        named = " and ".join(started.unignored)
        lines.append(f"Add {named} to .gitignore first: what `catalog build` and local targets write is not for git.")
    if started.unseen:
        lines += ["Git leaves these out, by a line of a .gitignore:", *_listed(started.unseen)]
    return lines


def _what_runs(started: StartedCatalog) -> list[str]:
    """What is left to do for the workflows that were written."""
    lines = []
    if started.inner and started.workflows:
        folder = for_terminal(f"{started.inner}{WORKFLOWS}/")
        lines += [
            f"GitHub reads workflows at the top of a repository only: move these from {folder} to {WORKFLOWS}/ there:"
        ]
        lines += _listed([path.rpartition("/")[2] for path in started.workflows])
    if started.replaced is not None:
        lines.append(f"Remove {for_terminal(started.replaced)}: what it does, catalog-pr and catalog-sync do too.")
    if started.tool is not None:
        lines.append(
            f"The workflow installs {started.tool} from your package index: if it is not there, change that line."
        )
    return lines


def _listed(paths: list[str]) -> list[str]:
    return [f"  {for_terminal(path)}" for path in paths]
