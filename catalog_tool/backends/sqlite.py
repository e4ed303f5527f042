"""A target in one SQLite file (``sqlite {path}``): the embedded default.

The tables are those of ``bundle.sqlite`` and ``stores.sqlite_target``. An acknowledged write is on disk:
the file is in WAL mode and ``synchronous=FULL``. A file is created in one transaction, so that a crash
leaves either none of its tables or all.
"""

from __future__ import annotations

import hashlib
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from catalog_tool.backends.sql_backend import FORMAT, SqlBackend
from catalog_tool.backends.sql_session import Dialect, Row, Session, Table
from catalog_tool.errors import BackendError, UnavailableError, UsageError
from catalog_tool.model.capabilities import Capabilities
from catalog_tool.stores.sqlite_schema import TABLES, USER_VERSION
from catalog_tool.stores.sqlite_target import EVIDENCE_TABLE, TARGET_TABLES

BUSY_SECONDS = 10.0
"""How long a call waits for another writer."""
CAPABILITIES = Capabilities(
    backend="sqlite",
    attributed=True,
    blocks_edits="whoever can write to the file can edit it: its permissions are the only lock",
    batch=1000,
)
DIALECT = Dialect(
    entry="CAST(entry AS BLOB)",
    value="CAST(value AS BLOB)",
    content="CAST(content AS BLOB)",
    hashed="sha256_hex(CAST(content AS BLOB))",
    sized="length(CAST(content AS BLOB))",
    locked="",
    evidence_table=EVIDENCE_TABLE,
)
_AGAIN_SECONDS = 0.005
_TURN_SECONDS = 0.1
"""How long SQLite itself waits for another process, again and again: nothing hears a signal meanwhile."""
_KEYS = 400
"""How many keys one SELECT looks up: with two columns below the 999 parameters that every SQLite takes."""


class SqliteSession:
    """``sql_session.Session`` inside a transaction of one connection."""

    dialect = DIALECT

    def __init__(self, connection: sqlite3.Connection, now: float) -> None:
        self.now = now
        self._connection = connection

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """All rows."""
        return self._connection.execute(sql, parameters).fetchall()

    def stream(self, sql: str, parameters: Sequence[Any] = ()) -> Iterator[Row]:
        """The cursor itself: SQLite computes a row when it is asked for."""
        return self._connection.execute(sql, parameters)

    def lookup(self, sql: str, columns: Sequence[str], keys: Sequence[Sequence[str]], ending: str = "") -> list[Row]:
        """By a join with ``VALUES``: SQLite walks through the keys and finds each in the index."""
        found: list[Row] = []
        same = " AND ".join(f"{column} = k.column{number}" for number, column in enumerate(columns, 1))
        for start in range(0, len(keys), _KEYS):
            part = keys[start : start + _KEYS]
            places = ",".join([f"({','.join('?' * len(columns))})"] * len(part))
            asked = f"{sql} JOIN (VALUES {places}) k ON {same}{ending}"
            found += self.rows(asked, [value for key in part for value in key])
        return found

    def has(self, table: Table) -> bool:
        """By the schema's own table."""
        return bool(self.rows("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (table.name,)))

    def run(self, sql: str) -> None:
        """As it is."""
        self._connection.execute(sql)

    def together(self) -> AbstractContextManager[object]:
        """Nothing to wait for: SQLite is in this process."""
        return nullcontext()

    def add(self, table: Table, rows: Sequence[Sequence[Any]]) -> None:
        """One prepared statement, run for each row."""
        self._connection.executemany(_insert(table), rows)

    def put(self, table: Table, rows: Sequence[Sequence[Any]]) -> None:
        """One prepared statement, run for each row."""
        self._connection.executemany(_insert(table) + table.instead, rows)

    def remove(self, table: Table, keys: Sequence[Sequence[str]]) -> None:
        """One prepared statement, run for each key."""
        self._connection.executemany(f"DELETE FROM {table.name} WHERE {_is(table)}", keys)  # noqa: S608 - fixed words

    def mark(self, table: Table, rows: Sequence[Sequence[Any]]) -> None:
        """One prepared statement, run for each row."""
        self._connection.executemany(f"UPDATE {table.name} SET marker = ? WHERE {_is(table)}", rows)  # noqa: S608 - fixed words

    def notify(self, payloads: Sequence[str]) -> None:
        """SQLite has nobody to tell."""


def _insert(table: Table) -> str:
    places = ",".join("?" * len(table.columns))
    return f"INSERT INTO {table.name} ({', '.join(table.columns)}) VALUES ({places})"  # noqa: S608 - fixed words


def _is(table: Table) -> str:
    return " AND ".join(f"{column} = ?" for column in table.key)


class _Open(NamedTuple):
    """A connection and the file it was opened on: device and inode."""

    connection: sqlite3.Connection
    file: tuple[int, int]


class SqliteDatabase:
    """``sql_session.Database`` on one file.

    ``clock`` gives seconds since the epoch; another writer is waited for ``patience`` seconds.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.time, patience: float = BUSY_SECONDS) -> None:
        self._path = path
        self._clock = clock
        self._patience = patience
        self._open: _Open | None = None

    def place(self) -> str:
        """The path as it was given."""
        return f"sqlite {self._path}"

    @contextmanager
    def reading(self) -> Iterator[Session | None]:
        """One deferred transaction on the connection that is kept."""
        with self._clear_errors():
            connection = self._kept()
            if connection is None or self._is_empty(connection):
                yield None
                return
            with _transaction(connection, partial(connection.execute, "BEGIN")):
                yield SqliteSession(connection, self._clock())

    @contextmanager
    def scanning(self) -> Iterator[Session | None]:
        """One deferred transaction on a connection of its own."""
        with self._clear_errors():
            if self._file() is None:
                yield None
                return
            with closing(self._connect("rw")) as connection:
                if self._is_empty(connection):
                    yield None
                    return
                with _transaction(connection, partial(connection.execute, "BEGIN")):
                    yield SqliteSession(connection, self._clock())

    @contextmanager
    def writing(self, *, create: bool = False) -> Iterator[Session | None]:
        """One immediate transaction: no other writer begins before it ends."""
        with self._clear_errors():
            connection = self._kept(create=create)
            is_empty = connection is None or self._is_empty(connection)
            if connection is None or (is_empty and not create):
                yield None
                return
            if is_empty:
                self._at_last(connection, "PRAGMA journal_mode=WAL")
            with _transaction(connection, partial(self._at_last, connection, "BEGIN IMMEDIATE")):
                if _is_empty(connection):
                    _create_tables(connection)
                yield SqliteSession(connection, self._clock())

    def _is_empty(self, connection: sqlite3.Connection) -> bool:
        self._at_last(connection, "SELECT 1 FROM sqlite_master LIMIT 1")
        return _is_empty(connection)

    def _at_last(self, connection: sqlite3.Connection, sql: str) -> None:
        """Run what other processes may be in the way of, until they are not.

        In turns, so that signals are heard. Where several put a new file into WAL mode at once, SQLite does not
        even wait but refuses.
        """
        deadline = time.monotonic() + self._patience
        _wait_at_most(connection, min(self._patience, _TURN_SECONDS))
        try:
            while True:
                try:
                    connection.execute(sql).close()
                except sqlite3.OperationalError as error:
                    if error.sqlite_errorcode & 0xFF not in _LOCKED or time.monotonic() > deadline:
                        raise
                    time.sleep(_AGAIN_SECONDS)
                else:
                    return
        finally:
            _wait_at_most(connection, self._patience)

    def close(self) -> None:
        """Close the connection that is kept."""
        kept, self._open = self._open, None
        if kept is not None:
            kept.connection.close()

    def _kept(self, *, create: bool = False) -> sqlite3.Connection | None:
        """The connection for all calls but scans; a new one where the file was replaced meanwhile."""
        file = self._file()
        if self._open is not None and self._open.file == file:
            return self._open.connection
        self.close()
        if file is None and not create:
            return None
        if create:
            self._make_folder()
        connection = self._connect("rwc" if create else "rw")
        self._open = _Open(connection, self._file() or (0, 0))
        return connection

    def _file(self) -> tuple[int, int] | None:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise BackendError(f"{self.place()}: {error.strerror}") from error
        return found.st_dev, found.st_ino

    def _make_folder(self) -> None:
        """The file's own folder, as in ``.catalog/local.db``; one above it that is missing is a slip."""
        folder = self._path.absolute().parent
        if folder.parent.is_dir():
            with suppress(OSError):  # what follows says what is wrong
                folder.mkdir(exist_ok=True)

    def _connect(self, mode: str) -> sqlite3.Connection:
        if not self._path.absolute().parent.is_dir():
            hint = "make it, or mend `path`"
            raise BackendError(f"{self.place()}: there is no folder {self._path.parent}", hint=hint)
        uri = f"file:{quote(str(self._path.absolute()))}?mode={mode}"
        connection = sqlite3.connect(
            uri, uri=True, timeout=_TURN_SECONDS, isolation_level=None, check_same_thread=False
        )
        connection.text_factory = _text
        connection.create_function("sha256_hex", 1, _sha256_hex, deterministic=True)
        try:
            # Whatever triggers and views somebody put into the file, they call no function of ours.
            connection.execute("PRAGMA trusted_schema=OFF")
            self._at_last(connection, "PRAGMA synchronous=FULL")
        except (sqlite3.Error, KeyboardInterrupt):
            connection.close()
            raise
        return connection

    @contextmanager
    def _clear_errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise _told(self.place(), error, self._patience) from error


def _text(stored: bytes) -> str:
    """Text as it is; what a hand made no UTF-8 is shown with U+FFFD, not hidden behind an error."""
    return stored.decode(errors="replace")


def _sha256_hex(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _is_empty(connection: sqlite3.Connection) -> bool:
    """Whether the file holds no tables at all. Raises ``BackendError`` for one of a newer version."""
    [(version,)] = connection.execute("PRAGMA user_version")
    if version > USER_VERSION:
        hint = "install a catalog-tool that knows it"
        raise BackendError(f"the database has version {version}; this version knows {USER_VERSION}", hint=hint)
    return connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is None


def _create_tables(connection: sqlite3.Connection) -> None:
    for statement in _statements(TABLES + TARGET_TABLES):
        connection.execute(statement)
    rows = [("format", str(FORMAT)), ("kind", "target"), ("store_id", uuid.uuid4().hex)]
    connection.executemany("INSERT INTO meta VALUES (?, ?)", rows)
    connection.execute(f"PRAGMA user_version={USER_VERSION}")


def _statements(script: str) -> Iterator[str]:
    """The statements of a script, one by one: ``executescript`` would commit before the first."""
    begun = ""
    for line in script.splitlines(keepends=True):
        begun += line
        if sqlite3.complete_statement(begun):
            yield begun
            begun = ""


def _wait_at_most(connection: sqlite3.Connection, seconds: float) -> None:
    connection.execute(f"PRAGMA busy_timeout={round(seconds * 1000)}").close()


@contextmanager
def _transaction(connection: sqlite3.Connection, begin: Callable[[], object]) -> Iterator[None]:
    try:
        begin()
        yield
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            with suppress(sqlite3.Error):  # the first error is the one to tell; SQLite rolls back by itself too
                connection.execute("ROLLBACK")


class _Trouble(NamedTuple):
    """What one of SQLite's result codes means for people."""

    message: str
    hint: str = ""


_LOCKED = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_TROUBLES = {
    sqlite3.SQLITE_READONLY: _Trouble("the file or its folder cannot be written", "check its permissions"),
    sqlite3.SQLITE_FULL: _Trouble("there is no room left on the device", "make room: nothing of this step was written"),
    sqlite3.SQLITE_IOERR: _Trouble("the device failed", "nothing of this step was written"),
    sqlite3.SQLITE_CANTOPEN: _Trouble(
        "the file cannot be opened", "it must be a file, and its folder must be writable for readers too (WAL)"
    ),
    sqlite3.SQLITE_CORRUPT: _Trouble("the file is damaged", "move it away and sync again: git holds all of it"),
    sqlite3.SQLITE_NOTADB: _Trouble("the file is no SQLite database", "name another path, or move it away"),
}


def _told(place: str, error: sqlite3.Error, patience: float) -> BackendError:
    """The one clear error for one of SQLite's."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in _LOCKED:
        hint = f"waited {patience:g} s for another process that writes to it"
        return UnavailableError(f"{place} is locked", hint=hint)
    trouble = _TROUBLES.get(code)
    if trouble is None:
        return BackendError(f"{place}: {error}")
    return BackendError(f"{place}: {trouble.message} ({error})", hint=trouble.hint)


def connect(options: Mapping[str, Any]) -> SqlBackend:
    """The target at ``path``. Raises ``UsageError`` where none is given."""
    path = options.get("path")
    if not isinstance(path, str) or not path or "\0" in path:
        raise UsageError("a sqlite target needs `path`, the file to keep it in", hint="path: run/catalog.sqlite")
    return SqlBackend(SqliteDatabase(Path(path)), CAPABILITIES, options.get("prefix") or "")
