"""Time as the engine sees it: one clock and one way to wait, so that a test can be both."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from catalog_tool.errors import TimedOutError, UnavailableError

T = TypeVar("T")

TRIES = 5
"""How often one call is made before it counts as failed."""
TIME_OUTS = 2
"""How often one call may end in silence: who is silent for all its time twice is not busy for a moment."""
FIRST_PAUSE_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 20.0
LONGEST_WAIT_SECONDS = 300.0
"""What a server may ask for with Retry-After; it is believed up to this."""


class Timing(NamedTuple):
    """``now`` gives seconds since the epoch, ``steady`` seconds of a clock that never jumps."""

    now: Callable[[], float] = time.time
    steady: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    jitter: Callable[[], float] = random.random


SYSTEM = Timing()


def persistently(timing: Timing, call: Callable[[], T]) -> T:
    """Make a call that may be repeated until it answers: full jitter, or as long as the server asked.

    Raises the last ``UnavailableError``; everything else at once.
    """
    time_outs = 0
    for attempt in range(TRIES - 1):
        try:
            return call()
        except UnavailableError as error:
            time_outs += isinstance(error, TimedOutError)
            if time_outs == TIME_OUTS:
                raise
            pause = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0**attempt) * timing.jitter()
            if error.retry_after is not None:
                pause += min(error.retry_after, LONGEST_WAIT_SECONDS)
            timing.sleep(pause)
    return call()
