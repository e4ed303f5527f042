"""What is wrong with a text as such, whatever file it stands in: hidden characters and secrets."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence

from catalog_tool.checks.hidden_text import HiddenHit, find_hidden, find_html_comments
from catalog_tool.checks.secrets import find_secrets
from catalog_tool.model.codes import finding
from catalog_tool.model.finding import Finding


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
    found = [
        (hit.start, "Y040", f"this looks like a secret ({hit.kind}): take it out and revoke it")
        for hit in find_secrets(text)
    ]
    found += [(hit.start, *hidden_message(hit)) for hit in find_hidden(text, raw=raw)]
    return place_findings(found, Lines(text), path, artifact) if found else []


def hidden_message(hit: HiddenHit) -> tuple[str, str]:
    """Code and message for a run of hidden characters."""
    code, what = _HIDDEN_CODES[hit.kind]
    shown = " ".join(f"U+{point:04X}" for point in hit.codepoints[:4])
    return code, f"{what} ({shown}): reviewers do not see it, models read it"


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


def redacted(findings: Sequence[Finding]) -> list[Finding]:
    """The findings, none of which repeats a secret that one of them is about."""
    if not any(found.code == "Y040" for found in findings):
        return list(findings)
    return [
        found._replace(message=_without_secrets(found.message), hint=found.hint and _without_secrets(found.hint))
        for found in findings
    ]


def _without_secrets(text: str) -> str:
    for hit in reversed(find_secrets(text)):
        text = f"{text[: hit.start]}[secret]{text[hit.end :]}"
    return text
