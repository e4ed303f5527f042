"""When each skill was first and last touched, from one ``git log`` (design §6)."""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterator, Sequence

from catalog_tool.source.git import Git
from catalog_tool.source.history_log import checked_commit

EXACT_PATHS = 50
"""Up to so many files git is asked for by name; beyond that for their folders, which costs it less."""
_FOLDERS = 50


def skill_dates(git: Git, commit: str, prefix: str, skill_md_paths: Sequence[str]) -> dict[str, tuple[int, int]]:
    """The oldest and the newest committer time (seconds since the epoch) of commits that touch each file.

    ``skill_md_paths`` are relative to the catalog's root, which is ``prefix`` below the top of the
    repository; a path that no commit touches is left out. Every commit reachable from ``commit``
    counts but merges, which touch nothing of their own. Empty in a shallow clone: what is cut off
    would make every date wrong. Raises ``GitError`` where git cannot answer.
    """
    wanted = {prefix + path: path for path in skill_md_paths}
    if not wanted or git.is_shallow():
        return {}
    out = git.run(
        "log", "--full-history", "--no-merges", "--root", "--name-only", "-z", "--no-renames",
        "--no-ext-diff", "--no-textconv", "--no-color", "--no-show-signature", "--no-notes",
        "--encoding=UTF-8", "--format=%x00%ct", checked_commit(commit), "--", *_pathspecs(wanted),
    )  # fmt: skip
    dates: dict[str, tuple[int, int]] = {}
    for time, touched in _commits(out):
        for path in wanted.keys() & touched:
            first, last = dates.get(path, (time, time))
            dates[path] = (min(first, time), max(last, time))
    return {wanted[path]: found for path, found in dates.items()}


def _commits(out: bytes) -> Iterator[tuple[int, list[str]]]:
    """Each commit's time and the paths it touches.

    A record is an empty field, the time, and the paths, of which the first follows a line feed; no
    path is empty, so nothing in a path can look like a record.
    """
    if not out:  # no file asked for was ever committed
        return
    fields = out.decode(errors="surrogateescape").split("\0")
    starts = [index for index, field in enumerate(fields[:-1]) if not field]
    for start, stop in zip(starts, [*starts[1:], len(fields) - 1], strict=True):
        paths = fields[start + 2 : stop]
        if paths:
            yield int(fields[start + 1]), [paths[0].removeprefix("\n"), *paths[1:]]


def _pathspecs(paths: Collection[str]) -> list[str]:
    """What to limit ``git log`` to: the files, or the folders that hold the skills' folders."""
    if len(paths) <= EXACT_PATHS:
        return sorted(paths)
    folders = {posixpath.dirname(posixpath.dirname(path)) for path in paths}
    while len(folders) > _FOLDERS:
        folders = {posixpath.dirname(folder) for folder in folders}
    return [] if "" in folders else sorted(folders)
