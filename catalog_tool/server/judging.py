"""What a version has to pass before it is published: what ``catalog validate`` asks of one version's file.

The whole catalog is not here: no shared parts, no CODEOWNERS, no checks of other packages, nothing that compares
one file with others. What the settings beside the service add is its ``Rulebook``.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from catalog_tool.checks.inspection import settle
from catalog_tool.checks.prompt_record import PromptRecord, record_prompt
from catalog_tool.checks.text import redacted
from catalog_tool.errors import UsageError
from catalog_tool.model.finding import ERROR, Finding
from catalog_tool.model.limits import PARSED_FILE_BYTES
from catalog_tool.model.settings import SETTINGS_FILE, Rule, Settings
from catalog_tool.source.layout import VersionFile
from catalog_tool.source.prompts import PromptSchemas
from catalog_tool.source.schema_engine import SchemaEngine
from catalog_tool.source.schemas import load_schema
from catalog_tool.source.shared_parts import SharedParts
from catalog_tool.source.team_schemas import read_team_schemas
from catalog_tool.source.tree import WorkTree

_KIND = "prompt"
"""What the team's schema is for, as ``schemas`` in the settings names it."""


class Rulebook(NamedTuple):
    """What a team adds to the checks: severities by code, and a stricter schema for prompt files. Can be pickled."""

    rules: Mapping[str, Rule] = {}
    schema: Mapping[str, Any] | None = None


OUR_OWN = Rulebook()
"""Our checks and severities, and nothing more."""


class Judged(NamedTuple):
    """One version as a file would be recorded; it may be published only where ``errors`` is empty.

    The errors are sorted by place, and none of them repeats a secret.
    """

    record: PromptRecord
    errors: Sequence[Finding]


class Judge:
    """Judges versions by one rulebook. Safe to share between threads."""

    def __init__(self, rulebook: Rulebook) -> None:
        self._rulebook = rulebook

    @cached_property
    def _schemas(self) -> PromptSchemas:
        team = self._rulebook.schema
        return PromptSchemas(SchemaEngine(load_schema(_KIND)), None if team is None else SchemaEngine(dict(team)))

    def judge(self, name: str, version: str, data: bytes) -> Judged:
        """The verdict on ``data``, the bytes of a prompt file in JSON. Never raises for what stands in it."""
        file = VersionFile(name, version, f"{version}.json")
        record = record_prompt(file, data, SharedParts({}, {}, {}), self._schemas)
        found = redacted(record.findings)
        errors = _errors(settle(found, dict(self._rulebook.rules)))
        if not record.digest and not errors:
            errors = _errors(settle(found, {}))  # no rule makes readable what is not
        return Judged(record, errors)


def _errors(findings: Sequence[Finding]) -> list[Finding]:
    return [found for found in findings if found.severity == ERROR]


def read_rulebook(root: Path, settings: Settings) -> Rulebook:
    """What the catalog at ``root`` adds, as it is on disk.

    Raises ``UsageError`` where its schema for prompts cannot be used: a rule that is not checked is none.
    """
    named = {kind: path for kind, path in settings.schemas.items() if kind == _KIND}
    if not named:
        return Rulebook(settings.rules)
    tree = WorkTree(root)
    entries = tree.list([SETTINGS_FILE, *(posixpath.normpath(path) for path in named.values())])
    contents = {content.path: content.data for content in tree.read(entries, PARSED_FILE_BYTES)}
    schemas, findings = read_team_schemas(settings._replace(schemas=named), entries, contents)
    wrong = _errors(settle(findings, settings.rules))
    if wrong:
        raise UsageError(f"{wrong[0].path}: {wrong[0].message}", hint="see all of it with `catalog validate`")
    return Rulebook(settings.rules, schemas.get(_KIND))
