"""The hidden line by which a comment or an issue of ours is found again, and told old from new.

It is the first line of the body, an HTML comment with one JSON object. It carries the catalog and the
target, because a repository may hold several of each. It proves nothing by itself: whoever can comment
can write one, so the author counts as well.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

COMMENT, DRIFT_ALERT, BLIND_ALERT, PULL_REQUEST = "comment", "drift", "blind", "pull"
_MARKER = re.compile(r"<!-- catalog-tool (\{[^\r\n]{1,20000}\}) -->(?:\r?\n|\Z)")


class Sequence(NamedTuple):
    """When something was written. ``run`` is the CI's own number and try, which only rise; ``at`` seconds.

    A run that is repeated keeps its number: what a newer run said about a newer commit stays.
    """

    run: tuple[int, ...]
    at: int

    def is_older(self, other: Sequence) -> bool:
        """Whether ``other`` has the last word. Runs are compared where both have one, else times."""
        return self.run < other.run if self.run and other.run else self.at < other.at


class Marker(NamedTuple):
    """``memory`` is what the next run has to know: JSON values by name."""

    kind: str
    catalog: str
    target: str
    sequence: Sequence
    memory: Mapping[str, Any]

    def is_same_place(self, other: Marker) -> bool:
        """Whether both are about one thing."""
        return (self.kind, self.catalog, self.target) == (other.kind, other.catalog, other.target)


def marked(marker: Marker, text: str) -> str:
    """``text`` below its marker."""
    value = {
        "kind": marker.kind, "catalog": marker.catalog, "target": marker.target,
        "run": list(marker.sequence.run), "at": marker.sequence.at, **marker.memory,
    }  # fmt: skip
    # An HTML comment ends at `-->`, and may not hold `--` in older readers.
    data = json.dumps(value, separators=(",", ":"), ensure_ascii=True).replace("--", "-\\u002d")
    return f"<!-- catalog-tool {data.replace('>', chr(92) + 'u003e').replace('<', chr(92) + 'u003c')} -->\n{text}"


def read_marker(body: str) -> Marker | None:
    """The marker that a body begins with; None where there is none that can be read."""
    found = _MARKER.match(body)
    if found is None:
        return None
    try:
        value = json.loads(found[1])
        run = tuple(int(number) for number in value.pop("run"))
        sequence = Sequence(run, int(value.pop("at")))
        return Marker(str(value.pop("kind")), str(value.pop("catalog")), str(value.pop("target")), sequence, value)
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def without_marker(body: str) -> str:
    """What people see."""
    return _MARKER.sub("", body, count=1)
