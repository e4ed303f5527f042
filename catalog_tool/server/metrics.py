"""Counters of all workers in one shared file, and the Prometheus text of their sums.

Every worker owns one row of 64-bit floats in a mapped file, so that counting costs no lock and a scrape, which
one worker answers, tells of all. The set of series is fixed: routes × status classes, and a few more. Nothing
from a request ever becomes a label. The first byte of the file says that the service is draining.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import time
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from pathlib import Path

BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
"""Upper bounds of the histogram of durations, in seconds."""
CLASSES = ("2xx", "3xx", "4xx", "5xx")
ROWS = 128
"""Workers that one service may start, those that were started anew included."""
_HEAD = 64
GAUGES = (
    "reads",
    "read_failures",
    "ready",
    "read_at",
    "prompts",
    "skills",
    "damaged",
    "streams",
    "label_moves",
    "seen",
)
SEEN_SECONDS = 5.0
"""A worker that has not said for so long that it lives is not counted by gauges; what it counted stays."""
_GAUGE_WORDS = {
    "reads": ("counter", "catalog_store_reads_total", "Pictures of the store that were read."),
    "read_failures": ("counter", "catalog_store_failures_total", "Times the store could not be asked."),
    "ready": ("gauge", "catalog_ready_workers", "Workers that hold a picture and reach the store."),
    "read_at": ("gauge", "catalog_store_read_seconds", "When the oldest picture was read, since the epoch."),
    "prompts": ("gauge", "catalog_prompts", "Prompts that are held."),
    "skills": ("gauge", "catalog_skills", "Skills that are held."),
    "damaged": ("gauge", "catalog_damaged_objects", "Stored objects that are not what they claim."),
    "streams": ("gauge", "catalog_event_streams", "Open streams of events."),
    "label_moves": ("counter", "catalog_label_moves_total", "Labels moved by this API."),
}
_UNSHOWN = "seen"
_OF_ALL = {"prompts": max, "skills": max, "damaged": max, "read_at": min}
"""How the workers' values are made one, where that is not the sum."""


class Board:
    """The shared file, mapped. ``routes`` are the names of all routes, in one order everywhere."""

    def __init__(self, path: Path, routes: Sequence[str]) -> None:
        self._routes = {name: number for number, name in enumerate(routes)}
        self._per_route = len(CLASSES) + len(BOUNDS) + 2
        self._width = len(routes) * self._per_route + len(GAUGES)
        size = _HEAD + ROWS * self._width * 8
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if os.fstat(handle).st_size < size:
                os.ftruncate(handle, size)
            self._map = mmap.mmap(handle, size)
            self._handle = os.dup(handle)
        finally:
            os.close(handle)
        self._cells = memoryview(self._map)[_HEAD:].cast("d")
        self._row = 0

    def claim(self) -> None:
        """Take the next row for this process; the last one is shared, should there ever be more."""
        fcntl.flock(self._handle, fcntl.LOCK_EX)
        try:
            taken = int.from_bytes(self._map[8:16], "little")
            self._map[8:16] = (taken + 1).to_bytes(8, "little")
        finally:
            fcntl.flock(self._handle, fcntl.LOCK_UN)
        self._row = min(taken, ROWS - 1) * self._width
        self.seen(time.time())

    @property
    def is_draining(self) -> bool:
        """Whether the service was asked to end."""
        return self._map[0] != 0

    def drain(self) -> None:
        """Say to every worker that the service ends soon."""
        self._map[0] = 1

    def count(self, route: str, status: int, seconds: float) -> None:
        """One request that was answered."""
        start = self._row + self._routes[route] * self._per_route
        cells = self._cells
        cells[start + min(max(status // 100, 2), 5) - 2] += 1
        start += len(CLASSES)
        cells[start + bisect_left(BOUNDS, seconds)] += 1
        cells[start + len(BOUNDS) + 1] += seconds

    def gauge(self, name: str, value: float) -> None:
        """Set one of ``GAUGES`` of this worker."""
        self._cells[self._row + len(self._routes) * self._per_route + GAUGES.index(name)] = value

    def seen(self, now: float) -> None:
        """Say that this worker lives; ``now`` in seconds since the epoch."""
        self.gauge(_UNSHOWN, now)

    def add(self, name: str, value: float) -> None:
        """Raise one of ``GAUGES`` of this worker."""
        self._cells[self._row + len(self._routes) * self._per_route + GAUGES.index(name)] += value

    def text(self, now: float) -> str:
        """Everything, in Prometheus' text format 0.0.4; ``now`` in seconds since the epoch."""
        return "\n".join([*self._requests(), *self._durations(), *self._gauges(now)]) + "\n"

    def _rows(self) -> range:
        taken = min(max(int.from_bytes(self._map[8:16], "little"), 1), ROWS)
        return range(0, taken * self._width, self._width)

    def _sum(self, offset: int) -> float:
        return sum(self._cells[row + offset] for row in self._rows())

    def _requests(self) -> Iterator[str]:
        yield "# HELP catalog_requests_total Requests that were answered."
        yield "# TYPE catalog_requests_total counter"
        for route, number in self._routes.items():
            for place, status in enumerate(CLASSES):
                if value := self._sum(number * self._per_route + place):
                    yield f'catalog_requests_total{{route="{route}",status="{status}"}} {value:.0f}'

    def _durations(self) -> Iterator[str]:
        yield "# HELP catalog_request_seconds How long requests took, until the last byte was handed over."
        yield "# TYPE catalog_request_seconds histogram"
        for route, number in self._routes.items():
            start = number * self._per_route + len(CLASSES)
            counts = [self._sum(start + place) for place in range(len(BOUNDS) + 1)]
            if not sum(counts):
                continue
            below = 0.0
            for bound, value in zip((*map(str, BOUNDS), "+Inf"), counts, strict=True):
                below += value
                yield f'catalog_request_seconds_bucket{{route="{route}",le="{bound}"}} {below:.0f}'
            yield f'catalog_request_seconds_sum{{route="{route}"}} {self._sum(start + len(BOUNDS) + 1):.6f}'
            yield f'catalog_request_seconds_count{{route="{route}"}} {below:.0f}'

    def _gauges(self, now: float) -> Iterator[str]:
        start = len(self._routes) * self._per_route
        seen = start + GAUGES.index(_UNSHOWN)
        living = [row for row in self._rows() if now - self._cells[row + seen] < SEEN_SECONDS]
        for name, (kind, metric, words) in _GAUGE_WORDS.items():
            place = start + GAUGES.index(name)
            values = [self._cells[row + place] for row in (living if kind == "gauge" else self._rows())]
            value = _OF_ALL[name]([found for found in values if found] or [0.0]) if name in _OF_ALL else sum(values)
            yield f"# HELP {metric} {words}"
            yield f"# TYPE {metric} {kind}"
            yield f"{metric} {value:.0f}"
