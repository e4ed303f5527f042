"""The tables of ``bundle.sqlite`` and of the ``sqlite`` target: one schema for both.

=================  =================================================================================
``meta``           ``key``, ``value``: ``format``, ``kind``, ``digest`` of what is stored
``prompt_version`` one row a version: ``id``, ``version``, ``version_id``, ``digest``, and ``entry``,
                   the canonical JSON that ``bundle.json`` has for it (all parts and ``meta``)
``label``          ``id``, ``label``, ``value``: canonical JSON, ``"v2"`` or a list of weights
``skill``          ``name`` (its key), ``digest``, ``entry``: canonical JSON as in ``bundle.json``
``skill_file``     ``name``, ``path``, ``mode``, ``sha256``, ``size``, ``content`` (uncompressed)
=================  =================================================================================

A target adds tables of its own (inventory, journal, lease, audit) beside these.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

USER_VERSION = 1
"""``PRAGMA user_version``; a reader refuses a higher one by name."""

TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE prompt_version (
  id TEXT NOT NULL, version TEXT NOT NULL, version_id TEXT NOT NULL, digest TEXT NOT NULL, entry BLOB NOT NULL,
  PRIMARY KEY (id, version)
);
CREATE TABLE label (id TEXT NOT NULL, label TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (id, label)) WITHOUT ROWID;
CREATE TABLE skill (name TEXT PRIMARY KEY, digest TEXT NOT NULL, entry BLOB NOT NULL);
CREATE TABLE skill_file (
  name TEXT NOT NULL, path TEXT NOT NULL, mode TEXT NOT NULL, sha256 TEXT NOT NULL, size INTEGER NOT NULL,
  content BLOB NOT NULL, PRIMARY KEY (name, path)
);
"""


def create_bundle_database(path: Path) -> sqlite3.Connection:
    """A new database at ``path`` for one writer that starts over after any failure.

    Nothing is journalled or synced: the file is published by renaming its folder. The pragmas are
    fixed so that the same rows give the same bytes for one SQLite version.
    """
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.executescript(
            "PRAGMA page_size=4096; PRAGMA encoding='UTF-8'; PRAGMA auto_vacuum=NONE; PRAGMA journal_mode=OFF;"
            f"PRAGMA synchronous=OFF; PRAGMA user_version={USER_VERSION}; BEGIN;" + TABLES
        )
    except sqlite3.Error:
        connection.close()
        raise
    return connection
