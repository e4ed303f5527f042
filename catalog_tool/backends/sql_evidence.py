"""Evidence in an SQL store: one table, whose rows are added and never changed by us."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from catalog_tool.backends.evidence import KeptEvidence
from catalog_tool.backends.sql_session import EVIDENCE, Session

_NAMED = "id = ? AND subject = ? AND digest = ?"


def add_record(session: Session, record: KeptEvidence) -> bool:
    """Add a record, whose prompt is the name on the target; False where other bytes stand there already.

    A store that an older version made gets the table now.
    """
    if not session.has(EVIDENCE):
        session.run(session.dialect.evidence_table)
    select = f"SELECT {session.dialect.content} FROM evidence WHERE {_NAMED}"  # noqa: S608 - fixed words
    found = session.rows(select, record[:3])
    if not found:
        session.add(EVIDENCE, [record])
    return not found or found[0][0] == record.data


def records_about(session: Session, names: Sequence[str]) -> Iterator[KeptEvidence]:
    """The records about the prompts that have these names on the target."""
    if session.has(EVIDENCE):
        select = f"SELECT id, subject, digest, {session.dialect.content} FROM evidence"  # noqa: S608 - fixed words
        for row in session.lookup(select, ("id",), [(name,) for name in names]):
            yield KeptEvidence(str(row[0]), str(row[1]), str(row[2]), row[3] or b"")
