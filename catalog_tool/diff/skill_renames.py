"""Which skill that came is one that went, under another name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from catalog_tool.diff.skill_files import Skill
from catalog_tool.diff.words import diff_texts, least_share, word_counts

ALIKE = 0.5
"""Share of changed words in two bodies up to which a skill that came is taken for one that went."""


class _Pair(NamedTuple):
    """Two skills that may be one; the smaller, the surer."""

    other_bytes: bool
    share: float
    other_description: bool
    old: str
    new: str


def renames(gone: Sequence[Skill], come: Sequence[Skill]) -> Iterator[tuple[str, str]]:
    """The keys of skills that went, each with the key that it has now, in the order of the former.

    The same bytes are the surest, then the same body, then the smallest share of changed words; each skill is
    in one pair at most. The words of two bodies are compared in order only where their numbers do not rule it out.
    """
    left, right = {skill.key for skill in gone}, {skill.key for skill in come}
    found = {}
    for pair in sorted(_pairs(gone, come)):
        if pair.old in left and pair.new in right:
            found[pair.old] = pair.new
            left.remove(pair.old)
            right.remove(pair.new)
    yield from sorted(found.items())


def _pairs(gone: Sequence[Skill], come: Sequence[Skill]) -> Iterator[_Pair]:
    counts = {skill.body: word_counts(skill.body) for skill in (*gone, *come)}
    for old in gone:
        for new in come:
            share = 0.0 if old.digest == new.digest else _share(old, new, counts)
            if share <= ALIKE:
                yield _Pair(old.digest != new.digest, share, _said(old) != _said(new), old.key, new.key)


def _share(old: Skill, new: Skill, counts: dict[str, Counter[str]]) -> float:
    if not old.body or not new.body:
        return 1.0
    least = least_share(counts[old.body], counts[new.body])
    return diff_texts(old.body, new.body).share if least <= ALIKE else least


def _said(skill: Skill) -> object:
    return (skill.front or {}).get("description")
