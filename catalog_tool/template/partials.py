"""Partials, inserted at text level before a template is parsed (design §4).

The mustache rules: a tag alone on its line takes the line with it, and its indentation goes before every
line of the partial, blank ones too, before anything inside the partial is read. What is inserted is
judged as part of the text around it; a partial must therefore be whole in itself: every tag closed,
every section closed where it was opened, and no ``{`` that would meet another one at its border.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from catalog_tool.model import limits
from catalog_tool.template.nodes import Problem, Template
from catalog_tool.template.parse import parse, shown
from catalog_tool.template.scan import OPEN, Tag, scan

Load = Callable[[str], "str | None"]
"""What is written in the tag (``safety@v1``, ``safety``) to the partial's text, None where there is none."""

_REFERENCE = re.compile(r"\w[\w-]*(?:/\w[\w-]*)*(?:@v[0-9]+)?", re.ASCII).fullmatch
_CYCLE, _NESTING = "partial-cycle", "nesting"
_STRUCTURE = frozenset({"unclosed-tag", "bad-delimiters", "unclosed-section", "unopened-section", _NESTING})
_OF_INCLUDERS = frozenset({"dot-outside-section", "unexpanded-partial"})
"""What parsing a partial's text by itself finds and the text around it, or its expansion, may settle."""
_TOGETHER = frozenset({"partial-depth", "partial-seam", "expanded-size"})
"""What is wrong with texts put together, each of which may be right."""


class Place(NamedTuple):
    """A place in an expanded text, told in terms of what was written."""

    offset: int
    partial: str | None = None
    partial_offset: int | None = None


class _Level(NamedTuple):
    """One inserted partial: what its tag's place is, and how its text maps to the file's."""

    offset: int
    partial: str
    indent: int
    lines: tuple[int, ...]

    def place(self, at: int) -> Place:
        """Where the character ``at`` of the indented text stands in the partial's own text."""
        number = bisect_right(self.lines, at) - 1
        line = self.lines[number]
        own = line - self.indent * number + max(at - line - self.indent, 0)
        return Place(self.offset, self.partial, own)


class Piece(NamedTuple):
    """``start`` in the expanded text is ``at`` in the text of ``level`` (None: the outer text)."""

    start: int
    at: int
    level: _Level | None


class Expanded(NamedTuple):
    """A text with its partials inserted. ``partials_used`` are references, each once, in first use."""

    text: str
    problems: tuple[Problem, ...] = ()
    partials_used: tuple[str, ...] = ()
    pieces: tuple[Piece, ...] = ()

    def place(self, offset: int) -> Place:
        """Where a character of the expanded text was written."""
        if not self.pieces:
            return Place(offset)
        index = bisect_right(self.pieces, offset, key=_start) - 1
        piece = self.pieces[max(index, 0)]
        at = piece.at + offset - piece.start
        return Place(at) if piece.level is None else piece.level.place(at)


class Loaded(NamedTuple):
    """One text ready for use: expanded, parsed, every problem at the place where it was written."""

    expanded: Expanded
    template: Template
    problems: tuple[Problem, ...]


def expand(text: str, load: Load) -> Expanded:
    """Insert the partials that ``text`` names; a failing one is reported and inserted as nothing.

    ``load`` is asked once for each reference. Nesting stops at ``limits.PARTIAL_DEPTH``; all texts
    inserted together, tags included, at ``limits.RENDERED_CHARACTERS``, which bounds the work too.
    """
    if (">" not in text or "{{>" not in text) and ("=" not in text or "{{=" not in text):
        return Expanded(text)  # one character is found ten times faster than two
    return _Expander(load).run(text)


def load_text(text: str, load: Load) -> Loaded:
    """Expand and parse ``text``; the problems of both, each once, in the order of their places."""
    expanded = expand(text, load)
    template = parse(expanded.text)
    if not expanded.pieces:
        return Loaded(expanded, template, _merged(expanded.problems, template.problems))
    placed = (Problem(found.kind, found.message, *expanded.place(found.offset)) for found in template.problems)
    return Loaded(expanded, template, _merged(expanded.problems, tuple(placed)))


class CheckedPartial(NamedTuple):
    """What is wrong in one partial by itself, at its own places, and with what it includes.

    ``together`` are the problems that it only has with what it includes, each at its own tag or border; one
    of the ``partials_used``, which are all below it, may have the same without it.
    """

    problems: tuple[Problem, ...] = ()
    together: tuple[Problem, ...] = ()
    partials_used: tuple[str, ...] = ()


def check_partial(reference: str, text: str, load: Load) -> CheckedPartial:
    """Judge a partial's text whoever includes it: what only an includer decides is none of it.

    That is ``{{.}}``, which needs a section around it, and which variables there are. What is wrong inside
    the partials that it includes is theirs.
    """
    if OPEN[0] not in text:
        return CheckedPartial()
    own = [*_alone(text)]
    expanded = _Expander(load).run(text, (reference,))
    together: list[Problem] = []
    for problem in expanded.problems:
        if problem.kind in _TOGETHER:
            together.append(problem)
        elif problem.partial is None or (problem.kind == _CYCLE and problem.message.endswith(f" > {reference}")):
            own.append(problem)
    if expanded.pieces:
        found = (problem for problem in parse(expanded.text).problems if problem.kind == _NESTING)
        together += (Problem(_NESTING, problem.message, *expanded.place(problem.offset)) for problem in found)
    first = {(problem.kind, problem.offset): problem for problem in reversed(own)}
    problems = tuple(sorted(first.values(), key=lambda problem: problem.offset))
    return CheckedPartial(problems, tuple(together), expanded.partials_used)


@lru_cache(maxsize=256)
def _alone(text: str) -> tuple[Problem, ...]:
    """What is wrong in a partial's text, whatever it includes; a history reads the same text at many commits."""
    problems = (problem for problem in parse(text).problems if problem.kind not in _OF_INCLUDERS)
    return (*problems, *_delimiters(tag for tag in scan(text, []) if tag.sigil == "="))


def _start(piece: Piece) -> int:
    return piece.start


def _merged(first: tuple[Problem, ...], second: tuple[Problem, ...]) -> tuple[Problem, ...]:
    if not first:
        return second
    known = {(problem.kind, *problem[2:]) for problem in first}
    fresh = [problem for problem in second if (problem.kind, *problem[2:]) not in known]
    return tuple(sorted([*first, *fresh], key=lambda problem: (problem.offset, problem.partial_offset or 0)))


class _Source(NamedTuple):
    """A partial's text under one indentation, scanned; ``broken`` are its structural problems."""

    text: str
    lines: tuple[int, ...]
    tags: tuple[Tag, ...]
    broken: tuple[Problem, ...]


class _Expander:
    def __init__(self, load: Load) -> None:
        self._load = load
        self._texts: dict[str, str | None] = {}
        self._sources: dict[tuple[str, str], _Source] = {}
        self._out: list[str] = []
        self._length = 0
        self._budget = limits.RENDERED_CHARACTERS
        self._full = False
        self._pieces: list[Piece] = []
        self._problems: list[Problem] = []
        self._used: dict[str, None] = {}

    def run(self, text: str, stack: tuple[str, ...] = ()) -> Expanded:
        """Expand ``text``; ``stack`` are the references that led to it."""
        problems: list[Problem] = []
        tags = tuple(tag for tag in scan(text, problems) if tag.sigil in (">", "="))
        if not any(tag.sigil == ">" for tag in tags):
            return Expanded(text)
        self._problems.extend(problems)
        self._budget -= len(text)
        self._insert(text, tags, None, stack)
        return Expanded("".join(self._out), tuple(self._problems), tuple(self._used), tuple(self._pieces))

    def _insert(self, text: str, tags: tuple[Tag, ...], level: _Level | None, stack: tuple[str, ...]) -> None:
        """Append ``text`` with its partials; ``stack`` are the references that led here."""
        position = 0
        for tag in tags:
            if tag.sigil == "=":
                message = "set-delimiter tags are refused in a text that includes a partial"
                self._problem("partial-delimiters", message, tag.start, level)
                continue
            self._emit(text, position, tag.cut, level)
            position = tag.end
            self._partial(tag, text[tag.cut : tag.start], level, stack)
        self._emit(text, position, len(text), level)

    def _emit(self, text: str, start: int, end: int, level: _Level | None) -> None:
        if start >= end:
            return
        if text[start] == "{" and self._out and self._out[-1][-1] == "{":
            message = "a '{' at the border of a partial meets another one: together they would read as a tag"
            self._problem("partial-seam", message, start, level)
        self._pieces.append(Piece(self._length, start, level))
        self._out.append(text[start:end])
        self._length += end - start

    def _partial(self, tag: Tag, indent: str, level: _Level | None, stack: tuple[str, ...]) -> None:
        reference = tag.body
        refusal = self._refusal(reference, stack)
        if refusal is not None:
            self._problem(*refusal, tag.start, level)
            return
        self._used[reference] = None
        source = self._source(reference, indent)
        outer = tag.start if level is None else level.offset
        inner = _Level(outer, reference, len(indent), source.lines)
        if source.broken:
            for problem in source.broken:
                self._problem(problem.kind, problem.message, problem.offset, inner)
            return
        self._budget -= len(source.text)
        if self._budget < 0:
            if not self._full:
                self._full = True
                message = f"partials make the text longer than {limits.RENDERED_CHARACTERS} characters"
                self._problem("expanded-size", message, tag.start, level)
            return
        self._insert(source.text, source.tags, inner, (*stack, reference))

    def _refusal(self, reference: str, stack: tuple[str, ...]) -> tuple[str, str] | None:
        """Kind and message of why ``reference`` cannot be inserted here, None where it can."""
        if reference.startswith("*"):
            return "unsupported-tag", "dynamic partial names ({{>*name}}) are not supported"
        if _REFERENCE(reference) is None:
            return "bad-partial-name", f"'{shown(reference)}' is no partial: write NAME or NAME@v2"
        if reference in stack:
            chain = " > ".join((*stack[stack.index(reference) :], reference))
            return _CYCLE, f"partials include one another: {chain}"
        if len(stack) >= limits.PARTIAL_DEPTH:
            return "partial-depth", f"partials nested deeper than {limits.PARTIAL_DEPTH}: {reference}"
        if reference not in self._texts:
            self._texts[reference] = self._load(reference)
        if self._texts[reference] is None:
            return "unknown-partial", f"there is no partial '{shown(reference)}'"
        return None

    def _source(self, reference: str, indent: str) -> _Source:
        key = (reference, indent)
        known = self._sources.get(key)
        if known is None:
            known = self._sources[key] = _read(self._texts[reference] or "", indent)
        return known

    def _problem(self, kind: str, message: str, at: int, level: _Level | None) -> None:
        place = Place(at) if level is None else level.place(at)
        inside = "" if place.partial is None else f"in the partial {place.partial}: "
        self._problems.append(Problem(kind, inside + message, *place))


@lru_cache(maxsize=256)
def _read(text: str, indent: str) -> _Source:
    """Put ``indent`` before every line of a partial's text and find its tags."""
    if indent:
        body = indent + text.replace("\n", "\n" + indent) if text else ""
        text = body[: -len(indent)] if text.endswith("\n") else body
    lines = (0, *(match.end() for match in _NEWLINE(text))) if indent else (0,)
    if OPEN not in text:
        return _Source(text, lines, (), ())
    broken = [problem for problem in parse(text).problems if problem.kind in _STRUCTURE]
    tags = tuple(tag for tag in scan(text, []) if tag.sigil in (">", "="))
    broken += _delimiters(tag for tag in tags if tag.sigil == "=")
    return _Source(text, lines, tags, tuple(broken))


def _delimiters(tags: Iterable[Tag]) -> Iterator[Problem]:
    message = "set-delimiter tags are refused in a partial"
    return (Problem("partial-delimiters", message, tag.start) for tag in tags)


_NEWLINE = re.compile("\n").finditer
