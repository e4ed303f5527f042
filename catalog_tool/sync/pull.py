"""Pull: what was edited on a target comes back to git, as commits on a branch (design §8).

A version is immutable, so edited content becomes the next version, and labels that point to what was
edited point to it; a label that was moved is moved in the registry; a skill's files are written in place.
The same edits on the same commit make the same branch, byte for byte.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from catalog_tool.backends.base import Backend
from catalog_tool.backends.stored import content_digest
from catalog_tool.errors import GitError, UsageError
from catalog_tool.model.addresses import LABEL, SKILL, VERSION, label_address, parse_address, version_address
from catalog_tool.model.labels import LabelValue
from catalog_tool.model.names import is_label, is_version, version_number
from catalog_tool.source.branch_writer import BranchWriter, Signature, check_branch_name
from catalog_tool.source.git import Git
from catalog_tool.source.registry_edit import with_label, without_label
from catalog_tool.sync.compare import Observed, compare
from catalog_tool.sync.drift import nothing_kept, refuse_others
from catalog_tool.sync.live import scan_whole
from catalog_tool.sync.plan import is_chosen
from catalog_tool.sync.pulled_prompt import PromptWriter
from catalog_tool.sync.reasons import dropped_reason
from catalog_tool.sync.states import State
from catalog_tool.sync.wanted import Desired, Reading, desired_for

EDITED = frozenset({State.DRIFTED, State.CONFLICT, State.COLLISION})
TRAILER = "Catalog-Target"
_MODES = frozenset({"100644", "100755"})
"""A target that names another would have git make a link, or a repository inside this one."""
_NO_NAMES = frozenset({"", ".", "..", ".git"})
US = ("catalog pull", "catalog@localhost")
"""Who commits, and who is named where the target does not say who edited."""


class Change(NamedTuple):
    """One object brought to git: the file and what it is about. ``by`` is the target's word on who did it."""

    object: str
    path: str
    what: str
    by: str | None = None


class Left(NamedTuple):
    """One object that was not brought to git, and why."""

    object: str
    reason: str


class Pulled(NamedTuple):
    """The branch; ``status`` is ``done``, ``unchanged`` (the branch is this already) or ``nothing``.

    ``strangers`` are prompts there that git does not have and nobody named: others may share the target.
    """

    status: str
    branch: str
    commit: str | None
    changes: Sequence[Change]
    left: Sequence[Left]
    strangers: Sequence[str] = ()

    def to_json(self, target: str) -> dict[str, Any]:
        """The document of ``pull``."""
        return {
            "format": 1,
            "status": self.status,
            "target": target,
            "branch": self.branch if self.commit else None,
            "commit": self.commit,
            "changes": [change._asdict() for change in self.changes],
            "left": [left._asdict() for left in self.left],
        }


class Source(NamedTuple):
    """Where edits come from and where they go."""

    target: str
    backend: Backend
    git: Git
    reading: Reading


def edits_on(backend: Backend, desired: Desired) -> list[Observed]:
    """What is not in sync on a target; prompts may be brought from one that never was synced.

    Raises ``BackendError`` where it cannot be told: another catalog's target, one that was wiped, or an empty one.
    """
    state = backend.load()
    refuse_others(state, desired)
    found = compare(desired, state, scan_whole(backend, desired), metadata=backend.capabilities.metadata)
    if not state.inventory and (found.is_new or state.control.last is not None):
        raise nothing_kept(state)
    return found.observed


def pull(source: Source, observed: Sequence[Observed], branch: str, only: Sequence[str]) -> Pulled:
    """Write the branch. Raises ``UsageError`` where it exists and is not one of this target's."""
    commit = source.reading.commit
    if commit is None:
        raise GitError("there is no commit to build on", hint="commit the catalog first")
    check_branch_name(source.git, branch)
    before = _own_branch(source, branch)
    edits = _Edits(source, observed, only)
    files, changes, left = edits.collect()
    strangers = sorted(edits.strangers)
    if not files:
        return Pulled("nothing", branch, None, [], left, strangers)
    with BranchWriter(source.git, commit) as writer:
        _commit(writer, source, files, changes)
        if writer.tip == before:
            return Pulled("unchanged", branch, writer.tip, changes, left, strangers)
        writer.publish(branch, before)
    return Pulled("done", branch, writer.tip, changes, left, strangers)


def _own_branch(source: Source, branch: str) -> str | None:
    """Where the branch points now, if it is ours to move."""
    tip = source.git.find(f"refs/heads/{branch}")
    if tip is None:
        return None
    message = source.git.run("log", "-1", "--no-show-signature", "--format=%B", tip).decode(errors="replace")
    if f"{TRAILER}: {source.target}" not in message.splitlines():
        hint = "name another with --branch, or delete it"
        raise UsageError(f"the branch {branch} is not one that pulls from {source.target}", hint=hint)
    return tip


Files = dict[str, tuple[str, bytes] | None]
"""Path from the catalog's root → mode and bytes, None for a file that goes."""


class _Edits:
    """Collects what to write, object by object."""

    def __init__(self, source: Source, observed: Sequence[Observed], only: Sequence[str]) -> None:
        self._source = source
        self._reading = source.reading
        self._only = only
        self._differing = {item.address: item for item in observed}
        self._held = desired_for(source.reading, source.reading.files.settings.targets[source.target]).objects
        self._observed = [item for item in observed if not only or is_chosen(item.address, only)]
        self._known = {file.id for file in source.reading.files.layout.versions}
        self._writer = PromptWriter(source.reading.tree, source.reading.files)
        self._numbers: dict[str, int] = {}
        self._files: Files = {}
        self._changes: list[Change] = []
        self._left: list[Left] = []
        self._renamed: dict[tuple[str, str], str] = {}
        self.strangers: set[str] = set()
        for address in (*source.reading.versions, *(item.address for item in observed)):
            kind, name, part = parse_address(address)
            if kind == VERSION and is_version(part):
                self._numbers[name] = max(self._numbers.get(name, 0), version_number(part))

    def collect(self) -> tuple[Files, list[Change], list[Left]]:
        """Versions first: labels may point to what they become."""
        for item in self._of(VERSION):
            self._version(item)
        for item in self._of(SKILL):
            self._skill(item)
        self._registry()
        self._left.extend(
            Left(item.address, f"{dropped_reason(item)}; `catalog drift` says how to delete it there")
            for item in self._observed if item.state is State.PRUNE_CONFLICT
        )  # fmt: skip
        return self._files, self._changes, self._left

    def _of(self, kind: str) -> Iterator[Observed]:
        return (item for item in self._observed if parse_address(item.address).kind == kind)

    def _version(self, item: Observed) -> None:
        _, name, version = parse_address(item.address)
        is_new = item.state is State.UNMANAGED
        if item.state is State.MISSING:
            self._left.append(Left(item.address, "it was deleted on the target; a released version stays in git"))
            return
        if is_new and not self._is_known(name):
            self.strangers.add(name)
            return
        if item.seen is None or not (is_new or item.state in EDITED):
            return
        if not is_new and (same := self._in_git(name, item.seen)) is not None:
            self._renamed[name, version] = same
            reason = f"its content there is {same} in git; `catalog drift` says how to put {version} back there"
            self._left.append(Left(item.address, reason))
            return
        live = _entry(item.seen)
        number = version if is_new and is_version(version) else self._next(name)
        file = None if live is None else self._writer.write(name, number, live, None if is_new else version)
        if file is None:
            self._left.append(Left(item.address, "what the target holds cannot be written as a prompt of this catalog"))
            return
        self._files[file.path] = ("100644", file.data)
        self._renamed[name, version] = number
        whose = "is another's there" if item.state is State.COLLISION else "was edited there"
        what = f"{number} is new there" if is_new else f"{version} {whose}; its content is {number} now"
        self._changes.append(Change(item.address, file.path, what, item.by))

    def _in_git(self, name: str, seen: bytes) -> str | None:
        """The version that has this content in git: an edit that was brought already, or an older version's text."""
        digest = content_digest(seen)
        same = [a for a, wanted in self._reading.versions.items() if wanted.digest == digest]
        own = [found.part for found in map(parse_address, same) if found.name == name]
        return max(own, key=version_number, default=None)

    def _is_known(self, name: str) -> bool:
        """New prompts, which may be those of others, are brought only when they are named."""
        return name in self._known or bool(self._only)

    def _next(self, name: str) -> str:
        self._numbers[name] = self._numbers.get(name, 0) + 1
        return f"v{self._numbers[name]}"

    def _skill(self, item: Observed) -> None:
        folder = next((f for f in self._reading.files.skills if item.address == f"{SKILL}/{f.key}"), None)
        if item.state is State.MISSING:
            self._left.append(Left(item.address, "it was deleted on the target; delete its folder if that is meant"))
        if item.state not in EDITED or folder is None:
            return
        if item.meta_only:
            reason = (
                "only what is told of it beside its files was edited there; `catalog drift` says how to put it back"
            )
            self._left.append(Left(item.address, reason))
            return
        live = self._source.backend.contents(item.address)
        is_sound = all(mode in _MODES and _is_inner(path) for path, (mode, _) in live.items())
        if not is_sound or folder.skill_file not in live:
            self._left.append(Left(item.address, "its files cannot be those of a skill"))
            return
        for inner in folder.files:
            if inner not in live:
                self._files[f"{folder.path}/{inner}"] = None
        for inner, (mode, data) in live.items():
            self._files[f"{folder.path}/{inner}"] = (mode, data)
        self._changes.append(Change(item.address, folder.path, "its files were edited there", item.by))

    def _registry(self) -> None:
        """Labels that were moved, and labels that point to a version whose content is another's now."""
        path = f"{self._reading.files.settings.prompts}/registry.yaml"
        data = before = self._reading.files.small.get(path)
        for item, name, label, value in self._label_edits():
            try:
                edit = (
                    without_label(path, data, name, label)
                    if value is None
                    else with_label(path, data, name, label, value)
                )
            except UsageError as error:
                self._left.append(Left(item.address, error.message))
                continue
            if edit.after != data:
                data = edit.after
                what = "it was removed there" if value is None else f"it points to {_shown(value)}"
                self._changes.append(Change(item.address, path, what, item.by))
        if data is not None and data != before:
            self._files[path] = ("100644", data)

    def _label_edits(self) -> Iterator[tuple[Observed, str, str, LabelValue | None]]:
        seen = set()
        for item in self._of(LABEL):
            _, name, label = parse_address(item.address)
            if item.state is State.MISSING:
                yield item, name, label, None
            elif item.state in EDITED or (item.state is State.UNMANAGED and self._is_known(name) and is_label(label)):
                seen.add(item.address)
                value = self._value(name, label, item.seen)
                if value is None:
                    self._left.append(Left(item.address, "its value there is none that a registry can hold"))
                else:
                    yield item, name, label, value
        for name, found in self._reading.labels.items():
            for label, value in found.items():
                address = label_address(name, label)
                is_edited = any((name, version) in self._renamed for version in value.versions)
                if is_edited and address not in seen and self._serves(address):
                    yield Observed(address, State.PENDING), name, label, self._following(name, value)

    def _serves(self, address: str) -> bool:
        """Whether applications are given by a label there what git says: else no edit of that is its business."""
        item = self._differing.get(address)
        if item is None:
            return address in self._held
        return item.live is not None and item.live == item.desired and not item.is_strangers

    def _value(self, name: str, label: str, seen: bytes | None) -> LabelValue | None:
        value = _json(seen)
        split = [(value, 100)] if isinstance(value, str) else value
        try:
            pairs = [(str(v), w) for v, w in split] if isinstance(value, str) else _weights(split)
        except (TypeError, KeyError):
            return None
        versions = set(self._reading.versions) | {
            version_address(name, new) for (owner, _), new in self._renamed.items() if owner == name
        }
        followed = self._following(name, LabelValue(tuple(pairs)))
        known = all(version_address(name, version) in versions for version in followed.versions)
        return followed if known and is_label(label) else None

    def _following(self, name: str, value: LabelValue) -> LabelValue:
        return LabelValue(
            tuple((self._renamed.get((name, version), version), weight) for version, weight in value.split)
        )


def _is_inner(path: str) -> bool:
    """Whether a path stays inside the skill's folder on every system, and out of git's own."""
    parts = path.split("/")
    return path.isprintable() and "\\" not in path and not any(part.lower() in _NO_NAMES for part in parts)


def _weights(split: Any) -> list[tuple[str, float]]:
    """The parts of a split. Raises ``TypeError`` and ``KeyError`` for what is none."""
    pairs = [(part["version"], part["weight"]) for part in split]
    for version, weight in pairs:
        if not isinstance(version, str) or type(weight) not in (int, float) or not 0 < weight < 100:
            raise TypeError("a split has versions and weights")
    return pairs


def _shown(value: LabelValue) -> str:
    if len(value.split) == 1:
        return value.stable
    return ", ".join(f"{version} {weight:g}%" for version, weight in value.split)


def _entry(seen: bytes) -> Mapping[str, Any] | None:
    value = _json(seen)
    return value if isinstance(value, dict) and "messages" in value else None


def _json(data: bytes | None) -> Any:
    try:
        return None if data is None else json.loads(data)
    except (ValueError, RecursionError):
        return None


def _commit(writer: BranchWriter, source: Source, files: Files, changes: Sequence[Change]) -> None:
    """One commit, by the person the target names where it names one only; dated as the commit it builds on."""
    prefix = source.reading.files.prefix
    for path, content in sorted(files.items()):
        if content is None:
            writer.remove(prefix + path)
        else:
            writer.put(prefix + path, content[1], content[0])
    at = int(source.git.run("log", "-1", "--no-show-signature", "--format=%ct", writer.tip))
    people = {change.by for change in changes if change.by is not None}
    name, mail = _person(people.pop()) if len(people) == 1 else US
    lines = [f"- {change.object}: {change.what}" + (f" (by {change.by})" if change.by else "") for change in changes]
    message = f"Bring back {len(changes)} edit{'s' * (len(changes) != 1)} from {source.target}\n\n"
    body = "\n".join(_printable(line) for line in lines)
    writer.commit(f"{message}{body}\n\n{TRAILER}: {source.target}\n", Signature(name, mail, at), Signature(*US, at))


def _person(by: str) -> tuple[str, str]:
    name, _, rest = _printable(by).partition("<")
    return name.strip(" .,:;<>\"\\'") or US[0], rest.partition(">")[0].strip() or US[1]


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)
