"""The audit trail of label moves: append-only, each event chained to the one before it.

``hash`` = sha256 over the canonical JSON of the event's other fields and the hash before it, so an
event that was edited, dropped or moved breaks the chain at a place that can be named. A tail that
was cut off or hashed anew shows only against a head that was written down elsewhere: see ``verify``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from catalog_tool.backends.base import LabelEvent
from catalog_tool.canonical.jcs import NotCanonicalError, digest_of
from catalog_tool.model.target import Run

GENESIS = "sha256:" + "0" * 64
"""The hash before the first event."""


class Move(NamedTuple):
    """A label's change: values as JSON, None for none; ``generation`` is the one it makes."""

    name: str
    label: str
    before: Any
    after: Any
    generation: int


def chained(previous: LabelEvent | None, move: Move, run: Run) -> LabelEvent:
    """The event of a move, chained to the last one (None: it is the first)."""
    seq = previous.seq + 1 if previous is not None else 1
    event = LabelEvent(seq, run.at, run.actor, run.reason, *move, hash="")
    return event._replace(hash=_hash(event, previous.hash if previous is not None else GENESIS))


def _hash(event: LabelEvent, before: str) -> str:
    return digest_of({**event._asdict(), "hash": before})


def _is_as_written(event: LabelEvent, before: str) -> bool:
    try:
        return event.hash == _hash(event, before)
    except NotCanonicalError:  # somebody put in what we would never have written
        return False


def verify(events: Iterable[LabelEvent], head: LabelEvent | None = None) -> str | None:
    """What is wrong with a trail, oldest event first: a sentence, or None.

    ``head`` is an event that was written down earlier, elsewhere: it must still be in the trail as it was.
    """
    before, expected, found_head = GENESIS, 1, head is None
    generations: dict[str, int] = {}
    for event in events:
        if event.seq != expected:
            return f"event {expected} is missing: {event.seq} follows"
        if not _is_as_written(event, before):
            return f"event {event.seq} ({event.name}@{event.label}) is not what was written"
        if event.generation != generations.get(event.name, 0) + 1:
            return f"event {event.seq}: generation {event.generation} of {event.name} does not follow"
        if head is not None and event.seq == head.seq:
            if event.hash != head.hash:
                return f"event {event.seq} was written anew: its hash is not the one noted earlier"
            found_head = True
        generations[event.name] = event.generation
        before, expected = event.hash, expected + 1
    return None if found_head or head is None else f"event {head.seq} is missing at the end"
