"""Hearing of label moves in a Postgres store: LISTEN on its channel (``postgres.CHANNEL``), or a count to ask for.

Both run beside a service's event loop, in threads that share its interpreter: what they do is little and seldom.
"""

from __future__ import annotations

import os
import time
from selectors import EVENT_READ, DefaultSelector

import psycopg
from psycopg.sql import quote

from catalog_tool.backends.postgres import CHANNEL, Connection, PostgresDatabase, connection_parameters
from catalog_tool.backends.sql_postgres import SCHEMA
from catalog_tool.errors import BackendError

_AGAIN_SECONDS = 1.0
"""How long a cut line is left alone before it is opened anew."""


class LabelNews:
    """One line to the server at ``url`` (None: libpq's variables). What is missed while it is cut is found by polling.

    ``wait`` may be called from one thread at a time. Raises nothing: a line that cannot be opened is silent.
    """

    def __init__(self, url: str | None) -> None:
        self._parameters, _ = connection_parameters(url, os.environ)
        self._connection: Connection | None = None
        self._next_try = 0.0

    def wait(self, seconds: float) -> bool:
        """Whether a label moved (or may have, while no line was open) within ``seconds``."""
        started = time.monotonic()
        is_new = self._connection is None and self._open(started)
        if is_new:
            return True
        if self._connection is not None:
            try:
                return self._heard(self._connection, seconds)
            except psycopg.Error:
                self.close()
                self._next_try = time.monotonic() + _AGAIN_SECONDS
        time.sleep(max(0.0, seconds - (time.monotonic() - started)))
        return False

    def _heard(self, connection: Connection, seconds: float) -> bool:
        """Asleep in the system until there are bytes: the driver's own wait looks up ten times a second."""
        with DefaultSelector() as line:
            line.register(connection.fileno(), EVENT_READ)
            if not line.select(seconds):
                return False
        return bool(list(connection.notifies(timeout=0)))  # all of them: those left behind would wake nobody

    def _open(self, now: float) -> bool:
        if now < self._next_try:
            return False
        try:
            self._connection = psycopg.connect(**self._parameters, autocommit=True)  # type: ignore[arg-type]
            self._connection.execute(f"LISTEN {CHANNEL}")
        except psycopg.Error:
            self.close()
            self._next_try = time.monotonic() + _AGAIN_SECONDS
            return False
        return True

    def close(self) -> None:
        """Hang up; ``wait`` would open another line."""
        kept, self._connection = self._connection, None
        if kept is not None:
            kept.close()


class MoveCount:
    """A value that differs after any label move below ``prefix``: generations only grow, and so does their sum.

    One row, however many prompts there are; the call may be made from one thread at a time.
    """

    def __init__(self, url: str | None, prefix: str = "") -> None:
        self._database = PostgresDatabase(*connection_parameters(url, os.environ))
        # In one round trip no parameter can go along; a prefix is quoted as psycopg quotes any value.
        below = f" WHERE starts_with(id, {quote(prefix)})" if prefix else ""
        self._sql = f"SELECT count(*), sum(generation) FROM {SCHEMA}.generation{below}"  # noqa: S608 - see above

    def __call__(self) -> object:
        """The value; None before anything was stored. Raises ``BackendError`` where the store cannot be asked."""
        try:
            return self._database.ask(self._sql)[0]
        except BackendError as error:
            if isinstance(error.__cause__, psycopg.errors.UndefinedTable):
                return None
            raise

    def close(self) -> None:
        """Close the connection; a call would open another."""
        self._database.close()
