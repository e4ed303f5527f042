"""All files of a build, written into a staging folder while the catalog is read (design §6)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from catalog_tool import __version__
from catalog_tool.bundle import database, document, skills_catalog
from catalog_tool.bundle.discovery import Discovery
from catalog_tool.canonical.interop import git_tree_id, mlflow_digest
from catalog_tool.canonical.jcs import canonical_bytes
from catalog_tool.clock import iso
from catalog_tool.model.labels import Labels
from catalog_tool.model.skill import SkillVersion

MANIFEST = "manifest.json"


class BuiltFile(NamedTuple):
    """A file of the build: name below the output folder, bytes, 64 hex."""

    name: str
    size: int
    sha256: str


class Stamp(NamedTuple):
    """What stands in the manifest only: the commit, or None, and the time of the build in seconds."""

    commit: str | None
    built_at: int


class Built(NamedTuple):
    """What a finished build wrote."""

    digest: str
    files: list[BuiltFile]


class BundleWriter:
    """Takes prompt versions (by id, then by the version's name) and skills (by key); writes every output."""

    def __init__(self, folder: Path, labels: Labels) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._document = document.BundleDocument(folder, labels)
        self._database = database.BundleDatabase(folder, labels)
        self._discovery = Discovery(folder)
        self._entries: list[dict[str, Any]] = []
        self._files: list[BuiltFile] = []

    def add_version(self, name: str, version: str, digest: str, entry: bytes) -> None:
        """Add one prompt version; ``entry`` is its canonical JSON."""
        self._document.add_version(name, version, digest, entry)
        self._database.add_version(name, version, digest, entry)

    def add_skill(self, skill: SkillVersion, contents: Mapping[str, bytes], blobs: Mapping[str, str]) -> None:
        """Add one skill with the contents of its files and their git blob ids (40 hex), by path."""
        self._database.add_skill(skill, self._document.add_skill(skill), contents)
        name, data, digest = self._discovery.add(skill, contents)
        self._files.append(BuiltFile(name, len(data), digest[7:]))
        tree = git_tree_id((path, mode, bytes.fromhex(blobs[path])) for path, mode, _, _ in skill.files)
        mlflow = mlflow_digest((path, contents[path]) for path, _, _, _ in skill.files)
        self._entries.append({**skill.entry, "interop": {"archive": digest, "git_tree": tree, "mlflow": mlflow}})

    def finish(self, budget: skills_catalog.ListingBudget, dates: skills_catalog.Dates, stamp: Stamp) -> Built:
        """Write what is left, the manifest last."""
        digest = self._document.finish()
        self._database.finish(digest)
        name, data = self._discovery.finish()
        self._files.append(_built(name, data))
        for name, data in (
            (skills_catalog.CATALOG_NAME, skills_catalog.skills_catalog(self._entries, budget, dates)),
            (skills_catalog.CSV_NAME, skills_catalog.catalog_csv(self._entries)),
        ):
            (self._folder / name).write_bytes(data)
            self._files.append(_built(name, data))
        self._files += [_hashed(self._folder, name) for name in (document.NAME, database.NAME)]
        self._files.sort()
        (self._folder / MANIFEST).write_bytes(_manifest(digest, self._files, stamp))
        return Built(digest, self._files)

    def discard(self) -> None:
        """Close what is open; the folder itself belongs to the caller."""
        self._document.discard()
        self._database.discard()


def _built(name: str, data: bytes) -> BuiltFile:
    return BuiltFile(name, len(data), hashlib.sha256(data).hexdigest())


def _hashed(folder: Path, name: str) -> BuiltFile:
    with (folder / name).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return BuiltFile(name, (folder / name).stat().st_size, digest)


def _manifest(digest: str, files: list[BuiltFile], stamp: Stamp) -> bytes:
    return canonical_bytes(
        {
            "format": 1,
            "kind": "manifest",
            "bundle": digest,
            "tool_version": __version__,
            "commit": stamp.commit,
            "built_at": iso(stamp.built_at),
            "files": [file._asdict() for file in files],
        },
        is_plain=True,
    )
