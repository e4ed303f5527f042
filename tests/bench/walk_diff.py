"""``python -m tests.bench.walk_diff ROOT REV…``: our comparison of each pair of revisions, in one process.

Prints the number of details found, and the seconds of processor time that took, imports aside.
"""

from __future__ import annotations

import os
import sys
from itertools import pairwise

from catalog_tool.diff.catalogs import Options
from catalog_tool.diff.operands import compare, parse_operands
from catalog_tool.source.root import find_root


def main(root: str, revisions: list[str]) -> None:
    """Every pair."""
    place = find_root(root)
    results = [compare(place, parse_operands([f"{old}..{new}"]), Options()) for old, new in pairwise(revisions)]
    found = sum(len(change.details) for result in results for change in result.changes)
    print(found, worked() - START)


def worked() -> float:
    """Seconds of processor time of this process and of those it ran."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


START = worked()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
