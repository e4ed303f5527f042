"""Links of a skill's Markdown to files: dead ones, and ones that leave the skill (design §3)."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterator
from typing import NamedTuple
from urllib.parse import unquote

_FENCE = re.compile(r"(?ms)^[ \t]*(```+|~~~+).*?(?:^[ \t]*\1|\Z)")
_CODE_SPAN = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)")
_COMMENT = re.compile(r"(?s)<!--.*?-->")
_LINK = re.compile(r"!?\[[^\[\]\n]*\]\(\s*(?:<([^<>\n]*)>|([^\s()<>]+))(?:\s+[\"'(][^\n]*?)?\)")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:|//|#|mailto:")
_NOT_A_PATH = re.compile(r"[{}$*<>|\\\"]|\.\.\.|^(?:url|link|path|href)$", re.I)

DEAD, ESCAPES = "dead", "escapes"


class LinkHit(NamedTuple):
    """A link that does not do what it says: ``kind``, its target, and its offset in the body."""

    kind: str
    target: str
    offset: int


def find_bad_links(body: str, folder: str, files: Collection[str]) -> Iterator[LinkHit]:
    """Links of ``body`` that lead to no file.

    ``folder`` is where the Markdown file stands inside the skill (empty: its root), ``files`` are the
    skill's files and folders by path inside it. Code, comments, URLs, anchors and placeholders do
    not count.
    """
    if not _has_doubtful(body, folder, files):
        return
    text = _blank(_CODE_SPAN, _blank(_FENCE, _blank(_COMMENT, body)))
    for found in _LINK.finditer(text):
        target = found[1] if found[1] is not None else found[2]
        path = unquote(target.partition("#")[0].partition("?")[0])
        if not path or _SCHEME.match(target) or _NOT_A_PATH.search(path):
            continue
        if path.startswith("/"):
            yield LinkHit(ESCAPES, target, found.start())
            continue
        inner = posixpath.normpath(posixpath.join(folder, path))
        if inner == ".." or inner.startswith("../"):
            yield LinkHit(ESCAPES, target, found.start())
        elif inner != "." and inner not in files:
            yield LinkHit(DEAD, target, found.start())


def _has_doubtful(body: str, folder: str, files: Collection[str]) -> bool:
    """Whether any link is not plainly a URL, an anchor or a file that is there; most skills have none."""
    at = body.find("](")
    while at >= 0:
        target = body[at + 2 : at + 202].partition(")")[0]
        if not target.startswith(("http://", "https://", "#")):
            inner = target.partition("#")[0]
            if (f"{folder}/{inner}" if folder else inner) not in files:
                return True
        at = body.find("](", at + 2)
    return False


def _blank(pattern: re.Pattern[str], text: str) -> str:
    """The text with what matches replaced by as many spaces, line ends kept, so that offsets hold."""
    return pattern.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)
