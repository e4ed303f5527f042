"""Keeps the newest picture of the store in memory, and says whether it is still the newest.

One thread watches the origin. The event loop only ever reads ``current``, a reference that is replaced as a
whole. When the store is lost the last picture stays, ``is_ready`` turns false at once, and the thread
goes on asking. So it does after an error that nobody foresaw: nothing but ``close`` ends it.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from catalog_tool.errors import BackendError, UnavailableError
from catalog_tool.server.holdings import EMPTY, HeldPrompt, Holdings
from catalog_tool.server.logs import log, log_failure
from catalog_tool.server.origin import Origin

STALL_SECONDS = 2.0
"""A store that has said nothing for so long, and for three polls, counts as lost, answer or no answer."""
REFRESH_SECONDS = 30.0
RARE = 10_000
"""How many answers are kept that any reader can make more of."""
_LISTEN_SECONDS = 0.5
_DEAF_SECONDS = 30.0
"""How long a listener that failed in a way of its own is left alone; polling finds meanwhile what it would hear."""


class Change(NamedTuple):
    """One prompt whose labels changed, as ``/v1/events`` tells it."""

    id: str
    generation: int


@dataclass(frozen=True, slots=True)
class Current:
    """One picture and what was computed from it so far (``answers``): replaced together, so never out of step.

    ``rare`` are those keys of ``answers`` of which there may be any number; the oldest go for new ones.
    """

    holdings: Holdings
    answers: dict[Any, Any] = field(default_factory=dict)
    rare: deque[Any] = field(default_factory=deque)

    def keep_rare(self, key: Any, answer: Any) -> None:
        """Keep an answer to a question that its caller made up (an order of labels), among ``RARE`` at most."""
        if key in self.answers:
            return
        if len(self.rare) >= RARE:
            self.answers.pop(self.rare.popleft(), None)
        self.rare.append(key)
        self.answers[key] = answer


Hear = Callable[[list[Change]], None]


class Keeper:
    """Watches one origin. ``start`` and ``close`` may be called once; ``hear`` is called from the thread."""

    def __init__(self, origin: Origin, hear: Hear, clock: Callable[[], float] = time.monotonic) -> None:
        self._origin = origin
        self._hear = hear
        self._clock = clock
        self._poll = origin.pace.poll
        self._patience = max(STALL_SECONDS, 3 * self._poll)
        self._ending = threading.Event()
        self._wake = threading.Event()
        self._turns = threading.Condition()
        self._asked = self._answered = 0
        self._hints: set[str] = set()
        self._error: BackendError | None = None
        self._threads = [
            threading.Thread(target=self._watch, name="catalog-keeper", daemon=True),
            threading.Thread(target=self._listen, name="catalog-listener", daemon=True),
        ]
        self._is_good = False
        self._trouble = ""
        self._beat_at = 0.0
        self._took = 0.0
        self.current = Current(EMPTY)
        self.reads = 0
        self.failures = 0
        self.read_at = 0.0

    @property
    def is_ready(self) -> bool:
        """Whether there is a picture, and the store answered just now."""
        return self._is_good and self._clock() - self._beat_at < self._patience

    @property
    def place(self) -> str:
        """Where it comes from."""
        return self._origin.place

    def start(self) -> None:
        """Begin to watch; the first picture may be seconds away."""
        for thread in self._threads:
            thread.start()

    def poke(self) -> None:
        """Something changed: look soon."""
        self._wake.set()

    def refresh(self, hints: Collection[str] = ()) -> None:
        """Wait until all that was in the store at this call has been read. Raises ``BackendError``.

        ``hints`` are addresses that the caller has just written.
        """
        with self._turns:
            self._hints.update(hints)
            self._asked += 1
            mine = self._asked
            self._wake.set()
            done = self._turns.wait_for(lambda: self._answered >= mine, timeout=REFRESH_SECONDS)
            error = self._error
        if not done:
            raise UnavailableError(f"{self.place} was not read in time")
        if error is not None:
            raise error

    def close(self) -> None:
        """Stop watching; waits for a read that is going on."""
        self._ending.set()
        self._wake.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(timeout=10)
        self._origin.close()

    def _listen(self) -> None:
        listener = self._origin.listener
        if listener is None:
            return
        while not self._ending.is_set():
            try:
                if listener.wait(_LISTEN_SECONDS):
                    self._wake.set()
            except Exception as error:  # noqa: BLE001 - the boundary of a thread: deaf for good would be told by nobody
                log_failure(error, thread="listener", place=self.place)
                self._ending.wait(_DEAF_SECONDS)
        listener.close()

    def _watch(self) -> None:
        while not self._ending.is_set():
            if woken := self._wake.is_set():
                self._wake.clear()
            with self._turns:
                turn, hints = self._asked, frozenset(self._hints)
                self._hints.clear()
            try:
                if woken or turn != self._answered or not self._is_good or self._origin.has_news():
                    self._read(hints)
                self._beat()
                self._answer(turn, None)
            except BackendError as error:
                self._lost(error)
                self._answer(turn, error)
            except Exception as error:  # noqa: BLE001 - the boundary of a thread: ended, it leaves old prompts for good
                self._failed(error)
                self._answer(turn, BackendError(f"{self.place} cannot be taken over: the service failed"))
            self._rest()

    def _rest(self) -> None:
        """Until the next look: no longer than a poll, and no shorter than reading takes, unless somebody waits."""
        breath = min(2 * self._took, self._poll) if self._asked == self._answered else 0.0
        self._ending.wait(breath)
        self._wake.wait(self._poll - breath)

    def _answer(self, turn: int, error: BackendError | None) -> None:
        with self._turns:
            self._answered, self._error = turn, error
            self._turns.notify_all()

    def _beat(self) -> None:
        self._beat_at = self._clock()

    def _lost(self, error: BackendError) -> None:
        if self._is_new("lost"):
            log("store_lost", place=self.place, error=error.message)

    def _failed(self, error: Exception) -> None:
        if self._is_new("failed"):
            log_failure(error, thread="keeper", place=self.place)

    def _is_new(self, trouble: str) -> bool:
        """Not ready any more; whether this trouble is another than the last look's, and so worth a line."""
        self.failures += 1
        self._is_good = False
        before, self._trouble = self._trouble, trouble
        return trouble != before

    def _read(self, hints: Collection[str]) -> None:
        before, started = self.current.holdings, self._clock()
        found = self._origin.read(before, self._beat, hints)
        self._beat()
        self._took = self._clock() - started
        self.reads += 1
        self.read_at = time.time()
        was_good, self._is_good, self._trouble = self._is_good, True, ""
        if found != before:
            self.current = Current(found)
            self._hear(changes(before, found))
        if not was_good:
            sizes = {"prompts": len(found.prompts), "skills": len(found.skills)}
            log("store_read", place=self.place, sizes=sizes, damaged=sorted(found.damaged)[:20])


def changes(before: Holdings, after: Holdings) -> list[Change]:
    """The prompts whose labels do not give what they gave.

    Another store is another world: everything changed. Not so another bundle, which has nothing but its content.
    """
    is_comparable = before.store_id == after.store_id or (before.is_bundle and after.is_bundle)
    known: Mapping[str, HeldPrompt] = before.prompts if is_comparable else {}
    found = [
        Change(name, held.generation)
        for name, held in after.prompts.items()
        if name not in known or known[name].generation != held.generation or known[name].gives() != held.gives()
    ]
    gone = before.prompts.keys() - after.prompts.keys()
    return found + [Change(name, before.prompts[name].generation) for name in sorted(gone)]
