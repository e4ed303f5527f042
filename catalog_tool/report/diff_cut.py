"""A comparison of two texts in less room than it takes: what may do harm is shown before what says the same again.

Cut to the first lines, a long harmless edit would hide whatever stands below it. So changed lines are weighed: one
whose changed words command, forbid, reach a shell, a network or a secret comes before any other, and one that
changes what two lines before it changed comes last. Of a long line only what is around its changed words is shown,
and what is left out is counted where it would stand. All work is linear in the texts.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from catalog_tool.diff.words import DELETE, INSERT, TextDiff
from catalog_tool.report.diff_lines import CONTEXT, Line, Piece, marked, unified
from catalog_tool.report.escape import lines_for_terminal

LONG = 1_000
"""Characters of a line from which on what it does not change is left out, even where there is room."""
WIDE = 240
"""Characters of a line, or of a stretch of one, where room is short."""
_AROUND = 40
"""Characters shown on either side of a changed word of such a line."""
_TOLD = 2
"""Lines with the same changed words that count as news."""
_MARKS = 30
"""Bytes that a line takes where none beside it is shown: where it stands, and what is left out."""
_ALARMING = re.compile(
    r"\b(?:must|never|only|always|not|don['’]t|without|unless|regardless|ignore"
    r"|curl|wget|ssh|scp|nc|ncat|netcat|telnet|(?:ba|z)?sh|pwsh|powershell|iex|invoke-\w+|sudo|chmod|crontab|rm"
    r"|eval|exec|execv\w*|popen|spawn\w*|subprocess|__import__|base64|atob|b64decode"
    r"|urllib\w*|urlopen|httpx|axios|webhooks?|environ|getenv|passw\w+|secrets?|credentials?|api[_-]?keys?)(?!\w)"
    r"|\b(?:system\(|fetch\(|requests\.|sockets?\.)|[|&]{2}|\|[ \t]*\w|\$\(|/dev/|~/\.|://",
    re.IGNORECASE,
)
_WORD = re.compile(r"\w+")
_DIGITS = re.compile(r"[0-9]+")

Weight = tuple[int, int, int]
"""How much a line has to be seen: is it news, is it alarming, has it words of one side only; greater is more."""
_LEAST: Weight = (-1, 0, 0)


class Scale:
    """Weighs the lines of one comparison, in their order: a line that repeats earlier ones is light."""

    def __init__(self, text: TextDiff) -> None:
        self._seen: Counter[tuple[str, str]] = Counter()
        words = Counter(_words(text, INSERT))
        words.subtract(Counter(_words(text, DELETE)))
        self._odd = {word for word, count in words.items() if count}

    def weight(self, line: Line) -> Weight:
        """Whether the line is news, whether its words are alarming (2: the changed ones), and of one side only."""
        if line.sign == CONTEXT:
            return _LEAST
        changed = whole = line.text
        alarm = 2 if _ALARMING.search(whole) else 0
        if line.partly:
            changed = "".join(piece.text for piece in line.pieces if piece.changed)
            alarm = alarm and (2 if _ALARMING.search(changed) else 1)
        said = line.sign, whole if alarm == 2 else _DIGITS.sub("0", changed)
        self._seen[said] += 1
        odd = any(word in self._odd for word in _WORD.findall(changed))
        return int(self._seen[said] <= _TOLD), alarm, int(odd)


def _words(text: TextDiff, op: str) -> Iterator[str]:
    for segment in text.segments:
        if segment.op == op:
            yield from _WORD.findall(segment.text)


def is_alarming(text: TextDiff) -> bool:
    """Whether words that command or forbid, or that reach a shell, a network or a secret, came or went."""
    return any(_ALARMING.search(segment.text) for segment in text.segments if segment.op in (DELETE, INSERT))


def heaviest(weights: Sequence[Weight], count: int) -> set[int]:
    """The places of the ``count`` greatest weights; of equal ones the first."""
    return set(_by_weight(weights)[:count])


def _by_weight(weights: Sequence[Weight]) -> list[int]:
    return sorted(range(len(weights)), key=lambda index: [-part for part in weights[index]])


def whole_text(text: TextDiff) -> str:
    """All hunks as lines, ``@@`` between them; of long lines what is around their changes. Ends with a line feed."""
    blocks = []
    for hunk in text.hunks:
        lines = [marked(part) for line in unified(hunk) for part in _shortened(line)]
        blocks.append("\n".join([f"@@ line {hunk.new_line} @@", *lines]))
    return "\n".join(blocks) + "\n"


def _shortened(line: Line) -> Iterable[Line]:
    if line.sign != CONTEXT and not line.partly:
        return (line,)
    return _stretches(line, LONG)


class _Stretch(NamedTuple):
    """A changed line, or a part of a long one, and the hunk it stands in."""

    hunk: int
    line: Line
    weight: Weight


class Cut:
    """The changed lines of a comparison, of which as many are shown as there is room for."""

    def __init__(self, text: TextDiff) -> None:
        scale = Scale(text)
        self._all = [
            _Stretch(hunk.new_line, part, scale.weight(part))
            for hunk in text.hunks
            for line in unified(hunk)
            if line.sign != CONTEXT
            for part in _stretches(line, WIDE)
        ]

    def text(self, room: int) -> str:
        """The heaviest lines that take ``room`` bytes together, in their order; ends with a line feed.

        The bytes are those of the lines once nothing unseen is left in them, so the answer may only be longer
        where cutting took a picture apart.
        """
        shown = self._chosen(room)
        lines: list[str] = []
        hunk, left = 0, 0
        for index, stretch in enumerate(self._all):
            if index not in shown:
                left += 1
                continue
            if left:
                lines.append(f"… {left} more")
            if stretch.hunk != hunk:
                lines.append(f"@@ line {stretch.hunk} @@")
            lines.append(marked(stretch.line))
            hunk, left = stretch.hunk, 0
        missing = len(self._all) - len(shown)
        if missing:
            lines.append(f"… {missing} of {len(self._all)} changed lines are left out, those that tell least")
        return "\n".join(lines) + "\n"

    def _chosen(self, room: int) -> set[int]:
        shown: set[int] = set()
        for index in _by_weight([stretch.weight for stretch in self._all]):
            size = len(lines_for_terminal(marked(self._all[index].line)).encode()) + 1
            beside = (place for place in (index - 1, index + 1) if place in shown)
            if not any(self._all[place].hunk == self._all[index].hunk for place in beside):
                size += _MARKS
            if size <= room:
                shown.add(index)
                room -= size
        return shown


def _stretches(line: Line, longest: int) -> Iterator[Line]:
    """The line, or of one with more than ``longest`` characters the parts around its changes, each with ``…``."""
    if len(line.text) <= longest:
        yield line
        return
    if line.sign == CONTEXT:
        yield Line(CONTEXT, (Piece(f"{line.text[: 2 * _AROUND]} …", False),))
        return
    open_: list[Piece] = []
    size = 0
    for bit in _bits(line):
        if bit is None or size + len(bit.text) > WIDE + 2 * _AROUND:
            yield from _closed(line, open_, is_last=False)
            open_, size = [Piece("… ", not line.partly)], 0
        if bit is not None:
            open_.append(bit)
            size += len(bit.text)
    yield from _closed(line, open_, is_last=True)


def _closed(line: Line, pieces: list[Piece], *, is_last: bool) -> Iterator[Line]:
    """What was gathered, if any of it changed."""
    told = [piece for piece in pieces if piece.text != "… "]
    if not any(piece.changed for piece in told):
        return
    end = () if is_last else (Piece("…" if told[-1].text.endswith(" ") else " …", not line.partly),)
    yield Line(line.sign, (*pieces, *end))


def _bits(line: Line) -> Iterator[Piece | None]:
    """The line's pieces in short bits; None where unchanged text between two changes is left out."""
    last = len(line.pieces) - 1
    for index, piece in enumerate(line.pieces):
        if piece.changed:
            for start in range(0, len(piece.text), WIDE):
                yield Piece(piece.text[start : start + WIDE], True)
        elif len(piece.text) <= 2 * _AROUND:
            yield piece
        else:
            if index:
                yield Piece(piece.text[:_AROUND], False)
            yield None
            if index < last:
                yield Piece(piece.text[-_AROUND:], False)
