"""The steps of one ``write`` on a Redis target: what they touch, and the commands for what they change."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from catalog_tool.backends.redis_keys import (
    EVENT,
    FILE,
    GENERATION,
    MARKERS,
    MOVED,
    OBJECTS,
    applied_bytes,
    channel,
    event_bytes,
    event_of,
    field,
    file_bytes,
    file_field,
    inventory_key,
    moved_bytes,
    pairs,
    whole_number,
)
from catalog_tool.backends.redis_reading import file_names, skills
from catalog_tool.backends.redis_server import Command, RedisServer
from catalog_tool.backends.sql_steps import Found, Kept, Steps, named_versions
from catalog_tool.backends.stored import generations_of
from catalog_tool.canonical.jcs import canonical_bytes
from catalog_tool.model.addresses import LABEL, SKILL, VERSION, Address, parse_address
from catalog_tool.model.target import Write

Named = Sequence[tuple[Address, Write]]


def watched(named: Named) -> set[str]:
    """The keys that steps depend on: nobody may touch them until the steps are made."""
    kinds = {address.kind for address, _ in named}
    keys = {key for kind in kinds for key in (OBJECTS[kind], MARKERS[kind])}
    if LABEL in kinds:
        keys |= {OBJECTS[VERSION], GENERATION, EVENT, MOVED}
    if any(_removes_version(*step) for step in named):
        keys.add(OBJECTS[LABEL])
    return keys | ({FILE} if SKILL in kinds else set())


def _removes_version(address: Address, write: Write) -> bool:
    return address.kind == VERSION and write.entry is None and write.marker is None


def touched(server: RedisServer, named: Named) -> Found:
    """What the store holds of all that these steps touch. Every hash that is written is read before: it is one."""
    found = Found()
    addresses = dict.fromkeys(address for address, _ in named)
    for kind in (VERSION, LABEL):
        wanted = [address for address in addresses if address.kind == kind]
        for address, entry, marker in _values(server, kind, wanted):
            found.objects[address] = Kept(entry, None if marker is None else marker.decode(errors="replace"))
    for live in skills(server, [address.name for address in addresses if address.kind == SKILL]):
        found.objects[parse_address(live.address)] = Kept(live.entry, live.marker)
    pointed = list(named_versions(named))
    found.versions = {address for address, _, _ in _values(server, VERSION, pointed)}
    losing = {address.name for address, write in named if _removes_version(address, write)}
    _find_labels(server, found, losing)
    _find_trail(server, found, sorted({address.name for address in addresses if address.kind == LABEL}))
    return found


def _values(
    server: RedisServer, kind: str, addresses: Sequence[Address]
) -> Iterator[tuple[Address, bytes, bytes | None]]:
    if addresses:
        fields = [field(address) for address in addresses]
        entries, markers = server.ask(("HMGET", OBJECTS[kind], *fields), ("HMGET", MARKERS[kind], *fields))
        for address, entry, marker in zip(addresses, entries, markers, strict=True):
            if entry is not None:
                yield address, entry, marker


def _find_labels(server: RedisServer, found: Found, losing: Collection[str]) -> None:
    """All labels of prompts that lose a version."""
    if not losing:
        return
    [answer] = server.ask(("HGETALL", OBJECTS[LABEL]))
    for name, value in pairs(answer):
        prompt, _, label = name.rpartition("@")
        if prompt in losing:
            found.objects.setdefault(Address(LABEL, prompt, label), Kept(value, None))


def _find_trail(server: RedisServer, found: Found, moving: Sequence[str]) -> None:
    if not moving:
        return
    generations, length, last, _ = server.ask(
        ("HMGET", GENERATION, *moving), ("LLEN", EVENT), ("LINDEX", EVENT, -1), ("HLEN", MOVED)
    )
    kept = zip(moving, generations, strict=True)
    found.generations = generations_of((name, whole_number(number)) for name, number in kept if number is not None)
    found.last = event_of(last, length) if last is not None else None


def commands_of(server: RedisServer, steps: Steps, scope: str) -> list[Command]:
    """What writes the steps' outcome, in bulk: the number of commands does not grow with the number of objects."""
    commands: list[Command] = []
    for kind in (VERSION, LABEL, SKILL):
        gone = [field(address) for address in steps.gone if address.kind == kind]
        put = {field(address): write for address, write in steps.put.items() if address.kind == kind}
        marked = {field(address): marker for address, marker in steps.marked.items() if address.kind == kind}
        marked |= {name: write.marker for name, write in put.items() if write.marker is not None}
        if kind == SKILL:
            commands += _file_commands(server, steps, gone)
        commands += _deleted(OBJECTS[kind], (name for name in gone if name not in put))
        commands += _deleted(MARKERS[kind], (name for name in gone if name not in marked))
        commands += _set(OBJECTS[kind], ((name, write.entry or b"") for name, write in put.items()))
        commands += _set(MARKERS[kind], marked.items())
    applied = steps.applied.items()
    commands += _deleted(inventory_key(scope), (address for address, found in applied if found is None))
    kept = ((address, applied_bytes(found)) for address, found in applied if found is not None)
    commands += _set(inventory_key(scope), kept)
    if steps.events:
        commands += _set(GENERATION, steps.generations.items())
        commands += _set(MOVED, ((f"{event.name}@{event.label}", moved_bytes(event)) for event in steps.events))
        commands.append(("RPUSH", EVENT, *(event_bytes(event) for event in steps.events)))
        news = ({"generation": event.generation, "id": event.name} for event in steps.events)
        commands += [("PUBLISH", channel(server.database), canonical_bytes(one)) for one in news]
    return commands


def _file_commands(server: RedisServer, steps: Steps, gone: Collection[str]) -> list[Command]:
    commands: list[Command] = []
    if gone:
        commands += _deleted(FILE, (file_field(*one) for one in file_names(server, gone)))
    for address, write in steps.put.items():
        if address.kind == SKILL:
            modes, contents = write.modes or {}, write.contents or {}
            files = ((file_field(address.name, path), file_bytes(modes[path], contents[path])) for path in contents)
            commands += _set(FILE, files)
    return commands


def _deleted(key: str, fields: Iterable[str]) -> list[Command]:
    names = list(fields)
    return [("HDEL", key, *names)] if names else []


def _set(key: str, values: Iterable[tuple[str, str | bytes | int]]) -> list[Command]:
    parts = [part for pair in values for part in pair]
    return [("HSET", key, *parts)] if parts else []
