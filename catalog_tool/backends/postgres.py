"""A target in a Postgres database (``postgres {url}``, else libpq's variables), through psycopg 3.

Writers come one after the other: each transaction that writes begins with one advisory lock for the
store, so that no label move is lost and the audit trail has no gap; rows that a step looks at are locked
too, against edits that do not know of ours. Each change of a label is told on the channel
``CHANNEL`` in the same transaction: ``{"generation":7,"id":"support/greet"}``.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from typing import Any, LiteralString, NamedTuple, cast

from catalog_tool.backends.sql_backend import FORMAT, SqlBackend
from catalog_tool.backends.sql_postgres import EVIDENCE_TABLE, SCHEMA, TABLES, TEXT, TYPES
from catalog_tool.backends.sql_session import Dialect, Row, Session, Table
from catalog_tool.errors import BackendError, RefusedError, UnavailableError, UsageError
from catalog_tool.model.capabilities import Capabilities

try:
    import psycopg
except ModuleNotFoundError:
    raise
except ImportError as problem:  # psycopg is there, libpq is not
    raise UsageError(f"psycopg cannot be used: {problem}", hint="pip install 'catalog-tool[postgres]'") from problem
from psycopg.conninfo import conninfo_to_dict

from catalog_tool.backends.postgres_waiting import CONNECT_SECONDS, SILENT_SECONDS, open_connection

CHANNEL = "catalog_label"
LOCK_SECONDS = 10
"""How long a call waits for another writer."""
STATEMENT_SECONDS = 120
CAPABILITIES = Capabilities(
    backend="postgres",
    attributed=True,
    blocks_edits="roles with write access can edit it: give all but the syncing role only SELECT",
    batch=1000,
)
DIALECT = Dialect(
    entry="entry",
    value="convert_to(value, 'UTF8')",
    content="content",
    hashed="encode(sha256(content), 'hex')",
    sized="length(content)",
    locked=" FOR UPDATE",
    evidence_table=EVIDENCE_TABLE,
)
_NO_URL = "the `url` of a postgres target is none"
_URL_FORM = "write postgresql://role@host:5432/database"
_STREAMED = 200
"""How many rows of a stream come at once, where libpq can (17 and newer); elsewhere one by one."""

_BEGIN_READING = f"""
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SET LOCAL search_path = {SCHEMA};
SET LOCAL statement_timeout = '{STATEMENT_SECONDS}s';
"""
_BEGIN_WRITING = f"""
BEGIN ISOLATION LEVEL READ COMMITTED;
SET LOCAL search_path = {SCHEMA};
SET LOCAL statement_timeout = '{STATEMENT_SECONDS}s';
SET LOCAL lock_timeout = '{{lock_ms}}ms';
SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off';
SELECT pg_advisory_xact_lock(hashtextextended('catalog-tool {SCHEMA}', 0));
"""
_LOOK = f"SELECT extract(epoch FROM clock_timestamp())::float8, to_regclass('{SCHEMA}.meta') IS NOT NULL"  # noqa: S608 - fixed words

Connection = psycopg.Connection[Row]


class PostgresSession:
    """``sql_session.Session`` inside a transaction of one connection."""

    dialect = DIALECT

    def __init__(self, connection: Connection, now: float) -> None:
        self.now = now
        self._connection = connection

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """All rows."""
        return self._connection.execute(_spelt(sql), parameters or None, binary=True).fetchall()

    def stream(self, sql: str, parameters: Sequence[Any] = ()) -> Iterator[Row]:
        """One statement; the server sends rows as they are taken."""
        size = _STREAMED if psycopg.capabilities.has_stream_chunked() else 1
        with self._connection.cursor() as cursor:
            yield from cursor.stream(_spelt(sql), parameters or None, binary=True, size=size)

    def lookup(self, sql: str, columns: Sequence[str], keys: Sequence[Sequence[str]], ending: str = "") -> list[Row]:
        """The keys go as one array a column."""
        if not keys:
            return []
        asked = f"{sql} WHERE {_is_one_of(columns)}{ending}"
        return self._connection.execute(_spelt(asked), _columns(keys), binary=True).fetchall()

    def has(self, table: Table) -> bool:
        """By its name in our schema."""
        return bool(self.rows("SELECT to_regclass(?) IS NOT NULL", (f"{SCHEMA}.{table.name}",))[0][0])

    def run(self, sql: str) -> None:
        """As it is."""
        self._connection.execute(_spelt(sql))

    def together(self) -> AbstractContextManager[object]:
        """One round trip for all of them, where libpq can (14 and newer)."""
        return self._connection.pipeline() if psycopg.Pipeline.is_supported() else nullcontext()

    def add(self, table: Table, rows: Sequence[Sequence[Any]]) -> None:
        """One statement for all rows: the values go as one array a column."""
        if rows:
            self._connection.execute(_spelt(_insert(table)), _columns(rows))

    def put(self, table: Table, rows: Sequence[Sequence[Any]]) -> None:
        """As ``add``."""
        if rows:
            self._connection.execute(_spelt(_insert(table) + table.instead), _columns(rows))

    def remove(self, table: Table, keys: Sequence[Sequence[str]]) -> None:
        """One statement for all keys."""
        if keys:
            delete = f"DELETE FROM {table.name} WHERE {_is_one_of(table.key)}"  # noqa: S608 - fixed words
            self._connection.execute(_spelt(delete), _columns(keys))

    def mark(self, table: Table, rows: Sequence[Sequence[Any]]) -> None:
        """One statement for all rows."""
        if rows:
            same = " AND ".join(f"t.{column} = k.{column}" for column in table.key)
            update = f"UPDATE {table.name} t SET marker = k.marker"  # noqa: S608 - fixed words
            columns = ("marker", *table.key)
            given = f"{_unnested(columns)} AS k ({', '.join(columns)})"
            self._connection.execute(_spelt(f"{update} FROM {given} WHERE {same}"), _columns(rows))

    def notify(self, payloads: Sequence[str]) -> None:
        """Told to listeners when the transaction commits, in this order."""
        sql = f"SELECT pg_notify('{CHANNEL}', payload) FROM unnest(%b::text[]) AS payload"  # noqa: S608 - fixed words
        self._connection.execute(_spelt(sql), [list(payloads)])


def _insert(table: Table) -> str:
    given = _unnested(table.columns)
    return f"INSERT INTO {table.name} ({', '.join(table.columns)}) SELECT * FROM {given}"  # noqa: S608 - fixed words


def _unnested(columns: Sequence[str]) -> str:
    """Rows made of one array a column."""
    return f"unnest({', '.join(f'%b::{TYPES.get(column, TEXT)}[]' for column in columns)})"


def _is_one_of(columns: Sequence[str]) -> str:
    return f"({', '.join(columns)}) IN (SELECT * FROM {_unnested(columns)})"  # noqa: S608 - fixed words


def _columns(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _spelt(sql: str) -> LiteralString:
    """The statement as psycopg wants it. All of it stands in this package: values only ever come as parameters."""
    spelt: Any = sql.replace("?", "%s")
    return cast(LiteralString, spelt)


class PostgresDatabase:
    """``sql_session.Database`` on one server.

    ``parameters`` are libpq's, by their keywords; ``withheld`` is said where the server asks for a
    password that was not given. Another writer is waited for ``patience`` seconds; a server that is silent for
    ``silence`` seconds is asked whether it is there.
    """

    def __init__(
        self, parameters: Mapping[str, str], withheld: str = "", patience: float = LOCK_SECONDS,
        silence: float = SILENT_SECONDS,
    ) -> None:  # fmt: skip
        self._parameters = parameters
        self._silence = silence
        self._withheld = withheld
        self._begin_writing = _BEGIN_WRITING.format(lock_ms=round(patience * 1000))
        self._connection: Connection | None = None

    def place(self) -> str:
        """Host, port and database; nothing else of what was given."""
        host = self._known("host") or self._known("hostaddr") or "local"
        port, database = self._known("port") or "5432", self._known("dbname") or ""
        return f"postgres {host}:{port}/{database}"

    def _known(self, keyword: str) -> str:
        variable = {"dbname": "PGDATABASE"}.get(keyword, f"PG{keyword.upper()}")
        return self._parameters.get(keyword) or os.environ.get(variable, "")

    @contextmanager
    def reading(self) -> Iterator[Session | None]:
        """One snapshot, on the connection that is kept."""
        with self._clear_errors(), _transaction(self._kept(), _BEGIN_READING) as (session, is_there):
            yield session if is_there else None

    def ask(self, sql: str) -> list[Row]:
        """The rows of one SELECT without parameters, in one round trip: for what is asked several times a second."""
        with self._clear_errors():
            cursor = self._kept().execute(_spelt(f"SET LOCAL statement_timeout = '{STATEMENT_SECONDS}s'; {sql}"))
            cursor.nextset()
            return cursor.fetchall()

    @contextmanager
    def scanning(self) -> Iterator[Session | None]:
        """One snapshot, on a connection of its own."""
        with (
            self._clear_errors(),
            closing(self._connect()) as connection,
            _transaction(connection, _BEGIN_READING) as (session, is_there),
        ):
            yield session if is_there else None

    @contextmanager
    def writing(self, *, create: bool = False) -> Iterator[Session | None]:
        """The store's only writer, by an advisory lock until the transaction ends."""
        with self._clear_errors():
            connection = self._kept()
            with _transaction(connection, self._begin_writing) as (session, is_there):
                if not is_there and create:
                    self._create_tables(connection)
                yield session if is_there or create else None

    def close(self) -> None:
        """Close the connection that is kept."""
        kept, self._connection = self._connection, None
        if kept is not None:
            kept.close()

    def _kept(self) -> Connection:
        if self._connection is None or self._connection.closed:
            self._connection = self._connect()
        return self._connection

    def _connect(self) -> Connection:
        try:
            return open_connection(self._parameters, self._silence, STATEMENT_SECONDS + self._silence)
        except psycopg.OperationalError as error:
            raise self._refused(error) from error

    def _refused(self, error: psycopg.OperationalError) -> BackendError:
        """A server that asked for a password is there: to ask it again would not help."""
        message = f"{self.place()}: {self._without_password(error)}"
        asked = error.pgconn is not None and (error.pgconn.needs_password or error.pgconn.used_password)
        if asked:
            return RefusedError(message, hint=self._withheld or "check the role and its password")
        return UnavailableError(message, hint="is the server up, and its address right?")

    def _create_tables(self, connection: Connection) -> None:
        encoding = connection.info.parameter_status("server_encoding")
        if encoding != "UTF8":
            hint = "create the database with ENCODING 'UTF8'"
            raise BackendError(f"{self.place()} has the encoding {encoding}: not every name could be kept", hint=hint)
        [(has_schema,)] = connection.execute(f"SELECT to_regnamespace('{SCHEMA}') IS NOT NULL").fetchall()
        if not has_schema:
            connection.execute(f"CREATE SCHEMA {SCHEMA}")
        connection.execute(TABLES)
        rows = [("format", str(FORMAT)), ("kind", "target"), ("store_id", uuid.uuid4().hex)]
        for row in rows:
            connection.execute("INSERT INTO meta VALUES (%s, %s)", row)

    @contextmanager
    def _clear_errors(self) -> Iterator[None]:
        try:
            yield
        except psycopg.Error as error:
            if self._connection is not None and self._connection.broken:
                self.close()
            raise _told(self.place(), error, self._without_password(error)) from error

    def _without_password(self, error: Exception) -> str:
        text = " ".join(str(error).split())
        password = self._parameters.get("password")
        return text.replace(password, "***") if password else text


@contextmanager
def _transaction(connection: Connection, begin: str) -> Iterator[tuple[PostgresSession, bool]]:
    """One transaction, begun in one round trip; also whether the tables are there."""
    try:
        cursor = connection.execute(_spelt(begin + _LOOK))
        while cursor.nextset():
            pass
        [(now, is_there)] = cursor.fetchall()
        yield PostgresSession(connection, now), is_there
        connection.execute("COMMIT")
    finally:
        _end(connection)


def _end(connection: Connection) -> None:
    """Roll back what was not committed; a connection that cannot is closed, and the server rolls back."""
    if connection.closed or connection.info.transaction_status is psycopg.pq.TransactionStatus.IDLE:
        return
    try:
        connection.execute("ROLLBACK")
    except psycopg.Error:
        connection.close()


class _Trouble(NamedTuple):
    """What an SQLSTATE, or a class of them, means for people."""

    kind: type[BackendError]
    message: str
    hint: str = ""


_AGAIN = _Trouble(UnavailableError, "somebody else wrote at the same time", "try again")
_TROUBLES = {
    "08": _Trouble(UnavailableError, "the connection was lost"),
    "23505": _AGAIN,
    "40": _AGAIN,
    "25006": _Trouble(
        BackendError, "the server only reads", "name the primary, not a standby, and a role that may write"
    ),
    "42501": _Trouble(RefusedError, "the role may not do this", "docs/targets.md has the GRANTs"),
    "42P01": _Trouble(BackendError, "a table of ours is not there", "was the schema made by hand, or half removed?"),
    "53100": _Trouble(BackendError, "the server's disk is full", "nothing of this step was written"),
    "53": _Trouble(UnavailableError, "the server has no room"),
    "55P03": _Trouble(UnavailableError, "another writer holds it"),
    "57": _Trouble(UnavailableError, "the server stopped the call"),
    "XX001": _Trouble(BackendError, "data on the server are damaged", "restore the database"),
    "XX002": _Trouble(BackendError, "an index on the server is damaged", "REINDEX the tables of the schema catalog"),
}
"""By SQLSTATE, or its class (the first two characters)."""


def _told(place: str, error: psycopg.Error, text: str) -> BackendError:
    """The one clear error for one of psycopg's."""
    state = error.sqlstate
    if state is None:
        kind = UnavailableError if isinstance(error, psycopg.OperationalError) else BackendError
        return kind(f"{place}: {text}")
    trouble = _TROUBLES.get(state) or _TROUBLES.get(state[:2])
    if trouble is None:
        return BackendError(f"{place}: {text}")
    return trouble.kind(f"{place}: {trouble.message} ({text})", hint=trouble.hint)


def connection_parameters(url: str | None, environ: Mapping[str, str]) -> tuple[dict[str, str], str]:
    """What libpq is given beside its own variables, and why a password there is not used (empty: it is, or none is).

    A password in the environment belongs to the host that the environment names. Where ``url`` names
    another one, it would be sent to whoever could change ``url``: then libpq is told that there is none.
    Raises ``UsageError``; the message does not show ``url``, which may hold a password.
    """
    try:
        given = {name: str(value) for name, value in conninfo_to_dict(url or "").items() if value is not None}
    except psycopg.Error:
        raise UsageError(
            "the `url` of a postgres target is none", hint="postgresql://role@host:5432/database"
        ) from None
    withheld = ""
    if not _is_environments_server(given, environ):
        given.setdefault("hostaddr", "")  # PGHOSTADDR would send what is meant for the url's server elsewhere
        if not given.get("password"):
            given["password"] = ""
            if environ.get("PGPASSWORD") or environ.get("PGSERVICE"):
                withheld = "the password in the environment was not used: PGHOST and PGPORT do not name this server"
    defaults = {"connect_timeout": str(CONNECT_SECONDS), "application_name": "catalog-tool"}
    return {**defaults, **given, "client_encoding": "utf8"}, withheld


def _is_environments_server(given: Mapping[str, str], environ: Mapping[str, str]) -> bool:
    """Whether the settings name no server of their own, or the one that the environment names."""
    theirs = {
        "host": environ.get("PGHOST"),
        "hostaddr": environ.get("PGHOSTADDR"),
        "port": environ.get("PGPORT") or "5432",
        "service": environ.get("PGSERVICE"),
    }
    return all(not given.get(keyword) or given[keyword] == value for keyword, value in theirs.items())


def connect(options: Mapping[str, Any]) -> SqlBackend:
    """The target at ``url``, or where libpq's variables point. Raises ``UsageError``."""
    url = options.get("url")
    if url is not None and not isinstance(url, str):
        raise UsageError(_NO_URL, hint=_URL_FORM)
    return SqlBackend(
        PostgresDatabase(*connection_parameters(url, os.environ)), CAPABILITIES, options.get("prefix") or ""
    )
