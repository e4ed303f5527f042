"""A target in a folder (``file {path}``): contents by their hash, and one pointer that is replaced atomically.

For machines that share a file system and no server, and for tools that want to read plain JSON. What
lies where is said in ``file_folder`` and ``file_documents``. Each write is a transaction under a lock of
the system's, which a dead process cannot hold; an acknowledged one is on disk, its folders too. Readers
take no lock. What nothing points to any more is removed at the end of a sync, once it has been unneeded
for ``GRACE_SECONDS``: a reader that began before has that long to finish.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from catalog_tool.backends.base import LabelEvent
from catalog_tool.backends.evidence import KeptEvidence, changed_record
from catalog_tool.backends.file_documents import (
    Kept,
    KeptFile,
    Pointer,
    Shelf,
    event_from_line,
    event_line,
    root_bytes,
    shelf_of,
)
from catalog_tool.backends.file_evidence import add_record, records_about
from catalog_tool.backends.file_folder import POINTER, Folder
from catalog_tool.backends.file_snapshot import Snapshot
from catalog_tool.backends.naming import Prefix
from catalog_tool.backends.sql_steps import Found, Steps, named_versions
from catalog_tool.backends.sql_steps import Kept as Held
from catalog_tool.backends.stored import Batch, storable_text
from catalog_tool.errors import BackendError, LeaseLostError, UsageError
from catalog_tool.model.addresses import LABEL, VERSION, Address, parse_address
from catalog_tool.model.capabilities import Capabilities
from catalog_tool.model.target import (
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

GRACE_SECONDS = 3600.0
"""How long what is not needed any more stays for readers that began before."""
CAPABILITIES = Capabilities(
    backend="file",
    attributed=True,
    blocks_edits="whoever can write to the folder can edit it: its permissions are the only lock",
    batch=1000,
)
Named = Sequence[tuple[Address, Write]]


class FileBackend:
    """One open target. Nothing is opened before the first call, and nothing stays open between two.

    ``clock`` gives seconds since the epoch.
    """

    capabilities = CAPABILITIES

    def __init__(
        self,
        folder: Folder,
        prefix: str = "",
        clock: Callable[[], float] = time.time,
        grace: float = GRACE_SECONDS,
    ) -> None:
        self._folder = folder
        self._prefix = Prefix(prefix)
        self._clock = clock
        self._grace = grace

    def place(self) -> str:
        """The path as it was given."""
        return self._folder.place()

    def _pointer(self) -> Pointer | None:
        data = self._folder.pointer()
        if data is None:
            return None
        try:
            return Pointer.from_bytes(data)
        except ValueError as error:
            raise BackendError(f"{self.place()}: {POINTER}: {error}", hint="was it edited by hand?") from error

    def _snapshot(self) -> Snapshot | None:
        pointer = self._pointer()
        return Snapshot(self._folder, pointer) if pointer is not None else None

    @contextmanager
    def _writing(self, *, create: bool = False) -> Iterator[Pointer | None]:
        """The pointer under the lock; the target is made where ``create`` says so."""
        with self._folder.locked(create=create) as is_there:
            pointer = self._pointer() if is_there else None
            yield Pointer(uuid.uuid4().hex) if pointer is None and create else pointer

    def load(self) -> TargetState:
        """Control document, inventory and lease, at one moment."""
        snapshot = self._snapshot()
        if snapshot is None:
            return TargetState(store_id="", control=Control.from_json(None), inventory={})
        scope = snapshot.pointer.scope(self._prefix.text)
        inventory: dict[str, Applied] = {}
        for shelf in snapshot.under(self._prefix):
            inventory.update(shelf.inventory.get(self._prefix.text, {}))
        try:
            control = Control.from_json(scope.control)
        except ValueError as error:
            raise BackendError(f"{self.place()}: {error}", hint="was it edited by hand?") from error
        return TargetState(
            store_id=snapshot.pointer.store_id,
            control=control,
            inventory=inventory,
            lease=self._lease(snapshot.pointer),
        )

    def _lease(self, pointer: Pointer) -> Lease | None:
        held = pointer.scope(self._prefix.text).lease
        return held if held is not None and held.expires_at > self._clock() else None

    def scan(self, only: Collection[str] | None = None) -> Iterator[Live]:
        """All objects of one state, a shelf at a time."""
        snapshot = self._snapshot()
        if snapshot is None:
            return
        wanted = None if only is None else frozenset(only)
        shelves = snapshot.under(self._prefix) if wanted is None else self._some(snapshot, wanted)
        for shelf in shelves:
            for address, kept in shelf.objects.items():
                inner = self._prefix.off(str(address))
                if inner is None or (wanted is not None and inner not in wanted):
                    continue
                live = snapshot.live(address, kept)
                if live is not None:
                    yield live._replace(address=inner)

    def _some(self, snapshot: Snapshot, only: Collection[str]) -> Iterator[Shelf]:
        keys = {shelf_of(parse_address(self._prefix.on(address))) for address in only}
        return (snapshot.shelf(key) for key in sorted(keys & snapshot.root.keys()))

    def contents(self, address: str) -> Mapping[str, tuple[str, bytes]]:
        """A skill's files; none where it is not there."""
        outer = parse_address(self._prefix.on(address))
        snapshot = self._snapshot()
        kept = snapshot.shelf_at(outer).objects.get(outer) if snapshot is not None else None
        return snapshot.files(kept) if snapshot is not None and kept is not None else {}

    def take_lease(self, lease: Lease, *, instead_of: str | None = None) -> Lease:
        """One holder for each prefix, by this machine's clock; makes the target where it is not there."""
        with self._writing(create=True) as pointer:
            if pointer is None:
                raise BackendError(f"{self.place()} could not be created")
            held = self._lease(pointer)
            if held is not None and held.token not in (lease.token, instead_of):
                return held
            taken = lease._replace(
                holder=storable_text(lease.holder),
                host=storable_text(lease.host),
                expires_at=self._clock() + LEASE_SECONDS,
            )
            pointer.scope(self._prefix.text).lease = taken
            self._folder.publish(pointer.to_bytes())
            return taken

    def drop_lease(self, token: str) -> None:
        """Give it back, if it is ours; the sync is over, so what nobody needs any more is removed."""
        with self._writing() as pointer:
            held = self._lease(pointer) if pointer is not None else None
            if pointer is None or held is None or held.token != token:
                return
            pointer.scope(self._prefix.text).lease = None
            self._folder.publish(pointer.to_bytes())
            # In a damaged target nobody can say what is needed: then nothing is removed.
            with suppress(BackendError), self._folder.clear_errors():
                needed = Snapshot(self._folder, pointer).needed()
                self._folder.sweep(needed, self._clock() - self._grace)

    def _held(self, pointer: Pointer | None, token: str) -> Pointer:
        held = self._lease(pointer) if pointer is not None else None
        if pointer is None or held is None or held.token != token:
            raise LeaseLostError("the lease ran out or was taken over", hint="run the sync again")
        return pointer

    def save_control(self, control: Control, token: str) -> None:
        """Replace the control document."""
        with self._writing() as opened:
            pointer = self._held(opened, token)
            pointer.scope(self._prefix.text).control = control.to_json()
            self._folder.publish(pointer.to_bytes())

    def renew_store(self, token: str) -> None:
        """Part of the pointer."""
        with self._writing() as opened:
            pointer = self._held(opened, token)
            pointer.store_id = uuid.uuid4().hex
            self._folder.publish(pointer.to_bytes())

    def write(self, writes: Sequence[Write], run: Run) -> list[Written]:
        """All steps, then one new pointer: they are seen together or not at all."""
        with self._writing() as opened:
            snapshot = Snapshot(self._folder, self._held(opened, run.token))
            batch = Batch(writes, self._prefix.on)
            shelves = {key: snapshot.shelf(key) for key in {shelf_of(address) for address, _ in batch.named}}
            before = set().union(*(shelf.contents() for shelf in shelves.values()))
            steps = Steps(_touched(snapshot, shelves, batch.named), run)
            made = [steps.make(address, write) for address, write in batch.named]
            self._store(snapshot, shelves, steps, before)
            return batch.outcomes(made)

    def _store(self, snapshot: Snapshot, shelves: Mapping[str, Shelf], steps: Steps, before: set[str]) -> None:
        self._shelve(shelves, steps)
        root = dict(snapshot.root)
        for key, shelf in shelves.items():
            if shelf.is_empty():
                root.pop(key, None)
            else:
                root[key] = self._folder.put(shelf.to_bytes())
        pointer = snapshot.pointer
        replaced = {pointer.root or "", *(snapshot.root.get(key, "") for key in shelves)}
        pointer.root = self._folder.put(root_bytes(root))
        if steps.events:
            lines = b"".join(event_line(event) for event in steps.events)
            pointer.trail = self._folder.append(pointer.trail, lines)
            pointer.last = steps.events[-1]
        needed = {pointer.root, *root.values()}.union(*(shelf.contents() for shelf in shelves.values()))
        self._folder.touch((before | replaced) - needed - {""})
        self._folder.publish(pointer.to_bytes())

    def _shelve(self, shelves: Mapping[str, Shelf], steps: Steps) -> None:
        """What the steps made, on the shelves that they touch."""
        for address in steps.gone:
            shelves[shelf_of(address)].objects.pop(address, None)
        for address, write in steps.put.items():
            shelves[shelf_of(address)].objects[address] = self._kept(address, write)
        for address, marker in steps.marked.items():
            objects = shelves[shelf_of(address)].objects
            objects[address] = objects[address]._replace(marker=marker)
        for event in steps.events:
            address = Address(LABEL, event.name, event.label)
            objects = shelves[shelf_of(address)].objects
            if address in objects:
                objects[address] = objects[address]._replace(at=event.at, by=event.actor)
        for name, generation in steps.generations.items():
            shelves[f"{VERSION}/{name}"].generation = generation
        for address_text, applied in steps.applied.items():
            outer = parse_address(self._prefix.on(address_text))
            inventory = shelves[shelf_of(outer)].inventory.setdefault(self._prefix.text, {})
            if applied is None:
                inventory.pop(address_text, None)
            else:
                inventory[address_text] = applied

    def _kept(self, address: Address, write: Write) -> Kept:
        entry = write.entry or b""
        if address.kind == LABEL:
            return Kept(entry.decode(), write.marker)
        modes = write.modes or {}
        contents = write.contents or {}
        files = [KeptFile(path, modes[path], self._folder.put(data)) for path, data in contents.items()]
        return Kept(self._folder.put(entry), write.marker, tuple(files))

    def generations(self) -> Mapping[str, int]:
        """By prompt id, of those under the prefix."""
        snapshot = self._snapshot()
        found: dict[str, int] = {}
        for key in snapshot.root if snapshot is not None else ():
            kind, _, name = key.partition("/")
            inner = self._prefix.name_off(name) if self._prefix.text else name
            if snapshot is not None and kind == VERSION and inner is not None:
                generation = snapshot.shelf(key).generation
                found |= {inner: generation} if generation else {}
        return found

    def events(self) -> Iterator[LabelEvent]:
        """The whole store's trail: its chain is one, whatever the prefix. A trail that was cut ends in an error."""
        pointer = self._pointer()
        if pointer is None:
            return
        for number, line in enumerate(self._folder.trail(pointer.trail), 1):
            try:
                yield event_from_line(line)
            except ValueError as error:
                what = f"{self.place()}: event {number} of the audit trail cannot be read: {error}"
                raise BackendError(what, hint="it was edited by hand") from error

    def keep_evidence(self, record: KeptEvidence) -> None:
        """One file, under the lock."""
        if not add_record(self._folder, record._replace(prompt=self._prefix.name_on(record.prompt))):
            raise changed_record(self.place(), record)

    def evidence(self, prompts: Collection[str]) -> Iterator[KeptEvidence]:
        """The files of these prompts."""
        for prompt in dict.fromkeys(prompts):
            for record in records_about(self._folder, self._prefix.name_on(prompt)):
                yield record._replace(prompt=prompt)

    def close(self) -> None:
        """Nothing stays open."""


def _touched(snapshot: Snapshot, shelves: Mapping[str, Shelf], named: Named) -> Found:
    """What the folder holds of all that these steps touch."""
    wanted = {address for address, _ in named}
    losing = {address.name for address, write in named if address.kind == VERSION and write.entry is None}
    found = Found(last=snapshot.pointer.last)
    for shelf in shelves.values():
        for address, kept in list(shelf.objects.items()):
            if address in wanted or (address.kind == LABEL and address.name in losing):
                live = snapshot.live(address, kept)
                if live is None:
                    del shelf.objects[address]  # its bytes are gone, so it is not there
                else:
                    found.objects[address] = Held(live.entry, live.marker)
    for address in named_versions(named):
        pointed = shelves[shelf_of(address)].objects.get(address)
        if pointed is not None and snapshot.has(pointed):
            found.versions.add(address)
    moving = {address.name for address, _ in named if address.kind == LABEL}
    found.generations = {name: shelves[f"{VERSION}/{name}"].generation for name in moving}
    return found


def connect(options: Mapping[str, Any]) -> FileBackend:
    """The target at ``path``. Raises ``UsageError`` where none is given."""
    path = options.get("path")
    if not isinstance(path, str) or not path or "\0" in path:
        raise UsageError("a file target needs `path`, the folder to keep it in", hint="path: run/catalog-target")
    return FileBackend(Folder(Path(path)), options.get("prefix") or "")
