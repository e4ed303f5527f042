"""A finished build takes the place of the old one: all of it, or nothing (design §6).

The new files stand in a staging folder beside the output folder. Where the system can, the two are
exchanged in one step; elsewhere the output folder is absent for a moment. A kill at any time leaves
the old or the new set, and at most a staging folder that the next build removes.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from catalog_tool.bundle.writer import MANIFEST
from catalog_tool.errors import UsageError
from catalog_tool.source.new_files import unwritten

USUAL = "dist"
"""Where a build goes that is told nothing, seen from the catalog's root."""
GIT_FOLDER = ".git"
_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
_RENAME_SWAP = 2


def check_output(out: Path, root: Path, sources: Iterable[str]) -> None:
    """Refuse an output folder that holds anything a build did not write, or that meets the sources.

    ``sources`` are folders below ``root``. Raises ``UsageError``.
    """
    with _refused_politely(out):
        _check_place(out, root, sources)
        if out.is_symlink() or out.exists():
            _check_content(out)


def _check_place(out: Path, root: Path, sources: Iterable[str]) -> None:
    resolved, usual = out.resolve(), root.resolve() / USUAL
    hint = "choose another folder"
    if resolved != usual:
        hint += f", such as {os.path.relpath(usual)}"
    if any(step.casefold() == GIT_FOLDER for step in resolved.parts):
        raise UsageError(f"--out {out}: it lies in a folder of git's own", hint=hint)
    for source in sources:
        folder = (root / source).resolve()
        if resolved == folder or resolved in folder.parents or folder in resolved.parents:
            raise UsageError(f"--out {out}: it would hold or lie in {source}/", hint=hint)
    if resolved == root.resolve():
        raise UsageError(f"--out {out}: it is the catalog's root", hint=hint)


def _check_content(out: Path) -> None:
    if not out.is_dir():
        raise UsageError(f"--out {out}: it is not a folder")
    foreign = next(iter(_foreign(out)), None)
    if foreign is not None:
        hint = "choose an empty folder, or remove the file"
        raise UsageError(f"--out {out}: it holds {foreign}, which no build wrote", hint=hint)


def _foreign(out: Path) -> Iterator[str]:
    try:
        document = json.loads((out / MANIFEST).read_bytes())
        named = {file["name"] for file in document["files"]} | {MANIFEST}
        if document["kind"] != "manifest":
            named = set()
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        named = set()
    cut = len(str(out)) + 1
    for folder, folders, files in os.walk(out):
        for name in files:
            inner = f"{folder}/{name}"[cut:].replace(os.sep, "/")
            if inner not in named:
                yield inner
        for name in folders:
            if os.path.islink(f"{folder}/{name}"):
                yield f"{folder}/{name}"[cut:]


@contextmanager
def staging(out: Path) -> Iterator[Path]:
    """A fresh folder beside ``out``; removed at the end whatever happens, with the folders made for it.

    What killed builds left behind is removed first. Raises ``UsageError`` where the place cannot be
    written to, another ``CatalogError`` where the disk is full or fails.
    """
    target = out.resolve()
    prefix = f".{target.name}.building-"
    made = [folder for folder in target.parents if not folder.exists()]
    with _refused_politely(out):
        target.parent.mkdir(parents=True, exist_ok=True)
        for left in sorted(target.parent.iterdir()):
            if left.name.startswith(prefix) and not _alive(left.name[len(prefix) :]):
                shutil.rmtree(left, ignore_errors=True)
        folder = target.with_name(f"{prefix}{os.getpid()}")
        folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):
            for empty in made:
                empty.rmdir()


@contextmanager
def _refused_politely(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise unwritten(f"--out {out}", error) from error


def _alive(pid: str) -> bool:
    if not pid.isdigit() or int(pid) == os.getpid():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def publish(folder: Path, out: Path) -> None:
    """Put the staging folder in the place of ``out``; what was there goes to where it stood.

    Where ``out`` is a link, the folder it leads to is replaced. Raises as ``staging`` does where the system
    refuses.
    """
    target = out.resolve()
    with _refused_politely(out):
        if not target.exists():
            folder.rename(target)
        elif not _exchange(folder, target):
            old = folder.with_name(f"{folder.name}-old")
            target.rename(old)
            folder.rename(target)
            shutil.rmtree(old, ignore_errors=True)


def _exchange(first: Path, second: Path) -> bool:
    """Swap two folders in one step; False where the system cannot."""
    one, two = os.fsencode(first), os.fsencode(second)
    try:
        if sys.platform == "linux":
            return bool(ctypes.CDLL(None).renameat2(_AT_FDCWD, one, _AT_FDCWD, two, _RENAME_EXCHANGE) == 0)
        if sys.platform == "darwin":
            return bool(ctypes.CDLL(None).renamex_np(one, two, _RENAME_SWAP) == 0)
    except (AttributeError, OSError):
        return False
    return False
