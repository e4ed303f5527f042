"""``CODEOWNERS``: who owns a path. The last pattern that matches wins, as on GitHub."""

from __future__ import annotations

import re
from typing import NamedTuple

LOCATIONS = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")
"""Where GitHub looks, in its order; relative to the top of the repository."""


class OwnerRule(NamedTuple):
    """One line: a pattern over paths, and the owners it gives (none: explicitly unowned)."""

    pattern: re.Pattern[str]
    owners: tuple[str, ...]


def read_codeowners(text: str) -> list[OwnerRule]:
    """The rules of a ``CODEOWNERS`` file; lines that are no rule are passed over, as GitHub does."""
    rules = []
    for raw in text.splitlines():
        line = raw.strip()
        if not line or line.startswith(("#", "[", "^[", "!")):
            continue
        pattern, *owners = re.sub(r"(?<!\\)#.*", "", line).split()
        rules.append(OwnerRule(_compile(pattern), tuple(owner for owner in owners if "@" in owner)))
    return rules


def _compile(pattern: str) -> re.Pattern[str]:
    """gitignore's rules: a slash inside anchors, a final slash means the whole folder."""
    body = pattern.replace("\\ ", " ")
    anchored = "/" in body.rstrip("/")
    folder = body.endswith("/")
    body = body.strip("/")
    out = []
    for part in re.split(r"(\*\*/|/\*\*|\*\*|\*|\?)", body):
        out.append(
            {"**/": "(?:.*/)?", "/**": "/.*", "**": ".*", "*": "[^/]*", "?": "[^/]"}.get(part)
            or re.escape(part)
        )
    head = "" if anchored else "(?:.*/)?"
    tail = "/.*" if folder else "" if body.endswith("*") else "(?:/.*)?"
    return re.compile(head + "".join(out) + tail)


def owners_of(path: str, rules: list[OwnerRule]) -> tuple[str, ...]:
    """The owners of a path relative to the top of the repository; empty where nobody owns it."""
    for rule in reversed(rules):
        if rule.pattern.fullmatch(path):
            return rule.owners
    return ()
