"""Names that are taken for one another: ``code-review`` and ``code_reviews``, ``prompt_1``, ``prompt_l``.

Two names are confusable when their skeletons are equal: case, separators, a plural s, letters and
digits that look alike (0 o, 1 l i, rn m, vv w) and letters of other scripts that look Latin are
taken away. Numbers stay: ``prompt_0001`` and ``prompt_0002`` are siblings, ``v1-1`` is not ``v11``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

# Each pair of strings lines up: a letter of another script, then the Latin letter it is drawn like.
_ALIKE: tuple[tuple[str, str], ...] = (
    ("авеёкмнорстухіїјѕԁԛԝһɡӏЬ", "abeekmhopctyxiijsdqwhglb"),
    ("АВЕЁКМНОРСТУХІЇЈЅԌԚԜҺӀ", "abeekmhopctyxiijsgqwhl"),
    ("αβγεικνορτυχϲϳ", "abyeikvoptuxcj"),
    ("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "abezhikmnoptyx"),
    ("ıɩⅼⅰⅽⅾⅿⅴⅹ", "iilicdmvx"),
    ("ացհոսօքզ", "wghnuoqq"),
    ("‐‑‒–—−﹘﹣－＿․", "-----------"),
)


def _table() -> dict[int, str]:
    table = {ord(a): b for alike, latin in _ALIKE for a, b in zip(alike, latin, strict=True)}
    for offset in range(26):  # full width and mathematical letters
        letter = chr(ord("a") + offset)
        table[0xFF21 + offset] = table[0xFF41 + offset] = letter
        for start in range(0x1D400, 0x1D6A4, 52):
            table[start + offset] = table[start + 26 + offset] = letter
    table.update({0xFF10 + digit: str(digit) for digit in range(10)})
    return table


_FOREIGN = _table()
_DASHES = str.maketrans("_ .", "---")
_LETTERS = str.maketrans("01i", "oll")
_PLURAL = re.compile(r"s(?<=[a-z]{2}[a-rt-z]s)(?=[-/\n])")
_SEPARATOR = re.compile(r"-(?!(?<=[0-9]-)[0-9])")


def skeleton(name: str) -> str:
    """What of ``name`` the eye keeps: equal for confusable names, not meant to be shown."""
    return _skeletons([name])[0]


def find_confusable(names: Iterable[str]) -> list[tuple[str, str]]:
    """Pairs ``(name, other)``: ``other`` is the first in order of those ``name`` can be taken for.

    Each name but the first of its group appears once, in order; duplicates are one name. Takes
    about 1 µs a name.
    """
    ordered = sorted(set(names))
    first: dict[str, str] = {}
    pairs: list[tuple[str, str]] = []
    for name, bones in zip(ordered, _skeletons(ordered), strict=True):
        other = first.setdefault(bones, name)
        if other != name:
            pairs.append((name, other))
    return pairs


def _skeletons(names: list[str]) -> list[str]:
    """The skeleton of each name. All at once: a few passes over one text, not over every name."""
    text = "\n".join(names)
    if text.count("\n") >= max(1, len(names)):
        text = "\n".join(name.replace("\n", " ") for name in names)
    text = text if text.isascii() else text.translate(_FOREIGN)
    text = _PLURAL.sub("", text.lower().translate(_DASHES) + "\n")[:-1]
    text = _SEPARATOR.sub("", text).translate(_LETTERS)
    return text.replace("rn", "m").replace("vv", "w").split("\n")[: len(names)]
