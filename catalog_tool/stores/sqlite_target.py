"""The ``sqlite`` target: the tables of ``bundle.sqlite``, a marker on each object, and what we remember of them.

=================  =================================================================================
``meta``           ``kind`` is ``target`` here; ``store_id`` is random, made with the file
``marker``         a column of ``prompt_version``, ``label`` and ``skill``: whose object it is, or NULL
``inventory``      ``scope`` (the target's prefix), ``address``, ``digest``, ``meta``: what we last wrote
``control``        ``scope``, ``document``: the last sync, the journal, overrides (JSON)
``lease``          one row a ``scope``: who may write, until ``expires_at`` (seconds since the epoch)
``generation``     ``id``, ``generation``: one more at each change of any label of that prompt
``label_event``    the audit trail, in order of ``seq``; rows can be added at its end and nothing else
``evidence``       ``id``, ``subject`` (the digest of the content), ``digest`` (the record's own), ``content``: the file
=================  =================================================================================

Names in the objects' tables, in ``generation`` and in ``label_event`` carry the prefix; addresses in
``inventory`` do not. A program that reads ``bundle.sqlite`` by column names reads a target as it is.
"""

from __future__ import annotations

EVIDENCE_TABLE = """
CREATE TABLE evidence (
  id TEXT NOT NULL, subject TEXT NOT NULL, digest TEXT NOT NULL, content BLOB NOT NULL,
  PRIMARY KEY (id, subject, digest)
);
"""
"""By itself too: a target that an older version made gets it with its first record."""

_OTHER_TABLES = """
ALTER TABLE prompt_version ADD COLUMN marker TEXT;
ALTER TABLE label ADD COLUMN marker TEXT;
ALTER TABLE skill ADD COLUMN marker TEXT;
CREATE TABLE inventory (
  scope TEXT NOT NULL, address TEXT NOT NULL, digest TEXT NOT NULL, meta TEXT NOT NULL, PRIMARY KEY (scope, address)
) WITHOUT ROWID;
CREATE TABLE control (scope TEXT PRIMARY KEY, document TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE lease (
  scope TEXT PRIMARY KEY, token TEXT NOT NULL, holder TEXT NOT NULL, host TEXT NOT NULL, pid INTEGER NOT NULL,
  started INTEGER NOT NULL, expires_at REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE generation (id TEXT PRIMARY KEY, generation INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE label_event (
  seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, actor TEXT NOT NULL, reason TEXT NOT NULL, id TEXT NOT NULL,
  label TEXT NOT NULL, value_before TEXT, value_after TEXT, generation INTEGER NOT NULL, hash TEXT NOT NULL
);
CREATE INDEX label_event_of_label ON label_event (id, label, seq);
CREATE TRIGGER label_event_stays_as_written BEFORE UPDATE ON label_event
  BEGIN SELECT RAISE(ABORT, 'label_event is append-only'); END;
CREATE TRIGGER label_event_stays BEFORE DELETE ON label_event
  BEGIN SELECT RAISE(ABORT, 'label_event is append-only'); END;
CREATE TRIGGER label_event_grows_at_its_end BEFORE INSERT ON label_event
  WHEN NEW.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM label_event)
  BEGIN SELECT RAISE(ABORT, 'label_event is append-only'); END;
"""
TARGET_TABLES = _OTHER_TABLES + EVIDENCE_TABLE
"""Run after ``sqlite_schema.TABLES``. The last trigger also stops INSERT OR REPLACE, which fires no DELETE trigger."""
