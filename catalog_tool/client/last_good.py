"""The last known good prompts on disk, so that an application starts while its source is down.

One file for each thing wanted of each source, named by the hash of both. The first line is the SHA-256
of the rest; a file that is torn, damaged, or another's is refused. Files are written beside their
place and renamed; the names of the unfinished are few and used again, so that killed processes leave
no more than ``SLOTS`` of them, ever.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catalog_tool.client.sources.base import ANSWER_BYTES, Answer
from catalog_tool.source.memory import cache_folder

if TYPE_CHECKING:
    from catalog_tool.client.status import Counters
    from catalog_tool.client.wanted import Wanted

try:
    import fcntl

    _locks: Any = fcntl
except ImportError:  # Windows has other locks; there an unfinished file belongs to whoever can create it
    _locks = None

FORMAT = 1
SLOTS = 4
"""Unfinished files in one folder at a time."""
FOLDER = "client"

_writing = threading.Lock()
"""Locks of the system are a process's, not a thread's: only one thread of this process writes at a time."""


class LastGood:
    """The files of one source in one folder. Trouble with the disk is counted, never raised."""

    def __init__(self, folder: str | os.PathLike[str] | None, place: tuple[str, ...], counters: Counters) -> None:
        self._folder = Path(folder if folder is not None else cache_folder()).absolute() / FOLDER
        self._place = list(place)
        self._counters = counters

    def path(self, wanted: Wanted) -> Path:
        """Where the file is. Key and place are hashed as a JSON list, so that no two can be confused."""
        key = json.dumps([self._place, self._key(wanted)], separators=(",", ":"))
        return self._folder / f"{sha256(key.encode()).hexdigest()}.json"

    def _key(self, wanted: Wanted) -> list[Any]:
        return [wanted.name, list(wanted.labels), wanted.version, wanted.keyed]

    def read(self, wanted: Wanted) -> tuple[Answer, float] | None:
        """What was kept and the second (since the epoch) at which it was fetched; None for nothing usable."""
        try:
            with self.path(wanted).open("rb") as file:
                at = os.fstat(file.fileno()).st_mtime
                data = file.read(4 * ANSWER_BYTES + 1)
        except FileNotFoundError:
            return None
        except OSError:
            self._counters.add("last_good_refused")
            return None
        try:
            return self._decoded(wanted, data), at
        except (ValueError, KeyError, TypeError, RecursionError):
            self._counters.add("last_good_refused")
            return None

    def _decoded(self, wanted: Wanted, data: bytes) -> Answer:
        head, _, body = data.partition(b"\n")
        if head != sha256(body).hexdigest().encode():
            raise ValueError("the file is not what its first line says")
        document = json.loads(body)
        if document["format"] != FORMAT or document["wanted"] != self._key(wanted):
            raise ValueError("the file is another's")
        if document["place"] != self._place:
            raise ValueError("the file is of another source")
        answer = document["answer"]
        names = ("label", "value", "entries", "generation", "store_id", "bundle")
        return Answer(**{name: answer[name] for name in names if name in answer})

    def confirm(self, wanted: Wanted, answer: bytes, at: float) -> None:
        """The source said at the second ``at`` that what is kept still holds: the file is dated anew."""
        try:
            os.utime(self.path(wanted), (at, at))
        except FileNotFoundError:
            self.write(wanted, answer, at)
        except OSError:
            self._counters.add("last_good_failed")

    def write(self, wanted: Wanted, answer: bytes, at: float) -> None:
        """Keep ``answer`` (JSON), fetched at the second ``at``."""
        head = {"format": FORMAT, "wanted": self._key(wanted), "place": self._place}
        body = json.dumps(head, separators=(",", ":")).encode()[:-1] + b',"answer":' + answer + b"}"
        data = sha256(body).hexdigest().encode() + b"\n" + body
        try:
            with _writing:
                self._replace(self.path(wanted), data, at)
        except OSError:
            self._counters.add("last_good_failed")

    def _replace(self, path: Path, data: bytes, at: float) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._unfinished() as (handle, name):
            os.ftruncate(handle, 0)
            view = memoryview(data)
            while view:
                view = view[os.write(handle, view) :]
            os.utime(handle if os.utime in os.supports_fd else name, (at, at))
            os.fsync(handle)
            name.replace(path)

    @contextlib.contextmanager
    def _unfinished(self) -> Iterator[tuple[int, Path]]:
        """A file of our own to write to: locked, and still the one that has the name."""
        for number in range(SLOTS):
            name = self._folder / f"unfinished-{number}"
            flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | (0 if _locks is not None else os.O_EXCL)
            with contextlib.ExitStack() as stack:
                try:
                    handle = os.open(name, flags, 0o600)
                except FileExistsError:
                    continue
                stack.callback(os.close, handle)
                if not _is_ours(handle, name):
                    continue
                try:
                    yield handle, name
                except OSError:
                    with contextlib.suppress(OSError):
                        name.unlink()
                    raise
                return
        raise OSError("every unfinished file is being written by another process")

    def forked(self) -> None:
        """In a child process: a thread of the parent may have been writing."""
        global _writing
        _writing = threading.Lock()


def _is_ours(handle: int, name: Path) -> bool:
    """Lock the file. What was renamed meanwhile is a finished file of somebody's, and is let be."""
    if _locks is None:
        return True
    try:
        _locks.lockf(handle, _locks.LOCK_EX | _locks.LOCK_NB)
        return os.path.samestat(os.fstat(handle), name.stat())
    except OSError:
        return False
