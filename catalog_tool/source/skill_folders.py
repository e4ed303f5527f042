"""Where a catalog's skills are: folders that hold a ``SKILL.md`` below a configured folder (design §3)."""

from __future__ import annotations

import posixpath
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from typing import NamedTuple

from catalog_tool.model.codes import finding
from catalog_tool.model.finding import Finding
from catalog_tool.model.names import WINDOWS_RESERVED
from catalog_tool.source.globs import glob_source
from catalog_tool.source.tree import LINK, SUBMODULE, Entry

SKILL_FILE = "SKILL.md"
A_SUBMODULE = "a submodule, or a repository of its own: its files are not part of this one"
PLUGIN_MANIFEST = ".claude-plugin/plugin.json"

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\\]|[\ud800-\udfff]")
_NEVER_A_STEP = frozenset({"", ".", "..", ".git"})
_PLUGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*", re.ASCII)
_LINKS_IN_A_ROW = 40
_SPELLINGS = 50


class SkillFolder(NamedTuple):
    """One skill: its key (telemetry name), its folder, and its files by path inside the folder."""

    key: str
    path: str
    files: dict[str, Entry]

    @property
    def name(self) -> str:
        """The folder's name as agents see it, through a link where one leads there."""
        return self.key.rpartition(":")[2]

    @property
    def skill_file(self) -> str:
        """``SKILL.md`` as this skill spells it: agents on systems that ignore case read ``skill.md`` too."""
        if SKILL_FILE in self.files:
            return SKILL_FILE
        return next((name for name in self.files if name.casefold() == "skill.md"), SKILL_FILE)


class FoundSkills(NamedTuple):
    """The skills of a catalog by path, and what is wrong with where they are."""

    folders: list[SkillFolder]
    findings: list[Finding]


def static_prefix(glob: str) -> str:
    """The part of a glob before its first wildcard: the folder to list."""
    steps = []
    for step in _steps(glob):
        if "*" in step or "?" in step:
            break
        steps.append(step)
    return "/".join(steps)


def glob_pattern(glob: str) -> re.Pattern[str]:
    """A glob as a pattern over whole folder paths."""
    return re.compile(glob_source("/".join(_steps(glob))))


def _steps(glob: str) -> list[str]:
    """The names between a glob's slashes; ``./skills/`` is ``skills``."""
    return [step for step in glob.split("/") if step not in ("", ".")]


@lru_cache(maxsize=4096)
def path_refusal(path: str) -> str | None:
    """Why no skill may hold a file or folder of this path, on any system; None where it may (design §4)."""
    if _UNPRINTABLE.search(path):
        return "a backslash, control character or byte that is not UTF-8 in the name"
    if not path.isascii() and not unicodedata.is_normalized("NFC", path):
        return "its name is not in Unicode normal form C"
    for step in path.split("/"):
        if step in _NEVER_A_STEP:
            return f"{step!r} cannot be a file's or a folder's name"
        if step.partition(".")[0].casefold() in WINDOWS_RESERVED:
            return f"the name {step!r} cannot exist on Windows"
    return None


def printable(path: str) -> str:
    """A path as it can stand in a report: bytes that are not UTF-8 as escapes."""
    return path if path.isascii() else path.encode("utf-8", "backslashreplace").decode()


def find_skills(
    entries: Mapping[str, Entry],
    globs: Sequence[str],
    read_link: Callable[[str], str],
    plugins: Callable[[str], str | None],
) -> FoundSkills:
    """The skills below the configured folders.

    ``read_link`` gives a symbolic link's target as written; ``plugins`` the plugin's name of a
    folder (empty: the catalog's root) that holds a plugin, or None. A folder that a link leads to counts once.
    """
    links = _FolderLinks(entries, read_link)
    patterns = [glob_pattern(glob) for glob in globs]

    @cache
    def wanted(folder: str) -> bool:
        return any(pattern.fullmatch(folder) for pattern in patterns)

    homes = {path[:-9] for path in entries if path[-9:].casefold() == "/skill.md"}
    chosen: dict[str, str] = {}
    for home in sorted(homes, key=lambda home: (home.count("/"), home)):
        if _inside_any(home, chosen):
            continue
        shown = next((path for path in links.spellings(home) if wanted(posixpath.dirname(path))), None)
        if shown is not None:
            chosen[home] = shown
    findings = [
        finding("S215", "the link leads to no folder of this catalog and is not followed", printable(path))
        for path in links.astray
        if wanted(posixpath.dirname(path)) and not _inside_any(path, chosen)
    ]
    findings += [
        finding("S216", f"{A_SUBMODULE}: no skill is read from here", printable(path))
        for path, entry in entries.items()
        if entry.mode == SUBMODULE and wanted(posixpath.dirname(path)) and not _inside_any(path, chosen)
    ]
    findings += [
        finding(
            "S219", "no skill is read this deep: a skill is a folder directly in a folder of skills", printable(home)
        )
        for home in sorted(homes.difference(chosen))
        if _is_too_deep(home, wanted) and not _inside_any(home, chosen)
    ]
    groups = _group(entries, chosen)
    folders = []
    for home, shown in sorted(chosen.items()):
        reason = _folder_refusal(home, shown)
        if reason is None:
            folders.append(_folder(home, shown, groups[home], plugins))
        else:
            findings.append(finding("S216", f"{reason}: no skill is read from here", printable(home)))
    return FoundSkills(folders, findings)


def _is_too_deep(home: str, wanted: Callable[[str], bool]) -> bool:
    """Whether a folder lies in one of skills, more than a level down; what begins with `.` or `_` was put aside."""
    below = [posixpath.basename(home)]
    for folder in _above(home):
        if wanted(folder):
            return len(below) > 1 and not any(name.startswith((".", "_")) for name in below)
        below.append(posixpath.basename(folder))
    return False


def _folder_refusal(home: str, shown: str) -> str | None:
    name = posixpath.basename(shown)
    return f"the folder {name!r} has a colon in its name" if ":" in name else path_refusal(home)


def _folder(home: str, shown: str, files: dict[str, Entry], plugins: Callable[[str], str | None]) -> SkillFolder:
    name = posixpath.basename(shown)
    owner, _, last = posixpath.dirname(home).rpartition("/")
    plugin = plugins(owner) if last == "skills" else None
    if plugin and _PLUGIN.fullmatch(plugin) is None:
        plugin = posixpath.basename(owner)
    return SkillFolder(f"{plugin}:{name}" if plugin else name, home, files)


def _inside_any(home: str, chosen: Mapping[str, str]) -> bool:
    return any(folder in chosen for folder in _above(home))


def _group(entries: Mapping[str, Entry], chosen: Iterable[str]) -> dict[str, dict[str, Entry]]:
    groups: dict[str, dict[str, Entry]] = {home: {} for home in chosen}
    for path, entry in entries.items():
        for home in _above(path):
            if home in groups:
                groups[home][path[len(home) + 1 :]] = entry
                break
    return groups


def _above(path: str) -> Iterator[str]:
    """The folders that a path lies in, the nearest first."""
    while path := path.rpartition("/")[0]:
        yield path


class _FolderLinks:
    """The symbolic links of a catalog: to which of its own folders they lead, if to any."""

    def __init__(self, entries: Mapping[str, Entry], read_link: Callable[[str], str]) -> None:
        self._written = {path: read_link(path) for path, entry in entries.items() if entry.mode == LINK}
        folders = {folder for path in entries for folder in _above(path)} if self._written else set()
        self._by_target: dict[str, list[str]] = {}
        self.astray: list[str] = []
        for path in sorted(self._written):
            target = self._resolve(path)
            if target not in folders:
                self.astray.append(path)
            elif not f"{path}/".startswith(f"{target}/"):
                self._by_target.setdefault(target, []).append(path)

    def _resolve(self, link: str) -> str:
        """Where a link leads in the end, without asking the disk; the empty string outside the catalog."""
        done: list[str] = []
        pending = link.split("/")[::-1]
        hops = 0
        while pending:
            step = pending.pop()
            if step == "..":
                if not done:
                    return ""
                done.pop()
            elif step not in ("", "."):
                done.append(step)
                written = self._written.get("/".join(done))
                if written is not None:
                    hops += 1
                    if hops > _LINKS_IN_A_ROW or written.startswith("/"):
                        return ""
                    done.pop()
                    pending += written.split("/")[::-1]
        return "/".join(done)

    def spellings(self, home: str) -> Iterable[str]:
        """The paths of a folder: its own first, then those under which links show it."""
        found = [home]
        if not self._by_target:
            return found
        for path in found:
            for folder in (path, *_above(path)):
                found += [link + path[len(folder) :] for link in self._by_target.get(folder, ())]
            if len(found) > _SPELLINGS:
                break
        return found
