"""A prompt version as it is on a target, written as a file of the catalog (design §8, ``pull``)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import yaml

from catalog_tool.canonical.identity import restore_order
from catalog_tool.errors import GitError
from catalog_tool.model.limits import PARSED_FILE_BYTES
from catalog_tool.source.catalog_files import CatalogFiles
from catalog_tool.source.document import SourceDocument
from catalog_tool.source.layout import VersionFile
from catalog_tool.source.prompts import PromptSchemas, read_prompt
from catalog_tool.source.schema_engine import SchemaEngine
from catalog_tool.source.schemas import load_schema
from catalog_tool.source.tree import Tree, read_one
from catalog_tool.source.yaml_edit import dumped, edited

PARTS = ("model", "params", "template", "variables", "messages", "tools", "output_schema")
META = ("description", "owners", "tags")
SHORT_PARAMS = ("temperature", "top_p", "max_tokens", "stop", "seed", "presence_penalty", "frequency_penalty")
_EMPTY: Mapping[str, Any] = {
    "model": {}, "params": {}, "template": "mustache", "variables": {}, "tools": [], "output_schema": {},
}  # fmt: skip


class PulledFile(NamedTuple):
    """A new version's file, from the catalog's root."""

    path: str
    data: bytes


class PromptWriter:
    """Writes files that mean exactly what a target holds: each is read again and its digest compared."""

    def __init__(self, tree: Tree, files: CatalogFiles) -> None:
        self._tree = tree
        self._files = files
        self._schemas = PromptSchemas(SchemaEngine(load_schema("prompt")))

    def write(self, name: str, version: str, live: Mapping[str, Any], edited_from: str | None) -> PulledFile | None:
        """The file of ``version`` that holds ``live`` (an entry of a bundle), or None where no file can.

        ``edited_from`` is the version whose file it starts from, so that comments and layout stay.
        """
        path = f"{self._files.settings.prompts}/{name}/{version}.yaml"
        for text in self._candidates(name, version, live, edited_from):
            data = text.encode()
            read = read_prompt(VersionFile(name, version, path), data, self._files.shared, self._schemas)
            clean = not any(found.severity == "error" for found in read.document.findings)
            if clean and read.version is not None and _same_parts(read.version.decoded(), live):
                return PulledFile(path, data)
        return None

    def _candidates(self, name: str, version: str, live: Mapping[str, Any], edited_from: str | None) -> list[str]:
        """Texts to try, the one that keeps most first."""
        parts = restore_order(json.loads(json.dumps({key: live[key] for key in (*PARTS, "order") if key in live})))
        found = []
        base = self._base(name, edited_from)
        if base is not None:
            document, expanded = base
            wanted = _with_parts(document.value or {}, expanded, parts) | {"version": version}
            for value in (_with_tags(wanted, document.value or {}, self._partials()), wanted):
                try:
                    found.append(edited(document.text or "", document.value or {}, value))
                except (ValueError, yaml.YAMLError):
                    continue
        meta = {key: live.get("meta", {})[key] for key in live.get("meta", {}) if key in META or key.startswith("x-")}
        plain = {"id": name, "version": version, **meta, **_without_defaults(parts)}
        return [*found, dumped(plain)]

    def _base(self, name: str, version: str | None) -> tuple[SourceDocument, Mapping[str, Any]] | None:
        file = next((file for file in self._files.layout.versions if (file.id, file.version) == (name, version)), None)
        if file is None or not file.path.endswith(".yaml"):
            return None
        content = read_one(self._tree, file.path, PARSED_FILE_BYTES)
        if content is None or content.data is None:
            raise GitError(f"{file.path} cannot be read any more", hint="run the command again")
        read = read_prompt(file, content.data, self._files.shared, self._schemas)
        document = SourceDocument(file.path, content.data)
        if read.version is None or document.value is None:
            return None
        return document, restore_order(read.version.decoded())

    def _partials(self) -> dict[str, str]:
        """The text of each partial that stands in one file, by its reference."""
        return {name: text for name, text in self._files.shared.partials.items() if text and "{{" not in text}


def _same_parts(one: Mapping[str, Any], live: Mapping[str, Any]) -> bool:
    return {key: one.get(key) for key in (*PARTS, "order")} == {key: live.get(key) for key in (*PARTS, "order")}


def _without_defaults(parts: Mapping[str, Any]) -> dict[str, Any]:
    return {key: parts[key] for key in PARTS if key == "variables" or parts[key] != _EMPTY.get(key)}


def _with_parts(source: Mapping[str, Any], git: Mapping[str, Any], live: Mapping[str, Any]) -> dict[str, Any]:
    """The source's own value with each part that differs put in; what is equal stays as it was written."""
    wanted = dict(source)
    for part in PARTS:
        if git[part] == live[part]:
            continue
        if part == "messages":
            _put_messages(wanted, source, git["messages"], live["messages"])
        elif part == "params":
            _put_params(wanted, source, live["params"])
        elif part == "tools":
            wanted["tools"] = _kept(source.get("tools") or [], git["tools"], live["tools"])
        elif part == "model" and isinstance(source.get("model"), str) and list(live["model"]) == ["name"]:
            wanted["model"] = live["model"]["name"]
        else:
            wanted[part] = live[part]
    return wanted


def _put_messages(wanted: dict[str, Any], source: Mapping[str, Any], git: list[Any], live: list[Any]) -> None:
    alone = len(live) == 1 and live[0].keys() == {"role", "content"} and live[0]["role"] == "system"
    if "system_prompt" in source and alone and isinstance(live[0]["content"], str):
        wanted["system_prompt"] = live[0]["content"]
        return
    wanted.pop("system_prompt", None)
    wanted["messages"] = _kept(source.get("messages") or [], git, live)


def _kept(source: list[Any], git: list[Any], live: list[Any]) -> list[Any]:
    """The live items; one that git has too is kept as the source writes it."""
    if len(source) != len(git):
        return live
    return [source[git.index(item)] if item in git else item for item in live]


def _put_params(wanted: dict[str, Any], source: Mapping[str, Any], live: Mapping[str, Any]) -> None:
    """Parameters at the top of the file stay there."""
    top = [key for key in SHORT_PARAMS if key in source]
    for key in top:
        if key in live:
            wanted[key] = live[key]
        else:
            del wanted[key]
    rest = {key: value for key, value in live.items() if key not in top}
    if rest or "params" in source:
        wanted["params"] = rest


def _with_tags(wanted: Mapping[str, Any], source: Mapping[str, Any], partials: Mapping[str, str]) -> dict[str, Any]:
    """Partials that the source includes, put back where their text still stands in full."""
    used = {name: text for name, text in partials.items() if "{{> " + name + "}}" in json.dumps(source)}

    def fold(value: Any) -> Any:
        if isinstance(value, str):
            for name, text in used.items():
                tag = "{{> " + name + "}}"
                value = value.replace(text, f"{tag}\n" if text.endswith("\n") else tag)
            return value
        if isinstance(value, dict):
            return {key: fold(item) for key, item in value.items()}
        return [fold(item) for item in value] if isinstance(value, list) else value

    return {key: fold(value) if key in ("messages", "system_prompt") else value for key, value in wanted.items()}
