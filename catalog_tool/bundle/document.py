"""``bundle.json``, written as it comes: canonical JSON of labels, prompt versions and skills (design §6).

The digest stands first and is known last. It has a fixed width, so its place is kept and filled in
at the end, and no more than one version is held in memory.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from catalog_tool.canonical.identity import HASH_VERSION, bundle_digest
from catalog_tool.canonical.jcs import canonical_bytes
from catalog_tool.errors import UsageError
from catalog_tool.model.labels import Labels
from catalog_tool.model.limits import BUNDLE_BYTES
from catalog_tool.model.skill import SkillVersion

NAME = "bundle.json"
_NO_DIGEST = "sha256:" + "0" * 64


def canonical_labels(labels: Labels) -> dict[str, dict[str, Any]]:
    """Labels as they stand in ``bundle.json``; a prompt without labels is left out."""
    return {name: {label: value.to_json() for label, value in found.items()} for name, found in labels.items() if found}


class BundleDocument:
    """Writes one ``bundle.json``. Versions come by id, then as their names sort; skills by key."""

    def __init__(self, folder: Path, labels: Labels) -> None:
        self._labels = canonical_labels(labels)
        self._prompts: dict[str, dict[str, str]] = {}
        self._skills: dict[str, str] = {}
        self._file = (folder / NAME).open("wb")
        self._size = 0
        self._in_skills = False
        head = {
            "digest": _NO_DIGEST,
            "format": 1,
            "hv": HASH_VERSION,
            "kind": "bundle",
            "labels": self._labels,
        }
        self._write(canonical_bytes(head)[:-1] + b',"prompts":{')

    def _write(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > BUNDLE_BYTES:
            raise UsageError(
                f"the bundle is larger than {BUNDLE_BYTES // 1024**2} MiB",
                hint="split the catalog, or remove versions that no label points to",
            )
        self._file.write(data)

    def add_version(self, name: str, version: str, digest: str, entry: bytes) -> None:
        """Append one prompt version; ``entry`` is its canonical JSON."""
        known = self._prompts.get(name)
        if known is None:
            start = b"%b" % (b"}," if self._prompts else b"")
            self._prompts[name] = {version: digest}
            self._write(start + canonical_bytes(name) + b':{"%b":' % version.encode() + entry)
        else:
            known[version] = digest
            self._write(b',"%b":' % version.encode() + entry)

    def _start_skills(self) -> None:
        self._write((b"}" if self._prompts else b"") + b'},"skills":{')
        self._in_skills = True

    def add_skill(self, skill: SkillVersion) -> bytes:
        """Append one skill; returns its canonical JSON."""
        if not self._in_skills:
            self._start_skills()
        entry = canonical_bytes(skill_entry(skill), is_plain=True)
        self._write((b"," if self._skills else b"") + canonical_bytes(skill.key) + b":" + entry)
        self._skills[skill.key] = skill.digest
        return entry

    def finish(self) -> str:
        """Close the document; returns the bundle's digest."""
        if not self._in_skills:
            self._start_skills()
        self._write(b"}}")
        digest = bundle_digest(self._labels, self._prompts, self._skills)
        self._file.seek(len(b'{"digest":"'))
        self._file.write(digest.encode())
        self._file.close()
        return digest

    def discard(self) -> None:
        """Close the file without finishing it."""
        self._file.close()


def skill_entry(skill: SkillVersion) -> dict[str, Any]:
    """A skill as it stands in ``bundle.json``: digest, file list, and what a client shows."""
    return {
        "description": skill.entry["description"],
        "digest": skill.digest,
        "files": [
            {"mode": mode, "path": path, "sha256": sha256, "size": size} for path, mode, sha256, size in skill.files
        ],
        "owners": skill.entry["owners"],
        "path": skill.path,
        "tags": skill.entry["tags"],
    }
