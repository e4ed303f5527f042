"""Line-then-word comparison of two texts: fast on long prompts, exact, and made to be read.

Lines are compared first; where lines were replaced, their words are compared, as long as a field has
no more than ``limits.WORD_DIFF_WORDS`` of them. Of what is longer only few changed words are looked for,
in little work; where there are many, whole lines are told. What is equal and deleted together is the old
text, what is equal and inserted the new one, character for character.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from catalog_tool.diff.sequences import STEPS, Match, matches
from catalog_tool.model.limits import WORD_DIFF_WORDS

EQUAL = "equal"
DELETE = "delete"
INSERT = "insert"

CONTEXT_LINES = 2
"""Unchanged lines shown around a change."""
ALIKE = 0.3
"""Share of equal words below which replaced lines are shown whole."""
LONG_STEPS = STEPS // 3
"""Steps of the search (``sequences``) for all words of a field beyond ``WORD_DIFF_WORDS``."""
_STEPS_A_WORD = 8
"""Of these, for each word of such lines: a few edits in long lines are found, many are not."""

_LINES = re.compile(r"[^\n]*\n|[^\n]+")
_TOKENS = re.compile(r"\n|[^\S\n]+|\w+|[^\w\s]")
_COMMANDS = re.compile(r"\b(must|never|only|always|do[^\S\n]+not|don['’]t)\b", re.IGNORECASE)


class Segment(NamedTuple):
    """A stretch of text and what happened to it: ``equal``, ``delete`` or ``insert``."""

    op: str
    text: str


class Hunk(NamedTuple):
    """Neighbouring changes with the lines around them; line numbers count from 1.

    ``old_lines`` and ``new_lines`` are how many lines of each text the hunk covers.
    """

    old_line: int
    old_lines: int
    new_line: int
    new_lines: int
    segments: tuple[Segment, ...]


class TextDiff(NamedTuple):
    """The comparison of two texts.

    ``segments`` is all of both texts; ``hunks`` only what is near a change. ``share`` is the changed
    part of all words of both texts, 0 to 1; where words were not compared in their order, it is what
    differs if order does not matter. ``only_space``: they differ, but not once lines are trimmed at their
    ends and the texts at both. ``commands``: the words that command or forbid (must, never, only,
    always, do not) on changed lines, in lower case, sorted.
    """

    segments: tuple[Segment, ...]
    hunks: tuple[Hunk, ...]
    share: float
    only_space: bool
    commands: tuple[str, ...]


class _Block(NamedTuple):
    """Lines of both texts that belong together; unchanged, or replaced."""

    changed: bool
    old: Sequence[str]
    new: Sequence[str]
    segments: tuple[Segment, ...]
    changed_words: int = 0


def diff_texts(old: str, new: str, *, context: int = CONTEXT_LINES) -> TextDiff:
    """The changes from one text to the other; ``context`` unchanged lines around each in the hunks."""
    blocks = list(_blocks(_LINES.findall(old), _LINES.findall(new)))
    segments = tuple(_merged(segment for block in blocks for segment in block.segments))
    return TextDiff(
        segments,
        tuple(_hunks(blocks, context)),
        _share(blocks),
        is_only_space(old, new),
        _commands(blocks),
    )


def is_only_space(old: str, new: str) -> bool:
    """Whether two different texts are the same once trimmed: lines at their ends, texts at both."""
    return old != new and _trimmed(old) == _trimmed(new)


def word_count(text: str) -> int:
    """Words and punctuation marks of a text, as ``share`` and the word limit count them."""
    return sum(not token.isspace() for token in _TOKENS.findall(text))


def word_counts(text: str) -> Counter[str]:
    """How often a text has each of its words and punctuation marks."""
    return Counter(token for token in _TOKENS.findall(text) if not token.isspace())


def _trimmed(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.split("\n")).strip()


def _blocks(old: list[str], new: list[str]) -> Iterator[_Block]:
    words_left, steps_left = WORD_DIFF_WORDS, LONG_STEPS
    old_end = new_end = 0
    for match in [*matches(old, new), Match(len(old), len(new), 0)]:
        before, after = old[old_end : match.old], new[new_end : match.new]
        if before or after:
            words = max(word_count("".join(before)), word_count("".join(after)))
            steps = STEPS
            if words <= words_left:
                words_left -= words
            else:
                steps = min(_STEPS_A_WORD * words, steps_left)
                steps_left -= steps
            yield _replaced(before, after, steps)
        old_end, new_end = match.old + match.size, match.new + match.size
        same = old[match.old : old_end]
        if same:
            yield _Block(False, same, same, (Segment(EQUAL, "".join(same)),))


def _whole(old: Sequence[str], new: Sequence[str]) -> tuple[Segment, ...]:
    found = (Segment(DELETE, "".join(old)), Segment(INSERT, "".join(new)))
    return tuple(segment for segment in found if segment.text)


def _replaced(old: Sequence[str], new: Sequence[str], steps: int) -> _Block:
    """Replaced lines word by word, as far as so many steps lead; whole where they have little in common."""
    before, after = _TOKENS.findall("".join(old)), _TOKENS.findall("".join(new))
    if not steps or not old or not new:
        return _Block(True, old, new, _whole(old, new), _differing(before, after))
    segments = tuple(_merged(_readable(list(_merged(_words(before, after, steps))))))
    changed = sum(word_count(segment.text) for segment in segments if segment.op != EQUAL)
    if changed <= (1 - ALIKE) * _words_in(before, after):
        return _Block(True, old, new, segments, changed)
    return _Block(True, old, new, _whole(old, new), changed if steps == STEPS else _differing(before, after))


def _words(before: list[str], after: list[str], steps: int) -> Iterator[Segment]:
    old_end = new_end = 0
    for match in [*matches(before, after, steps=steps), Match(len(before), len(after), 0)]:
        yield Segment(DELETE, "".join(before[old_end : match.old]))
        yield Segment(INSERT, "".join(after[new_end : match.new]))
        old_end, new_end = match.old + match.size, match.new + match.size
        yield Segment(EQUAL, "".join(before[match.old : old_end]))


def _words_in(*sides: list[str]) -> int:
    return sum(not token.isspace() for side in sides for token in side)


def _differing(before: list[str], after: list[str]) -> int:
    """Words that one side has more often than the other."""
    counts = Counter(before)
    counts.subtract(Counter(after))
    return sum(abs(count) for token, count in counts.items() if not token.isspace())


def _readable(segments: list[Segment]) -> Iterator[Segment]:
    """The segments, with a space between two changes counted as changed too."""
    for index, segment in enumerate(segments):
        inside = 0 < index < len(segments) - 1
        if segment.op == EQUAL and inside and segment.text.isspace() and "\n" not in segment.text:
            yield Segment(DELETE, segment.text)
            yield Segment(INSERT, segment.text)
        else:
            yield segment


def _merged(segments: Iterable[Segment]) -> Iterator[Segment]:
    """The segments without empty ones; between two equal ones first all deleted, then all inserted."""
    texts: dict[str, list[str]] = {DELETE: [], INSERT: [], EQUAL: []}
    for segment in segments:
        if not segment.text:
            continue
        if segment.op != EQUAL and texts[EQUAL]:
            yield Segment(EQUAL, "".join(texts[EQUAL]))
            texts[EQUAL] = []
        elif segment.op == EQUAL and not texts[EQUAL]:
            yield from _flushed(texts)
        texts[segment.op].append(segment.text)
    yield from _flushed(texts)
    if texts[EQUAL]:
        yield Segment(EQUAL, "".join(texts[EQUAL]))


def _flushed(texts: dict[str, list[str]]) -> Iterator[Segment]:
    for op in (DELETE, INSERT):
        if texts[op]:
            yield Segment(op, "".join(texts[op]))
            texts[op] = []


def _share(blocks: Iterable[_Block]) -> float:
    changed = total = 0
    for block in blocks:
        changed += block.changed_words
        total += word_count("".join(block.old)) + word_count("".join(block.new))
    return changed / total if total else 0.0


def _commands(blocks: Iterable[_Block]) -> tuple[str, ...]:
    found: set[str] = set()
    for block in blocks:
        if block.changed:
            for text in ("".join(block.old), "".join(block.new)):
                found |= {" ".join(word.lower().split()) for word in _COMMANDS.findall(text)}
    return tuple(sorted(found))


def _hunks(blocks: list[_Block], context: int) -> Iterator[Hunk]:
    """Changed blocks with their surroundings; an unchanged block of up to twice that joins two."""
    old_line = new_line = 1
    part: list[_Block] = []
    start = (1, 1)
    for index, block in enumerate(blocks):
        if block.changed:
            part.append(block)
        else:
            last, size = index == len(blocks) - 1, len(block.old)
            if part and not last and size <= 2 * context:
                part.append(block)
            else:
                if part:
                    yield _hunk([*part, _context(block.old[:context])], start)
                kept = min(size, context)
                part = [_context(block.old[size - kept :])]
                start = (old_line + size - kept, new_line + size - kept)
        old_line, new_line = old_line + len(block.old), new_line + len(block.new)
    if any(block.changed for block in part):
        yield _hunk(part, start)


def _context(lines: Sequence[str]) -> _Block:
    return _Block(False, lines, lines, (Segment(EQUAL, "".join(lines)),))


def _hunk(blocks: list[_Block], start: tuple[int, int]) -> Hunk:
    return Hunk(
        start[0],
        sum(len(block.old) for block in blocks),
        start[1],
        sum(len(block.new) for block in blocks),
        tuple(_merged(segment for block in blocks for segment in block.segments)),
    )
