"""Where a catalog's skills are: folders that hold a ``SKILL.md`` below a configured folder (design §3)."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import NamedTuple

from catalog_tool.model.codes import finding
from catalog_tool.model.finding import Finding
from catalog_tool.source.tree import LINK, Entry

SKILL_FILE = "SKILL.md"
PLUGIN_MANIFEST = ".claude-plugin/plugin.json"


class SkillFolder(NamedTuple):
    """One skill: its key (telemetry name), its folder, and its files by path inside the folder."""

    key: str
    path: str
    files: dict[str, Entry]

    @property
    def name(self) -> str:
        """The folder's own name."""
        return self.path.rpartition("/")[2]


class FoundSkills(NamedTuple):
    """The skills of a catalog by path, and what is wrong with where they are."""

    folders: list[SkillFolder]
    findings: list[Finding]


def static_prefix(glob: str) -> str:
    """The part of a glob before its first wildcard: the folder to list."""
    steps = []
    for step in glob.strip("/").split("/"):
        if any(mark in step for mark in "*?["):
            break
        steps.append(step)
    return "/".join(steps)


def glob_pattern(glob: str) -> re.Pattern[str]:
    """A glob as a pattern over whole folder paths: ``*`` does not cross ``/``, ``**`` does."""
    out = []
    for part in re.split(r"(\*\*/|/\*\*|\*\*|\*|\?)", glob.strip("/")):
        out.append(
            {"**/": "(?:.*/)?", "/**": "(?:/.*)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}.get(part)
            or re.escape(part)
        )
    return re.compile("".join(out))


def find_skills(
    entries: Mapping[str, Entry],
    globs: Sequence[str],
    read_link: Callable[[str], str],
    plugins: Callable[[str], str | None],
) -> FoundSkills:
    """The skills below the configured folders.

    ``read_link`` gives a symbolic link's target as written; ``plugins`` the plugin's name of a
    folder that holds a plugin, or None. A folder that a link leads to counts once.
    """
    findings: list[Finding] = []
    aliases = _folder_links(entries, read_link)
    patterns = [glob_pattern(glob) for glob in globs]

    @cache
    def wanted(folder: str) -> bool:
        return any(pattern.fullmatch(folder) for pattern in patterns)

    for path, entry in entries.items():
        if entry.mode == LINK and path not in aliases and wanted(posixpath.dirname(path)):
            findings.append(
                finding("S215", "the link leads to no folder of this catalog and is not followed", path)
            )
    homes = {path[:-9] for path in entries if path[-9:].casefold() == "/skill.md"}
    chosen: dict[str, str] = {}
    for home in sorted(homes, key=lambda home: (home.count("/"), home)):
        if _inside_any(home, chosen):
            continue
        shown = next((alias for alias in _spellings(home, aliases) if wanted(alias.rpartition("/")[0])), None)
        if shown is not None:
            chosen[home] = shown
    groups = _group(entries, chosen)
    return FoundSkills(
        [_folder(home, shown, groups[home], plugins) for home, shown in sorted(chosen.items())], findings
    )


def _folder(
    home: str, shown: str, files: dict[str, Entry], plugins: Callable[[str], str | None]
) -> SkillFolder:
    name = shown.rpartition("/")[2]
    container = home.rpartition("/")[0]
    owner, _, last = container.rpartition("/")
    plugin = plugins(owner) if last == "skills" and owner else None
    return SkillFolder(f"{plugin}:{name}" if plugin else name, home, files)


def _inside_any(home: str, chosen: Mapping[str, str]) -> bool:
    while home := home.rpartition("/")[0]:
        if home in chosen:
            return True
    return False


def _group(entries: Mapping[str, Entry], chosen: Iterable[str]) -> dict[str, dict[str, Entry]]:
    groups: dict[str, dict[str, Entry]] = {home: {} for home in chosen}
    for path, entry in entries.items():
        home = path
        while home := home.rpartition("/")[0]:
            if home in groups:
                groups[home][path[len(home) + 1 :]] = entry
                break
    return groups


def _folder_links(entries: Mapping[str, Entry], read_link: Callable[[str], str]) -> dict[str, str]:
    """Links by path to the folder they lead to, both inside the catalog."""
    links = {}
    for path, entry in entries.items():
        if entry.mode == LINK:
            target = posixpath.normpath(posixpath.join(posixpath.dirname(path), read_link(path)))
            if target.startswith(("/", "../")) or target == "..":
                continue
            if any(other.startswith(target + "/") for other in entries):
                links[path] = target
    return links


def _spellings(home: str, aliases: Mapping[str, str]) -> list[str]:
    """The folder's own path first, then the paths under which links show it."""
    found = [home]
    for link, target in sorted(aliases.items()):
        if home == target or home.startswith(target + "/"):
            found.append(link + home[len(target) :])
    return found
