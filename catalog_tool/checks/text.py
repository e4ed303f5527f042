"""What is wrong with a text as such, whatever file it stands in: hidden characters and secrets."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence

from catalog_tool.checks.hidden_text import HiddenHit, find_hidden, find_html_comments
from catalog_tool.checks.secrets import SecretHit, find_secrets
from catalog_tool.model.codes import finding
from catalog_tool.model.finding import Finding

LEAK = "Y040"
_HIDDEN = "[secret]"
_TELLING = 4  # characters of a secret that are still nothing
_CUTS = ("", "…", "`", "'", '"')  # what stands after a value that a message has cut


class Lines:
    """Offsets of a text to lines and columns, from 1; ``first_line`` is the line it starts on."""

    def __init__(self, text: str, first_line: int = 1) -> None:
        self._starts = [0]
        position = text.find("\n")
        while position >= 0:
            self._starts.append(position + 1)
            position = text.find("\n", position + 1)
        self._shift = first_line

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column of a code point."""
        index = bisect_right(self._starts, offset) - 1
        return index + self._shift, offset - self._starts[index] + 1


_HIDDEN_CODES = {
    "bidi": ("Y030", "a bidirectional control"),
    "bidi-mark": ("Y030", "a direction mark outside right-to-left text"),
    "tag": ("Y031", "tag characters"),
    "zero-width": ("Y032", "a zero-width character"),
    "control": ("Y033", "a control character"),
    "private-use": ("Y033", "a private-use character"),
    "variation-selector": ("Y033", "stray variation selectors"),
    "invisible-operator": ("Y033", "an invisible operator"),
    "filler": ("Y033", "a character that shows as blank"),
}


def text_findings(text: str, path: str, artifact: str | None = None, *, raw: bytes | None = None) -> list[Finding]:
    """Findings on hidden characters and secrets in a file's text; ``raw`` is the same text as UTF-8."""
    found = [(hit.start, LEAK, secret_message(hit)) for hit in find_secrets(text)]
    found += [(hit.start, *hidden_message(hit)) for hit in find_hidden(text, raw=raw)]
    return place_findings(found, Lines(text), path, artifact) if found else []


def secret_message(hit: SecretHit) -> str:
    """What is said of a secret: its kind, never a part of it."""
    return f"this looks like a secret ({hit.kind}): take it out and revoke it"


def hidden_message(hit: HiddenHit) -> tuple[str, str]:
    """Code and message for a run of hidden characters."""
    code, what = _HIDDEN_CODES[hit.kind]
    shown = " ".join(f"U+{point:04X}" for point in hit.codepoints[:4])
    return code, f"{what} ({shown}): reviewers do not see it, models read it"


def escaped_in(value: str, text: str) -> Iterator[tuple[str, str]]:
    """Code and message of each hidden character and secret that a value has and its file's text spells by escapes."""
    for hit in find_secrets(value):
        known = "\n".join(_joined(text[raw.start : raw.end]) for raw in find_secrets(text))
        if _joined(value[hit.start : hit.end]) not in known:
            yield LEAK, secret_message(hit)
    for run in find_hidden(value):
        if chr(run.codepoints[0]) not in text:
            yield hidden_message(run)


def _joined(text: str) -> str:
    """A text without its line ends and blanks, however they are spelled: a long key may be folded."""
    return "".join(text.replace("\\n", "").split())


def comment_findings(text: str, path: str, artifact: str | None) -> list[Finding]:
    """HTML comments in instructions: a rendered page does not show them, a model reads them."""
    message = "an HTML comment: a rendered page hides it, models read it"
    found = [(hit.start, "Y034", message) for hit in find_html_comments(text)]
    return place_findings(found, Lines(text), path, artifact) if found else []


def place_findings(
    found: Iterable[tuple[int, str, str]], lines: Lines, path: str, artifact: str | None
) -> list[Finding]:
    """(offset, code, message) triples as findings of a file."""
    placed = []
    for offset, code, message in found:
        line, column = lines.place(offset)
        placed.append(finding(code, message, path, line=line, column=column, artifact=artifact))
    return placed


def hide_secrets(findings: Sequence[Finding], text: str) -> list[Finding]:
    """The findings on a file, none of which shows a secret of its text, not even the beginning of one.

    Messages cut what they quote, and what is left of a key after a cut has no telling shape any more.
    """
    if not any(found.code == LEAK for found in findings):
        return list(findings)
    values = [text[hit.start : hit.end] for hit in find_secrets(text)]
    return [
        found._replace(message=_hide(found.message, values), hint=found.hint and _hide(found.hint, values))
        for found in findings
    ]


def _hide(message: str, values: Sequence[str]) -> str:
    for value in values:
        start = message.find(value[:_TELLING])
        while start >= 0:
            end = start + _shared(message[start:], value)
            if end - start == len(value) or message[end : end + 1] in _CUTS:
                message = f"{message[:start]}{_HIDDEN}{message[end:]}"
                end = start + len(_HIDDEN)
            start = message.find(value[:_TELLING], end)
    return message


def _shared(text: str, value: str) -> int:
    """How many characters both begin with."""
    both = zip(text, value, strict=False)
    return next((count for count, (one, other) in enumerate(both) if one != other), min(len(text), len(value)))


def redacted(findings: Sequence[Finding]) -> list[Finding]:
    """The findings, none of which repeats a secret that one of them is about."""
    if not any(found.code == LEAK for found in findings):
        return list(findings)
    return [
        found._replace(message=without_secrets(found.message), hint=found.hint and without_secrets(found.hint))
        for found in findings
    ]


def without_secrets(text: str) -> str:
    """``text`` with ``[secret]`` in place of whatever has the shape of one."""
    for hit in reversed(find_secrets(text)):
        text = f"{text[: hit.start]}{_HIDDEN}{text[hit.end :]}"
    return text
