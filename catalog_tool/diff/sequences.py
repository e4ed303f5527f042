"""Finds what two sequences have in common, in bounded work.

Items that occur once on both sides are anchors; between them the shortest edit script is searched
(Myers' greedy algorithm). All work is counted: where the budget ends, what is left is taken as
replaced. So the answer is always right, and only its neatness depends on the budget.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Hashable, Iterator, Sequence
from typing import NamedTuple

STEPS = 600_000
"""Elementary steps for one pair of sequences; about a third of a second at most."""
EDITS = 400
"""Edits that a shortest script is searched for between two anchors."""


class Match(NamedTuple):
    """``size`` items from ``old`` on are those from ``new`` on; places count from 0."""

    old: int
    new: int
    size: int


class _Range(NamedTuple):
    """A part of both sequences, ends excluded."""

    old: int
    old_end: int
    new: int
    new_end: int


def matches(old: Sequence[Hashable], new: Sequence[Hashable], *, steps: int = STEPS) -> list[Match]:
    """What stays, as matches in ascending order on both sides; the longest runs are joined."""
    return list(_joined(sorted(_Search(old, new, steps).run())))


def _joined(found: list[Match]) -> Iterator[Match]:
    last: Match | None = None
    for match in found:
        if last is not None and (last.old + last.size, last.new + last.size) == (match.old, match.new):
            last = last._replace(size=last.size + match.size)
            continue
        if last is not None:
            yield last
        last = match
    if last is not None:
        yield last


class _Search:
    def __init__(self, old: Sequence[Hashable], new: Sequence[Hashable], steps: int) -> None:
        numbers: dict[Hashable, int] = {}
        self.old = [numbers.setdefault(item, len(numbers)) for item in old]
        self.new = [numbers.setdefault(item, len(numbers)) for item in new]
        self.steps = steps

    def run(self) -> Iterator[Match]:
        pending = [_Range(0, len(self.old), 0, len(self.new))]
        while pending:
            span = pending.pop()
            head, span, tail = self._trim(span)
            yield from (match for match in (head, tail) if match.size)
            if span.old == span.old_end or span.new == span.new_end or self.steps <= 0:
                continue
            anchors = self._anchors(span)
            if anchors:
                yield from anchors
                pending.extend(_gaps(span, anchors))
            else:
                yield from self._shortest(span)

    def _trim(self, span: _Range) -> tuple[Match, _Range, Match]:
        """The common head, what is left, and the common tail."""
        old, new = self.old, self.new
        room = min(span.old_end - span.old, span.new_end - span.new)
        head = 0
        while head < room and old[span.old + head] == new[span.new + head]:
            head += 1
        tail = 0
        while tail < room - head and old[span.old_end - 1 - tail] == new[span.new_end - 1 - tail]:
            tail += 1
        rest = _Range(span.old + head, span.old_end - tail, span.new + head, span.new_end - tail)
        return Match(span.old, span.new, head), rest, Match(rest.old_end, rest.new_end, tail)

    def _anchors(self, span: _Range) -> list[Match]:
        """Items that stand once on both sides of a range, as many as keep their order."""
        self.steps -= span.old_end - span.old + span.new_end - span.new
        once_old = _once(self.old, span.old, span.old_end)
        once_new = _once(self.new, span.new, span.new_end)
        places = [(place, once_new[item]) for item, place in once_old.items() if item in once_new]
        return [Match(old, new, 1) for old, new in _ascending(places)]

    def _shortest(self, span: _Range) -> list[Match]:
        """The matches of a shortest edit script; none where it would cost too much."""
        old = self.old[span.old : span.old_end]
        new = self.new[span.new : span.new_end]
        reach: dict[int, int] = {1: 0}
        trace: list[dict[int, int]] = []
        for edits in range(min(EDITS, len(old) + len(new)) + 1):
            trace.append(dict(reach))
            self.steps -= len(reach)
            for diagonal in range(-edits, edits + 1, 2):
                down = diagonal == -edits or (diagonal != edits and reach[diagonal - 1] < reach[diagonal + 1])
                start = reach[diagonal + 1] if down else reach[diagonal - 1] + 1
                end = self._slide(old, new, start, diagonal)
                reach[diagonal] = end
                if end >= len(old) and end - diagonal >= len(new):
                    return [
                        Match(span.old + match.old, span.new + match.new, match.size)
                        for match in _backwards(trace, end, diagonal)
                    ]
            if self.steps <= 0:
                break
        return []

    def _slide(self, old: list[int], new: list[int], start: int, diagonal: int) -> int:
        """How far equal items lead on a diagonal; past the edges nothing is equal."""
        end = start
        while end < len(old) and 0 <= end - diagonal < len(new) and old[end] == new[end - diagonal]:
            end += 1
        self.steps -= 1 + end - start
        return end


def _once(items: list[int], start: int, end: int) -> dict[int, int]:
    """Item → place of what occurs exactly once in a range."""
    places: dict[int, int] = {}
    repeated: set[int] = set()
    for place in range(start, end):
        item = items[place]
        if item in places:
            repeated.add(item)
        places[item] = place
    return {item: place for item, place in places.items() if item not in repeated}


def _ascending(places: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The longest part of (old, new) places, sorted by old, in which new ascends too."""
    ends: list[int] = []
    last: list[int] = []
    before: list[int] = []
    for index, (_, new) in enumerate(places):
        length = bisect_left(ends, new)
        if length == len(ends):
            ends.append(new)
            last.append(index)
        else:
            ends[length] = new
            last[length] = index
        before.append(last[length - 1] if length else -1)
    result = []
    index = last[-1] if last else -1
    while index >= 0:
        result.append(places[index])
        index = before[index]
    return result[::-1]


def _gaps(span: _Range, anchors: list[Match]) -> Iterator[_Range]:
    old, new = span.old, span.new
    for anchor in anchors:
        yield _Range(old, anchor.old, new, anchor.new)
        old, new = anchor.old + 1, anchor.new + 1
    yield _Range(old, span.old_end, new, span.new_end)


def _backwards(trace: list[dict[int, int]], end: int, diagonal: int) -> Iterator[Match]:
    """Walks a finished search back to its beginning, giving each run of equal items."""
    place = end
    for edits in range(len(trace) - 1, -1, -1):
        reach = trace[edits]
        down = diagonal == -edits or (diagonal != edits and reach[diagonal - 1] < reach[diagonal + 1])
        start = reach[diagonal + 1] if down else reach[diagonal - 1] + 1
        if place > start:
            yield Match(start, start - diagonal, place - start)
        if edits:
            diagonal = diagonal + 1 if down else diagonal - 1
            place = reach[diagonal]
