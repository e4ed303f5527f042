"""What of a comment is said where there is no room for all of it.

Every section has a share that no other may take. Within it the most harmful parts come first and whole; of the
others one line each is kept; what is not even named is counted. Nothing is left out without a word.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from catalog_tool.report.markdown_cut import cut_markdown

_NOTICE = 200
"""Bytes kept for the sentences that say what was left out."""
_LINE = 600
"""Bytes of a first line that still stands for its part."""


class Section(NamedTuple):
    """Parts of one kind, most harmful first: Markdown that ends with an empty line and begins with its verdict.

    ``weight`` is its share of the room against the other sections', ``more`` the command that shows what was left out.
    """

    noun: str
    weight: int
    more: str
    parts: Sequence[str]


def within(sections: Sequence[Section], limit: int) -> str:
    """All sections in their order, at most ``limit`` bytes; what one does not need is the others'."""
    sizes = [sum(len(part.encode()) for part in section.parts) for section in sections]
    rooms = _shares(sizes, [section.weight for section in sections], limit)
    return "".join(_fitted(section, room) for section, room in zip(sections, rooms, strict=True))


def _shares(needs: Sequence[int], weights: Sequence[int], limit: int) -> list[int]:
    """How much each gets: what it needs where its share holds that, else its share of what the modest leave over."""
    given = dict.fromkeys(range(len(needs)), 0)
    hungry = [index for index in given if needs[index]]
    left = limit
    while hungry:
        total = sum(weights[index] for index in hungry)
        modest = [index for index in hungry if needs[index] * total <= left * weights[index]]
        given.update({index: needs[index] if modest else left * weights[index] // total for index in modest or hungry})
        left -= sum(given[index] for index in modest)
        hungry = [index for index in hungry if modest and index not in modest]
    return list(given.values())


def _fitted(section: Section, room: int) -> str:
    sizes = [len(part.encode()) for part in section.parts]
    if sum(sizes) <= room:
        return "".join(section.parts)
    if len(sizes) == 1:
        return cut_markdown(section.parts[0], room, section.more)
    lines = [_first_line(part) for part in section.parts]
    whole = _whole(sizes, [len(line.encode()) for line in lines], room - _NOTICE)
    text = "".join(section.parts[:whole])
    if not whole:
        whole, text = 1, f"{cut_markdown(section.parts[0], room // 2, section.more)}\n"
    return text + "".join(_named(section, lines[whole:], room - len(text.encode())))


def _first_line(part: str) -> str:
    return f"- {part.lstrip().partition(chr(10))[0]}\n"


def _whole(sizes: Sequence[int], lines: Sequence[int], room: int) -> int:
    """How many parts are shown whole, while what is left of the room, or half of it, holds the others' lines."""
    used, rest = 0, sum(lines)
    for number, (size, line) in enumerate(zip(sizes, lines, strict=True)):
        used, rest = used + size, rest - line
        if used + min(rest, room // 2) > room:
            return number
    return len(sizes)


def _named(section: Section, lines: Sequence[str], room: int) -> Iterator[str]:
    """A line for each part that is not shown, while they fit; then how many more there are."""
    yield f"**{len(lines)} more {section.noun}**, the first lines only: {section.more} shows the rest.\n\n"
    room -= _NOTICE
    for number, line in enumerate(lines):
        room -= len(line.encode())
        if room < 0 or len(line.encode()) > _LINE:
            yield f"- … and {len(lines) - number} more\n"
            break
        yield line
    yield "\n"
