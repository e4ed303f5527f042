"""``catalog show``: one prompt version or skill."""

from __future__ import annotations

from typing import Any

import click

from catalog_tool.canonical.identity import restore_order
from catalog_tool.checks.skill_fields import ProfileCheck
from catalog_tool.checks.skill_record import record_skill
from catalog_tool.cli.complete import references
from catalog_tool.cli.context import answer, format_option, place_of, rev_option, wants_color
from catalog_tool.errors import UsageError
from catalog_tool.model.limits import SKILL_FILE_BYTES
from catalog_tool.report.artifact import artifact_text
from catalog_tool.report.json_document import json_document
from catalog_tool.source.decoding import Flaw
from catalog_tool.source.resolve import OpenCatalog, find_skill, open_catalog, parse_reference, resolve_prompt
from catalog_tool.source.root import Place
from catalog_tool.source.skill_folders import SKILL_FILE, SkillFolder
from catalog_tool.source.skills import read_skill

EPILOG = """\b
Examples:
  catalog show support_agent               the highest version
  catalog show support_agent@production    what a label points to
  catalog show v1.4.0:support_agent@v2     as it was at a revision
  catalog show code-reviewer               a skill
  catalog show acme:code-reviewer          a skill of the plugin `acme`
"""


@click.command("show", epilog=EPILOG)
@click.argument("reference", metavar="REF", shell_complete=references)
@rev_option
@format_option("text", "json")
@click.pass_context
def command(ctx: click.Context, /, reference: str, revision: str | None, output: str) -> None:
    """Show one prompt version or skill."""
    place = place_of(ctx)
    found = _of_plugin(place, reference, revision) if ":" in reference else None
    if found is not None:
        document = _skill(*found)
    else:
        wanted = parse_reference(reference)
        catalog = open_catalog(place, wanted.revision or revision)
        skill = find_skill(catalog.files, wanted.name)
        is_prompt = any(file.id == wanted.name for file in catalog.files.layout.versions)
        document = _skill(catalog, skill) if skill is not None and not is_prompt else _prompt(catalog, reference)
    answer(json_document(document) if output == "json" else artifact_text(document, color=wants_color(ctx)))


def _of_plugin(place: Place, reference: str, revision: str | None) -> tuple[OpenCatalog, SkillFolder] | None:
    """The skill of a plugin, ``plugin:name`` or ``REV:plugin:name``; a revision of the plugin's name wins."""
    git = place.git
    before, _, after = reference.partition(":")
    is_revision = git is not None and git.find(before) is not None
    named = (before, after) if is_revision else (revision, reference)
    if ":" not in named[1]:
        return None
    catalog = open_catalog(place, named[0])
    skill = next((folder for folder in catalog.files.skills if folder.key == named[1]), None)
    return None if skill is None else (catalog, skill)


def _prompt(catalog: OpenCatalog, reference: str) -> dict[str, Any]:
    found = resolve_prompt(catalog, parse_reference(reference))
    version = found.version
    parts = version.decoded()
    restore_order(parts)
    return {
        "format": 1,
        "status": "ok",
        "kind": "prompt",
        "id": version.id,
        "version": version.version,
        "version_id": version.version_id,
        "digest": version.digest,
        "label": found.label,
        **parts,
        "meta": version.metadata(),
    }


def _skill(catalog: OpenCatalog, folder: SkillFolder) -> dict[str, Any]:
    entries = {f"{folder.path}/{inner}": entry for inner, entry in folder.files.items()}
    contents: dict[str, bytes | Flaw] = {}
    for content in catalog.tree.read(entries, SKILL_FILE_BYTES):
        flaw = content.flaw or Flaw("Y001", "cannot be read")
        contents[content.path[len(folder.path) + 1 :]] = content.data if content.data is not None else flaw
    if not isinstance(contents.get(SKILL_FILE), bytes):
        raise UsageError(f"{folder.path}/{SKILL_FILE} cannot be read", hint=f"see `catalog validate {folder.path}`")
    profile = catalog.files.settings.skill_profile
    skill = record_skill(folder, contents, ProfileCheck(profile)).skill
    body = read_skill(folder, contents, profile).body
    return {
        "format": 1,
        "status": "ok",
        "kind": "skill",
        "name": skill.key,
        "digest": skill.digest,
        "description": skill.description,
        "path": skill.path,
        "owners": skill.entry["owners"],
        "files": [
            {"path": path, "mode": mode, "sha256": sha256, "size": size} for path, mode, sha256, size in skill.files
        ],
        "body": body,
    }
