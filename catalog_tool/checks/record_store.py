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
from catalog_tool.source.positions import Spot
from catalog_tool.source.shared_parts import ABSENT

_TABLES = """
CREATE TABLE IF NOT EXISTS namespace (name TEXT PRIMARY KEY, seen INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS known (namespace INTEGER NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, entry BLOB);
"""
# No index: every run reads all the keys, and to keep them sorted costs more than all the rest.
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
        self._rows: dict[str, int] = {}
        self._twice: list[tuple[int]] = []

    def _open(self) -> sqlite3.Connection | None:
        if self._connection is not None:
            return self._connection
        try:
            os.makedirs(os.path.dirname(self._path), exist_ok=True)
            self._connection = sqlite3.connect(self._path, timeout=0.2)
            self._prepare(self._connection)
        except (sqlite3.Error, OSError):
            self._forget()
        return self._connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        """Cheap, unsynced writes: a damaged cache is thrown away, so nothing here needs to survive."""
        connection.executescript("PRAGMA journal_mode=MEMORY; PRAGMA synchronous=OFF;" + _TABLES)
        row = connection.execute("SELECT seen FROM namespace WHERE name=?", (self._name,)).fetchone()
        if row is None:
            newest = connection.execute("SELECT coalesce(max(seen),0)+1 FROM namespace").fetchone()[0]
            old = newest - NAMESPACES
            connection.execute("DELETE FROM known WHERE namespace<=?", (old,))
            connection.execute("DELETE FROM namespace WHERE seen<=?", (old,))
            connection.execute("INSERT INTO namespace VALUES (?,?)", (self._name, newest))
            connection.commit()
            self._number = newest
        else:
            self._number = row[0]

    def _forget(self) -> None:
        self._rows, self._twice = {}, []
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
        entry = "entry" if entries else "NULL"
        query = f"SELECT rowid, key, value, {entry} FROM known WHERE namespace=? ORDER BY rowid"  # noqa: S608
        found: dict[str, Known] = {}
        try:
            for row, key, value, data in connection.execute(query, (self._number,)):
                if key in found:  # two runs at once have kept it both
                    self._twice.append((self._rows[key],))
                found[key] = Known(value, data or b"")
                self._rows[key] = row
        except sqlite3.Error:
            self._forget()
            return {}
        return found

    def save(self, records: Iterable[Stored], live: Iterable[str] | None) -> None:
        """Keep new records, in place of what was loaded under their keys.

        Where ``live`` names the keys in use, the others are dropped once they outnumber them.
        """
        connection = self._open()
        if connection is None:
            return
        values, dead = [], self._twice
        for key, value, entry in records:
            values.append((self._number, key, value, entry or None))
            if key in self._rows:
                dead.append((self._rows.pop(key),))
        if live is not None:
            dead += self._unused(set(live))
        try:
            with connection:
                connection.executemany("DELETE FROM known WHERE rowid=?", dead)
                connection.executemany("INSERT INTO known VALUES (?,?,?,?)", values)
        except (sqlite3.Error, OSError):
            self._forget()

    def _unused(self, live: set[str]) -> list[tuple[int]]:
        """The rows whose keys are not in use, if they are many."""
        dead = [(row,) for key, row in self._rows.items() if key not in live]
        return dead if len(dead) > len(live) + 1000 else []

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
    key, path, digest, files, entry, place = fields
    skill = SkillVersion(key, path, digest, tuple(tuple(file) for file in files), entry)
    return SkillRecord(skill, findings, {}, Spot(*place))


class Stored(NamedTuple):
    """A record as it is kept: nothing of a skill's contents stays in memory until the end."""

    key: str
    value: str
    entry: bytes


def stored(key: str, record: Record) -> Stored:
    """A record, ready to be kept."""
    if isinstance(record, PromptRecord):
        value = ["version", *record[:4], record.owners, record.looked_for, record.findings]
        return Stored(key, _ENCODER.encode(value), record.entry)
    return Stored(key, _ENCODER.encode(["skill", *record.skill, record.described_at, record.findings]), b"")
