"""``CODEOWNERS``: who owns a path. The last pattern that matches wins, on GitLab in each section by itself."""

from __future__ import annotations

import re
from typing import NamedTuple

from catalog_tool.source.globs import glob_source

LOCATIONS = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS")
"""Where GitHub looks, in its order, then where only GitLab does; relative to the top of the repository."""
_COMMENT = re.compile(r"(?<!\\)#.*")
_BLANK = re.compile(r"(?<!\\)[ \t]+")
_SECTION = re.compile(r"\^?\[([^\]]+)\](?:\[[0-9]+\])?(?=[ \t]|$)")
"""GitLab's head of a section: optional (``^``), with the number of approvals; owners for all in it may follow."""


class OwnerRule(NamedTuple):
    """One line: a pattern over paths, and the owners it gives (none: explicitly unowned), in its section."""

    pattern: re.Pattern[str]
    owners: tuple[str, ...]
    section: str = ""


def read_codeowners(text: str) -> list[OwnerRule]:
    """The rules of a ``CODEOWNERS`` file; lines that are no rule are passed over, as GitHub does.

    A pattern without owners takes those of its section, as on GitLab (its documentation of code owners).
    """
    rules = []
    section, inherited = "", tuple[str, ...]()
    for raw in text.split("\n"):
        line = _COMMENT.sub("", raw.strip()).strip()
        head = _SECTION.match(line)
        if head is not None:
            section, inherited = head[1].strip().casefold(), _owners(line[head.end() :]) or ()
            continue
        if not line or line.startswith(("[", "^[", "!")):
            continue
        pattern, *words = _BLANK.split(line, maxsplit=1)
        owners = _owners(" ".join(words))
        if owners is not None:
            rules.append(OwnerRule(_compile(pattern), owners or inherited, section))
    return rules


def _owners(text: str) -> tuple[str, ...] | None:
    """The owners in a list of them; None where a word is none."""
    words = [word for word in _BLANK.split(text.strip()) if word]
    return tuple(words) if all("@" in word for word in words) else None


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
    found: dict[str, tuple[str, ...]] = {}
    for rule in reversed(rules):
        if rule.section not in found and rule.pattern.fullmatch(path):
            found[rule.section] = rule.owners
            if not rule.section:  # what is in no section stands before all sections
                break
    return tuple(dict.fromkeys(owner for owners in reversed(found.values()) for owner in owners))
