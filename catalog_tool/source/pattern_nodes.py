"""The tree of a regular expression, and its spelling for an engine.

A spelling leaves nothing to interpretation: every class is written as explicit ranges, and the few
signs that engines read differently (``$``, ``\\b``) are looked up.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple, TypeAlias

Ranges: TypeAlias = tuple[tuple[int, int], ...]

TOP = 0x10FFFF
SURROGATES = (0xD800, 0xDFFF)


class Chars(NamedTuple):
    """One character out of ``ranges``: sorted, apart, both ends included.

    With a Unicode property in it, ``rust`` is the spelling (only that engine knows them), and
    ``ranges`` is everything, so that whoever asks what may overlap errs on the safe side.
    """

    ranges: Ranges
    rust: str = ""


class Edge(NamedTuple):
    """A place that takes no character: ``^``, ``$`` or ``\\b``."""

    sign: str


class Sequence(NamedTuple):
    """One after the other; without parts, the empty text."""

    parts: tuple[Node, ...]


class Choice(NamedTuple):
    """One of several."""

    branches: tuple[Node, ...]


class Repeat(NamedTuple):
    """``body`` from ``low`` to ``high`` times; ``high`` None = without end."""

    body: Node
    low: int
    high: int | None


Node: TypeAlias = Chars | Edge | Sequence | Choice | Repeat


def union(pairs: list[tuple[int, int]]) -> Ranges:
    """``pairs`` sorted, with what overlaps or touches made one."""
    merged: list[tuple[int, int]] = []
    for low, high in sorted(pairs):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return tuple(merged)


def complement(ranges: Ranges) -> Ranges:
    """Every code point that is not in ``ranges``."""
    edges = [(-1, -1), *ranges, (TOP + 1, TOP + 1)]
    return tuple((left[1] + 1, right[0] - 1) for left, right in pairwise(edges) if left[1] + 1 <= right[0] - 1)


PYTHON = {"^": "^", "$": r"\Z", "\\b": r"(?a:\b)"}
RUST = {"^": "^", "$": "$", "\\b": r"(?-u:\b)"}


def has_properties(node: Node) -> bool:
    """Whether ``node`` names a Unicode property, which Python's engine does not know."""
    match node:
        case Chars(_, rust):
            return bool(rust)
        case Edge():
            return False
        case Sequence(children) | Choice(children):
            return any(has_properties(child) for child in children)
        case Repeat(body):
            return has_properties(body)


def spell(node: Node, edges: dict[str, str]) -> str:
    """``node`` written so that one engine reads exactly its meaning; ``edges``: PYTHON or RUST."""
    match node:
        case Chars(ranges, rust):
            return rust or f"[{''.join(spell_range(low, high) for low, high in ranges)}]"
        case Edge(sign):
            return edges[sign]
        case Sequence(parts):
            return "".join(_spell_part(part, edges) for part in parts)
        case Choice(branches):
            return "|".join(spell(branch, edges) for branch in branches)
        case Repeat(body, low, high):
            return f"(?:{spell(body, edges)}){_spell_counts(low, high)}"


def _spell_part(node: Node, edges: dict[str, str]) -> str:
    text = spell(node, edges)
    return f"(?:{text})" if isinstance(node, Choice) else text


def _spell_counts(low: int, high: int | None) -> str:
    return f"{{{low},{'' if high is None else high}}}"


def spell_range(low: int, high: int) -> str:
    # Rust's characters leave the surrogates out; no text that we read holds any.
    if low < SURROGATES[0] and high > SURROGATES[1]:
        return spell_range(low, SURROGATES[0] - 1) + spell_range(SURROGATES[1] + 1, high)
    return _spell_code(low) if low == high else f"{_spell_code(low)}-{_spell_code(high)}"


def _spell_code(code: int) -> str:
    character = chr(code)
    return character if code > 0x7F or character.isalnum() else f"\\x{code:02x}"
