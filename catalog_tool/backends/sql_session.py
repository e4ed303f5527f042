"""What the SQL stores differ in: a dialect, and a session that speaks it inside one transaction.

SQL is written once, with ``?`` for a parameter, and knows nothing of the driver.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol

Row = tuple[Any, ...]


class Table(NamedTuple):
    """A table that is written in bulk: its columns, of which the first ``width`` are its key."""

    name: str
    width: int
    columns: tuple[str, ...]

    @property
    def key(self) -> tuple[str, ...]:
        """The key's columns."""
        return self.columns[: self.width]

    @property
    def instead(self) -> str:
        """What ends an INSERT that takes the place of the rows with its keys."""
        others = ", ".join(f"{column} = excluded.{column}" for column in self.columns[self.width :])
        return f" ON CONFLICT ({', '.join(self.key)}) DO UPDATE SET {others}"


PROMPT_VERSION = Table("prompt_version", 2, ("id", "version", "version_id", "digest", "entry", "marker"))
LABEL_VALUE = Table("label", 2, ("id", "label", "value", "marker"))
SKILL_ENTRY = Table("skill", 1, ("name", "digest", "entry", "marker"))
SKILL_FILE = Table("skill_file", 2, ("name", "path", "mode", "sha256", "size", "content"))
SKILL_FILES = Table("skill_file", 1, SKILL_FILE.columns)
"""All files of a skill at once."""
META = Table("meta", 1, ("key", "value"))
INVENTORY = Table("inventory", 2, ("scope", "address", "digest", "meta"))
CONTROL = Table("control", 1, ("scope", "document"))
LEASE = Table("lease", 1, ("scope", "token", "holder", "host", "pid", "started", "expires_at"))
GENERATION = Table("generation", 1, ("id", "generation"))
EVIDENCE = Table("evidence", 3, ("id", "subject", "digest", "content"))
LABEL_EVENT = Table(
    "label_event",
    1,
    ("seq", "at", "actor", "reason", "id", "label", "value_before", "value_after", "generation", "hash"),
)


class Dialect(NamedTuple):
    """The expressions that are spelt differently. Each gives bytes as they are stored, whatever a hand left there.

    ``hashed`` and ``sized`` are of a file's content, computed by the store where it can. ``locked`` ends
    a SELECT whose rows must stay as they are until the transaction ends. ``evidence_table`` makes the
    table ``evidence``.
    """

    entry: str
    value: str
    content: str
    hashed: str
    sized: str
    locked: str
    evidence_table: str


class Session(Protocol):
    """One transaction. ``now`` is the store's clock when it began, in seconds since the epoch."""

    now: float
    dialect: Dialect

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """All rows of one SELECT."""

    def stream(self, sql: str, parameters: Sequence[Any] = ()) -> Iterator[Row]:
        """The rows of one SELECT as they come; memory does not grow with their number."""

    def lookup(self, sql: str, columns: Sequence[str], keys: Sequence[Sequence[str]], ending: str = "") -> list[Row]:
        """The rows of ``sql`` (a SELECT up to its FROM) whose ``columns`` are one of ``keys``, which may be none."""

    def has(self, table: Table) -> bool:
        """Whether the table is there."""

    def run(self, sql: str) -> None:
        """One statement that gives no rows."""

    def together(self) -> AbstractContextManager[object]:
        """Statements inside, none of which gives rows, need not wait for each other's answers."""

    def add(self, table: Table, rows: Sequence[Sequence[Any]]) -> None:
        """Insert rows; their keys must be free."""

    def put(self, table: Table, rows: Sequence[Sequence[Any]]) -> None:
        """Insert rows, or update those that have their keys."""

    def remove(self, table: Table, keys: Sequence[Sequence[str]]) -> None:
        """Delete the rows with these keys, as far as they are there."""

    def mark(self, table: Table, rows: Sequence[Sequence[Any]]) -> None:
        """Set ``marker``; a row is the marker and the key."""

    def notify(self, payloads: Sequence[str]) -> None:
        """Tell whoever listens, once the transaction is done; nothing where the store cannot."""


class Database(Protocol):
    """Opens transactions. Each context gives None where the store is not there yet, and commits at its end.

    Whatever goes wrong inside leaves as a ``BackendError``, and nothing was changed.
    """

    def place(self) -> str:
        """Where it is, without a secret."""

    def reading(self) -> AbstractContextManager[Session | None]:
        """A consistent look."""

    def scanning(self) -> AbstractContextManager[Session | None]:
        """The same on a connection of its own, so that other calls may come in between."""

    def writing(self, *, create: bool = False) -> AbstractContextManager[Session | None]:
        """The only writer of the store until its end; ``create`` makes the store where it is not there."""

    def close(self) -> None:
        """Let go of connections."""
