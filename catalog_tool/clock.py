"""The one place that asks what time it is, so that a test or ``SOURCE_DATE_EPOCH`` can answer.

Times in our files are ISO 8601 UTC, whole seconds, ``Z`` (design §6).
"""

from __future__ import annotations

import os
import time


def now() -> int:
    """Seconds since the epoch: ``SOURCE_DATE_EPOCH`` where it is set to digits, else the clock."""
    fixed = os.environ.get("SOURCE_DATE_EPOCH", "")
    return int(fixed) if fixed.isascii() and fixed.isdigit() else int(time.time())


def iso(seconds: int) -> str:
    """``2026-03-03T14:00:00Z`` for seconds since the epoch."""
    moment = time.gmtime(seconds)
    return f"{moment.tm_year:04d}{time.strftime('-%m-%dT%H:%M:%SZ', moment)}"  # C's %Y has no leading zeros everywhere
