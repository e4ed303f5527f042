"""What every handler works with: the newest picture, the store for writes, and who is told of changes."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple, TypeVar

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from catalog_tool.backends.base import Backend
from catalog_tool.errors import BackendError
from catalog_tool.model.addresses import skill_address
from catalog_tool.server.access import Grant, Guard
from catalog_tool.server.holdings import Holdings
from catalog_tool.server.judging import OUR_OWN, Judge, Rulebook
from catalog_tool.server.keeper import Change, Current, Keeper
from catalog_tool.server.metrics import Board
from catalog_tool.server.origin import Origin
from catalog_tool.server.problems import ProblemError, backend_problem
from catalog_tool.server.stream import Stream

_Given = TypeVar("_Given")
Connect = Callable[[str], Backend]
"""Opens the store under a prefix beneath the target's own."""
LARGEST_STREAMS = 2000
"""How many streams of events one worker holds open."""
GAUGE_SECONDS = 0.5
_IDLE_STORES = 8
PATIENCE_SECONDS = 5.0


class Store:
    """The store for writes and for the sync protocol: connections that are lent to one request at a time.

    ``patience`` is how long a write waits for somebody else's lease, in seconds.
    """

    def __init__(self, connect: Connect, patience: float = PATIENCE_SECONDS) -> None:
        self.patience = patience
        self._connect = connect
        self._lock = threading.Lock()
        self._idle: list[tuple[str, Backend]] = []
        self.writing = threading.Lock()
        """Held while this worker moves labels: it need not wait for its own lease."""

    @contextmanager
    def lent(self, prefix: str = "") -> Iterator[Backend]:
        """One connection, kept for the next request unless the store failed on it."""
        backend = self._taken(prefix) or self._connect(prefix)
        try:
            yield backend
        except BackendError:
            self._give_back(prefix, backend)
            raise
        except BaseException:
            backend.close()
            raise
        self._give_back(prefix, backend)

    def _taken(self, prefix: str) -> Backend | None:
        with self._lock:
            for place, (kept, backend) in enumerate(self._idle):
                if kept == prefix:
                    del self._idle[place]
                    return backend
        return None

    def _give_back(self, prefix: str, backend: Backend) -> None:
        with self._lock:
            self._idle.append((prefix, backend))
            surplus = self._idle.pop(0)[1] if len(self._idle) > _IDLE_STORES else None
        if surplus is not None:
            surplus.close()

    def contents(self, name: str) -> Mapping[str, tuple[str, bytes]]:
        """A skill's files: path → mode and bytes."""
        with self.lent() as backend:
            return backend.contents(skill_address(name))

    def close(self) -> None:
        """Close what is kept."""
        with self._lock:
            idle, self._idle = self._idle, []
        for _, backend in idle:
            backend.close()


Contents = Callable[[str], Mapping[str, tuple[str, bytes]]]
"""A skill's files by its name: path → mode and bytes. Raises ``BackendError``."""


class Parts(NamedTuple):
    """What a service is made of. ``store`` None: it is served from a bundle, and nothing can be written."""

    origin: Origin
    store: Store | None
    contents: Contents
    guard: Guard
    board: Board
    blocks_edits: bool = False
    rulebook: Rulebook = OUR_OWN


class Service:
    """One worker's service. Its methods belong to the event loop, but those that say otherwise."""

    def __init__(self, parts: Parts) -> None:
        self.guard = parts.guard
        self.board = parts.board
        self.blocks_edits = parts.blocks_edits
        self.judge = Judge(parts.rulebook)
        self._store = parts.store
        self._contents = parts.contents
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ticking: asyncio.Task[None] | None = None
        self._streams: set[Stream] = set()
        self.keeper = Keeper(parts.origin, self._hear)

    async def start(self) -> None:
        """Begin to watch the store."""
        self._loop = asyncio.get_running_loop()
        self.board.claim()
        self.keeper.start()
        self._ticking = asyncio.create_task(self._tick())

    async def _tick(self) -> None:
        """Keep this worker's gauges fresh: another worker may be the one that is scraped."""
        while True:
            self.gauges()
            await asyncio.sleep(GAUGE_SECONDS)

    async def stop(self) -> None:
        """End the streams and let go of the store."""
        if self._ticking is not None:
            self._ticking.cancel()
        for stream in self._streams:
            stream.end()
        await run_in_threadpool(self.keeper.close)
        if self._store is not None:
            self._store.close()

    @property
    def current(self) -> Current:
        """The newest picture, with what was computed from it. Raises ``ProblemError`` while there is none yet."""
        if not self.keeper.reads:
            raise ProblemError(503, "the store has not been read yet", headers={"Retry-After": "1"})
        return self.keeper.current

    @property
    def holdings(self) -> Holdings:
        """The newest picture. Raises ``ProblemError`` while there is none yet."""
        return self.current.holdings

    @property
    def store(self) -> Store:
        """The store. Raises ``ProblemError`` where a bundle is served."""
        if self._store is None:
            raise ProblemError(403, "a bundle is served here: it changes by being built again")
        return self._store

    async def contents(self, name: str) -> Mapping[str, tuple[str, bytes]]:
        """A skill's files as they are stored now. Raises ``ProblemError``."""
        try:
            return await run_in_threadpool(self._contents, name)
        except BackendError as error:
            raise backend_problem(error) from error

    async def with_store(self, work: Callable[[Store], _Given]) -> _Given:
        """Run ``work`` in a thread; a store's error becomes a problem."""
        store = self.store
        try:
            return await run_in_threadpool(work, store)
        except BackendError as error:
            raise backend_problem(error) from error

    async def caught_up(self, *written: str) -> None:
        """Read the store now, so that who wrote to addresses through this worker reads its own write."""
        try:
            await run_in_threadpool(self.keeper.refresh, written)
        except BackendError as error:
            raise backend_problem(error) from error

    def gauges(self) -> None:
        """Bring this worker's gauges up to date."""
        held, board = self.keeper.current.holdings, self.board
        board.seen(time.time())
        found = {
            "reads": self.keeper.reads,
            "read_failures": self.keeper.failures,
            "ready": float(self.keeper.is_ready),
            "read_at": self.keeper.read_at,
            "prompts": len(held.prompts),
            "skills": len(held.skills),
            "damaged": len(held.damaged),
            "streams": len(self._streams),
        }
        for name, value in found.items():
            board.gauge(name, value)

    def _hear(self, changes: list[Change]) -> None:
        """From the keeper's thread: tell the loop."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._tell, changes)

    def _tell(self, changes: list[Change]) -> None:
        if changes:
            self._streams = {stream for stream in self._streams if stream.offer(changes)}

    def listen(self) -> Stream:
        """The changes from now on. Raises ``ProblemError`` where too many listen."""
        if len(self._streams) >= LARGEST_STREAMS:
            raise ProblemError(503, "too many streams are open", headers={"Retry-After": "30"})
        stream = Stream()
        self._streams.add(stream)
        return stream

    def unlisten(self, stream: Stream) -> None:
        """No more changes for this one."""
        self._streams.discard(stream)


Handler = Callable[[Service, Request, Grant], Awaitable[Response]]
