"""Keeps the newest picture of the store in memory, and says whether it is still the newest.

One thread watches the origin. The event loop only ever reads ``current``, a reference that is replaced as a
whole. When the store is lost the last picture stays, ``is_ready`` turns false at once, and the thread
goes on asking.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from catalog_tool.errors import BackendError
from catalog_tool.server.holdings import EMPTY, Holdings
from catalog_tool.server.logs import log
from catalog_tool.server.origin import Origin

STALL_SECONDS = 2.0
"""A store that has said nothing for so long counts as lost, answer or no answer."""
_RETRY_SECONDS = 0.25


class Change(NamedTuple):
    """One prompt whose labels changed, as ``/v1/events`` tells it."""

    id: str
    generation: int


@dataclass(frozen=True, slots=True)
class Current:
    """One picture and what was computed from it so far (``answers``): replaced together, so never out of step."""

    holdings: Holdings
    answers: dict[Any, Any] = field(default_factory=dict)


Hear = Callable[[list[Change]], None]


class Keeper:
    """Watches one origin. ``start`` and ``close`` may be called once; ``hear`` is called from the thread."""

    def __init__(self, origin: Origin, hear: Hear, clock: Callable[[], float] = time.monotonic) -> None:
        self._origin = origin
        self._hear = hear
        self._clock = clock
        self._ending = threading.Event()
        self._reading = threading.Lock()
        self._thread = threading.Thread(target=self._watch, name="catalog-keeper", daemon=True)
        self._is_good = False
        self._beat_at = 0.0
        self.current = Current(EMPTY)
        self.reads = 0
        self.failures = 0
        self.read_at = 0.0

    @property
    def is_ready(self) -> bool:
        """Whether there is a picture, and the store answered just now."""
        return self._is_good and self._clock() - self._beat_at < STALL_SECONDS

    @property
    def place(self) -> str:
        """Where it comes from."""
        return self._origin.place

    def start(self) -> None:
        """Begin to watch; the first picture may be seconds away."""
        self._thread.start()

    def refresh(self) -> None:
        """Read now, in the caller's thread: after a write of our own. Raises ``BackendError``."""
        with self._reading:
            self._read()

    def close(self) -> None:
        """Stop watching; waits for a read that is going on."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)
        self._origin.close()

    def _beat(self) -> None:
        self._beat_at = self._clock()

    def _watch(self) -> None:
        while not self._ending.is_set():
            try:
                with self._reading:
                    if not self._is_good or self._origin.news(_RETRY_SECONDS):
                        self._read()
                self._beat()
            except BackendError as error:
                self._lost(error)
                self._ending.wait(_RETRY_SECONDS)

    def _lost(self, error: BackendError) -> None:
        self.failures += 1
        if self._is_good or self.failures == 1:
            log("store_lost", place=self._origin.place, error=error.message)
        self._is_good = False

    def _read(self) -> None:
        before = self.current.holdings
        found = self._origin.read(before, self._beat)
        self._beat()
        self.reads += 1
        self.read_at = time.time()
        was_good, self._is_good = self._is_good, True
        if found != before:
            self.current = Current(found)
            self._hear(changes(before, found))
        if not was_good:
            sizes = {"prompts": len(found.prompts), "skills": len(found.skills)}
            log("store_read", place=self._origin.place, sizes=sizes, damaged=sorted(found.damaged)[:20])


def changes(before: Holdings, after: Holdings) -> list[Change]:
    """The prompts whose labels are not what they were. Another store is another world: everything changed."""
    known: Mapping[str, Any] = before.prompts if before.store_id == after.store_id else {}
    found = [
        Change(name, held.generation)
        for name, held in after.prompts.items()
        if name not in known
        or known[name].generation != held.generation
        or known[name].label_values() != held.label_values()
    ]
    gone = before.prompts.keys() - after.prompts.keys()
    return found + [Change(name, before.prompts[name].generation) for name in sorted(gone)]
