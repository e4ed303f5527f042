"""Markers: what we write onto an object to know it again (design §8).

A marker names the object it stands on, so a copied object is not ours; it holds no secret and is
never trusted for content.
"""

from __future__ import annotations

import json
from json.encoder import encode_basestring
from typing import NamedTuple

from catalog_tool.canonical.identity import HASH_VERSION
from catalog_tool.model.target import Applied

MANAGED_BY = "catalog"
_TEXT = encode_basestring


class Ownership(NamedTuple):
    """What a marker proves: ``foreign`` names another catalog; ``applied`` is what it says we wrote."""

    foreign: str | None = None
    applied: Applied | None = None
    commit: str | None = None


NOBODY = Ownership()


def marker_text(catalog: str, address: str, applied: Applied, commit: str | None) -> str:
    """The marker of an object as canonical JSON."""
    written = _TEXT(commit) if commit is not None else "null"
    return (  # put together by hand: one is made for each object that is written
        f'{{"catalog":{_TEXT(catalog)},"commit":{written},"digest":{_TEXT(applied.digest)},"hv":{HASH_VERSION},'
        f'"managed_by":"{MANAGED_BY}","meta":{_TEXT(applied.meta)},"object":{_TEXT(address)}}}'
    )


def read_marker(text: str | None, catalog: str, address: str) -> Ownership:
    """What a stored marker proves about the object at ``address``; nothing, where it is none of ours or a copy."""
    if not text:
        return NOBODY
    try:
        marker = json.loads(text)
    except (ValueError, RecursionError):
        return NOBODY
    if not isinstance(marker, dict) or marker.get("managed_by") != MANAGED_BY or marker.get("object") != address:
        return NOBODY
    if marker.get("catalog") != catalog:
        return Ownership(foreign=str(marker.get("catalog")))
    digest, meta, commit = marker.get("digest"), marker.get("meta"), marker.get("commit")
    if not isinstance(digest, str) or marker.get("hv") != HASH_VERSION:
        return NOBODY
    applied = Applied(digest, meta if isinstance(meta, str) else "")
    return Ownership(None, applied, commit if isinstance(commit, str) else None)
