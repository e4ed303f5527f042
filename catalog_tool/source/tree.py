"""The files of a catalog: of the work tree, or of a revision by object reads only.

Both give the same bytes for the same commit. A tracked file that git holds to be unmodified is
read as git's blob even where a checkout rewrote its line ends; ``.gitignore`` is honoured.
Paths are relative to the catalog's root, with ``/``.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from catalog_tool.errors import GitError
from catalog_tool.model.limits import CATALOG_FILES, SKILL_FILE_BYTES
from catalog_tool.source.decoding import Flaw
from catalog_tool.source.git import Git
from catalog_tool.source.git_output import Status, TreeEntry
from catalog_tool.source.odd_places import survey
from catalog_tool.source.on_disk import cannot_look, stat_of
from catalog_tool.source.root import Place, outside_git

ATTRIBUTES = ".gitattributes"
FILE, EXECUTABLE, LINK, SUBMODULE = "100644", "100755", "120000", "160000"
SPECIAL = "special"
"""Neither file, folder nor link: a device, a socket, a FIFO."""
FOLDER = "040000"
"""Listed only where a folder takes the place of a version's file."""


class Entry(NamedTuple):
    """A file: git's mode, and the id of the blob it equals, or None where only the disk has it."""

    mode: str
    blob: str | None


class Content(NamedTuple):
    """A file's bytes, or None and why they cannot be had."""

    path: str
    data: bytes | None
    flaw: Flaw | None = None


class Tree(Protocol):
    """Where files come from. ``prefix`` is the catalog's root below the top of the repository, or empty."""

    prefix: str

    def list(self, paths: Sequence[str] = ()) -> dict[str, Entry]:
        """Every file below ``paths`` (everything, where empty)."""

    def read(self, entries: Mapping[str, Entry], limit: int) -> Iterator[Content]:
        """The content of each entry, in their order; none beyond ``limit`` bytes."""

    def top(self) -> Tree:
        """The same files seen from the top of the repository, or this tree outside git."""


def blob_id(data: bytes) -> str:
    """The id git (SHA-1) gives to a blob of these bytes."""
    return hashlib.sha1(b"blob %d\0%b" % (len(data), data), usedforsecurity=False).hexdigest()


def _is_edited(full: str, entry: TreeEntry) -> bool:
    """Whether a file that git does not look at stands on disk with another mode or other bytes."""
    mode = _mode(Path(full))
    if mode is None:
        return False  # a folder has taken its place
    content = _read_file(full, full, Entry(mode, None), SKILL_FILE_BYTES)
    data = content.data
    if mode != entry.mode or data is None:
        return True
    wide = hashlib.sha256(b"blob %d\0%b" % (len(data), data)).hexdigest()
    return entry.blob not in (blob_id(data), wide)


def read_one(tree: Tree, path: str, limit: int) -> Content | None:
    """The content of one path, or None where there is no such file."""
    entry = tree.list([path]).get(path)
    if entry is None or entry.mode not in (FILE, EXECUTABLE):
        return None
    return next(iter(tree.read({path: entry}, limit)))


def _too_large(path: str, size: int, limit: int) -> Content:
    return Content(path, None, Flaw("Y002", f"the file is {size} bytes; at most {limit} are read"))


class RevisionTree:
    """The catalog at a commit. ``prefix`` is its root below the top of the repository, with a final ``/``."""

    def __init__(self, git: Git, commit: str, prefix: str = "") -> None:
        self.git = git
        self.commit = commit
        self.prefix = prefix
        self.status: Status | None = None
        self.has_unwatched = False

    def list(self, paths: Sequence[str] = ()) -> dict[str, Entry]:
        """Every file below ``paths`` at the commit."""
        wanted = [self.prefix + path for path in paths] or ([self.prefix] if self.prefix else [])
        return _relative(self.git.list_tree(self.commit, wanted), self.prefix)

    def read(self, entries: Mapping[str, Entry], limit: int) -> Iterator[Content]:
        """The content of each entry from the object database. Raises ``GitError`` where an object is gone."""
        paths: dict[str, list[str]] = {}
        for path, entry in entries.items():
            paths.setdefault(entry.blob or "", []).append(path)
        for blob in self.git.cat_blobs(paths, limit):
            for path in paths[blob.id]:
                yield (Content(path, blob.data) if blob.data is not None else _too_large(path, blob.size, limit))

    def top(self) -> RevisionTree:
        """The whole commit."""
        return RevisionTree(self.git, self.commit)


def _relative(found: Mapping[str, TreeEntry], prefix: str) -> dict[str, Entry]:
    cut = len(prefix)
    return {path[cut:]: Entry(*entry) for path, entry in found.items() if path.startswith(prefix)}


class KnownChanges(NamedTuple):
    """What git has said already: all that differs from HEAD, and the only paths (from the top) to look at."""

    status: Status
    paths: list[str]


class WorkTree:
    """The catalog on disk, with or without git around it.

    After ``list``, ``status`` is what git said of what was listed.
    """

    def __init__(self, root: Path, git: Git | None = None, prefix: str = "", known: KnownChanges | None = None) -> None:
        self.root = root
        self.git = git
        self.prefix = prefix
        self._known = known
        self._unwatched: Sequence[str] = ()
        self._is_odd = False
        self._converted: bool | None = None
        self._trusts_modes: bool | None = None
        self._status: Status | None = None
        self._top: WorkTree | None = None

    @property
    def status(self) -> Status | None:
        """What git said of what was listed, here or from the top of the repository."""
        return self._status or (self._top.status if self._top is not None else None)

    @property
    def has_unwatched(self) -> bool:
        """Whether anything is on disk and hidden from git, so that ``status`` is not all."""
        return self._is_odd or bool(self._unwatched) or (self._top is not None and self._top.has_unwatched)

    @property
    def head(self) -> str | None:
        """HEAD's commit, once files have been listed."""
        return self.status.head if self.status is not None else None

    @property
    def is_modified(self) -> bool:
        """Whether anything listed differs from HEAD."""
        return self.status is not None and bool(self.status.changed or self.status.untracked)

    def list(self, paths: Sequence[str] = ()) -> dict[str, Entry]:
        """Every file below ``paths`` that is tracked, or untracked and not ignored.

        Raises ``GitError`` where a file or folder on disk cannot be looked at.
        """
        if self.git is None:
            return dict(_walk(self.root, paths))
        wanted = [self.prefix + path for path in paths] or ([self.prefix] if self.prefix else [])
        if self._known is None:
            (found, self._unwatched), status = self.git.list_with_status(wanted)
        else:
            wanted, status = self._known.paths, self._known.status
            found, self._unwatched = self.git.list_index(wanted)
        unseen = [path for path in self._unwatched if _is_edited(f"{self.git.top}/{path}", found[path])]
        if unseen:
            status = status._replace(changed=(*status.changed, *unseen))
        entries = _relative(found, self.prefix)
        self._note_attributes(wanted, found)
        self._status = status
        for path in (*status.changed, *status.untracked):
            self._overlay(entries, path)
        return entries

    def _overlay(self, entries: dict[str, Entry], path: str) -> None:
        if not path.startswith(self.prefix):
            return
        inner = path[len(self.prefix) :]
        if inner.endswith("/"):  # git names no file in an untracked repository of its own
            entries[inner[:-1]] = Entry(SUBMODULE, None)
            return
        mode = None if _is_behind_link(self.root, inner) else _mode(self.root / inner)
        if mode is not None:
            entries[inner] = Entry(self._mode_in_git(mode, entries.get(inner)), None)
        elif inner in entries and entries[inner].mode != SUBMODULE:
            del entries[inner]

    def _mode_in_git(self, mode: str, known: Entry | None) -> str:
        """The mode that git would commit for a file that differs from HEAD."""
        before = known.mode if known is not None and known.mode in (FILE, EXECUTABLE) else FILE
        if mode not in (FILE, EXECUTABLE) or mode == before:
            return mode
        if self._trusts_modes is None and self.git is not None:
            self._trusts_modes = self.git.trusts_modes()
        return mode if self._trusts_modes else before

    def read(self, entries: Mapping[str, Entry], limit: int) -> Iterator[Content]:
        """The content of each entry: git's where it is unmodified, else the disk's.

        Raises ``GitError`` where nobody can see whether a file is there.
        """
        root = str(self.root)
        verify = self.git is not None and self._has_conversions()
        for path, entry in entries.items():
            content = _read_file(f"{root}/{path}", path, entry, limit)
            if content.flaw is not None and entry.blob is not None and stat_of(f"{root}/{path}") is None:
                content = self._as_stored(path, entry.blob, limit)  # a sparse checkout leaves it out
            elif verify and entry.blob is not None and content.data is not None and blob_id(content.data) != entry.blob:
                content = self._as_stored(path, entry.blob, limit)
            yield content

    def odd_entries(self, prompts: str) -> dict[str, Entry]:
        """What takes the place of a version's file below the prompts folder and is in no listing.

        Whoever knows the changes already has read everything before.
        """
        if self._known is not None:
            return {}
        found = survey(str(self.root), prompts).odd
        entries = {path: Entry(FOLDER if is_folder else SPECIAL, None) for path, is_folder in found}
        self._is_odd = bool(entries)
        return entries

    def top(self) -> WorkTree:
        """The whole work tree."""
        if self.git is None or not self.prefix:
            return self
        self._top = self._top or WorkTree(Path(self.git.top), self.git, known=self._known)
        return self._top

    def _as_stored(self, path: str, blob: str, limit: int) -> Content:
        if self.git is None:
            raise GitError("no repository")
        found = next(iter(self.git.cat_blobs([blob], limit)))
        return Content(path, found.data) if found.data is not None else _too_large(path, found.size, limit)

    def _has_conversions(self) -> bool:
        """Whether git may write other bytes to disk than it stores (line ends, filters)."""
        if self._converted is None and self.git is not None:
            self._converted = self.git.may_convert()
        return bool(self._converted) or (self._top is not None and self._top._has_conversions())

    def _note_attributes(self, listed: Sequence[str], found: Mapping[str, TreeEntry]) -> None:
        """Remember a ``.gitattributes`` in what was listed, or in a folder above it."""
        above = {folder for path in listed for folder in _folders_above(path)}
        in_place = any(self.git is not None and Path(self.git.top, folder, ATTRIBUTES).exists() for folder in above)
        if in_place or any(path.endswith(ATTRIBUTES) for path in found):
            self._converted = True


def _is_behind_link(root: Path, inner: str) -> bool:
    """Whether a folder on the way to a file is a link: what it leads to is not that file."""
    return any(folder and os.path.islink(root / folder) for folder in _folders_above(inner))


def _folders_above(path: str) -> Iterator[str]:
    yield ""
    while path := path.rpartition("/")[0]:
        yield path


def tree_of(place: Place, revision: str | None) -> WorkTree | RevisionTree:
    """The work tree, or the catalog at a revision. Raises ``GitError`` where it cannot be resolved."""
    if revision is None:
        return WorkTree(Path(place.root), place.git, place.prefix)
    if place.git is None:
        raise outside_git(place.root, "leave the revision out, or run `git init`")
    return RevisionTree(place.git, place.git.resolve(revision), place.prefix)


def _mode(path: Path) -> str | None:
    """Git's mode of what stands there, or None where a folder or nothing does."""
    found = stat_of(str(path))
    if found is None or stat.S_ISDIR(found.st_mode):
        return None
    if stat.S_ISLNK(found.st_mode):
        return LINK
    if stat.S_ISREG(found.st_mode):
        return EXECUTABLE if found.st_mode & stat.S_IXUSR else FILE
    return SPECIAL


def _walk(root: Path, paths: Iterable[str]) -> Iterator[tuple[str, Entry]]:
    """Files below ``paths`` outside git; links are listed and never followed."""
    count = 0
    pending = [path.rstrip("/") for path in paths] or [""]
    while pending:
        inner = pending.pop()
        mode = _mode(root / inner) if inner else None
        if mode is not None:
            yield inner, Entry(mode, None)
            count += 1
            continue
        try:
            with os.scandir(root / inner) as found:
                names = sorted(item.name for item in found)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise cannot_look(f"{root / inner}: {error.strerror}") from error
        if count > CATALOG_FILES:
            raise GitError(f"more than {CATALOG_FILES} files below {root}", hint="name the catalog's root with -C")
        pending.extend(f"{inner}/{name}" if inner else name for name in names if name != ".git")


def _read_file(full: str, path: str, entry: Entry, limit: int) -> Content:
    if entry.mode == LINK:
        try:
            return Content(path, os.fsencode(os.readlink(full)))
        except OSError as error:
            return _unreadable(path, error)
    try:
        handle = os.open(full, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        return _unreadable(path, error)
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            return Content(path, None, Flaw("Y001", "not a regular file"))
        if found.st_size > limit:
            return _too_large(path, found.st_size, limit)
        data = os.read(handle, found.st_size + 1)
        while len(data) < found.st_size and (more := os.read(handle, found.st_size - len(data))):
            data += more
        return Content(path, data)
    except OSError as error:
        return _unreadable(path, error)
    finally:
        os.close(handle)


def _unreadable(path: str, error: OSError) -> Content:
    name = errno.errorcode.get(error.errno or 0, "")
    return Content(path, None, Flaw("Y001", f"cannot be read: {error.strerror} ({name})"))
