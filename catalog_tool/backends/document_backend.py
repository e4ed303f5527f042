"""``base.Backend`` on any store of contents with one document that can be compared and replaced.

A call that changes something reads the document, changes it, and replaces exactly that one; where
somebody else was first it begins anew. So each ``write`` is one transaction, and a holder whose lease
was taken over cannot write: taking it over replaced the document. Each replacement names itself in
the document, so that a writer whose answer was lost can see whether it was made.
"""

from __future__ import annotations

import random
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TypeVar

from catalog_tool.backends.base import LabelEvent
from catalog_tool.backends.document import KEPT_WRITES, Document, Row, entry_key, owner, unpacked
from catalog_tool.backends.document_contents import (
    BeatenError,
    Blobs,
    Head,
    Reader,
    side_by_side,
    skill_entry,
    skill_files,
    version_entry,
)
from catalog_tool.backends.document_steps import WriteCall, sealed_events
from catalog_tool.backends.stored import storable_text
from catalog_tool.clock import iso
from catalog_tool.errors import BackendError, LeaseLostError, RefusedError, UnavailableError
from catalog_tool.model.addresses import LABEL, SKILL
from catalog_tool.model.capabilities import Capabilities
from catalog_tool.model.target import (
    LEASE_SECONDS,
    Control,
    Lease,
    Live,
    Run,
    TargetState,
    Write,
    Written,
)

PATIENCE_SECONDS = 20.0
"""How long a call tries to be first before it says that it cannot now."""
SWEEP_SECONDS = 24 * 3600.0
"""How often contents that nothing refers to are looked for, and how old one has to be before it is removed."""
_LONGEST_PAUSE_SECONDS = 0.4
_LAST_SECOND = 253_402_300_799
_NOTHING = b""
T = TypeVar("T")


class DocumentBackend:
    """One open target. Its prefix belongs to ``blobs``: each prefix is a store of its own."""

    def __init__(self, blobs: Blobs, capabilities: Capabilities) -> None:
        self.capabilities = capabilities
        self._blobs = blobs
        self._is_checked = False
        self._expected: Mapping[str, bytes] = {}

    def place(self) -> str:
        """Where the store is."""
        return self._blobs.place()

    def _document(self) -> tuple[Document | None, Head]:
        head = self._blobs.head()
        return (unpacked(head.data, self.place()) if head.data is not None else None), head

    def load(self) -> TargetState:
        """Control document, inventory and lease, at one moment."""
        document, head = self._document()
        if document is None:
            return TargetState(store_id="", control=Control.from_json(None), inventory={})
        try:
            control = Control.from_json(document.control)
        except ValueError as error:
            raise BackendError(f"{self.place()}: {error}", hint="was it edited by hand?") from error
        return TargetState(
            store_id=document.store_id,
            control=control,
            inventory={address: row.applied for address, row in document.rows.items() if row.applied is not None},
            lease=_lease(document, head.now),
        )

    def expect(self, entries: Mapping[str, bytes]) -> None:
        """What git has, by address, for the next whole ``scan``: what the store says to hold it is not fetched."""
        self._expected = entries

    def scan(self, only: Collection[str] | None = None) -> Iterator[Live]:
        """The objects that the document names now, with their contents as they are stored."""
        document, _ = self._document()
        if document is None:
            return
        chosen = document.rows if only is None else {a: document.rows[a] for a in only if a in document.rows}
        stored: dict[str, list[str]] = defaultdict(list)
        for address, row in chosen.items():
            if row.at is not None:
                stored[row.at].append(address)
            elif row.value is not None:
                yield _live(address, row, row.value.encode())
        gone: dict[str, str | None] = {}
        readers = self._together(stored) if only is None else ((at, self._blobs) for at in stored)
        for at, entries in side_by_side(lambda item: (item[0], _entries(*item, stored[item[0]])), readers):
            for address, entry in zip(stored[at], entries, strict=True):
                if entry is None:
                    gone[address] = at
                else:
                    yield _live(address, chosen[address], entry)
        if gone:
            yield from self._anew(gone)

    def _together(self, stored: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, Reader]]:
        """A reader for each reference: of what the store tells together, else one that asks for each content."""
        expected, self._expected = self._expected, {}
        left = {at: expected.get(addresses[0]) for at, addresses in stored.items()}
        with suppress(RefusedError):  # who may not ask for all may still read each
            for at, reader in self._blobs.readers(dict(left)):
                if left.pop(at, _NOTHING) is not _NOTHING:
                    yield at, reader
        yield from ((at, self._blobs) for at in left)

    def _anew(self, gone: Mapping[str, str | None]) -> Iterator[Live]:
        """Contents that were not there: removed by somebody, or replaced since the document was read."""
        document, _ = self._document()
        rows = document.rows if document is not None else {}
        replaced = [address for address, at in gone.items() if rows.get(address, Row(at=at)).at != at]
        if replaced:
            yield from self.scan(replaced)

    def contents(self, address: str) -> Mapping[str, tuple[str, bytes]]:
        """A skill's files; none where it is not there."""
        document, _ = self._document()
        row = document.rows.get(address, Row()) if document is not None else Row()
        return skill_files(self._blobs, row.at) if row.at is not None and address.startswith(SKILL) else {}

    def take_lease(self, lease: Lease, *, instead_of: str | None = None) -> Lease:
        """One holder for each prefix, by the store's clock; makes the document where there is none."""
        if not self._is_checked:
            self._blobs.check()
            self._is_checked = True

        def take(document: Document, now: float) -> Lease:
            held = _lease(document, now)
            if held is not None and held.token not in (lease.token, instead_of):
                return held
            document.lease = lease._replace(
                holder=storable_text(lease.holder), host=storable_text(lease.host), expires_at=now + LEASE_SECONDS
            )
            return document.lease

        return self._changed(take, create=True)

    def drop_lease(self, token: str) -> None:
        """Give it back, if it is ours; once a day what nothing refers to is removed before."""
        document, head = self._document()
        held = _lease(document, head.now) if document is not None else None
        if document is None or held is None or held.token != token:
            return
        swept = head.now - document.swept >= SWEEP_SECONDS and self._sweep(document)

        def drop(document: Document, now: float) -> None:
            if (held := _lease(document, now)) is not None and held.token == token:
                document.lease = None
                document.swept = int(now) if swept else document.swept

        self._changed(drop)

    def _sweep(self, document: Document) -> bool:
        """Remove old contents that nothing refers to; no writer names one of them again (``document``).

        False where the store did not let us: that is no reason to keep the lease, and the next sync tries again.
        """
        kept = document.references()
        try:
            keys = (key for key, age in self._blobs.listed() if owner(key) not in kept and age >= SWEEP_SECONDS)
            for _ in side_by_side(self._blobs.remove, keys):
                pass
        except BackendError:
            return False
        return True

    def save_control(self, control: Control, token: str) -> None:
        """Replace what is remembered of the last sync."""

        def save(document: Document, now: float) -> None:
            _hold(document, token, now)
            document.control = control.to_json()

        self._changed(save)

    def renew_store(self, token: str) -> None:
        """Part of the document."""

        def renew(document: Document, now: float) -> None:
            _hold(document, token, now)
            document.store_id = uuid.uuid4().hex

        self._changed(renew)

    def write(self, writes: Sequence[Write], run: Run) -> list[Written]:
        """All steps by one replacement of the document."""
        call = WriteCall(self._blobs, writes, run)

        def make(document: Document, now: float) -> list[Written]:
            _hold(document, run.token, now)
            return call.make(document)

        return self._changed(make)

    def _changed(self, change: Callable[[Document, float], T], *, create: bool = False) -> T:
        """Change the document as it is now. Raises ``LeaseLostError`` where there is none to be changed."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        name, made, pause = uuid.uuid4().hex, None, 0.01
        while True:
            document, head = self._document()
            if document is None and not create:
                raise LeaseLostError("the target was emptied", hint="run the sync again")
            document = document or Document(store_id=uuid.uuid4().hex, swept=int(head.now))
            if made is not None and name in document.writes:
                return made[0]
            before = document.text() if head.data is not None else ""
            made = (change(document, head.now),)
            if document.text() == before:
                return made[0]
            document.writes = [*document.writes, name][-KEPT_WRITES:]
            if self._replaced(document, head, name):
                return made[0]
            if time.monotonic() >= deadline:
                raise UnavailableError(f"{self.place()}: others write to it all the time", hint="try again")
            time.sleep(pause * random.random())  # noqa: S311 - spreads writers, hides nothing
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    def _replaced(self, document: Document, head: Head, name: str) -> bool:
        """Whether the document was replaced; False where somebody else was first, or seems to have been.

        A request that was repeated after its answer was lost is refused because it had succeeded: the
        next reading shows it.
        """
        try:
            self._blobs.replace_head(document.packed(), head.tag)
        except BeatenError:
            return False
        except UnavailableError:
            found, _ = self._document()
            if found is None or name not in found.writes:
                raise
        return True

    def generations(self) -> Mapping[str, int]:
        """By prompt id."""
        document, _ = self._document()
        return document.generations if document is not None else {}

    def events(self) -> Iterator[LabelEvent]:
        """The trail of this prefix."""
        document, _ = self._document()
        if document is None:
            return
        for at in document.sealed:
            data = self._blobs.read(entry_key(at))
            try:
                yield from sealed_events(data or b"[]")
            except (ValueError, TypeError, RecursionError) as error:
                raise BackendError(f"{self.place()}: a part of the audit trail cannot be read") from error
        yield from document.tail

    def close(self) -> None:
        """Let go of connections; the next call would open others."""
        self._blobs.close()


def _entries(at: str, reader: Reader, addresses: Sequence[str]) -> list[bytes | None]:
    """What is stored there, as an object of the kind of each address; None where it has gone."""
    return [(skill_entry if address.startswith(f"{SKILL}/") else version_entry)(reader, at) for address in addresses]


def _lease(document: Document, now: float) -> Lease | None:
    held = document.lease
    return held if held is not None and held.expires_at > now else None


def _hold(document: Document, token: str, now: float) -> None:
    held = _lease(document, now)
    if held is None or held.token != token:
        raise LeaseLostError("the lease ran out or was taken over", hint="run the sync again")


def _live(address: str, row: Row, entry: bytes) -> Live:
    """An object, with the trail's last word on a label where that is what it holds now."""
    if not address.startswith(f"{LABEL}/") or row.moved is None:
        return Live(address, entry, row.marker)
    at, by, after = row.moved
    told = after == row.value and 0 <= at <= _LAST_SECOND
    return Live(address, entry, row.marker, iso(at) if told else None, by if told else None)
