"""One issue an alarm: rewritten in place, commented on when there is news, closed and opened again."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from catalog_tool.backends.forge import ISSUE, Forge, Thread, Ticket
from catalog_tool.sync.alarm import (
    CHANGED,
    CLOSED,
    OPENED,
    QUIET,
    REOPENED,
    Alarm,
    Remembered,
    memory_of,
    remembered,
    transition,
)
from catalog_tool.sync.announce import NEWER
from catalog_tool.sync.forge_marker import Marker, Sequence, marked, read_marker
from catalog_tool.sync.timing import Timing, persistently

LABELS = ("catalog",)


class Words(NamedTuple):
    """How an alarm is worded. ``news`` is told what was said before, and what is happening now."""

    title: str
    body: str
    news: Callable[[str, Remembered | None], str]


class Issued(NamedTuple):
    """One of ``alarm``'s transitions, or ``newer``: a newer run has spoken."""

    action: str
    url: str


def keep_issue(forge: Forge, catalog: str, alarm: Alarm, words: Words, at: tuple[Sequence, Timing]) -> Issued:
    """Bring the alarm's issue up to date. Raises ``NotAllowedError`` and other ``BackendError``."""
    sequence, timing = at
    target = alarm.situation.target
    marker = Marker(alarm.kind, catalog, target, sequence, memory_of(alarm))
    author = persistently(timing, forge.author)
    body = marked(marker, words.body)

    def act() -> tuple[Issued, Remembered | None, int]:
        ours = [ticket for ticket in forge.tickets(author) if _is_ours(ticket, author, marker)]
        return _act(forge, ours, alarm, (words.title, body), sequence)

    issued, before, number = persistently(timing, act)
    if issued.action in (REOPENED, CHANGED, CLOSED):
        _tell(forge, Thread(ISSUE, number), words.news(issued.action, before), timing)
    if issued.action == OPENED:
        _settle(forge, author, marker, timing)
    return issued


def _is_ours(ticket: Ticket, author: str, marker: Marker) -> bool:
    theirs = read_marker(ticket.body) if ticket.author == author else None
    return theirs is not None and theirs.is_same_place(marker)


def _act(
    forge: Forge, ours: list[Ticket], alarm: Alarm, written: tuple[str, str], sequence: Sequence
) -> tuple[Issued, Remembered | None, int]:
    title, body = written
    current = _current(ours)
    theirs = None if current is None else read_marker(current.body)
    if current is not None and theirs is not None and sequence.is_older(theirs.sequence):
        return Issued(NEWER, current.url), None, current.number
    before = None if theirs is None or current is None else remembered(theirs.memory)
    if before is not None and current is not None:
        before = before._replace(is_raised=current.is_open)  # a person may have closed or opened it
    action = transition(alarm, before)
    if current is None:
        issued = Issued(action, forge.open_ticket(title, body, LABELS).url if action == OPENED else "")
        return issued, None, 0
    if action != QUIET:
        edited = forge.edit_ticket(current.number, title, body, is_open=action != CLOSED)
        if edited is None:  # deleted meanwhile: a person did that on purpose, the next run opens another
            return Issued(QUIET, ""), before, current.number
    return Issued(action, current.url), before, current.number


def _current(ours: list[Ticket]) -> Ticket | None:
    """The oldest open one, else the last one that was closed."""
    still_open = [ticket for ticket in ours if ticket.is_open]
    if still_open:
        return min(still_open, key=lambda ticket: ticket.number)
    return max(ours, key=lambda ticket: ticket.number, default=None)


def _tell(forge: Forge, thread: Thread, text: str, timing: Timing) -> None:
    """Comment once, even where the first answer was lost."""
    tried = False

    def tell() -> None:
        nonlocal tried
        if tried and any(note.body.strip() == text.strip() for note in forge.notes(thread)[-3:]):
            return
        tried = True
        forge.add_note(thread, text)

    persistently(timing, tell)


def _settle(forge: Forge, author: str, marker: Marker, timing: Timing) -> None:
    """Two runs at once opened two issues: the later of them to look closes all but the oldest."""

    def settle() -> None:
        ours = [ticket for ticket in forge.tickets(author) if ticket.is_open and _is_ours(ticket, author, marker)]
        for ticket in sorted(ours, key=lambda ticket: ticket.number)[1:]:
            forge.edit_ticket(ticket.number, ticket.title, ticket.body, is_open=False)

    persistently(timing, settle)
