"""Who changed a prompt, when, why, and what was live at a time, from git alone (design §5).

The first-parent line is what was ever live: a merge is one event, with the commits it brought named
beside it. Times are committer times. The prompts folder is the one that each commit's own settings
name, so moving it changes nothing; renaming a prompt's folder shows as removal and addition.

Importing this module imports GitPython. ``skill_dates`` and ``parse_time``, which need none, stand in
``history_dates`` and ``history_times``; ``live_at``, which needs none either, in ``history_live``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from catalog_tool.clock import iso
from catalog_tool.errors import GitError, UsageError
from catalog_tool.model.settings import Settings
from catalog_tool.source.git import Git
from catalog_tool.source.history_changes import REGISTRY_FILE, REMOVED, Change, Changes, changes_of
from catalog_tool.source.history_commits import CommitFacts, read_commits
from catalog_tool.source.history_folders import Line, first_parent_line
from catalog_tool.source.history_live import SHALLOW_HINT, Live, LiveLabel, LiveVersion, Scope, live_at
from catalog_tool.source.history_log import Step, brought_by_merges

LAST_SECOND = 253_402_300_799
"""The end of the year 9999: what a commit dated later is shown as."""


class MergedCommit(NamedTuple):
    """A commit that touched the prompt and came to the first-parent line with a merge."""

    commit: str
    author: str
    email: str
    subject: str


class Event(NamedTuple):
    """One commit of the first-parent line that changed the prompt.

    ``time`` is the committer's, in seconds since the epoch. Names and texts are as they were written
    and may hold anything: reports escape them. ``merged`` is newest first, empty unless it is a merge.
    """

    commit: str
    time: int
    author: str
    email: str
    subject: str
    body: str
    changes: tuple[Change, ...]
    merged: tuple[MergedCommit, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The event with its time in ISO 8601."""
        return {
            **self._asdict(),
            "time": iso(min(self.time, LAST_SECOND)),
            "changes": [change.to_json() for change in self.changes],
            "merged": [commit._asdict() for commit in self.merged],
        }


class History(NamedTuple):
    """What happened to a prompt, newest first.

    ``shallow``: the clone is cut off, so that what happened before is missing; what its oldest commits
    did themselves is not known either and no event is made up for them. ``line`` is what was read.
    """

    scope: Scope
    events: tuple[Event, ...]
    line: Line
    shallow: bool = False

    def to_json(self, live: Live | None = None) -> dict[str, Any]:
        """``{"id","events","at","live"}``; the last two are null where no time was asked for."""
        return {
            "id": self.scope.prompt_id,
            "events": [event.to_json() for event in self.events],
            "at": None if live is None else iso(min(live.at, LAST_SECOND)),
            "live": None if live is None else live.to_json(),
        }


def prompt_history(
    git: Git, commit: str, prefix: str, settings: Settings, prompt_id: str, label: str | None = None
) -> History:
    """Everything that changed the prompt on the first-parent line that ends in ``commit``.

    ``label`` keeps only what moved that label. ``commit`` is a whole id (``Git.resolve``). UsageError:
    the id or the label cannot exist, or no commit ever had such a prompt. GitError: git cannot answer.
    """
    scope = Scope(git, commit, prefix, settings, prompt_id, label).checked()
    line = first_parent_line(scope)
    cut = _cut_off(git)
    changes = changes_of(scope, line.steps, cut)
    if not changes.known:
        hint = SHALLOW_HINT if cut else "`catalog list` names the prompts"
        raise UsageError(f"no commit holds the prompt {prompt_id}", hint=hint)
    changed = [step for step in line.steps if _kept(changes, step, label)]
    brought = _brought(git, changed, line, changes)
    merged = [step.commit for came in brought.values() for step in came]
    facts = read_commits(git, [*(step.commit for step in changed), *merged])
    events = tuple(
        _event(step, _written(line, step, _kept(changes, step, label)), brought.get(step.commit, ()), facts)
        for step in changed
    )
    return History(scope, events, line, shallow=bool(cut))


def _kept(changes: Changes, step: Step, label: str | None) -> tuple[Change, ...]:
    """What a commit changed; of one label also that it cannot be told."""
    found = changes.of(step.commit)
    if label is None:
        return found
    return tuple(
        change for change in found if change.kind == REGISTRY_FILE or (change.kind, change.name) == ("label", label)
    )


def _written(line: Line, step: Step, changes: Iterable[Change]) -> tuple[Change, ...]:
    """Changes with the paths that their files had at the commit."""
    return tuple(
        change._replace(
            path=line.written(step.commit, change.path, gone=change.op == REMOVED and change.kind != "label")
        )
        for change in changes
    )


def _brought(git: Git, changed: Sequence[Step], line: Line, changes: Changes) -> dict[str, list[Step]]:
    """The commits that came with each merge and touched what it is an event for."""
    brought = {
        commit: [line.aside(step) for step in came]
        for commit, came in brought_by_merges(git, changed, line.paths).items()
    }
    changes.load_registries(step for came in brought.values() for step in came)
    return {
        commit: [step for step in came if changes.concerns(step, changes.of(commit))]
        for commit, came in brought.items()
    }


def _event(step: Step, changes: tuple[Change, ...], came: Iterable[Step], facts: dict[str, CommitFacts]) -> Event:
    merged = []
    for other in came:
        fact = facts[other.commit]
        merged.append(MergedCommit(other.commit, fact.author, fact.email, fact.subject))
    own = facts[step.commit]
    return Event(step.commit, own.time, own.author, own.email, own.subject, own.body, changes, tuple(merged))


def _cut_off(git: Git) -> frozenset[str]:
    """The commits at which a shallow clone ends; empty in a whole one."""
    try:
        return frozenset(Path(git.git_dir(), "shallow").read_text(errors="replace").split())
    except FileNotFoundError:
        return frozenset()
    except OSError as error:
        raise GitError(f"{git.git_dir()}: {error.strerror}") from error


__all__ = [
    "Change", "Event", "History", "Live", "LiveLabel", "LiveVersion", "MergedCommit", "Scope",
    "live_at", "prompt_history",
]  # fmt: skip
