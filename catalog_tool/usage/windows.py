"""The time that is looked at. Inside this package times are whole nanoseconds since the epoch, as in OTLP."""

from __future__ import annotations

import re
from typing import NamedTuple

from catalog_tool.errors import UsageError

SECOND = 1_000_000_000
DAY = 86_400 * SECOND
DATED = 10**18
"""Nanoseconds (September 2001) before which no agent ran: what says so tells no time, or tells it in another unit."""
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
LONGEST_DAYS = 3660
_DURATION = re.compile(r"([0-9]{1,9})([smhdw])", re.ASCII)


class Window(NamedTuple):
    """What counts: from ``start`` (not included) to ``end``; stale is what was last used before ``fresh``."""

    start: int
    end: int
    fresh: int

    @property
    def seconds(self) -> int:
        """Its length."""
        return (self.end - self.start) // SECOND

    @property
    def days(self) -> int:
        """Days it touches, counted back from its end; the last may be shorter."""
        return -(-(self.end - self.start) // DAY)

    def has(self, time: int) -> bool:
        """Whether an event at ``time`` counts."""
        return self.start < time <= self.end

    def day(self, time: int) -> int:
        """Which day of the window an event falls into: 0 is the oldest, ``days - 1`` the one that ends now."""
        return self.days - 1 - (self.end - time) // DAY


def window_of(since: str, stale_after: str, now: int) -> Window:
    """The window that ends at ``now`` (seconds). Raises ``UsageError`` unless ``since`` is the longer one."""
    length, stale = duration("--since", since), duration("--stale-after", stale_after)
    if length <= stale:
        raise UsageError(
            f"--since {since} is not longer than --stale-after {stale_after}",
            hint="what was last used before the stale window must still be seen: try --since 90d",
        )
    end = now * SECOND
    return Window(end - length * SECOND, end, end - stale * SECOND)


def duration(option: str, text: str) -> int:
    """Seconds for ``<n>`` with s, m, h, d or w. Raises ``UsageError`` for anything else, zero, or above ten years."""
    found = _DURATION.fullmatch(text)
    seconds = int(found[1]) * UNITS[found[2]] if found else 0
    if not 0 < seconds <= LONGEST_DAYS * UNITS["d"]:
        raise UsageError(f"{option} {text[:40]!r} is not a duration", hint="write a number with s, m, h, d or w: 30d")
    return seconds


def query_duration(seconds: int) -> str:
    """A duration as LogQL and PromQL write it, in the largest unit that fits: ``45d``, ``6h``, ``90s``."""
    for unit in ("d", "h", "m"):
        if seconds % UNITS[unit] == 0:
            return f"{seconds // UNITS[unit]}{unit}"
    return f"{seconds}s"
