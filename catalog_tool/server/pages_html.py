"""HTML made of values: whatever is not markup of ours is text, and characters nobody sees are shown.

``el("td", name)`` escapes ``name``; only what ``el`` and its kin made (``Html``) goes in as it is. Joining ``Html``
with a plain text gives a plain text, which is escaped again: a slip shows too much, and never runs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from catalog_tool.model.unseen import UNSEEN, is_in_emoji

_VOID = frozenset({"input", "meta", "link", "br", "wbr", "hr"})
_STRANGE = rf"[\x00-\x08{UNSEEN}]"
_TAG = r"(\{\{[^{}\n]{0,200}\}\})"


class Html(str):
    """Markup that may stand in a page."""

    __slots__ = ()


def el(tag: str, *children: Html | str | None, **attributes: str | int | bool | None) -> Html:
    """One element. ``class_="n"`` is ``class="n"``, ``aria_label`` is ``aria-label``; True is a bare attribute, and
    None or False leaves one out. Children that are None are left out too."""
    named = "".join(map(_attribute, attributes.items()))
    if tag in _VOID:
        return Html(f"<{tag}{named}>")
    return Html(f"<{tag}{named}>{join(children)}</{tag}>")


def _attribute(item: tuple[str, str | int | bool | None]) -> str:
    name, value = item
    if value is None or value is False:
        return ""
    shown = name.rstrip("_").replace("_", "-")
    return f" {shown}" if value is True else f' {shown}="{flat(str(value))}"'


def flat(given: str) -> Html:
    """A text where no element can stand, in an attribute or a title: unseen characters become their code points."""
    return Html(escape(re.sub(_STRANGE, lambda match: match[0] if is_in_emoji(match) else _point(match[0]), given)))


def join(children: Iterable[Html | str | None], between: str = "") -> Html:
    """Children one after another, texts escaped."""
    return Html(text(between).join(child if isinstance(child, Html) else text(child) for child in children if child))


def text(given: str) -> Html:
    """A text as it is, with every unseen character as its code point in a box; line feeds and tabs stay."""
    shown = escape(given)
    return Html(shown if shown.isascii() and shown.isprintable() else re.sub(_STRANGE, _boxed, shown))


def _boxed(match: re.Match[str]) -> str:
    if is_in_emoji(match):
        return match[0]
    hidden = f", a hidden {escape(chr(ord(match[0]) - 0xE0000))}" if "\U000e0020" <= match[0] <= "\U000e007e" else ""
    return f'<span class="unseen" title="a character that is not seen{hidden}">{_point(match[0])}</span>'


def _point(char: str) -> str:
    return f"U+{ord(char):04X}"


def templated(given: str) -> Html:
    """A template's text, its ``{{tags}}`` set off."""
    pieces = re.split(_TAG, given)
    return Html(
        "".join(el("b", piece, class_="tag") if place % 2 else text(piece) for place, piece in enumerate(pieces))
    )


def spoken(message: str) -> Html:
    """A sentence of ours in which `names` stand in backticks."""
    pieces = message.split("`")
    if len(pieces) % 2 == 0:
        return text(message)
    return Html("".join(el("code", piece) if place % 2 else text(piece) for place, piece in enumerate(pieces)))


def breakable(name: str) -> Html:
    """A name that may be broken where its parts meet."""
    return Html(re.sub(r"[/_:.]", lambda match: f"{match[0]}<wbr>", name)) if _is_plain(name) else text(name)


def _is_plain(name: str) -> bool:
    return re.fullmatch(r"[A-Za-z0-9/_:. -]*", name) is not None


def as_json(value: Any) -> Html:
    """A JSON value, laid out."""
    return el("pre", json.dumps(value, indent=2, ensure_ascii=False), tabindex=0)


def inline_json(value: Any) -> Html:
    """A short JSON value in a line."""
    return el("code", value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def table(head: Sequence[str], rows: Iterable[Iterable[Html | str]], caption: str) -> Html:
    """A table that scrolls inside its own box, and on a phone stands row by row, each cell beside its column's name.

    ``caption`` is read aloud.
    """
    columns = join(el("th", name, scope="col") for name in head)
    lines = join(el("tr", join(map(_cell, head, row))) for row in rows)
    inside = el("table", el("thead", el("tr", columns)), el("tbody", lines))
    return el("div", inside, class_="scroll", role="region", aria_label=caption, tabindex=0)


def _cell(name: str, held: Html | str) -> Html:
    return el("td", el("div", held), data_head=name)
