"""Which artifact that came is one that went, under another name: what is the same first, then what is alike."""

from __future__ import annotations

import heapq
from collections import Counter, deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from catalog_tool.diff.words import diff_texts, word_counts

ALIKE = 0.5
"""Share of changed words of two texts up to which they are taken for one."""
SURE = 0.2
"""The same share below which two texts are one in whatever order their words stand: unrelated ones differ by more."""
COUNTED_WORDS = 5_000_000
"""Different words that are looked up for counting what two texts have in common: about a second of work."""
ORDERED_WORDS = 200_000
"""Words of the texts that are compared in order, where their numbers leave it open: a few seconds at the most."""

Stamps = Callable[[str], Iterable[Hashable]]
"""A name → what only artifacts that are one have in common; the first of them counts that another one has."""


class Told(NamedTuple):
    """The text by which an artifact is known again; of texts that are as much alike, ``about`` decides."""

    text: str
    about: Hashable = None


class _Bag(NamedTuple):
    """The words of a text without their order."""

    counts: Counter[str]
    total: int


class _Pair(NamedTuple):
    """Two artifacts that may be one; the smaller, the surer. ``open``: the order of their ``words`` counts still."""

    share: float
    open: bool
    other_about: bool
    old: str
    new: str
    words: int


_Bags = Mapping[str, _Bag]


class Pairing:
    """Names that went and that came; ``found`` has old → new, each in one pair at most."""

    def __init__(self, gone: Iterable[str], come: Iterable[str]) -> None:
        self.gone, self.come = (dict.fromkeys(sorted(names, key=_by_last)) for names in (gone, come))
        self.found: dict[str, str] = {}
        self._gave_up = False

    @property
    def unsure(self) -> frozenset[str]:
        """What went, and may be something that came: there was too much to compare."""
        return frozenset(self.gone if self._gave_up and self.come else ())

    def give_up(self) -> None:
        """There is more to compare than is compared."""
        self._gave_up = True

    def by_stamps(self, old: Stamps, new: Stamps) -> None:
        """Pair whatever has a stamp in common, in time that grows with the number of stamps."""
        holders: dict[Hashable, deque[str]] = {}
        for name in self.gone:
            for stamp in old(name):
                holders.setdefault(stamp, deque()).append(name)
        for name in list(self.come):
            twin = next(filter(None, (self._first_left(holders.get(stamp)) for stamp in new(name))), None)
            if twin is not None:
                self._pair(twin, name)

    def by_words(self, old: Callable[[str], Told], new: Callable[[str], Told]) -> None:
        """Pair what has the most words in common, and most of all of them; where little changed, names decide."""
        before, after = {name: old(name) for name in self.gone}, {name: new(name) for name in self.come}
        bags = [{name: _bag(told.text) for name, told in side.items() if told.text} for side in (before, after)]
        self._by_names(bags[0], bags[1])
        heap = list(self._alike(bags[0], bags[1], lambda gone, come: before[gone].about != after[come].about))
        heapq.heapify(heap)
        words = ORDERED_WORDS
        while heap:
            pair = heapq.heappop(heap)
            if pair.old not in self.gone or pair.new not in self.come:
                continue
            if not pair.open:
                self._pair(pair.old, pair.new)
                continue
            words -= pair.words
            if words < 0:
                self.give_up()
                continue
            share = diff_texts(before[pair.old].text, after[pair.new].text).share
            if share <= ALIKE:
                heapq.heappush(heap, pair._replace(share=share, open=False))

    def _by_names(self, old: _Bags, new: _Bags) -> None:
        """Pair those whose names end alike and of which few words changed, in linear time."""
        ends = {last_part(name): name for name in new}
        for name in old:
            twin = ends.get(last_part(name))
            if twin in self.come and _share(old[name], new[twin]) <= SURE:
                self._pair(name, twin)

    def _alike(self, old: _Bags, new: _Bags, differ: Callable[[str, str], bool]) -> Iterator[_Pair]:
        """Pairs with enough words in common, as far as there are not too many to count."""
        left = COUNTED_WORDS
        rest = [name for name in old if name in self.gone], [name for name in new if name in self.come]
        for gone, come in _beside(*rest):
            left -= 1 + min(len(old[gone].counts), len(new[come].counts))
            if left < 0:
                self.give_up()
                return
            share = _share(old[gone], new[come])
            if share <= ALIKE:
                yield _Pair(share, share > SURE, differ(gone, come), gone, come, old[gone].total + new[come].total)

    def _first_left(self, names: deque[str] | None) -> str | None:
        while names and names[0] not in self.gone:
            names.popleft()
        return names[0] if names else None

    def _pair(self, old: str, new: str) -> None:
        self.found[old] = new
        del self.gone[old], self.come[new]


def _by_last(name: str) -> tuple[str, str]:
    return last_part(name), name


def last_part(name: str) -> str:
    """What a name ends with: mostly what it keeps where it moves to another folder or plugin."""
    return name.replace(":", "/").rpartition("/")[2]


def _beside(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[str, str]]:
    """All pairs: first those that stand at the same place in both orders, then those one place apart, and so on."""
    fewer, more = (old, new) if len(old) <= len(new) else (new, old)
    for shift in range(len(more)):
        for index, name in enumerate(fewer):
            other = more[(index + shift) % len(more)]
            yield (name, other) if fewer is old else (other, name)


def _bag(text: str) -> _Bag:
    counts = word_counts(text)
    return _Bag(counts, counts.total())


def _share(old: _Bag, new: _Bag) -> float:
    """The changed part of all words, whatever their order; in their order it is no less."""
    total = old.total + new.total
    if not total or abs(old.total - new.total) > ALIKE * total:
        return 1.0
    common = old.counts.keys() & new.counts.keys()
    return 1 - 2 * sum(min(old.counts[word], new.counts[word]) for word in common) / total
