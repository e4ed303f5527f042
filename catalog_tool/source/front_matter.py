"""Front matter: YAML between two lines that are exactly ``---`` (design §2.4)."""

from __future__ import annotations

import re
from typing import NamedTuple

from catalog_tool.source.decoding import MOST_FLAWS, Flaw
from catalog_tool.source.strict_yaml import Document, read_yaml

_PLAIN_KEY = re.compile(r"([A-Za-z][A-Za-z0-9_-]*):[ ]+([^\s'\"\[\]{}|>&*!%@`#,?-].*)", re.ASCII)
FIRST_LINE = 2
"""The line of the file on which the YAML starts."""


class FrontMatter(NamedTuple):
    """The two halves of a Markdown file; ``yaml`` is None where there is no front matter.

    ``body`` is the text after the closing line, ``body_line`` the line on which it starts.
    """

    yaml: str | None
    body: str
    body_line: int
    flaw: Flaw | None = None


def split_front_matter(text: str) -> FrontMatter:
    """Split a Markdown file; a value that merely holds three dashes does not end the front matter."""
    if not text.startswith("---\n"):
        return FrontMatter(None, text, 1, Flaw("Y020", "no front matter: the first line must be exactly `---`", 1, 1))
    if text.startswith("---\n---\n") or text == "---\n---":
        return FrontMatter("", text[8:], 3)
    end = text.find("\n---\n", 3)
    if end < 0:
        if not text.endswith("\n---"):
            flaw = Flaw("Y020", "the front matter is not closed: it ends at a line that is exactly `---`", 1, 1)
            return FrontMatter(None, text, 1, flaw)
        end = len(text) - 4
    yaml = text[4 : end + 1]
    return FrontMatter(yaml, text[end + 5 :], yaml.count("\n") + FIRST_LINE + 1)


def read_front_matter(yaml: str) -> Document:
    """The value of a front matter.

    Where strict reading fails, plain values at column 1 that hold ``: `` are quoted and all is read
    again, with a warning for each: agents' own readers accept them.
    """
    document = read_yaml(yaml, first_line=FIRST_LINE)
    if not _is_broken(document):
        return document
    lines = yaml.split("\n")
    matches = ((number, _PLAIN_KEY.fullmatch(line)) for number, line in enumerate(lines))
    suspects = [(number, found) for number, found in matches if found is not None and ":" in found[2]]
    recovered = []
    for number, found in suspects if len(suspects) <= MOST_FLAWS else ():
        line = lines[number]
        if _is_broken(read_yaml(line)):
            start = found.start(2)
            lines[number] = line[:start] + "'" + found[2].rstrip().replace("'", "''") + "'"
            message = f"the value of `{found[1][:60]}` holds `: `; quote it"
            recovered.append(Flaw("Y021", message, number + FIRST_LINE, start + 1))
    quoted = "\n".join(lines)
    again = read_yaml(quoted, first_line=FIRST_LINE)
    if again.refused:
        return document
    return Document(again.value, [*recovered, *again.flaws], refused=False, recovered=quoted)


def _is_broken(document: Document) -> bool:
    return any(flaw.code == "Y007" for flaw in document.flaws)
