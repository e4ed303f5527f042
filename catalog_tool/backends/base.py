"""The protocol of a target's store, and what every implementation owes its callers.

A backend stores three kinds of objects (``model.addresses``) and, beside them, what the tool
remembers on the target: the inventory, one small control document, a lease, an audit trail of label
moves and a random ``store_id``, made when the store is. It knows nothing of git, plans or states.

Duties of an implementation:

* ``scan`` yields every object under the prefix, or raises: a partial answer is never returned.
  Content is yielded as it is stored; digests of files are computed from their contents.
* ``write`` makes the steps in their order. Where ``capabilities.transactional`` holds, each call is
  one transaction: all steps whose preconditions hold are done, with markers and inventory; the
  others are ``changed``. Elsewhere the object is written first and the inventory entry after it, so
  that a crash leaves an object with a marker, which the next run understands.
* Repeating a call whose answer was lost changes nothing more: an object that already holds
  ``Write.entry`` is ``done``.
* A step of a holder that lost its lease raises ``LeaseLostError`` and changes nothing.
* A label is never set to a version that is not there, and a version that a label points to never
  goes: such a step is ``changed``. With ``capabilities.labels_go_with_version`` it takes ``Write.labels`` along.
* Each change of a label raises its prompt's generation by one and adds one event to the audit trail.
* Only ``BackendError`` and its subclasses leave a backend. ``UnavailableError`` says that the same
  call may be tried again; its ``retry_after`` is what the server asked for, in seconds.
* Names are the catalog's own; ``prefix`` is put before them on the way in and taken off on the way
  out, and objects outside the prefix do not exist for the caller.
* ``close`` may be called twice. Methods are called from one thread at a time unless
  ``capabilities.batch`` is 1: then ``write`` may be called by several at once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

from catalog_tool.canonical.jcs import canonical_bytes
from catalog_tool.clock import iso
from catalog_tool.model.capabilities import Capabilities
from catalog_tool.model.target import Control, Lease, Live, Run, TargetState, Write, Written


class LabelEvent(NamedTuple):
    """One move of a label in the audit trail.

    ``before`` and ``after`` are values (JSON), None for none. ``hash`` covers the event and the hash
    of the one before it, so that a change, a gap or another order shows (``backends.audit``).
    """

    seq: int
    at: int
    actor: str
    reason: str
    name: str
    label: str
    before: Any
    after: Any
    generation: int
    hash: str

    def attribution(self, entry: bytes) -> tuple[str | None, str | None]:
        """When (ISO 8601) and by whom, if this event made what the label holds now; else nothing."""
        if canonical_bytes(self.after) != entry:
            return None, None
        return iso(self.at), self.actor


@runtime_checkable
class Expecting(Protocol):
    """What a store may have besides: a read that fetches only what differs from what the caller has at hand."""

    def expect(self, entries: Mapping[str, bytes]) -> None:
        """What git has, by address, for the next whole ``scan``.

        Content that is proven, by a hash of what was read and by the store's own word that nothing changed
        since, to be an entry of ``entries`` is given from there. Objects that neither ``entries`` nor the
        inventory knows may be given without their content: they are counted only.
        """


@runtime_checkable
class Numbering(Protocol):
    """What a store has besides that numbers versions itself, and so has to name those that others made there."""

    def reserve(self, versions: Mapping[str, str]) -> None:
        """The versions that git has, by address with their digests: for every later read and write.

        No other version goes by one of these names, nor by one of the inventory's, unless its content is just that.
        """


class Backend(Protocol):
    """One open target. The module's docstring lists what may be relied on."""

    @property
    def capabilities(self) -> Capabilities:
        """What this store can do."""

    def place(self) -> str:
        """Where it is, for people and for plans: never with a secret."""

    def load(self) -> TargetState:
        """Control document, inventory and lease. Creates nothing; a store that is not there yet is empty."""

    def scan(self, only: Collection[str] | None = None) -> Iterator[Live]:
        """All objects, or only those at these addresses, in any order."""

    def contents(self, address: str) -> Mapping[str, tuple[str, bytes]]:
        """A skill's files: path → mode and bytes."""

    def take_lease(self, lease: Lease, *, instead_of: str | None = None) -> Lease:
        """Take or renew the lease for ``LEASE_SECONDS``, creating the store where needed.

        Gives the lease that now holds: ours, or another's that has not run out. ``instead_of`` names
        the token of a holder that is known to be dead.
        """

    def drop_lease(self, token: str) -> None:
        """Give the lease back; nothing happens where it is not ours."""

    def save_control(self, control: Control, token: str) -> None:
        """Replace the control document. Raises ``LeaseLostError``."""

    def write(self, writes: Sequence[Write], run: Run) -> list[Written]:
        """Make the steps; one result for each, in order. Raises ``LeaseLostError``."""

    def generations(self) -> Mapping[str, int]:
        """The generation of each prompt id that ever had a label; empty where the store keeps none."""

    def events(self) -> Iterator[LabelEvent]:
        """The audit trail, oldest first; empty where the store keeps none."""

    def close(self) -> None:
        """Let go of connections and files."""
