"""The pull request for a branch that ``pull`` wrote: opened once, then kept as the branch is."""

from __future__ import annotations

from typing import NamedTuple

from catalog_tool.backends.forge import Draft, Forge, Ticket
from catalog_tool.sync.forge_marker import Marker, marked, read_marker
from catalog_tool.sync.timing import Timing, persistently

OPENED, UPDATED, LEFT = "opened", "updated", "left"


class Requested(NamedTuple):
    """``opened``, ``updated``, or ``left``: somebody else's, or a newer run's, stands there for this branch."""

    action: str
    url: str


def keep_request(forge: Forge, marker: Marker, draft: Draft, timing: Timing) -> Requested:
    """Open or rewrite it. Raises ``NotAllowedError``: a workflow's own token may not open pull requests everywhere."""
    author = persistently(timing, forge.author)
    written = draft._replace(body=marked(marker, draft.body))

    def act() -> Requested:
        found = forge.request(draft.head, draft.base)
        if found is None:
            return Requested(OPENED, forge.open_request(written).url)
        if not _is_ours_and_older(found, author, marker):
            return Requested(LEFT, found.url)
        edited = forge.edit_request(found.number, written.title, written.body)
        return Requested(UPDATED if edited is not None else LEFT, found.url)

    return persistently(timing, act)


def _is_ours_and_older(found: Ticket, author: str, marker: Marker) -> bool:
    theirs = read_marker(found.body) if found.author == author else None
    return theirs is not None and theirs.is_same_place(marker) and not marker.sequence.is_older(theirs.sequence)
