"""Names that people type: why one is refused, and what was probably meant (design §2, §3)."""

from __future__ import annotations

import re
import unicodedata

from catalog_tool.model.limits import SKILL_NAME_CHARACTERS
from catalog_tool.model.names import (
    WINDOWS_RESERVED,
    is_catalog_id,
    is_prompt_id,
    is_skill_name,
)

DEFAULT_CATALOG = "my-catalog"
_CATALOG_CHARACTERS = 63
_ID_FORM = "an id is lower-case words joined by `_` or `-`, with `/` between levels: support_agent, billing/refund"
_SKILL_FORM = "a skill's name is lower-case letters and digits, words joined by single hyphens: pdf-forms"
_OWN_FOLDERS = frozenset({"tests", "evidence", "versions", "labels"})
_VERSION = re.compile(r"v[0-9]+", re.ASCII)
_FILE_END = re.compile(r"(?:/v[0-9]+)?\.(?:ya?ml|json|md)\Z", re.ASCII)
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def prompt_id_problem(text: str) -> str | None:
    """Why ``text`` cannot be a prompt id, as a sentence; None where it can."""
    if is_prompt_id(text):
        return None
    if "@" in text:
        return f"{text!r} names a version or a label: give the prompt's id alone"
    for step in text.split("/"):
        if _VERSION.fullmatch(step):
            return f"{step!r} names a version and cannot be part of a prompt's id"
        if step in _OWN_FOLDERS:
            return f"{step!r} is a folder inside every prompt and cannot be part of a prompt's id"
        if step.casefold() in WINDOWS_RESERVED:
            return f"{step!r} cannot be part of a prompt's id: Windows reserves the name"
    return f"{text!r} is not a prompt id: {_ID_FORM}"


def near_prompt_id(text: str) -> str | None:
    """The prompt id that was probably meant by ``text``, or None."""
    bare = _FILE_END.sub("", text.strip().partition("@")[0])
    steps = [_words(_HUMP.sub("_", step), "_") for step in re.split(r"[/\\]", bare)]
    kept = "/".join(step for step in steps if step and not _VERSION.fullmatch(step))
    return kept if kept != text and is_prompt_id(kept) else None


def skill_name_problem(text: str) -> str | None:
    """Why ``text`` cannot be the name of a skill, as a sentence; None where it can."""
    if not is_skill_name(text):
        return f"{text!r} is not a skill's name: {_SKILL_FORM}"
    if len(text) > SKILL_NAME_CHARACTERS:
        return f"the name has {len(text)} characters; agents read {SKILL_NAME_CHARACTERS} at most"
    if text in WINDOWS_RESERVED:
        return f"{text!r} cannot be a skill's folder: Windows reserves the name"
    return None


def near_skill_name(text: str) -> str | None:
    """The skill name that was probably meant by ``text``, or None."""
    near = _words(_HUMP.sub("-", text), "-")[:SKILL_NAME_CHARACTERS].strip("-")
    return near if near != text and skill_name_problem(near) is None else None


def catalog_id_from(folder: str) -> str:
    """The id of a catalog in a folder of this name; ``my-catalog`` where the name gives none."""
    near = _words(folder, "-")[:_CATALOG_CHARACTERS].strip("-")
    return near if is_catalog_id(near) else DEFAULT_CATALOG


def _words(text: str, joint: str) -> str:
    """The ASCII words of ``text`` in lower case; accents are dropped, everything else separates."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    kept = re.sub(r"[^a-z0-9_-]+", joint, plain)
    single = re.sub(r"[_-]*([_-])[_-]*", r"\1", kept) if joint == "_" else re.sub(r"[_-]+", "-", kept)
    return single.strip("_-")
