"""Readings of what a store holds that every backend shares."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from catalog_tool.canonical.identity import prompt_identity
from catalog_tool.canonical.jcs import NotCanonicalError, canonical_bytes
from catalog_tool.errors import BackendError
from catalog_tool.model.addresses import Address, parse_address
from catalog_tool.model.limits import SAFE_INTEGER
from catalog_tool.model.target import FAILED, Write, Written

NAME_BYTES = 2000
"""How long an address or a file's path may be, in bytes of UTF-8: what every store's keys can hold."""
_ONE_VERSION = re.compile(rb'"v[0-9]{1,9}"')
"""What most labels hold; reading it as JSON would cost more than all else about it."""


def generations_of(rows: Iterable[tuple[Any, Any]]) -> dict[str, int]:
    """Generations by prompt id, as a store holds them. Raises ``BackendError`` for what no sync can have written."""
    found = dict(rows)
    for name, number in found.items():
        if type(number) is not int or not 0 < number < SAFE_INTEGER:
            raise BackendError(
                f"the generation of {name!r} on the target is {number!r}: no sync wrote that",
                hint="put back a whole number, no lower than the last: clients take no lower one",
            )
    return found


def label_value(entry: bytes | None) -> Any:
    """A label's value from its bytes; None for none. Bytes that are no JSON, or no canonical one, are given as text."""
    if entry is None:
        return None
    if _ONE_VERSION.fullmatch(entry):
        return entry[1:-1].decode()
    try:
        value = json.loads(entry)
        canonical_bytes(value)
    except (ValueError, RecursionError, NotCanonicalError):
        return entry.decode(errors="replace")
    return value


def label_versions(entry: bytes | None) -> frozenset[str]:
    """The versions that a label's value names; none where it is no value of ours."""
    value = label_value(entry)
    if isinstance(value, str):
        return frozenset({value})
    if not isinstance(value, list):
        return frozenset()
    return frozenset(str(part["version"]) for part in value if isinstance(part, dict) and "version" in part)


def content_digest(entry: bytes) -> str | None:
    """The digest of a version's content, whatever the entry claims to be; None for what is no version."""
    try:
        return prompt_identity(json.loads(entry)).digest
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, NotCanonicalError):
        return None


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
        if not isinstance(document, dict) or document.get("files") == listed:
            return entry
        return canonical_bytes({**document, "files": listed})
    except (ValueError, RecursionError, NotCanonicalError):
        return entry


def stored_json(text: str | bytes | None, what: str) -> Any:
    """A document of ours that a store holds; None where there is none. Raises ``BackendError``."""
    if text is None:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BackendError(f"{what} on the target is no JSON: {error}", hint="was it edited by hand?") from error


def storable_text(text: str) -> str:
    """The text with U+FFFD for what not every store can hold: NUL and lone surrogates."""
    return text.replace("\0", "\ufffd").encode(errors="surrogatepass").decode(errors="replace")


def unstorable(write: Write, outer: str) -> str | None:
    """Why no store takes a step, ``outer`` being its address on the target; None where nothing is in the way.

    Contents of files may be any bytes; an entry is JSON, so text in UTF-8 without NUL.
    """
    for name in (outer, *(write.contents or ())):
        if not _is_text(name):
            return "the name holds NUL or a lone surrogate"
        if len(name) * 4 > NAME_BYTES and len(name.encode()) > NAME_BYTES:
            return f"the name is longer than {NAME_BYTES} bytes"
    if not _is_text(write.marker or ""):
        return "the marker holds NUL or a lone surrogate"
    if write.entry is not None and not _is_json_text(write.entry):
        return "the content is no text in UTF-8, or holds NUL"
    return None


class Batch:
    """The steps of one call: those that a store can take are ``named``, by their address on the target.

    ``outer`` makes that address of the catalog's own.
    """

    def __init__(self, writes: Sequence[Write], outer: Callable[[str], str] = str) -> None:
        self._writes = writes
        self._refused = [unstorable(write, outer(write.address)) for write in writes]
        self.named: list[tuple[Address, Write]] = [
            (parse_address(outer(write.address)), write)
            for write, refusal in zip(writes, self._refused, strict=True)
            if refusal is None
        ]

    def outcomes(self, made: Iterable[Written]) -> list[Written]:
        """One result for each step, in order: ``made`` has those of ``named``, the others have failed."""
        results = iter(made)
        return [
            next(results) if refusal is None else Written(write.address, FAILED, refusal)
            for write, refusal in zip(self._writes, self._refused, strict=True)
        ]


def _is_text(text: str) -> bool:
    return "\0" not in text and (text.isascii() or storable_text(text) == text)


def _is_json_text(entry: bytes) -> bool:
    if b"\0" in entry:
        return False
    try:
        return entry.isascii() or bool(entry.decode())
    except UnicodeDecodeError:
        return False
