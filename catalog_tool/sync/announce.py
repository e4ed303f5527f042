"""One comment a pull request and target, updated in place and never put back by an older run.

A forge has no compare-and-swap for comments. So: look, write, look again. Two runs that both found none
and both wrote are seen by the later of them, which moves the newer text into the older comment and deletes
the other; whatever it cannot finish, the next run does. A text that an older run wrote between our look
and its own is put right by our second look.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from catalog_tool.backends.forge import REVIEW, Forge, Note, Thread, TooLongError
from catalog_tool.sync.forge_marker import Marker, marked, read_marker
from catalog_tool.sync.timing import Timing, persistently

LIMIT = 60_000
"""Bytes of a body with its marker; GitHub takes 65,536 characters."""
SHORT = 8_000
"""Bytes where the forge refused even that."""
_ROUNDS = 3
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)
_Written = TypeVar("_Written")

CREATED, UPDATED, NEWER, NOTHING = "created", "updated", "newer", "nothing"


class Comment(NamedTuple):
    """What is to be said. ``text`` gives it within a number of bytes; ``has_changes``: is it worth a new comment?"""

    marker: Marker
    text: Callable[[int], str]
    has_changes: bool

    def body(self, limit: int = LIMIT) -> str:
        """Marker and text, at most ``limit`` bytes."""
        return marked(self.marker, self.text(limit - len(marked(self.marker, "").encode())))


class Announced(NamedTuple):
    """``action`` is ``created``, ``updated``, ``newer`` (a newer one stands there) or ``nothing`` (to say)."""

    action: str
    url: str


def announce(forge: Forge, number: int, comment: Comment, timing: Timing) -> Announced:
    """Say it on the pull request ``number``. Raises ``NotAllowedError`` and other ``BackendError``."""
    thread = Thread(REVIEW, number)
    author = persistently(timing, forge.author)

    def ours() -> list[Note]:
        return _ours(forge, thread, author, comment.marker)

    done: Announced | None = None
    for _ in range(_ROUNDS):
        step = persistently(timing, lambda: _step(forge, thread, ours(), comment))
        if step is None:  # deleted between the look and the write
            continue
        done = step if done is None or step.action != UPDATED else done
        if done.action not in (CREATED, UPDATED) or _is_settled(persistently(timing, ours), comment):
            return done
    return done or Announced(NOTHING, "")


def reviewed_plan(forge: Forge, commit: str, wanted: Marker, plan: str, timing: Timing) -> str | None:
    """The digest of the plan for ``plan``'s target that was last shown on the pull request of ``commit``.

    None where there was no pull request, no comment of ours, or no plan in it.
    """
    author = persistently(timing, forge.author)

    def look() -> str | None:
        threads = (Thread(REVIEW, number) for number in forge.reviews_of(commit))
        notes = (note for thread in threads for note in reversed(_ours(forge, thread, author, wanted)))
        return next(filter(None, (_plan_in(note, plan) for note in notes)), None)

    return persistently(timing, look)


def _plan_in(note: Note, target: str) -> str | None:
    marker = read_marker(note.body)
    plans = marker.memory.get("plans") if marker is not None else None
    digest = str(plans.get(target)) if isinstance(plans, dict) else ""
    return digest if _DIGEST.fullmatch(digest) else None


def _ours(forge: Forge, thread: Thread, author: str, marker: Marker) -> list[Note]:
    """Our comments about this catalog and target, oldest first."""
    found = []
    for note in forge.notes(thread):
        theirs = read_marker(note.body) if note.author == author else None
        if theirs is not None and theirs.is_same_place(marker):
            found.append(note)
    return sorted(found, key=lambda note: note.id)


def _is_settled(notes: list[Note], comment: Comment) -> bool:
    """Whether one comment is left and it is not older than what we said; a deleted one stays deleted."""
    return len(notes) < 2 and not any(_is_older(note, comment) for note in notes)


def _is_older(note: Note, comment: Comment) -> bool:
    theirs = read_marker(note.body)
    return theirs is not None and theirs.sequence.is_older(comment.marker.sequence)


def _is_newer(note: Note, comment: Comment) -> bool:
    theirs = read_marker(note.body)
    return theirs is not None and comment.marker.sequence.is_older(theirs.sequence)


def _step(forge: Forge, thread: Thread, notes: list[Note], comment: Comment) -> Announced | None:
    """One look and one write; None where what we looked at is gone."""
    if not notes:
        if not comment.has_changes:
            return Announced(NOTHING, "")
        return Announced(CREATED, _within_limits(comment, lambda body: forge.add_note(thread, body)).url)
    first, *others = notes
    newer = max((note for note in notes if _is_newer(note, comment)), key=_sequence, default=None)
    if newer is None:
        edited = _within_limits(comment, lambda body: forge.edit_note(thread, first.id, body))
    else:
        edited = first if newer is first else forge.edit_note(thread, first.id, newer.body)
    if edited is None:
        return None
    for note in others:
        forge.delete_note(thread, note.id)
    return Announced(UPDATED if newer is None else NEWER, edited.url)


def _sequence(note: Note) -> tuple[tuple[int, ...], int]:
    marker = read_marker(note.body)
    return (marker.sequence.run, marker.sequence.at) if marker is not None else ((), 0)


def _within_limits(comment: Comment, write: Callable[[str], _Written]) -> _Written:
    try:
        return write(comment.body())
    except TooLongError:
        return write(comment.body(SHORT))
