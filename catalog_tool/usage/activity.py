"""What happened under each name: calls, sessions, triggers, results, counted once however often they were told."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from catalog_tool.errors import BackendError
from catalog_tool.usage.agent_telemetry import REDACTED
from catalog_tool.usage.ledger import Ledger, Record
from catalog_tool.usage.windows import DATED, DAY, Window

CALL, RETOLD, SUCCEEDED, FAILED, LISTED = range(5)
"""Kinds of records. ``RETOLD`` is a call told by a witness (a hook, a span): it counts only where the agent's own
telemetry has no call of that skill in that session."""
_ALONE = 0x80
"""Marks the kind of a record that names no session."""
_CALLS, _RETOLD = (CALL, CALL | _ALONE), (RETOLD, RETOLD | _ALONE)

NAMES = 100_000
"""Different names that are told apart; more is no catalog, it is noise or an attack."""
DETAILS = 1_000
"""Different triggers, or versions of prompts; further ones are ``other``."""
OTHER, UNKNOWN = "other", "unknown"


@dataclass(slots=True, kw_only=True)
class Activity:
    """All that was heard of one name inside the window; times in nanoseconds, None where there was nothing.

    ``sessions`` and ``days`` (calls by day of the window) are None where a source told totals only.
    ``succeeded`` and ``failed`` are results that were reported; ``listed`` counts sessions that offered it.
    """

    calls: int = 0
    sessions: int | None = 0
    first: int | None = None
    last: int | None = None
    details: dict[str, int] = field(default_factory=dict)
    days: list[int] | None = None
    succeeded: int = 0
    failed: int = 0
    listed: int = 0

    def see(self, time: int) -> None:
        """Widen first and last use."""
        if self.first is None or time < self.first:
            self.first = time
        if self.last is None or time > self.last:
            self.last = time

    def add(self, other: Activity) -> None:
        """Take another name of the same skill in. Sessions that used both names count twice."""
        if other.days is None or (self.days is None and self.calls):
            self.days = self.days if not other.calls else None
        else:
            mine = self.days or [0] * len(other.days)
            self.days = [one + two for one, two in zip(mine, other.days, strict=True)]
        self.calls += other.calls
        self.sessions = None if self.sessions is None or other.sessions is None else self.sessions + other.sessions
        for time in (other.first, other.last):
            if time is not None:
                self.see(time)
        for detail, count in other.details.items():
            self.details[detail] = self.details.get(detail, 0) + count
        self.succeeded += other.succeeded
        self.failed += other.failed
        self.listed = max(self.listed, other.listed)

    def overlay(self, total: Activity) -> None:
        """Take in what another source counted of the same name: of calls the larger number, for none is told apart."""
        if total.calls > self.calls:
            self.calls, self.sessions, self.days = total.calls, total.sessions, total.days
            self.details = dict(total.details)
        for time in (total.first, total.last):
            if time is not None:
                self.see(time)


@dataclass(slots=True, kw_only=True)
class Tally:
    """The activity of every name, how many sessions had calls, and how many of those told a real name.

    ``undated``: how many events of a name came without a time; they are in no ``Activity``.
    """

    names: dict[str, Activity]
    undated: Mapping[str, int] = field(default_factory=dict)
    sessions: int = 0
    named_sessions: int = 0


class EventBook:
    """Records events by name, then tallies them.

    ``earliest`` is the oldest event (ns); after ``tally``, ``overlaps`` is how many names both totals and single
    events told of.
    """

    def __init__(self, window: Window, ledger: Ledger) -> None:
        self._window = window
        self._start, self._end = window.start, window.end
        self._ledger = ledger
        self._add = ledger.add
        self._names: dict[str, int] = {}
        self._details: dict[str, int] = {}
        self._totals: list[tuple[str, Activity]] = []
        self.earliest: int | None = None
        self._undated: dict[str, int] = {}
        self.overlaps = 0

    def record(self, kind: int, name: str, detail: str, session: str, sequence: str, time: int) -> None:
        """Note an event; outside the window it only shows how far back the data reach, without a time not even that.

        The same ``session``, ``sequence`` and ``time`` is the same event; without a sequence the name stands for it.
        """
        if (self.earliest is None or time < self.earliest) and kind != LISTED:
            if time < DATED:
                self._note_undated(name)
                return
            self.earliest = time
        if not self._start < time <= self._end:
            return
        number = self._names.get(name)
        what = self._details.get(detail)
        if number is None:
            number = self._new_name(name)
        if what is None:
            what = self._new_detail(detail)
        event = hash((session, sequence or name, time, kind > RETOLD and kind))
        if session:
            self._add(event, hash(session), time, number, what, kind)
        else:
            self._add(event, event, time, number, what, kind | _ALONE)

    def add_totals(self, name: str, activity: Activity) -> None:
        """Note activity that a source has counted itself."""
        self._totals.append((name, activity))
        if activity.first is not None and (self.earliest is None or activity.first < self.earliest):
            self.earliest = activity.first

    def _new_name(self, name: str) -> int:
        _refuse_noise(self._names)
        return self._names.setdefault(name, len(self._names))

    def _note_undated(self, name: str) -> None:
        if name not in self._undated:
            _refuse_noise(self._undated)
        self._undated[name] = self._undated.get(name, 0) + 1

    def _new_detail(self, detail: str) -> int:
        known = self._details
        return known.setdefault(detail if len(known) < DETAILS else OTHER, len(known))

    def tally(self, skill_of: Callable[[str], Hashable] = str) -> Tally:
        """Count everything recorded, each event once.

        ``skill_of`` gives what names of one skill have in common: a witness may know it by another one.
        """
        names, details = list(self._names), list(self._details)
        days = self._window.days
        rows = [Activity(days=[0] * days) for _ in names] if len(names) * days <= 10_000_000 else _bare(names)
        redacted = frozenset(number for number, name in enumerate(names) if name in REDACTED)
        tally = Tally(names=dict(zip(names, rows, strict=True)), undated=self._undated)
        skills = [skill_of(name) for name in names]
        for part in self._ledger.parts():
            _Part(self._window, rows, details, skills).count(part, redacted, tally)
        for name, total in self._totals:
            held = tally.names.setdefault(name, Activity())
            self.overlaps += bool(held.calls and total.calls)
            held.overlay(total)
        return tally


def _bare(names: Iterable[str]) -> list[Activity]:
    return [Activity() for _ in names]


def _refuse_noise(names: Collection[str]) -> None:
    if len(names) >= NAMES:
        raise BackendError(f"more than {NAMES:,} different names", hint="is this the telemetry of an agent?")


class _Part:
    """Counts one part of the ledger: all events of the sessions in it. ``skills``: what each name stands for."""

    def __init__(self, window: Window, rows: list[Activity], details: list[str], skills: Sequence[Hashable]) -> None:
        self._window = window
        self._rows = rows
        self._words = details
        self._skills = skills
        self._pairs: set[tuple[int, int]] = set()
        self._offers: set[tuple[int, int]] = set()
        self._details: dict[tuple[int, int], int] = {}

    def count(self, part: Iterable[Record], redacted: frozenset[int], tally: Tally) -> None:
        """Add a part to the rows and to the tally's sessions."""
        retold: list[Record] = []
        self._calls(self._fresh(part, retold))
        if retold:
            skills = self._skills
            told = {(session, skills[name]) for session, name in self._pairs}
            self._calls(record for record in retold if (record[1], skills[record[3]]) not in told)
        self._finish(redacted, tally)

    def _fresh(self, part: Iterable[Record], retold: list[Record]) -> Iterator[Record]:
        """The calls, each once; ``retold`` takes those that only witnesses told, and results are counted on the way."""
        seen: set[int] = set()
        see = seen.add
        for record in part:
            event, kind = record[0], record[5]
            if event in seen:
                continue
            see(event)
            if kind in _CALLS:
                yield record
            elif kind in _RETOLD:
                retold.append(record)
            else:
                self._other(record, kind & ~_ALONE)

    def _calls(self, calls: Iterable[Record]) -> None:
        rows, pairs, details = self._rows, self._pairs, self._details
        end, last_day = self._window.end, self._window.days - 1
        for _, session, time, name, detail, kind in calls:
            row = rows[name]
            row.calls += 1
            if row.first is None or time < row.first:
                row.first = time
            if row.last is None or time > row.last:
                row.last = time
            if row.days is not None:
                row.days[last_day - (end - time) // DAY] += 1
            pair = (name, detail)
            details[pair] = details.get(pair, 0) + 1
            if kind < _ALONE:
                pairs.add((session, name))

    def _other(self, record: Record, kind: int) -> None:
        row = self._rows[record[3]]
        if kind == SUCCEEDED:
            row.succeeded += 1
        elif kind == FAILED:
            row.failed += 1
        elif (record[1], record[3]) not in self._offers:
            self._offers.add((record[1], record[3]))
            row.listed += 1

    def _finish(self, redacted: frozenset[int], tally: Tally) -> None:
        for _, name in self._pairs:
            row = self._rows[name]
            row.sessions = (row.sessions or 0) + 1
        for (name, detail), count in self._details.items():
            held, word = self._rows[name].details, self._words[detail]
            held[word] = held.get(word, 0) + count
        tally.sessions += len({session for session, _ in self._pairs})
        tally.named_sessions += len({session for session, name in self._pairs if name not in redacted})
