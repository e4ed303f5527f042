"""Links of a skill's Markdown to files: dead ones, and ones that leave the skill (design §3)."""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple
from urllib.parse import unquote

from catalog_tool.checks.hidden_text import find_html_comments

_FENCE = re.compile(r"[ \t]{0,12}(?:[-*+>] {0,3}|\d{1,3}[.)] {0,3})?(`{3,}|~{3,})(.*)", re.ASCII)
_NOT_LINE_END = re.compile(r"[^\n]")
_BACKTICKS = re.compile(r"`+")
_ITEM = re.compile(r"[ \t]*(?:[-*+]|\d{1,9}[.)])[ \t]{1,4}(?=\S)", re.ASCII)
_CODE_INDENT = 4
# What a link leads to, from the end of its text on; a title may follow. Nothing here is tried twice.
_TARGET = re.compile(r"\]\([ \t]*+\n?+[ \t]*+(?:<([^<>\n]*+)>|([^\s()<>]++))(?=\s*+\)|\s++[\"'(])")
_DEFINITION = re.compile(
    r"(?m)^ {0,3}(?P<label>\[)(?!\^)[^\[\]\n]{1,200}\]:[ \t]*+(?:<([^<>\n]*+)>|(\S++))[ \t]*+(?:[\"'(].*)?$"
)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:|//|#|mailto:", re.ASCII)
_NOT_A_PATH = re.compile(r"[{}$*<>|\\\"]|\.\.\.|^(?:url|link|path|href)$", re.IGNORECASE)
_LABEL = 500  # characters before a link's target in which its text begins

DEAD, ESCAPES = "dead", "escapes"


class LinkHit(NamedTuple):
    """A link that does not do what it says: ``kind``, its target, and its offset in the text."""

    kind: str
    target: str
    offset: int


def find_bad_links(text: str, folder: str, files: Collection[str]) -> Iterator[LinkHit]:
    """Links of a Markdown text that lead to no file, in time that grows with its length.

    ``folder`` is where the text's file stands inside the skill (empty: its root), ``files`` are the
    skill's files and folders by path inside it. A path counts from the file's folder, or from the
    skill's root, as agents read it. Code, comments, URLs, anchors and placeholders do not count.
    """
    if not _has_doubtful(text, folder, files):
        return
    judged = [(at, _judge(target, offset, folder, files)) for target, offset, at in _links(text)]
    bad = [(at, hit) for at, hit in judged if hit is not None]
    shown = _without_code(text) if bad else ""
    yield from (hit for at, hit in bad if shown[at] != " ")


def _judge(target: str, offset: int, folder: str, files: Collection[str]) -> LinkHit | None:
    """What is wrong with one link, or None."""
    if "&" in target:
        from html import unescape  # slow to import, and rarely needed

        target = unescape(target)
    path = unquote(target.partition("#")[0].partition("?")[0])
    if not path or _SCHEME.match(target) or _NOT_A_PATH.search(path):
        return None
    inner = posixpath.normpath(posixpath.join(folder, path))
    if path.startswith("/") or inner == ".." or inner.startswith("../"):
        return LinkHit(ESCAPES, target, offset)
    known = inner == "." or inner in files or posixpath.normpath(path) in files
    return None if known else LinkHit(DEAD, target, offset)


def _links(text: str) -> Iterator[tuple[str, int, int]]:
    """The target of every link and image, and the offsets of the brackets around its text."""
    for found in _TARGET.finditer(text):
        at = found.start()
        start = _opening(text, at)
        if start >= 0 and not _is_escaped(text, at):
            yield found[1] if found[1] is not None else found[2], start, at
    if "]:" in text:
        for found in _DEFINITION.finditer(text):
            start = found.start("label")
            yield found[2] if found[2] is not None else found[3], start, start


def _opening(text: str, end: int) -> int:
    """Where the text of a link begins whose closing bracket stands at ``end``; -1 where nothing opens it."""
    first = max(0, end - _LABEL)
    start = text.rfind("[", first, end)
    while start >= 0 and _is_escaped(text, start):
        start = text.rfind("[", first, start)
    return start


def _is_escaped(text: str, at: int) -> bool:
    """Whether an odd number of backslashes stands before a character."""
    before = text[max(0, at - _LABEL) : at]
    return (len(before) - len(before.rstrip("\\"))) % 2 == 1


def _has_doubtful(text: str, folder: str, files: Collection[str]) -> bool:
    """Whether any link is not plainly a URL, an anchor or a file that is there; most skills have none."""
    at = text.find("](")
    while at >= 0:
        target = text[at + 2 : at + 202].partition(")")[0]
        if not target.startswith(("http://", "https://", "#")):
            inner = target.partition("#")[0]
            if (f"{folder}/{inner}" if folder else inner) not in files:
                return True
        at = text.find("](", at + 2)
    return _has_definition(text)


def _has_definition(text: str) -> bool:
    """Whether a line may say where the links of one text lead: ``[text]: path``."""
    at = text.find("]:")
    while at >= 0:
        line = text.rfind("\n", max(0, at - _LABEL), at) + 1
        if text[line:at].lstrip(" ").startswith("["):
            return True
        at = text.find("]:", at + 2)
    return False


def _without_code(text: str) -> str:
    """The text with comments and code as spaces, line ends kept, so that offsets hold."""
    pieces, done = [], 0
    for comment in find_html_comments(text):
        pieces += [text[done : comment.start], _NOT_LINE_END.sub(" ", text[comment.start : comment.end])]
        done = comment.end
    lines = "".join([*pieces, text[done:]]).split("\n")
    fence, at = "", 0
    for number in _indented_code(text.split("\n")):
        lines[number] = " " * len(lines[number])
    for number, line in enumerate(lines):
        mark = _FENCE.match(line) if "```" in line or "~~~" in line else None
        if fence:
            lines[number] = " " * len(line)
            if (
                mark is not None
                and mark[1].startswith(fence)
                and not mark[2].strip()
                and mark.start(1) < at + _CODE_INDENT
            ):
                fence = ""
        elif mark is not None and (mark[1][0] == "~" or "`" not in mark[2]):
            lines[number] = " " * len(line)
            fence, at = mark[1], mark.start(1)
        elif "]" in line and "`" in line:
            lines[number] = _without_spans(line)
    return "\n".join(lines)


def _indented_code(lines: Sequence[str]) -> list[int]:
    """The lines that are code by their indentation: four beyond the list item they are in, after a blank line."""
    found = []
    content, may_begin = 0, True
    for number, line in enumerate(lines):
        if not line.strip():
            may_begin = True
            continue
        width = _width(line)
        if may_begin and width >= content + _CODE_INDENT:
            found.append(number)
            continue
        if item := _ITEM.match(line):
            content = len(item[0].expandtabs(_CODE_INDENT))
        elif may_begin:
            content = min(content, width)
        may_begin = line.startswith("#")
    return found


def _width(line: str) -> int:
    """The columns before the first character, tabs at every fourth."""
    shown = line.expandtabs(_CODE_INDENT)
    return len(shown) - len(shown.lstrip(" "))


def _without_spans(line: str) -> str:
    """A line with its inline code as spaces: from a run of backticks to the next one of the same length."""
    runs = [found.span() for found in _BACKTICKS.finditer(line)]
    later: dict[int, list[int]] = defaultdict(list)
    for number in range(len(runs) - 1, -1, -1):
        later[runs[number][1] - runs[number][0]].append(number)
    pieces, done, number = [], 0, 0
    while number < len(runs):
        start, end = runs[number]
        same = later[end - start]
        while same and same[-1] <= number:
            same.pop()
        if same:
            number = same[-1]
            stop = runs[number][1]
            pieces += [line[done:start], " " * (stop - start)]
            done = stop
        number += 1
    return "".join([*pieces, line[done:]])
