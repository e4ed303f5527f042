"""Progress of long work, for people at a terminal only."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable

PATIENCE = 1.0
"""Seconds before anything is shown: most runs are over by then."""
EVERY = 0.1
"""Seconds between two updates."""
_CLEAR = "\r\x1b[K"

Progress = Callable[[int, int], None]
"""Called with how much is done and how much there is."""


def progress(what: str) -> Progress | None:
    """A counter on stderr that wipes itself at the end; None where nobody watches (pipes, CI)."""
    if not sys.stderr.isatty() or os.environ.get("CI") or os.environ.get("TERM") == "dumb":
        return None
    shown = time.monotonic() + PATIENCE - EVERY

    def show(done: int, total: int) -> None:
        nonlocal shown
        if done >= total:
            sys.stderr.write(_CLEAR)
        elif time.monotonic() - shown >= EVERY:
            shown = time.monotonic()
            sys.stderr.write(f"{_CLEAR}{what}: {done:,} of {total:,}")
        sys.stderr.flush()

    return show
