"""One reader of ``/v1/events``: what it has not been sent yet.

Changes come in bursts, one for each picture of the store; a bundle that is built anew may change every prompt at
once. A burst is shared by all readers, so that the largest one costs each of them a reference.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from catalog_tool.server.keeper import Change

QUEUED_CHANGES = 1000
"""So many changes unread, and the next burst cuts a reader's stream: it does not read."""
Burst = Sequence[Change]


class Stream:
    """Belongs to the event loop."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Burst | None] = asyncio.Queue()
        self._behind = 0

    def offer(self, burst: Burst) -> bool:
        """Take the newest changes; False where the reader is too far behind: it is cut, and will read all anew."""
        if self._behind >= QUEUED_CHANGES:
            while not self._queue.empty():
                self._queue.get_nowait()
            self.end()
            return False
        self._behind += len(burst)
        self._queue.put_nowait(burst)
        return True

    def end(self) -> None:
        """No more changes after those that wait."""
        self._queue.put_nowait(None)

    async def next(self, seconds: float) -> Burst | None:
        """The oldest changes that wait, none after so many seconds without any; None at the end."""
        try:
            burst = await asyncio.wait_for(self._queue.get(), seconds)
        except TimeoutError:
            return ()
        self._behind -= len(burst or ())
        return burst
