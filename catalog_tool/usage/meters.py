"""Cost and tokens from counters: OTLP sums, delta or cumulative, one series a session."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from catalog_tool.usage.windows import Window

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


class Meter:
    """Reads the points of counters, each once, and adds up what they say inside the window."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._deltas: set[int] = set()
        self._series: dict[int, tuple[int, int, float]] = {}
        self.spendings: Spendings = {}
        self.resets = 0

    def delta(self, name: str, kind: str, series: object, time: int, value: float) -> None:
        """A point that says how much came since the last one."""
        point = hash((name, kind, series, time))
        if _sane(value) and self._window.has(time) and point not in self._deltas:
            self._deltas.add(point)
            self._spend(name, kind, value, time)

    def cumulative(self, name: str, kind: str, series: object, start: int, time: int, value: float) -> None:
        """A point that says how much there was since ``start``; a counter that began again is added to."""
        if not _sane(value):
            return
        key = hash((name, kind, series))
        known = self._series.get(key)
        if known is None:
            grown = value
        else:
            old_start, old_time, old_value = known
            if start < old_start or (start == old_start and time <= old_time):
                return  # told again, or overtaken on the way
            began_again = start > old_start or value < old_value
            self.resets += value < old_value
            grown = value if began_again else value - old_value
        self._series[key] = (start, time, value)
        if self._window.has(time):
            self._spend(name, kind, grown, time)

    def _spend(self, name: str, kind: str, amount: float, time: int) -> None:
        self.spendings.setdefault(name, Spending()).add(kind, amount, time)


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
