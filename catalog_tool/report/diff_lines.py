"""A comparison of two texts as lines: what stayed, what went and what came, with the words that differ."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from catalog_tool.diff.words import DELETE, EQUAL, INSERT, Hunk, Segment

CONTEXT, GONE, CAME = " ", "-", "+"


class Piece(NamedTuple):
    """Part of a line, and whether it is what differs."""

    text: str
    changed: bool


class Line(NamedTuple):
    """One line of a hunk: its sign, and its pieces without the line end."""

    sign: str
    pieces: tuple[Piece, ...]

    @property
    def text(self) -> str:
        """The whole line."""
        return "".join(piece.text for piece in self.pieces)

    @property
    def partly(self) -> bool:
        """Whether only some of its words differ."""
        return any(piece.changed for piece in self.pieces) and any(
            not piece.changed and piece.text.strip() for piece in self.pieces
        )


class Pair(NamedTuple):
    """Lines that stand beside one another: None where one side has no counterpart."""

    old: Line | None
    new: Line | None


class _Side:
    """The lines of one side since the last place where both sides agree."""

    def __init__(self, sign: str) -> None:
        self.sign = sign
        self.lines: list[Line] = []
        self._open: list[Piece] = []

    def add(self, text: str, *, changed: bool) -> None:
        first, *rest = text.split("\n")
        if first:
            self._open.append(Piece(first, changed))
        for piece in rest:
            self._close()
            if piece:
                self._open.append(Piece(piece, changed))

    @property
    def between_lines(self) -> bool:
        """Whether no line is begun."""
        return not self._open

    def _close(self) -> None:
        self.lines.append(Line(self.sign, tuple(self._open)))
        self._open = []

    def taken(self) -> list[Line]:
        """The lines so far; a line that is still open counts."""
        if self._open:
            self._close()
        lines, self.lines = self.lines, []
        return lines


def hunk_blocks(hunk: Hunk) -> Iterator[tuple[list[Line], list[Line]]]:
    """Lines of the old and of the new text that belong together; context as the same line on both sides."""
    old, new = _Side(GONE), _Side(CAME)
    changed = False
    for segment in hunk.segments:
        if segment.op != EQUAL:
            changed = True
            _add(segment, old, new)
            continue
        for piece in segment.text.splitlines(keepends=True):
            if changed and old.between_lines and new.between_lines:
                yield _block(old, new, changed=True)
                changed = False
            _add(Segment(EQUAL, piece), old, new)
            if piece.endswith("\n"):
                yield _block(old, new, changed=changed)
                changed = False
    last = _block(old, new, changed=changed)
    if last[0] or last[1]:
        yield last


def _add(segment: Segment, old: _Side, new: _Side) -> None:
    if segment.op != INSERT:
        old.add(segment.text, changed=segment.op == DELETE)
    if segment.op != DELETE:
        new.add(segment.text, changed=segment.op == INSERT)


def _block(old: _Side, new: _Side, *, changed: bool) -> tuple[list[Line], list[Line]]:
    before, after = old.taken(), new.taken()
    if not changed:
        context = [Line(CONTEXT, line.pieces) for line in before]
        return context, context
    return before, after


def unified(hunk: Hunk) -> Iterator[Line]:
    """The lines of a hunk in one column: what went before what came."""
    for old, new in hunk_blocks(hunk):
        yield from old
        if old is not new:
            yield from new


def pairs(hunk: Hunk) -> Iterator[Pair]:
    """The lines of a hunk in two columns."""
    for old, new in hunk_blocks(hunk):
        for index in range(max(len(old), len(new))):
            yield Pair(
                old[index] if index < len(old) else None,
                new[index] if index < len(new) else None,
            )


def marked(line: Line) -> str:
    """A line with its sign; where only some words differ they stand in ``[-…-]`` or ``{+…+}``."""
    if line.sign == CONTEXT or not line.partly:
        return f"{line.sign} {line.text}"
    left, right = ("[-", "-]") if line.sign == GONE else ("{+", "+}")
    said = "".join(f"{left}{piece.text}{right}" if piece.changed else piece.text for piece in line.pieces)
    return f"{line.sign} {said}"
