"""What the service holds at one moment: an immutable picture of a store or a bundle.

Everything that is served is computed from here: the API, OFREP, exports and pages. A new picture is made
from what a store yields; what did not change in it is taken over from the picture before, so that
reading again costs a comparison of bytes and no parsing.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from catalog_tool.canonical.identity import (
    PARTS,
    SkillFile,
    bundle_digest,
    prompt_identity,
    restore_order,
    skill_digest,
)
from catalog_tool.canonical.jcs import NotCanonicalError, canonical_bytes, digest_of_bytes, version_id
from catalog_tool.model.addresses import LABEL, SKILL, VERSION, label_address, parse_address, version_address
from catalog_tool.model.names import is_label, is_prompt_id, is_version, version_number
from catalog_tool.model.target import Live
from catalog_tool.rollout import SLOTS, Router

BUNDLE = "bundle-"
"""What the ``store_id`` of a bundle's picture begins with; a store's own is 32 hex digits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldVersion:
    """One prompt version whose content is what its digest says.

    ``parts`` are its parts as JSON values (the seven, and ``order`` where there is one), ``body`` the same
    as the inside of a JSON object, with ``system_prompt`` where the first message is the system's.
    """

    version: str
    version_id: str
    digest: str
    parts: Mapping[str, Any]
    meta: Mapping[str, Any]
    body: bytes
    live: Live


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldLabel:
    """One label. ``value`` as in ``bundle.json``; ``since`` (ISO 8601) and ``by`` are the store's word, or None."""

    value: Any
    split: tuple[tuple[str, float | int], ...]
    router: Router = field(compare=False)
    since: str | None
    by: str | None
    live: Live


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldPrompt:
    """One prompt. Versions are in the order of their numbers, labels in that of their names.

    ``damaged`` names versions and labels (``v2``, ``production``) that are stored and cannot be served:
    their content is not what they claim.
    """

    id: str
    generation: int
    versions: Mapping[str, HeldVersion]
    labels: Mapping[str, HeldLabel]
    damaged: frozenset[str]

    def addresses(self) -> set[str]:
        """Where everything of it is stored, as far as it is known."""
        versions = {*self.versions, *(part for part in self.damaged if is_version(part))}
        labels = {*self.labels, *(part for part in self.damaged if not is_version(part))}
        return {version_address(self.id, v) for v in versions} | {label_address(self.id, label) for label in labels}

    def label_values(self) -> dict[str, Any]:
        """Label → value, as ``bundle.json`` has it."""
        return {label: held.value for label, held in self.labels.items()}

    def gives(self) -> dict[str, Any]:
        """Label → its value and the digests of the versions that it names."""
        return {
            label: (held.value, [self.versions[version].digest for version, _ in held.split])
            for label, held in self.labels.items()
        }

    def damaged_labels(self) -> list[str]:
        """The labels that are stored and cannot be served, sorted."""
        return sorted(part for part in self.damaged if is_label(part) and part not in self.labels)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldSkill:
    """One skill: its entry as in ``bundle.json``; ``digest`` was computed from its files."""

    name: str
    digest: str
    entry: Mapping[str, Any]
    live: Live


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """Prompts by id and skills by name, sorted. ``damaged`` are addresses that cannot be served."""

    store_id: str
    prompts: Mapping[str, HeldPrompt]
    skills: Mapping[str, HeldSkill]
    damaged: frozenset[str] = frozenset()

    def with_some(self, part: Holdings, names: Collection[str], asked: Collection[str]) -> Holdings:
        """The same picture with the prompts ``names`` as in ``part``, which was made of the addresses ``asked``."""
        prompts = {name: held for name, held in self.prompts.items() if name not in names or name in part.prompts}
        damaged = (self.damaged - frozenset(asked)) | part.damaged
        return replace(self, prompts={**prompts, **part.prompts}, damaged=damaged)

    @property
    def is_bundle(self) -> bool:
        """Whether this is a bundle's picture, not a store's."""
        return self.store_id.startswith(BUNDLE)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is held, damaged or not."""
        return not (self.prompts or self.skills or self.damaged)

    def bundle(self) -> bytes:
        """``bundle.json`` of all that is held: canonical, the same content always the same bytes."""
        labels = {name: held.label_values() for name, held in self.prompts.items() if held.labels}
        prompts = {name: held.versions for name, held in self.prompts.items() if held.versions}
        digests = {name: {v: held.digest for v, held in found.items()} for name, found in prompts.items()}
        skills = {name: held.digest for name, held in self.skills.items()}
        document = {
            "digest": bundle_digest(labels, digests, skills),
            "format": 1,
            "hv": 1,
            "kind": "bundle",
            "labels": labels,
            "prompts": {name: {v: _entry(held) for v, held in found.items()} for name, found in prompts.items()},
            "skills": {name: dict(held.entry) for name, held in self.skills.items()},
        }
        return canonical_bytes(document)


def _entry(held: HeldVersion) -> dict[str, Any]:
    claims = {"digest": held.digest, "version_id": held.version_id, "meta": dict(held.meta)}
    return {**held.parts, **claims}


_Held = TypeVar("_Held", HeldVersion, HeldLabel, HeldSkill)
EMPTY = Holdings(store_id="", prompts={}, skills={})


def hold(store_id: str, objects: Iterable[Live], generations: Mapping[str, int], before: Holdings = EMPTY) -> Holdings:
    """The picture of these objects. Never raises for what is stored: it is held as damaged."""
    sorting = _Sorting(before)
    for live in objects:
        sorting.take(live)
    prompts = {
        name: _prompt(name, sorting.versions.get(name, {}), sorting.labels.get(name, {}), generations.get(name, 0))
        for name in sorted({*sorting.versions, *sorting.labels})
    }
    return Holdings(
        store_id=store_id,
        prompts=prompts,
        skills=dict(sorted(sorting.skills.items())),
        damaged=frozenset(sorting.damaged),
    )


class _Sorting:
    """Objects as they come, each read once or taken over from the picture before."""

    def __init__(self, before: Holdings) -> None:
        self._before = before
        self.versions: dict[str, dict[str, HeldVersion | None]] = {}
        self.labels: dict[str, dict[str, HeldLabel | None]] = {}
        self.skills: dict[str, HeldSkill] = {}
        self.damaged: set[str] = set()

    def take(self, live: Live) -> None:
        """One object more. What a hand put under a name that is none cannot be served."""
        kind, name, part = parse_address(live.address)
        if kind == SKILL:
            found: object = self._skill(name, live)
        elif not is_prompt_id(name):
            found = None
        elif kind == VERSION:
            found = self._version(name, part, live)
        else:
            found = self._label(name, part, live)
        if found is None:
            self.damaged.add(live.address)

    def _skill(self, name: str, live: Live) -> HeldSkill | None:
        found = _kept(self._before.skills.get(name), live) or _skill(name, live)
        if found is not None:
            self.skills[name] = found
        return found

    def _version(self, name: str, version: str, live: Live) -> HeldVersion | None:
        known = self._before.prompts.get(name)
        found = _kept(known.versions.get(version) if known else None, live) or _version(version, live)
        self.versions.setdefault(name, {})[version] = found
        return found

    def _label(self, name: str, label: str, live: Live) -> HeldLabel | None:
        known = self._before.prompts.get(name)
        found = _kept(known.labels.get(label) if known else None, live) or _label(name, label, live)
        self.labels.setdefault(name, {})[label] = found
        return found


def _kept(held: _Held | None, live: Live) -> _Held | None:
    return held if held is not None and held.live == live else None


def _prompt(
    name: str, versions: Mapping[str, HeldVersion | None], labels: Mapping[str, HeldLabel | None], generation: int
) -> HeldPrompt:
    good = {part: held for part, held in versions.items() if held is not None}
    damaged = {part for part, held in (*versions.items(), *labels.items()) if held is None}
    pointing = {
        label: held
        for label, held in sorted(labels.items())
        if held is not None and all(version in good for version, _ in held.split)
    }
    return HeldPrompt(
        id=name,
        generation=generation,
        versions={part: good[part] for part in sorted(good, key=version_number)},
        labels=pointing,
        damaged=frozenset(damaged | (labels.keys() - pointing.keys())),
    )


def _version(version: str, live: Live) -> HeldVersion | None:
    """None where the entry is not what it claims, as ``sync`` decides too: whoever serves it would serve a lie."""
    try:
        document = json.loads(live.entry)
        digest = prompt_identity(document).digest
        told = version_id(version, digest)
        if not is_version(version) or document["digest"] != digest or document["version_id"] != told:
            return None
        parts = {name: document[name] for name in (*PARTS, "order") if name in document}
        meta = _meta(document)
        if "order" in parts:
            restore_order(json.loads(canonical_bytes(parts)))  # an order of what is not there fails here, not later
        return HeldVersion(
            version=version,
            version_id=told,
            digest=digest,
            parts=parts,
            meta=meta,
            body=_body(parts),
            live=live,
        )
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError, NotCanonicalError):
        return None


def _meta(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """What no digest covers, but every bundle holds. Raises for what has no canonical form, or is no object."""
    found = document.get("meta") or {}
    canonical_bytes(found)
    return dict(found.items())


def _body(parts: Mapping[str, Any]) -> bytes:
    first = parts["messages"][0] if parts["messages"] else {}
    text = first.get("content") if first.get("role") == "system" else None
    shown = {**parts, "system_prompt": text} if isinstance(text, str) else dict(parts)
    return canonical_bytes(shown)[1:-1]


def _label(name: str, label: str, live: Live) -> HeldLabel | None:
    try:
        value = json.loads(live.entry)
    except (ValueError, RecursionError):
        return None
    split = read_split(value)
    if split is None or not is_label(label):
        return None
    return HeldLabel(value=value, split=split, router=Router(name, split), since=live.since, by=live.by, live=live)


def read_split(value: Any) -> tuple[tuple[str, float | int], ...] | None:
    """A label's value in canonical form as (version, per cent), or None where it is none (design §2.2)."""
    if isinstance(value, str):
        return ((value, 100),) if is_version(value) else None
    if not isinstance(value, list) or len(value) < 2:
        return None
    split = []
    for part in value:
        if not isinstance(part, dict) or part.keys() != {"version", "weight"}:
            return None
        version, weight = part["version"], part["weight"]
        if not isinstance(version, str) or not is_version(version) or not _is_weight(weight):
            return None
        split.append((version, weight))
    hundredths = sum(round(weight * 100) for _, weight in split)
    return tuple(split) if hundredths == SLOTS and len(dict(split)) == len(split) else None


def _is_weight(weight: Any) -> bool:
    """Above 0, below 100, two decimals at most."""
    return type(weight) in (int, float) and 0 < weight < 100 and round(weight, 2) == weight


def _skill(name: str, live: Live) -> HeldSkill | None:
    try:
        entry = json.loads(live.entry)
        canonical_bytes(entry)  # the digest covers the files only
        digest = skill_digest(SkillFile(**item) for item in entry["files"])
        is_good = entry["digest"] == digest and all(type(item["size"]) is int for item in entry["files"])
        return HeldSkill(name=name, digest=digest, entry=entry, live=live) if is_good else None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, NotCanonicalError):
        return None


def lives_of_bundle(document: Mapping[str, Any]) -> list[Live]:
    """The objects of a ``bundle.json``, as a store would yield them. Raises ``KeyError``, ``TypeError``."""
    found = [
        Live(f"{VERSION}/{name}@{version}", canonical_bytes(entry))
        for name, versions in document["prompts"].items()
        for version, entry in versions.items()
    ]
    found += [
        Live(f"{LABEL}/{name}@{label}", canonical_bytes(value))
        for name, labels in document["labels"].items()
        for label, value in labels.items()
    ]
    found += [Live(f"{SKILL}/{name}", canonical_bytes(entry)) for name, entry in document["skills"].items()]
    return found


def etag_of(data: bytes) -> str:
    """An ETag by content: the hash in quotes."""
    return f'"{digest_of_bytes(data)[7:]}"'
