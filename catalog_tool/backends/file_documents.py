"""The JSON documents of a ``file`` target: the pointer, the root it names, and a shelf for each prompt and skill.

``Pointer`` is small and names the root by its hash; the root names shelves by theirs; a shelf holds one
prompt's versions, labels and generation, or one skill, with their inventory entries. So one label move
writes three small documents, whatever the number of prompts, and a reader of one prompt reads three.
Reading raises ``ValueError`` for whatever we would not have written.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from catalog_tool.backends.base import LabelEvent
from catalog_tool.model.addresses import LABEL, SKILL, VERSION, Address, parse_address
from catalog_tool.model.target import Applied, Lease, restored

FORMAT = 1
KIND = "target"
Read = TypeVar("Read")


class KeptFile(NamedTuple):
    """A skill's file: ``content`` is the hash of its bytes."""

    path: str
    mode: str
    content: str


class Kept(NamedTuple):
    """One object. ``content``: the hash of its entry, of a label its value; ``at`` and ``by`` are of its last move."""

    content: str
    marker: str | None = None
    files: tuple[KeptFile, ...] = ()
    at: int | None = None
    by: str | None = None


@dataclass(slots=True)
class Shelf:
    """What is kept of one prompt or skill; ``inventory`` by scope and the catalog's own address."""

    objects: dict[Address, Kept] = field(default_factory=dict)
    generation: int = 0
    inventory: dict[str, dict[str, Applied]] = field(default_factory=dict)

    def contents(self) -> set[str]:
        """The hashes of everything that this shelf needs."""
        found = {kept.content for address, kept in self.objects.items() if address.kind != LABEL}
        return found | {file.content for kept in self.objects.values() for file in kept.files}

    def is_empty(self) -> bool:
        """Whether nothing has to be remembered."""
        return not self.objects and not self.generation and not any(self.inventory.values())

    def to_bytes(self) -> bytes:
        """As it is stored."""
        objects = {str(address): _without_defaults(kept) for address, kept in self.objects.items()}
        inventory = {scope: found for scope, found in self.inventory.items() if found}
        return _encoded({"objects": objects, "generation": self.generation, "inventory": inventory})

    @classmethod
    def from_bytes(cls, data: bytes) -> Shelf:
        """Read what ``to_bytes`` wrote."""
        return _checked(data, cls._of)

    @classmethod
    def _of(cls, document: Mapping[str, Any]) -> Shelf:
        objects = {parse_address(address): _kept(found) for address, found in document["objects"].items()}
        inventory = {
            scope: {address: Applied(_text(digest), _text(meta)) for address, (digest, meta) in found.items()}
            for scope, found in document["inventory"].items()
        }
        return cls(objects, _number(document["generation"]), inventory)


def shelf_of(address: Address) -> str:
    """On which shelf an object lies."""
    return f"{SKILL if address.kind == SKILL else VERSION}/{address.name}"


def root_bytes(shelves: Mapping[str, str]) -> bytes:
    """The root: shelf → hash."""
    return _encoded({"shelves": dict(sorted(shelves.items()))})


def root_from_bytes(data: bytes) -> dict[str, str]:
    """Read what ``root_bytes`` wrote."""
    return _checked(data, lambda document: {_text(key): _text(name) for key, name in document["shelves"].items()})


@dataclass(slots=True)
class Scope:
    """What is remembered for one prefix: the control document (JSON) and the lease."""

    control: Any = None
    lease: Lease | None = None


@dataclass(slots=True)
class Pointer:
    """The one document that changes. ``root`` is None before the first write, ``trail`` the bytes of it that count."""

    store_id: str
    root: str | None = None
    trail: int = 0
    last: LabelEvent | None = None
    scopes: dict[str, Scope] = field(default_factory=dict)

    def scope(self, name: str) -> Scope:
        """What is remembered for a prefix, made where there is nothing yet."""
        return self.scopes.setdefault(name, Scope())

    def to_bytes(self) -> bytes:
        """As it is stored."""
        scopes = {
            name: {"control": scope.control, "lease": scope.lease and scope.lease._asdict()}
            for name, scope in self.scopes.items()
        }
        trail = {"bytes": self.trail, "last": self.last and self.last._asdict()}
        return _encoded({"kind": KIND, "store_id": self.store_id, "root": self.root, "trail": trail, "scopes": scopes})

    @classmethod
    def from_bytes(cls, data: bytes) -> Pointer:
        """Read what ``to_bytes`` wrote."""
        return _checked(data, cls._of)

    @classmethod
    def _of(cls, document: Mapping[str, Any]) -> Pointer:
        if document["kind"] != KIND:
            raise ValueError(f"it is a {str(document['kind'])[:40]!r}, not a target")
        scopes = {
            name: Scope(found["control"], restored(Lease, found["lease"]) if found["lease"] else None)
            for name, found in document["scopes"].items()
        }
        root, trail = document["root"], document["trail"]
        last = event_of(trail["last"]) if trail["last"] is not None else None
        store_id = _text(document["store_id"])
        return cls(store_id, None if root is None else _text(root), _number(trail["bytes"]), last, scopes)


def event_line(event: LabelEvent) -> bytes:
    """One line of the audit trail."""
    return _json(event._asdict()) + b"\n"


def event_from_line(line: bytes) -> LabelEvent:
    """Read what ``event_line`` wrote."""
    try:
        return event_of(json.loads(line))
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError(str(error)) from error


def event_of(document: Mapping[str, Any]) -> LabelEvent:
    """An event from its members. Raises ``TypeError`` for others."""
    event = LabelEvent(**document)
    for text in (event.actor, event.reason, event.name, event.label, event.hash):
        _text(text)
    for number in (event.seq, event.at, event.generation):
        _number(number)
    return event


def _checked(data: bytes, read: Callable[[Mapping[str, Any]], Read]) -> Read:
    try:
        document = json.loads(data)
        if _number(document["format"]) > FORMAT:
            raise ValueError(f"it has format {document['format']}; this version knows {FORMAT}: update catalog-tool")
        return read(document)
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"it is not what was written ({type(error).__name__}: {error})") from error


def _kept(found: Mapping[str, Any]) -> Kept:
    files = tuple(KeptFile(*(_text(part) for part in file)) for file in found.get("files", ()))
    marker, at, by = found.get("marker"), found.get("at"), found.get("by")
    return Kept(
        _text(found["content"]),
        None if marker is None else _text(marker),
        files,
        None if at is None else _number(at),
        None if by is None else _text(by),
    )


def _without_defaults(kept: Kept) -> dict[str, Any]:
    return {name: value for name, value in kept._asdict().items() if value not in (None, ())}


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} where text was expected")
    if not value.isascii():
        value.encode()  # a lone surrogate, which JSON can spell, fails here and nowhere later
    return value


def _number(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise TypeError("no whole number where one was expected")
    return value


def _encoded(document: Mapping[str, Any]) -> bytes:
    return _json({"format": FORMAT, **document})


def _json(document: Mapping[str, Any]) -> bytes:
    """Escaped to ASCII, so that whatever text there is comes back as it was."""
    return json.dumps(document, separators=(",", ":"), sort_keys=True).encode()
