"""When a prompt is asked for again. Pure: seconds in, seconds out.

After a restart all clients ask at once, so the first refresh comes at any time within the interval
("full jitter"), and every later one within the last part of it. Nothing here ever waits longer than
the interval, which is what the propagation window promises.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

BACK_OFF_SECONDS = 1.0
"""What the first failure of a prompt that was never there costs."""
LONGEST_BACK_OFF_SECONDS = 30.0
"""Failures double the pause up to this, or up to the interval where that is longer."""
RETRY_AFTER_SECONDS = 300.0
"""The longest ``Retry-After`` that is honoured."""
POLL_WITHOUT_PUSH_SECONDS = 30.0
"""The interval while a stream is cut, where ``refresh_seconds`` is 0."""
PUSH_SPREAD_SECONDS = 0.2
"""Clients that hear the same news ask at any time within this."""


class Cadence(NamedTuple):
    """``interval`` in seconds, 0 for push only; ``jitter`` is the share of it that is left to chance, 0 to 1.

    ``confirm``: where push alone is wanted, how long the source may go without being asked all the same: a line
    on which nothing comes confirms nothing.
    """

    interval: float
    jitter: float
    uniform: Callable[[float, float], float]
    confirm: float = float("inf")

    def polling(self, *, pushing: bool) -> float:
        """The interval that holds now; infinite where push alone is wanted, works, and is enough."""
        if self.interval > 0:
            return self.interval
        return self.confirm if pushing else min(self.confirm, POLL_WITHOUT_PUSH_SECONDS)

    def first(self, *, pushing: bool) -> float:
        """Until the first refresh after a start."""
        interval = self.polling(pushing=pushing)
        return self.uniform(interval * (1 - self._full()), interval) if interval < float("inf") else interval

    def _full(self) -> float:
        return min(1.0, 2 * self.jitter)

    def later(self, *, pushing: bool) -> float:
        """Until the next refresh after one that worked."""
        interval = self.polling(pushing=pushing)
        return self.uniform(interval * (1 - self.jitter), interval) if interval < float("inf") else interval

    def after_failure(self, failures: int, retry_after: float | None, *, held: bool) -> float:
        """Until the next attempt after ``failures`` in a row.

        Where there is something to serve, the interval itself is gentle enough. A server's
        ``Retry-After`` is kept, up to five minutes, and chance added to it: everybody got the same.
        """
        start = max(self.interval, BACK_OFF_SECONDS) if held else BACK_OFF_SECONDS
        longest = max(self.interval, LONGEST_BACK_OFF_SECONDS)
        pause = min(longest, start * 2.0 ** min(failures - 1, 20))
        chance = self.uniform(pause * (1 - max(self.jitter, 0.5)), pause)
        if retry_after is None:
            return chance
        return min(retry_after, RETRY_AFTER_SECONDS) + self.uniform(0, pause)

    def retry(self, attempt: int) -> float:
        """Between attempts of one cold start: full jitter up to 50 ms, 100 ms, …"""
        return self.uniform(0, 0.05 * 2**attempt)

    def news(self) -> float:
        """From hearing of a change to asking for it."""
        return self.uniform(0, PUSH_SPREAD_SECONDS)

    def window(self, timeout: float, *, pushing: bool) -> float:
        """The longest that a change may take to arrive while the source answers, in seconds.

        One interval, the fetch that just missed the change, and the fetch that brings it.
        """
        interval = self.polling(pushing=pushing)
        return (PUSH_SPREAD_SECONDS if interval == float("inf") else interval) + 2 * timeout


def retry_after_seconds(header: str | None, now: float) -> float | None:
    """The ``Retry-After`` header (RFC 9110 §10.2.3) in seconds from ``now``, at most five minutes.

    None for no header and for what is neither whole seconds nor a date; what is past is 0.
    """
    if header is None:
        return None
    text = header.strip()
    if text.isascii() and text.removeprefix("-").isdigit():
        # A negative or an absurdly long number says no more than "now" or "late".
        seconds = 0.0 if text.startswith("-") else float(text[:12])
        return min(seconds, RETRY_AFTER_SECONDS)
    from email.utils import parsedate_to_datetime  # the one caller that needs it is a server's odd answer

    try:
        at = parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(0.0, at - now), RETRY_AFTER_SECONDS)
