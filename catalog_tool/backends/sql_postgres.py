"""The Postgres target: the tables of the ``sqlite`` target in the schema ``catalog``.

Names compare byte by byte (``COLLATE "C"``), contents are ``bytea`` and never ``jsonb``: what is read
back is what was written. The audit trail refuses UPDATE, DELETE and TRUNCATE by a trigger, and to
a role with ``WRITER_GRANTS`` already by privilege.
"""

from __future__ import annotations

SCHEMA = "catalog"

EVIDENCE_TABLE = """
CREATE TABLE catalog.evidence (
  id text COLLATE "C" NOT NULL, subject text COLLATE "C" NOT NULL, digest text COLLATE "C" NOT NULL,
  content bytea NOT NULL, PRIMARY KEY (id, subject, digest)
);
"""
"""By itself too: a store that an older version made gets it with its first record."""

TABLES = f"""
CREATE TABLE catalog.meta (key text PRIMARY KEY, value text NOT NULL);
CREATE TABLE catalog.prompt_version (
  id text COLLATE "C" NOT NULL, version text COLLATE "C" NOT NULL, version_id text NOT NULL, digest text NOT NULL,
  entry bytea NOT NULL, marker text, PRIMARY KEY (id, version)
);
CREATE TABLE catalog.label (
  id text COLLATE "C" NOT NULL, label text COLLATE "C" NOT NULL, value text NOT NULL, marker text,
  PRIMARY KEY (id, label)
);
CREATE TABLE catalog.skill (name text COLLATE "C" PRIMARY KEY, digest text NOT NULL, entry bytea NOT NULL, marker text);
CREATE TABLE catalog.skill_file (
  name text COLLATE "C" NOT NULL, path text COLLATE "C" NOT NULL, mode text NOT NULL, sha256 text NOT NULL,
  size bigint NOT NULL, content bytea NOT NULL, PRIMARY KEY (name, path)
);
CREATE TABLE catalog.inventory (
  scope text COLLATE "C" NOT NULL, address text COLLATE "C" NOT NULL, digest text NOT NULL, meta text NOT NULL,
  PRIMARY KEY (scope, address)
);
CREATE TABLE catalog.control (scope text COLLATE "C" PRIMARY KEY, document text NOT NULL);
CREATE TABLE catalog.lease (
  scope text COLLATE "C" PRIMARY KEY, token text NOT NULL, holder text NOT NULL, host text NOT NULL,
  pid bigint NOT NULL, started bigint NOT NULL, expires_at double precision NOT NULL
);
CREATE TABLE catalog.generation (id text COLLATE "C" PRIMARY KEY, generation bigint NOT NULL);
CREATE TABLE catalog.label_event (
  seq bigint PRIMARY KEY, at bigint NOT NULL, actor text NOT NULL, reason text NOT NULL, id text COLLATE "C" NOT NULL,
  label text COLLATE "C" NOT NULL, value_before text, value_after text, generation bigint NOT NULL, hash text NOT NULL
);
CREATE INDEX label_event_of_label ON catalog.label_event (id, label, seq);
CREATE FUNCTION catalog.label_event_is_append_only() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN RAISE EXCEPTION 'label_event is append-only' USING ERRCODE = 'insufficient_privilege'; END $$;
CREATE TRIGGER label_event_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON catalog.label_event
  FOR EACH STATEMENT EXECUTE FUNCTION catalog.label_event_is_append_only();
{EVIDENCE_TABLE}"""

TEXT = "text"
TYPES = {
    "entry": "bytea",
    "content": "bytea",
    "size": "bigint",
    "pid": "bigint",
    "started": "bigint",
    "expires_at": "double precision",
    "generation": "bigint",
    "seq": "bigint",
    "at": "bigint",
}
"""The types of columns that are not text."""

WRITER_GRANTS = """
GRANT USAGE ON SCHEMA catalog TO {role};
GRANT SELECT ON ALL TABLES IN SCHEMA catalog TO {role};
GRANT INSERT, UPDATE, DELETE ON catalog.prompt_version, catalog.label, catalog.skill, catalog.skill_file,
  catalog.inventory, catalog.control, catalog.lease, catalog.generation TO {role};
GRANT INSERT ON catalog.label_event, catalog.evidence TO {role};
"""
"""What a role needs that syncs into tables which another role made and owns."""

READER_GRANTS = """
GRANT USAGE ON SCHEMA catalog TO {role};
GRANT SELECT ON ALL TABLES IN SCHEMA catalog TO {role};
"""
"""What a role needs that only reads: the client, the service, ``plan``, ``drift`` and ``status``."""
