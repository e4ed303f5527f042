"""What an MLflow target remembers of us: two registered names beside the prompts, hidden from their list.

``_catalog`` has one version whose tags are the control document, the store's id and the inventory,
one tag an object, so that writes side by side lose nothing. ``_catalog_lease`` has one version for
each sync that wants to write: MLflow numbers what is created at the same time one after another, so
the lowest number whose time has not run out holds the lease, and nobody else can think so. Neither
name can be a prompt's: ids begin with a letter.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from catalog_tool.backends.mlflow_api import ExistsError, MissingError, MlflowApi
from catalog_tool.backends.mlflow_capabilities import TEXT_CHARACTERS
from catalog_tool.backends.mlflow_entities import ModelVersion
from catalog_tool.backends.mlflow_prompts import KIND_TAG
from catalog_tool.backends.stored import stored_json
from catalog_tool.canonical.jcs import canonical_bytes
from catalog_tool.errors import BackendError, LeaseLostError, RefusedError
from catalog_tool.model.target import LEASE_SECONDS, Applied, Control, Lease, TargetState, restored

STATE_NAME, LEASE_NAME = "_catalog", "_catalog_lease"
STATE, LEASE = "state", "lease"
_CONTROL, _STORE, _INVENTORY = "catalog.control", "catalog.store_id", "catalog.inventory."
TICKET_TAG = "catalog.lease"


class Ticket(NamedTuple):
    """A sync that wants to write, by the number that it drew."""

    number: int
    lease: Lease


class MlflowMemory:
    """The remembered side of one target. ``place_name`` puts the target's prefix before a name of ours."""

    def __init__(self, api: MlflowApi, place_name: Callable[[str], str], clock: Callable[[], float]) -> None:
        self._api = api
        self._state_name = place_name(STATE_NAME)
        self.lease_name = place_name(LEASE_NAME)
        self._clock = clock
        self._state_number: int | None = None
        self._guard = threading.Lock()

    def read(self, versions: Iterable[ModelVersion]) -> TargetState:
        """The state among all versions of a target. Raises ``BackendError`` for one that was edited into nonsense."""
        found = list(versions)
        state = self._lowest(found)
        tags: Mapping[str, str] = state.tags if state is not None else {}
        self._state_number = state.number if state is not None else None
        try:
            control = Control.from_json(stored_json(tags.get(_CONTROL), "the control document"))
        except ValueError as error:
            raise BackendError(str(error)) from error
        holder = self._holder(self.tickets(found))
        return TargetState(
            store_id=tags.get(_STORE, ""), control=control, inventory=_inventory(tags),
            lease=holder.lease if holder is not None else None,
        )  # fmt: skip

    def _lowest(self, versions: Iterable[ModelVersion]) -> ModelVersion | None:
        ours = [found for found in versions if found.name == self._state_name and found.tags.get(KIND_TAG) == STATE]
        return min(ours, key=lambda found: found.number, default=None)

    def save(self, control: Control) -> None:
        """Replace the control document. Raises ``RefusedError`` where it has become too large for one tag."""
        text = canonical_bytes(control.to_json()).decode()
        if len(text) > TEXT_CHARACTERS:
            raise RefusedError("the control document is too large for MLflow", hint="let git catch up with overrides")
        self._set(_CONTROL, text)

    def remember(self, address: str, applied: Applied | None) -> None:
        """Change one entry of the inventory."""
        key, value = inventory_tag(address, applied)
        if applied is not None:
            self._set(key, value)
        elif (number := self._find_state()) is not None:
            self._api.delete_tag(self._state_name, number, key)

    def _set(self, key: str, value: str) -> None:
        try:
            self._api.set_tag(self._state_name, self._state(), key, value)
        except MissingError:  # somebody deleted it since it was read
            self._state_number = None
            self._api.set_tag(self._state_name, self._state(), key, value)

    def _find_state(self) -> int | None:
        if self._state_number is None:
            found = self._lowest(self._api.versions(f"name = '{self._state_name}'"))
            self._state_number = found.number if found is not None else None
        return self._state_number

    def _state(self) -> int:
        """The number of the version that remembers; the lowest, where two were made at once."""
        with self._guard:
            number = self._find_state()
            if number is None:
                made = self._draw(self._state_name, {KIND_TAG: STATE, _STORE: uuid.uuid4().hex})
                number = self._find_state() or made
                if number != made:
                    self._api.delete_version(self._state_name, made)
            return number

    def _draw(self, name: str, tags: Mapping[str, str]) -> int:
        """A new version of a name of ours, which is registered where it is not there yet."""
        try:
            return self._api.create_version(name, tags).number
        except MissingError:
            with contextlib.suppress(ExistsError):
                self._api.create_model(name, {KIND_TAG: tags[KIND_TAG]})
            return self._api.create_version(name, tags).number

    def tickets(self, versions: Iterable[ModelVersion]) -> list[Ticket]:
        """Everyone who wants to write, the first first. What is no ticket of ours is passed over."""
        found = []
        for version in versions:
            if version.name == self.lease_name and version.tags.get(KIND_TAG) == LEASE:
                lease = _lease(version.tags.get(TICKET_TAG))
                if lease is not None:
                    found.append(Ticket(version.number, lease))
        return sorted(found, key=lambda ticket: ticket.number)

    def _holder(self, tickets: Iterable[Ticket]) -> Ticket | None:
        return next((ticket for ticket in tickets if ticket.lease.expires_at > self._clock()), None)

    def check(self, tickets: Iterable[Ticket], token: str) -> None:
        """Raises ``LeaseLostError`` where another holds the lease, or nobody."""
        holder = self._holder(tickets)
        if holder is None or holder.lease.token != token:
            raise LeaseLostError("the lease ran out or was taken over", hint="run the sync again")

    def all_tickets(self) -> list[Ticket]:
        """The tickets as they are on the server now."""
        return self.tickets(self._api.versions(f"name = '{self.lease_name}'"))

    def take(self, lease: Lease, instead_of: str | None) -> Lease:
        """``Backend.take_lease``: draw a number, and hold where it is the lowest."""
        tickets = self.all_tickets()
        mine = next((ticket for ticket in tickets if ticket.lease.token == lease.token), None)
        for ticket in tickets:
            if ticket is mine:
                break
            if ticket.lease.token != instead_of and ticket.lease.expires_at > self._clock():
                return ticket.lease
            self._api.delete_version(self.lease_name, ticket.number)  # its renewal fails from now on
        wanted = lease._replace(expires_at=self._clock() + LEASE_SECONDS)
        text = json.dumps(wanted)
        number = self._renewed(mine, text)
        if number is None:
            number = self._draw(self.lease_name, {KIND_TAG: LEASE, TICKET_TAG: text})
        first = self._holder(self.all_tickets())
        if first is None or first.lease.token != lease.token:
            self._api.delete_version(self.lease_name, number)
        return first.lease if first is not None else wanted._replace(token="")

    def _renewed(self, mine: Ticket | None, text: str) -> int | None:
        """The number of a ticket whose time was extended; None where it is gone."""
        if mine is None:
            return None
        try:
            self._api.set_tag(self.lease_name, mine.number, TICKET_TAG, text)
        except MissingError:
            return None
        return mine.number

    def drop(self, token: str) -> None:
        """Give a ticket back."""
        for ticket in self.all_tickets():
            if ticket.lease.token == token:
                self._api.delete_version(self.lease_name, ticket.number)


def inventory_tag(address: str, applied: Applied | None) -> tuple[str, str]:
    """The tag of one entry of the inventory: an address has characters and lengths that no key may have."""
    return _INVENTORY + hashlib.sha256(address.encode()).hexdigest()[:32], json.dumps([address, *(applied or ())])


def _lease(text: str | None) -> Lease | None:
    try:
        return restored(Lease, dict(zip(Lease._fields, json.loads(text or ""), strict=True)))
    except (ValueError, TypeError, RecursionError):
        return None


def _inventory(tags: Mapping[str, str]) -> dict[str, Applied]:
    found = {}
    for key, value in tags.items():
        if key.startswith(_INVENTORY):
            try:
                address, digest, meta = json.loads(value)
            except (ValueError, TypeError) as error:
                raise BackendError(
                    f"the inventory's tag {key} cannot be read", hint="was it edited by hand?"
                ) from error
            found[str(address)] = Applied(str(digest), str(meta))
    return found
