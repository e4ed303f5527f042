"""Desired: what git says a target shall hold (design §8), from one tree of the catalog."""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from catalog_tool.bundle.document import skill_entry
from catalog_tool.canonical.identity import bundle_digest
from catalog_tool.canonical.jcs import canonical_bytes, digest_of
from catalog_tool.checks.inspection import Options, inspect
from catalog_tool.checks.prompt_record import PromptRecord
from catalog_tool.checks.skill_record import SkillRecord
from catalog_tool.errors import GitError
from catalog_tool.model.addresses import LABEL, SKILL, VERSION, label_address, skill_address, version_address
from catalog_tool.model.finding import ERROR, Finding
from catalog_tool.model.labels import LabelValue
from catalog_tool.model.limits import SKILL_FILE_BYTES
from catalog_tool.model.settings import TARGET_DEFAULTS, Settings
from catalog_tool.source.catalog_files import CatalogFiles
from catalog_tool.source.globs import globs_matcher
from catalog_tool.source.memory import Memory
from catalog_tool.source.root import Place
from catalog_tool.source.tree import RevisionTree, WorkTree, tree_of
from catalog_tool.sync.same_place import targets_beside

SkillContents = tuple[Mapping[str, bytes], Mapping[str, str]]
"""A skill's bytes and modes, by path."""


NO_META = digest_of({})
_META_KEY = b'"meta":'
_DECODE = json.JSONDecoder().raw_decode


class WantedObject(NamedTuple):
    """One desired object: its digest (of a label: the value's canonical JSON) and its entry's bytes."""

    address: str
    digest: str
    entry: bytes

    @property
    def meta(self) -> str:
        """The digest of what is kept with it but never counts; empty for a label."""
        if self.address.startswith(LABEL):
            return ""
        if self.address.startswith(VERSION) and self.entry.count(_META_KEY) == 1:
            # Inside a string the quotes would be escaped, so this is the entry's own member: no need to read the rest.
            start = self.entry.index(_META_KEY) + len(_META_KEY)
            if self.entry.startswith(b"{}", start):
                return NO_META
            return digest_of(_DECODE(self.entry[start:].decode())[0])
        return meta_digest(self.address, json.loads(self.entry))


def meta_digest(address: str, entry: Mapping[str, Any]) -> str:
    """The digest of an entry's metadata: a version's ``meta``; of a skill all but its files."""
    if address.startswith(SKILL):
        return digest_of({key: value for key, value in entry.items() if key not in ("digest", "files")})
    meta = entry.get("meta")
    return digest_of(meta) if meta else NO_META


@dataclass(frozen=True, slots=True, kw_only=True)
class Desired:
    """What a target shall hold.

    ``bundle`` is the digest of the whole catalog, whatever part of it this target gets; ``commit`` is
    None outside git; ``modified`` says that the work tree held edits. ``contents`` reads a skill's files;
    ``prefix`` is the catalog's root below the top of the repository. ``left_out`` is what git has and the target's
    settings leave out, ``beside`` that of it which other targets of this catalog want in the same place.
    """

    bundle: str
    catalog: str
    commit: str | None
    objects: Mapping[str, WantedObject]
    contents: Callable[[str], SkillContents]
    modified: bool = False
    prefix: str = ""
    left_out: Container[str] = frozenset()
    beside: Container[str] = frozenset()


class Reading(NamedTuple):
    """A catalog that was read: ``errors`` are the findings that forbid any sync."""

    files: CatalogFiles
    commit: str | None
    modified: bool
    bundle: str
    versions: Mapping[str, WantedObject]
    labels: Mapping[str, Mapping[str, LabelValue]]
    skills: Mapping[str, WantedObject]
    tree: WorkTree | RevisionTree
    errors: list[Finding]


class _Collector:
    """Takes the records of an inspection; contents of skills are read again when they are written."""

    def __init__(self) -> None:
        self.digests: dict[str, dict[str, str]] = {}
        self.versions: dict[str, WantedObject] = {}
        self.skills: dict[str, WantedObject] = {}

    def start(self, files: CatalogFiles) -> None:
        """Nothing to prepare."""

    def version(self, record: PromptRecord) -> None:
        """Keep the entry."""
        self.digests.setdefault(record.id, {})[record.version] = record.digest
        address = version_address(record.id, record.version)
        self.versions[address] = WantedObject(address, record.digest, record.entry)

    def skill(self, record: SkillRecord) -> None:
        """Keep the entry without the contents."""
        address = skill_address(record.skill.key)
        entry = canonical_bytes(skill_entry(record.skill), is_plain=True)
        self.skills[address] = WantedObject(address, record.skill.digest, entry)


def read_catalog(place: Place, revision: str | None, progress: Callable[[int, int], None] | None = None) -> Reading:
    """Read and check a catalog at a revision (None: the work tree). Raises ``GitError``, ``UsageError``."""
    tree = tree_of(place, revision)
    sink = _Collector()
    inspection = inspect(tree, Options(overlap=False, memory=Memory(place.root), progress=progress), sink)
    labels = {name: found for name, found in inspection.files.labels.items() if found}
    values = {name: {label: value.to_json() for label, value in found.items()} for name, found in labels.items()}
    skills = {wanted.address.partition("/")[2]: wanted.digest for wanted in sink.skills.values()}
    return Reading(
        inspection.files,
        tree.commit if isinstance(tree, RevisionTree) else tree.head,
        isinstance(tree, WorkTree) and tree.is_modified,
        bundle_digest(values, sink.digests, skills),
        sink.versions,
        labels,
        sink.skills,
        tree,
        [found for found in inspection.findings if found.severity == ERROR],
    )


def desired_for(reading: Reading, target: Mapping[str, Any]) -> Desired:
    """The part of a catalog that a target gets, by its ``include``, ``labels`` and ``skills``."""
    settings: Settings = reading.files.settings
    objects = _selected(reading, target)
    whole = objects if _takes(target) == _takes(TARGET_DEFAULTS) else _selected(reading, TARGET_DEFAULTS)
    beside = (found for found in targets_beside(settings.targets, target) if _takes(found) != _takes(target))
    others = [_selected(reading, found) for found in beside]
    return Desired(
        bundle=reading.bundle,
        catalog=settings.catalog or "",
        commit=reading.commit,
        objects=objects,
        contents=_SkillReader(reading),
        modified=reading.modified,
        prefix=reading.files.prefix,
        left_out=whole.keys() - objects.keys(),
        beside=frozenset(address for found in others for address in found) - objects.keys(),
    )


def _takes(target: Mapping[str, Any]) -> tuple[Any, ...]:
    """The settings that say what a target takes."""
    return target["include"], target["labels"], target["skills"] in (True, "true")


def _selected(reading: Reading, target: Mapping[str, Any]) -> dict[str, WantedObject]:
    """What a target's settings take of a catalog, by address."""
    included, labelled = globs_matcher(target["include"]), globs_matcher(target["labels"])
    objects = {
        address: wanted
        for address, wanted in reading.versions.items()
        if included(address.partition("/")[2].rpartition("@")[0])
    }
    if target["skills"] in (True, "true"):
        objects.update(reading.skills)
    for name, found in reading.labels.items():
        for label, value in found.items() if included(name) else ():
            if labelled(label):
                address, entry = label_address(name, label), canonical_bytes(value.to_json())
                objects[address] = WantedObject(address, entry.decode(), entry)
    return objects


class _SkillReader:
    """Reads the files of one skill when it has to be written."""

    def __init__(self, reading: Reading) -> None:
        self._folders = {skill_address(folder.key): folder for folder in reading.files.skills}
        self._wanted = reading.skills
        self._tree = reading.tree

    def __call__(self, address: str) -> SkillContents:
        """Bytes and modes by path. Raises ``GitError`` where the files changed since they were checked."""
        folder = self._folders[address]
        listed = {item["path"]: item for item in json.loads(self._wanted[address].entry)["files"]}
        entries = {f"{folder.path}/{path}": folder.files[path] for path in listed}
        cut = len(folder.path) + 1
        contents = {found.path[cut:]: found.data for found in self._tree.read(entries, SKILL_FILE_BYTES)}
        read = {path: data for path, data in contents.items() if data is not None}
        if len(read) != len(listed) or any(len(data) != listed[path]["size"] for path, data in read.items()):
            raise GitError(f"the files of {address} changed while they were read", hint="run the command again")
        return read, {path: item["mode"] for path, item in listed.items()}
