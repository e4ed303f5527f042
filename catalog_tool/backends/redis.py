"""A target in a Redis server (``redis {url, timeout}``, else ``REDIS_URL``), through redis-py.

``redis_keys`` says what lies where. Each write is one transaction: what its steps touch is watched, read
and decided on, then written between MULTI and EXEC, which does nothing where anybody, also a hand that
knows nothing of us, touched it meanwhile; then it is decided anew. Each change of a label is told on the
channel ``catalog:moved:DATABASE`` in the same transaction: ``{"generation":7,"id":"support/greet"}``.

A whole read is one request for versions and labels, whatever their number, and takes as much memory as
they do; skills' files come a few dozen a request. A server of version 6.0.9 or newer is needed, 7 for the
ACLs of docs/targets.md. How safe an acknowledged write is, is the server's setting: ``appendonly yes``,
``appendfsync always`` and ``maxmemory-policy noeviction`` make it as safe as elsewhere. Redis Cluster is
out of scope: a transaction here spans keys of several slots.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from catalog_tool.backends.base import LabelEvent
from catalog_tool.backends.naming import Prefix
from catalog_tool.backends.patience import timeout_of
from catalog_tool.backends.redis_keys import (
    FORMAT,
    GENERATION,
    META,
    applied_of,
    control_key,
    inventory_key,
    lease_bytes,
    lease_key,
    lease_of,
    pairs,
    whole_number,
)
from catalog_tool.backends.redis_reading import LOOK, checked_store_id, contents, events, everything, some
from catalog_tool.backends.redis_server import ANSWER_SECONDS, Command, Decided, RedisServer, address
from catalog_tool.backends.redis_steps import commands_of, touched, watched
from catalog_tool.backends.sql_steps import Steps
from catalog_tool.backends.stored import Batch, generations_of, storable_text, stored_json
from catalog_tool.errors import BackendError, LeaseLostError
from catalog_tool.model.addresses import parse_address
from catalog_tool.model.capabilities import Capabilities
from catalog_tool.model.target import LEASE_SECONDS, Control, Lease, Live, Run, TargetState, Write, Written

CAPABILITIES = Capabilities(
    backend="redis",
    attributed=True,
    blocks_edits="users with write access can edit it: give all but the syncing user the reader's ACL",
    batch=10_000,
)


class RedisBackend:
    """One open target. Nothing is opened before the first call."""

    capabilities = CAPABILITIES

    def __init__(self, server: RedisServer, prefix: str = "") -> None:
        self._server = server
        self._prefix = Prefix(prefix)
        self._lease_key = lease_key(prefix)

    def place(self) -> str:
        """Where the server is."""
        return self._server.place()

    def load(self) -> TargetState:
        """Control document, inventory and lease, at one moment."""
        scope = self._prefix.text
        meta, there, control, lease, inventory = self._server.together(
            *LOOK, ("GET", control_key(scope)), ("GET", self._lease_key), ("HGETALL", inventory_key(scope))
        )
        return TargetState(
            store_id=checked_store_id(self.place(), meta, there),
            control=self._control(control),
            inventory={name: applied_of(value) for name, value in pairs(inventory)},
            lease=lease_of(lease),
        )

    def _control(self, stored: bytes | None) -> Control:
        try:
            return Control.from_json(stored_json(stored, "the control document"))
        except ValueError as error:
            raise BackendError(f"{self.place()}: {error}", hint="was it edited by hand?") from error

    def scan(self, only: Collection[str] | None = None) -> Iterator[Live]:
        """All objects, versions and labels at one moment; or those at some addresses."""
        if only is None:
            found = everything(self._server)
        else:
            storable = (address for address in only if storable_text(address) == address)
            found = some(self._server, [parse_address(self._prefix.on(address)) for address in storable])
        for live in list(found):
            inner = self._prefix.off(live.address)
            if inner is not None:
                yield live._replace(address=inner)

    def contents(self, address: str) -> Mapping[str, tuple[str, bytes]]:
        """A skill's files; none where it is not there."""
        return contents(self._server, parse_address(self._prefix.on(address)).name)

    def take_lease(self, lease: Lease, *, instead_of: str | None = None) -> Lease:
        """One holder for each prefix, until the server lets the key expire; makes the store where it is not there."""

        def decide() -> Decided:
            meta, there, stored, (seconds, microseconds) = self._server.ask(*LOOK, ("GET", self._lease_key), ("TIME",))
            held = lease_of(stored)
            if held is not None and held.token not in (lease.token, instead_of):
                return Decided([], held)
            taken = lease._replace(
                holder=storable_text(lease.holder),
                host=storable_text(lease.host),
                expires_at=int(seconds) + int(microseconds) / 1e6 + LEASE_SECONDS,
            )
            commands: list[Command] = [("SET", self._lease_key, lease_bytes(taken), "PX", LEASE_SECONDS * 1000)]
            if not checked_store_id(self.place(), meta, there):
                made = ("format", FORMAT, "kind", "target", "store_id", uuid.uuid4().hex)
                commands.insert(0, ("HSET", META, *made))
            return Decided(commands, taken)

        held: Lease = self._server.transact((META, self._lease_key), decide)
        return held

    def drop_lease(self, token: str) -> None:
        """Give it back, if it is ours."""

        def decide() -> Decided:
            [stored] = self._server.ask(("GET", self._lease_key))
            held = lease_of(stored)
            ours = held is not None and held.token == token
            return Decided([("DEL", self._lease_key)] if ours else [], None)

        self._server.transact((self._lease_key,), decide)

    def _check_held(self, token: str) -> None:
        [stored] = self._server.ask(("GET", self._lease_key))
        held = lease_of(stored)
        if held is None or held.token != token:
            raise LeaseLostError("the lease ran out or was taken over", hint="run the sync again")

    def renew_store(self, token: str) -> None:
        """One field."""

        def decide() -> Decided:
            self._check_held(token)
            return Decided([("HSET", META, "store_id", uuid.uuid4().hex)], None)

        self._server.transact((META, self._lease_key), decide)

    def save_control(self, control: Control, token: str) -> None:
        """Replace the control document."""

        def decide() -> Decided:
            self._check_held(token)
            document = json.dumps(control.to_json())
            return Decided([("SET", control_key(self._prefix.text), document)], None)

        self._server.transact((self._lease_key,), decide)

    def write(self, writes: Sequence[Write], run: Run) -> list[Written]:
        """All steps in one transaction: read what they touch, decide, write what changed."""
        batch = Batch(writes, self._prefix.on)

        def decide() -> Decided:
            self._check_held(run.token)
            steps = Steps(touched(self._server, batch.named), run)
            made = [steps.make(address, write) for address, write in batch.named]
            return Decided(commands_of(self._server, steps, self._prefix.text), made)

        keys = {self._lease_key, inventory_key(self._prefix.text), *watched(batch.named)}
        return batch.outcomes(self._server.transact(sorted(keys), decide))

    def generations(self) -> Mapping[str, int]:
        """By prompt id, of those under the prefix."""
        [found] = self._server.ask(("HGETALL", GENERATION))
        named = ((self._prefix.name_off(name) if self._prefix.text else name, number) for name, number in pairs(found))
        return generations_of((name, whole_number(number)) for name, number in named if name is not None)

    def events(self) -> Iterator[LabelEvent]:
        """The whole store's trail: its chain is one, whatever the prefix."""
        return events(self._server)

    def close(self) -> None:
        """Close the connection; the next call would open another."""
        self._server.close()


def connect(options: Mapping[str, Any]) -> RedisBackend:
    """The target at ``url``, or where ``REDIS_URL`` points. Raises ``UsageError``."""
    server = RedisServer(address(options.get("url")), silence=timeout_of(options, ANSWER_SECONDS))
    return RedisBackend(server, options.get("prefix") or "")
