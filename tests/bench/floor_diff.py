"""What anybody would write first: GitPython's diff of two commits, PyYAML for the files, DeepDiff for the pairs.

``python -m tests.bench.floor_diff ROOT REV…`` walks each pair of neighbouring revisions and prints how
many differences there are, and the processor time that took, imports aside. A file that came is
compared with the highest older version beside it. It judges nothing, expands nothing, checks nothing.
"""

from __future__ import annotations

import os
import re
import sys
from itertools import pairwise
from typing import Any

import git
import yaml
from deepdiff import DeepDiff

_VERSION = re.compile(r"(.*/)v([0-9]+)\.yaml")


def main(root: str, revisions: list[str]) -> None:
    """Every pair, counted."""
    repository = git.Repo(root)
    commits = [repository.commit(revision) for revision in revisions]
    found = sum(_differences(old, new) for old, new in pairwise(commits))
    print(found, worked() - START)


def _differences(old: git.Commit, new: git.Commit) -> int:
    found = 0
    for item in old.diff(new):
        path = item.b_path or item.a_path or ""
        if not _VERSION.fullmatch(path):
            continue
        before = item.a_blob or _older(new, path)
        values = [_parsed(blob) for blob in (before, item.b_blob) if blob is not None]
        if len(values) == 2:
            found += sum(len(part) for part in DeepDiff(*values, ignore_order=False).values())
    return found


def _older(commit: git.Commit, path: str) -> Any:
    """The highest older version beside a file."""
    folder, number = _VERSION.fullmatch(path).groups()  # type: ignore[union-attr]  # it was matched before
    siblings = {blob.name: blob for blob in (commit.tree / folder.rstrip("/")).blobs}
    older = (siblings.get(f"v{n}.yaml") for n in range(int(number) - 1, 0, -1))
    return next((blob for blob in older if blob is not None), None)


def _parsed(blob: Any) -> Any:
    return yaml.safe_load(blob.data_stream.read())


def worked() -> float:
    """Seconds of processor time of this process and of those it ran."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


START = worked()

if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
