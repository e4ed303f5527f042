"""Everything a catalog consists of, found by path, before prompts and skills are read."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from catalog_tool.errors import UsageError
from catalog_tool.model.agent_limits import ListingLimits
from catalog_tool.model.codes import finding
from catalog_tool.model.finding import WARNING, Finding
from catalog_tool.model.labels import Labels
from catalog_tool.model.limits import PARSED_FILE_BYTES
from catalog_tool.model.settings import SETTINGS_FILE, Settings
from catalog_tool.source.codeowners import LOCATIONS, OwnerRule, read_codeowners
from catalog_tool.source.decoding import decode
from catalog_tool.source.document import SourceDocument
from catalog_tool.source.layout import PromptLayout, lay_out_prompts
from catalog_tool.source.registry import read_registry
from catalog_tool.source.root import inside_bare
from catalog_tool.source.schema_engine import SchemaEngine
from catalog_tool.source.schemas import load_schema
from catalog_tool.source.settings import read_settings
from catalog_tool.source.shared_parts import SharedParts, read_shared
from catalog_tool.source.skill_folders import (
    A_SUBMODULE,
    PLUGIN_MANIFEST,
    SkillFolder,
    find_skills,
    glob_pattern,
    printable,
    static_prefix,
)
from catalog_tool.source.team_schemas import TeamSchemas, read_team_schemas
from catalog_tool.source.tree import EXECUTABLE, FILE, LINK, SUBMODULE, Entry, Tree, WorkTree

AGENT_SETTINGS = ".claude/settings.json"
REGISTRY_FILE = "registry.yaml"
_MISNAMED_SETTINGS = ("catalog.yml", "catalog.json")
LINKS_IN_A_ROW = 3
"""Links to folders that hold links, and so on: how far they are followed inside the catalog."""
LINKED_FOLDERS = 500
"""Folders elsewhere in the catalog that links in place of skills may lead to."""


class CatalogFiles(NamedTuple):
    """The files of one catalog, with what is small already read.

    ``registry`` is the registry's document, for places; ``listed`` the paths that were looked at, from the
    top of the repository; ``small`` the bytes of settings, registry and shared parts, by path.
    """

    settings: Settings
    entries: dict[str, Entry]
    layout: PromptLayout
    shared: SharedParts
    labels: Labels
    registry: SourceDocument | None
    skills: list[SkillFolder]
    owners: list[OwnerRule]
    agent_settings: dict[str, object]
    team_schemas: TeamSchemas
    prefix: str
    listed: list[str]
    small: dict[str, bytes]
    findings: list[Finding]

    @property
    def registry_path(self) -> str:
        """Where the registry stands, or would stand, from the catalog's root."""
        return f"{self.settings.prompts}/{REGISTRY_FILE}"

    @property
    def exists(self) -> bool:
        """Whether there is a catalog at all: settings, or anything that could be a prompt or a skill."""
        folder = f"{self.settings.prompts}/"
        if self.skills or any(path == SETTINGS_FILE or path.startswith(folder) for path in self.entries):
            return True
        return any(True for _ in _kept_elsewhere(self.entries, self.settings))


def refuse_absent(files: CatalogFiles, tree: Tree) -> None:
    """Raise ``UsageError`` where there is no catalog at all, which is not the same as one that holds nothing.

    ``GitError`` where that is because ``tree`` is the inside of a bare repository.
    """
    if files.exists:
        return
    if isinstance(tree, WorkTree) and tree.git is None and (bare := inside_bare(str(tree.root))):
        raise bare
    hint = "run `catalog init` to start one, or name its folder with -C"
    raise UsageError("there is no catalog here: no catalog.yaml, no prompts, no skills", hint=hint)


def find_catalog(tree: Tree, *, whole: bool = True) -> CatalogFiles:
    """Look at one tree. Raises ``GitError`` where it cannot be listed; what is wrong is in ``findings``.

    ``whole``: the tree shows everything, so a folder of the settings that holds nothing is a mistake.
    """
    listing, settings, findings = _list(tree)
    listing, listed = _behind_links(tree, listing, settings)
    inner = len(tree.prefix)
    entries = {path[inner:]: entry for path, entry in listing.items() if path.startswith(tree.prefix)}
    if isinstance(tree, WorkTree):
        entries.update(tree.odd_entries(settings.prompts))
    layout = lay_out_prompts(entries, settings.prompts)
    findings.extend(layout.findings)
    small = _SmallFiles(tree, listing, _wanted(entries, layout, settings, tree.prefix), findings)
    shared, found = read_shared(layout, small.inner, SchemaEngine(load_schema("tool")) if layout.tools else None)
    findings.extend(found)
    labels, registry = _labels(layout, small, findings)
    skills = find_skills(entries, settings.skills, small.link, small.plugin)
    findings.extend(skills.findings)
    findings.extend(_nested(entries, {skill.path for skill in skills.folders}))
    findings.extend(_kept_elsewhere(entries, settings))
    findings.extend(_unread_settings(entries, small))
    findings.extend(_missing_folders(entries, settings) if whole else ())
    team, found = read_team_schemas(settings, entries, small.inner)
    findings.extend(found)
    return CatalogFiles(
        settings, entries, layout, shared, labels, registry, skills.folders,
        _owners(small), _agent_settings(small), team, tree.prefix,
        listed, small.texts(layout), findings,
    )  # fmt: skip


def _list(tree: Tree) -> tuple[dict[str, Entry], Settings, list[Finding]]:
    """Every file that may matter, by path from the top, and the settings that say which those are."""
    top = tree.top()
    listing = top.list(_paths(tree.prefix, Settings()))
    entry = listing.get(tree.prefix + SETTINGS_FILE)
    if entry is None:
        return listing, *read_settings(None)
    if entry.mode not in (FILE, EXECUTABLE):
        message = "settings are read from a regular file only"
        return listing, Settings(), [finding("Y024", message, SETTINGS_FILE)]
    content = next(iter(tree.read({SETTINGS_FILE: entry}, PARSED_FILE_BYTES)))
    if content.flaw is not None:
        return listing, Settings(), [finding(content.flaw.code, content.flaw.message, SETTINGS_FILE)]
    settings, findings = read_settings(content.data)
    if _paths(tree.prefix, settings) != _paths(tree.prefix, Settings()):
        listing = top.list(_paths(tree.prefix, settings))
    return listing, settings, findings


def _paths(prefix: str, settings: Settings) -> list[str]:
    folders = [static_prefix(glob) for glob in settings.skills]
    if not all(folders):
        return [prefix.rstrip("/"), *LOCATIONS, AGENT_SETTINGS] if prefix else []
    inner = {
        SETTINGS_FILE,
        *_MISNAMED_SETTINGS,
        settings.prompts,
        *folders,
        *(posixpath.join(posixpath.dirname(folder), PLUGIN_MANIFEST) for folder in folders),
        *(_relative(path) for path in settings.schemas.values()),
    }
    return sorted({prefix + path for path in inner} | {*LOCATIONS, AGENT_SETTINGS})


def _behind_links(tree: Tree, listing: dict[str, Entry], settings: Settings) -> tuple[dict[str, Entry], list[str]]:
    """The listing, with the folders of this catalog that links in place of skills lead to, and its paths."""
    paths = _paths(tree.prefix, settings)
    for _ in range(LINKS_IN_A_ROW if paths else 0):
        known = tuple(f"{path}/" for path in paths)
        found = _link_targets(tree, listing, settings, frozenset(paths))
        new = sorted({path for path in found if not f"{path}/".startswith(known)})
        if not new:
            break
        paths = sorted([*paths, *new[:LINKED_FOLDERS]])
        listing = tree.top().list(paths)
    return listing, paths


def _link_targets(
    tree: Tree, listing: Mapping[str, Entry], settings: Settings, paths: Collection[str]
) -> Iterator[str]:
    """Where links lead that are among ``paths``, or in place of a skill in a configured folder."""
    cut = len(tree.prefix)
    links = [path for path, entry in listing.items() if entry.mode == LINK and path.startswith(tree.prefix)]
    patterns = [glob_pattern(glob) for glob in settings.skills] if links else []
    chosen = {
        path: listing[path]
        for path in links
        if path in paths or any(pattern.fullmatch(posixpath.dirname(path[cut:])) for pattern in patterns)
    }
    for content in tree.top().read(chosen, PARSED_FILE_BYTES) if chosen else ():
        written = (content.data or b"").decode(errors="replace")
        target = _relative(posixpath.join(posixpath.dirname(content.path[cut:]), written))
        if written and target not in (".", "..") and not target.startswith(("/", "../")):
            yield tree.prefix + target


def _relative(path: str) -> str:
    return posixpath.normpath(path)


def _wanted(entries: Mapping[str, Entry], layout: PromptLayout, settings: Settings, prefix: str) -> dict[str, None]:
    """Paths from the top of the small files that are read at once, each once, in a fixed order."""
    inner = [
        *layout.partials.values(),
        *layout.tools.values(),
        *(_relative(path) for path in settings.schemas.values()),
    ]
    inner += [SETTINGS_FILE, *([layout.registry] if layout.registry is not None else [])]
    inner += [path for path, entry in entries.items() if entry.mode == LINK or path.endswith(PLUGIN_MANIFEST)]
    return dict.fromkeys([prefix + path for path in inner] + [*LOCATIONS, AGENT_SETTINGS])


class _SmallFiles:
    """The files that are needed before any prompt or skill, read in one go."""

    def __init__(
        self, tree: Tree, listing: Mapping[str, Entry], wanted: Mapping[str, None], findings: list[Finding]
    ) -> None:
        self.prefix = tree.prefix
        self.at_top: dict[str, bytes | None] = {}
        present = {
            path: listing[path] for path in wanted if path in listing and listing[path].mode in (FILE, EXECUTABLE, LINK)
        }
        for content in tree.top().read(present, PARSED_FILE_BYTES):
            self.at_top[content.path] = content.data
            if content.flaw is not None:
                findings.append(
                    finding(content.flaw.code, content.flaw.message, content.path.removeprefix(self.prefix))
                )
        cut = len(self.prefix)
        self.inner = {path[cut:]: data for path, data in self.at_top.items() if path.startswith(self.prefix)}

    def texts(self, layout: PromptLayout) -> dict[str, bytes]:
        """The bytes of the settings, the registry and the shared parts that could be read, by path."""
        paths = [SETTINGS_FILE, *layout.partials.values(), *layout.tools.values(), *filter(None, [layout.registry])]
        return {path: data for path in paths if (data := self.inner.get(path)) is not None}

    def link(self, path: str) -> str:
        """A symbolic link's target as written."""
        return (self.inner.get(path) or b"").decode(errors="replace")

    def plugin(self, folder: str) -> str | None:
        """The plugin whose root is ``folder``: its manifest's name, else the folder's below ``plugins/``."""
        data = self.inner.get(posixpath.join(folder, PLUGIN_MANIFEST))
        parent, name = posixpath.split(folder)
        if data is None:
            return name if posixpath.basename(parent) == "plugins" else None
        named = _json_object(data).get("name")
        return named if isinstance(named, str) and named else name


def _json_object(data: bytes) -> dict[str, object]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _labels(layout: PromptLayout, small: _SmallFiles, findings: list[Finding]) -> tuple[Labels, SourceDocument | None]:
    data = small.inner.get(layout.registry) if layout.registry is not None else None
    if layout.registry is None or data is None:
        return {}, None
    labels, document, found = read_registry(layout.registry, data)
    findings.extend(found)
    return labels, document


def _owners(small: _SmallFiles) -> list[OwnerRule]:
    for location in LOCATIONS:
        data = small.at_top.get(location)
        if data is not None:
            return read_codeowners(decode(data).text or "")
    return []


def _agent_settings(small: _SmallFiles) -> dict[str, object]:
    return _json_object(small.at_top.get(AGENT_SETTINGS) or b"{}")


def _unread_settings(entries: Mapping[str, Entry], small: _SmallFiles) -> Iterator[Finding]:
    """Settings that somebody wrote and nothing follows: under another name, or not in a form that can be used."""
    for name in _MISNAMED_SETTINGS:
        if name in entries and SETTINGS_FILE not in entries:
            message = f"{name} is not read: the settings stand in {SETTINGS_FILE}"
            yield finding("C308", message, name, hint=f"git mv {name} {SETTINGS_FILE}")
    data = small.at_top.get(AGENT_SETTINGS)
    if not data:
        return
    settings = _json_object(data)
    is_object = bool(settings) or data.strip() == b"{}"
    for why in ListingLimits(settings).refused if is_object else ["this is no JSON object"]:
        message = f"{AGENT_SETTINGS}: {why}; the agent's own limits are taken"
        yield finding("C308", message, None if small.prefix else AGENT_SETTINGS)


def _kept_elsewhere(entries: Mapping[str, Entry], settings: Settings) -> Iterator[Finding]:
    """Folders of the settings in whose place a submodule stands, or for prompts a link: nothing is read there."""
    mode = entries[settings.prompts].mode if settings.prompts in entries else FILE
    if mode in (LINK, SUBMODULE):
        what = A_SUBMODULE if mode == SUBMODULE else "a symbolic link: it is not followed"
        yield finding("Y024", f"{what}: no prompt is read from here", printable(settings.prompts))
    for path in sorted({static_prefix(glob) for glob in settings.skills}):
        if path in entries and entries[path].mode == SUBMODULE:
            yield finding("S216", f"{A_SUBMODULE}: no skill is read from here", printable(path))


def _missing_folders(entries: Mapping[str, Entry], settings: Settings) -> Iterator[Finding]:
    """Folders that the settings name and that hold nothing: a typo there would look like an empty catalog."""
    usual = Settings()
    hint = "check its spelling"
    if settings.prompts != usual.prompts and not _holds(entries, settings.prompts):
        yield finding("C307", f"there is nothing in the folder `{settings.prompts}`", SETTINGS_FILE, hint=hint)
    if settings.skills == usual.skills:
        return
    empty = [glob for glob in settings.skills if not _holds(entries, static_prefix(glob))]
    if empty and len(empty) == len(settings.skills):
        named = ", ".join(f"`{glob}`" for glob in empty)
        yield finding("C307", f"there is nothing in the skill folders {named}", SETTINGS_FILE, hint=hint)
        return
    for glob in empty:
        if glob not in usual.skills:
            message = f"there is nothing in the skill folder `{glob}`"
            yield finding("C307", message, SETTINGS_FILE, severity=WARNING, hint=hint)


def _holds(entries: Mapping[str, Entry], folder: str) -> bool:
    return not folder or any(path == folder or path.startswith(f"{folder}/") for path in entries)


def _nested(entries: Mapping[str, Entry], skills: Collection[str]) -> Iterator[Finding]:
    """Settings of another catalog; a skill's own file of that name is the skill's."""
    for path in entries:
        if posixpath.basename(path) != SETTINGS_FILE or "/" not in path:
            continue
        if not any(path.startswith(f"{skill}/") for skill in skills):
            yield finding("C305", "a catalog inside another catalog: give each its own folder", path)
