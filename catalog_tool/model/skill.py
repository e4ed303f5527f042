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
