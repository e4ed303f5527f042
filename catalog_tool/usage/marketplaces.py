"""In which plugins a repository's own marketplaces hand its skills out: ``.claude-plugin/marketplace.json``.

Such a file lists plugins; one whose ``source`` is a path, taken from the folder that holds ``.claude-plugin``,
lies in the same repository. Its skills are in its ``skills`` folder, or where its entry says. The form is that of
the agents' marketplace reference; what is not in that form names no plugin, for agents do not load it either.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from catalog_tool.model.limits import PARSED_FILE_BYTES
from catalog_tool.source.root import Place
from catalog_tool.source.skill_folders import path_refusal
from catalog_tool.source.tree import FILE, Entry, WorkTree

MANIFEST = ".claude-plugin/marketplace.json"
MOST = 100
"""Plugins that one folder's skills are looked for in; nobody hands a skill out in more."""


class PluginId(NamedTuple):
    """A plugin as agents install it: ``plugin@marketplace``."""

    plugin: str
    marketplace: str


def plugin_ids(place: Place, skills: Collection[str]) -> dict[str, tuple[PluginId, ...]]:
    """Skill folder (from the catalog's root) → the plugins that hand it out, by the marketplaces above it."""
    top = Path(place.git.top if place.git is not None else place.root)
    paths = {skill: f"{place.prefix}{skill}" for skill in skills if path_refusal(skill) is None}
    roots = {folder for path in paths.values() for folder in _above(path)}
    wanted = {posixpath.join(root, MANIFEST): Entry(FILE, None) for root in sorted(roots)}
    offered: dict[str, dict[PluginId, None]] = {}
    for content in WorkTree(top).read(wanted, PARSED_FILE_BYTES):
        root = content.path.removesuffix(MANIFEST).rstrip("/")
        for folder, plugin in _offers(root, _json_object(content.data)):
            held = offered.setdefault(folder, {})
            if len(held) < MOST:
                held[plugin] = None
    found = {skill: {**offered.get(path, {}), **offered.get(_parent(path), {})} for skill, path in paths.items()}
    return {skill: tuple(held) for skill, held in found.items() if held}


def _above(path: str) -> Iterator[str]:
    while path:
        path = _parent(path)
        yield path


def _parent(path: str) -> str:
    return path.rpartition("/")[0]


def _json_object(data: bytes | None) -> Mapping[str, Any]:
    try:
        value = json.loads(data or b"")
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _offers(root: str, market: Mapping[str, Any]) -> Iterator[tuple[str, PluginId]]:
    """The folders that hold skills, or are skills, with the plugin that they belong to."""
    name, metadata, plugins = market.get("name"), market.get("metadata"), market.get("plugins")
    if not isinstance(name, str) or not name or not isinstance(plugins, list):
        return
    base = metadata.get("pluginRoot") if isinstance(metadata, dict) else None
    for entry in plugins:
        plugin, source = (entry.get("name"), entry.get("source")) if isinstance(entry, dict) else (None, None)
        if not isinstance(plugin, str) or not plugin or not isinstance(source, str):
            continue
        named = not source.startswith("./") and isinstance(base, str)
        home = _inside(root, f"{base}/{source}" if named else source)
        written = entry.get("skills")
        folders = [written] if isinstance(written, str) else written if isinstance(written, list) else ["skills"]
        for folder in folders:
            place = _inside(home, folder) if home is not None and isinstance(folder, str) else None
            if place is not None:
                yield place, PluginId(plugin, name)


def _inside(root: str, path: str) -> str | None:
    """A path from the top of the repository; None where it leaves that."""
    found = posixpath.normpath(posixpath.join(root, path))
    if found == ".":
        return ""
    return None if found.startswith(("/", "../")) or found == ".." else found
