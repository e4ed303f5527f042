"""Versions and the shared parts they use, read by blob id: in any revision, each blob once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from catalog_tool.model.limits import PARSED_FILE_BYTES
from catalog_tool.model.prompt import PromptVersion
from catalog_tool.source.git import Git
from catalog_tool.source.layout import PromptLayout, VersionFile, lay_out_prompts
from catalog_tool.source.prompts import PromptSchemas, read_prompt
from catalog_tool.source.schema_engine import SchemaEngine
from catalog_tool.source.schemas import load_schema
from catalog_tool.source.shared_parts import SharedParts, read_shared
from catalog_tool.source.tree import FILE, Entry
from catalog_tool.template.partials import load_text

PARTIALS, TOOLS = "partials/", "tools/"


class Place(NamedTuple):
    """What a path of the prompts folder is: a version's file, or a shared part by its name, or neither."""

    version: VersionFile | None = None
    shared: str | None = None


class PartFile(NamedTuple):
    """A file and its blob."""

    path: str
    blob: str


def place_of(path: str, prompts: str) -> Place:
    """What the file at ``path`` (from the catalog's root) is, by the rules every reader uses."""
    layout = lay_out_prompts({path: Entry(FILE, None)}, prompts)
    if layout.versions:
        return Place(version=layout.versions[0])
    for kind, found in ((PARTIALS, layout.partials), (TOOLS, layout.tools)):
        for reference in found:
            return Place(shared=kind + reference)
    return Place()


class PartReader:
    """Reads versions and shared parts of one repository; remembers the bytes and the references of each."""

    def __init__(self, git: Git) -> None:
        self._git = git
        self._data: dict[str, bytes | None] = {}
        self._named: dict[tuple[str, str], frozenset[str]] = {}
        self._schemas: PromptSchemas | None = None

    def load(self, blobs: Iterable[str]) -> None:
        """Read those of ``blobs`` that are not known yet, in one process. Raises ``GitError``."""
        for blob in self._git.cat_blobs([blob for blob in blobs if blob not in self._data], PARSED_FILE_BYTES):
            self._data[blob.id] = blob.data

    def data(self, blob: str) -> bytes | None:
        """The bytes of a blob; None where it is too large to be read."""
        if blob not in self._data:
            self.load([blob])
        return self._data[blob]

    def uses(self, versions: Mapping[VersionFile, str], shared: Mapping[str, PartFile]) -> set[str]:
        """The shared parts that any of the versions names, itself or through a partial, present or not.

        ``versions`` maps each file to its blob; ``shared`` holds what there is, as ``partials/safety@v1``
        or ``tools/search_kb``.
        """
        named: set[str] = set()
        pending = [name for file, blob in versions.items() for name in self._names(file.path, blob, file)]
        while pending:
            name = pending.pop()
            if name in named:
                continue
            named.add(name)
            part = shared.get(name)
            if part is not None and name.startswith(PARTIALS):
                pending.extend(self._names(name, part.blob, None))
        return named

    def _names(self, path: str, blob: str, file: VersionFile | None) -> frozenset[str]:
        """The shared parts that one version, or one partial, names directly."""
        if (path, blob) not in self._named:
            data = self.data(blob)
            if data is None:
                found = frozenset[str]()
            elif file is None:
                found = _named_in_partial(data)
            else:
                found = frozenset(read_prompt(file, data, SharedParts({}, {}, {}), self.schemas()).uses)
            self._named[path, blob] = found
        return self._named[path, blob]

    def version(self, file: VersionFile, blob: str, shared: Mapping[str, PartFile]) -> PromptVersion | None:
        """One version with its digest, or None where its file, or a part it needs, cannot be used."""
        data = self.data(blob)
        if data is None:
            return None
        used = {name: shared[name] for name in self.uses({file: blob}, shared) if name in shared}
        self.load(part.blob for part in used.values())
        layout = PromptLayout([], None, _below(PARTIALS, used), _below(TOOLS, used), {}, {}, [])
        engine = SchemaEngine(load_schema("tool")) if layout.tools else None
        parts, _ = read_shared(layout, {part.path: self._data[part.blob] for part in used.values()}, engine)
        return read_prompt(file, data, parts, self.schemas()).version

    def schemas(self) -> PromptSchemas:
        """The schema of prompts; a team's stricter one says nothing about identity and is left out."""
        if self._schemas is None:
            self._schemas = PromptSchemas(SchemaEngine(load_schema("prompt")))
        return self._schemas


def _below(kind: str, used: Mapping[str, PartFile]) -> dict[str, str]:
    return {name.removeprefix(kind): part.path for name, part in used.items() if name.startswith(kind)}


def _named_in_partial(data: bytes) -> frozenset[str]:
    names: list[str] = []

    def note(reference: str) -> None:
        names.append(PARTIALS + reference)

    load_text(data.decode(errors="replace"), note)
    return frozenset(names)
