"""Names that the contract knows: prompt ids, versions, labels, references (design §2)."""

from __future__ import annotations

import re
from typing import NamedTuple

_WORD = r"[a-z][a-z0-9]*(?:[_-][a-z0-9]+)*"
_ID = re.compile(rf"{_WORD}(?:/{_WORD})*", re.ASCII)
_VERSION = re.compile(r"v(?:0|[1-9][0-9]*)", re.ASCII)
_LABEL = re.compile(r"[a-z][a-z0-9_-]{0,35}", re.ASCII)
_REFUSED = re.compile(
    r"(?:^|/)(?:tests|evidence|versions|labels|v[0-9]+|con|prn|aux|nul|com[0-9]|lpt[0-9])(?=/|$)", re.ASCII
)
_VERSION_LIKE = re.compile(r"v[0-9]+", re.ASCII)
_SKILL = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*", re.ASCII)
_CATALOG = re.compile(r"[a-z0-9][a-z0-9-]{0,62}", re.ASCII)

WINDOWS_RESERVED = frozenset(
    {"con", "prn", "aux", "nul", "conin$", "conout$"} | {f"{d}{n}" for d in ("com", "lpt") for n in range(10)}
)


def is_prompt_id(text: str) -> bool:
    """Whether ``text`` may be a prompt id: ``billing/refund``, no reserved segment."""
    return _ID.fullmatch(text) is not None and _REFUSED.search(text) is None


def is_version(text: str) -> bool:
    """Whether ``text`` is a version: ``v1``, ``v2``, … without leading zeros."""
    return _VERSION.fullmatch(text) is not None and text != "v0"


def version_number(text: str) -> int:
    """``v12`` → 12, the key versions sort by."""
    return int(text[1:])


def is_label(text: str) -> bool:
    """Whether ``text`` may be a label: never ``latest``, never ``v<digits>``."""
    return _LABEL.fullmatch(text) is not None and text != "latest" and not _VERSION_LIKE.fullmatch(text)


def is_skill_name(text: str) -> bool:
    """Whether ``text`` has the form of agentskills.io's ``name`` (its length is checked apart)."""
    return _SKILL.fullmatch(text) is not None


def is_catalog_id(text: str) -> bool:
    """Whether ``text`` may be the id of a catalog."""
    return _CATALOG.fullmatch(text) is not None


class Reference(NamedTuple):
    """``[REV:]NAME[@SELECTOR]``, where the selector is a label, a version or a digest prefix."""

    name: str
    selector: str | None = None
    revision: str | None = None
