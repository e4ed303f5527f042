r"""Texts from files, made harmless for the place they are shown in (faults rows 51 to 53).

A prompt, a skill, a path or an answer of a backend can hold anything: control sequences for the
terminal, workflow commands for the runner, mentions for the reviewer, characters nobody sees. Each
function here takes such a text and gives back one that says the same and does nothing. All are
pure and linear. Where a character is replaced it is by a visible escape (``\x1b``, ``\u202e``,
``\U000e0041``); the escapes are for eyes, not for reading back, so a backslash that was there
already stays as it is.
"""

from __future__ import annotations

import re

from catalog_tool.model.unseen import UNSEEN, is_in_emoji

# Patterns are strings, which ``re`` compiles and keeps at their first use: most runs use none.
_HIDDEN = rf"[\x00-\x0a{UNSEEN}]"
_HIDDEN_IN_LINES = rf"[\x00-\x09{UNSEEN}]"
_HIDDEN_IN_LAYOUT = rf"[\x00-\x08{UNSEEN}]"

_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def _shown(match: re.Match[str]) -> str:
    char = match[0]
    point = ord(char)
    if point < 0x100:
        return _SHORT.get(char) or f"\\x{point:02x}"
    if is_in_emoji(match):
        return char
    return f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"


def for_terminal(text: str) -> str:
    r"""``text`` as part of one line on a terminal: every control or unseen character shown as an escape.

    Line ends and tabs are shown too (``\n``, ``\t``). Nothing in the answer moves the cursor, changes a
    colour or a title, writes the clipboard, or reorders what follows.
    """
    if text.isascii() and text.isprintable():
        return text
    return re.sub(_HIDDEN, _shown, text)


def lines_for_terminal(text: str) -> str:
    """``text`` as whole lines on a terminal: as ``for_terminal``, but line feeds stay."""
    return re.sub(_HIDDEN_IN_LINES, _shown, text)


# GitHub Actions -----------------------------------------------------------------------------------

_COMMAND_LINE = r"([\r\n][^\S\r\n]*)::"


def for_actions_log(text: str) -> str:
    r"""Whole lines for a log of GitHub Actions, of which the runner obeys none.

    The runner (actions/runner, ``ActionCommand``) reads every line of both streams twice: as
    ``::name …::…`` where it begins with two colons after white space, and as ``##[name …]…`` wherever
    that stands. A backslash before the colons (``\::``) or the bracket (``##\[``) ends both readings.
    Lines end at CR or LF. Our own colours may already be in ``text``.
    """
    if "##[" in text:
        text = text.replace("##[", "##\\[")
    if "::" not in text:
        return text
    return re.sub(_COMMAND_LINE, r"\1\\::", "\n" + text)[1:]


def for_workflow_data(text: str) -> str:
    """``text`` as the message of a workflow command: the runner reads back exactly this text."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def for_workflow_property(text: str) -> str:
    """``text`` as a property's value in a workflow command, where ``:`` and ``,`` separate."""
    return for_workflow_data(text).replace(":", "%3A").replace(",", "%2C")


# Markdown -----------------------------------------------------------------------------------------

# What GitHub turns into a link, a notification, an emoji or a formula, as part of one word.
_ALIVE = r"(?i)[@#$]|://|www\.|gh-[0-9]|:[\w+-]+:|(?<!\w)[0-9a-f]{7,40}(?!\w)"
_BESIDE = r"(\(?)(:[\w+-]+:|.+?)([.,;:)]*)"
"""A sentence's own punctuation around such a word, which is no part of it."""
_GAP = r"([ |]+)"
_PUNCTUATION = r"[\\`*_\[\]~!<>&|]"
_ENTITIES = {"<": "&lt;", ">": "&gt;", "&": "&amp;", "|": "&#124;"}
_BLOCK_START = r"\A([0-9]{0,9})([-+=.)])"
_LANGUAGE = r"[A-Za-z0-9_+-]{1,32}"


def for_markdown(text: str) -> str:
    """``text`` inside a paragraph or a table cell of GitHub's Markdown: it shows as it is written.

    Words that GitHub would bring to life (mentions, ``#123``, addresses, commit ids, emoji names,
    formulas) become inline code; other punctuation with a meaning is escaped. One line comes out.
    """
    pieces = re.split(_GAP, for_terminal(text).strip(" "))
    shown = [_word(piece) for piece in pieces]
    if shown[0] and not shown[0].startswith("`"):
        shown[0] = re.sub(_BLOCK_START, r"\1\\\2", shown[0])
    return "".join(shown)


def _word(piece: str) -> str:
    if re.search(_ALIVE, piece):
        before, inner, after = re.fullmatch(_BESIDE, piece, re.DOTALL).groups()  # type: ignore[union-attr] # any text
        return f"{before}{inline_code(inner)}{after}"
    return re.sub(_PUNCTUATION, lambda match: _ENTITIES.get(match[0]) or "\\" + match[0], piece)


def inline_code(text: str) -> str:
    """``text`` as inline code whose backticks are more than any inside (CommonMark, "Code spans").

    In a table cell a ``|`` still separates cells; ``for_markdown`` is for that.
    """
    shown = for_terminal(text)
    if not shown.strip(" "):
        return "` `"
    ticks = "`" * (_longest_run(shown, "`") + 1)
    edge = " " if shown[0] in "` " or shown[-1] in "` " else ""
    return f"{ticks}{edge}{shown}{edge}{ticks}"


def fence(text: str, language: str = "") -> str:
    """``text`` as a fenced block that nothing inside can close; ends with a line feed.

    The fence is of backticks or tildes, whichever ``text`` repeats less often in a row, and longer than
    any such run. Line feeds and tabs stay, every other unseen character is shown.
    """
    shown = re.sub(_HIDDEN_IN_LAYOUT, _shown, text)
    mark = min("`~", key=lambda char: _longest_run(shown, char))
    bar = mark * max(3, _longest_run(shown, mark) + 1)
    info = language if re.fullmatch(_LANGUAGE, language) else ""
    end = "" if shown.endswith("\n") else "\n"
    return f"{bar}{info}\n{shown}{end}{bar}\n"


def _longest_run(text: str, char: str) -> int:
    if char not in text:
        return 0
    return max(map(len, re.findall(f"{char}+", text)))


# XML and JSON -------------------------------------------------------------------------------------

_XML = r"[&<>\"'\n\t]|(?<=##)\["
_XML_ENTITIES = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "'": "&apos;",
    "\n": "&#10;",
    "\t": "&#9;",
    "[": "&#91;",
}


def for_xml(text: str) -> str:
    """``text`` as content or as a quoted attribute of an XML 1.0 document.

    Characters that XML 1.0 forbids (section 2.2) or nobody sees are shown as escapes; line feeds and
    tabs become references, so that attributes keep them and no line begins with a foreign text.
    """
    plain = text.isascii() and text.isprintable()
    shown = text if plain else re.sub(_HIDDEN_IN_LAYOUT, _shown, text)
    return re.sub(_XML, lambda match: _XML_ENTITIES[match[0]], shown)


def for_json(document: str) -> str:
    r"""A JSON document as it may be printed anywhere: the same value, unseen characters as ``\uXXXX``.

    Also ``##[`` is spelled ``##\u005b``, so that no runner takes a line for a command (a line of JSON
    never begins with ``::``). ``document`` must be well formed; what is escaped stands in strings only.
    """
    if not document.isascii() or "\x7f" in document:
        document = re.sub(_HIDDEN_IN_LINES, _json_escape, document)
    return document.replace("##[", "##\\u005b")


def _json_escape(match: re.Match[str]) -> str:
    if is_in_emoji(match):
        return match[0]
    point = ord(match[0])
    if point < 0x10000:
        return f"\\u{point:04x}"
    high, low = divmod(point - 0x10000, 0x400)
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"
