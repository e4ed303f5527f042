"""Golden cases against the prompt that they are for: what is known before any model is asked.

A prompt's tests are for all its versions, so what fits any of them is right: the newest is asked first, as
``catalog eval --level0`` does, and an older one only where that does not fit.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple

from catalog_tool.checks.expectations import mistake_in
from catalog_tool.model.finding import ERROR, WARNING
from catalog_tool.model.limits import PARSED_FILE_BYTES
from catalog_tool.model.names import version_number
from catalog_tool.source.catalog_files import CatalogFiles
from catalog_tool.source.layout import VersionFile
from catalog_tool.source.prompts import PromptSchemas, read_prompt
from catalog_tool.source.schema_engine import SchemaEngine
from catalog_tool.source.schemas import load_schema
from catalog_tool.source.tree import Tree

Parts = Mapping[str, Any]
"""What a version holds, by part (design §4)."""
_OPEN = ("additionalProperties", "patternProperties", "propertyNames", "$ref", "allOf", "anyOf", "oneOf")
"""Keywords by which a schema may take variables that its ``properties`` do not name."""
_SHOWN = 60
MISTAKES = 200
"""Mistakes of one file that are told."""
_NAMES = 200
"""Variables among which the one that was meant is looked for."""


class Wrong(NamedTuple):
    """One mistake; ``path`` leads to it from the top of the file, to a key where ``is_key``."""

    path: list[str | int]
    message: str
    severity: str = ERROR
    is_key: bool = False


class PromptParts:
    """The parts of the versions of some prompts, read as far as they are asked for; the newest ones together."""

    def __init__(self, tree: Tree, files: CatalogFiles, prompts: Iterable[str]) -> None:
        self._tree = tree
        self._files = files
        self._schemas = PromptSchemas(SchemaEngine(load_schema("prompt")))
        self._versions: dict[str, list[VersionFile]] = {prompt: [] for prompt in prompts}
        for file in files.layout.versions:
            if file.id in self._versions:
                self._versions[file.id].append(file)
        for versions in self._versions.values():
            versions.sort(key=lambda file: version_number(file.version), reverse=True)
        self._known: dict[str, Parts | None] = {}
        self._read([versions[0] for versions in self._versions.values() if versions])

    def of(self, prompt: str) -> Iterator[Parts]:
        """The parts of each version that can be used, the newest first."""
        for file in self._versions.get(prompt, ()):
            if file.path not in self._known:
                self._read([file])
            parts = self._known[file.path]
            if parts is not None:
                yield parts

    def _read(self, versions: Iterable[VersionFile]) -> None:
        by_path = {file.path: file for file in versions}
        entries = {path: self._files.entries[path] for path in by_path}
        for content in self._tree.read(entries, PARSED_FILE_BYTES) if entries else ():
            self._known[content.path] = self._parts(by_path[content.path], content.data)

    def _parts(self, file: VersionFile, data: bytes | None) -> Parts | None:
        version = None if data is None else read_prompt(file, data, self._files.shared, self._schemas).version
        return None if version is None else version.decoded()


def wrong_cases(value: Mapping[str, Any], versions: Callable[[], Iterator[Parts]]) -> Iterator[Wrong]:
    """What is wrong with the cases of a file that fits its schema, for a prompt with these versions.

    Nothing is said of a prompt without a version that can be used, nor of more than ``MISTAKES`` things.
    """
    if next(versions(), None) is None:
        return
    found = _wrong(value, versions)
    yield from islice(found, MISTAKES)
    if next(found, None) is not None:
        yield Wrong([], f"{MISTAKES} things are wrong with the cases; the rest is not listed")


def _wrong(value: Mapping[str, Any], versions: Callable[[], Iterator[Parts]]) -> Iterator[Wrong]:
    yield from _expectations(value.get("expect", ()), ["expect"], versions)
    for number, case in enumerate(value["cases"]):
        place: list[str | int] = ["cases", number]
        yield from _strange_variables(case.get("vars", {}), [*place, "vars"], versions)
        yield from _expectations(case.get("expect", ()), [*place, "expect"], versions)


def _expectations(
    listed: Iterable[Mapping[str, Any]], place: list[str | int], versions: Callable[[], Iterator[Parts]]
) -> Iterator[Wrong]:
    for number, expectation in enumerate(listed):
        mistakes = []
        for parts in versions():
            mistake = mistake_in(expectation, parts)
            if mistake is None:
                break
            mistakes.append(mistake)
        else:
            first = mistakes[0]
            yield Wrong([*place, number, first.key], first.message, WARNING if first.is_foreign else ERROR)


def _strange_variables(
    given: Mapping[str, Any], place: list[str | int], versions: Callable[[], Iterator[Parts]]
) -> Iterator[Wrong]:
    """Values for variables that no version has: applications may give more than a prompt takes, tests slip."""
    strange = dict.fromkeys(given)
    known: dict[str, None] = {}
    for parts in versions() if strange else ():
        schema = parts.get("variables", {})
        if any(schema.get(keyword) not in (None, False) for keyword in _OPEN):
            return
        names = schema.get("properties", {})
        known.update(dict.fromkeys(names))
        strange = {name: None for name in strange if name not in names}
        if not strange:
            return
    for name in strange:
        near = difflib.get_close_matches(name[:_SHOWN], list(known)[:_NAMES], n=1)
        message = f"the prompt has no variable `{name[:_SHOWN]}`" + (f": did you mean `{near[0]}`?" if near else "")
        yield Wrong([*place, name], message, WARNING, is_key=True)
