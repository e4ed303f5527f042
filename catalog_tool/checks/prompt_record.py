"""One prompt version read and checked by itself: all that its own file and shared parts decide."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from catalog_tool.checks.hidden_text import find_hidden
from catalog_tool.checks.model_names import is_floating
from catalog_tool.checks.text import hidden_message, hide_secrets, text_findings
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
        if "\\" in read.document.text and read.document.value is not None:
            findings.extend(_escaped(read.document, artifact))
    if read.parts is not None:
        findings.extend(_advice(read, artifact))
    findings = hide_secrets(findings, read.document.text or "")
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
    """Hidden characters that the file spells as escapes: they are not in its text, only in its values."""
    text = document.text or ""
    pending: list[tuple[list[str | int], Any]] = [([], document.value)]
    for path, value in pending:
        if isinstance(value, dict):
            pending.extend(([*path, key], item) for key, item in value.items())
        elif isinstance(value, list):
            pending.extend(([*path, index], item) for index, item in enumerate(value))
        elif isinstance(value, str):
            for hit in find_hidden(value):
                if chr(hit.codepoints[0]) not in text:
                    code, message = hidden_message(hit)
                    spot = document.at(path)
                    yield finding(code, message, document.path, line=spot.line, column=spot.column, artifact=artifact)
