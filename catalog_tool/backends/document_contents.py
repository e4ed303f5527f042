"""Reading and storing the contents that a state document refers to."""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple, Protocol, TypeVar

from catalog_tool.backends.document import entry_key, file_key
from catalog_tool.backends.stored import skill_entry_with
from catalog_tool.model.target import Write

WORKERS = 8
"""How many requests are under way at once; also bounds how many contents are in memory."""
T = TypeVar("T")
R = TypeVar("R")


class Head(NamedTuple):
    """The document as it is stored (None: there is none), what to replace it by, and the store's time in seconds."""

    data: bytes | None
    tag: str | None
    now: float


class BeatenError(Exception):
    """The document is no longer the one that was read: somebody else replaced it first."""


class Reader(Protocol):
    """Where contents are read from: a store, or what it told of itself all at once."""

    def read(self, key: str) -> bytes | None:
        """A content, None where there is none."""


class Blobs(Reader, Protocol):
    """A store of contents by key, and of one document. May be used by several threads at once.

    Only ``BackendError`` and ``BeatenError`` leave it. What was acknowledged is read by everyone from then on.
    """

    def place(self) -> str:
        """Where it is, without a secret."""

    def head(self) -> Head:
        """The document now."""

    def replace_head(self, data: bytes, tag: str | None) -> None:
        """Replace the document with this tag, None for none at all. Raises ``BeatenError``."""

    def check(self) -> None:
        """Make sure that the store keeps what ``replace_head`` promises. Raises ``BackendError``."""

    def readers(self, wanted: Mapping[str, bytes | None]) -> Iterator[tuple[str, Reader]]:
        """A reader of the contents of each reference, where the store tells them together; others are left out.

        The bytes are what git has for an entry, None where that is nothing: what the store itself says to hold
        exactly these is not fetched. Raises ``RefusedError`` where that may not be asked.
        """

    def write(self, key: str, data: bytes) -> None:
        """Store a content."""

    def listed(self) -> Iterator[tuple[str, float]]:
        """Every content's key and age in seconds."""

    def remove(self, key: str) -> None:
        """Remove a content, if it is there."""

    def close(self) -> None:
        """Let go of connections."""


def side_by_side(work: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """The results in order, a few made at once, never more than twice ``WORKERS`` of them in memory."""
    with ThreadPoolExecutor(WORKERS) as pool:
        under_way: deque[Future[R]] = deque()
        try:
            for item in items:
                under_way.append(pool.submit(work, item))
                if len(under_way) >= 2 * WORKERS:
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()
        finally:
            for future in under_way:
                future.cancel()


class Told(NamedTuple):
    """Contents that a store told of itself; the others are asked for one by one where ``others`` is a store."""

    contents: Mapping[str, bytes]
    others: Reader | None = None

    def read(self, key: str) -> bytes | None:
        """A content, None where there is none."""
        found = self.contents.get(key)
        return found if found is not None or self.others is None else self.others.read(key)


def version_entry(blobs: Reader, at: str) -> bytes | None:
    """A version's entry as it is stored."""
    return blobs.read(entry_key(at))


def skill_entry(blobs: Reader, at: str) -> bytes | None:
    """A skill's entry with the list of what is really stored; each file is hashed and let go."""
    table = blobs.read(entry_key(at))
    if table is None:
        return None
    read = _table(table)
    if read is None:  # somebody changed it: it is compared as it is, and found different
        return table
    entry, files = read
    listed = []
    for path, (mode, sha256) in sorted(files.items(), key=lambda item: item[0].encode()):
        data = blobs.read(file_key(at, sha256))
        if data is not None:
            found = hashlib.sha256(data).hexdigest()
            listed.append({"mode": mode, "path": path, "sha256": found, "size": len(data)})
    return skill_entry_with(entry, listed)


def skill_files(blobs: Reader, at: str) -> dict[str, tuple[str, bytes]]:
    """A skill's files: path → mode and bytes."""
    table = blobs.read(entry_key(at))
    read = _table(table) if table is not None else None
    if read is None:
        return {}
    found = {path: (mode, blobs.read(file_key(at, sha256))) for path, (mode, sha256) in read[1].items()}
    return {path: (mode, data) for path, (mode, data) in found.items() if data is not None}


def _table(data: bytes) -> tuple[bytes, Mapping[str, tuple[str, str]]] | None:
    """A skill's entry and its files: path → mode and sha256; None for what we did not write."""
    try:
        document: Any = json.loads(data)
        files = {path: (mode, sha256) for path, (mode, sha256) in document["files"].items()}
        if not all(isinstance(mode, str) and _is_hash(sha256) for mode, sha256 in files.values()):
            return None
        "".join(files).encode()  # a lone surrogate in a path fails here
        return document["entry"].encode(), files
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _is_hash(value: Any) -> bool:
    return isinstance(value, str) and len(value) == 64 and set(value) <= set("0123456789abcdef")


def store_version(blobs: Blobs, at: str, write: Write) -> None:
    """Store a version's entry."""
    blobs.write(entry_key(at), write.entry or b"")


def store_skill(blobs: Blobs, at: str, write: Write) -> None:
    """Store a skill: its files, then their table."""
    files, modes = {}, write.modes or {}
    for path, data in (write.contents or {}).items():
        sha256 = hashlib.sha256(data).hexdigest()
        blobs.write(file_key(at, sha256), data)
        files[path] = (modes[path], sha256)
    table = {"entry": (write.entry or b"").decode(), "files": files}
    blobs.write(entry_key(at), json.dumps(table, ensure_ascii=False, sort_keys=True).encode())
