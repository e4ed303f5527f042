"""Markdown within a number of bytes, cut between blocks only: never in a fence, never in an open fold."""

from __future__ import annotations

import re

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_NOTICE = "\n… the rest is left out, it would be too long: {} more lines{}.\n"
_ROOM = 100
"""Bytes kept for the notice."""


def cut_markdown(text: str, limit: int, more: str = "") -> str:
    """``text``, or as much of it as ends with a whole block within ``limit`` bytes, and a line that says so.

    Blocks are told apart as CommonMark does for fences ("Fenced code blocks"); a fold is ``<details>`` at the
    start of a line. Only an empty line outside both is a place to cut, so an unclosed fence cuts before it.
    ``more`` is the command that shows the rest, if one does.
    """
    if len(text.encode()) <= limit:
        return text
    where = f"; {more} shows them" if more else ""
    room = limit - _ROOM - len(where.encode())
    lines = text.split("\n")
    size = safe = 0
    fence, depth = "", 0
    for number, line in enumerate(lines):
        if size > room:
            break
        if not line and not fence and not depth:
            safe = number
        fence, depth = _after(line, fence, depth)
        size += len(line.encode()) + 1
    return "\n".join(lines[:safe]) + _NOTICE.format(len(lines) - safe, where)


def _after(line: str, fence: str, depth: int) -> tuple[str, int]:
    found = _FENCE.match(line)
    if fence:
        closes = found is not None and found[1].startswith(fence) and not line[found.end() :].strip()
        return ("" if closes else fence), depth
    if found is not None:
        return found[1], depth
    if line.startswith("<details"):
        return fence, depth + 1
    return fence, depth - (depth > 0 and line.startswith("</details>"))
