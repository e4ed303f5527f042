"""A folder in memory where the machine has one: for tests of what a store says, not of what a disk keeps."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_ROOM = 256 * 1024**2


@contextmanager
def memory_folder() -> Iterator[Path]:
    """A new folder, gone at the end."""
    shared = Path("/dev/shm")
    roomy = os.access(shared, os.W_OK) and shutil.disk_usage(shared).free > _ROOM
    with tempfile.TemporaryDirectory(prefix="catalog-test-", dir=shared if roomy else None) as found:
        yield Path(found)
