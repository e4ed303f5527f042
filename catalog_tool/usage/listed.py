"""The catalog's side of the join: what there is, who owns it, since when, and what it costs to list it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from catalog_tool.checks.inspection import Inspection, Options, inspect
from catalog_tool.checks.skill_record import SkillRecord
from catalog_tool.errors import GitError, UsageError
from catalog_tool.model.limits import BUNDLE_BYTES, CHARACTERS_A_TOKEN
from catalog_tool.source.codeowners import owners_of
from catalog_tool.source.history_dates import skill_dates
from catalog_tool.source.history_times import parse_time
from catalog_tool.source.memory import Memory
from catalog_tool.source.root import Place
from catalog_tool.source.skill_folders import SKILL_FILE
from catalog_tool.source.tree import WorkTree
from catalog_tool.usage.marketplaces import PluginId, plugin_ids

KIND = "skills-catalog"


class ListedSkill(NamedTuple):
    """A skill of the catalog. Dates are seconds since the epoch, None where history does not know them.

    ``listing_tokens`` is what every request pays for it: an estimate, 0 where the model is not told of it,
    None where the catalog does not say. ``plugins`` are those that the repository's own marketplaces hand it out in.
    """

    key: str
    telemetry_names: tuple[str, ...]
    path: str
    owners: tuple[str, ...] = ()
    digest: str = ""
    user_invocable: bool = True
    first_commit: int | None = None
    last_commit: int | None = None
    listing_tokens: int | None = None
    plugins: tuple[PluginId, ...] = ()

    @property
    def identity(self) -> tuple[str, str]:
        """What no other skill has: its key with its folder."""
        return self.key, self.path


class ListedPrompt(NamedTuple):
    """A prompt of the catalog with its versions, oldest commit and newest one."""

    id: str
    versions: tuple[str, ...]
    owners: tuple[str, ...] = ()
    first_commit: int | None = None
    last_commit: int | None = None


class Listed(NamedTuple):
    """A catalog. ``prompts`` is None where the catalog is a file, which lists skills only.

    ``undated`` says why dates are missing, or is empty.
    """

    skills: tuple[ListedSkill, ...]
    prompts: tuple[ListedPrompt, ...] | None
    undated: str = ""

    @property
    def owners(self) -> tuple[str, ...]:
        """Everybody who owns a skill or a prompt of it, sorted."""
        owned = [*(skill.owners for skill in self.skills), *(prompt.owners for prompt in self.prompts or ())]
        return tuple(sorted({owner for owners in owned for owner in owners}))


def listed_in_file(path: str) -> Listed:
    """The skills of a ``skills-catalog.json``. Raises ``UsageError`` where it is none."""
    try:
        with Path(path).open("rb") as file:
            data = file.read(BUNDLE_BYTES + 1)
        document = json.loads(data) if len(data) <= BUNDLE_BYTES else None
    except OSError as error:
        raise UsageError(f"--catalog {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise _no_catalog(path) from error
    if not isinstance(document, dict) or document.get("kind") != KIND:
        raise _no_catalog(path)
    if document.get("format") != 1:
        raise UsageError(f"--catalog {path}: format {document.get('format')!r} is newer than this version reads")
    try:
        return Listed(tuple(_from_entry(entry) for entry in document["skills"]), None)
    except (KeyError, TypeError, AttributeError) as error:
        raise _no_catalog(path) from error


def with_plugins(listed: Listed, place: Place) -> Listed:
    """The catalog with the plugins that marketplaces of the repository at ``place`` hand its skills out in."""
    plugins = plugin_ids(place, {skill.path for skill in listed.skills})
    return listed._replace(skills=tuple(skill._replace(plugins=plugins.get(skill.path, ())) for skill in listed.skills))


def _no_catalog(path: str) -> UsageError:
    return UsageError(f"--catalog {path}: no skills-catalog.json", hint="`catalog build` writes one into dist/")


def _from_entry(entry: Mapping[str, Any]) -> ListedSkill:
    names = tuple(str(name) for name in entry.get("telemetry_names") or (entry["name"],))
    return ListedSkill(
        key=str(entry["name"]),
        telemetry_names=names,
        path=str(entry.get("path", "")),
        owners=tuple(str(owner) for owner in entry.get("owners") or ()),
        digest=str(entry.get("digest", "")),
        user_invocable=entry.get("user_invocable") is not False,
        first_commit=_seconds(entry.get("first_commit_at")),
        last_commit=_seconds(entry.get("last_commit_at")),
        listing_tokens=listing_tokens(entry),
    )


def _seconds(text: object) -> int | None:
    return parse_time(text) if isinstance(text, str) else None


def listing_tokens(entry: Mapping[str, Any]) -> int | None:
    """Tokens that a skill takes in the list of every request: its characters by four, rounded up."""
    chars = entry.get("listing_chars")
    if not isinstance(chars, int):
        return None
    return -(-chars // CHARACTERS_A_TOKEN) if entry.get("model_invocable") is not False else 0


def listed_at(place: Place, options: Options | None = None) -> Listed:
    """The catalog in the work tree. Raises ``GitError`` or ``UsageError`` where it cannot be read."""
    tree = WorkTree(Path(place.root), place.git, place.prefix)
    found = inspect(tree, options or Options(overlap=False, memory=Memory(place.root)))
    skills = [(record.skill.key, record.skill.path, record) for record in found.skills]
    known = {path for _, path, _ in skills}
    twins = [(folder.key, folder.path, None) for folder in found.files.skills if folder.path not in known]
    paths = [f"{path}/{SKILL_FILE}" for _, path, _ in (*skills, *twins)]
    versions = _versions(found)
    dates, undated = _dates(place, tree.head, [*paths, *(path for _, held in versions.values() for path in held)])
    listed = Listed(
        tuple(_from_record(found, key, path, record, dates) for key, path, record in (*skills, *twins)),
        tuple(_prompt(found, id_, *held, dates) for id_, held in versions.items()),
        undated,
    )
    return with_plugins(listed, place)


def _from_record(
    found: Inspection, key: str, path: str, record: SkillRecord | None, dates: Mapping[str, tuple[int, int]]
) -> ListedSkill:
    """A skill; one whose key another has too is known by its folder only."""
    entry = record.skill.entry if record is not None else {}
    skill_file = f"{path}/{SKILL_FILE}"
    first, last = dates.get(skill_file, (None, None))
    return ListedSkill(
        key=key,
        telemetry_names=tuple(entry.get("telemetry_names") or (key,)),
        path=path,
        owners=tuple(entry.get("owners") or owners_of(f"{found.files.prefix}{skill_file}", found.files.owners)),
        digest=record.skill.digest if record is not None else "",
        user_invocable=entry.get("user_invocable") is not False,
        first_commit=first,
        last_commit=last,
        listing_tokens=listing_tokens(entry),
    )


def _versions(found: Inspection) -> dict[str, tuple[list[str], list[str]]]:
    """Prompt id → its versions and their files."""
    held: dict[str, tuple[list[str], list[str]]] = {}
    for record in found.versions:
        versions, paths = held.setdefault(record.id, ([], []))
        versions.append(record.version)
        paths.append(record.path)
    return held


def _prompt(
    found: Inspection, id_: str, versions: list[str], paths: list[str], dates: Mapping[str, tuple[int, int]]
) -> ListedPrompt:
    known = [dates[path] for path in paths if path in dates]
    written = next((record.owners for record in found.versions if record.id == id_ and record.owners), ())
    return ListedPrompt(
        id=id_,
        versions=tuple(versions),
        owners=tuple(written) or owners_of(f"{found.files.prefix}{paths[-1]}", found.files.owners),
        first_commit=min((first for first, _ in known), default=None),
        last_commit=max((last for _, last in known), default=None),
    )


def _dates(place: Place, head: str | None, paths: Iterable[str]) -> tuple[dict[str, tuple[int, int]], str]:
    if place.git is None or head is None:
        return {}, "there is no history"
    if place.git.is_shallow():
        return {}, "history is cut off (in CI fetch all of it: fetch-depth: 0)"
    try:
        return skill_dates(place.git, head, place.prefix, list(paths)), ""
    except GitError as error:
        return {}, error.message
