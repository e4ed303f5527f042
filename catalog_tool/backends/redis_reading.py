"""Reading a Redis target: everything there is, only some of it, or skills with their files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any

from catalog_tool.backends.base import LabelEvent
from catalog_tool.backends.redis_keys import (
    DATA,
    EVENT,
    FILE,
    FORMAT,
    MARKERS,
    META,
    MOVED,
    OBJECTS,
    event_of,
    field,
    file_field,
    file_of,
    moved_of,
    pairs,
    text,
)
from catalog_tool.backends.redis_server import Command, Decided, RedisServer
from catalog_tool.backends.stored import skill_entry_with
from catalog_tool.clock import iso
from catalog_tool.errors import BackendError
from catalog_tool.model.addresses import LABEL, SKILL, VERSION, Address
from catalog_tool.model.target import Live

FILES_AT_ONCE = 64
"""How many files of skills one request asks for."""
EVENTS_AT_ONCE = 1000
_LAST_SECOND = 253_402_300_799
"""9999-12-31T23:59:59Z, the last that ISO 8601 can write."""
LOOK: tuple[Command, Command] = (("HGETALL", META), ("EXISTS", *DATA))
"""What ``checked_store_id`` wants to know."""

Files = Mapping[str, tuple[str, bytes]]


def checked_store_id(place: str, meta: Sequence[bytes], there: int) -> str:
    """The store's id, empty where there is none yet. Raises ``BackendError`` for anything but a target of ours."""
    found = {name: text(value) for name, value in pairs(meta)}
    if not found and not there:
        return ""
    if found.get("kind") != "target" or not found.get("store_id"):
        hint = f"restore the hash {META}, or name another database"
        raise BackendError(f"{place} holds keys of ours and is no target", hint=hint)
    if found.get("format") != str(FORMAT):
        hint = "install a catalog-tool that knows it"
        raise BackendError(f"{place} has format {found.get('format')}; this version knows {FORMAT}", hint=hint)
    return found["store_id"]


def everything(server: RedisServer) -> Iterator[Live]:
    """All objects: versions and labels in one request, then skills. All is read before the first is given."""
    hashes = (OBJECTS[VERSION], MARKERS[VERSION], OBJECTS[LABEL], MARKERS[LABEL], MOVED)
    meta, there, *found = server.together(*LOOK, *(("HGETALL", key) for key in hashes))
    checked_store_id(server.place(), meta, there)
    versions, version_markers, labels, label_markers, moved = (dict(pairs(answer)) for answer in found)
    skills = _watched_skills(server, None)
    for name, entry in versions.items():
        yield Live(f"{VERSION}/{name}", entry, _marker(version_markers.get(name)))
    for name, value in labels.items():
        yield _label(name, value, label_markers.get(name), moved.get(name))
    yield from skills


def some(server: RedisServer, addresses: Iterable[Address]) -> Iterator[Live]:
    """The objects at these addresses of the target, as far as they are there; skills first."""
    by_kind: defaultdict[str, list[str]] = defaultdict(list)
    for address in addresses:
        by_kind[address.kind].append(field(address))
    if by_kind[SKILL]:
        yield from _watched_skills(server, by_kind[SKILL])
    for name, entry, marker in _together(server, by_kind[VERSION], (OBJECTS[VERSION], MARKERS[VERSION])):
        yield Live(f"{VERSION}/{name}", entry, _marker(marker))
    for name, value, marker, moved in _together(server, by_kind[LABEL], (OBJECTS[LABEL], MARKERS[LABEL], MOVED)):
        yield _label(name, value, marker, moved)


def _together(server: RedisServer, names: Sequence[str], keys: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """Each name with its value in every hash, at one moment; those without one in the first are not there."""
    if names:
        answers = server.together(*(("HMGET", key, *names) for key in keys))
        yield from (row for row in zip(names, *answers, strict=True) if row[1] is not None)


def _label(name: str, value: bytes, marker: bytes | None, moved: bytes | None) -> Live:
    told = moved_of(moved, value)
    if told is None or not 0 <= told[0] <= _LAST_SECOND:
        return Live(f"{LABEL}/{name}", value, _marker(marker))
    return Live(f"{LABEL}/{name}", value, _marker(marker), iso(told[0]), told[1])


def _marker(stored: bytes | None) -> str | None:
    return None if stored is None else text(stored)


def _watched_skills(server: RedisServer, names: Collection[str] | None) -> list[Live]:
    """Skills at one moment, although it takes several requests: where somebody wrote meanwhile, they are read again."""

    def look() -> Decided:
        found = skills(server, names)
        # Something to execute: the answer is none where a watched key was touched.
        return Decided([("EXISTS", META)] if found else [], found)

    lives: list[Live] = server.transact((OBJECTS[SKILL], MARKERS[SKILL], FILE), look)
    return lives


def skills(server: RedisServer, names: Collection[str] | None) -> list[Live]:
    """Skills with the lists of their files as they are stored; all of them, or those with these names."""
    hashes = (OBJECTS[SKILL], MARKERS[SKILL])
    if names is None:
        entries, markers = (dict(pairs(answer)) for answer in server.ask(*(("HGETALL", key) for key in hashes)))
    elif names:
        answers = server.ask(*(("HMGET", key, *names) for key in hashes))
        entries, markers = (_present(names, answer) for answer in answers)
    else:
        return []
    if not entries:
        return []
    listed: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for name, path, mode, data in _files(server, entries):
        digest = sha256(data).hexdigest()
        listed[name].append({"mode": mode, "path": path, "sha256": digest, "size": len(data)})
    return [
        Live(f"{SKILL}/{name}", skill_entry_with(entry, sorted(listed[name], key=_path)), _marker(markers.get(name)))
        for name, entry in entries.items()
    ]


def _present(names: Iterable[str], values: Iterable[bytes | None]) -> dict[str, bytes]:
    return {name: value for name, value in zip(names, values, strict=True) if value is not None}


def _path(listed: Mapping[str, Any]) -> bytes:
    return str(listed["path"]).encode()


def file_names(server: RedisServer, names: Collection[str]) -> list[tuple[str, str]]:
    """Every file of these skills: name and path."""
    [stored] = server.ask(("HKEYS", FILE))
    split = (text(name).partition("\0") for name in stored)
    return [(name, path) for name, _, path in split if name in names]


def _files(server: RedisServer, names: Collection[str]) -> Iterator[tuple[str, str, str, bytes]]:
    """Name, path, mode and bytes of every file of these skills; some at a time, so that memory stays small."""
    wanted = file_names(server, names)
    for start in range(0, len(wanted), FILES_AT_ONCE):
        part = wanted[start : start + FILES_AT_ONCE]
        [found] = server.ask(("HMGET", FILE, *(file_field(*one) for one in part)))
        for (name, path), stored in zip(part, found, strict=True):
            if stored is not None:
                yield (name, path, *file_of(stored))


def contents(server: RedisServer, name: str) -> Files:
    """A skill's files: path → mode and bytes."""
    return {path: (mode, data) for _, path, mode, data in _files(server, {name})}


def events(server: RedisServer) -> Iterator[LabelEvent]:
    """The audit trail, oldest first, some at a time."""
    start = 0
    while True:
        [found] = server.ask(("LRANGE", EVENT, start, start + EVENTS_AT_ONCE - 1))
        for number, stored in enumerate(found, start + 1):
            yield event_of(stored, number)
        start += len(found)
        if len(found) < EVENTS_AT_ONCE:
            return
