"""A connection to Postgres that no server can hold up for good, and that an interruption ends at once.

psycopg, as libpq, waits for an answer as long as the connection stands, and that of a server that hangs does.
A server that is only busy is silent too; what tells them apart is that it still answers somebody else.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from functools import partial
from typing import Any

import psycopg
from psycopg import waiting

CONNECT_SECONDS = 5
SILENT_SECONDS = 5.0
"""How long the server says nothing until it is asked on another connection whether it is there."""


class SilentError(psycopg.OperationalError):
    """The server hangs; what became of the statement is not known."""


class Waiting(psycopg.Connection[tuple[Any, ...]]):
    """A connection that calls ``when_silent`` with the seconds without a word, each time ``patience`` passed.

    It raises ``SilentError`` to give up; the connection is closed then. An interruption closes it too, where
    psycopg would ask the server to cancel, and wait for its answer.
    """

    patience = SILENT_SECONDS
    when_silent: Callable[[float], None]

    def wait(self, gen: Any, *arguments: Any, **more: Any) -> Any:
        """``psycopg.Connection.wait``."""
        try:
            return waiting.wait(self._attended(gen), self.pgconn.socket, *arguments, **more)
        except (KeyboardInterrupt, SilentError):
            self.close()
            raise

    def _attended(self, gen: Any) -> Generator[Any, Any, Any]:
        """Passes on what the inner one waits for; psycopg sends nothing now and then while there is nothing."""
        heard = looked = time.monotonic()
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                now = time.monotonic()
                if ready:
                    heard = looked = now
                elif now - looked >= self.patience:
                    self.when_silent(now - heard)
                    looked = time.monotonic()
                wanted = gen.send(ready)
        except StopIteration as done:
            return done.value


def open_connection(parameters: Mapping[str, str], patience: float, longest: float) -> Waiting:
    """A connection that commits by itself.

    A server that is silent for ``patience`` seconds is asked whether it is there; one that is may be silent for
    ``longest`` seconds. ``parameters`` are libpq's. Raises ``psycopg.OperationalError``.
    """
    opened = _opened(parameters)
    opened.patience = patience
    opened.when_silent = partial(_look_elsewhere, parameters, longest)
    return opened


def _opened(parameters: Mapping[str, str]) -> Waiting:
    # No prepared statements: a pooler between us and the server may hand each transaction another session.
    return Waiting.connect(**dict(parameters), autocommit=True, prepare_threshold=None)  # type: ignore[arg-type]


def _look_elsewhere(parameters: Mapping[str, str], longest: float, seconds: float) -> None:
    if seconds >= longest:
        raise SilentError(f"the server did not answer for {seconds:.0f} s")
    try:
        with closing(_opened(parameters)) as other:
            other.when_silent = _give_up
            other.execute("SELECT 1")  # a pooler may open connections to a server that hangs
    except (psycopg.errors.ConnectionTimeout, SilentError):
        _give_up(seconds)
    except psycopg.OperationalError:
        return  # refused, by one that is there: too many connections, for one thing


def _give_up(seconds: float) -> None:
    raise SilentError(f"the server did not answer for {seconds:.0f} s, and answers nobody else")
