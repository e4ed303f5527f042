"""Every error this package raises on purpose.

    CatalogError                 cannot go on; carries a message and a hint
    ├── UsageError               wrong arguments, references or settings     exit 2
    ├── GitError                 git, or the repository, did not answer      exit 3
    ├── BackendError             a target or another server did not answer   exit 3
    │   ├── UnavailableError     not now: the same call may be tried again
    │   │   └── TimedOutError    no answer in the time that it had
    │   ├── LeaseLostError       another sync took over; nothing was changed
    │   └── RefusedError         the store will never take this
    └── FindingsError            input refused; carries the findings         exit 1

Anything else that escapes is a bug: exit 3 and, with ``--debug``, a traceback.
What is merely wrong in a catalog is never raised: it is a ``Finding``.
"""

from __future__ import annotations

import errno

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""What a full disk, a quota or a limit on files answers."""


class CatalogError(Exception):
    """Something that stops the work, worded for the person who runs the command.

    ``message`` says what is wrong, ``hint`` (may be empty) what to do next. ``kind`` and
    ``exit_code`` are what ``--format json`` and the shell get (design §5).
    """

    kind = "internal"
    exit_code = 3

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        if hint:
            self.add_note(f"hint: {hint}")  # a library's user reads it under the traceback


class UsageError(CatalogError):
    """Wrong arguments, an unknown reference, or settings that cannot be used."""

    kind = "usage"
    exit_code = 2


class GitError(CatalogError):
    """git is missing, refused, or the revision does not exist."""

    kind = "git"
    exit_code = 3


class BackendError(CatalogError):
    """A target, or a server behind it, could not be asked or did not answer in time."""

    kind = "backend"
    exit_code = 3


class UnavailableError(BackendError):
    """The store did not answer, or asked to wait; ``retry_after`` is how long, in seconds, where it said."""

    def __init__(self, message: str, *, hint: str = "", retry_after: float | None = None) -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


class TimedOutError(UnavailableError):
    """The store stayed silent for as long as it was waited for: each try costs that time again."""


class LeaseLostError(BackendError):
    """The lease ran out or was taken over: another sync may be writing."""


class RefusedError(BackendError):
    """The store refused a value, a name or a credential: trying again would not help."""
