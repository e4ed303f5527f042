"""Readings of what a store holds that every backend shares."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from catalog_tool.canonical.jcs import canonical_bytes
from catalog_tool.errors import BackendError


def label_value(entry: bytes | None) -> Any:
    """A label's value from its bytes; None for none. Bytes that are no JSON are given as text."""
    if entry is None:
        return None
    try:
        return json.loads(entry)
    except ValueError:
        return entry.decode(errors="replace")


def label_versions(entry: bytes | None) -> frozenset[str]:
    """The versions that a label's value names; none where it is no value of ours."""
    value = label_value(entry)
    if isinstance(value, str):
        return frozenset({value})
    if not isinstance(value, list):
        return frozenset()
    return frozenset(str(part["version"]) for part in value if isinstance(part, dict) and "version" in part)


def skill_entry_of(entry: bytes, files: Mapping[str, tuple[str, bytes]]) -> bytes:
    """A skill's entry with the file list of what is really stored: path → mode and bytes.

    An entry that is no JSON object is given as it is: it is compared, and found different.
    """
    listed = [
        {"mode": mode, "path": path, "sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
        for path, (mode, data) in sorted(files.items(), key=lambda item: item[0].encode())
    ]
    return skill_entry_with(entry, listed)


def skill_entry_with(entry: bytes, listed: list[dict[str, Any]]) -> bytes:
    """As ``skill_entry_of``, for files whose hashes were computed already (sorted by UTF-8 path)."""
    try:
        document = json.loads(entry)
    except ValueError:
        return entry
    if not isinstance(document, dict) or document.get("files") == listed:
        return entry
    return canonical_bytes({**document, "files": listed})


def stored_json(text: str | bytes | None, what: str) -> Any:
    """A document of ours that a store holds; None where there is none. Raises ``BackendError``."""
    if text is None:
        return None
    try:
        return json.loads(text)
    except ValueError as error:
        raise BackendError(f"{what} on the target is no JSON: {error}", hint="was it edited by hand?") from error
