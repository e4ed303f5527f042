"""What the targets in the settings cannot hold of this catalog, known without connecting to any of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from catalog_tool.backends.fitness import loses, misrendered
from catalog_tool.backends.limited import Limited, limited_targets
from catalog_tool.canonical.jcs import canonical_bytes
from catalog_tool.checks.prompt_record import PromptRecord
from catalog_tool.checks.skill_record import SkillRecord
from catalog_tool.model.addresses import label_address, skill_address, version_address
from catalog_tool.model.codes import finding
from catalog_tool.model.finding import Finding
from catalog_tool.model.settings import SETTINGS_FILE
from catalog_tool.source.catalog_files import CatalogFiles
from catalog_tool.source.globs import globs_matcher
from catalog_tool.source.positions import NOWHERE
from catalog_tool.source.skill_folders import SKILL_FILE


def findings(files: CatalogFiles, versions: Sequence[PromptRecord], skills: Sequence[SkillRecord]) -> Iterator[Finding]:
    """One finding for each object and target that do not fit; ``versions`` with their entries."""
    yield from version_findings(files, versions)
    for target in limited_targets(files.settings):
        yield from _labels(target, files, globs_matcher(target.settings["include"]))
        if target.settings["skills"] in (True, "true"):
            yield from _skills(target, skills)


def version_findings(files: CatalogFiles, versions: Sequence[PromptRecord]) -> Iterator[Finding]:
    """The findings at the files of ``versions``, which each of them decides for itself."""
    for target in limited_targets(files.settings):
        is_included = globs_matcher(target.settings["include"])
        yield from _versions(target, [record for record in versions if record.digest and is_included(record.id)])


def _versions(target: Limited, records: Sequence[PromptRecord]) -> Iterator[Finding]:
    for record in records:
        address, artifact = version_address(record.id, record.version), f"{record.id}@{record.version}"
        for why in target.problems(address, record.entry):
            message = f"{target} {why}"
            yield finding("C340", message, record.path, artifact=artifact)
        lost = loses(target.capabilities, address, record.entry)
        if lost is not None:
            message = f"{target} {lost}"
            yield finding("C341", message, record.path, artifact=artifact)
        for why in misrendered(target.capabilities, address, record.entry):
            yield finding("C342", f"{target} {why}", record.path, artifact=artifact)


def _labels(target: Limited, files: CatalogFiles, is_included: Any) -> Iterator[Finding]:
    is_labelled = globs_matcher(target.settings["labels"])
    for name, labels in files.labels.items():
        for label, value in labels.items() if is_included(name) else ():
            entry = canonical_bytes(value.to_json())
            for why in target.problems(label_address(name, label), entry) if is_labelled(label) else ():
                spot = files.registry.at([name, label]) if files.registry is not None else NOWHERE
                yield finding(
                    "C340", f"{target} {why}", files.layout.registry,
                    line=spot.line, column=spot.column, artifact=f"{name}@{label}",
                )  # fmt: skip


def _skills(target: Limited, skills: Sequence[SkillRecord]) -> Iterator[Finding]:
    """Skills that a target cannot hold; where it holds none at all, that is one finding."""
    if skills and not target.capabilities.skills:
        count = f"{len(skills)} skill{'s' * (len(skills) != 1)}"
        message = f"{target} has no skills; it would get {count}"
        yield finding("C340", message, SETTINGS_FILE, hint=f"`skills: false` under `targets: {target.name}`")
        return
    for record in skills:
        for why in target.problems(skill_address(record.skill.key), b"{}"):
            path = f"{record.skill.path}/{SKILL_FILE}"
            yield finding("C340", f"{target} {why}", path, artifact=record.skill.key)
