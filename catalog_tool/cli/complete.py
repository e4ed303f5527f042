"""What a shell offers for an argument: found by the names of files, so that a key press answers at once.

Each function has the form of click's ``shell_complete``: it gets the text typed so far and returns what
may stand there. Whatever is wrong with a catalog, the answer is an empty list and never a message.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import click

from catalog_tool.errors import CatalogError
from catalog_tool.model.codes import CODES
from catalog_tool.model.limits import PARSED_FILE_BYTES
from catalog_tool.model.names import is_prompt_id, is_version, version_number
from catalog_tool.model.settings import SETTINGS_FILE, Settings
from catalog_tool.source.layout import SHARED
from catalog_tool.source.odd_places import FORMATS
from catalog_tool.source.registry import read_registry
from catalog_tool.source.root import find_root
from catalog_tool.source.schemas import schema_names
from catalog_tool.source.settings import read_settings
from catalog_tool.source.skill_folders import SKILL_FILE, static_prefix

MOST_FOLDERS = 5000
"""Folders that are looked at for one key press."""

_OF_PROMPTS_ONLY = frozenset({"eval", "render"})
"""Commands whose references mean no skill."""
_Found = Callable[[click.Context, str], Iterable[str]]
_Completer = Callable[[click.Context, click.Parameter, str], list[str]]


def _completer(find: _Found) -> _Completer:
    """``find`` as click calls it: filtered by what is typed, and silent about any trouble."""

    def complete(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
        try:
            return [name for name in find(ctx, incomplete) if name.startswith(incomplete)]
        except (CatalogError, OSError, ValueError):
            return []

    return complete


def _prompt_ids(ctx: click.Context, incomplete: str) -> Iterator[str]:
    root, settings = _catalog(ctx)
    for name, _ in _prompts(root / settings.prompts, incomplete):
        yield name


def _references(ctx: click.Context, incomplete: str) -> Iterator[str]:
    """Prompt ids and skills; once an id is typed, that id with each version and label."""
    root, settings = _catalog(ctx)
    name, at, _ = incomplete.partition("@")
    for found, versions in _prompts(root / settings.prompts, name):
        if not at:
            yield found
        if found == name:
            yield from (f"{found}@{version}" for version in sorted(versions, key=version_number, reverse=True))
            yield from (f"{found}@{label}" for label in _labels_of(root / settings.prompts, found))
    if not at and ctx.command.name not in _OF_PROMPTS_ONLY:
        yield from _skills(root, settings)


def _labels(ctx: click.Context, _: str) -> Iterator[str]:
    """The labels of the prompt that stands before, or of all prompts."""
    root, settings = _catalog(ctx)
    yield from _labels_of(root / settings.prompts, str(ctx.params.get("name") or ctx.params.get("id") or ""))


def _versions(ctx: click.Context, _: str) -> Iterator[str]:
    """The versions of the prompt that stands before, the newest first."""
    root, settings = _catalog(ctx)
    name = str(ctx.params.get("name") or "")
    for found, versions in _prompts(root / settings.prompts, name):
        if found == name:
            yield from sorted(versions, key=version_number, reverse=True)


def _targets(ctx: click.Context, _: str) -> Iterable[str]:
    return _catalog(ctx)[1].targets


def _bumpable(ctx: click.Context, incomplete: str) -> Iterable[str]:
    return _shared_parts(ctx) if ctx.params.get("shared") else _prompt_ids(ctx, incomplete)


def _schemas_or_codes(ctx: click.Context, _: str) -> Iterable[str]:
    return CODES if ctx.params.get("codes") else schema_names()


prompt_ids = _completer(_prompt_ids)
"""For an argument that is a prompt's id."""
references = _completer(_references)
"""For an argument that is a reference, or a skill."""
versions = _completer(_versions)
"""For a version of the prompt that the argument before names."""
labels = _completer(_labels)
"""For a label."""
targets = _completer(_targets)
"""For a target's name."""
bumpable = _completer(_bumpable)
"""For ``bump``: prompt ids, or with ``--shared`` partials and tools."""
schemas_or_codes = _completer(_schemas_or_codes)
"""For ``schema``: names of schemas, or with ``--codes`` codes of findings."""


def _catalog(ctx: click.Context) -> tuple[Path, Settings]:
    root = Path(find_root(ctx.find_root().params.get("root")).root)
    path = root / SETTINGS_FILE
    data = path.read_bytes() if path.is_file() and path.stat().st_size <= PARSED_FILE_BYTES else None
    return root, read_settings(data)[0]


def _prompts(folder: Path, start: str) -> Iterator[tuple[str, list[str]]]:
    """The prompts whose id may begin with ``start``, with their versions."""
    pending, seen = [""], 0
    while pending and seen < MOST_FOLDERS:
        inner = pending.pop()
        seen += 1
        with os.scandir(folder / inner) as found:
            items = sorted(found, key=lambda item: item.name, reverse=True)
        names = [f"{inner}/{item.name}" if inner else item.name for item in items if item.is_dir(follow_symlinks=False)]
        pending += [name for name in names if name.startswith(start) or start.startswith(f"{name}/")]
        files = [item.name.rpartition(".") for item in items]
        versions = [stem for stem, dot, suffix in files if dot + suffix in FORMATS and is_version(stem)]
        if versions and is_prompt_id(inner):
            yield inner, versions


def _labels_of(folder: Path, name: str) -> list[str]:
    """The labels of one prompt, or of all where there is none of that name."""
    path = folder / "registry.yaml"
    if not path.is_file() or path.stat().st_size > PARSED_FILE_BYTES:
        return []
    labels = read_registry(path.name, path.read_bytes())[0]
    chosen = [labels[name]] if name in labels else labels.values()
    return sorted({label for of_prompt in chosen for label in of_prompt})


def _skills(root: Path, settings: Settings) -> Iterator[str]:
    for folder in map(static_prefix, settings.skills):
        if folder and (root / folder).is_dir():
            yield from sorted(path.parent.name for path in (root / folder).glob(f"*/{SKILL_FILE}"))


def _shared_parts(ctx: click.Context) -> list[str]:
    root, settings = _catalog(ctx)
    shared = root / settings.prompts / SHARED
    found = set()
    for kind in ("partials", "tools"):
        for path in (shared / kind).rglob("*.*"):
            part = path.relative_to(shared / kind)
            found.add((part.parent if is_version(path.stem) else part.with_suffix("")).as_posix())
    return sorted(name for name in found if is_prompt_id(name))
