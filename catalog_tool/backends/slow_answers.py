"""A bound for answers that come in drops: a time-out of one wait lets a byte in time go on for days."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

from catalog_tool.errors import TimedOutError

SLOWEST = 32 * 1024
"""Bytes a second: what comes faster than this may take as long as it takes."""


class Waited:
    """How much waiting one answer has left: ``seconds`` at first, and a second more for each ``SLOWEST`` bytes.

    It is never more than ``seconds``, so that what came fast does not pay for a trickle after it.
    """

    def __init__(self, seconds: float) -> None:
        self._most = self._left = seconds

    def is_over(self, waited: float, size: int) -> bool:
        """Whether it is too slow, after ``size`` more bytes for which one waited so many seconds."""
        self._left = min(self._most, self._left + size / SLOWEST - waited)
        return self._left < 0


def in_time(chunks: Iterable[bytes], seconds: float, place: str) -> Iterator[bytes]:
    """The chunks of an answer as they come. What the caller does between them does not count.

    Raises ``TimedOutError``, in words that follow ``place``, where they come too slowly.
    """
    waited, following, started = Waited(seconds), iter(chunks), time.monotonic()
    for chunk in following:
        if waited.is_over(time.monotonic() - started, len(chunk)):
            raise TimedOutError(f"{place} did not finish its answer in {seconds:g} s")
        yield chunk
        started = time.monotonic()
