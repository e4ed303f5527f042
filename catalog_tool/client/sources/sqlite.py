"""``sqlite://``: a ``bundle.sqlite``, or a ``sqlite`` target (``stores.sqlite_schema``).

A target has, beside the bundle's tables, ``generation`` (``id``, ``generation``) and the key
``store_id`` in ``meta``; a bundle has neither.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote

from catalog_tool.canonical.identity import bundle_digest
from catalog_tool.client.budget import Budget
from catalog_tool.client.errors import BadAnswerError, SourceUnavailableError
from catalog_tool.client.sources import Options
from catalog_tool.client.sources.address import database_path
from catalog_tool.client.sources.base import ANSWER_BYTES, Answer, Hear, LabelRow, answer_from_rows
from catalog_tool.client.sources.bundle import check_format, decoded
from catalog_tool.client.wanted import Wanted
from catalog_tool.stores.sqlite_schema import USER_VERSION

_STEPS = 10_000
"""Steps of SQLite's machine between two looks at the deadline."""
_PAUSE_SECONDS = 0.01


class SqliteSource:
    """Opens the file for each read, in one read transaction: replaced files are seen, forks harmless."""

    pushes = False

    def __init__(self, address: str, options: Options) -> None:
        self._path = database_path(address)
        self._digest = options.bundle_digest
        self.place = f"sqlite:///{self._path}"

    def read(self, wanted: Wanted, validator: str | None, budget: Budget) -> Answer | None:
        """``Source.read``. The answer is cheap, so there is no validator."""
        del validator
        seconds = budget.spend()
        try:
            with self._opened(seconds, budget) as connection:
                rows = _Tables(connection, str(self._path))
                if self._digest is not None:
                    rows.is_bundle(self._digest)
                return answer_from_rows(rows, wanted)
        except sqlite3.OperationalError as error:
            raise SourceUnavailableError(f"{self._path}: {error}") from error
        except sqlite3.Error as error:
            raise BadAnswerError(f"{self._path} cannot be read: {error}") from error

    @contextlib.contextmanager
    def _opened(self, seconds: float, budget: Budget) -> Iterator[sqlite3.Connection]:
        if not self._path.is_file():
            raise SourceUnavailableError(f"{self._path} is not there", hint="build or sync it first")
        connection = sqlite3.connect(
            f"file:{quote(str(self._path))}?mode=ro", uri=True, timeout=seconds, isolation_level=None
        )
        try:
            connection.set_progress_handler(lambda: budget.left() <= 0, _STEPS)
            connection.executescript("PRAGMA trusted_schema=OFF; PRAGMA query_only=ON;")
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version > USER_VERSION:
                words = f"{self._path} has schema version {version}"
                raise BadAnswerError(words, hint="a newer catalog-tool wrote it: update this client")
            connection.execute("BEGIN")
            yield connection
        finally:
            connection.close()

    def listen(self, hear: Hear) -> None:
        """A file does not push."""

    def forked(self) -> None:
        """Nothing is kept open."""

    def close(self) -> None:
        """Nothing is kept open."""


class _Tables:
    """``Rows`` of one database."""

    def __init__(self, connection: sqlite3.Connection, what: str) -> None:
        self._connection = connection
        self._what = what
        self._meta = dict(self._all("SELECT key, value FROM meta WHERE key IN ('format', 'digest', 'store_id')"))
        found = str(self._meta.get("format", ""))
        check_format(int(found) if found.isascii() and found.isdigit() and len(found) < 10 else found, what)

    def _all(self, query: str, *values: str) -> list[Any]:
        return self._connection.execute(query, values).fetchall()

    def label_row(self, name: str) -> LabelRow:
        """``Rows.label_row``."""
        labels = {
            label: decoded(b'{"value":%b}' % str(value).encode(), f"{self._what}, label {label}").get("value")
            for label, value in self._all("SELECT label, value FROM label WHERE id=?", name)
        }
        return LabelRow(labels, self._generation(name), self._meta.get("store_id"), self._meta.get("digest"))

    def _generation(self, name: str) -> Any:
        if not self._all("SELECT 1 FROM sqlite_schema WHERE type='table' AND name='generation'"):
            return None
        found = self._all("SELECT generation FROM generation WHERE id=?", name)
        return found[0][0] if found else 0

    def entry(self, name: str, version: str) -> Any:
        """``Rows.entry``."""
        query = "SELECT length(entry), entry FROM prompt_version WHERE id=? AND version=?"
        found = self._all(query, name, version)
        if not found:
            return None
        size, data = found[0]
        if size is None or size > ANSWER_BYTES:
            raise BadAnswerError(f"{self._what}: {name}@{version} is larger than {ANSWER_BYTES // 1024**2} MiB")
        return decoded(data.encode() if isinstance(data, str) else data, f"{self._what}: {name}@{version}")

    def digests(self, name: str) -> Sequence[tuple[str, str]]:
        """``Rows.digests``."""
        rows = self._all("SELECT version, digest FROM prompt_version WHERE id=? ORDER BY version", name)
        return [(str(version), str(digest)) for version, digest in rows]

    def is_bundle(self, digest: str) -> None:
        """Refuse any other bundle: its digest is recomputed from the labels and digests in the tables."""
        labels: dict[str, dict[str, Any]] = {}
        for name, label, value in self._all("SELECT id, label, value FROM label"):
            labels.setdefault(name, {})[label] = decoded(b'{"v":%b}' % str(value).encode(), self._what)["v"]
        versions: dict[str, dict[str, str]] = {}
        for name, version, found in self._all("SELECT id, version, digest FROM prompt_version"):
            versions.setdefault(name, {})[version] = found
        found = bundle_digest(labels, versions, dict(self._all("SELECT name, digest FROM skill")))
        if found != digest:
            raise BadAnswerError(f"{self._what} is bundle {found}, and {digest} is wanted")
