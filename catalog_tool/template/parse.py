"""Mustache text to a template: names checked, sections matched, every problem reported.

Supported: comments, ``{{a.b}}``, ``{{{a}}}``, ``{{&a}}``, ``{{.}}``, sections, inverted sections and
set-delimiter tags. Partials are expanded before (``partials.expand``); what other dialects add is
refused.
"""

from __future__ import annotations

from typing import NamedTuple

from catalog_tool.model import limits
from catalog_tool.template.nodes import (
    DOT,
    SECTION,
    VARIABLE,
    Node,
    Problem,
    Section,
    Template,
    Use,
    Variable,
)
from catalog_tool.template.scan import IS_NAME, OPEN, PLAIN_TAG, Scanner, Tag

_SHOWN = 40
"""Characters of a bad name that a message repeats."""


def parse(text: str) -> Template:
    """The template of an expanded text, with all of its problems; never raises, linear in the text."""
    if OPEN[0] not in text or OPEN not in text:  # one character is found ten times faster
        return Template((text,))
    return _Parser(text).run()


class _Frame(NamedTuple):
    """A section that is being read, and what stood around it."""

    name: str
    parts: tuple[str, ...] | None
    offset: int
    inverted: bool
    around: list[Node]


class _Parser:
    __slots__ = ("_frames", "_names", "_nodes", "_problems", "_text")

    def __init__(self, text: str) -> None:
        self._text = text
        self._nodes: list[Node] = []
        self._names: list[Use] = []
        self._problems: list[Problem] = []
        self._frames: list[_Frame] = []

    def run(self) -> Template:
        text, position = self._text, 0
        scanner = Scanner(text, self._problems)
        while (start := text.find(scanner.open, position)) >= 0:
            plain = PLAIN_TAG(text, start) if scanner.open == OPEN else None
            if plain is not None:
                self._literal(position, start)
                self._add(plain[1], start)
                position = plain.end()
                continue
            tag, resume = scanner.read(start, position)
            if tag is None:
                self._literal(position, resume)
            else:
                self._literal(position, tag.cut)
                if not self._take(tag):
                    return self._result()
            position = resume
        self._literal(position, len(text))
        while self._frames:
            frame = self._frames.pop()
            self._unclosed(frame)
            self._leave(frame)
        return self._result()

    def _literal(self, start: int, end: int) -> None:
        if start < end:
            self._nodes.append(self._text[start:end])

    def _add(self, name: str, offset: int) -> None:
        parts = tuple(name.split(DOT)) if DOT in name else (name,)
        self._names.append(Use(name, offset, VARIABLE))
        self._nodes.append(Variable(name, parts, offset))

    def _result(self) -> Template:
        problems = tuple(sorted(self._problems, key=_offset)) if self._problems else ()
        return Template(tuple(self._nodes), tuple(self._names), problems)

    def _take(self, tag: Tag) -> bool:
        """Take one tag; False where the text cannot be read further."""
        sigil = tag.sigil
        if sigil in ("", "&", "{"):
            self._variable(tag)
        elif sigil in "#^":
            return self._open(tag)
        elif sigil == "/":
            self._close(tag)
        elif sigil in "<$":
            self._problem("unsupported-tag", "template inheritance ({{<name}}, {{$name}}) is not supported", tag)
        elif sigil == ">":
            self._problem("unexpanded-partial", f"the partial {shown(tag.body)} was not expanded", tag)
        return True

    def _problem(self, kind: str, message: str, tag: Tag) -> None:
        self._problems.append(Problem(kind, message, tag.start))

    def _variable(self, tag: Tag) -> None:
        parts = self._parts(tag)
        if parts:
            self._add(tag.body, tag.start)
        elif parts is not None:
            self._nodes.append(Variable(DOT, (), tag.start))

    def _parts(self, tag: Tag) -> tuple[str, ...] | None:
        """The name's parts, () for a dot, None with a problem where it is no name."""
        name = tag.body
        if IS_NAME(name) is None:
            self._problem("bad-name", _bad_name(name), tag)
            return None
        if name != DOT:
            return tuple(name.split(DOT)) if DOT in name else (name,)
        if not any(not frame.inverted for frame in self._frames):
            self._problem("dot-outside-section", "{{.}} means the current item: it needs a section around it", tag)
            return None
        return ()

    def _open(self, tag: Tag) -> bool:
        if len(self._frames) >= limits.NESTING:
            message = f"sections nested deeper than {limits.NESTING}; the rest of the text is not read"
            self._problem("nesting", message, tag)
            return False
        parts = self._parts(tag)
        if parts:
            self._names.append(Use(tag.body, tag.start, SECTION))
        self._frames.append(_Frame(tag.body, parts, tag.start, tag.sigil == "^", self._nodes))
        self._nodes = []
        return True

    def _close(self, tag: Tag) -> None:
        if not any(frame.name == tag.body for frame in self._frames):
            message = f"{{{{/{shown(tag.body)}}}}} closes a section that is not open"
            self._problem("unopened-section", message, tag)
            return
        while (frame := self._frames.pop()).name != tag.body:
            self._unclosed(frame)
            self._leave(frame)
        self._leave(frame)

    def _leave(self, frame: _Frame) -> None:
        inside, self._nodes = self._nodes, frame.around
        if frame.parts is None:
            self._nodes.extend(inside)
        else:
            section = Section(frame.name, frame.parts, frame.offset, frame.inverted, tuple(inside))
            self._nodes.append(section)

    def _unclosed(self, frame: _Frame) -> None:
        message = f"the section {shown(frame.name)} is not closed: {{{{/{shown(frame.name)}}}}} is missing"
        self._problems.append(Problem("unclosed-section", message, frame.offset))


def _offset(problem: Problem) -> int:
    return problem.offset


def shown(name: str) -> str:
    """A piece of a hostile text, short enough for a message."""
    return name if len(name) <= _SHOWN else f"{name[:_SHOWN]}…"


def _bad_name(name: str) -> str:
    if not name:
        return "an empty tag names nothing"
    return (
        f"'{shown(name)}' is no name: letters, digits, '_' and '-', joined by dots; "
        "for literal braces use 'template: none' or {{=<% %>=}}"
    )
