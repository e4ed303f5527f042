"""What only the whole catalog shows: labels, duplicates, owners, names alike, the listing's budget."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from importlib import import_module

from catalog_tool.checks.confusable_names import find_confusable
from catalog_tool.checks.overlap import find_overlaps, signature
from catalog_tool.checks.prompt_record import PromptRecord
from catalog_tool.checks.skill_record import SkillRecord
from catalog_tool.gate.presence import has_gates
from catalog_tool.model.agent_limits import SETTINGS_FILE, ListingLimits
from catalog_tool.model.codes import finding
from catalog_tool.model.finding import INFO, WARNING, Finding
from catalog_tool.model.names import version_number
from catalog_tool.source.catalog_files import CatalogFiles
from catalog_tool.source.codeowners import owners_of
from catalog_tool.source.positions import NOWHERE
from catalog_tool.source.skill_folders import SKILL_FILE, SkillFolder

LONG_ENTRY = "S221"
"""A skill's own record judges its entry by the agent's limit; where the settings name another, that one counts."""

DANGLING = frozenset({"C311", "C314"})
"""Labels of a version or a prompt that does not exist."""


def findings(
    files: CatalogFiles,
    versions: Sequence[PromptRecord],
    skills: Sequence[SkillRecord],
    *,
    overlap: bool,
) -> Iterator[Finding]:
    """Everything that no single artifact shows."""
    yield from _labels(files)
    yield from _same_digest(versions)
    yield from _owners(files, versions, skills)
    yield from _duplicates(files.skills)
    yield from _prompt_names(files)
    yield from _skill_names(skills)
    yield from _listing(files, skills)
    if has_gates(files.settings):
        yield from import_module("catalog_tool.checks.gate_rules").unusable(files)
    if overlap:
        yield from _overlaps(skills)


def own_findings(record: SkillRecord | PromptRecord, limits: ListingLimits) -> list[Finding]:
    """What a record says of itself, but for what the settings of this catalog decide otherwise."""
    if not limits.entry_setting:
        return record.findings
    return [found for found in record.findings if found.code != LONG_ENTRY]


def _labels(files: CatalogFiles) -> Iterator[Finding]:
    """Labels that point nowhere. A version whose file cannot be read is there all the same."""
    known: dict[str, set[str]] = {}
    for file in (*files.layout.versions, *files.layout.unreadable):
        known.setdefault(file.id, set()).add(file.version)
    document, path = files.registry, files.layout.registry
    for name, labels in files.labels.items():
        if name not in known:
            spot = document.key([name]) if document else NOWHERE
            yield finding(
                "C314",
                f"there is no prompt `{name}`",
                path,
                line=spot.line,
                column=spot.column,
                artifact=name,
            )
            continue
        for label, value in labels.items():
            for version in value.versions:
                if version not in known[name]:
                    spot = document.at([name, label]) if document else NOWHERE
                    highest = max(known[name], key=version_number)
                    yield finding(
                        "C311", f"`{label}` of {name} points to {version}, which does not exist", path,
                        line=spot.line, column=spot.column, artifact=f"{name}@{label}",
                        hint=f"the highest version of {name} is {highest}",
                    )  # fmt: skip


def _same_digest(versions: Sequence[PromptRecord]) -> Iterator[Finding]:
    first: dict[tuple[str, str], str] = {}
    for record in sorted(versions, key=lambda record: (record.id, version_number(record.version))):
        if record.digest:
            other = first.setdefault((record.id, record.digest), record.version)
            if other != record.version:
                message = f"{record.version} says the same as {other}: they share a digest"
                yield finding("P141", message, record.path, artifact=f"{record.id}@{record.version}")


def _owners(files: CatalogFiles, versions: Sequence[PromptRecord], skills: Sequence[SkillRecord]) -> Iterator[Finding]:
    """Artifacts that nobody owns: a warning where the catalog names owners at all, else information."""
    highest: dict[str, PromptRecord] = {}
    for record in versions:
        other = highest.get(record.id)
        if other is None or version_number(record.version) > version_number(other.version):
            highest[record.id] = record
    owned = bool(files.owners) or any(r.owners for r in versions) or any(s.skill.entry["owners"] for s in skills)
    severity = WARNING if owned else INFO
    hint = "add `owners`, or a line to CODEOWNERS"
    for record in highest.values():
        if record.digest and not record.owners and not owners_of(files.prefix + record.path, files.owners):
            yield finding(
                "P142",
                f"nobody owns {record.id}",
                record.path,
                severity=severity,
                artifact=record.id,
                hint=hint,
            )
    hint = "add `owner` under `metadata`, or a line to CODEOWNERS"
    for item in skills:
        path = f"{item.skill.path}/{SKILL_FILE}"
        if item.skill.entry["description"] is None:
            continue  # it could not be read, which has been said
        if not item.skill.entry["owners"] and not owners_of(files.prefix + path, files.owners):
            yield finding(
                "S224",
                f"nobody owns {item.skill.key}",
                path,
                severity=severity,
                artifact=item.skill.key,
                hint=hint,
            )


def _duplicates(folders: Iterable[SkillFolder]) -> Iterator[Finding]:
    first: dict[str, SkillFolder] = {}
    for folder in sorted(folders, key=lambda folder: folder.path):
        other = first.setdefault(folder.key, folder)
        if other is not folder:
            message = f"`{folder.key}` is also {other.path}: activity could not tell them apart"
            yield finding("S210", message, f"{folder.path}/{SKILL_FILE}", artifact=folder.key)


def _prompt_names(files: CatalogFiles) -> Iterator[Finding]:
    first = {file.id: file.path for file in reversed(files.layout.versions)}
    for name, other in find_confusable(first):
        yield finding("P170", f"`{name}` and `{other}` are easily taken for one another", first[name], artifact=name)


def _skill_names(skills: Sequence[SkillRecord]) -> Iterator[Finding]:
    paths = {record.skill.key: f"{record.skill.path}/{SKILL_FILE}" for record in skills}
    for name, other in find_confusable(paths):
        yield finding("S212", f"`{name}` and `{other}` are easily taken for one another", paths[name], artifact=name)


def _overlaps(skills: Sequence[SkillRecord]) -> Iterator[Finding]:
    paths = {record.skill.key: f"{record.skill.path}/{SKILL_FILE}" for record in skills}
    signatures = {record.skill.key: signature(record.skill.description) for record in skills}
    for name, other, similarity in find_overlaps(signatures):
        message = f"the description says much the same as that of `{other}` ({similarity:.0%}): an agent has to guess"
        yield finding("S222", message, paths[name], artifact=name, hint="say in each when to use it and not the other")


def _listing(files: CatalogFiles, skills: Sequence[SkillRecord]) -> Iterator[Finding]:
    limits = ListingLimits(files.agent_settings)
    total = 0
    for record in skills:
        entry = record.skill.entry
        if not entry["model_invocable"]:
            continue
        total += min(entry["description_chars"], limits.entry_chars)
        if limits.entry_setting and entry["description_chars"] > limits.entry_chars:
            setting = f"{limits.entry_setting} in {SETTINGS_FILE}"
            message = f"the listing shows {limits.entry_chars} of {entry['description_chars']} characters ({setting})"
            path = f"{record.skill.path}/{SKILL_FILE}"
            line, column = record.described_at
            yield finding(LONG_ENTRY, message, path, line=line, column=column, artifact=record.skill.key)
    if total > limits.budget_chars:
        message = (
            f"the descriptions of all skills take {total} characters of a budget of {limits.budget_chars} "
            f"({limits.source()}): agents drop what does not fit"
        )
        yield finding("S223", message, hint="shorten descriptions, or retire skills that nobody calls")
