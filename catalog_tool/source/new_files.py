"""New files of a catalog: whole or not at all, never over another file, never through a link out of it."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from pathlib import Path
from typing import NamedTuple

from catalog_tool.errors import UsageError

_NO_HARD_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EACCES})


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


def create(root: Path, file: NewFile) -> None:
    """Write one file with the folders above it; it appears with all of its text or not at all.

    Raises ``UsageError`` where a file stands there already, or where the place cannot be written to.
    """
    target = root / file.path
    if not is_free(root, file.path):
        raise UsageError(f"{file.path} exists already", hint="nothing is ever overwritten: move it away first")
    staged = target.with_name(f".{target.name}.{secrets.token_hex(8)}.tmp")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            _write(staged, file.text.encode())
            _take_name(staged, target)
        finally:
            staged.unlink(missing_ok=True)
    except OSError as error:
        raise _refused(target, error) from error


def _stay_inside(root: Path, folder: Path) -> None:
    if not folder.resolve().is_relative_to(root.resolve()):
        raise UsageError(f"{folder} leads out of {root} and is not followed", hint="name the other folder itself")


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
    staged.replace(target)


def _refused(path: Path, error: OSError) -> UsageError:
    return UsageError(f"{path} cannot be written: {error.strerror}", hint="nothing was overwritten")
