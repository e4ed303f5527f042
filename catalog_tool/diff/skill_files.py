"""The skills of one side, read as far as they may differ."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from catalog_tool.canonical.identity import SkillFile, skill_digest
from catalog_tool.diff.sides import BundleSide, TreeSide
from catalog_tool.model.limits import SKILL_FILE_BYTES
from catalog_tool.source.decoding import Flaw
from catalog_tool.source.skill_folders import SKILL_FILE, SkillFolder
from catalog_tool.source.skills import read_skill


class Skill(NamedTuple):
    """One skill: front matter (None where it cannot be used), body, and its files by path inside it.

    ``contents`` are the files' bytes; a skill of a bundle has none, and is not ``readable``.
    """

    key: str
    path: str
    digest: str
    front: Mapping[str, Any] | None
    body: str
    files: Mapping[str, SkillFile]
    contents: Mapping[str, bytes]
    readable: bool = True

    def text(self, inner: str) -> str | None:
        """A file as text; None where it is not known, or is no UTF-8."""
        data = self.contents.get(inner)
        if data is None or b"\0" in data[:8192]:
            return None
        try:
            return data.decode()
        except UnicodeDecodeError:
            return None

    def stamp(self, inner: str) -> str | None:
        """A file's SHA-256, or None where there is no such file."""
        return self.files[inner].sha256 if inner in self.files else None


def changed_skills(base: TreeSide, head: TreeSide) -> set[str]:
    """Keys of the skills that may differ: git's ids say so, or only the disk knows."""
    old, new = ({folder.key: folder for folder in side.files.skills} for side in (base, head))
    return {key for key in {*old, *new} if key not in old or key not in new or _may_differ(old[key], new[key])}


def _may_differ(old: SkillFolder, new: SkillFolder) -> bool:
    return old.files != new.files or any(entry.blob is None for entry in new.files.values())


def read_skills(side: TreeSide, keys: Iterable[str], *, whole: bool = True) -> dict[str, Skill]:
    """These of a side's skills; not ``whole``: only their SKILL.md."""
    wanted = set(keys)
    folders = {folder.key: folder for folder in reversed(side.files.skills) if folder.key in wanted}
    entries = {
        f"{folder.path}/{inner}": entry
        for folder in folders.values()
        for inner, entry in folder.files.items()
        if entry.mode.startswith("100") and (whole or inner == SKILL_FILE)
    }
    found = {content.path: content for content in side.tree.read(entries, SKILL_FILE_BYTES)} if entries else {}
    skills = {}
    for key, folder in folders.items():
        contents: dict[str, bytes | Flaw] = {}
        for inner in folder.files:
            content = found.get(f"{folder.path}/{inner}")
            if content is not None:
                unread = content.flaw or Flaw("Y001", "cannot be read")
                contents[inner] = content.data if content.data is not None else unread
        skills[key] = _skill(folder, contents, side.settings.skill_profile)
    return skills


def _skill(folder: SkillFolder, contents: Mapping[str, bytes | Flaw], profile: str) -> Skill:
    read = read_skill(folder, contents, profile)
    files = {file.path: file for file in read.files}
    return Skill(folder.key, folder.path, skill_digest(read.files), read.front, read.body, files, read.contents)


def bundled_skills(side: BundleSide | TreeSide) -> dict[str, Skill]:
    """Every skill of a side as a bundle shows it: files by their checksum, no contents."""
    if isinstance(side, TreeSide):
        whole = read_skills(side, [folder.key for folder in side.files.skills])
        return {
            key: skill._replace(
                contents={}, readable=False, front={"description": (skill.front or {}).get("description")}
            )
            for key, skill in whole.items()
        }
    found = {}
    for key, entry in side.skills.items():
        files = {
            item["path"]: SkillFile(item["path"], item["mode"], item["sha256"], item["size"]) for item in entry["files"]
        }
        front = {"description": entry.get("description")}
        found[key] = Skill(key, entry["path"], entry["digest"], front, "", files, {}, readable=False)
    return found
