"""``base.Backend`` on any SQL store: the same statements for SQLite and Postgres, over ``sql_session``."""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence

from catalog_tool.backends.base import LabelEvent
from catalog_tool.backends.evidence import KeptEvidence, changed_record
from catalog_tool.backends.naming import Prefix
from catalog_tool.backends.sql_evidence import add_record, records_about
from catalog_tool.backends.sql_reading import all_events, everything, files_of, some, touched
from catalog_tool.backends.sql_session import (
    CONTROL,
    GENERATION,
    INVENTORY,
    LABEL_EVENT,
    LABEL_VALUE,
    LEASE,
    META,
    PROMPT_VERSION,
    SKILL_ENTRY,
    SKILL_FILE,
    SKILL_FILES,
    Database,
    Row,
    Session,
)
from catalog_tool.backends.sql_steps import Steps
from catalog_tool.backends.stored import Batch, generations_of, storable_text, stored_json
from catalog_tool.canonical.jcs import canonical_bytes, version_id
from catalog_tool.errors import BackendError, LeaseLostError
from catalog_tool.model.addresses import LABEL, SKILL, VERSION, Address, parse_address
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

FORMAT = 1
"""``format`` in ``meta``; a higher one is refused by name."""
_SOME = 500
"""How many objects are read at once where only some are asked for."""
_CLAIM = re.compile(rb'\{"digest":"(sha256:[0-9a-f]{64})"')
_TABLES = {VERSION: PROMPT_VERSION, LABEL: LABEL_VALUE, SKILL: SKILL_ENTRY}


class SqlBackend:
    """One open target in a database. Nothing is opened before the first call."""

    def __init__(self, database: Database, capabilities: Capabilities, prefix: str = "") -> None:
        self.capabilities = capabilities
        self._database = database
        self._prefix = Prefix(prefix)

    def place(self) -> str:
        """Where the database is."""
        return self._database.place()

    def load(self) -> TargetState:
        """Control document, inventory and lease, at one moment."""
        with self._database.reading() as session:
            if session is None:
                return TargetState(store_id="", control=Control.from_json(None), inventory={})
            store_id = checked_store_id(session, self.place())
            scope = (self._prefix.text,)
            documents = session.rows("SELECT document FROM control WHERE scope = ?", scope)
            inventory = session.rows("SELECT address, digest, meta FROM inventory WHERE scope = ?", scope)
            return TargetState(
                store_id=store_id,
                control=self._control(documents[0][0] if documents else None),
                inventory={address: Applied(digest, meta) for address, digest, meta in inventory},
                lease=self._lease(session),
            )

    def _control(self, document: str | None) -> Control:
        try:
            return Control.from_json(stored_json(document, "the control document"))
        except ValueError as error:
            raise BackendError(f"{self.place()}: {error}", hint="was it edited by hand?") from error

    def _lease(self, session: Session) -> Lease | None:
        select = "SELECT token, holder, host, pid, started, expires_at FROM lease WHERE scope = ? AND expires_at > ?"
        held = session.rows(select, (self._prefix.text, session.now))
        return Lease(*held[0]) if held else None

    def scan(self, only: Collection[str] | None = None) -> Iterator[Live]:
        """All objects at one moment; those at some addresses a few hundred at a time."""
        if only is None:
            with self._database.scanning() as session:
                if session is not None:
                    checked_store_id(session, self.place())
                    yield from everything(session, self._prefix)
            return
        storable = (address for address in only if storable_text(address) == address)
        inner = {parse_address(self._prefix.on(address)): address for address in storable}
        wanted = list(inner)
        for start in range(0, len(wanted), _SOME):
            with self._database.reading() as session:
                found = list(some(session, wanted[start : start + _SOME])) if session is not None else []
            yield from (live._replace(address=inner[parse_address(live.address)]) for live in found)

    def contents(self, address: str) -> Mapping[str, tuple[str, bytes]]:
        """A skill's files; none where it is not there."""
        name = parse_address(self._prefix.on(address)).name
        with self._database.reading() as session:
            return files_of(session, name) if session is not None and storable_text(name) == name else {}

    def take_lease(self, lease: Lease, *, instead_of: str | None = None) -> Lease:
        """One holder for each prefix, by the store's clock; makes the store where it is not there."""
        with self._database.writing(create=True) as session:
            if session is None:
                raise BackendError(f"{self.place()} could not be created")
            checked_store_id(session, self.place())
            held = self._lease(session)
            if held is not None and held.token not in (lease.token, instead_of):
                return held
            taken = lease._replace(
                holder=storable_text(lease.holder),
                host=storable_text(lease.host),
                expires_at=session.now + LEASE_SECONDS,
            )
            session.put(LEASE, [(self._prefix.text, *taken)])
            return taken

    def drop_lease(self, token: str) -> None:
        """Give it back, if it is ours."""
        with self._database.writing() as session:
            held = self._lease(session) if session is not None else None
            if session is not None and held is not None and held.token == token:
                session.remove(LEASE, [(self._prefix.text,)])

    def _held(self, session: Session | None, token: str) -> Session:
        held = self._lease(session) if session is not None else None
        if session is None or held is None or held.token != token:
            raise LeaseLostError("the lease ran out or was taken over", hint="run the sync again")
        return session

    def save_control(self, control: Control, token: str) -> None:
        """Replace the control document."""
        with self._database.writing() as opened:
            session = self._held(opened, token)
            session.put(CONTROL, [(self._prefix.text, json.dumps(control.to_json()))])

    def renew_store(self, token: str) -> None:
        """One row."""
        with self._database.writing() as opened:
            self._held(opened, token).put(META, [("store_id", uuid.uuid4().hex)])

    def write(self, writes: Sequence[Write], run: Run) -> list[Written]:
        """All steps in one transaction: read what they touch, decide, write what changed."""
        with self._database.writing() as opened:
            session = self._held(opened, run.token)
            batch = Batch(writes, self._prefix.on)
            steps = Steps(touched(session, batch.named), run)
            made = [steps.make(address, write) for address, write in batch.named]
            with session.together():
                self._store(session, steps)
            return batch.outcomes(made)

    def _store(self, session: Session, steps: Steps) -> None:
        for kind, table in _TABLES.items():
            gone = [_key(address) for address in steps.gone if address.kind == kind]
            put = [_row(address, write) for address, write in steps.put.items() if address.kind == kind]
            marked = [(text, *_key(address)) for address, text in steps.marked.items() if address.kind == kind]
            session.remove(table, gone)
            if kind == SKILL:
                session.remove(SKILL_FILES, gone)
                session.add(SKILL_FILE, [row for item in steps.put.items() for row in _file_rows(*item)])
            session.add(table, put)
            session.mark(table, marked)
        scope = self._prefix.text
        session.remove(INVENTORY, [(scope, address) for address, applied in steps.applied.items() if applied is None])
        kept = [(scope, address, *applied) for address, applied in steps.applied.items() if applied is not None]
        session.put(INVENTORY, kept)
        if steps.events:
            session.put(GENERATION, list(steps.generations.items()))
            session.add(LABEL_EVENT, [_event_row(event) for event in steps.events])
            session.notify([_payload(event) for event in steps.events])

    def generations(self) -> Mapping[str, int]:
        """By prompt id, of those under the prefix."""
        with self._database.reading() as session:
            rows = session.rows("SELECT id, generation FROM generation") if session is not None else []
        if not self._prefix.text:
            return generations_of(rows)
        named = ((self._prefix.name_off(name), number) for name, number in rows)
        return generations_of((name, number) for name, number in named if name is not None)

    def events(self) -> Iterator[LabelEvent]:
        """The whole store's trail: its chain is one, whatever the prefix."""
        with self._database.scanning() as session:
            if session is not None:
                yield from all_events(session)

    def keep_evidence(self, record: KeptEvidence) -> None:
        """One row, in a transaction of its own."""
        with self._database.writing(create=True) as session:
            if session is None:
                raise BackendError(f"{self.place()} could not be created")
            checked_store_id(session, self.place())
            if not add_record(session, record._replace(prompt=self._prefix.name_on(record.prompt))):
                raise changed_record(self.place(), record)

    def evidence(self, prompts: Collection[str]) -> Iterator[KeptEvidence]:
        """The rows of these prompts, at one moment."""
        inner = {self._prefix.name_on(prompt): prompt for prompt in prompts}
        with self._database.reading() as session:
            if session is None:
                return
            checked_store_id(session, self.place())
            found = list(records_about(session, list(inner)))
        yield from (record._replace(prompt=inner[record.prompt]) for record in found)

    def close(self) -> None:
        """Close the connection; the next call would open another."""
        self._database.close()


def checked_store_id(session: Session, place: str) -> str:
    """The store's id. Raises ``BackendError`` for a bundle, for what a newer version made, and for anything else."""
    meta: dict[str, str] = dict(session.rows("SELECT key, value FROM meta"))
    if meta.get("kind") == "bundle":
        hint = "a bundle is built and replaced as a whole: give the target a file of its own"
        raise BackendError(f"{place} is a bundle.sqlite of catalog build, not a target", hint=hint)
    if meta.get("kind") != "target" or not meta.get("store_id"):
        raise BackendError(f"{place} holds tables that are not a target's", hint="name an empty database")
    if meta.get("format") != str(FORMAT):
        hint = "install a catalog-tool that knows it"
        raise BackendError(f"{place} has format {meta.get('format')}; this version knows {FORMAT}", hint=hint)
    return str(meta["store_id"])


def _key(address: Address) -> tuple[str, ...]:
    return (address.name,) if address.kind == SKILL else (address.name, address.part)


def _row(address: Address, write: Write) -> Row:
    entry = write.entry or b""
    if address.kind == LABEL:
        return (address.name, address.part, entry.decode(), write.marker)
    digest = _claimed_digest(entry)
    if address.kind == SKILL:
        return (address.name, digest, entry, write.marker)
    return (address.name, address.part, version_id(address.part, digest), digest, entry, write.marker)


def _claimed_digest(entry: bytes) -> str:
    """The digest that an entry claims, for the column of that name; empty where it claims none."""
    if (found := _CLAIM.match(entry)) is not None:
        return found[1].decode()
    try:
        document = json.loads(entry)
    except (ValueError, RecursionError):
        return ""
    digest = document.get("digest") if isinstance(document, dict) else None
    return storable_text(digest) if isinstance(digest, str) else ""


def _file_rows(address: Address, write: Write) -> Iterator[Row]:
    if address.kind == SKILL:
        modes = write.modes or {}
        for path, data in (write.contents or {}).items():
            yield (address.name, path, modes[path], hashlib.sha256(data).hexdigest(), len(data), data)


def _event_row(event: LabelEvent) -> Row:
    values = [None if value is None else canonical_bytes(value).decode() for value in (event.before, event.after)]
    head = (event.seq, event.at, event.actor, event.reason, event.name, event.label)
    return (*head, *values, event.generation, event.hash)


def _payload(event: LabelEvent) -> str:
    return canonical_bytes({"generation": event.generation, "id": event.name}).decode()
