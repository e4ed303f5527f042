"""One writer at a time in a folder: a lock that the system frees when its holder ends, however that happens.

On POSIX systems the folder itself is locked, and no file is made. Windows opens no folder: there a file stands
in it while the lock is held, which the system removes with its last handle (``O_TEMPORARY``).
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from catalog_tool.errors import CatalogError

PATIENCE_SECONDS = 10.0
_PAUSE_SECONDS = 0.005


@contextmanager
def locked(folder: Path, patience: float = PATIENCE_SECONDS) -> Iterator[None]:
    """Hold the folder's lock; another holder, also in this process, is waited for ``patience`` seconds.

    CatalogError: it was not free by then. OSError: there is no such folder, or it cannot be locked.
    """
    until = time.monotonic() + patience
    while (handle := _taken(folder)) is None:
        if time.monotonic() >= until:
            hint = f"nothing was changed: run it again; waited {patience:g} s"
            raise CatalogError(f"another process is writing in {folder}", hint=hint)
        time.sleep(_PAUSE_SECONDS)
    try:
        yield
    finally:
        os.close(handle)


if sys.platform == "win32":

    def _taken(folder: Path) -> int | None:
        """A handle that is the lock, or None where somebody else has it."""
        try:
            return os.open(folder / ".catalog.lock", os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_TEMPORARY)
        except (FileExistsError, PermissionError):  # the latter while the holder's file is on its way out
            return None

else:
    import fcntl

    def _taken(folder: Path) -> int | None:
        """A handle that is the lock, or None where somebody else has it."""
        handle = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(handle)
            if isinstance(error, BlockingIOError):
                return None
            raise
        return handle
