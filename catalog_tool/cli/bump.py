"""``catalog bump``: the next version of a prompt or of a shared part."""

from __future__ import annotations

from pathlib import Path

import click

from catalog_tool.cli.adding import answer_lines, catalog_of, written
from catalog_tool.cli.complete import bumpable
from catalog_tool.cli.context import answer, format_option, place_of, tell
from catalog_tool.report.escape import for_terminal
from catalog_tool.report.json_document import json_document
from catalog_tool.source.base import default_base
from catalog_tool.source.bump import PARTIALS, Bump, next_prompt, next_shared
from catalog_tool.source.dependents import Dependent, Dependents, dependents_of
from catalog_tool.source.new_files import create
from catalog_tool.source.root import Place
from catalog_tool.source.scaffold import refuse_unseen
from catalog_tool.source.tree import RevisionTree, WorkTree

EPILOG = """\b
Examples:
  catalog bump support_agent        the highest version, copied as the next one
  catalog bump --shared safety      the next version of a partial or tool, and who uses it
  catalog bump --shared tools/search_kb

A released version never changes: the next one is a new file, in which only `version` differs.

Exit codes: 0 done, 2 no such prompt or shared part, its file cannot be read or git ignores the next one, 3 the
disk is full or fails.
"""


@click.command("bump", epilog=EPILOG)
@click.argument("name", shell_complete=bumpable)
@click.option("--shared", is_flag=True, help="NAME is a partial or tool under prompts/_shared.")
@format_option("text", "json")
@click.pass_context
def command(ctx: click.Context, /, name: str, output: str, *, shared: bool) -> int:
    """Start the next version of a prompt or of a shared part."""
    place = place_of(ctx)
    _, tree, files = catalog_of(place)
    bump = (next_shared if shared else next_prompt)(tree, files, name, _released(place, tree))
    users = dependents_of(tree, files, bump.kind, bump.name) if shared else Dependents([], [])
    create(Path(place.root), bump.file, check=lambda: refuse_unseen(tree, [bump.file.path]))
    if output == "json":
        answer(json_document(_document(bump, users.found)))
    else:
        _explain(place, bump, users.found)
    for path in users.unread:
        tell(f"{for_terminal(path)} cannot be read: `catalog validate` says why; it may use {bump.name}, too")
    return 0


def _released(place: Place, tree: WorkTree) -> list[RevisionTree]:
    """HEAD and the base of released versions: their numbers are taken, even of files that are gone."""
    if place.git is None:
        return []
    commits = {tree.head, default_base(tree)}
    return [RevisionTree(place.git, commit, place.prefix) for commit in sorted(filter(None, commits))]


def _document(bump: Bump, users: list[Dependent]) -> dict[str, object]:
    document: dict[str, object] = {
        "format": 1,
        "status": "ok",
        "kind": "prompt" if bump.kind == "prompt" else "shared",
        "name": bump.name,
        "from": bump.before,
        "to": bump.after,
        "created": [bump.file.path],
    }
    if bump.kind != "prompt":
        document["dependents"] = [user.version for user in users]
    return document


def _explain(place: Place, bump: Bump, users: list[Dependent]) -> None:
    edit = "edit it, then run `catalog validate`"
    if bump.kind == "prompt":
        lines = written(place, f"{bump.name}: {bump.before} → {bump.after}", [bump.file.path])
        answer_lines(lines, edit, f"point a label at {bump.after} in registry.yaml: until then nobody gets it")
        return
    before = bump.before or "the unversioned file"
    lines = written(place, f"{bump.kind}/{bump.name}: {before} → {bump.after}", [bump.file.path])
    lines += ["", "Used by:" if users else "No prompt version uses it yet."]
    lines += [f"  {user.version}  ({', '.join(user.references)})" for user in users]
    reference = f"{bump.name}@{bump.after}"
    tag = f"{{{{> {reference}}}}}" if bump.kind == PARTIALS else reference
    answer_lines(lines, edit, f"bump the prompts that need it, and write {tag} in their new versions")
