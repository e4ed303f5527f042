"""What stands at a path of the work tree, where "nothing" and "it cannot be seen" are two answers.

Whoever may not search a folder gets an error for everything in it. Taken for absence, that would read as a
clean catalog (design §5: a failure to look never does).
"""

from __future__ import annotations

import os

from catalog_tool.errors import GitError

_UNSEEN = "warning: could not open directory"
_REMARKS = ("warning: ", "hint: ")


def stat_of(path: str) -> os.stat_result | None:
    """What stands at a path, links not followed; None where nothing does. Raises ``GitError`` where nobody can say."""
    try:
        return os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise cannot_look(f"{path}: {error.strerror}") from error


def cannot_look(reason: str) -> GitError:
    """The error for a place that is not open to whoever runs this."""
    return GitError(reason, hint="what cannot be read cannot be checked")


def refuse_unseen(complaints: bytes) -> None:
    """Raise ``GitError`` where ``git status`` told on stderr of a file or folder that it could not look at.

    It ends with success all the same, and leaves that file or folder out of what it found. Its other warnings
    (of settings of the user's that cannot be read, for one) are about how it looks.
    """
    for line in complaints.decode(errors="replace").splitlines():
        if line.startswith(_UNSEEN) or (line.strip() and not line.startswith(_REMARKS)):
            raise cannot_look(f"git status: {line.removeprefix('warning: ')}")
