"""What a client says of itself, as values."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple

from catalog_tool.client.wanted import Wanted

COUNTERS = (
    "fetches",  # attempts to read the source
    "updates",  # answers that brought something new
    "unchanged",  # answers that said "as before"
    "retries",  # attempts after the first of a cold start
    "failures",  # attempts that brought no answer
    "bad_answers",  # answers refused: digest, shape, size, version
    "older_answers",  # answers of a replica that lags behind
    "not_found",  # answers that there is no such prompt, version or label
    "access_refused",  # 401 and 403
    "fallbacks",  # gets that returned the caller's fallback
    "stale_refused",  # gets refused because of max_stale_seconds
    "stale_served",  # gets beyond max_stale_seconds that were served all the same (on_stale="alarm")
    "last_good_served",  # prompts that came from disk
    "last_good_refused",  # files on disk that were corrupt or another's
    "last_good_failed",  # files that could not be written
    "push_news",  # changes that the source told of
    "push_cuts",  # times the stream was cut
    "forks",  # times this process was a fork's child
    "samples_written",
    "samples_dropped",  # the queue was full
    "samples_failed",  # copying, redacting or writing did not work
)
"""Every counter, in the order ``status`` shows them."""


class Counters:
    """Numbers that only grow. Reading them never waits."""

    __slots__ = ("_lock", "_numbers")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers = dict.fromkeys(COUNTERS, 0)

    def add(self, name: str, number: int = 1) -> None:
        """Count; ``name`` is one of ``COUNTERS``."""
        with self._lock:
            self._numbers[name] += number

    def snapshot(self) -> Mapping[str, int]:
        """All of them now."""
        return MappingProxyType(dict(self._numbers))

    def forked(self) -> None:
        """The lock may have been held by a thread that this process does not have."""
        self._lock = threading.Lock()


SourceKind = Literal["live", "last_good", "none"]


class PromptStatus(NamedTuple):
    """One prompt that a client keeps.

    ``source``: ``live`` was confirmed by the source in this process, ``last_good`` comes from disk.
    ``age_seconds``: since the source last confirmed it. ``stale``: longer ago than the propagation
    window allows, unless an open line alone tells of changes. ``missing``: the source says it is gone, and
    the last good one is served.
    """

    wanted: Wanted
    version_id: str | None
    source: SourceKind
    age_seconds: float | None
    stale: bool
    missing: bool
    failures: int
    trouble: str | None


class Status(NamedTuple):
    """A client now. ``source`` and ``age_seconds`` are the worst of all prompts.

    ``window_seconds``: the longest that a change takes to arrive while the source answers.
    """

    place: str
    source: SourceKind
    age_seconds: float | None
    window_seconds: float
    pushing: bool
    stale: bool
    prompts: tuple[PromptStatus, ...]
    counters: Mapping[str, int]


def worst(prompts: tuple[PromptStatus, ...]) -> tuple[SourceKind, float | None]:
    """The least trustworthy source among prompts that are held, and the highest age."""
    held = [prompt for prompt in prompts if prompt.source != "none"]
    if not held:
        return "none", None
    kind: SourceKind = "last_good" if any(prompt.source == "last_good" for prompt in held) else "live"
    return kind, max(prompt.age_seconds or 0.0 for prompt in held)
