"""``catalog list``: what is in the catalog."""

from __future__ import annotations

from typing import Any

import click

from catalog_tool.canonical.jcs import version_id
from catalog_tool.checks.inspection import Inspection, Options, inspect
from catalog_tool.cli.context import answer, format_option, place_of, rev_option, tell, wants_color
from catalog_tool.model.names import version_number
from catalog_tool.report.catalog_list import list_text
from catalog_tool.report.json_document import json_document
from catalog_tool.source.codeowners import owners_of
from catalog_tool.source.resolve import refuse_broken
from catalog_tool.source.skill_folders import SKILL_FILE
from catalog_tool.source.tree import tree_of

EPILOG = """\b
Examples:
  catalog list
  catalog list --rev main --format json
"""


@click.command("list", epilog=EPILOG)
@rev_option
@format_option("text", "json")
@click.pass_context
def command(ctx: click.Context, /, revision: str | None, output: str) -> None:
    """List prompts with their versions and labels, and skills."""
    place = place_of(ctx)
    inspection = inspect(tree_of(place, revision), Options(overlap=False))
    refuse_broken(inspection.files)
    document = {"format": 1, "status": "ok", "prompts": _prompts(inspection), "skills": _skills(inspection)}
    answer(json_document(document) if output == "json" else list_text(document, color=wants_color(ctx)))
    unusable = sum(not record.digest for record in inspection.versions)
    if unusable:
        tell(f"{unusable} versions cannot be used and are left out: see `catalog validate`")


def _prompts(inspection: Inspection) -> list[dict[str, Any]]:
    files = inspection.files
    prompts: dict[str, dict[str, Any]] = {}
    for record in sorted(inspection.versions, key=lambda record: (record.id, version_number(record.version))):
        if not record.digest:
            continue
        labels = {label: value.to_json() for label, value in files.labels.get(record.id, {}).items()}
        prompt = prompts.setdefault(record.id, {"id": record.id, "versions": [], "labels": labels, "owners": []})
        prompt["owners"] = list(record.owners or owners_of(files.prefix + record.path, files.owners))
        prompt["versions"].append(
            {
                "version": record.version,
                "version_id": version_id(record.version, record.digest),
                "digest": record.digest,
            }
        )
    return list(prompts.values())


def _skills(inspection: Inspection) -> list[dict[str, Any]]:
    files = inspection.files
    return [
        {
            "name": record.skill.key,
            "description": record.skill.description,
            "digest": record.skill.digest,
            "owners": record.skill.entry["owners"]
            or list(owners_of(f"{files.prefix}{record.skill.path}/{SKILL_FILE}", files.owners)),
            "path": record.skill.path,
        }
        for record in inspection.skills
    ]
