"""Which prompt versions use a shared part, directly or through other partials (design §2.1)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from catalog_tool.model.limits import PARSED_FILE_BYTES
from catalog_tool.model.names import version_number
from catalog_tool.source.catalog_files import CatalogFiles
from catalog_tool.source.layout import VersionFile
from catalog_tool.source.prompts import PromptSchemas, read_prompt
from catalog_tool.source.schema_engine import SchemaEngine
from catalog_tool.source.schemas import load_schema
from catalog_tool.source.shared_parts import ABSENT
from catalog_tool.source.tree import Tree

_ESCAPE = b"\\"


class Dependent(NamedTuple):
    """A prompt version and the references by which it uses the part: ``safety@v1``, ``safety``."""

    version: str
    references: tuple[str, ...]


class Dependents(NamedTuple):
    """The versions that use a part, by id and number; ``unread`` are files that nobody can say it of."""

    found: list[Dependent]
    unread: list[str]


def dependents_of(tree: Tree, files: CatalogFiles, kind: str, name: str) -> Dependents:
    """The versions that use any version of a part; ``kind`` is ``partials`` or ``tools``."""
    schemas = PromptSchemas(SchemaEngine(load_schema("prompt")))
    needles = [needle.encode() for needle in _carriers(files, name)]
    result = Dependents([], [])
    for file, data in _contents(tree, files):
        if data is None:
            result.unread.append(file.path)
        elif _ESCAPE in data or any(needle in data for needle in needles):
            read = read_prompt(file, data, files.shared, schemas)
            used = tuple(sorted(_references(read.uses, kind, name)))
            if used:
                result.found.append(Dependent(f"{file.id}@{file.version}", used))
            elif read.parts is None:
                result.unread.append(file.path)
    return result


def _carriers(files: CatalogFiles, name: str) -> set[str]:
    """Names of which a file must hold one to use the part: its own, and of partials that lead to it."""
    names = {name}
    texts = {reference.partition("@")[0]: "" for reference in files.shared.partials}
    for reference, text in files.shared.partials.items():
        texts[reference.partition("@")[0]] += text or ""
    grown = True
    while grown:
        found = {other for other, text in texts.items() if other not in names and any(each in text for each in names)}
        names |= found
        grown = bool(found)
    return names


def _contents(tree: Tree, files: CatalogFiles) -> Iterator[tuple[VersionFile, bytes | None]]:
    ordered = sorted(files.layout.versions, key=lambda file: (file.id, version_number(file.version), file.path))
    by_path = {file.path: file for file in ordered}
    entries = {path: files.entries[path] for path in by_path}
    for content in tree.read(entries, PARSED_FILE_BYTES):
        yield by_path[content.path], content.data


def _references(uses: dict[str, str], kind: str, name: str) -> Iterator[str]:
    for key, digest in uses.items():
        reference = key.removeprefix(f"{kind}/")
        if reference != key and digest != ABSENT and reference.partition("@")[0] == name:
            yield reference
