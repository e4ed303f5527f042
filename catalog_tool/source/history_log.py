"""Which commits touched which paths: ``git log`` by tree ids, with no diff program, filter or hook.

Only commit ids that were resolved before and literal paths reach git's arguments.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from catalog_tool.errors import GitError
from catalog_tool.source.git import Git
from catalog_tool.source.tree import EXECUTABLE, FILE

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?", re.ASCII)
_LOG = (
    "log", "--root", "--raw", "-z", "--no-abbrev", "--no-renames", "--no-ext-diff", "--no-textconv",
    "--no-color", "--no-show-signature", "--no-notes", "--ignore-submodules=all", "--encoding=UTF-8",
    "--format=%H %ct %P",
)  # fmt: skip


class Touch(NamedTuple):
    """A path from the top of the repository, and its blob before and after; None where it is no file."""

    path: str
    before: str | None
    after: str | None


class Step(NamedTuple):
    """A commit, its parents, and what it touches of the paths asked for, against its first parent.

    ``at`` is its committer time in seconds since the epoch, None where the commit names none.
    """

    commit: str
    parents: tuple[str, ...]
    touched: tuple[Touch, ...]
    at: int | None


def checked_commit(commit: str) -> str:
    """``commit`` if it is a whole id (SHA-1 or SHA-256), so that no other text can become an argument of git.

    GitError: it is none.
    """
    if _COMMIT.fullmatch(commit) is None:
        raise GitError(f"{commit[:70]!r} is not the id of a commit")
    return commit


def first_parent_steps(git: Git, commit: str, paths: Sequence[str], since: str | None = None) -> list[Step]:
    """The commits of the first-parent line that touch ``paths``, newest first; only those after ``since``, an ancestor.

    A merge shows as one step with all that it brought. Raises ``GitError``.
    """
    until = [f"^{checked_commit(since)}"] if since is not None else []
    out = git.run(*_LOG, "--first-parent", checked_commit(commit), *until, "--", *paths)
    return list(_parse(out))


def brought_by_merges(git: Git, steps: Sequence[Step], paths: Sequence[str]) -> dict[str, list[Step]]:
    """For each merge among ``steps`` (newest first): the commits that touch ``paths`` and came with it.

    A commit belongs to the oldest merge of the first-parent line that reaches it. Raises ``GitError``.
    """
    merges = [step for step in steps if len(step.parents) > 1]
    if not merges:
        return {}
    tip, base = merges[0].commit, merges[-1].parents[0]
    out = git.run(
        *_LOG, "--topo-order", "--full-history", "--sparse", checked_commit(tip), f"^{checked_commit(base)}",
        "--", *paths,
    )  # fmt: skip
    graph = {step.commit: step for step in _parse(out)}
    return _assign(graph, tip, {step.commit for step in merges})


def _assign(graph: dict[str, Step], tip: str, merges: set[str]) -> dict[str, list[Step]]:
    line = list(_first_parents(graph, tip))
    order = {commit: number for number, commit in enumerate(graph)}
    seen = set(line)
    brought: dict[str, list[Step]] = {}
    for commit in reversed(line):
        came = _unseen(graph, graph[commit].parents[1:], seen)
        if commit in merges:
            touching = [step for step in came if step.touched]  # inner merges are listed with nothing
            brought[commit] = sorted(touching, key=lambda step: order[step.commit])
    return brought


def _first_parents(graph: dict[str, Step], tip: str) -> Iterator[str]:
    step = graph.get(tip)
    while step is not None:
        yield step.commit
        step = graph.get(step.parents[0]) if step.parents else None


def _unseen(graph: dict[str, Step], starts: Iterable[str], seen: set[str]) -> list[Step]:
    """Every step reachable from ``starts`` that is not in ``seen``, which grows by them."""
    found = []
    pending = list(starts)
    while pending:
        commit = pending.pop()
        if commit in seen or commit not in graph:
            continue
        seen.add(commit)
        found.append(graph[commit])
        pending.extend(graph[commit].parents)
    return found


def newest_until(git: Git, commit: str, at: int) -> str | None:
    """The first commit on the way from ``commit`` along first parents that is not newer than ``at``.

    Times are committer times, seconds since the epoch. Where clocks were wrong, so that times do not
    fall all along the line, the commit nearest to ``commit`` wins: it is what a reader who trusts the
    newest state that existed by then would name. None before the first commit. Raises ``GitError``.
    """
    start = checked_commit(commit)
    if at < 0:
        return None
    out = git.run("rev-list", "--max-count=1", "--first-parent", f"--until=@{at} +0000", start, "--")
    return out.decode().strip() or None


def _parse(out: bytes) -> Iterator[Step]:
    """The records of ``git log --raw -z``: id, time and parents, then for each path its modes and blobs, then the path.

    A path directly follows its own ``:`` field, so nothing in a path can look like a record.
    """
    fields = iter(out.decode(errors="surrogateescape").split("\0"))
    commit, at = "", "0"
    parents: tuple[str, ...] = ()
    touched: list[Touch] = []
    for field in fields:
        text = field.lstrip("\n")
        if text.startswith(":"):
            touched.append(_touch(text, next(fields, "")))
        elif text:
            if commit:
                yield Step(commit, parents, tuple(touched), _seconds(at))
            commit, at, *rest = text.split(" ")
            parents, touched = tuple(part for part in rest if part), []
    if commit:
        yield Step(commit, parents, tuple(touched), _seconds(at))


def _seconds(text: str) -> int | None:
    return int(text) if text.removeprefix("-").isdecimal() else None


def _touch(info: str, path: str) -> Touch:
    old_mode, new_mode, before, after, _status = info[1:].split(" ")
    files = (FILE, EXECUTABLE)
    return Touch(path, before if old_mode in files else None, after if new_mode in files else None)
