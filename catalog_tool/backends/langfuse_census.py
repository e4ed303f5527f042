"""What of a Langfuse project changed since the last sync, without listing all of it.

A change raises the time of its prompt, and a list of what is newer than a time gives it. A deletion raises
no time: it takes a number away. ``version=N`` lists the prompts that have a version N, and the first page says
how many they are; so each number must be on as many prompts as it was. One such count sees at most one
version of each prompt, a page of the list at most 100 prompts: where every prompt has V versions, nothing
sees all deletions in fewer than V requests, or one for every 100 prompts. A number that few have is not
counted; those prompts are read by name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from catalog_tool.backends.langfuse_api import PAGE, LangfuseApi, Row
from catalog_tool.backends.langfuse_memory import Census, Memory, Proven

MARGIN = timedelta(seconds=1)
"""By how much clocks of several servers behind one address may differ."""

Rows = dict[str, Row | Proven]


class Survey(NamedTuple):
    """How deletions are looked for: numbers that are counted, prompts (by their name there) that are read."""

    numbers: tuple[int, ...]
    names: frozenset[str]

    @property
    def cost(self) -> int:
        """Requests."""
        return len(self.numbers) + len(self.names)


def cheapest(having: Mapping[int, Collection[str]], known: Collection[str] = ()) -> Survey:
    """The fewest requests that see every deletion.

    ``having`` gives the prompts of each number, ``known`` those that are read in any case. From the rarest
    number on its prompts are read, as long as that takes fewer requests than counts would.
    """
    left = sorted(having, key=lambda number: (len(having[number]), -number))
    best = Survey(tuple(left), frozenset())
    reading: set[str] = set()
    for at, number in enumerate(left, 1):
        reading.update(having[number])
        if len(reading) > best.cost + len(known):
            break
        found = Survey(tuple(left[at:]), frozenset(reading.difference(known)))
        best = min(best, found, key=lambda survey: survey.cost)
    return best


class Changes:
    """Looks for them. ``name_off`` is the catalog's name of a name there, None for what is not ours to read;

    ``own`` gives the versions of the states of this prefix, which no census holds.
    """

    def __init__(
        self,
        api: LangfuseApi,
        name_off: Callable[[str], str | None],
        name_on: Callable[[str], str],
        own: Callable[[], Mapping[str, tuple[int, ...]]],
    ) -> None:
        self._api = api
        self._name_off = name_off
        self._name_on = name_on
        self._own = own

    def since(self, memory: Memory, census: Census) -> Rows | None:
        """What was there and has not changed, and what has; None where a list is cheaper, or nothing is certain."""
        before = {self._name_on(name): tuple(proven.versions) for name, proven in memory.rows.items()} | memory.others
        pages = -(-(len(before) + len(self._own())) // PAGE)
        if cheapest(_having(before)).cost + 1 >= pages:
            return None
        at = (_time(census.at) - MARGIN).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        listed = {row.name: row for row in self._api.rows(fromUpdatedAt=at)}
        if census.at not in {row.updated_at for row in listed.values()}:
            return None
        changed = {name for name in listed if name not in self._own() and not self._is_as_it_was(listed[name], memory)}
        survey = cheapest(_having(before), changed)
        if survey.cost + len(changed) >= pages:
            return None
        found: Rows = dict(memory.rows)
        now = dict(before)
        for name in sorted(changed | survey.names):
            self._read(name, found, now)
        return found if self._is_counted(survey.numbers, now) else None

    def _is_as_it_was(self, row: Row, memory: Memory) -> bool:
        name = self._name_off(row.name)
        known = memory.rows.get(name) if name is not None else None
        return known is not None and known.updated_at == row.updated_at

    def _read(self, name: str, found: Rows, now: dict[str, tuple[int, ...]]) -> None:
        """One prompt as it is now, in both accounts."""
        row = self._api.row(name)
        inner = self._name_off(name)
        if row is None:
            now.pop(name, None)
        else:
            now[name] = row.versions
        if inner is not None and row is None:
            found.pop(inner, None)
        elif inner is not None and row is not None:
            known = found.get(inner)
            if not (isinstance(known, Proven) and known.fits(row)):
                found[inner] = row

    def _is_counted(self, numbers: Iterable[int], now: Mapping[str, tuple[int, ...]]) -> bool:
        """Whether each number is on as many prompts as it should be, our own states among them."""
        counts = Counter(number for versions in now.values() for number in versions)
        counts.update(number for versions in self._own().values() for number in versions)
        return all(self._api.count(version=str(number)) == counts[number] for number in sorted(numbers))


def _having(prompts: Mapping[str, Iterable[int]]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for name, versions in prompts.items():
        for number in versions:
            found.setdefault(number, []).append(name)
    return found


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
