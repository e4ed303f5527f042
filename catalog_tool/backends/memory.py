"""A target in memory: the reference of the protocol, and a store for users' own tests.

Everything another backend does stands here in its plainest form. ``MemoryStore`` is the server that
several ``MemoryBackend`` may be connected to.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from catalog_tool.backends.audit import Move, chained
from catalog_tool.backends.base import LabelEvent
from catalog_tool.backends.evidence import KeptEvidence, changed_record
from catalog_tool.backends.naming import Prefix
from catalog_tool.backends.stored import label_value, label_versions, skill_entry_of
from catalog_tool.errors import LeaseLostError
from catalog_tool.model.addresses import LABEL, SKILL, VERSION, parse_address, version_address
from catalog_tool.model.capabilities import Capabilities
from catalog_tool.model.target import (
    CHANGED,
    DONE,
    LEASE_SECONDS,
    Applied,
    Control,
    Lease,
    Live,
    Run,
    TargetState,
    Write,
    Written,
)


@dataclass
class MemoryObject:
    """One stored object; ``files`` holds a skill's modes and bytes by path."""

    entry: bytes
    marker: str | None = None
    files: dict[str, tuple[str, bytes]] = field(default_factory=dict)


class MemoryStore:
    """The server: objects by their full name, and what is remembered for each prefix."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.store_id = uuid.uuid4().hex
        self.objects: dict[str, MemoryObject] = {}
        self.generations: dict[str, int] = {}
        self.events: list[LabelEvent] = []
        self.controls: dict[str, Control] = {}
        self.inventories: dict[str, dict[str, Applied]] = {}
        self.leases: dict[str, Lease] = {}
        self.evidence: dict[tuple[str, str, str], bytes] = {}


class MemoryBackend:
    """``base.Backend`` on a ``MemoryStore``. ``clock`` gives seconds since the epoch."""

    capabilities = Capabilities(backend="memory", attributed=True)

    def __init__(
        self, store: MemoryStore | None = None, prefix: str = "", clock: Callable[[], float] = time.time
    ) -> None:
        self.store = store or MemoryStore()
        self._prefix = Prefix(prefix)
        self._clock = clock

    def place(self) -> str:
        """Always the same word: memory has no address."""
        return "memory"

    def load(self) -> TargetState:
        """Copies of what is remembered."""
        with self.store.lock:
            scope = self._prefix.text
            return TargetState(
                store_id=self.store.store_id,
                control=self.store.controls.get(scope) or Control.from_json(None),
                inventory=dict(self.store.inventories.get(scope, {})),
                lease=self._lease(),
            )

    def scan(self, only: Collection[str] | None = None) -> Iterator[Live]:
        """The objects as they are at the call."""
        with self.store.lock:
            found = [self._live(address) for address in self._addresses() if only is None or address in only]
        yield from found

    def _addresses(self) -> Iterator[str]:
        for outer in self.store.objects:
            inner = self._prefix.off(outer)
            if inner is not None:
                yield inner

    def _live(self, address: str) -> Live:
        stored = self.store.objects[self._prefix.on(address)]
        entry = skill_entry_of(stored.entry, stored.files) if address.startswith(SKILL) else stored.entry
        since, by = self._attribution(address, entry)
        return Live(address, entry, stored.marker, since, by)

    def _attribution(self, address: str, entry: bytes) -> tuple[str | None, str | None]:
        """When and by whom a label was moved, where the trail's last word on it is what it holds now."""
        kind, name, label = parse_address(self._prefix.on(address))
        if kind == LABEL:
            for event in self.store.events[::-1]:
                if (event.name, event.label) == (name, label):
                    return event.attribution(entry)
        return None, None

    def contents(self, address: str) -> Mapping[str, tuple[str, bytes]]:
        """A copy of a skill's files."""
        with self.store.lock:
            return dict(self.store.objects[self._prefix.on(address)].files)

    def _lease(self) -> Lease | None:
        held = self.store.leases.get(self._prefix.text)
        return held if held is not None and held.expires_at > self._clock() else None

    def take_lease(self, lease: Lease, *, instead_of: str | None = None) -> Lease:
        """One holder for each prefix."""
        with self.store.lock:
            held = self._lease()
            if held is not None and held.token not in (lease.token, instead_of):
                return held
            taken = lease._replace(expires_at=self._clock() + LEASE_SECONDS)
            self.store.leases[self._prefix.text] = taken
            return taken

    def drop_lease(self, token: str) -> None:
        """Give it back, if it is ours."""
        with self.store.lock:
            if self.store.leases.get(self._prefix.text, Lease("", "", "", 0, 0)).token == token:
                del self.store.leases[self._prefix.text]

    def _hold(self, token: str) -> None:
        held = self._lease()
        if held is None or held.token != token:
            raise LeaseLostError("the lease ran out or was taken over", hint="run the sync again")

    def save_control(self, control: Control, token: str) -> None:
        """Replace the control document."""
        with self.store.lock:
            self._hold(token)
            self.store.controls[self._prefix.text] = control

    def renew_store(self, token: str) -> None:
        """Under the lock."""
        with self.store.lock:
            self._hold(token)
            self.store.store_id = uuid.uuid4().hex

    def write(self, writes: Sequence[Write], run: Run) -> list[Written]:
        """All steps under one lock."""
        with self.store.lock:
            self._hold(run.token)
            return [self._step(write, run) for write in writes]

    def _step(self, write: Write, run: Run) -> Written:
        outer = self._prefix.on(write.address)
        stored = self.store.objects.get(outer)
        now = self._live(write.address).entry if stored is not None else None
        wanted = write.entry if write.entry is not None or write.marker is None else write.seen
        if now not in (write.seen, wanted):
            return Written(write.address, CHANGED, "it is not what the plan saw")
        if (refusal := self._dangling(outer, wanted)) is not None:
            return Written(write.address, CHANGED, refusal)
        if write.entry is not None:
            self._put(outer, write)
        elif write.marker is None:
            self.store.objects.pop(outer, None)
        elif stored is not None:
            stored.marker = write.marker
        self._note_move(outer, now, wanted, run)
        self._remember(write)
        return Written(write.address, DONE)

    def _dangling(self, outer: str, wanted: bytes | None) -> str | None:
        """Why a step would leave a label that points nowhere."""
        kind, name, part = parse_address(outer)
        if kind == LABEL:
            missing = [v for v in label_versions(wanted) if version_address(name, v) not in self.store.objects]
            return f"{', '.join(sorted(missing))} is not there" if missing else None
        if kind == VERSION and wanted is None:
            for address, stored in self.store.objects.items():
                if address.startswith(f"{LABEL}/{name}@") and part in label_versions(stored.entry):
                    return f"{address} points to it"
        return None

    def _put(self, outer: str, write: Write) -> None:
        modes = write.modes or {}
        files = {path: (modes[path], data) for path, data in (write.contents or {}).items()}
        self.store.objects[outer] = MemoryObject(write.entry or b"", write.marker, files)

    def _note_move(self, outer: str, before: bytes | None, after: bytes | None, run: Run) -> None:
        kind, name, label = parse_address(outer)
        if kind != LABEL or before == after:
            return
        generation = self.store.generations.get(name, 0) + 1
        self.store.generations[name] = generation
        move = Move(name, label, label_value(before), label_value(after), generation)
        self.store.events.append(chained(self.store.events[-1] if self.store.events else None, move, run))

    def _remember(self, write: Write) -> None:
        inventory = self.store.inventories.setdefault(self._prefix.text, {})
        if write.applied is None:
            inventory.pop(write.address, None)
        else:
            inventory[write.address] = write.applied

    def generations(self) -> Mapping[str, int]:
        """By prompt id."""
        with self.store.lock:
            named = {self._prefix.name_off(name): number for name, number in self.store.generations.items()}
            return {name: number for name, number in named.items() if name is not None}

    def events(self) -> Iterator[LabelEvent]:
        """The whole store's trail: its chain is one, whatever the prefix."""
        with self.store.lock:
            yield from list(self.store.events)

    def keep_evidence(self, record: KeptEvidence) -> None:
        """Beside the objects, by the name on the target."""
        with self.store.lock:
            key = (self._prefix.name_on(record.prompt), record.subject, record.digest)
            if self.store.evidence.setdefault(key, record.data) != record.data:
                raise changed_record(self.place(), record)

    def evidence(self, prompts: Collection[str]) -> Iterator[KeptEvidence]:
        """As they are at the call."""
        with self.store.lock:
            inner = {self._prefix.name_on(prompt): prompt for prompt in prompts}
            kept = self.store.evidence.items()
            found = [KeptEvidence(inner[key[0]], *key[1:], data) for key, data in kept if key[0] in inner]
        yield from found

    def close(self) -> None:
        """Nothing to let go of."""


def connect(options: Mapping[str, Any]) -> MemoryBackend:
    """A new, empty store."""
    return MemoryBackend(prefix=options.get("prefix", ""))
