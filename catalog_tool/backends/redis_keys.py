"""What lies under which key of a Redis target, and its bytes. One hash holds all objects of a kind.

=============================  =====================================================================
``catalog:meta``               hash: ``format``, ``kind`` (``target``), ``store_id``
``catalog:version``            hash: ``ID@VERSION`` → the entry, canonical JSON as in ``bundle.json``
``catalog:label``              hash: ``ID@LABEL`` → the value, canonical JSON
``catalog:skill``              hash: ``NAME`` → the entry
``catalog:file``               hash: ``NAME NUL PATH`` → the mode, a line feed, and the bytes
``catalog:KIND:marker``        hash, for each of the three kinds: the markers of its objects
``catalog:label:moved``        hash: ``ID@LABEL`` → when and by whom it was moved, and to what
``catalog:generation``         hash: ``ID`` → one more at each change of any label of that prompt
``catalog:event``              list: the audit trail, oldest first; only ever appended to
``catalog:inventory:SCOPE``    hash: address → digest and meta of what we last wrote
``catalog:control:SCOPE``      string: the control document
``catalog:lease:SCOPE``        string with an expiry: who may write
=============================  =====================================================================

SCOPE is the target's prefix; names in the hashes of objects carry it, addresses in the inventory do not.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from catalog_tool.backends.base import LabelEvent
from catalog_tool.backends.stored import stored_json
from catalog_tool.canonical.jcs import canonical_bytes
from catalog_tool.errors import BackendError
from catalog_tool.model.addresses import LABEL, SKILL, VERSION, Address
from catalog_tool.model.target import Applied, Lease, restored

FORMAT = 1
META, FILE, GENERATION, EVENT, MOVED = (
    "catalog:meta",
    "catalog:file",
    "catalog:generation",
    "catalog:event",
    "catalog:label:moved",
)
OBJECTS = {VERSION: "catalog:version", LABEL: "catalog:label", SKILL: "catalog:skill"}
MARKERS = {kind: f"{key}:marker" for kind, key in OBJECTS.items()}
DATA = (*OBJECTS.values(), EVENT, GENERATION)
"""Where one of these is, there is a target."""


def inventory_key(scope: str) -> str:
    """Where the inventory of a prefix is."""
    return f"catalog:inventory:{scope}"


def control_key(scope: str) -> str:
    """Where the control document of a prefix is."""
    return f"catalog:control:{scope}"


def lease_key(scope: str) -> str:
    """Where the lease of a prefix is."""
    return f"catalog:lease:{scope}"


def channel(database: int) -> str:
    """Where moves of labels are told: channels know no databases, so the number is in the name."""
    return f"catalog:moved:{database}"


def field(address: Address) -> str:
    """An object's field in the hash of its kind."""
    return address.name if address.kind == SKILL else f"{address.name}@{address.part}"


def file_field(name: str, path: str) -> str:
    """A skill's file in the hash of files; neither part can hold a NUL."""
    return f"{name}\0{path}"


def file_bytes(mode: str, data: bytes) -> bytes:
    """A file as it is stored."""
    return mode.encode() + b"\n" + data


def file_of(stored: bytes) -> tuple[str, bytes]:
    """Mode and bytes of what ``file_bytes`` made."""
    mode, _, data = stored.partition(b"\n")
    return text(mode), data


def text(stored: bytes | str) -> str:
    """Text as it is; what a hand made no UTF-8 is shown with U+FFFD."""
    return stored if isinstance(stored, str) else stored.decode(errors="replace")


def pairs(answer: Sequence[bytes]) -> Iterator[tuple[str, bytes]]:
    """Fields and values of a whole hash."""
    parts = iter(answer)
    return ((text(name), value) for name, value in zip(parts, parts, strict=True))


def whole_number(stored: bytes) -> int | str:
    """A number as it is stored; what is none is given as text."""
    return int(stored) if stored.isdigit() else stored.decode(errors="replace")


def applied_bytes(applied: Applied) -> bytes:
    """An inventory entry as it is stored."""
    return json.dumps(list(applied)).encode()


def applied_of(stored: bytes) -> Applied:
    """Read what ``applied_bytes`` made. Raises ``BackendError``."""
    try:
        digest, meta = json.loads(stored)
    except (ValueError, TypeError, RecursionError) as error:
        raise BackendError("an inventory entry on the target is none", hint="was it edited by hand?") from error
    return Applied(str(digest), str(meta))


def lease_bytes(lease: Lease) -> bytes:
    """A lease as it is stored."""
    return json.dumps(lease._asdict()).encode()


def lease_of(stored: bytes | None) -> Lease | None:
    """Read what ``lease_bytes`` made. Raises ``BackendError``."""
    document = stored_json(stored, "the lease")
    try:
        return None if document is None else restored(Lease, document)
    except TypeError as error:
        raise BackendError("the lease on the target is none", hint="was it edited by hand?") from error


def event_bytes(event: LabelEvent) -> bytes:
    """An event of the audit trail as it is stored."""
    return canonical_bytes(event._asdict())


def event_of(stored: bytes, number: int) -> LabelEvent:
    """Read what ``event_bytes`` made. Raises ``BackendError``, which names the event by its place in the trail."""
    try:
        event = LabelEvent(**json.loads(stored))
        texts = (event.actor, event.reason, event.name, event.label, event.hash)
        numbers = (event.seq, event.at, event.generation)
        if all(isinstance(part, str) for part in texts) and all(type(part) is int for part in numbers):
            return event
    except (ValueError, TypeError, RecursionError):
        pass
    raise BackendError(f"event {number} of the audit trail cannot be read", hint="it was edited by hand")


def moved_bytes(event: LabelEvent) -> bytes:
    """When, by whom and to what a label was moved, as it is stored."""
    return canonical_bytes({"at": event.at, "by": event.actor, "to": event.after})


def moved_of(stored: bytes | None, value: bytes) -> tuple[int, str] | None:
    """When and by whom, if that made what the label holds now; a hand that edited past us left no word."""
    try:
        found: Any = json.loads(stored or b"null")
        if found is not None and canonical_bytes(found["to"]) == value and type(found["at"]) is int:
            return found["at"], str(found["by"])
    except (ValueError, KeyError, TypeError, RecursionError, BackendError):
        pass
    return None


_ALWAYS = "-@all +ping +auth +hello +select +multi +exec +watch +unwatch"
_READS = "+get +exists +hget +hmget +hgetall +hkeys +hlen +hscan +lrange +llen +lindex"
READER_ACL = (
    "ACL SETUSER {user} on >{password} resetkeys resetchannels"
    f" {_ALWAYS} {_READS} +subscribe +unsubscribe %R~catalog:* &catalog:moved:*"
)
"""What a user needs that only reads: the client, the service, ``plan``, ``drift`` and ``status``. Redis 7."""
WRITER_ACL = (
    "ACL SETUSER {user} on >{password} resetkeys resetchannels"
    f" {_ALWAYS} +get +set +del +exists +time +publish"
    " +hget +hmget +hgetall +hkeys +hlen +hset +hdel +lrange +llen +lindex"
    " ~catalog:meta ~catalog:version* ~catalog:label* ~catalog:skill* ~catalog:file ~catalog:generation"
    " ~catalog:inventory:* ~catalog:control:* ~catalog:lease:* &catalog:moved:*"
    " %R~catalog:event (+rpush ~catalog:event)"
)
"""What a user needs that syncs: the audit trail can be read and appended to, and nothing else. Redis 7."""
