"""Where the holdings come from: a bundle on disk, or a target's store, and how news of it arrives.

An origin is used from one thread, its ``listener`` from another. ``read`` gives a whole picture or raises
``BackendError``; ``has_news`` is also the heartbeat: it raises as soon as the store cannot be asked.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple, Protocol
from urllib.parse import quote

from catalog_tool.backends.base import Backend
from catalog_tool.backends.stored import label_versions
from catalog_tool.canonical.identity import bundle_digest
from catalog_tool.errors import BackendError, UnavailableError
from catalog_tool.model.addresses import LABEL, parse_address, version_address
from catalog_tool.model.limits import BUNDLE_BYTES
from catalog_tool.model.target import Live
from catalog_tool.server.holdings import BUNDLE, Holdings, hold, lives_of_bundle

_SQLITE = b"SQLite format 3\0"
FEW = 50
"""How many prompts may have moved for only them to be read."""
_SWEEP_SHARE = 50
"""A sweep may take one part in so many of the time."""
Beat = Callable[[], None]


class Pace(NamedTuple):
    """How often a store is asked whether something changed, and after how long all of it is read again, in seconds.

    What a hand changed past us leaves no other trace in a store that does not count its commits.
    """

    poll: float = 0.2
    sweep: float = 5.0


FAR = Pace(2.0, 30.0)
"""For stores that are asked over the internet, often for money."""
TOLD = Pace(0.5, 5.0)
"""For stores that tell of label moves: what they could not tell is still seen within a second."""
COUNTED = Pace(0.2, 60.0)
"""For stores that count every commit."""


class Listener(Protocol):
    """Hears of label moves from the store itself (Postgres: LISTEN)."""

    def wait(self, seconds: float) -> bool:
        """Whether something was heard within ``seconds``; where the line is cut, False after that time."""

    def close(self) -> None:
        """Hang up."""


class Probe(Protocol):
    """Gives a value that changes with the store: with everything in it, or at least with each label move."""

    def __call__(self) -> object:
        """The value now. Raises ``BackendError`` where the store cannot be asked."""

    def close(self) -> None:
        """Let go of what it asks."""


class Origin(Protocol):
    """One open origin."""

    @property
    def place(self) -> str:
        """Where it is, for people: never with a secret."""

    @property
    def pace(self) -> Pace:
        """How often to ask."""

    @property
    def listener(self) -> Listener | None:
        """Who hears of changes before they are asked for, if the store tells."""

    def read(self, before: Holdings, beat: Beat, hints: Collection[str] = ()) -> Holdings:
        """All of it; ``beat`` is called now and then, so that slow is told from dead.

        ``hints`` are addresses that the caller knows to have changed.
        """

    def has_news(self) -> bool:
        """Whether something may have changed since ``read``."""

    def close(self) -> None:
        """Let go of it."""


class StoreOrigin:
    """A target's store. ``probe`` is asked for news, where there is one; else the generations are."""

    def __init__(
        self,
        backend: Backend,
        listener: Listener | None = None,
        probe: Probe | None = None,
        pace: Pace | None = None,
    ) -> None:
        self.pace = pace or Pace()
        self._backend = backend
        self.listener = listener
        self._counter = probe
        self._probe: Callable[[], object] = probe or self._generations
        self._seen: object = None
        self._read_at = 0.0
        self._took = 0.0
        self._whole_is_due = False
        self._last: Mapping[str, int] = {}
        self.place = backend.place()

    def _generations(self) -> object:
        return dict(self._backend.generations())

    def read(self, before: Holdings, beat: Beat, hints: Collection[str] = ()) -> Holdings:
        """One scan. What changes meanwhile is news afterwards: the probe is taken first.

        Where labels of a few known prompts moved, only those prompts are read, and all of the store in the next
        call. A label whose name nobody knew, and that ``hints`` do not name, is not found that way: where the
        changes that were found are fewer than those that were counted, or a generation fell, all is read at once.
        A store that holds nothing was wiped, is not mounted or was never synced to: no sync leaves one empty
        (design §8). ``UnavailableError``, and never a picture of nothing.
        """
        self._seen = self._probe()
        generations = self._backend.generations()
        moved = {name for name, number in generations.items() if self._last.get(name) != number}
        is_same = all(generations.get(name, -1) >= number for name, number in self._last.items())
        is_known = is_same and all(name in before.prompts for name in moved)
        found = None
        if is_known and 0 < len(moved) <= FEW and time.monotonic() - self._read_at < self._sweep_seconds():
            some = self._some(before, moved, generations, hints)
            counted = {name: generations[name] - self._last.get(name, 0) for name in moved}
            if all(_changed(before, some, name) >= number for name, number in counted.items()):
                found = some
        self._whole_is_due = found is not None
        if found is None:
            found = self._whole(before, generations, beat)
        self._last = generations  # only now: what a failed read left unread has still moved
        return found

    def _some(
        self, before: Holdings, moved: Collection[str], generations: Mapping[str, int], hints: Collection[str]
    ) -> Holdings:
        asked = {address for name in moved for address in before.prompts[name].addresses()}
        asked |= {address for address in hints if parse_address(address).name in moved}
        found = list(self._backend.scan(asked))
        pointed = {
            version_address(parse_address(live.address).name, version)
            for live in found
            if live.address.startswith(f"{LABEL}/")
            for version in label_versions(live.entry)
        }
        if unknown := pointed - asked:
            found += self._backend.scan(unknown)
        part = hold(before.store_id, found, generations, before)
        return before.with_some(part, moved, asked | unknown)

    def _whole(self, before: Holdings, generations: Mapping[str, int], beat: Beat) -> Holdings:
        started = time.monotonic()
        state = self._backend.load()  # its id is none where people filled the store, and no sync did yet
        found = hold(state.store_id, _beating(self._backend.scan(), beat), generations, before)
        if found.is_empty or (before.store_id and not state.store_id):
            raise UnavailableError(
                f"{self.place} holds nothing of what was synced to it: it is empty, or it was wiped",
                hint="sync to it; is it the right one?",
            )
        self._read_at = time.monotonic()
        self._took = self._read_at - started
        return found

    def _sweep_seconds(self) -> float:
        return max(self.pace.sweep, self._took * _SWEEP_SHARE)

    def has_news(self) -> bool:
        """Another probe, or the time to read all of it."""
        if self._whole_is_due or self._probe() != self._seen:
            return True
        return time.monotonic() - self._read_at > self._sweep_seconds()

    def close(self) -> None:
        """Close the store."""
        if self._counter is not None:
            self._counter.close()
        self._backend.close()


def _changed(before: Holdings, after: Holdings, name: str) -> int:
    """How many labels of a prompt are not what they were. Each move raises the prompt's generation by one."""
    old, new = (held.prompts[name].label_values() if name in held.prompts else {} for held in (before, after))
    return sum(label not in old or label not in new or old[label] != new[label] for label in old.keys() | new.keys())


def _beating(lives: Iterator[Live], beat: Beat) -> Iterator[Live]:
    for number, live in enumerate(lives):
        if number % 100 == 0:
            beat()
        yield live


class DataVersion:
    """SQLite's own counter of commits by anybody else: ``PRAGMA data_version``, with the file's identity."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._open: tuple[tuple[int, int], sqlite3.Connection] | None = None

    def __call__(self) -> object:
        """A value that differs after any change. Raises ``BackendError`` where the file cannot be asked."""
        try:
            found = self._path.stat()
            file = (found.st_dev, found.st_ino)
            if self._open is None or self._open[0] != file:
                self.close()
                uri = f"file:{quote(str(self._path.absolute()))}?mode=ro"
                connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
                self._open = (file, connection)
            return file, self._open[1].execute("PRAGMA data_version").fetchone()[0]
        except FileNotFoundError as error:
            raise BackendError(f"sqlite {self._path} is not there", hint="sync something to it first") from error
        except (OSError, sqlite3.Error) as error:
            raise BackendError(f"sqlite {self._path}: {error}") from error

    def close(self) -> None:
        """Close the connection."""
        kept, self._open = self._open, None
        if kept is not None:
            kept[1].close()


class BundleOrigin:
    """``bundle.json`` or ``bundle.sqlite``: read again when the file is replaced.

    A bundle has neither generations nor a ``store_id``; the id is made of its digest, so that clients take
    another bundle for another store.
    """

    listener = None
    pace = Pace()

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: object = None
        self.place = f"bundle {path}"

    def read(self, before: Holdings, beat: Beat, hints: Collection[str] = ()) -> Holdings:  # noqa: ARG002 - Origin's
        """The whole file, verified against its digest."""
        beat()
        self._seen = self._stat()
        document = self._document()
        try:
            lives = lives_of_bundle(document)
            claimed = str(document["digest"])
        except (KeyError, TypeError, AttributeError) as error:
            raise BackendError(f"{self._path} is no bundle of catalog build") from error
        found = hold(f"{BUNDLE}{claimed[7:23]}", lives, {}, before)
        if found.damaged or json.loads(found.bundle())["digest"] != claimed:
            raise BackendError(f"{self._path}: the bundle is not what its digest says", hint="build it again")
        return found

    def _document(self) -> Mapping[str, Any]:
        try:
            if self._path.stat().st_size > BUNDLE_BYTES * 4:
                raise BackendError(f"{self._path} is larger than any bundle")
            with self._path.open("rb") as file:
                if file.read(16) == _SQLITE:
                    return self._tables()
                file.seek(0)
                document = json.load(file)
        except (OSError, ValueError, RecursionError, sqlite3.Error) as error:
            raise BackendError(
                f"{self._path} cannot be read: {error}", hint="name a bundle of catalog build"
            ) from error
        if not isinstance(document, dict) or document.get("kind") != "bundle" or document.get("format") != 1:
            raise BackendError(f"{self._path} is no bundle of this format", hint="name a bundle.json of catalog build")
        return document

    def _tables(self) -> Mapping[str, Any]:
        prompts: dict[str, dict[str, Any]] = {}
        labels: dict[str, dict[str, Any]] = {}
        uri = f"file:{quote(str(self._path.absolute()))}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True)) as connection:
            for name, version, entry in connection.execute("SELECT id, version, entry FROM prompt_version"):
                prompts.setdefault(name, {})[version] = json.loads(entry)
            for name, label, value in connection.execute("SELECT id, label, value FROM label"):
                labels.setdefault(name, {})[label] = json.loads(value)
            skills = {name: json.loads(entry) for name, entry in connection.execute("SELECT name, entry FROM skill")}
        digests = {name: {v: entry["digest"] for v, entry in found.items()} for name, found in prompts.items()}
        digest = bundle_digest(labels, digests, {name: entry["digest"] for name, entry in skills.items()})
        return {"digest": digest, "prompts": prompts, "labels": labels, "skills": skills}

    def contents(self, name: str) -> Mapping[str, tuple[str, bytes]]:
        """A skill's files, which only ``bundle.sqlite`` holds; none of a ``bundle.json``."""
        try:
            with self._path.open("rb") as file:
                if file.read(16) != _SQLITE:
                    return {}
            uri = f"file:{quote(str(self._path.absolute()))}?mode=ro"
            with closing(sqlite3.connect(uri, uri=True)) as connection:
                rows = connection.execute("SELECT path, mode, content FROM skill_file WHERE name = ?", (name,))
                return {path: (mode, bytes(content)) for path, mode, content in rows}
        except (OSError, sqlite3.Error) as error:
            raise BackendError(f"{self._path} cannot be read: {error}") from error

    def _stat(self) -> object:
        try:
            found = self._path.stat()
        except OSError as error:
            raise BackendError(f"{self._path}: {error.strerror}") from error
        return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size

    def has_news(self) -> bool:
        """Whether the file is another."""
        return self._stat() != self._seen

    def close(self) -> None:
        """Nothing is kept open."""
