"""``postgresql://``: a ``postgres`` target (``backends.sql_postgres``), through psycopg 3.

One prompt under one label is one transaction on a connection that is kept: its labels, generation and the
store's id, then the version. Label moves are heard by LISTEN, in the moment they are committed. The
address is libpq's, and so are the environment variables that add to it; a password there is used for the
server that the environment names and for no other.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import socket
import threading
import time
from collections.abc import Callable, Generator, Sequence
from typing import Any

from catalog_tool.backends.postgres import CHANNEL, connection_parameters
from catalog_tool.client.budget import Budget
from catalog_tool.client.errors import AccessRefusedError, BadAnswerError, ClientError, SourceUnavailableError
from catalog_tool.client.sources import Options
from catalog_tool.client.sources.base import ANSWER_BYTES, Answer, Hear, LabelRow, answer_from_rows
from catalog_tool.client.sources.bundle import check_format, decoded
from catalog_tool.client.wanted import Wanted
from catalog_tool.errors import UsageError

try:
    import psycopg
except ImportError as problem:  # ``backends.postgres`` said it already where psycopg is there and libpq is not
    raise ModuleNotFoundError(str(problem), name="psycopg") from problem

_LEAST_SECONDS = 2
"""libpq gives no connection less than this."""
_REFUSED = ("28", "42501")
_NO_TABLE = ("42P01", "42703", "3F000")
_AWAY = ("08", "53", "55", "57")


class _Timed(psycopg.Connection[Any]):
    """A connection whose waits all end at one deadline: a server that hangs holds nobody up."""

    left: Callable[[], float] = staticmethod(lambda: 60.0)

    def wait(self, gen: Any, *arguments: Any, **more: Any) -> Any:
        """``psycopg.Connection.wait``; raises ``TimeoutError``."""
        return super().wait(self._until(gen), *arguments, **more)

    def _until(self, gen: Any) -> Generator[Any, Any, Any]:
        """Passes on what the inner one waits for, and looks at the clock whenever the wait is interrupted."""
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                if self.left() <= 0:
                    raise TimeoutError("the deadline passed")
                wanted = gen.send(ready)
        except StopIteration as done:
            return done.value


class PostgresSource:
    """One Postgres server. One connection is kept between reads; one more is open while somebody listens."""

    pushes = True
    quiet_seconds = 15.0
    """How long a stream of changes says nothing before it is asked whether it is still there."""

    def __init__(self, address: str, options: Options) -> None:
        if options.bundle_digest is not None:
            hint = "name a bundle, a file or sqlite target, or a config service"
            raise UsageError("bundle_digest cannot be held against a postgres target", hint=hint)
        self._parameters, self._withheld = connection_parameters(address, os.environ)
        self._lock = threading.Lock()
        self._idle: list[_Timed] = []
        self._stream: _Timed | None = None
        self._closed = False
        given = self._parameters
        host = given.get("host") or given.get("hostaddr") or os.environ.get("PGHOST") or "local"
        port = given.get("port") or os.environ.get("PGPORT") or "5432"
        self.place = f"postgresql://{host}:{port}/{given.get('dbname') or os.environ.get('PGDATABASE') or ''}"

    def read(self, wanted: Wanted, validator: str | None, budget: Budget) -> Answer | None:
        """``Source.read``. The answer is cheap, so there is no validator."""
        del validator
        budget.spend()
        with self._lock:
            kept = self._idle.pop() if self._idle else None
        try:
            if kept is not None:
                with contextlib.suppress(psycopg.OperationalError):  # the server had closed it; the same is asked anew
                    return self._on(kept, wanted, budget)
            return self._on(self._connect(budget.remaining()), wanted, budget)
        except (psycopg.Error, TimeoutError) as error:
            raise self._told(error) from error

    def _on(self, connection: _Timed, wanted: Wanted, budget: Budget) -> Answer:
        """The answer of one snapshot; the connection is kept only after a whole one."""
        connection.left = budget.left
        with contextlib.ExitStack() as unless_kept:
            unless_kept.callback(connection.close)
            milliseconds = max(1, round(budget.remaining() * 1000))
            begin = f"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;SET LOCAL statement_timeout = {milliseconds}"
            connection.execute(begin)
            found = answer_from_rows(_Tables(connection, self.place), wanted)
            connection.execute("COMMIT")
            with self._lock:
                if not self._idle and not self._closed:
                    self._idle.append(connection)
                    unless_kept.pop_all()
            return found

    def _connect(self, seconds: float) -> _Timed:
        timeout = str(max(_LEAST_SECONDS, math.ceil(seconds)))
        given: dict[str, Any] = {**self._parameters, "connect_timeout": timeout}
        return _Timed.connect(**given, autocommit=True, prepare_threshold=None)

    def listen(self, hear: Hear) -> None:
        """``Source.listen``: LISTEN."""
        try:
            connection = self._connect(_LEAST_SECONDS)
            with self._lock:
                if self._closed:
                    connection.close()
                    return
                self._stream = connection
            self._hear_all(connection, hear)
        except (psycopg.Error, OSError) as error:
            raise self._told(error) from error

    def _hear_all(self, connection: _Timed, hear: Hear) -> None:
        try:
            connection.left = _within(_LEAST_SECONDS)
            connection.execute(f"LISTEN {CHANNEL}")
            hear(None, None)
            while True:
                connection.left = _within(self.quiet_seconds + _LEAST_SECONDS)
                for found in connection.notifies(timeout=self.quiet_seconds, stop_after=1):
                    _tell(found.payload, hear)
                connection.execute("SELECT 1")
        finally:
            self._stream = None
            connection.close()

    def _told(self, error: psycopg.Error | OSError) -> ClientError:
        if not isinstance(error, psycopg.Error):
            return SourceUnavailableError(f"{self.place}: no answer before the deadline")
        text = " ".join(str(error).split())
        password = self._parameters.get("password")
        text = f"{self.place}: {text.replace(password, '***') if password else text}"
        state = error.sqlstate
        asked = error.pgconn is not None and (error.pgconn.needs_password or error.pgconn.used_password)
        if (state or "").startswith(_REFUSED) or (state is None and asked):
            return AccessRefusedError(
                text, hint=self._withheld or "docs/targets.md has what a role needs that only reads"
            )
        if state == "57014":
            return SourceUnavailableError(f"{self.place}: no answer before the deadline")
        if state is None or state.startswith(_AWAY):
            return SourceUnavailableError(text, hint="is the server up, and its address right?")
        if state in _NO_TABLE:
            hint = "is the database right, and was it synced?"
            return BadAnswerError(f"{self.place} is no target of ours", hint=hint)
        return BadAnswerError(text)

    def forked(self) -> None:
        """``Source.forked``: psycopg says nothing on a connection of another process, not even when it is dropped."""
        self._lock = threading.Lock()
        self._idle = []
        self._stream = None

    def close(self) -> None:
        """``Source.close``."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
            stream = self._stream
        for connection in idle:
            connection.close()
        if stream is not None:
            with contextlib.suppress(psycopg.Error, OSError), socket.socket(fileno=os.dup(stream.fileno())) as line:
                line.shutdown(socket.SHUT_RDWR)  # ends the wait that another thread is in


def _within(seconds: float) -> Callable[[], float]:
    until = time.monotonic() + seconds
    return lambda: until - time.monotonic()


def _tell(payload: str, hear: Hear) -> None:
    """What cannot be read is no news: the next poll finds what it meant."""
    try:
        found = json.loads(payload)
    except (ValueError, RecursionError):
        return
    if isinstance(found, dict) and isinstance(found.get("id"), str):
        generation = found.get("generation")
        hear(found["id"], generation if type(generation) is int else None)


class _Tables:
    """``Rows`` of one snapshot."""

    def __init__(self, connection: _Timed, what: str) -> None:
        self._connection = connection
        self._what = what

    def _all(self, query: str, *values: str) -> list[Any]:
        return self._connection.execute(query, values or None, binary=True).fetchall()

    def label_row(self, name: str) -> LabelRow:
        """``Rows.label_row``: one query for the store, the generation and the labels."""
        rows = self._all(
            "SELECT 0, key, value, NULL FROM catalog.meta WHERE key IN ('format', 'store_id')"
            " UNION ALL SELECT 1, NULL, generation::text, NULL FROM catalog.generation WHERE id = %s"
            " UNION ALL SELECT 2, label, value, NULL FROM catalog.label WHERE id = %s",
            name,
            name,
        )
        meta = {key: value for kind, key, value, _ in rows if kind == 0}
        found = str(meta.get("format", ""))
        check_format(int(found) if found.isascii() and found.isdigit() and len(found) < 10 else found, self._what)
        generation = next((int(value) for kind, _, value, _ in rows if kind == 1), 0)
        labels = {
            key: decoded(b'{"value":%b}' % value.encode(), f"{self._what}, label {key}").get("value")
            for kind, key, value, _ in rows
            if kind == 2
        }
        return LabelRow(labels, generation, meta.get("store_id"))

    def entry(self, name: str, version: str) -> Any:
        """``Rows.entry``; one that is too large stays on the server."""
        rows = self._all(
            "SELECT length(entry), CASE WHEN length(entry) <= %s::int THEN entry END FROM catalog.prompt_version"
            " WHERE id = %s AND version = %s",
            str(ANSWER_BYTES),
            name,
            version,
        )
        if not rows:
            return None
        _, data = rows[0]
        if data is None:
            raise BadAnswerError(f"{self._what}: {name}@{version} is larger than {ANSWER_BYTES // 1024**2} MiB")
        return decoded(bytes(data), f"{self._what}: {name}@{version}")

    def digests(self, name: str) -> Sequence[tuple[str, str]]:
        """``Rows.digests``."""
        rows = self._all("SELECT version, digest FROM catalog.prompt_version WHERE id = %s ORDER BY version", name)
        return [(str(version), str(digest)) for version, digest in rows]
