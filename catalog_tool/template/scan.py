"""Finding mustache tags: one pass over the text, in time linear in its length, whatever it holds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from catalog_tool.template.nodes import Problem

OPEN = "{{"
CLOSE = "}}"
_SPACE = " \t\r\n"
_NAME = r"[A-Za-z_][A-Za-z0-9_-]*(?:\.[A-Za-z_][A-Za-z0-9_-]*)*"
IS_NAME = re.compile(rf"{_NAME}|\.", re.ASCII).fullmatch
"""A name in a tag (design §4)."""
PLAIN_TAG = re.compile(rf"\{{\{{[ \t\r\n]*({_NAME})[ \t\r\n]*\}}\}}", re.ASCII).match
"""``{{name}}`` between the default delimiters, which most tags are: a short way round ``Scanner``."""
_LINE_END = re.compile(r"[ \t]*(?:\r?\n|\Z)").match
_BRACES = re.compile(r"\{*").match

_SIGILS = frozenset("#^/!>=&{<$")
_STANDALONE = frozenset("#^/!>=")
_CLOSING = {"{": "}", "=": "="}
"""What stands before the closing delimiter of ``{{{name}}}`` and ``{{=<% %>=}}``."""


class Tag(NamedTuple):
    """One tag. ``sigil`` is the character after the delimiter, empty for ``{{name}}``.

    The tag starts at ``start``; a literal text before it ends at ``cut`` and the next one begins at
    ``end``. They differ from the tag's own bounds where it stands alone on its line: that line goes.
    """

    sigil: str
    body: str
    start: int
    cut: int
    end: int


def scan(text: str, problems: list[Problem]) -> Iterator[Tag]:
    """The tags of ``text`` in order; tags that never close are appended to ``problems`` instead."""
    scanner = Scanner(text, problems)
    position = 0
    while (start := text.find(scanner.open, position)) >= 0:
        tag, position = scanner.read(start, position)
        if tag is not None:
            yield tag


class Scanner:
    """The state between tags: the delimiters, and the next places where each closing one stands."""

    __slots__ = ("_ahead", "close", "open", "problems", "text")

    def __init__(self, text: str, problems: list[Problem]) -> None:
        self.text = text
        self.problems = problems
        self.open = OPEN
        self.close = CLOSE
        self._ahead: dict[str, int] = {}

    def read(self, start: int, previous_end: int) -> tuple[Tag | None, int]:
        """The tag that opens at ``start``, or None, and the place where scanning goes on."""
        text = self.text
        inside = start + len(self.open)
        sigil = text[inside : inside + 1]
        if sigil in _SIGILS:
            inside += 1
        else:
            sigil = ""
        closing = _CLOSING.get(sigil, "") + self.close
        finish = self._next(closing, inside)
        resume = self._unclosed(start, inside, finish, sigil)
        if resume is not None:
            return None, resume
        end = finish + len(closing)
        body = text[inside:finish].strip(_SPACE) if sigil != "!" else ""
        if sigil == "=":
            self._set_delimiters(body, start)
        cut = start
        if sigil in _STANDALONE:
            cut, end = self._whole_line(previous_end, start, end)
        return Tag(sigil, body, start, cut, end), end

    def _next(self, closing: str, position: int) -> int:
        """The first ``closing`` at or after ``position``; len(text) where there is none.

        Remembered, so that a text full of tags that do not close is not searched again for each.
        """
        known = self._ahead.get(closing, -1)
        if known < position:
            known = self.text.find(closing, position)
            known = len(self.text) if known < 0 else known
            self._ahead[closing] = known
        return known

    def _unclosed(self, start: int, inside: int, finish: int, sigil: str) -> int | None:
        """Where to go on if the tag at ``start`` is not closed before the next one opens, else None."""
        text = self.text
        if finish == len(text):
            self._report(start)
            return len(text) if self._next(self.close, inside) == len(text) else self._skip(start)
        if sigil == "!" or self.open == self.close:
            return None
        inner = text.find(self.open, inside, finish)
        if inner < 0:
            return None
        self._report(start)
        return max(inner, self._skip(start))

    def _skip(self, start: int) -> int:
        braces = _BRACES(self.text, start)
        return max(start + len(self.open), braces.end() if braces is not None else 0)

    def _report(self, start: int) -> None:
        message = f"this tag is not closed: '{self.close}' is missing"
        self.problems.append(Problem("unclosed-tag", message, start))

    def _set_delimiters(self, body: str, start: int) -> None:
        pair = body.split()
        if len(pair) == 2 and "=" not in body:
            self.open, self.close = pair
            return
        message = "a set-delimiter tag names two delimiters without '=', such as {{=<% %>=}}"
        self.problems.append(Problem("bad-delimiters", message, start))

    def _whole_line(self, previous_end: int, start: int, end: int) -> tuple[int, int]:
        """The bounds of the line where the tag stands alone on it, else of the tag."""
        text = self.text
        line = text.rfind("\n", previous_end, start) + 1
        if line == 0:
            line = previous_end
            if line > 0 and text[line - 1] != "\n":
                return start, end
        if text[line:start].strip(" \t"):
            return start, end
        rest = _LINE_END(text, end)
        return (start, end) if rest is None else (line, rest.end())
