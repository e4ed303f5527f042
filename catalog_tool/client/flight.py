"""One fetch under way, and everybody who waits for it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from typing import TypeVar

from catalog_tool.client.errors import ClientError

T = TypeVar("T")
Steps = Generator[tuple["Flight", float], None, T]
"""The slow way through ``get``: yields what to wait for and how long, and returns the result."""


class Flight:
    """A single fetch; ``error`` says how it ended, None for well. ``started`` is monotonic."""

    __slots__ = ("_callbacks", "_done", "_lock", "error", "heard", "started")

    def __init__(self, started: float) -> None:
        self.started = started
        self.heard = False
        self.error: ClientError | None = None
        self._done = threading.Event()
        self._lock = threading.Lock()
        self._callbacks: list[Callable[[], None]] = []

    def wait(self, seconds: float) -> None:
        """Until it has landed, at most so long."""
        self._done.wait(seconds)

    def on_done(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` when it has landed: in the thread that fetched, or at once."""
        with self._lock:
            if not self._done.is_set():
                self._callbacks.append(callback)
                return
        callback()

    def finish(self, error: ClientError | None) -> None:
        """It has landed."""
        self.error = error
        with self._lock:
            self._done.set()
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()


def run_steps(steps: Steps[T]) -> T:
    """Drive the steps by blocking this thread."""
    try:
        while True:
            flight, seconds = next(steps)
            flight.wait(seconds)
    except StopIteration as done:
        result: T = done.value
        return result
