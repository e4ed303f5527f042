"""A target on an MLflow server: prompts in its registry, over its REST API.

A prompt is a registered name, ``/`` written as ``.`` (MLflow takes no slash, our ids have no dot); a
version one of its versions (``mlflow_prompts``), a label an alias with its marker in a tag of the
name; the rest is in ``mlflow_memory``. MLflow has no compare-and-swap: each step looks, writes, and
the engine reads back. Nothing is sent twice without looking, because a version that is created twice
is there twice.

    targets:
      mlflow: {backend: mlflow, url: https://mlflow.example.org, prefix: staging/, token: "${MLFLOW_TOKEN}"}
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any, NamedTuple

import httpx

from catalog_tool.backends.base import LabelEvent
from catalog_tool.backends.mlflow_api import IS_PROMPT, ExistsError, MlflowApi, quoted
from catalog_tool.backends.mlflow_capabilities import (
    CAPABILITIES,
    DESCRIPTION_CHARACTERS,
    NAME_CHARACTERS,
    SKILL_PATTERN,
)
from catalog_tool.backends.mlflow_entities import ModelVersion, RegisteredModel
from catalog_tool.backends.mlflow_memory import MlflowMemory
from catalog_tool.backends.mlflow_prompts import (
    KIND_TAG,
    MARKER_TAG,
    VERSION_TAG,
    UnwritableError,
    entry_of,
    leftover_tags,
    named_versions,
    stranger,
    version_tags,
)
from catalog_tool.backends.mlflow_settings import connection
from catalog_tool.backends.mlflow_skills import LackingError, SkillRegistry
from catalog_tool.backends.numbering import NO_VERSIONS, Reserved
from catalog_tool.backends.stored import label_value, label_versions, unstorable
from catalog_tool.canonical.jcs import canonical_bytes
from catalog_tool.errors import RefusedError, UnavailableError
from catalog_tool.model.addresses import LABEL, SKILL, VERSION, Address, label_address, parse_address, version_address
from catalog_tool.model.target import CHANGED, DONE, FAILED, Control, Lease, Live, Run, TargetState, Write, Written

SNAPSHOT_SECONDS = 5.0
"""How long the versions that ``load`` read may serve the ``scan`` that follows it."""
_LABEL_MARKER = "catalog.marker."
_SYNC_TAG = "catalog.sync"
"""Which sync made a version: the token of its lease."""
_NAME = re.compile(r"[A-Za-z0-9_.-]+", re.ASCII)


class _Prompt(NamedTuple):
    """One prompt as it is on the server now: our names for its versions, its aliases and tags."""

    versions: Mapping[str, ModelVersion]
    model: RegisteredModel | None

    def part_of(self, number: int) -> str:
        """Our name for a number."""
        return next((part for part, found in self.versions.items() if found.number == number), stranger(number))


class MlflowBackend:
    """``base.Backend`` on an MLflow server. ``clock`` gives seconds since the epoch."""

    def __init__(
        self, client: httpx.Client, place: str, prefix: str = "", *,
        skills: bool = True, clock: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self.capabilities = CAPABILITIES if skills else replace(CAPABILITIES, skills=False)
        self._api = MlflowApi(client, place)
        self._place = place
        self._prefix = prefix.replace("/", ".")
        self._memory = MlflowMemory(self._api, self._outer, clock)
        self._snapshot: tuple[float, list[ModelVersion]] | None = None
        self._doubtful: set[str] = set()
        self._reserved = Reserved(NO_VERSIONS, {})
        self._skills = SkillRegistry(self._api, prefix)
        self._has_skills, self._synced_skills, self._wants_skills = True, False, False

    def _outer(self, name: str) -> str:
        return self._prefix + name.replace("/", ".")

    def _inner(self, name: str) -> str:
        return name[len(self._prefix) :].replace(".", "/")

    def _is_inside(self, name: str) -> bool:
        return len(name) > len(self._prefix) and name.startswith(self._prefix)

    def place(self) -> str:
        """The server's address and the prefix, without credentials."""
        return f"{self._place} {self._prefix}*" if self._prefix else self._place

    def load(self) -> TargetState:
        """One request, which reads every version of the target too: a ``scan`` that follows at once needs no second."""
        versions = self._all_versions()
        self._snapshot = (time.monotonic(), versions)
        state = self._memory.read(versions)
        self._reserved = self._reserved._replace(inventory=state.inventory)
        self._synced_skills = any(address.startswith(SKILL) for address in state.inventory)
        self._has_skills = self._synced_skills or not state.inventory
        return state

    def _all_versions(self) -> list[ModelVersion]:
        found = self._api.versions(f"name LIKE '{self._prefix}%'" if self._prefix else "")
        return [version for version in found if self._is_inside(version.name)]

    def _forget(self) -> list[ModelVersion] | None:
        """The versions of the last ``load``, where that was just now; used once."""
        kept, self._snapshot = self._snapshot, None
        return kept[1] if kept is not None and time.monotonic() - kept[0] <= SNAPSHOT_SECONDS else None

    def reserve(self, versions: Mapping[str, str]) -> None:
        """The names that git has: no version that somebody else made goes by one of them."""
        self._reserved = self._reserved._replace(versions=versions)

    def expect(self, entries: Mapping[str, bytes]) -> None:
        """What git has: skills are looked for where it has any, whatever is remembered of them."""
        self._wants_skills = any(address.startswith(SKILL) for address in entries)

    def scan(self, only: Collection[str] | None = None) -> Iterator[Live]:
        """Two requests for the whole target or one prompt of it; the first was ``load``'s if that came just before."""
        kept = self._forget()
        name = _only_name(only)
        condition = quoted(self._outer(name)) if name is not None else None
        versions: list[ModelVersion] = []
        models: Iterable[RegisteredModel] = ()
        if condition is not None:
            versions = self._api.versions(f"name = {condition}")
            models = self._api.models(f"name = {condition}")
        elif only is None or any(not text.startswith(SKILL) for text in only):
            versions = kept if kept is not None else self._all_versions()
            models = self._all_models(versions)
        found = self._grouped(versions, models)
        prompts = (item for outer, prompt in found.items() for item in self._objects(outer, prompt))
        return (item for item in chain(prompts, self._skills_of(only)) if only is None or item.address in only)

    def _skills_of(self, only: Collection[str] | None) -> Iterator[Live]:
        """Skills, where git or the target has any, or nothing was synced yet; a server without a registry has none."""
        names = None if only is None else {parse_address(text).name for text in only if text.startswith(SKILL)}
        looked_for = self._has_skills or self._wants_skills if names is None else bool(names)
        if not self.capabilities.skills or not looked_for:
            return
        try:
            yield from self._skills.scan(names)
        except LackingError:
            if self._synced_skills:
                raise

    def _all_models(self, versions: Iterable[ModelVersion]) -> Iterator[RegisteredModel]:
        """Every registered prompt: one that slipped from one page to another while they were read is asked for."""
        listed = set()
        for model in self._api.models(f"name LIKE '{self._prefix}%'" if self._prefix else ""):
            if self._is_inside(model.name):
                listed.add(model.name)
                yield model
        for name in sorted({found.name for found in versions if KIND_TAG not in found.tags} - listed):
            slipped = self._api.model(name)
            if slipped is not None:
                yield slipped

    def _grouped(self, versions: Iterable[ModelVersion], models: Iterable[RegisteredModel]) -> dict[str, _Prompt]:
        """Prompts by their name there; what we remember beside them is none."""
        by_name: dict[str, list[ModelVersion]] = {}
        for version in versions:
            if KIND_TAG not in version.tags:
                by_name.setdefault(version.name, []).append(version)
        known = {model.name: model for model in models}
        return {name: _Prompt(self._named(name, by_name.get(name, ())), known.get(name)) for name in {*by_name, *known}}

    def _named(self, outer: str, versions: Iterable[ModelVersion]) -> dict[str, ModelVersion]:
        return named_versions(self._inner(outer), versions, self._reserved)

    def _objects(self, outer: str, prompt: _Prompt) -> Iterator[Live]:
        name = self._inner(outer)
        for part, version in prompt.versions.items():
            yield Live(version_address(name, part), entry_of(part, version.tags), version.tags.get(MARKER_TAG))
        if prompt.model is not None:
            for label, number in prompt.model.aliases.items():
                entry = canonical_bytes(prompt.part_of(number))
                yield Live(label_address(name, label), entry, prompt.model.tags.get(_LABEL_MARKER + label))

    def contents(self, address: str) -> Mapping[str, tuple[str, bytes]]:
        """A skill's files, downloaded."""
        latest = self._skills.latest(parse_address(address).name)
        if latest is None:
            raise RefusedError(f"{address} is not there")
        return self._skills.files(latest)

    def take_lease(self, lease: Lease, *, instead_of: str | None = None) -> Lease:
        """Draw a number; the lowest holds."""
        self._forget()
        return self._memory.take(lease, instead_of)

    def drop_lease(self, token: str) -> None:
        """Give the number back."""
        self._forget()
        self._memory.drop(token)

    def save_control(self, control: Control, token: str) -> None:
        """Replace the control document."""
        self._forget()
        self._memory.check(self._memory.all_tickets(), token)
        self._memory.save(control)

    def write(self, writes: Sequence[Write], run: Run) -> list[Written]:
        """Each step by itself: look, write, remember."""
        self._forget()
        return [self._step(write, run) for write in writes]

    def _step(self, write: Write, run: Run) -> Written:
        address = parse_address(write.address)
        if address.kind == SKILL:
            return self._skill_step(address, write, run)
        outer = self._outer(address.name)
        refusal = _unwritable(address, outer) or unstorable(write, outer)
        if refusal is not None and (write.entry is not None or write.marker is not None):
            return Written(write.address, FAILED, refusal)
        prompt = self._look(outer, run.token)
        now = _entry(address, prompt)
        wanted = write.entry if write.entry is not None or write.marker is None else write.seen
        if now not in (write.seen, wanted):
            return Written(write.address, CHANGED, "it is not what the plan saw")
        if (refusal := _dangling(address, prompt, wanted)) is not None:
            return Written(write.address, CHANGED, refusal)
        try:
            make = self._make_version if address.kind == VERSION else self._make_label
            make(address, prompt, write, run)
        except UnwritableError as error:
            return Written(write.address, FAILED, str(error))
        self._memory.remember(write.address, write.applied)
        return Written(write.address, DONE)

    def _skill_step(self, address: Address, write: Write, run: Run) -> Written:
        name = address.name
        if write.entry is not None and not re.fullmatch(SKILL_PATTERN, name, re.ASCII):
            return Written(write.address, FAILED, f"MLflow has no place for the name {name}")
        self._memory.check(self._memory.all_tickets(), run.token)
        if write.entry is not None or write.marker is not None or write.seen is not None:
            latest = self._skills.latest(name)
            now = self._skills.entry_of(name, latest) if latest is not None else None
            wanted = write.entry if write.entry is not None or write.marker is None else write.seen
            if now not in (write.seen, wanted):
                return Written(write.address, CHANGED, "it is not what the plan saw")
            if write.entry is not None:
                self._skills.put(name, write, latest)
            elif write.marker is None:
                self._skills.delete(name)
            elif latest is not None:
                self._skills.mark(name, latest.tags, write.marker)
        self._has_skills = True  # from now on they are read, though the inventory that was loaded had none
        self._memory.remember(write.address, write.applied)
        return Written(write.address, DONE)

    def _look(self, outer: str, token: str) -> _Prompt:
        """The prompt as it is now. Raises ``LeaseLostError`` where the lease, seen in the same answer, is not ours."""
        named = quoted(outer)
        if named is None:  # no name of ours, and nothing that could be there
            self._memory.check(self._memory.all_tickets(), token)
            return _Prompt({}, None)
        found = self._api.versions(f"name IN ({named}, '{self._memory.lease_name}')")
        self._memory.check(self._memory.tickets(found), token)
        versions = self._named(outer, (version for version in found if version.name == outer))
        return _Prompt(versions, self._api.model(outer))

    def _make_version(self, address: Address, prompt: _Prompt, write: Write, run: Run) -> None:
        there = prompt.versions.get(address.part)
        outer = self._outer(address.name)
        if write.entry is not None:
            tags = version_tags(address.part, write.entry, write.marker)
            if there is None:
                self._create(address, prompt, tags, run)
            else:
                self._change(there, tags)
            self._drop_doubles(address, prompt, run)
        elif there is not None and write.marker is None:
            self._api.delete_version(outer, there.number)
        elif there is not None:
            self._api.set_tag(outer, there.number, MARKER_TAG, write.marker or "")

    def _create(self, address: Address, prompt: _Prompt, tags: Mapping[str, str], run: Run) -> None:
        outer = self._outer(address.name)
        if prompt.model is None:
            with contextlib.suppress(ExistsError):
                self._api.create_model(outer, {IS_PROMPT: "true"})
        elif IS_PROMPT not in prompt.model.tags:
            raise RefusedError(f"{outer} is a registered model there, no prompt", hint="give the target a prefix")
        description = f"{address.name}@{address.part}: {run.reason}"[:DESCRIPTION_CHARACTERS]
        try:
            self._api.create_version(outer, {**tags, _SYNC_TAG: run.token}, description)
        except UnavailableError:
            self._doubtful.add(str(address))  # it may be made yet
            raise

    def _drop_doubles(self, address: Address, prompt: _Prompt, run: Run) -> None:
        """Delete what this very sync made twice, because an answer came so late that it looked again before."""
        if str(address) in self._doubtful:
            prompt = self._look(self._outer(address.name), run.token)
            self._doubtful.discard(str(address))
        held = prompt.versions.get(address.part)
        for found in prompt.versions.values():
            is_double = (found.tags.get(VERSION_TAG), found.tags.get(_SYNC_TAG)) == (address.part, run.token)
            if is_double and found is not held:
                self._api.delete_version(found.name, found.number)

    def _change(self, there: ModelVersion, tags: Mapping[str, str]) -> None:
        """Make an existing version hold other tags, one request each: MLflow cannot change them together."""
        for key in leftover_tags(there.tags, tags):
            self._api.delete_tag(there.name, there.number, key)
        for key, value in tags.items():
            if there.tags.get(key) != value:
                self._api.set_tag(there.name, there.number, key, value)

    def _make_label(self, address: Address, prompt: _Prompt, write: Write, _: Run) -> None:
        label, marker, outer = address.part, _LABEL_MARKER + address.part, self._outer(address.name)
        if prompt.model is None:
            return
        if write.entry is not None:
            number = prompt.versions[_single(write.entry)].number
            if prompt.model.aliases.get(label) != number:
                self._api.set_alias(outer, label, number)
        elif write.marker is None:
            self._api.delete_alias(outer, label)
        if write.marker is None and marker in prompt.model.tags:
            self._api.delete_model_tag(outer, marker)
        elif write.marker is not None and prompt.model.tags.get(marker) != write.marker:
            self._api.set_model_tag(outer, marker, write.marker)

    def generations(self) -> Mapping[str, int]:
        """MLflow keeps none."""
        return {}

    def events(self) -> Iterator[LabelEvent]:
        """MLflow keeps no trail of its aliases."""
        return iter(())

    def close(self) -> None:
        """Close the connections."""
        self._api.close()


def _entry(address: Address, prompt: _Prompt) -> bytes | None:
    """What an object is now, None for an absent one."""
    if address.kind == VERSION:
        version = prompt.versions.get(address.part)
        return entry_of(address.part, version.tags) if version is not None else None
    number = prompt.model.aliases.get(address.part) if prompt.model is not None else None
    return canonical_bytes(prompt.part_of(number)) if number is not None else None


def _dangling(address: Address, prompt: _Prompt, wanted: bytes | None) -> str | None:
    """Why a step would leave an alias that points nowhere, or take aliases away with a version."""
    if address.kind == LABEL:
        missing = sorted(label_versions(wanted) - prompt.versions.keys())
        return f"{', '.join(missing)} is not there" if missing else None
    there = prompt.versions.get(address.part)
    if wanted is None and there is not None and prompt.model is not None:
        pointing = [alias for alias, number in prompt.model.aliases.items() if number == there.number]
        return f"the alias {pointing[0]} points to it" if pointing else None
    return None


def _single(entry: bytes) -> str:
    value = label_value(entry)
    if not isinstance(value, str):
        raise UnwritableError("MLflow's aliases point to one version: a split cannot be kept there")
    return value


def _unwritable(address: Address, outer: str) -> str | None:
    """Why MLflow has no place for an object, by its name."""
    if not _NAME.fullmatch(outer) or "." in address.name:
        return f"MLflow has no place for the name {address.name}"
    if len(outer) > NAME_CHARACTERS:
        return f"the name has {len(outer)} characters with its prefix, MLflow takes {NAME_CHARACTERS}"
    return None


def _only_name(only: Collection[str] | None) -> str | None:
    """The one prompt that all addresses are of; None where there are several, or none."""
    names = {found.name for found in map(parse_address, only or ()) if found.kind != SKILL}
    return names.pop() if len(names) == 1 else None


def connect(options: Mapping[str, Any]) -> MlflowBackend:
    """A target from its settings (``mlflow_settings``). Raises ``UsageError``."""
    found = connection(options)
    return MlflowBackend(found.client, found.place, found.prefix)
