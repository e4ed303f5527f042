"""Records of single artifacts from earlier runs, by content: nothing is validated or hashed twice.

A record's key names everything that decides it: the artifact's path, the blobs of its files, and (as
the store's namespace) the schemas, the profile and this tool's own code. Shared parts are not in the
key: a record says which it looked for and what it found, and is used only if that is still so.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from catalog_tool.checks.prompt_record import PromptRecord
from catalog_tool.checks.skill_record import SkillRecord
from catalog_tool.model.finding import Finding
from catalog_tool.model.skill import SkillVersion
from catalog_tool.source.shared_parts import ABSENT

_TABLES = """
CREATE TABLE IF NOT EXISTS namespace (name TEXT PRIMARY KEY, seen INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS record (namespace INTEGER NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,
  PRIMARY KEY (namespace, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS entry (namespace INTEGER NOT NULL, key TEXT NOT NULL, data BLOB NOT NULL,
  PRIMARY KEY (namespace, key)) WITHOUT ROWID;
"""
NAMESPACES = 2
"""How many sets of schemas, profile and code are kept: two profiles in turn, or an upgrade."""

_ENCODER = json.JSONEncoder(separators=(",", ":"))

Record = PromptRecord | SkillRecord


class RecordStore:
    """The records of one catalog in one database; any trouble with it is a miss, never an error."""

    def __init__(self, folder: str, namespace: str) -> None:
        self._path = os.path.join(folder, "records.sqlite")
        self._name = namespace
        self._number = 0
        self._connection: sqlite3.Connection | None = None

    def _open(self) -> sqlite3.Connection | None:
        if self._connection is not None:
            return self._connection
        try:
            os.makedirs(os.path.dirname(self._path), exist_ok=True)
            self._connection = self._prepare(sqlite3.connect(self._path, timeout=0.2))
        except (sqlite3.Error, OSError):
            self._forget()
        return self._connection

    def _prepare(self, connection: sqlite3.Connection) -> sqlite3.Connection:
        """Cheap, unsynced writes: a damaged cache is thrown away, so nothing here needs to survive."""
        connection.executescript("PRAGMA journal_mode=MEMORY; PRAGMA synchronous=OFF;" + _TABLES)
        row = connection.execute("SELECT seen FROM namespace WHERE name=?", (self._name,)).fetchone()
        if row is None:
            newest = connection.execute("SELECT coalesce(max(seen),0)+1 FROM namespace").fetchone()[0]
            old = newest - NAMESPACES
            for table, column in (("record", "namespace"), ("entry", "namespace"), ("namespace", "seen")):
                connection.execute(f"DELETE FROM {table} WHERE {column}<=?", (old,))  # noqa: S608 - names from above
            connection.execute("INSERT INTO namespace VALUES (?,?)", (self._name, newest))
            connection.commit()
            self._number = newest
        else:
            self._number = row[0]
        return connection

    def _forget(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        try:
            os.unlink(self._path)
        except OSError:
            return

    def load(self, *, entries: bool) -> dict[str, Known]:
        """Every record, by key; with the canonical JSON of versions where ``entries``."""
        connection = self._open()
        if connection is None:
            return {}
        table = "record LEFT JOIN entry USING (namespace, key)" if entries else "record"
        columns = "key, value, data" if entries else "key, value, x''"
        try:
            rows = connection.execute(f"SELECT {columns} FROM {table} WHERE namespace=?", (self._number,))  # noqa: S608
            return {key: Known(value, data or b"") for key, value, data in rows}
        except sqlite3.Error:
            self._forget()
            return {}

    def save(self, records: Iterable[tuple[str, Record]], live: Iterable[str] | None) -> None:
        """Keep new records; where ``live`` names the keys in use, drop the others once they outnumber them."""
        connection = self._open()
        if connection is None:
            return
        values, entries = [], []
        for key, record in records:
            values.append((self._number, key, _encode(record)))
            if isinstance(record, PromptRecord) and record.entry:
                entries.append((self._number, key, record.entry))
        try:
            with connection:
                connection.executemany("INSERT OR REPLACE INTO record VALUES (?,?,?)", values)
                connection.executemany("INSERT OR REPLACE INTO entry VALUES (?,?,?)", entries)
                if live is not None:
                    self._drop_unused(connection, set(live))
        except (sqlite3.Error, OSError):
            self._forget()

    def _drop_unused(self, connection: sqlite3.Connection, live: set[str]) -> None:
        keys = [key for (key,) in connection.execute("SELECT key FROM record WHERE namespace=?", (self._number,))]
        dead = [(self._number, key) for key in keys if key not in live]
        if len(dead) > len(live) + 1000:
            connection.executemany("DELETE FROM record WHERE namespace=? AND key=?", dead)
            connection.executemany("DELETE FROM entry WHERE namespace=? AND key=?", dead)

    def close(self) -> None:
        """Close the database."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class Known(NamedTuple):
    """A record as stored; decoded only when its key is asked for."""

    value: str
    entry: bytes

    def record(self, shared: Mapping[str, str]) -> Record | None:
        """The record, unless a shared part that it looked for is another one now."""
        try:
            kind, *fields, findings = json.loads(self.value)
            found = [Finding(*item) for item in findings]
            if kind == "skill":
                return _skill(fields, found)
            name, number, path, digest, owners, looked_for = fields
            version = PromptRecord(name, number, path, digest, tuple(owners), looked_for, found, self.entry)
        except (ValueError, TypeError, KeyError, RecursionError):
            return None
        same = all(shared.get(name, ABSENT) == digest for name, digest in version.looked_for.items())
        return version if same else None


def _skill(fields: list[Any], findings: list[Finding]) -> SkillRecord:
    key, path, digest, files, entry = fields
    skill = SkillVersion(key, path, digest, tuple(tuple(file) for file in files), entry)
    return SkillRecord(skill, findings, {})


def _encode(record: Record) -> str:
    if isinstance(record, PromptRecord):
        value = ["version", *record[:4], record.owners, record.looked_for, record.findings]
    else:
        value = ["skill", *record.skill, record.findings]
    return _ENCODER.encode(value)
