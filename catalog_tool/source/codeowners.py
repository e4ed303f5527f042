"""``CODEOWNERS``: who owns a path. The last pattern that matches wins, as on GitHub."""

from __future__ import annotations

import re
from typing import NamedTuple

from catalog_tool.source.globs import glob_source

LOCATIONS = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")
"""Where GitHub looks, in its order; relative to the top of the repository."""
_COMMENT = re.compile(r"(?<!\\)#.*")
_BLANK = re.compile(r"(?<!\\)[ \t]+")


class OwnerRule(NamedTuple):
    """One line: a pattern over paths, and the owners it gives (none: explicitly unowned)."""

    pattern: re.Pattern[str]
    owners: tuple[str, ...]


def read_codeowners(text: str) -> list[OwnerRule]:
    """The rules of a ``CODEOWNERS`` file; lines that are no rule are passed over, as GitHub does."""
    rules = []
    for raw in text.split("\n"):
        line = _COMMENT.sub("", raw.strip()).strip()
        if not line or line.startswith(("[", "^[", "!")):
            continue
        pattern, *words = _BLANK.split(line)
        owners = tuple(word for word in words if "@" in word)
        if len(owners) == len(words):
            rules.append(OwnerRule(_compile(pattern), owners))
    return rules


def _compile(pattern: str) -> re.Pattern[str]:
    """gitignore's rules: a slash inside anchors, what matches a folder covers all in it.

    But, as on GitHub, ``docs/*`` means the files in ``docs`` and not what lies deeper.
    """
    body = re.sub(r"\\(.)", r"\1", pattern)
    anchored = "/" in body.rstrip("/")
    tail = "/.*" if body.endswith("/") else "" if body.endswith("/*") else "(?:/.*)?"
    source = glob_source(body.strip("/"))
    return re.compile(("" if anchored else "(?:.*/)?") + source + tail)


def owners_of(path: str, rules: list[OwnerRule]) -> tuple[str, ...]:
    """The owners of a path relative to the top of the repository; empty where nobody owns it."""
    for rule in reversed(rules):
        if rule.pattern.fullmatch(path):
            return rule.owners
    return ()
