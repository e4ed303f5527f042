"""Descriptions so alike that an agent cannot tell which skill is meant.

An agent chooses a skill by its description alone. Each description is reduced to the stems of its
telling words; two overlap when the share of stems that both have (Jaccard: common / all) is at
least ``THRESHOLD``, unless each of them names something of its own: "for AWS" and "for Azure" in
otherwise equal sentences leave an agent no doubt, "for Kotlin" beside a sentence without such a
word does. A name is a word with a capital or digit that does not only begin a sentence; it counts
once as a stem and once as a name.

A signature is what is kept of a description: small integers that depend on nothing but the text,
so they can be cached with it. ``find_overlaps`` compares two skills only if they have two integers
in common that are among the rarest of each; descriptions alike enough practically always do.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import chain, combinations
from typing import NamedTuple
from zlib import crc32

THRESHOLD = 0.55
"""The share of common stems from which two descriptions count as overlapping."""
_FEWEST = 3  # features below which a description says too little to be compared
_KEYS = 6  # the rarest features of a signature that are shared with others; pairs of them are the index
_ALIKE = 8  # names kept for one pair: of more skills that are all alike only so many are compared
_NAME = 1 << 32  # added to a stem's number where the word is a name

Signature = tuple[int, ...]

_TOKEN = re.compile(r"[.!?:]\s|[^\W_]+")
_STOP = frozenset(  # the words of "Use this skill when the user asks for help with…"
    """
    a an and any are as at be by can do for from has have how if in into is it its of on or so such that the
    their them then there these this those to use used user users uses using want wants was were what when
    whenever where which while will with you your skill skills need needs ask asks asked asking also e g i
    etc via not no per help helps should all
    """.split()  # noqa: SIM905 - a hundred quotes would hide the words
)
_ENDINGS = ("ations", "ation", "ments", "ment", "ings", "ing", "ies", "ers", "ed", "es", "er", "y", "e", "s")
_BEGINS_SENTENCE = -1
_NO_FEATURE = -2


class Overlap(NamedTuple):
    """Two skills whose descriptions overlap; ``name`` sorts after ``other``. Similarity is 0 to 1."""

    name: str
    other: str
    similarity: float


def signature(description: str) -> Signature:
    """The features of ``description``, sorted, each once: a number below 2**33 for each stem and name.

    Equal on every machine and Python; empty for a text without telling words.
    """
    features: set[int] = set()
    begins = True
    for token in _TOKEN.findall(description):
        number, name = _feature(token)
        if number >= 0:
            features.add(number)
            if name == _SURELY or (name and not begins):
                features.add(number + _NAME)
        begins = number == _BEGINS_SENTENCE
    return tuple(sorted(features))


def find_overlaps(signatures: Mapping[str, Signature]) -> list[Overlap]:
    """The overlapping pairs, by name and other. About 10 µs a signature.

    A crowd of more than eight skills that are all alike is reported against its first eight, so that
    the cost stays linear.
    """
    counts = Counter(chain.from_iterable(signatures.values()))
    first: dict[int, str] = {}
    crowd: dict[int, list[str]] = {}
    found: list[Overlap] = []
    for name in sorted(signatures):
        features = signatures[name]
        shared = [feature for feature in features if counts[feature] > 1]
        if len(shared) < _FEWEST or len(shared) < len(features) * THRESHOLD:
            continue
        seen: set[str] = set()
        rarest = sorted(shared, key=counts.__getitem__)[:_KEYS]
        for one, two in combinations(rarest, 2):
            key = one ^ two
            if first.setdefault(key, name) != name:
                others = crowd.setdefault(key, [first[key]])
                seen.update(others)
                if len(others) < _ALIKE:
                    others.append(name)
        found += _overlaps(name, features, ((other, signatures[other]) for other in seen))
    return sorted(found)


_MAYBE, _SURELY = 1, 2


@lru_cache(maxsize=65_536)
def _feature(token: str) -> tuple[int, int]:
    """A token's number and whether it is a name: 0 no, 1 unless it begins a sentence, 2 always."""
    if not token[0].isalnum():
        return _BEGINS_SENTENCE, 0
    word = token.lower()
    if word in _STOP:
        return _NO_FEATURE, 0
    inner = token[1:]
    name = _SURELY if inner != inner.lower() or not word.isalpha() else _MAYBE if token != word else 0
    return crc32(_stem(word).encode("utf-8", "surrogatepass")), name


def _stem(word: str) -> str:
    """``word`` without one common English ending, as long as four letters remain."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            return word[: -len(ending)]
    return word


def _overlaps(name: str, features: Signature, others: Iterable[tuple[str, Collection[int]]]) -> Iterator[Overlap]:
    """Those of ``others`` that overlap with ``name``; itself is passed over."""
    mine = frozenset(features)
    for other, theirs in others:
        common = len(mine.intersection(theirs))
        share = common / (len(mine) + len(theirs) - common)
        if share < THRESHOLD or name == other:
            continue
        if not (_names_alone(mine, theirs) and _names_alone(frozenset(theirs), mine)):
            yield Overlap(max(name, other), min(name, other), round(share, 4))


def _names_alone(one: frozenset[int], other: Collection[int]) -> bool:
    """Whether ``one`` names something that ``other`` does not."""
    return any(feature >= _NAME for feature in one.difference(other))
