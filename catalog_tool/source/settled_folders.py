"""Whether anything odd stands below the prompts folder, without opening what has not changed since the last look.

To open every folder costs a sixth of ``git status``; to ask when each was changed, a third of that. A folder's
time moves with every name that comes or goes in it, so one whose time is as it was holds what it held.
"""

from __future__ import annotations

import os
import time

from catalog_tool.source.memory import Memory
from catalog_tool.source.odd_places import survey

SETTLED_NS = 2_000_000_000
"""How long ago a folder was last changed until its time is trusted: clocks of file systems tick coarsely."""


def holds_odd_places(memory: Memory, folder: str) -> bool:
    """Whether there is an odd place (``odd_places``) below this folder of the catalog that ``memory`` is about."""
    known = memory.folders(folder)
    if known and all(_changed_at(f"{memory.root}/{path}") == at for path, at in known.items()):
        return False
    began = time.time_ns()
    found = survey(memory.root, folder)
    if found.odd:
        return True
    times = {path: _changed_at(f"{memory.root}/{path}") for path in found.folders}
    if all(at is not None and at < began - SETTLED_NS for at in times.values()):
        memory.keep_folders(folder, times)
    return False


def _changed_at(path: str) -> int | None:
    try:
        return os.stat(path).st_mtime_ns  # noqa: PTH116 - a Path costs more than the call
    except OSError:
        return None
