"""The folder of a ``file`` target as a disk knows it: a lock, objects by their hash, one pointer that is replaced.

========================  ==========================================================================
``current.json``          the pointer (``file_documents.Pointer``), only ever replaced as a whole
``objects/ab/cdef…``      contents by their SHA-256; never changed once they are there
``trail.jsonl``           the audit trail; only ever appended to, and read as far as the pointer says
``lock``                  locked by whoever writes; the system frees it when that process dies
``evidence/``             records of evaluations (``file_evidence``), each added once
``unfinished/``           files that are being written; whoever has the lock next removes what is left
========================  ==========================================================================

An object is written, synced, renamed, and its folder synced, before the pointer that names it is; so a
reader sees the old or the new set and never a mix, whenever the writer or the machine stops. Nothing is
read through a symbolic link below the folder, and nothing written through one.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

from catalog_tool.errors import BackendError, UnavailableError, UsageError
from catalog_tool.model.limits import BUNDLE_BYTES

try:
    import fcntl
    import resource
except ImportError as problem:  # Windows has no lock that two threads of one process respect
    raise UsageError("a file target needs a POSIX system", hint="use `backend: sqlite` here") from problem

POINTER, OBJECTS, TRAIL, LOCK, UNFINISHED = "current.json", "objects", "trail.jsonl", "lock", "unfinished"
EVIDENCE = "evidence"
_OURS = frozenset({POINTER, OBJECTS, TRAIL, LOCK, UNFINISHED, EVIDENCE})
_SHARD = 2
_PAUSE_SECONDS = 0.005
_AT_ONCE = 1000
"""How many objects are written before they are synced, where the process may hold twice as many files open."""
_SYNCS = 16
_FEW = 3
"""Fewer are synced one after the other: threads would cost more."""
Item = TypeVar("Item")
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_HINTS = {
    errno.ENOSPC: "make room: nothing of this step was published",
    errno.EDQUOT: "make room: nothing of this step was published",
    errno.EROFS: "the file system only reads",
    errno.EACCES: "check the permissions of the folder and of what is in it",
    errno.EPERM: "check the permissions of the folder and of what is in it",
}


class Folder:
    """One folder. Another writer is waited for ``patience`` seconds."""

    def __init__(self, path: Path, patience: float = 10.0) -> None:
        self.path = path
        self._patience = patience
        self._at_once = _at_once()
        self._dirty: set[Path] = set()
        self._shards: dict[str, Path] = {}
        self._begun: dict[str, tuple[int, Path]] = {}

    def place(self) -> str:
        """The path as it was given."""
        return f"file {self.path}"

    @contextmanager
    def clear_errors(self) -> Iterator[None]:
        """The one clear error for what the system says. Raises ``BackendError``."""
        try:
            yield
        except OSError as error:
            what = f"{self.place()}: {error.strerror or error}"
            raise BackendError(what, hint=_HINTS.get(error.errno or 0, "")) from error

    def pointer(self) -> bytes | None:
        """The pointer; None where no target was made yet. Raises ``BackendError`` for a folder of anything else."""
        with self.clear_errors():
            found = read_plain(self.path / POINTER, BUNDLE_BYTES)
            if found is None and os.path.lexists(self.path / POINTER):
                found = read_plain(self.path / POINTER, BUNDLE_BYTES)  # somebody may have made it between two looks
                if found is None:
                    raise BackendError(f"{self.place()}: {POINTER} is no plain file", hint="was it edited by hand?")
            if found is None:
                self._check_is_free()
            return found

    def _check_is_free(self) -> None:
        """A folder without a pointer is one that is to be made, never an empty target that was full."""
        try:
            names = {path.name for path in self.path.iterdir()}
        except FileNotFoundError:
            return
        if foreign := sorted(names - _OURS):
            hint = "name an empty folder, or one that is to be made"
            raise BackendError(f"{self.place()} holds {foreign[0]}, which is not a target's", hint=hint)
        # The pointer is looked for last: whoever makes a target at this moment makes it before any object.
        if OBJECTS in names and any((self.path / OBJECTS).iterdir()) and not os.path.lexists(self.path / POINTER):
            hint = f"restore {POINTER}, or move the folder away and sync again: git holds all of it"
            raise BackendError(f"{self.place()} has objects and no {POINTER}", hint=hint)

    def read(self, name: str, limit: int = BUNDLE_BYTES) -> bytes | None:
        """The bytes under this hash, unverified; None where there is no plain file of at most ``limit`` bytes."""
        if len(name) != sha256().digest_size * 2 or not name.isalnum():
            return None
        with self.clear_errors():
            return read_plain(self._object(name), limit)

    def trail(self, length: int) -> Iterator[bytes]:
        """The lines of the first ``length`` bytes of the audit trail. Raises ``BackendError`` where there are fewer."""
        with self.clear_errors():
            if length == 0:
                return
            try:
                handle = os.open(self.path / TRAIL, _READ)
            except FileNotFoundError:
                raise self._cut_trail(0, length) from None
            with os.fdopen(handle, "rb") as file:
                left = length
                while left > 0 and (line := file.readline(left)):
                    left -= len(line)
                    yield line
            if left > 0:
                raise self._cut_trail(length - left, length)

    def _cut_trail(self, found: int, wanted: int) -> BackendError:
        hint = "restore it, or move the folder away and sync again: git holds all but the trail"
        return BackendError(f"{self.place()}: {TRAIL} was cut: {found} bytes of {wanted} are there", hint=hint)

    def _object(self, name: str) -> Path:
        return self.path / OBJECTS / name[:_SHARD] / name[_SHARD:]

    @contextmanager
    def locked(self, *, create: bool) -> Iterator[bool]:
        """The only writer until the end; what a dead one left unfinished is removed. Gives whether there is a folder.

        Raises ``UnavailableError`` where another one holds the lock for too long.
        """
        with self.clear_errors():
            if create:
                self.pointer()
                self._make()
            try:
                handle = os.open(self.path / LOCK, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | (os.O_CREAT * create))
            except FileNotFoundError:
                yield False
                return
            try:
                self._wait_for(handle)
                self._dirty.clear()
                self._shards.clear()
                for left in (self.path / UNFINISHED).iterdir():
                    left.unlink()
                yield True
            finally:
                try:
                    self._let_go()
                finally:
                    os.close(handle)

    def _make(self) -> None:
        """The folder with what is in it; one above it that is missing is a slip."""
        parent = self.path.absolute().parent
        if not parent.is_dir():
            raise BackendError(f"{self.place()}: there is no folder {parent}", hint="make it, or mend `path`")
        if not self.path.exists():
            with suppress(FileExistsError):
                self.path.mkdir()
            _sync_folder(parent)
        self._make_folder(OBJECTS)
        self._make_folder(UNFINISHED)

    def _make_folder(self, name: str) -> None:
        if self._is_made(name):
            _sync_folder((self.path / name).parent)

    def _is_made(self, name: str) -> bool:
        """Whether there was no such folder before."""
        path = self.path / name
        try:
            path.mkdir()
        except FileExistsError:
            if not stat.S_ISDIR(path.lstat().st_mode):
                raise BackendError(f"{self.place()}: {name} is no folder", hint="was it edited by hand?") from None
            return False
        return True

    def _wait_for(self, handle: int) -> None:
        until = time.monotonic() + self._patience
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > until:
                    hint = f"waited {self._patience:g} s for another process that writes to it"
                    raise UnavailableError(f"{self.place()} is locked", hint=hint) from None
                time.sleep(_PAUSE_SECONDS)
            else:
                return

    def put(self, data: bytes) -> str:
        """Store bytes; their hash. They are on disk after ``publish``. Only under the lock."""
        name = sha256(data).hexdigest()
        shard = self._shard(name[:_SHARD])
        if name not in self._begun and self.read(name) != data:
            self._begun[name] = self._begin(data)
            if len(self._begun) >= self._at_once:
                self._finish()
        self._dirty.add(shard)
        return name

    def _shard(self, name: str) -> Path:
        """One of the folders of objects, made where it is not there: looked for once under a lock.

        The folder above is synced with the others: whoever made this one may have died before that.
        """
        if name not in self._shards:
            self._is_made(f"{OBJECTS}/{name}")
            self._dirty.add(self.path / OBJECTS)
            self._shards[name] = self.path / OBJECTS / name
        return self._shards[name]

    def _finish(self) -> None:
        """Sync what was begun, together, because one sync costs a disk about what many at once do; then name it."""
        _together(os.fsync, [handle for handle, _ in self._begun.values()])
        for name, (_, path) in self._begun.items():
            path.rename(self._object(name))
        self._let_go()

    def _let_go(self) -> None:
        begun, self._begun = self._begun, {}
        for handle, _ in begun.values():
            os.close(handle)

    def touch(self, names: Collection[str]) -> None:
        """Date objects now that are about to be replaced: a reader may still need them for a while."""
        for name in names:
            with suppress(OSError):
                os.utime(self._object(name), follow_symlinks=False)

    def append(self, length: int, lines: bytes) -> int:
        """Add to the trail, whose first ``length`` bytes count; its new length. On disk when this returns."""
        handle = os.open(self.path / TRAIL, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
        try:
            found = os.fstat(handle).st_size
            if found < length:
                raise self._cut_trail(found, length)
            os.ftruncate(handle, length)  # what follows was written by somebody who died before it counted
            os.lseek(handle, length, os.SEEK_SET)
            _write_all(handle, lines)
            os.fsync(handle)
        finally:
            os.close(handle)
        self._dirty.add(self.path)
        return length + len(lines)

    def add_file(self, place: tuple[str, str], name: str, data: bytes) -> bool:
        """Add a plain file two folders down, on disk when this returns. Only under the lock.

        One that is there stays as it is; False where it holds other bytes.
        """
        outer, inner = place
        self._make_folder(outer)
        self._make_folder(f"{outer}/{inner}")
        path = self.path / outer / inner / name
        if os.path.lexists(path):
            return read_plain(path, BUNDLE_BYTES) == data
        handle, unfinished = self._begin(data)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
        unfinished.rename(path)
        _sync_folder(path.parent)
        return True

    def names_in(self, place: tuple[str, str]) -> list[str]:
        """What is in a folder two folders down; nothing where there is none."""
        path = self.path.joinpath(*place)
        with self.clear_errors():
            is_ours = not path.parent.is_symlink() and not path.is_symlink() and path.is_dir()
            return sorted(found.name for found in path.iterdir()) if is_ours else []

    def read_file(self, place: tuple[str, str], name: str) -> bytes | None:
        """A plain file's bytes, two folders down; None where there is none."""
        with self.clear_errors():
            return read_plain(self.path.joinpath(*place, name), BUNDLE_BYTES)

    def publish(self, pointer: bytes) -> None:
        """Let the new set be seen: everything stored before is on disk first, and the pointer when this returns."""
        self._finish()
        _together(_sync_folder, sorted(self._dirty))
        handle, path = self._begin(pointer)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
        path.rename(self.path / POINTER)
        _sync_folder(self.path)
        self._dirty.clear()

    def _begin(self, data: bytes) -> tuple[int, Path]:
        """A file with all its bytes, neither synced nor named yet; whoever asked closes it."""
        path = self.path / UNFINISHED / os.urandom(8).hex()
        handle = os.open(path, _NEW, 0o666)
        try:
            _write_all(handle, data)
        except BaseException:
            os.close(handle)
            raise
        return handle, path

    def sweep(self, needed: Collection[str], before: float) -> int:
        """Remove objects that are not needed and were made or replaced before a moment (epoch); how many."""
        removed = 0
        for shard in _folders(self.path / OBJECTS):
            with os.scandir(shard) as entries:
                for entry in entries:
                    name = shard.name + entry.name
                    if name in needed or len(name) != sha256().digest_size * 2:
                        continue
                    if entry.is_file(follow_symlinks=False) and entry.stat(follow_symlinks=False).st_mtime < before:
                        Path(entry.path).unlink()
                        removed += 1
        return removed


def _at_once() -> int:
    """``_AT_ONCE``, or half as many files as the process may hold open."""
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _AT_ONCE if most == resource.RLIM_INFINITY else max(1, min(_AT_ONCE, most // 2))


def _folders(path: Path) -> Iterator[Path]:
    with os.scandir(path) as entries:
        for entry in entries:
            if len(entry.name) == _SHARD and entry.is_dir(follow_symlinks=False):
                yield Path(entry.path)


def read_plain(path: Path, limit: int) -> bytes | None:
    """A plain file's bytes; None for no file, a link, a pipe, a folder, or more than ``limit`` bytes."""
    try:
        handle = os.open(path, _READ)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ELOOP, errno.ENXIO, errno.ENOTDIR):
            return None
        raise
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode) or found.st_size > limit:
            return None
        with open(handle, "rb", closefd=False) as file:
            return file.read(limit)
    finally:
        os.close(handle)


def _together(sync: Callable[[Item], None], items: Sequence[Item]) -> None:
    """Sync all of them, several at a time. Raises the first error."""
    if len(items) < _FEW:
        for item in items:
            sync(item)
        return
    with ThreadPoolExecutor(_SYNCS) as pool:
        for _ in pool.map(sync, items):
            pass


def _write_all(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]


def _sync_folder(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
