"""``catalog history``: who changed a prompt, when and why, and what was live at a time."""

from __future__ import annotations

from typing import Any

import click

from catalog_tool.cli.complete import labels, prompt_ids
from catalog_tool.cli.context import answer, format_option, place_of, tell, wants_color
from catalog_tool.diff.history import JUDGED, history_document, judge_history
from catalog_tool.errors import UsageError
from catalog_tool.report.history import history_text
from catalog_tool.report.json_document import json_document
from catalog_tool.source.catalog_files import find_catalog
from catalog_tool.source.history import History, prompt_history
from catalog_tool.source.history_changes import UNREADABLE
from catalog_tool.source.history_live import live_at
from catalog_tool.source.history_times import parse_time
from catalog_tool.source.resolve import near_label, refuse_broken
from catalog_tool.source.root import outside_git
from catalog_tool.source.tree import RevisionTree

EPILOG = """\b
Examples:
  catalog history support_agent
  catalog history support_agent --label production
  catalog history support_agent --label production --at 2026-03-03T14:00

Contract says whether code that worked with the older version can fail (it is also the smallest honest
step), behaviour how likely the model answers otherwise; see `catalog diff`.

The prompts folder is the one that each commit's own catalog.yaml names: moving it changes no prompt.

A time without an offset is UTC. What was live is read along the first parents of HEAD, by committer
time. Nothing but git is asked.
"""


@click.command("history", epilog=EPILOG)
@click.argument("prompt_id", metavar="ID", shell_complete=prompt_ids)
@click.option("--label", metavar="LABEL", shell_complete=labels, help="Only what moved this label.")
@click.option("--at", "at", metavar="TIME", help="What was live at this time (ISO 8601, UTC without an offset).")
@click.option("--rev", "revision", metavar="REV", default="HEAD", show_default=True, help="Look back from here.")
@click.option(
    "--judged", type=click.IntRange(0), metavar="N", default=JUDGED, show_default=True,
    help="Judge the newest N changes of versions and labels.",
)  # fmt: skip
@format_option("text", "json")
@click.pass_context
def command(ctx: click.Context, /, prompt_id: str, label: str | None, at: str | None, **asked: Any) -> None:
    """Who changed a prompt, when and why, and what was live at a time."""
    place = place_of(ctx)
    if place.git is None:
        raise outside_git(place.root, "history is read from git: run `git init`")
    seconds = parse_time(at) if at is not None else None
    tree = RevisionTree(place.git, place.git.resolve(asked["revision"]), place.prefix)
    files = find_catalog(tree)
    refuse_broken(files)
    history = prompt_history(place.git, tree.commit, place.prefix, files.settings, prompt_id, label)
    if label is not None and not history.shallow:
        _refuse_unknown(history, label, near_label(files, prompt_id, label))
    live = live_at(history.scope, seconds) if seconds is not None else None
    document = history_document(history, live, judge_history(history, int(asked["judged"])))
    answer(json_document(document) if asked["output"] == "json" else history_text(document, color=wants_color(ctx)))
    if history.shallow:
        tell("history is cut off: what happened before it is missing (in CI: fetch-depth: 0)")


def _refuse_unknown(history: History, label: str, hint: str) -> None:
    """Raise ``UsageError`` where no commit that can be read has the label."""
    told = [(event.commit, change) for event in history.events for change in event.changes]
    if any(change.kind == "label" for _, change in told):
        return
    unread = ", ".join(commit[:12] for commit, change in told if change.op == UNREADABLE)
    but = f" in a registry that can be read; {unread} cannot" if unread else ""
    raise UsageError(f"{history.scope.prompt_id} has never had the label {label!r}{but}", hint=hint)
