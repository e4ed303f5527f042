"""Where reviews and issues are: GitHub and GitLab, as far as comments and alerts need them.

A driver makes each request once and gives its answer a meaning. What may be tried again is raised as
``UnavailableError``; whoever decides what to write also decides how to repeat it, because a comment
whose answer was lost has to be looked for before it is written again.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

from catalog_tool.errors import RefusedError

REVIEW, ISSUE = "review", "issue"
"""The two kinds of threads: a pull or merge request, and an issue."""


class NotAllowedError(RefusedError):
    """The token may not do this: a pull request from a fork, or a permission that the workflow lacks."""


class TooLongError(RefusedError):
    """The forge takes no text of this length."""


class Thread(NamedTuple):
    """What can be commented on: ``kind`` is ``REVIEW`` or ``ISSUE``."""

    kind: str
    number: int


class Note(NamedTuple):
    """One comment. ``author`` is a login name as the forge gives it."""

    id: int
    author: str
    body: str
    url: str


class Ticket(NamedTuple):
    """One issue, or one pull request."""

    number: int
    author: str
    title: str
    body: str
    url: str
    is_open: bool


class Draft(NamedTuple):
    """A pull request to open: the branch ``head`` into ``base``."""

    title: str
    body: str
    head: str
    base: str


class Forge(Protocol):
    """One repository on a forge.

    Every method raises ``UnavailableError`` (try again), ``NotAllowedError``, ``TooLongError``, or another
    ``BackendError`` for an answer that is none of these. ``None`` is what was deleted meanwhile.
    """

    def author(self) -> str:
        """Whose comments and issues are ours: the login name behind the token."""

    def notes(self, thread: Thread) -> list[Note]:
        """All comments of a thread, oldest first."""

    def add_note(self, thread: Thread, body: str) -> Note:
        """Write a comment."""

    def edit_note(self, thread: Thread, note: int, body: str) -> Note | None:
        """Replace a comment."""

    def delete_note(self, thread: Thread, note: int) -> None:
        """Delete a comment; one that is gone already is fine."""

    def tickets(self, author: str) -> Iterator[Ticket]:
        """Issues of an author, open and closed, the last touched first."""

    def open_ticket(self, title: str, body: str, labels: tuple[str, ...]) -> Ticket:
        """Open an issue."""

    def edit_ticket(self, number: int, title: str, body: str, *, is_open: bool) -> Ticket | None:
        """Replace an issue's title and body, and open or close it."""

    def reviews_of(self, commit: str) -> list[int]:
        """The pull requests that a commit was merged by, or is part of."""

    def failed_run(self, workflow: str, branch: str) -> str | None:
        """The address of the workflow's last run on a branch where that failed; None where it did not, or is hidden."""

    def request(self, head: str, base: str) -> Ticket | None:
        """The open pull request from a branch of this repository into another."""

    def open_request(self, draft: Draft) -> Ticket:
        """Open a pull request."""

    def edit_request(self, number: int, title: str, body: str) -> Ticket | None:
        """Replace a pull request's title and body."""
