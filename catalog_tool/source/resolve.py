"""A reference to one artifact: ``[REV:]NAME[@LABEL|@v2|@sha256:…]`` (design §2)."""

from __future__ import annotations

import difflib
import re
from typing import NamedTuple

from catalog_tool.errors import UsageError
from catalog_tool.model.finding import ERROR
from catalog_tool.model.limits import PARSED_FILE_BYTES
from catalog_tool.model.names import Reference, is_label, is_version, version_number
from catalog_tool.model.prompt import PromptVersion
from catalog_tool.source.catalog_files import CatalogFiles, find_catalog, refuse_absent
from catalog_tool.source.layout import VersionFile
from catalog_tool.source.prompts import PromptSchemas, read_prompt
from catalog_tool.source.root import SETTINGS_FILE, Place
from catalog_tool.source.schema_engine import SchemaEngine
from catalog_tool.source.schemas import load_schema
from catalog_tool.source.skill_folders import SkillFolder
from catalog_tool.source.tree import Tree, tree_of

_REFERENCE = re.compile(r"(?:(.+?):)??([^:@\s]+)(?:@((?:sha256:)?[^:@\s]+))?", re.DOTALL)
"""The shortest revision that leaves a name: one may hold ``@{1}`` itself, a name and a label may not."""
_DIGEST = re.compile(r"sha256:[0-9a-f]{12,64}", re.ASCII)


class OpenCatalog(NamedTuple):
    """A tree with its files found."""

    tree: Tree
    files: CatalogFiles


class ResolvedPrompt(NamedTuple):
    """A prompt version, and the label by which it was asked for, if any."""

    version: PromptVersion
    label: str | None


def parse_reference(text: str) -> Reference:
    """Split a reference; raises ``UsageError`` for one without a name, or with nothing after ``@``."""
    found = _REFERENCE.fullmatch(text)
    if found is None:
        raise UsageError(f"{text!r} is no reference", hint="write NAME, NAME@production, NAME@v2 or REV:NAME@v2")
    revision, name, selector = found.groups()
    return Reference(name, selector, revision)


def open_catalog(place: Place, revision: str | None) -> OpenCatalog:
    """The catalog in the work tree or at a revision.

    Raises ``GitError``; ``UsageError`` where the work tree has none; and as ``refuse_broken`` does.
    """
    tree = tree_of(place, revision)
    files = find_catalog(tree)
    if revision is None:
        refuse_absent(files, tree)
    refuse_broken(files)
    return OpenCatalog(tree, files)


def refuse_broken(files: CatalogFiles) -> None:
    """Raise ``UsageError`` where settings or registry cannot be used: what they say would be passed over."""
    central = (SETTINGS_FILE, files.registry_path)
    for found in files.findings:
        if found.severity == ERROR and found.path in central:
            place = ":".join(str(part) for part in (found.path, found.line, found.column) if part is not None)
            raise UsageError(f"{place}: {found.code} {found.message}", hint=found.hint or "see `catalog validate`")


def versions_of(files: CatalogFiles, name: str) -> list[VersionFile]:
    """The files of a prompt's versions, oldest first."""
    return sorted(
        (file for file in files.layout.versions if file.id == name),
        key=lambda file: version_number(file.version),
    )


def resolve_prompt(catalog: OpenCatalog, reference: Reference) -> ResolvedPrompt:
    """The version a reference means. Raises ``UsageError`` where it means none."""
    name, selector = reference.name, reference.selector
    files = versions_of(catalog.files, name)
    if not files:
        raise unknown_name(catalog.files, name)
    by_version = {file.version: file for file in files}
    if selector is None:
        return ResolvedPrompt(read_version(catalog, files[-1]), None)
    if is_version(selector):
        if selector not in by_version:
            raise UsageError(f"{name} has no version {selector}", hint=f"its versions: {', '.join(by_version)}")
        return ResolvedPrompt(read_version(catalog, by_version[selector]), None)
    if selector.startswith("sha256:"):
        return ResolvedPrompt(_by_digest(catalog, files, selector), None)
    labels = catalog.files.labels.get(name, {})
    if not is_label(selector) or selector not in labels:
        raise UsageError(f"{name} has no label {selector!r}", hint=near_label(catalog.files, name, selector))
    stable = labels[selector].stable
    if stable not in by_version:
        raise UsageError(f"{name}@{selector} points to {stable}, which does not exist", hint="see `catalog validate`")
    return ResolvedPrompt(read_version(catalog, by_version[stable]), selector)


def near_label(files: CatalogFiles, name: str, label: str) -> str:
    """The hint for a label that a prompt does not have: the nearest that it has, or all."""
    labels = files.labels.get(name, {})
    near = difflib.get_close_matches(label, labels, n=1)
    return f"did you mean {name}@{near[0]}?" if near else f"its labels: {', '.join(labels) or 'none'}"


def _by_digest(catalog: OpenCatalog, files: list[VersionFile], prefix: str) -> PromptVersion:
    if _DIGEST.fullmatch(prefix) is None:
        raise UsageError(f"{prefix!r} is no digest", hint="write sha256: and at least 12 hex digits")
    found = [version for file in files if (version := _read(catalog, file)[0]) and version.digest.startswith(prefix)]
    if len({version.digest for version in found}) != 1:
        raise UsageError(f"{'no version' if not found else 'more than one version'} of {files[0].id} has {prefix}")
    return found[-1]


def read_version(catalog: OpenCatalog, file: VersionFile) -> PromptVersion:
    """One version. Raises ``UsageError``, with the first finding, where its file cannot be used."""
    version, problem = _read(catalog, file)
    if version is None:
        raise UsageError(
            f"{file.id}@{file.version} cannot be used: {problem}", hint=f"see `catalog validate {file.path}`"
        )
    return version


def _read(catalog: OpenCatalog, file: VersionFile) -> tuple[PromptVersion | None, str]:
    content = next(iter(catalog.tree.read({file.path: catalog.files.entries[file.path]}, PARSED_FILE_BYTES)))
    if content.data is None:
        return None, content.flaw.message if content.flaw else "it cannot be read"
    schemas = PromptSchemas(SchemaEngine(load_schema("prompt")))
    read = read_prompt(file, content.data, catalog.files.shared, schemas)
    errors = [found for found in read.document.findings if found.severity == "error"]
    return read.version, f"{errors[0].code} {errors[0].message}" if errors else ""


def find_skill(files: CatalogFiles, name: str) -> SkillFolder | None:
    """The skill with this key, or the only one whose folder has this name."""
    by_key = {folder.key: folder for folder in files.skills}
    if name in by_key:
        return by_key[name]
    named = [folder for folder in files.skills if folder.name == name]
    return named[0] if len(named) == 1 else None


def unknown_name(files: CatalogFiles, name: str) -> UsageError:
    """The error for a name that is neither a prompt nor a skill, with the nearest that is."""
    known = sorted({file.id for file in files.layout.versions} | {folder.key for folder in files.skills})
    if name in known:
        return UsageError(f"{name} is a skill, not a prompt", hint=f"`catalog show {name}` shows it")
    near = difflib.get_close_matches(name, known, n=1)
    return UsageError(
        f"there is no prompt or skill {name!r}",
        hint=f"did you mean {near[0]}?" if near else "see `catalog list`",
    )
