"""Reads a page as a browser would, and holds it to what every page of ours must be."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

VOID = frozenset({"meta", "input", "wbr", "link", "br", "hr"})
TAGS = frozenset(
    re.findall(
        r"\w+",
        "html head meta title style body a header div nav form input button main footer h1 h2 h3 p span b code pre "
        "table thead tbody tr th td section article dl dt dd label select option details summary del ins time svg rect "
        "wbr",
    )
)
ATTRIBUTES = frozenset(
    re.findall(
        r"[\w-]+",
        "lang charset name content href class id aria-label aria-current aria-hidden role tabindex type value "
        "maxlength placeholder action method scope data-head selected datetime title width height x viewbox",
    )
)
POLICY = "default-src 'none'; style-src '{}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
UNSEEN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff\U000e0000-\U000e007f]"
)


@dataclass
class Page(HTMLParser):
    """One page. ``text`` is what people read, ``styles`` and ``title`` apart."""

    source: str
    text: str = ""
    title: str = ""
    style: str = ""
    links: list[str] = field(default_factory=list)
    choices: list[tuple[str, list[list[tuple[str, str]]]]] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        HTMLParser.__init__(self)
        self._open: list[str] = []
        self.feed(self.source)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given: dict[str, Any] = dict(attrs)
        assert tag in TAGS, tag
        assert given.keys() <= ATTRIBUTES, given
        assert len(given) == len(attrs)
        self.tags.append(tag)
        self.ids += [given["id"]] if "id" in given else []
        self.links += [given["href"]] if "href" in given else []
        if tag == "form":
            assert given["method"] == "get"
            self.choices.append((given["action"], []))
        elif tag == "select":
            self.choices[-1][1].append([])
        elif tag == "option":
            self.choices[-1][1][-1].append((given["value"], "selected" if "selected" in given else ""))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" in self._open:
            self.style += data
        elif "title" in self._open:
            self.title += data
        else:
            self.text += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")


def read_page(answer: Any) -> Page:
    """The page of an answer, after everything that holds for all of them."""
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    found = Page(answer.text)
    style_hash = f"sha256-{base64.b64encode(hashlib.sha256(found.style.encode()).digest()).decode()}"
    assert answer.headers["content-security-policy"] == POLICY.format(style_hash)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert not UNSEEN.search(answer.text)
    assert "url(" not in found.style
    assert "@import" not in found.style
    for tag in ("h1", "main", "title", "style"):
        assert found.tags.count(tag) == 1, tag
    assert len(set(found.ids)) == len(found.ids)
    for link in (*found.links, *(action for action, _ in found.choices)):
        assert re.match(r"(?:/(?!/)|#|\?)", link), link
        assert "#" not in link or link.partition("#")[0] or link[1:] in found.ids, link
    return found
