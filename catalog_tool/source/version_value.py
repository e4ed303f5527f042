"""The ``version`` of a prompt file, changed in its text and nowhere else."""

from __future__ import annotations

import json
import posixpath
import re

from catalog_tool.errors import UsageError
from catalog_tool.model.limits import PARSED_FILE_BYTES
from catalog_tool.source.document import SourceDocument
from catalog_tool.source.tree import Content

_SPACE = re.compile(r"[ \t\n\r]*")


def text_of(content: Content) -> SourceDocument:
    """A file that holds one mapping, as ``document.text`` (LF) and ``document.value``.

    Raises ``UsageError`` where it cannot be read: a copy of it could not be either.
    """
    if content.data is None:
        why = content.flaw.message if content.flaw else "cannot be read"
        raise UsageError(f"{content.path}: {why}", hint="mend it first, then bump")
    document = SourceDocument(content.path, content.data)
    if document.value is None or document.text is None:
        first = next((found for found in document.findings if found.severity == "error"), None)
        where = f":{first.line}" if first is not None and first.line else ""
        why = first.message if first is not None else "cannot be read"
        raise UsageError(f"{content.path}{where}: {why}", hint="mend it first, then bump")
    return document


def with_version(document: SourceDocument, version: str) -> str:
    """The document's text with ``version`` in place of its version; all else stays, comments too.

    Raises ``UsageError`` where the value is not written plainly on one line.
    """
    text = document.text or ""
    written = (document.value or {}).get("version")
    if written is None:
        return text
    is_json = posixpath.splitext(document.path)[1] == ".json"
    span = _json_span(text) if is_json else _yaml_span(document, text, str(written))
    if span is None:
        raise UsageError(
            f"{document.path}: the version is not written on one line",
            hint=f"write `version: {written}`, then bump",
        )
    start, end = span
    new = text[:start] + (json.dumps(version) if is_json else version) + text[end:]
    if len(new.encode()) > PARSED_FILE_BYTES:
        raise UsageError(f"{document.path} would grow beyond {PARSED_FILE_BYTES} bytes")
    return new


def _yaml_span(document: SourceDocument, text: str, written: str) -> tuple[int, int] | None:
    """Where the value's characters stand, without its quotes."""
    spot = document.at(["version"])
    if spot.line is None or spot.column is None:
        return None
    start = sum(len(line) + 1 for line in text.split("\n")[: spot.line - 1]) + spot.column - 1
    found = re.compile(rf"([\"']?)({re.escape(written)})\1(?=[ \t\n,}}]|\Z)").match(text, start)
    return found.span(2) if found is not None else None


def _json_span(text: str) -> tuple[int, int] | None:
    """Where the value of the outermost ``version`` stands in a JSON text that has been read before."""
    decoder = json.JSONDecoder()
    at = text.index("{")
    while text[at] in "{,":
        key, at = decoder.raw_decode(text, _skip(text, at + 1))
        start = _skip(text, _skip(text, at) + 1)
        _, at = decoder.raw_decode(text, start)
        if key == "version":
            return start, at
        at = _skip(text, at)
    return None


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found is not None else at
