"""The stricter schemas of a team, which ``schemas`` in ``catalog.yaml`` names: read, and checked themselves.

A rule of the team that is not checked is no rule, so whatever keeps a schema, or one pattern in it, from
being applied is a finding (design §5).
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from jsonschema_rs import Draft202012Validator

from catalog_tool.model.finding import ERROR, Finding
from catalog_tool.model.settings import SETTINGS_FILE, Settings
from catalog_tool.source.document import SourceDocument, pointer_path
from catalog_tool.source.linear_pattern import judge
from catalog_tool.source.pattern_syntax import PATTERN_CHARACTERS
from catalog_tool.source.schema_engine import check_schema
from catalog_tool.source.schema_survey import SchemaProblem, clip
from catalog_tool.source.tree import EXECUTABLE, FILE, Entry

TeamSchemas = dict[str, dict[str, Any]]
"""The schemas that can be used, by what they are for: ``prompt``, ``skill``."""

_UNUSABLE = "C306"
_WARNINGS = {"pattern": "P122", "dialect": "P125"}
"""The codes of what is left out of, or read otherwise in, a schema that is used all the same."""


def read_team_schemas(
    settings: Settings, entries: Mapping[str, Entry], contents: Mapping[str, bytes | None]
) -> tuple[TeamSchemas, list[Finding]]:
    """The schemas that the settings name, from the catalog's files by path, and what is wrong with them.

    ``contents`` holds the bytes of ``catalog.yaml`` and of the schemas; None, or nothing, where a file could
    not be read.
    """
    schemas: TeamSchemas = {}
    findings: list[Finding] = []
    for kind, written in settings.schemas.items():
        path = posixpath.normpath(written)
        entry, data = entries.get(path), contents.get(path)
        if entry is None or entry.mode not in (FILE, EXECUTABLE) or data is None:
            findings += _at_setting(kind, _absence(written, path, entries), contents.get(SETTINGS_FILE))
            continue
        document = SourceDocument(path, data)
        if document.value is not None and document.clean:
            _check(document, document.value)
            if document.clean:
                schemas[kind] = document.value
        elif _is_softened(document, settings):
            findings += _at_setting(kind, f"the schema {written} cannot be read", contents.get(SETTINGS_FILE))
        findings += document.findings
    return schemas, findings


def _is_softened(document: SourceDocument, settings: Settings) -> bool:
    """Whether the settings ignore or lower an error of the file: the schema would be left out without a word."""
    rules = [settings.rules.get(found.code) for found in document.findings if found.severity == ERROR]
    return any(rule is not None and rule.severity != ERROR for rule in rules)


def _absence(written: str, path: str, entries: Mapping[str, Entry]) -> str:
    entry = entries.get(path)
    if entry is not None:
        regular = entry.mode in (FILE, EXECUTABLE)
        return f"the schema {written} {'cannot be read' if regular else 'is a link or the like: write a regular file'}"
    is_folder = any(other.startswith(f"{path}/") for other in entries)
    return f"the schema {written} is a folder" if is_folder else f"the schema {written} does not exist"


def _at_setting(kind: str, message: str, settings: bytes | None) -> list[Finding]:
    """The finding where ``catalog.yaml`` names the schema."""
    document = SourceDocument(SETTINGS_FILE, settings or b"")
    known = len(document.findings)
    document.report(_UNUSABLE, message, document.at(["schemas", kind]), hint="paths start at the catalog's root")
    return document.findings[known:]


def _check(document: SourceDocument, schema: dict[str, Any]) -> None:
    """Report what is wrong with a schema at its places. Unknown keywords are none of it: JSON Schema allows them."""
    for problem in check_schema(schema):
        path = pointer_path(problem.pointer, schema)
        spot = document.key(path) if problem.keyword == "patternProperties" else document.at(path)
        pattern = _pattern(problem, path, schema)
        if pattern is not None and not _is_regular(pattern):
            message = f"the pattern {clip(pattern)} is no regular expression: {judge(pattern).reason}"
            document.report(_UNUSABLE, message, spot)
        else:
            document.report(_WARNINGS.get(problem.kind, _UNUSABLE), problem.message, spot)


def _pattern(problem: SchemaProblem, path: list[str | int], schema: Any) -> str | None:
    """The pattern that a problem is about, as written; None where it is about something else."""
    if problem.kind != "pattern":
        return None
    value = schema
    for step in path[:-1]:
        value = value[step]
    return str(path[-1]) if problem.keyword == "patternProperties" else str(value[path[-1]])


@lru_cache(maxsize=1)
def _regular() -> Draft202012Validator:
    return Draft202012Validator({"format": "regex"}, validate_formats=True)


def _is_regular(pattern: str) -> bool:
    """Whether ECMA-262 reads ``pattern``, which is JSON Schema's dialect; an overlong one is not looked at."""
    return len(pattern) > PATTERN_CHARACTERS or _regular().is_valid(pattern)
