"""What a target holds and what we remember on it (design §8): the values that cross the backend protocol."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple, TypeVar, get_type_hints

LEASE_SECONDS = 30
"""How long a lease holds without being renewed."""
RENEW_SECONDS = 10
"""How often its holder renews it."""


class Live(NamedTuple):
    """One object as it was read from a target.

    ``entry`` holds bytes of JSON: of a version its entry as in ``bundle.json``, of a label its value,
    of a skill its entry with the file list *computed from the contents that are stored*. A digest
    inside is a claim, never trusted. ``marker`` is the stored text, or None. ``since`` (ISO 8601) and
    ``by`` are the store's own word on the last change, or None.
    """

    address: str
    entry: bytes
    marker: str | None = None
    since: str | None = None
    by: str | None = None


class Applied(NamedTuple):
    """What we last wrote to an object: its digest (of a label: its value's canonical JSON) and its meta's digest."""

    digest: str
    meta: str = ""


class Write(NamedTuple):
    """One step on one object.

    * ``entry`` set: the object shall hold it (and ``contents``, a skill's files by path).
    * ``entry`` None and ``marker`` set: only marker and inventory change, the object stays.
    * both None, ``seen`` set: the object goes. Both None, ``seen`` None: only the inventory entry goes.

    ``seen`` is the entry that the plan saw (``Live.entry``), None for an absent object: a backend
    refuses the step where the object is neither that nor already what is wanted. ``applied`` is the
    inventory entry afterwards, None removes it. ``labels`` may go with a version that goes, where the
    store has no other way to remove them (``capabilities.labels_go_with_version``); steps of their own follow.
    """

    address: str
    seen: bytes | None
    entry: bytes | None = None
    contents: Mapping[str, bytes] | None = None
    modes: Mapping[str, str] | None = None
    marker: str | None = None
    applied: Applied | None = None
    labels: frozenset[str] = frozenset()


DONE = "done"
CHANGED = "changed"
FAILED = "failed"
UNCONFIRMED = "unconfirmed"


class Written(NamedTuple):
    """What came of a ``Write``: done, changed (somebody else was there first), failed or unconfirmed."""

    address: str
    outcome: str
    message: str | None = None


class Run(NamedTuple):
    """On whose behalf a write happens: the lease's token, who, why, and when (seconds since the epoch)."""

    token: str
    actor: str
    reason: str
    at: int


class Lease(NamedTuple):
    """Who may write. ``started`` is the start of the process, ``expires_at`` seconds since the epoch."""

    token: str
    holder: str
    host: str
    pid: int
    started: int
    expires_at: float = 0.0


_Stored = TypeVar("_Stored")
_LARGEST = 253_402_300_799
"""The last second of the year 9999: no time, count or process id of ours is larger."""


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and (value.isascii() or value.encode(errors="replace").decode() == value)


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value <= _LARGEST


_FITS: Mapping[Any, Callable[[Any], bool]] = {
    str: _is_text,
    str | None: lambda value: value is None or _is_text(value),
    int: _is_count,
    Any: lambda _: True,
    float: lambda value: type(value) in (int, float) and math.isfinite(value) and abs(value) <= _LARGEST,
    Mapping[str, int]: lambda value: isinstance(value, dict) and all(map(_is_count, value.values())),
}


@cache
def _types(kind: Any) -> Mapping[str, Any]:
    return get_type_hints(kind)


def restored(kind: type[_Stored], found: Mapping[str, Any]) -> _Stored:
    """A tuple of ours from what a store holds of it, which any hand may have changed.

    Raises ``TypeError`` for a field of another type, and for missing and unknown ones.
    """
    for name, expected in _types(kind).items():  # type: ignore[arg-type]  # a class has a hash
        if name in found and not _FITS[expected](found[name]):
            raise TypeError(f"{kind.__name__}: {name} is of another type")
    return kind(**found)


class LastSync(NamedTuple):
    """The last sync that finished: commit (None: no git), bundle digest, and when."""

    commit: str | None
    bundle: str
    finished_at: int


class Journal(NamedTuple):
    """A sync that began and has not finished: what it applies, and what it was allowed."""

    commit: str | None
    bundle: str
    plan_digest: str
    started_at: int
    allow: Mapping[str, int]


class Override(NamedTuple):
    """A live label move that a rollback made on purpose, until git catches up (design §1).

    ``value`` is the live value, ``desired`` what git said then, both canonical JSON; ``commit`` is where it said so.
    """

    value: str
    desired: str | None
    by: str
    reason: str
    at: int
    commit: str | None = None


class Restore(NamedTuple):
    """How often a label that drifted was put back on its own, and when last."""

    times: int
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """What a target remembers of us, beside the inventory; one small document.

    ``catalog`` is the id of the catalog that owns this target (with this prefix), None before the first sync.
    """

    catalog: str | None = None
    last: LastSync | None = None
    journal: Journal | None = None
    overrides: Mapping[str, Override]
    restores: Mapping[str, Restore]

    def to_json(self) -> dict[str, Any]:
        """The document as it is stored."""
        return {
            "format": 1,
            "catalog": self.catalog,
            "last": self.last._asdict() if self.last else None,
            "journal": {**self.journal._asdict(), "allow": dict(self.journal.allow)} if self.journal else None,
            "overrides": {address: found._asdict() for address, found in self.overrides.items()},
            "restores": {address: found._asdict() for address, found in self.restores.items()},
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any] | None) -> Control:
        """Read what ``to_json`` wrote; None is a target that was never synced. Raises ``ValueError``."""
        if document is None:
            return cls(overrides={}, restores={})
        try:
            if document["format"] > 1:
                raise ValueError(f"the target was written in format {document['format']} by a newer catalog-tool")
            catalog, last, journal = document["catalog"], document["last"], document["journal"]
            if catalog is not None and not isinstance(catalog, str):
                raise TypeError("the catalog is no text")
            return cls(
                catalog=catalog,
                last=restored(LastSync, last) if last is not None else None,
                journal=restored(Journal, journal) if journal is not None else None,
                overrides={address: restored(Override, found) for address, found in document["overrides"].items()},
                restores={address: restored(Restore, found) for address, found in document["restores"].items()},
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"the target's control document cannot be read: {error}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetState:
    """All that a target remembers of us. ``store_id`` was made when the store was (design §8)."""

    store_id: str
    control: Control
    inventory: Mapping[str, Applied]
    lease: Lease | None = None
