"""New files of a catalog: whole or not at all, never over another file, never through a link out of it.

Beside them the files that a user names for a result (``put``), and what is said where one cannot be written.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import NamedTuple

from catalog_tool.errors import NO_ROOM, CatalogError, UsageError

_NO_HARD_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EACCES})
_NO_NEIGHBOURS = frozenset({errno.EPERM, errno.EACCES, errno.EROFS, errno.EBUSY})
"""A file may be written though its folder takes no other, as where it alone is mounted into a container."""
_WRONG_PLACE = frozenset(
    {
        errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ELOOP,
        errno.ENAMETOOLONG, errno.EINVAL, errno.EBUSY, errno.ENXIO, errno.ENODEV,
    }
)  # fmt: skip
"""What is the fault of a path; anything else happens to whoever writes anywhere."""
_OF_THE_SYSTEM = ("/dev/", "/proc/")


class NewFile(NamedTuple):
    """A file to be written: its path from the catalog's root, with ``/``, and its text (line ends LF)."""

    path: str
    text: str


def is_free(root: Path, path: str) -> bool:
    """Whether nothing stands at ``path`` below ``root``, so that ``create`` may write there.

    Writes nothing. Raises ``UsageError`` where a folder on the way is no folder, or leads out of ``root``,
    and where a folder has the file's name.
    """
    folder, steps = root, path.split("/")
    for step in steps[:-1]:
        folder = folder / step
        try:
            mode = folder.stat().st_mode
        except FileNotFoundError:
            if folder.is_symlink():
                raise UsageError(f"{folder} is a link to nothing", hint="remove the link") from None
            return True
        except OSError as error:
            raise _refused(folder, error) from error
        if not stat.S_ISDIR(mode):
            raise UsageError(f"{folder} is not a folder", hint=f"move it away: {path} needs a folder there")
        _stay_inside(root, folder)
    target = folder / steps[-1]
    if target.is_dir() and not target.is_symlink():
        raise UsageError(f"{target} is a folder", hint="move it away: a file of this name is needed")
    return not os.path.lexists(target)


def create(root: Path, *files: NewFile, check: Callable[[], object] | None = None) -> None:
    """Write files with the folders above them; each appears with all of its text, and all of them or none.

    ``check`` looks at them when they are there: where it raises, they are taken away again. Raises ``UsageError``
    where a file stands there already, or where the place cannot be written to, and another ``CatalogError`` where
    the disk is full or fails (``unwritten``).
    """
    with ExitStack() as undo:
        for file in files:
            _create(root, file, undo)
        if check is not None:
            check()
        undo.pop_all()


def _create(root: Path, file: NewFile, undo: ExitStack) -> None:
    target = root / file.path
    if not is_free(root, file.path):
        raise UsageError(f"{file.path} exists already", hint="nothing is ever overwritten: move it away first")
    try:
        for folder in [folder for folder in reversed(target.parents) if not folder.exists()]:
            folder.mkdir(exist_ok=True)
            undo.callback(_undone, folder.rmdir)
        staged = _staged(target)
        try:
            _write(staged, file.text.encode())
            _take_name(staged, target)
        finally:
            staged.unlink(missing_ok=True)
    except OSError as error:
        raise _refused(target, error) from error
    undo.callback(_undone, target.unlink)


def _undone(remove: Callable[[], None]) -> None:
    """A folder stays where somebody else has put something into it meanwhile."""
    with suppress(OSError):
        remove()


def put(path: Path, data: bytes) -> None:
    """Write a file that somebody named for a result: what was there, or all of ``data``, and nothing beside it.

    Links are followed. What is no ordinary file (``/dev/stdout``, a pipe) gets the bytes as it stands.
    Raises ``OSError``; see ``unwritten``.
    """
    mode = path.stat().st_mode if path.exists() else None
    ordinary = mode is None or stat.S_ISREG(mode)
    if not ordinary or str(path.absolute()).startswith(_OF_THE_SYSTEM):
        path.write_bytes(data)
        return
    target = path.resolve()
    staged = _staged(target)
    try:
        _write(staged, data)
        if mode is not None:
            staged.chmod(stat.S_IMODE(mode))
        staged.replace(target)
    except OSError as error:
        if mode is None or error.errno not in _NO_NEIGHBOURS:
            raise
        target.write_bytes(data)
    finally:
        with suppress(OSError):
            staged.unlink(missing_ok=True)


def unwritten(what: str, error: OSError, *, hint: str = "") -> CatalogError:
    """What to raise where ``what`` could not be written.

    ``UsageError`` (exit 2) where another path would do; a full disk, a limit or a failing device keeps the
    work from being finished, wherever it was to go (exit 3, design §5).
    """
    message = f"{what}: {error.strerror or error}"
    if error.errno in _WRONG_PLACE:
        return UsageError(message, hint=hint)
    room = "make room, and run it again" if error.errno in NO_ROOM else ""
    return CatalogError(message, hint="; ".join(filter(None, (room, hint))))


def _stay_inside(root: Path, folder: Path) -> None:
    if not folder.resolve().is_relative_to(root.resolve()):
        raise UsageError(f"{folder} leads out of {root} and is not followed", hint="name the other folder itself")


def _staged(target: Path) -> Path:
    """Where a file stands until it is whole."""
    return target.with_name(f".{target.name}.{secrets.token_hex(8)}.tmp")


def _write(path: Path, data: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(handle)


def _take_name(staged: Path, target: Path) -> None:
    """Give a finished file its name. A hard link, unlike a rename, never replaces what is there."""
    try:
        os.link(staged, target)
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        claim_and_rename(staged, target)


def claim_and_rename(staged: Path, target: Path) -> None:
    """The same on file systems without hard links: an empty file claims the name, then it is replaced.

    Raises ``FileExistsError`` where the name is taken.
    """
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
    try:
        staged.replace(target)
    except OSError:
        target.unlink(missing_ok=True)
        raise


def _refused(path: Path, error: OSError) -> CatalogError:
    return unwritten(f"{path} cannot be written", error, hint="nothing was overwritten")
