"""``catalog new``: the first version of a prompt, or a skill."""

from __future__ import annotations

import click

from catalog_tool.cli.adding import answer_lines, catalog_of, written
from catalog_tool.cli.context import answer, format_option, place_of
from catalog_tool.report.json_document import json_document
from catalog_tool.source.scaffold import as_yaml, start_prompt, start_skill

EPILOG = """\b
Examples:
  catalog new prompt support_agent              prompts/support_agent/v1.yaml, and tests beside it
  catalog new prompt billing/refund --owner team-billing
  catalog new skill changelog-updater           skills/changelog-updater/SKILL.md

What it writes passes `catalog validate`; nothing is overwritten.

Exit codes: 0 done, 2 the name cannot be used, is taken or git ignores its place, 3 the disk is full or fails.
"""


@click.command("new", epilog=EPILOG)
@click.argument("kind", type=click.Choice(["prompt", "skill"]), metavar="prompt|skill")
@click.argument("name")
@click.option("--owner", metavar="TEAM", help="Who answers for it (default: a placeholder where owners are named).")
@format_option("text", "json")
@click.pass_context
def command(ctx: click.Context, /, kind: str, name: str, owner: str | None, output: str) -> int:
    """Start a prompt or a skill."""
    place = place_of(ctx)
    start = start_prompt if kind == "prompt" else start_skill
    started = start(catalog_of(place), name, owner)
    if output == "json":
        document = {"format": 1, "status": "ok", "kind": kind, "name": name, "created": started.created}
        answer(json_document(document))
        return 0
    steps = ["edit it, then run `catalog validate`"]
    if kind == "prompt":
        steps.append(f"`{as_yaml(name)}: {{production: v1}}` in registry.yaml makes it live")
    answer_lines(written(place, f"Started the {kind} {name}:", started.created), *steps)
    return 0
