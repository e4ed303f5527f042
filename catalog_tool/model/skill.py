"""A skill as everything above the reader sees it."""

from __future__ import annotations

from typing import Any, NamedTuple


class SkillVersion(NamedTuple):
    """One skill's identity and what its catalog entry says, without the contents of its files.

    ``key`` is the telemetry name. ``files`` are ``(path, mode, sha256, size)`` sorted by path;
    ``entry`` holds the fields of ``skills-catalog.json`` that the skill itself decides.
    """

    key: str
    path: str
    digest: str
    files: tuple[tuple[str, str, str, int], ...]
    entry: dict[str, Any]

    @property
    def description(self) -> str:
        """The front matter's description, or the empty string."""
        return self.entry["description"] or ""


def listed_words(value: Any) -> list[str]:
    """``a b``, ``a, b`` or a list, as a list; commas and spaces inside brackets do not split."""
    if isinstance(value, list):
        return [item for item in value if isinstance(item, str)]
    if not isinstance(value, str):
        return []
    words, depth, word = [], 0, ""
    for character in value:
        depth += (character in "([") - (character in ")]")
        if character in ", \n\t" and depth <= 0:
            words.append(word)
            word = ""
        else:
            word += character
    return [word for word in (*words, word) if word]
