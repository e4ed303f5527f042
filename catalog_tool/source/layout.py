"""What each file of a catalog is, by its path alone (design §2). No file is opened here."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from typing import NamedTuple

from catalog_tool.model.codes import finding
from catalog_tool.model.finding import Finding
from catalog_tool.model.names import is_prompt_id, is_version
from catalog_tool.source.odd_places import FORMATS, is_version_place
from catalog_tool.source.tree import EXECUTABLE, FILE, FOLDER, LINK, SUBMODULE, Entry

SHARED = "_shared"
_FORMS = {"tests": "`.yaml` or `.jsonl`", "evidence": "`.json`"}
"""What the folders beside a prompt's versions hold."""
_IN_A_VERSION = re.compile(r"(?:^|/)v[1-9][0-9]*\.(?:yaml|json|md)(?=/)")


class VersionFile(NamedTuple):
    """The file of one prompt version."""

    id: str
    version: str
    path: str


class PromptLayout(NamedTuple):
    """The files under ``prompts/``; paths are relative to the catalog's root.

    ``partials`` and ``tools`` map a reference (``safety@v1``, ``safety``) to its file; ``tests`` and
    ``evidence`` map a prompt id to its files. ``unreadable`` are the places of versions where a link or the
    like stands: no version can be read there, and nothing that points to one dangles.
    """

    versions: list[VersionFile]
    registry: str | None
    partials: dict[str, str]
    tools: dict[str, str]
    tests: dict[str, list[str]]
    evidence: dict[str, list[str]]
    findings: list[Finding]
    unreadable: tuple[VersionFile, ...] = ()


def lay_out_prompts(entries: Mapping[str, Entry], folder: str) -> PromptLayout:
    """Sort the files below the prompts folder by what they are."""
    layout = PromptLayout([], None, {}, {}, {}, {}, [])
    registry: str | None = None
    unreadable: list[VersionFile] = []
    cut = len(folder) + 1
    inside = folder + "/"
    placed = dict(_outermost(path, entry, cut) for path, entry in entries.items() if path.startswith(inside))
    for path, entry in sorted(placed.items()):
        inner = path[cut:]
        if entry.mode not in (FILE, EXECUTABLE):
            layout.findings.append(_not_a_file(path, entry))
            unreadable.extend(_version_at(path, inner))
        elif inner == "registry.yaml":
            registry = path
        elif inner.startswith(SHARED + "/"):
            _place_shared(layout, path, inner[len(SHARED) + 1 :])
        else:
            _place_prompt(layout, path, inner)
    layout.findings.extend(_two_files(layout.versions))
    return layout._replace(registry=registry, unreadable=tuple(unreadable))


def _outermost(path: str, entry: Entry, cut: int) -> tuple[str, Entry]:
    """A file as it is, or for all that a folder in place of a version's file holds, that folder."""
    found = _IN_A_VERSION.search(path, cut)
    if found is None or not is_version_place(path[cut : found.end()]):
        return path, entry
    return path[: found.end()], Entry(FOLDER, None)


def _not_a_file(path: str, entry: Entry) -> Finding:
    names = {LINK: "a symbolic link", FOLDER: "a folder", SUBMODULE: "a repository of its own"}
    what = names.get(entry.mode, "not a regular file")
    return finding("Y024", f"{what}: prompts are read from regular files only", path)


def _version_at(path: str, inner: str) -> list[VersionFile]:
    folder, _, name = inner.rpartition("/")
    return [VersionFile(folder, posixpath.splitext(name)[0], path)] if is_version_place(inner) else []


def _place_prompt(layout: PromptLayout, path: str, inner: str) -> None:
    folder, _, name = inner.rpartition("/")
    stem, dot, suffix = name.rpartition(".")
    suffix = dot + suffix
    parent, _, last = folder.rpartition("/")
    if last == "tests" and parent and suffix in (".yaml", ".jsonl"):
        layout.tests.setdefault(parent, []).append(path)
    elif last == "evidence" and parent and suffix == ".json":
        layout.evidence.setdefault(parent, []).append(path)
    elif suffix in FORMATS and is_version(stem) and folder:
        if is_prompt_id(folder):
            layout.versions.append(VersionFile(folder, stem, path))
        else:
            message = f"the folder {folder!r} is not a prompt id: lower-case words joined by `_`, `-` or `/`"
            layout.findings.append(finding("P102", message, path, hint="rename the folder"))
    elif suffix.lower() in (*FORMATS, ".yml") and name != "README.md":
        layout.findings.append(_stray(path, name, suffix, last if parent else ""))


def _stray(path: str, name: str, suffix: str, folder: str) -> Finding:
    if folder in _FORMS:
        return finding("P103", f"{name} is not read: {folder}/ holds {_FORMS[folder]} files", path)
    stem = name.removesuffix(suffix)
    if stem.lower() == "registry":
        return finding("P103", f"{name} is not read: labels stand in `registry.yaml`", path)
    if is_version(stem) and suffix in FORMATS:
        return finding("P103", f"{name} is not read: a version stands in its prompt's folder, `PROMPT/{name}`", path)
    wanted = "`.yaml`" if suffix == ".yml" else "`v1.yaml`, `v2.yaml`, … (or `.md`, `.json`)"
    return finding("P103", f"{name} is not read: a version's file is named {wanted}", path)


def _place_shared(layout: PromptLayout, path: str, inner: str) -> None:
    kind, _, rest = inner.partition("/")
    table = {"partials": layout.partials, "tools": layout.tools}.get(kind)
    folder, name = posixpath.split(rest)
    stem, suffix = posixpath.splitext(name)
    suffixes = (".md",) if kind == "partials" else (".yaml", ".json")
    if table is None or suffix not in suffixes:
        layout.findings.append(finding("P103", f"{inner} is no shared partial or tool and is not read", path))
        return
    reference = f"{folder}@{stem}" if folder and is_version(stem) else posixpath.join(folder, stem)
    if not is_prompt_id(reference.partition("@")[0]):
        layout.findings.append(finding("P103", f"{inner} is no shared partial or tool and is not read", path))
    elif reference in table:
        layout.findings.append(finding("P104", f"`{reference}` has a second file, {table[reference]}", path))
    else:
        table[reference] = path


def _two_files(versions: list[VersionFile]) -> list[Finding]:
    first: dict[tuple[str, str], str] = {}
    findings = []
    for file in versions:
        known = first.setdefault((file.id, file.version), file.path)
        if known != file.path:
            message = f"{file.id}@{file.version} has a second file, {known}: keep one"
            findings.append(finding("P104", message, file.path, artifact=f"{file.id}@{file.version}"))
    return findings
