"""A work tree in which a few files differ from HEAD, answered from what is known of HEAD.

A snapshot keeps, for one commit, the answer of ``validate`` and what the checks over the whole catalog
looked at in each artifact. If only files of known versions and skills have changed, and nothing that
those checks look at has, then only these artifacts are read again and everything else still holds.
In every other case there is no answer here, and the whole catalog is inspected.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from catalog_tool.checks.inspection import Inspection, left_out, settle, unbuildable, work_of
from catalog_tool.checks.prompt_record import PromptRecord
from catalog_tool.checks.recall import State
from catalog_tool.checks.skill_record import SkillRecord
from catalog_tool.checks.text import redacted
from catalog_tool.checks.work import Record, Worker
from catalog_tool.model.finding import Finding
from catalog_tool.model.validation import Validation
from catalog_tool.source.catalog_files import AGENT_SETTINGS, CatalogFiles, find_catalog
from catalog_tool.source.codeowners import LOCATIONS
from catalog_tool.source.layout import SHARED
from catalog_tool.source.memory import checksum
from catalog_tool.source.root import SETTINGS_FILE, Place
from catalog_tool.source.skill_folders import PLUGIN_MANIFEST
from catalog_tool.source.tree import KnownChanges, WorkTree

WHOLE_CATALOG = frozenset({"P141", "P142", "P170", "S210", "S212", "S221", "S222", "S223", "S224"})
"""Codes that the checks over the whole catalog emit at an artifact's own path."""
RELEASED = frozenset({"P150", "P151", "P152", "P153", "C321", "C322", "C323"})
"""Codes that come from the comparison with the base."""
UNFIT_VERSION = frozenset({"C340", "C341", "C342"})
"""Codes of what a target cannot hold; of a skill, its key alone decides."""
MOST_CHANGES = 200
"""Changed files beyond which everything is looked at."""

WORTH_KEEPING = 300
"""Prompts, versions and skills from which on a snapshot costs less than it saves."""

Snapshot = Mapping[str, Any]


def take(validation: Validation, inspection: Inspection) -> dict[str, Any]:
    """What to keep of a run over one commit, as JSON values."""
    return {
        "findings": validation.findings,
        "read": validation.read,
        "versions": {record.path: [record.digest, _facts(record)] for record in inspection.versions},
        "skills": {record.skill.path: _facts(record) for record in inspection.skills},
        "small": _small(inspection.files),
    }


def _small(files: CatalogFiles) -> list[str]:
    """The paths, from the top of the repository, that every artifact is read with."""
    inner = [SETTINGS_FILE, f"{files.settings.prompts}/{SHARED}", *files.settings.schemas.values()]
    plugins = [path for path in files.entries if path.endswith(PLUGIN_MANIFEST)]
    return [*(files.prefix + path for path in (*inner, *plugins)), *LOCATIONS, AGENT_SETTINGS]


def _facts(record: Record) -> str:
    """What the checks over the whole catalog look at in one artifact."""
    if isinstance(record, PromptRecord):
        return checksum(repr((record.id, record.version, bool(record.digest), record.owners)))
    entry = record.skill.entry
    shown = (entry["owners"], entry["description"], entry["description_chars"], entry["model_invocable"])
    return checksum(repr((record.skill.key, shown, *record.described_at)))


def answer(snapshot: Snapshot, place: Place, state: State, profile: str | None) -> Validation | None:
    """What ``validate`` would say of the work tree, or None where that takes a look at everything."""
    status = state.changes
    changed = [*status.changed, *status.untracked]
    units = _units(snapshot, [path.removeprefix(place.prefix) for path in changed])
    if units is None or place.git is None or len(changed) > MOST_CHANGES:
        return None
    paths = [*(place.prefix + unit for unit in sorted(units)), *snapshot["small"]]
    tree = WorkTree(Path(place.root), place.git, place.prefix, KnownChanges(status, paths))
    files = find_catalog(tree)
    records = _read(tree, files, profile)
    if {_path(record) for record in records} != units or not all(_is_same(snapshot, record) for record in records):
        return None
    known = [Finding(*found) for found in snapshot["findings"]]
    if state.base_is_head:
        known = [found for found in known if found.code not in RELEASED]
    elif any(found.code in RELEASED for found in known):
        return None  # behind the branch, a commit and its changed work tree have different bases
    versions = [record for record in records if isinstance(record, PromptRecord)]
    fresh = [found for record in records for found in record.findings if found.code not in WHOLE_CATALOG]
    fresh += _unfit(files, versions)
    settled = settle(fresh, files.settings.rules)
    kept = [found for found in known if _outlives(found, snapshot, units)]
    found = redacted([*kept, *settled, *unbuildable(files, versions, settled), *left_out(files, fresh)])
    return Validation(settle(found, {}), dict(snapshot["read"]))


def _outlives(found: Finding, snapshot: Snapshot, units: set[str]) -> bool:
    """Whether a finding of the commit holds whatever the changed artifacts say now."""
    if found.code in UNFIT_VERSION and found.path not in snapshot["versions"]:
        return True
    return found.code in WHOLE_CATALOG or not _inside(found.path, units)


def _unfit(files: CatalogFiles, versions: list[PromptRecord]) -> list[Finding]:
    """What the targets cannot hold of the changed versions."""
    if not files.settings.targets:
        return []
    return list(import_module("catalog_tool.checks.target_rules").version_findings(files, versions))


def _units(snapshot: Snapshot, paths: Iterable[str]) -> set[str] | None:
    """The versions and skills that the changed files belong to; None where one belongs to neither."""
    versions, skills = snapshot["versions"], snapshot["skills"]
    units = set()
    for path in paths:
        unit = path
        while unit and unit not in versions and unit not in skills:
            unit = unit.rpartition("/")[0]
        if not unit:
            return None
        units.add(unit)
    return units


def _read(tree: WorkTree, files: CatalogFiles, profile: str | None) -> list[Record]:
    chosen = profile or files.settings.skill_profile
    worker = Worker(tree, files.shared, chosen, files.team_schemas, keep_contents=False)
    return worker.run(list(work_of(files)))


def _path(record: Record) -> str:
    return record.path if isinstance(record, PromptRecord) else record.skill.path


def _is_same(snapshot: Snapshot, record: Record) -> bool:
    """Whether the whole catalog's checks, and the comparison with the base, see what they saw before."""
    if isinstance(record, SkillRecord):
        return bool(snapshot["skills"].get(record.skill.path) == _facts(record))
    known = snapshot["versions"].get(record.path)
    return known is not None and known[0] == record.digest and known[1] == _facts(record)


def _inside(path: str | None, units: set[str]) -> bool:
    """Whether a finding's file is a changed version's, or belongs to a changed skill."""
    while path:
        if path in units:
            return True
        path = path.rpartition("/")[0]
    return False
