"""``.well-known/agent-skills``: Agent Skills Discovery 0.2.0 (design §6).

A skill of one file is served as its ``SKILL.md``; every other one as an archive, a ZIP that is
stored, sorted and dated 1980-01-01. An entry's digest is that of the bytes served. Files are named by
the skill's key, which no catalog lets be anything but plain steps; in a URL they are quoted.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from catalog_tool.canonical.interop import stored_zip
from catalog_tool.canonical.jcs import canonical_bytes, digest_of_bytes
from catalog_tool.model.skill import SkillVersion

FOLDER = ".well-known/agent-skills"
INDEX = "index.json"
SKILL_FILE = "SKILL.md"
SCHEMA = "https://schemas.agentskills.io/discovery/0.2.0/schema.json"


class Discovery:
    """Writes the artifacts of the index as skills come, and the index at the end."""

    def __init__(self, folder: Path) -> None:
        self._base = f"{folder}/{FOLDER}"
        self._folders = {""}
        self._entries: list[dict[str, Any]] = []
        Path(self._base).mkdir(parents=True)

    def add(self, skill: SkillVersion, contents: Mapping[str, bytes]) -> tuple[str, bytes, str]:
        """Write one skill's artifact; returns its name below the output folder, its bytes and their digest."""
        place = skill.key.replace(":", "/")
        if [path for path, *_ in skill.files] == [SKILL_FILE] and place != INDEX:
            kind, name, data = "skill-md", f"{place}/{SKILL_FILE}", contents[SKILL_FILE]
        else:
            kind, name = "archive", f"{place}.zip"
            data = stored_zip([(path, mode, contents[path]) for path, mode, _, _ in skill.files])
        folder = name.rpartition("/")[0]
        if folder not in self._folders:
            Path(self._base, folder).mkdir(parents=True, exist_ok=True)
            self._folders.add(folder)
        with open(f"{self._base}/{name}", "wb", buffering=0) as file:
            file.write(data)
        digest = digest_of_bytes(data)
        self._entries.append(
            {
                "name": skill.key,
                "type": kind,
                "description": skill.description,
                "url": quote(name),
                "digest": digest,
            }
        )
        return f"{FOLDER}/{name}", data, digest

    def finish(self) -> tuple[str, bytes]:
        """Write the index; returns its name below the output folder and its bytes."""
        data = canonical_bytes({"$schema": SCHEMA, "skills": self._entries}, is_plain=True)
        Path(self._base, INDEX).write_bytes(data)
        return f"{FOLDER}/{INDEX}", data
