"""One prompt version read and checked by itself: all that its own file and shared parts decide."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from catalog_tool.checks.model_names import is_floating
from catalog_tool.checks.text import escaped_in, hide_secrets, text_findings
from catalog_tool.model.codes import finding
from catalog_tool.model.finding import Finding
from catalog_tool.source.document import SourceDocument
from catalog_tool.source.layout import VersionFile
from catalog_tool.source.prompts import PromptSchemas, ReadPrompt, read_prompt
from catalog_tool.source.shared_parts import SharedParts


class PromptRecord(NamedTuple):
    """What is kept of one version: enough for every later check and for the bundle.

    ``digest`` is empty where the file cannot be used. ``looked_for`` maps each shared part that was
    looked for to its digest (``-``: absent); the record holds as long as they are the same.
    ``entry`` is the canonical JSON of ``bundle.json``.
    """

    id: str
    version: str
    path: str
    digest: str
    owners: tuple[str, ...]
    looked_for: dict[str, str]
    findings: list[Finding]
    entry: bytes


def record_prompt(file: VersionFile, data: bytes, shared: SharedParts, schemas: PromptSchemas) -> PromptRecord:
    """Read and check one version's file."""
    read = read_prompt(file, data, shared, schemas)
    findings = read.document.findings
    artifact = f"{file.id}@{file.version}"
    if read.document.text is not None:
        findings.extend(text_findings(read.document.text, file.path, artifact, raw=data))
    has_escapes = "\\" in (read.document.text or "") and read.document.value is not None
    if has_escapes:
        findings.extend(_escaped(read.document, artifact))
    if read.parts is not None:
        findings.extend(_advice(read, artifact))
    findings = hide_secrets(findings, read.document.text or "")
    if has_escapes:
        findings = hide_secrets(findings, "\n".join(value for *_, value in _strings(read.document.value)))
    version = read.version
    owners = tuple((read.document.value or {}).get("owners") or ()) if version is not None else ()
    return PromptRecord(
        file.id, file.version, file.path,
        version.digest if version is not None else "",
        owners, read.uses, findings,
        version.entry() if version is not None else b"",
    )  # fmt: skip


def _advice(read: ReadPrompt, artifact: str) -> Iterator[Finding]:
    parts, document = read.parts or {}, read.document
    if is_floating(parts["model"]):
        spot = document.at(["model"])
        name = parts["model"]["name"]
        message = f"`{name}` may mean another model tomorrow: pin a snapshot to be able to reproduce answers"
        yield finding("P140", message, document.path, line=spot.line, column=spot.column, artifact=artifact)
    for index, tool in enumerate(parts["tools"]):
        if tool and "parameters" not in tool:
            spot = document.at(["tools", index])
            message = f"`{tool['name']}` has no schema here: its arguments are not reviewed"
            yield finding("P131", message, document.path, line=spot.line, column=spot.column, artifact=artifact)


def _escaped(document: SourceDocument, artifact: str) -> Iterator[Finding]:
    """What the file spells as escapes: hidden characters and secrets that are not in its text, only in its values."""
    text = document.text or ""
    for path, is_key, value in _strings(document.value):
        for code, message in escaped_in(value, text):
            spot = document.key(path) if is_key else document.at(path)
            yield finding(code, message, document.path, line=spot.line, column=spot.column, artifact=artifact)


def _strings(top: Any) -> Iterator[tuple[list[str | int], bool, str]]:
    """Every text in a value with its path, and whether it is a key."""
    pending: list[tuple[list[str | int], Any]] = [([], top)]
    for path, value in pending:
        if isinstance(value, str):
            yield path, False, value
        elif isinstance(value, dict):
            yield from (([*path, key], True, key) for key in value)
            pending.extend(([*path, key], item) for key, item in value.items())
        elif isinstance(value, list):
            pending.extend(([*path, index], item) for index, item in enumerate(value))
