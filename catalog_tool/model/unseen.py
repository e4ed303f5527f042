r"""Characters that nobody sees where a text is shown: every report and page shows them as something else."""

from __future__ import annotations

import re

# Everything that moves a cursor, turns the reading direction or has no glyph: Unicode's control,
# format, separator and surrogate characters and its default-ignorable ones (DerivedCoreProperties).
# The Arabic, Syriac and Kaithi signs that are of category Cf but have a glyph are left out.
UNSEEN = (
    r"\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    r"\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\ud800-\udfff"
    r"\U00013430-\U0001345f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""The inside of a pattern's character class. TAB, LF and what is before them are for each place to decide."""

_SELECTOR, _JOINER = "\ufe0f", "\u200d"


def is_in_emoji(match: re.Match[str]) -> bool:
    """Whether this one character is the selector after a picture or the joiner between two: there it is writing."""
    char = match[0]
    if char not in (_SELECTOR, _JOINER):
        return False
    before = match.string[match.start() - 1 : match.start()]
    if char == _SELECTOR:
        return _is_picture(before)
    after = match.string[match.end() : match.end() + 1]
    return (_is_picture(before) or before == _SELECTOR) and _is_picture(after)


def _is_picture(char: str) -> bool:
    return char in ("\u00a9", "\u00ae") or "\u203c" <= char <= "\u3299" or "\U0001f000" <= char <= "\U0001faff"
