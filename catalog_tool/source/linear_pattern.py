"""Which regular expressions are safe to run on text that somebody else wrote.

A schema's ``pattern`` comes from a prompt, so it is hostile: 28 characters can keep a backtracking
engine busy for minutes. A pattern counts as *linear* here when no engine that our users run it in can
be made to explode (design §5):

- no look-around, back-reference, atomic or possessive group, inline flag (dialects differ too);
- inside anything repeated, the next character always decides what comes next. ``(-[a-z]+)*`` is fine
  although quantifiers nest, ``(a+)+``, ``(a|a)*`` and ``(a|ab)*`` are not;
- outside, what the next character leaves open may multiply at most twice over (``^.*foo.*bar$``),
  and never by more than 1,024 for what is counted (``a?a?a?…``).

Even those are run only by an engine whose time is linear in the text (``search_linear``).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from jsonschema_rs import Draft202012Validator, RegexOptions, ValidationError

from catalog_tool.source.pattern_nodes import (
    PYTHON,
    RUST,
    Chars,
    Choice,
    Edge,
    Node,
    Ranges,
    Repeat,
    Sequence,
    has_properties,
    spell,
    union,
)
from catalog_tool.source.pattern_syntax import UnreadablePatternError, parse

OPEN_LOOPS = 2
"""Loops whose end the next character does not decide; the search for a start counts as one."""
OPEN_CHOICES = 1024
"""What the other open decisions may multiply to."""
EXPANDED = 5000
"""Characters classes that a pattern may have with its counts written out."""


class _Nonlinear(Exception):  # noqa: N818 - a verdict on its way up, never seen outside
    """Some text could keep a backtracking engine busy for longer than anyone waits."""


class Verdict(NamedTuple):
    """What is known about a pattern.

    ``reason`` is empty where it is linear, else a clause to put after "not evaluated: ". ``python``
    and ``rust`` are its spellings for those engines, empty where there is a reason. ``plain``:
    Python's engine, too, needs time that is linear in the text.
    """

    reason: str
    python: str = ""
    rust: str = ""
    plain: bool = False


def search_linear(pattern: str, text: str) -> bool | None:
    """Whether ``pattern`` is found in ``text``, in linear time; None: the pattern is not linear."""
    found = _searcher(pattern)
    if found is None:
        return None
    try:
        return found(text)
    except UnicodeEncodeError:  # a lone surrogate, which no pattern can name: any other character will do
        return found(text.encode("utf-8", "replace").decode())


@lru_cache(maxsize=4096)
def judge(pattern: str) -> Verdict:
    """Everything known about ``pattern``; bounded by the pattern's own length, and remembered."""
    try:
        node = parse(pattern)
        if _expanded(node) > EXPANDED:
            raise UnreadablePatternError(f"its counts come to more than {EXPANDED:,} characters")
        openings = _Openings()
        openings.visit(node, after=(), looped=False)
    except UnreadablePatternError as error:
        return Verdict(str(error))
    except _Nonlinear:
        return Verdict("nested quantifiers, or alternatives that overlap, under a quantifier")
    searching = _has_endless(node) and not _is_anchored(node)
    if openings.loops + searching > OPEN_LOOPS or openings.choices > OPEN_CHOICES:
        return Verdict("too many quantifiers in a row that match the same characters")
    rust = spell(node, RUST)
    if has_properties(node):
        return Verdict("", "", rust) if _compiled(rust) else Verdict("a Unicode property that is not known")
    return Verdict("", spell(node, PYTHON), rust, plain=openings.loops == 0 and not searching)


@lru_cache(maxsize=1024)
def _searcher(pattern: str) -> Callable[[str], bool] | None:
    verdict = judge(pattern)
    return None if verdict.reason else _compiled(verdict.rust)


def _compiled(spelling: str) -> Callable[[str], bool] | None:
    try:
        return Draft202012Validator({"pattern": spelling}, pattern_options=RegexOptions()).is_valid
    except ValidationError:
        return None


class _Openings:
    """Counts the decisions that the next character leaves open, from left to right.

    A decision is whether to repeat once more, or which alternative to take. It is open where two ways
    on begin with the same character. One open decision inside a repetition can double the work at
    every turn, which is what makes a pattern explode, so there it ends the visit.
    """

    def __init__(self) -> None:
        self.loops = 0
        self.choices = 1

    def visit(self, node: Node, *, after: Ranges, looped: bool) -> None:
        """``after``: the characters that may follow ``node``; ``looped``: it stands in a repetition."""
        match node:
            case Sequence(parts):
                for index in range(len(parts) - 1, -1, -1):
                    self.visit(parts[index], after=after, looped=looped)
                    after = _then(parts[index], after)
            case Choice(branches):
                self._choose([_then(branch, after) for branch in branches], looped=looped)
                for branch in branches:
                    self.visit(branch, after=after, looped=looped)
            case Repeat():
                self._repeat(node, after=after, looped=looped)
            case _:
                pass

    def _choose(self, ways: list[Ranges], *, looped: bool) -> None:
        if _are_apart(ways):
            return
        if looped:
            raise _Nonlinear
        self.choices *= len(ways)

    def _repeat(self, node: Repeat, *, after: Ranges, looped: bool) -> None:
        again = first(node.body)
        many = node.high is None or node.high > 1
        if many and is_nullable(node.body):
            raise _Nonlinear
        if node.low != node.high and not _are_apart([again, after]):
            self._leave_open(node, looped=looped)
        if not isinstance(node.body, Chars):
            following = union([*again, *after]) if many else after
            self.visit(node.body, after=following, looped=looped or many)

    def _leave_open(self, node: Repeat, *, looped: bool) -> None:
        if looped:
            raise _Nonlinear
        if node.high is None:
            self.loops += 1
        else:
            self.choices *= node.high - node.low + 1


def is_nullable(node: Node) -> bool:
    """Whether ``node`` matches the empty text."""
    match node:
        case Chars():
            return False
        case Edge():
            return True
        case Sequence(parts):
            return all(is_nullable(part) for part in parts)
        case Choice(branches):
            return any(is_nullable(branch) for branch in branches)
        case Repeat(body, low, _):
            return low == 0 or is_nullable(body)


def first(node: Node) -> Ranges:
    """The characters that a match of ``node`` can begin with."""
    match node:
        case Chars(ranges):
            return ranges
        case Edge():
            return ()
        case Sequence(parts):
            start: Ranges = ()
            for part in reversed(parts):
                start = _then(part, start)
            return start
        case Choice(branches):
            return union([pair for branch in branches for pair in first(branch)])
        case Repeat(body, _, _):
            return first(body)


def _then(node: Node, after: Ranges) -> Ranges:
    """What ``node`` followed by something that begins with ``after`` begins with."""
    return union([*first(node), *after]) if is_nullable(node) else first(node)


def _are_apart(sets: list[Ranges]) -> bool:
    """Whether no character is in two of ``sets``."""
    pairs = sorted(pair for ranges in sets for pair in ranges)
    return all(left[1] < right[0] for left, right in pairwise(pairs))


def _expanded(node: Node) -> int:
    match node:
        case Sequence(children) | Choice(children):
            return 1 + sum(_expanded(child) for child in children)
        case Repeat(body, low, high):
            return _expanded(body) * max(low if high is None else high, 1)
        case _:
            return 1


def _has_endless(node: Node) -> bool:
    match node:
        case Sequence(children) | Choice(children):
            return any(_has_endless(child) for child in children)
        case Repeat(body, _, high):
            return high is None or _has_endless(body)
        case _:
            return False


def _is_anchored(node: Node) -> bool:
    """Whether a match can begin at the text's start only."""
    match node:
        case Edge(sign):
            return sign == "^"
        case Sequence(parts):
            return bool(parts) and _is_anchored(parts[0])
        case Choice(branches):
            return all(_is_anchored(branch) for branch in branches)
        case _:
            return False
