"""One side of a comparison: a tree of files or a ``bundle.json``, read only as far as somebody asks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, NamedTuple, Protocol

from catalog_tool.canonical.identity import PARTS
from catalog_tool.canonical.jcs import canonical_bytes
from catalog_tool.errors import UsageError
from catalog_tool.model.finding import ERROR
from catalog_tool.model.labels import Labels, LabelValue
from catalog_tool.model.limits import PARSED_FILE_BYTES
from catalog_tool.model.names import version_number
from catalog_tool.model.prompt import PromptVersion
from catalog_tool.model.settings import Settings
from catalog_tool.source.catalog_files import CatalogFiles, find_catalog
from catalog_tool.source.document import pointer_path
from catalog_tool.source.layout import VersionFile
from catalog_tool.source.positions import Spot
from catalog_tool.source.prompts import PromptSchemas, ReadPrompt, read_prompt
from catalog_tool.source.schema_engine import SchemaEngine
from catalog_tool.source.schemas import load_schema
from catalog_tool.source.tree import Tree

Key = tuple[str, str]
"""A prompt id and a version."""


class Loaded(NamedTuple):
    """A version, or None and why it cannot be used; ``uses`` are the shared parts that it looked for."""

    version: PromptVersion | None
    problem: str = ""
    uses: Mapping[str, str] = {}


class Side(Protocol):
    """What a comparison asks of a side."""

    settings: Settings
    labels: Labels

    def versions(self) -> Mapping[str, Mapping[str, str | None]]:
        """Prompt id → version → a stamp that is equal on two sides of a kind only for equal files, or None."""

    def load(self, keys: Iterable[Key]) -> None:
        """Read these versions together, for ``version`` to give."""

    def version(self, key: Key) -> Loaded:
        """One version that is there."""

    def file(self, key: Key) -> str | None:
        """The version's file, from the catalog's root; None where there is none."""

    def spot(self, key: Key, pointer: str) -> Spot | None:
        """Where a value of the version's parts stands in its file, or the nearest one around it."""


class TreeSide:
    """A catalog in the work tree or at a revision. Raises ``GitError`` where it cannot be listed."""

    def __init__(self, tree: Tree, files: CatalogFiles | None = None) -> None:
        self.tree = tree
        self.files = files or find_catalog(tree)
        self.settings = self.files.settings
        self.labels = self.files.labels
        self._paths: dict[Key, VersionFile] = {}
        for file in self.files.layout.versions:
            self._paths.setdefault((file.id, file.version), file)
        self._read: dict[Key, Loaded] = {}
        self._documents: dict[Key, ReadPrompt] = {}
        self._versions: dict[str, dict[str, str | None]] = {}
        for (name, version), file in self._paths.items():
            blob = self.files.entries[file.path].blob
            stamp = f"{file.path} {blob}" if blob is not None else None
            self._versions.setdefault(name, {})[version] = stamp

    def versions(self) -> dict[str, dict[str, str | None]]:
        """Prompt id → version → its file's path and blob; None where only the disk has it."""
        return self._versions

    def load(self, keys: Iterable[Key]) -> None:
        """Read these versions in one go."""
        wanted = {self._paths[key].path: key for key in keys if key not in self._read}
        entries = {path: self.files.entries[path] for path in wanted}
        for content in self.tree.read(entries, PARSED_FILE_BYTES) if entries else ():
            key = wanted[content.path]
            if content.data is None:
                why = content.flaw.message if content.flaw else "it cannot be read"
                self._read[key] = Loaded(None, why)
            else:
                self._read[key] = self._parsed(key, content.data)

    def _parsed(self, key: Key, data: bytes) -> Loaded:
        read = read_prompt(self._paths[key], data, self.files.shared, _prompt_schemas())
        self._documents[key] = read
        if read.version is not None:
            return Loaded(read.version, uses=read.uses)
        first = next((found for found in read.document.findings if found.severity == ERROR), None)
        return Loaded(None, f"{first.code} {first.message}" if first else "it cannot be read", read.uses)

    def version(self, key: Key) -> Loaded:
        """One version, read now where ``load`` did not."""
        self.load([key])
        return self._read[key]

    def file(self, key: Key) -> str | None:
        """The version's file."""
        return self._paths[key].path if key in self._paths else None

    def spot(self, key: Key, pointer: str) -> Spot | None:
        """The place of the value, or of the nearest one around it that the file holds as written."""
        self.load([key])
        read = self._documents.get(key)
        if read is None or read.document.value is None:
            return None
        value = read.document.value
        path = pointer_path(pointer, value) if pointer else []
        if path[:2] == ["messages", "0"] and "messages" not in value:
            path = ["system_prompt"]
        if len(path) > 1 and path[0] == "params" and path[1] in value:
            path = path[1:]
        while path and not _is_in(value, path):
            path = path[:-1]
        return read.document.at(path) if path else Spot(1, 1)


@cache
def _prompt_schemas() -> PromptSchemas:
    """The schema of prompts, compiled once for both sides; a team's stricter one says nothing about meaning."""
    return PromptSchemas(SchemaEngine(load_schema("prompt")))


def _is_in(value: Any, path: list[str | int]) -> bool:
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return False
    return True


class BundleSide:
    """The catalog in a ``bundle.json``, a JSON value that has been read before.

    Raises ``UsageError`` where it is no bundle that this tool reads.
    """

    def __init__(self, value: Any, name: str) -> None:
        number = value.get("format") if isinstance(value, dict) else None
        if isinstance(number, int) and number > 1:
            raise UsageError(f"{name}: format {number} is newer than this tool reads (1)", hint="upgrade catalog-tool")
        problems = SchemaEngine(load_schema("bundle")).errors(value)
        if problems:
            where = problems[0].pointer or "the document"
            raise UsageError(f"{name} is no bundle.json: {where}: {problems[0].message}")
        self.settings = Settings()
        self.labels: Labels = {
            prompt: {label: _label(written) for label, written in found.items()}
            for prompt, found in value["labels"].items()
        }
        self._prompts: dict[str, dict[str, Any]] = value["prompts"]
        self.skills: dict[str, dict[str, Any]] = value["skills"]
        self._versions: dict[str, dict[str, str | None]] = {
            name: {
                version: f"{entry['digest']} {canonical_bytes(entry.get('meta', {})).decode()}"
                for version, entry in found.items()
            }
            for name, found in self._prompts.items()
        }

    def versions(self) -> dict[str, dict[str, str | None]]:
        """Prompt id → version → its digest and its metadata."""
        return self._versions

    def load(self, keys: Iterable[Key]) -> None:
        """Nothing to do: the document is in memory."""

    def version(self, key: Key) -> Loaded:
        """One version of the document."""
        entry = self._prompts[key[0]][key[1]]
        parts = {name: canonical_bytes(entry[name]) for name in (*PARTS, "order") if name in entry}
        meta = canonical_bytes(entry.get("meta", {}))
        return Loaded(PromptVersion(*key, "", entry["digest"], parts, meta))

    def file(self, key: Key) -> str | None:  # noqa: ARG002 - a side's signature
        """A bundle has no files."""
        return None

    def spot(self, key: Key, pointer: str) -> Spot | None:  # noqa: ARG002 - a side's signature
        """A bundle has no places."""
        return None


def _label(written: Any) -> LabelValue:
    if isinstance(written, str):
        return LabelValue(((written, 100),))
    return LabelValue(tuple((part["version"], part["weight"]) for part in written))


def oldest_first(versions: Iterable[str]) -> list[str]:
    """Versions by number."""
    return sorted(versions, key=version_number)


def highest(versions: Iterable[str]) -> str:
    """The newest of them by number."""
    return max(versions, key=version_number)
