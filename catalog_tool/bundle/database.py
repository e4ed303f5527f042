"""``bundle.sqlite``: the bundle for programs that query, with the contents of skills (design §6)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from catalog_tool.bundle.document import canonical_labels
from catalog_tool.canonical.jcs import canonical_bytes, version_id
from catalog_tool.model.labels import Labels
from catalog_tool.model.skill import SkillVersion
from catalog_tool.stores.sqlite_schema import create_bundle_database

NAME = "bundle.sqlite"


class BundleDatabase:
    """Writes one ``bundle.sqlite``; rows go in in the order they come."""

    def __init__(self, folder: Path, labels: Labels) -> None:
        self._connection = create_bundle_database(folder / NAME)
        rows = [
            (name, label, canonical_bytes(value).decode())
            for name, found in sorted(canonical_labels(labels).items())
            for label, value in sorted(found.items())
        ]
        self._connection.executemany("INSERT INTO label VALUES (?,?,?)", rows)

    def add_version(self, name: str, version: str, digest: str, entry: bytes) -> None:
        """Insert one prompt version."""
        row = (name, version, version_id(version, digest), digest, entry)
        self._connection.execute("INSERT INTO prompt_version VALUES (?,?,?,?,?)", row)

    def add_skill(self, skill: SkillVersion, entry: bytes, contents: Mapping[str, bytes]) -> None:
        """Insert one skill with its files."""
        self._connection.execute("INSERT INTO skill VALUES (?,?,?)", (skill.key, skill.digest, entry))
        self._connection.executemany(
            "INSERT INTO skill_file VALUES (?,?,?,?,?,?)",
            [(skill.key, path, mode, sha256, size, contents[path]) for path, mode, sha256, size in skill.files],
        )

    def finish(self, digest: str) -> None:
        """Write the bundle's digest and close the file."""
        rows = [("digest", digest), ("format", "1"), ("kind", "bundle")]
        self._connection.executemany("INSERT INTO meta VALUES (?,?)", rows)
        self._connection.execute("COMMIT")
        self._connection.close()

    def discard(self) -> None:
        """Close the file without finishing it."""
        self._connection.close()
