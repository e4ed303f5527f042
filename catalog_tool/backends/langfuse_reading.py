"""Reading prompts of a Langfuse project as objects of a catalog, with as few requests as can be answered for.

A row of the list says all versions, all labels and the last change of a prompt, but neither texts nor
which label stands where. So a prompt is read version by version only where its row is not what it was
when all of it was last read: in this process, or by the last sync (``langfuse_memory.Proven``). Where it
is, and the caller has an entry with the hash that was read then, that entry is what is there.

Whose number is whose: the memory says it; where it does not know (a crash between a version and the
memory), the lowest number whose ``config`` claims a version and is as it was written. Every other number
is somebody's: ``v<number>`` where nobody has that name (``numbering``), else ``langfuse-<number>``.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from catalog_tool.backends.langfuse_api import CONCURRENCY, Body, LangfuseApi, Row
from catalog_tool.backends.langfuse_census import Changes
from catalog_tool.backends.langfuse_document import MARKER, Stored, marker_text, understood
from catalog_tool.backends.langfuse_memory import LATEST, Census, Memory, Proven
from catalog_tool.backends.langfuse_state import StateStore, is_state
from catalog_tool.backends.numbering import NO_VERSIONS, Reserved
from catalog_tool.canonical.jcs import NotCanonicalError, canonical_bytes
from catalog_tool.errors import UnavailableError
from catalog_tool.model.addresses import SKILL, label_address, parse_address, version_address
from catalog_tool.model.target import Live

READS = 4
"""How often one prompt is read anew that changed while it was read."""
FEW = 40
"""Up to so many prompts are asked for by name instead of listed."""
LATE = timedelta(minutes=10)
"""How long after its twin a request that was thought lost may still be carried out."""
API = "API"
"""Who made a version that came by the API."""
UNREAD = b'{"unread":true}'
"""Stands for content that nobody asked for."""


class Held(NamedTuple):
    """One prompt, read whole: versions by number, and the number each label stands on (``latest`` left out)."""

    row: Row
    bodies: Mapping[int, Body]
    stored: Mapping[int, Stored]
    labels: Mapping[str, int]


class Reader:
    """Reads below a prefix; what was read in this process is not read again while its row stays the same."""

    def __init__(self, api: LangfuseApi, prefix: str, state: StateStore) -> None:
        self._api = api
        self._prefix = prefix
        self._state = state
        self._held: dict[str, Held] = {}
        self._changes = Changes(api, self._name_off, self.name_on, lambda: state.versions)
        self._known_names: set[str] = set()
        self.expected: Mapping[str, bytes] | None = None
        self.reserved = NO_VERSIONS

    def name_on(self, name: str) -> str:
        """The name in the project."""
        return self._prefix + name

    def _name_off(self, name: str) -> str | None:
        """The catalog's name; None outside the prefix, for a state of ours, and for what nobody can address there."""
        inside = name.startswith(self._prefix) and len(name) > len(self._prefix)
        return name[len(self._prefix) :] if inside and not is_state(name) and name not in (".", "..") else None

    def forget(self, name: str) -> None:
        """Read a prompt again, whatever its row says."""
        self._held.pop(name, None)

    def held(self, name: str) -> Held | None:
        """One prompt as it is now, by its catalog name; None where there is none."""
        for _ in range(READS):
            row = self._api.row(self.name_on(name))
            if row is None:
                self._held.pop(name, None)
                return None
            found = self._whole(name, row)
            if found is not None:
                return found
        hint = "if nobody writes to it, one of its labels is on two versions: move that label in Langfuse"
        raise UnavailableError(f"{self.name_on(name)} changes faster than it can be read", hint=hint)

    def _whole(self, name: str, row: Row) -> Held | None:
        """Everything behind a row; None where it changed meanwhile."""
        known = self._held.get(name)
        if known is not None and known.row[:5] == row[:5]:
            return known
        bodies = {number: self._api.version(row.name, number) for number in row.versions}
        found = {number: body for number, body in bodies.items() if body is not None}
        stands = [(label, number) for number, body in found.items() for label in body.labels - {LATEST}]
        if len(found) != len(bodies) or Counter(label for label, _ in stands) != Counter(row.labels - {LATEST}):
            return None
        stored = {number: understood(body) for number, body in found.items()}
        labels = dict(stands)
        self._held[name] = Held(row, found, stored, labels)
        return self._held[name]

    def scan(self, memory: Memory, only: Collection[str] | None) -> Iterator[Live]:
        """The objects, all or at these addresses."""
        known = (*(self.expected or ()), *memory.inventory) if self.expected is not None else ()
        self._known_names = {parse_address(address).name for address in known} | memory.numbers.keys()
        if only is None:
            rows = self._rows(memory)
        else:
            names = {parse_address(address).name for address in only if not address.startswith(SKILL)}
            rows = self._named(names)
        with ThreadPoolExecutor(CONCURRENCY) as pool:
            for found in pool.map(lambda item: list(self._objects(item[0], item[1], memory)), rows.items()):
                yield from (item for item in found if only is None or item.address in only)

    def _named(self, names: Collection[str]) -> dict[str, Row | Proven]:
        if len(names) > FEW:
            return {name: row for name, row in self._listed().items() if name in names}
        rows = {name: self._api.row(self.name_on(name)) for name in sorted(names)}
        return {name: row for name, row in rows.items() if row is not None and self._name_off(row.name) is not None}

    def _listed(self) -> dict[str, Row | Proven]:
        named = ((self._name_off(row.name), row) for row in self._api.rows())
        return {name: row for name, row in named if name is not None}

    def _rows(self, memory: Memory) -> dict[str, Row | Proven]:
        """All prompts: from what changed since the last sync where that is certain and cheaper, else listed."""
        if self.expected is not None and memory.census is not None:
            found = self._changes.since(memory, memory.census)
            if found is not None:
                return found
        return self._listed()

    def _objects(self, name: str, row: Row | Proven, memory: Memory) -> Iterator[Live]:
        proven = memory.rows.get(name)
        if isinstance(row, Proven):
            yield from self._known(name, row, memory, None)
        elif self.expected is not None and proven is not None and proven.fits(row):
            yield from self._known(name, proven, memory, row.config)
        elif self.expected is not None and self._is_others(name, row):
            yield from _unread(name, row)
        else:
            found = self._whole(name, row) or self.held(name)
            if found is not None:
                yield from self._all_of(name, found, memory)

    def ids(self, name: str, held: Held, memory: Memory) -> dict[int, str]:
        """The version id of each number; ``numbering`` says what those of others go by."""
        reserved = Reserved(self.reserved, memory.inventory)

        def is_free(number: int) -> bool:
            address = version_address(name, f"v{number}")
            return reserved.is_free(address, lambda: entry_of(address, held.stored[number], memory))

        return assigned(held, memory.numbers.get(name, {}), is_free)

    def _all_of(self, name: str, held: Held, memory: Memory) -> Iterator[Live]:
        """Versions and labels of one prompt."""
        ids = self.ids(name, held, memory)
        for number, version in ids.items():
            address = version_address(name, version)
            body, stored = held.bodies[number], held.stored[number]
            by = body.created_by if body.created_by not in (API, "") else None
            marker = memory.markers.get(address, stored.marker)
            yield Live(address, entry_of(address, stored, memory), marker, body.created_at or None, by)
        for label, number in held.labels.items():
            if address := _label(name, label):
                yield Live(address, canonical_bytes(ids.get(number)), memory.markers.get(address))

    def _is_others(self, name: str, row: Row) -> bool:
        """Whether nothing that git or the inventory knows can be behind a row."""
        expected = self.expected or {}
        return name not in self._known_names and not any(
            version_address(name, f"v{number}") in expected for number in row.versions
        )

    def _known(self, name: str, proven: Proven, memory: Memory, config: Any) -> Iterator[Live]:
        """Objects behind a row that has not changed; what the caller has no entry for is read."""
        expected = self.expected or {}
        wanted = {version_address(name, version) for version, _ in proven.versions.values()}
        wanted &= expected.keys() | memory.inventory.keys()
        unread = []
        for number, (version, digest) in proven.versions.items():
            address = version_address(name, version)
            entry = expected.get(address)
            if entry is not None and digest and hashlib.sha256(entry).hexdigest() == digest:
                unread.append(Live(address, entry, memory.markers.get(address)))
            elif address in wanted or any(label_address(name, label) in expected for label in proven.labels):
                found = self.held(name)
                yield from self._all_of(name, found, memory) if found is not None else ()
                return
            else:
                marker = marker_text(_marker_of(config)) if number == max(proven.versions) else None
                unread.append(Live(address, UNREAD, marker))
        yield from unread
        for label, number in proven.labels.items():
            if address := _label(name, label):
                value = proven.versions[number][0] if number in proven.versions else None
                yield Live(address, canonical_bytes(value), memory.markers.get(address))

    def census(self, memory: Memory) -> None:
        """Note in a memory how the whole project looks now, so that the next read can ask for changes only."""
        rows = [row for row in self._api.rows() if not self._state.is_ours(row.name)]
        proven: dict[str, Proven] = {}
        memory.others = {}
        for row in rows:
            name = self._name_off(row.name)
            if name is None:
                memory.others[row.name] = row.versions
                continue
            known = memory.rows.get(name)
            held = self._held.get(name)
            if held is not None and held.row[:5] == row[:5]:
                proven[name] = proof(name, held, memory, self.ids(name, held, memory))
            elif known is not None and known.fits(row):
                proven[name] = known
            else:
                others = {number: (f"v{number}", "") for number in row.versions}
                proven[name] = Proven(row.updated_at, others, dict.fromkeys(row.labels - {LATEST}, 0))
        memory.rows = proven
        memory.census = Census(max(row.updated_at for row in rows)) if rows else None


def entry_of(address: str, stored: Stored, memory: Memory) -> bytes:
    """A version's entry, with the metadata that was last written to it."""
    entry = stored.bytes_as(parse_address(address).part)
    if address not in memory.metas:
        return entry
    try:
        return canonical_bytes({**json.loads(entry), "meta": memory.metas[address]})
    except NotCanonicalError:
        return entry


def assigned(held: Held, known: Mapping[str, int], is_free: Callable[[int], bool]) -> dict[int, str]:
    """The version id of each number; ``is_free``: may a stranger's go by it, so that ``v<number>`` is its name?

    A second version that one lost answer made has none: it is nobody's.
    """
    owners = {number: version for version, number in known.items() if number in held.stored}
    taken = {*known}
    writes = {held.stored[number].write: number for number in owners}
    hidden = set()
    for number in sorted(held.stored):
        stored = held.stored[number]
        if number in owners or stored.claim is None or stored.write is None or not stored.untouched:
            continue
        if stored.claim not in taken:
            owners[number] = stored.claim
            taken.add(stored.claim)
            writes[stored.write] = number
        elif number not in held.labels.values() and _is_double(held.bodies, writes.get(stored.write), number):
            hidden.add(number)
    for number in sorted(held.stored):
        if number not in owners and number not in hidden:
            plain = f"v{number}"
            owners[number] = plain if plain not in taken and is_free(number) else f"langfuse-{number}"
    return {number: owners[number] for number in sorted(owners)}


def _is_double(bodies: Mapping[int, Body], first: int | None, second: int) -> bool:
    """Whether one write may have made both: by the API, and soon after. Later it is a copy that a program made."""
    if first is None or bodies[second].created_by != API:
        return False
    try:
        made = [datetime.fromisoformat(bodies[number].created_at) for number in (first, second)]
        return abs(made[1] - made[0]) <= LATE
    except (ValueError, TypeError):
        return False


def proof(name: str, held: Held, memory: Memory, ids: Mapping[int, str]) -> Proven:
    """What to remember of a prompt that was read whole."""
    versions = {}
    for number in held.stored:
        if number not in ids:
            return Proven("", {}, {})  # something is to be cleaned up: read it again
        address = version_address(name, ids[number])
        ours = address in memory.inventory
        digest = hashlib.sha256(entry_of(address, held.stored[number], memory)).hexdigest() if ours else ""
        versions[number] = (ids[number], digest)
    return Proven(held.row.updated_at, versions, dict(held.labels))


def _unread(name: str, row: Row) -> Iterator[Live]:
    """A prompt that is nobody's business: counted, and its marker looked at where the list has it."""
    for number in row.versions:
        marker = marker_text(_marker_of(row.config)) if number == row.versions[-1] else None
        yield Live(version_address(name, f"v{number}"), UNREAD, marker)
    for label in row.labels - {LATEST}:
        if address := _label(name, label):
            yield Live(address, b"null")


def _marker_of(config: Any) -> Any:
    return config.get(MARKER) if isinstance(config, dict) else None


def _label(name: str, label: str) -> str:
    """A label's address; empty for a label that none of ours could be, and that no address can name."""
    return label_address(name, label) if label and "@" not in label and label != LATEST else ""
