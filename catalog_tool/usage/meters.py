"""Cost and tokens from counters: OTLP sums, delta or cumulative, one series a session."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from catalog_tool.usage.windows import DATED, Window

COST = "cost"
"""The key of money, in US dollars, among the kinds of tokens."""


@dataclass(slots=True, kw_only=True)
class Spending:
    """What was spent under one name. ``amounts``: money under ``COST``, tokens under their kind. ``last`` in ns."""

    amounts: dict[str, float] = field(default_factory=dict)
    last: int | None = None

    @property
    def cost(self) -> float | None:
        """US dollars; None where no counter told."""
        return self.amounts.get(COST)

    @property
    def tokens(self) -> dict[str, float]:
        """Tokens by kind."""
        return {kind: amount for kind, amount in sorted(self.amounts.items()) if kind != COST}

    def add(self, kind: str, amount: float, time: int | None = None) -> None:
        """Add an amount; ``time`` is when it was seen. A counter told again without having grown shows no use."""
        self.amounts[kind] = self.amounts.get(kind, 0.0) + amount
        if time is not None and amount > 0 and (self.last is None or time > self.last):
            self.last = time

    def take(self, other: Spending) -> None:
        """Add all of another name of the same skill."""
        for kind, amount in other.amounts.items():
            self.add(kind, amount, other.last)


Spendings = dict[str, Spending]
"""Name → what was spent under it; the empty name is work outside any skill."""


class _Run:
    """Points of one counter since one start, as they came: each later than the one before.

    ``grown`` is what came after the first point, inside the window, and ``seen`` when that last grew.
    """

    __slots__ = ("began_again", "first", "grown", "last", "opened", "seen", "value")

    def __init__(self, time: int, value: float) -> None:
        self.first = self.last = time
        self.opened = self.value = value
        self.grown = 0.0
        self.seen: int | None = None
        self.began_again = 0

    def go_on(self, time: int, value: float, window: Window) -> None:
        """Take a point that is later than the last one."""
        grown = _growth(self.value, value)
        self.began_again += value < self.value
        self.last, self.value = time, value
        if window.has(time):
            self.grown += grown
            if grown > 0:
                self.seen = time


class Meter:
    """Reads the points of counters, each once, and adds up what they say inside the window.

    In which order points come changes nothing: files are named in any, and collectors try again. A counter that
    has another start is another counter, for an agent whose session is resumed counts from zero.
    """

    def __init__(self, window: Window) -> None:
        self._window = window
        self._deltas: set[int] = set()
        self._added: Spendings = {}
        self._counters: dict[tuple[str, str], dict[int, list[_Run]]] = {}
        self._starts: dict[int, int] = {}
        self._resumed: set[int] = set()

    def delta(self, name: str, kind: str, series: object, time: int, value: float) -> None:
        """A point that says how much came since the last one."""
        point = hash((name, kind, series, time))
        if _sane(value) and self._window.has(time) and point not in self._deltas:
            self._deltas.add(point)
            self._added.setdefault(name, Spending()).add(kind, value, time)

    def cumulative(self, name: str, kind: str, series: object, start: int, time: int, value: float) -> None:
        """A point that says how much there was since ``start``; a counter that began again is added to."""
        if not _sane(value) or time < DATED:
            return
        counters = self._counters.setdefault((name, kind), {})
        runs = counters.get(hash((series, start)))
        if runs is None:
            counters[hash((series, start))] = [_Run(time, value)]
            counter = hash((name, kind, series))
            if self._starts.setdefault(counter, start) != start:
                self._resumed.add(counter)
            return
        # The newest run comes first. One that began before this point takes it, unless it went past it: told again.
        place = 0 if time > runs[0].last else bisect_left(runs, -time, key=lambda run: -run.first)
        if place == len(runs):
            runs.append(_Run(time, value))
        elif time > runs[place].last:
            runs[place].go_on(time, value, self._window)

    @property
    def began_again(self) -> int:
        """How often a counter began again inside a session."""
        falls = sum(
            sum(run.began_again for run in runs) + sum(late.opened < early.value for late, early in pairwise(runs))
            for counters in self._counters.values()
            for runs in counters.values()
        )
        return falls + len(self._resumed)

    def spendings(self) -> Spendings:
        """What all points say together."""
        found = {name: Spending(amounts=dict(held.amounts), last=held.last) for name, held in self._added.items()}
        for (name, kind), counters in self._counters.items():
            for runs in counters.values():
                for amount, time in self._grown(runs):
                    found.setdefault(name, Spending()).add(kind, amount, time)
        return found

    def _grown(self, runs: Sequence[_Run]) -> Iterator[tuple[float, int | None]]:
        """What a counter grew by inside the window, and when that was last seen."""
        before = 0.0
        for run in reversed(runs):
            if self._window.has(run.first):
                yield _growth(before, run.opened), run.first
            if run.seen is not None:
                yield run.grown, run.seen
            before = run.value


def _growth(before: float, value: float) -> float:
    """By how much a counter grew; all of it where it began again."""
    return value - before if value >= before else value


def _sane(value: float) -> bool:
    return math.isfinite(value) and value >= 0


def combined(first: Spendings, second: Spendings) -> Spendings:
    """Two sources' word on the same sessions: of each amount the larger, for either may have missed some."""
    found: Spendings = {}
    for name in [*first, *(name for name in second if name not in first)]:
        one, two = first.get(name, Spending()), second.get(name, Spending())
        kinds = [*one.amounts, *(kind for kind in two.amounts if kind not in one.amounts)]
        amounts = {kind: max(one.amounts.get(kind, 0.0), two.amounts.get(kind, 0.0)) for kind in kinds}
        last = max((time for time in (one.last, two.last) if time is not None), default=None)
        found[name] = Spending(amounts=amounts, last=last)
    return found
