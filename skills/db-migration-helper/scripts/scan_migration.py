#!/usr/bin/env python3
"""Points at statements in SQL migrations that lock, rewrite, break running code, or lose data.

    scan_migration.py [--dialect postgres|mysql|other] FILE...

A reader of text, not of SQL: it finds what commonly hurts and misses what it has no rule for. Nothing
is executed and no database is asked.
Exit 0: nothing found. 1: findings, one a line. 2: wrong usage, or a file that cannot be read.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

# Comments and string literals are blanked, keeping every line break, so that rules see code alone.
BLANKED = re.compile(
    r"--[^\n]*|/\*.*?(?:\*/|\Z)|'(?:[^']|'')*(?:'|\Z)|\$(?P<tag>\w*)\$.*?(?:\$(?P=tag)\$|\Z)", re.DOTALL
)
CREATED = re.compile(r"(?i)\bcreate (?:unlogged )?table (?:if not exists )?([\w.\"`]+)")
ON = re.compile(r"(?i)\bon (?:only )?([\w.\"`]+)")
ALTER = re.compile(r"(?i)alter table (?:if exists )?(?:only )?([\w.\"`]+) ?")


class Rule(NamedTuple):
    """A clause matches where it begins with ``found`` and ``unless`` occurs nowhere in it.

    ``dialects`` empty means all. ``new_table_ok``: harmless for a table that the same file creates.
    """

    name: str
    found: str
    unless: str
    message: str
    dialects: tuple[str, ...] = ()
    new_table_ok: bool = True


NEVER = r"(?!)"
RULES = (
    Rule(
        "index-locks-writes",
        r"create (?:unique )?index\b",
        r"\bconcurrently\b",
        "blocks writes while the index is built; use CREATE INDEX CONCURRENTLY outside a transaction",
        ("postgres",),
    ),
    Rule(
        "constraint-scans",
        r"add (?:constraint \S+ )?(?:foreign key|check)\b",
        r"\bnot valid\b",
        "checks every row under a lock; add it NOT VALID, then VALIDATE CONSTRAINT in another migration",
        ("postgres",),
    ),
    Rule(
        "unique-locks-writes",
        r"add (?:constraint \S+ )?(?:unique|primary key)\b",
        r"\busing index\b",
        "builds an index under a lock; build it CONCURRENTLY first and attach it USING INDEX",
        ("postgres",),
    ),
    Rule(
        "set-not-null",
        r"alter (?:column )?\S+ set not null\b",
        NEVER,
        "scans the table under a lock unless a valid CHECK (column IS NOT NULL) is there already",
        ("postgres",),
    ),
    Rule(
        "volatile-default",
        r"add .*?\bdefault (?:gen_random_uuid|uuid_generate_v4|random|clock_timestamp)\b",
        NEVER,
        "writes every row anew for a default that differs by row; add the column, backfill, then set it",
    ),
    Rule(
        "not-null-without-default",
        r"add (?:column )?(?!(?:constraint|index|key|check|unique|primary|foreign)\b).*?\bnot null\b",
        r"\bdefault\b|\bgenerated\b",
        "fails where the table holds rows, and breaks inserts of the code that is still running",
    ),
    Rule(
        "type-change",
        r"alter (?:column )?\S+ (?:set data )?type\b|modify |change ",
        NEVER,
        "may rewrite the table under an exclusive lock; add a new column and move over in steps",
    ),
    Rule(
        "rename",
        r"rename (?:to |table |column |\S+ to )",
        r"^rename (?:constraint|index|key)\b",
        "running code uses the old name; expand and contract instead",
    ),
    Rule(
        "drop",
        r"drop (?:table|column|schema|database)\b|drop \S+(?: cascade| restrict)?$",
        NEVER,
        "cannot be undone, and running code may still read it; release code without it first",
    ),
    Rule("truncate", r"truncate\b", NEVER, "deletes every row and cannot be undone", new_table_ok=False),
    Rule(
        "all-rows",
        r"(?:update|delete from)\b",
        r"\bwhere\b|\blimit\b",
        "touches every row in one transaction; work in batches by primary key",
        new_table_ok=False,
    ),
    Rule(
        "explicit-lock",
        r"lock tables?\b",
        NEVER,
        "holds everybody up until the transaction ends",
        new_table_ok=False,
    ),
    Rule(
        "copying-alter",
        r"algorithm ?= ?copy\b|convert to character set\b",
        NEVER,
        "copies the table and blocks writes; use an online schema change",
        ("mysql",),
    ),
)


class Finding(NamedTuple):
    """One statement that a rule points at; ``line`` counts from 1."""

    line: int
    rule: str
    message: str


def statements(sql: str) -> Iterator[tuple[int, str]]:
    """Statements without comments and literals, each on one line, with the line where it begins."""
    code = BLANKED.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), sql)
    line = 1
    for part in code.split(";"):
        lead = len(part) - len(part.lstrip())
        if part.strip():
            yield line + part[:lead].count("\n"), " ".join(part.split())
        line += part.count("\n")


def clauses(statement: str) -> list[str]:
    """What an ALTER TABLE does, one part at each comma outside brackets; else the statement itself."""
    head = ALTER.match(statement)
    if head is None:
        return [statement]
    found, depth, start = [], 0, head.end()
    for mark in re.finditer(r"[(),]", statement[head.end() :]):
        at = head.end() + mark.start()
        depth += {"(": 1, ")": -1, ",": 0}[mark[0]]
        if mark[0] == "," and depth == 0:
            found.append(statement[start:at].strip())
            start = at + 1
    return [*found, statement[start:].strip()]


def _name(written: str) -> str:
    return re.sub(r'["`]', "", written).lower().rpartition(".")[2]


def scan(sql: str, dialect: str) -> list[Finding]:
    """All findings of one file. A table created in the same file is empty, so it may be locked."""
    found: list[Finding] = []
    created: set[str] = set()
    timeout = False
    for line, text in statements(sql):
        created.update(_name(name) for name in CREATED.findall(text))
        timeout = timeout or "lock_timeout" in text.lower()
        altered = ALTER.match(text)
        table = altered or ON.search(text)
        fresh = table is not None and _name(table[1]) in created
        rules = [rule for rule in RULES if not (fresh and rule.new_table_ok)]
        for clause in clauses(text):
            found += [Finding(line, r.name, r.message) for r in rules if _matches(r, clause, dialect)]
        if dialect == "postgres" and altered and not (timeout or fresh):
            found.append(Finding(line, "no-lock-timeout", "SET lock_timeout first, so that a wait ends"))
            timeout = True  # once a file is enough
    return found


def _matches(rule: Rule, clause: str, dialect: str) -> bool:
    if rule.dialects and dialect not in rule.dialects:
        return False
    if not re.match(rule.found, clause, re.IGNORECASE):
        return False
    return not re.search(rule.unless, clause, re.IGNORECASE)


def main(argv: Sequence[str]) -> int:
    """Scans the files; returns the exit code."""
    parser = argparse.ArgumentParser(description="Point at risky statements in SQL migrations.")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--dialect", choices=["postgres", "mysql", "other"], default="postgres")
    options = parser.parse_args(argv)
    code = 0
    for path in options.files:
        try:
            sql = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            sys.stderr.write(f"scan_migration: {path}: {error}\n")
            return 2
        for one in scan(sql, options.dialect):
            code = 1
            sys.stdout.write(f"{path}:{one.line}: {one.rule}: {one.message}\n")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
