"""The threads of one client: one that refreshes, and one that listens where the source pushes.

They start with the first ``get``, in every process anew, hold the client's core only while they work,
and end when it is closed or forgotten.
"""

from __future__ import annotations

import threading
import weakref
from typing import TYPE_CHECKING

from catalog_tool.client.errors import ClientError, PromptNotFoundError

if TYPE_CHECKING:
    from catalog_tool.client.keeper import Keeper

_LISTEN_AGAIN_SECONDS = 300.0
"""How long a server that has no stream of changes is left alone."""
_STEADY_SECONDS = 30.0
"""A line that held this long was a good one: the next attempt follows soon."""


class Refresher:
    """Keeps one ``Keeper`` up to date."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = weakref.ref(keeper)
        self._lock = threading.Lock()
        self._news = threading.Event()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._listener: threading.Thread | None = None
        keeper.wake = self._news.set

    def ensure(self) -> None:
        """Start what is not running."""
        if self._thread is not None and self._thread.is_alive():
            return
        with self._lock:
            if self._stop.is_set() or (self._thread is not None and self._thread.is_alive()):
                return
            keeper = self._keeper()
            if keeper is None:
                return
            threads = [threading.Thread(target=_refresh, args=self._loop(), name="catalog-refresh", daemon=True)]
            if keeper.setting.source.pushes:
                threads.append(threading.Thread(target=_listen, args=self._loop(), name="catalog-listen", daemon=True))
            try:
                for thread in threads:
                    thread.start()
            except RuntimeError:
                return  # no thread to be had now: the next get tries again
            self._thread = threads[0]
            self._listener = threads[1] if len(threads) > 1 else None

    def _loop(self) -> tuple[weakref.ref[Keeper], threading.Event, threading.Event]:
        return self._keeper, self._news, self._stop

    def forked(self) -> None:
        """In a child process: the threads are the parent's, and so are the locks."""
        self._lock = threading.Lock()
        self._news = threading.Event()
        self._stop = threading.Event()
        self._thread = self._listener = None
        keeper = self._keeper()
        if keeper is not None:
            keeper.wake = self._news.set

    def stop(self, seconds: float) -> None:
        """End the threads, waiting for them no longer than ``seconds``."""
        self._stop.set()
        self._news.set()
        for thread in (self._thread, self._listener):
            if thread is not None and thread is not threading.current_thread():
                thread.join(seconds)


def _refresh(found: weakref.ref[Keeper], news: threading.Event, stop: threading.Event) -> None:
    while not stop.is_set():
        keeper = found()
        if keeper is None:
            return
        pause = keeper.tick()
        del keeper
        news.wait(pause)
        news.clear()


def _listen(found: weakref.ref[Keeper], _news: threading.Event, stop: threading.Event) -> None:
    cuts = 0
    while not stop.is_set():
        keeper = found()
        if keeper is None:
            return
        source, clock, cadence = keeper.setting.source, keeper.setting.tuning.clock, keeper.setting.cadence
        started = clock()
        del keeper
        missing = False
        try:
            source.listen(_Ear(found))
        except PromptNotFoundError:
            missing = True
        except ClientError:
            missing = False
        cuts = 1 if clock() - started > _STEADY_SECONDS else cuts + 1
        keeper = found()
        if keeper is None or stop.is_set():
            return
        if keeper.pushing:
            keeper.cut()
        del keeper
        stop.wait(_LISTEN_AGAIN_SECONDS if missing else cadence.after_failure(cuts, None, held=False))


class _Ear:
    """Passes news on without keeping the client alive."""

    def __init__(self, keeper: weakref.ref[Keeper]) -> None:
        self._keeper = keeper

    def __call__(self, name: str | None, generation: int | None) -> None:
        keeper = self._keeper()
        if keeper is not None:
            keeper.heard(name, generation)
