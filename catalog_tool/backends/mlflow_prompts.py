"""A prompt version as the tags of an MLflow version, and back, byte for byte of its entry.

The whole entry stands in ``catalog.entry.0``, ``.1``, … beside the visible tags, its metadata in
``catalog.meta``, so that a change of metadata is one tag. Which version of ours a number there holds
says ``catalog.version``. What is visible is compared with what the entry would show: an edit there is
part of what is read, and its digest follows.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from catalog_tool.backends.mlflow_capabilities import TEXT_CHARACTERS
from catalog_tool.backends.mlflow_entities import ModelVersion
from catalog_tool.backends.mlflow_text import EMPTY, SEEN, TEXT, seen_tags, shown_parts
from catalog_tool.backends.numbering import Reserved
from catalog_tool.canonical.identity import prompt_identity, prompt_parts
from catalog_tool.canonical.jcs import NotCanonicalError, canonical_bytes, version_id
from catalog_tool.model.addresses import version_address

VERSION_TAG = "catalog.version"
VERSION_ID_TAG = "catalog.version_id"
"""For applications: what their traces carry."""
META_TAG = "catalog.meta"
MARKER_TAG = "catalog.marker"
ENTRY_TAG = "catalog.entry."
KIND_TAG = "catalog.kind"
"""On what is no prompt: the versions in which the target remembers us."""
CHUNK_CHARACTERS = 16_000
"""How much of an entry one tag holds: MySQL's columns end at 65,535 bytes, four a character."""


class UnwritableError(ValueError):
    """The version cannot be stored there; the text says why."""


def version_tags(version: str, entry: bytes, marker: str | None) -> dict[str, str]:
    """Every tag of a version that holds ``entry``, the marker's last. Raises ``UnwritableError``."""
    document = _canonical(entry)
    meta = canonical_bytes(document.pop("meta", {})).decode()
    try:
        tags = {VERSION_TAG: version, **_chunks(canonical_bytes(document).decode()), META_TAG: meta}
        tags |= {VERSION_ID_TAG: str(document["version_id"]), **seen_tags(document)}
    except (KeyError, TypeError, AttributeError) as error:
        raise UnwritableError(f"the content is no prompt version: {error}") from error
    if len(tags[TEXT]) > TEXT_CHARACTERS:
        raise UnwritableError(f"its text has {len(tags[TEXT]):,} characters, MLflow takes {TEXT_CHARACTERS:,}")
    for key, value in tags.items():
        if len(value) > TEXT_CHARACTERS:
            raise UnwritableError(f"{key} would hold {len(value):,} characters, MLflow takes {TEXT_CHARACTERS:,}")
        if not _is_text(value):
            raise UnwritableError("its text holds NUL or a lone surrogate, which MLflow stores as another")
    return tags if marker is None else {**tags, MARKER_TAG: marker}


def refusal(version: str, entry: bytes) -> str | None:
    """Why a version cannot be stored there; None where it can."""
    try:
        version_tags(version, entry, None)
    except UnwritableError as error:
        return str(error)
    return None


def _canonical(entry: bytes) -> dict[str, Any]:
    try:
        document = json.loads(entry)
        is_canonical = isinstance(document, dict) and canonical_bytes(document) == entry
    except (ValueError, RecursionError, NotCanonicalError) as error:
        raise UnwritableError(f"the content is no canonical JSON: {error}") from error
    if not is_canonical:
        raise UnwritableError("the content is no canonical JSON")
    return dict(document)


def _is_text(value: str) -> bool:
    return "\0" not in value and not any("\ud800" <= char <= "\udfff" for char in value)


def _chunks(text: str) -> dict[str, str]:
    starts = range(0, len(text), CHUNK_CHARACTERS)
    return {f"{ENTRY_TAG}{number}": text[start : start + CHUNK_CHARACTERS] for number, start in enumerate(starts)}


def leftover_tags(before: Mapping[str, str], wanted: Mapping[str, str]) -> list[str]:
    """The tags of an older content that a newer one does not set."""
    ours = (*SEEN, MARKER_TAG)
    return [key for key in before if key not in wanted and (key in ours or key.startswith(ENTRY_TAG))]


def entry_of(version: str, tags: Mapping[str, str]) -> bytes:
    """The entry of what is stored there now, visible edits in it; what cannot be read is given as it is."""
    written = "".join(_written(tags))
    meta = _meta(tags)
    try:
        document = json.loads(written) if written else None
        parts = EMPTY if document is None else prompt_parts(document)
        shown = shown_parts(parts, tags)
        if document is not None and shown == parts:
            claimed = tags.get(VERSION_ID_TAG, document["version_id"])
            return canonical_bytes({**document, "meta": meta, "version_id": claimed})
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, NotCanonicalError):
        return json.dumps({"unreadable": {key: tags[key] for key in sorted(tags)}}).encode()
    return _claimed(version, shown, meta)


def _claimed(version: str, parts: dict[str, Any], meta: dict[str, Any]) -> bytes:
    """An entry that claims what it holds: whoever edits there edits no digest."""
    try:
        identity = prompt_identity(parts)
        claims = {"digest": identity.digest, "version_id": version_id(version, identity.digest), "meta": meta}
        return canonical_bytes({**prompt_parts(parts), **claims})
    except (NotCanonicalError, RecursionError, TypeError, AttributeError):
        return json.dumps({**parts, "meta": meta}, sort_keys=True).encode()


def _written(tags: Mapping[str, str]) -> Iterator[str]:
    number = 0
    while (text := tags.get(f"{ENTRY_TAG}{number}")) is not None:
        yield text
        number += 1


def _meta(tags: Mapping[str, str]) -> dict[str, Any]:
    text = tags.get(META_TAG)
    if text is None:
        return {}
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {"x-unreadable": text}
    return found if isinstance(found, dict) else {"x-unreadable": text}


def stranger(number: int) -> str:
    """What a version goes by that nobody else's word names: its number there, as none of git's is written."""
    return f"mlflow-{number}"


def named_versions(name: str, versions: Iterable[ModelVersion], reserved: Reserved) -> dict[str, ModelVersion]:
    """The versions of the prompt ``name`` by our names, from the numbers they have there.

    The lowest number that claims a name has it. What claims none, or one that is taken (a copy), is
    called by its number: ``vN``, or where that is another's ``mlflow-N``.
    """
    ordered = sorted(versions, key=lambda found: found.number)
    named: dict[str, ModelVersion] = {}
    others = []
    for found in ordered:
        claim = found.tags.get(VERSION_TAG)
        if claim and claim not in named:
            named[claim] = found
        else:
            others.append(found)
    for found in others:
        plain = f"v{found.number}"
        is_free = plain not in named and reserved.is_free(
            version_address(name, plain), partial(entry_of, plain, found.tags)
        )
        named[plain if is_free else stranger(found.number)] = found
    return named
