"""Reading an SQL store: everything there is, only some of it, or what a batch of steps touches."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import chain, groupby
from typing import Any

from catalog_tool.backends.base import LabelEvent
from catalog_tool.backends.naming import Prefix
from catalog_tool.backends.sql_session import Row, Session
from catalog_tool.backends.sql_steps import Found, Kept, named_versions
from catalog_tool.backends.stored import generations_of, label_value, skill_entry_with
from catalog_tool.clock import iso
from catalog_tool.model.addresses import LABEL, SKILL, VERSION, Address, parse_address
from catalog_tool.model.target import Live, Write

_LAST_SECOND = 253_402_300_799
"""9999-12-31T23:59:59Z, the last that ISO 8601 can write."""


def everything(session: Session, prefix: Prefix) -> Iterator[Live]:
    """All objects under the prefix, streamed: three statements, and no more than one skill's list in memory."""
    skills, under = _under(prefix, _skills(session), "name")
    files, _ = _under(prefix, _files(session), "name")
    found = chain(
        _live_versions(session.stream(*_under(prefix, _versions(session), "id"))),
        _live_labels(session.stream(*_under(prefix, _labels(session), "l.id"))),
        _live_skills(session.stream(f"{skills} UNION ALL {files} ORDER BY 1, 2", under * 2)),
    )
    if not prefix.text:
        yield from found
        return
    for live in found:
        inner = prefix.off(live.address)
        if inner is not None:
            yield live._replace(address=inner)


def some(session: Session, addresses: Collection[Address], *, ending: str = "") -> Iterator[Live]:
    """The objects at these addresses of the target, as far as they are there; ``ending`` ends each SELECT."""
    keys = _by_kind(addresses)
    skills = [session.lookup(select(session), ("name",), keys[SKILL], ending) for select in (_skills, _files)]
    return chain(
        _live_versions(session.lookup(_versions(session), ("id", "version"), keys[VERSION], ending)),
        _live_labels(session.lookup(_labels(session), ("l.id", "l.label"), keys[LABEL], ending and f"{ending} OF l")),
        _live_skills(sorted(chain(*skills), key=_by_name)),
    )


def touched(session: Session, writes: Sequence[tuple[Address, Write]]) -> Found:
    """What the store holds of all that these steps touch; those rows stay as they are until the transaction ends."""
    locked = session.dialect.locked
    found = Found()
    for live in some(session, {address for address, _ in writes}, ending=locked):
        found.objects[parse_address(live.address)] = Kept(live.entry, live.marker)
    pointed = [(name, version) for _, name, version in named_versions(writes)]
    select = "SELECT id, version FROM prompt_version"
    found.versions = {Address(VERSION, *row) for row in session.lookup(select, ("id", "version"), pointed, locked)}
    losing = {(address.name,) for address, write in writes if address.kind == VERSION and _removes(write)}
    select = f"SELECT id, label, {session.dialect.value}, marker FROM label l"  # noqa: S608 - fixed words
    for name, label, value, marker in session.lookup(select, ("id",), sorted(losing), locked):
        found.objects[Address(LABEL, name, label)] = Kept(value, marker)
    moving = sorted({(address.name,) for address, _ in writes if address.kind == LABEL})
    if moving:
        select = "SELECT id, generation FROM generation"
        found.generations = generations_of(session.lookup(select, ("id",), moving, locked))
        found.last = next(trail(session.rows(f"{_EVENTS} ORDER BY seq DESC LIMIT 1")), None)
    return found


def _removes(write: Write) -> bool:
    return write.entry is None and write.marker is None


def files_of(session: Session, name: str) -> dict[str, tuple[str, bytes]]:
    """A skill's files: path → mode and bytes."""
    select = f"SELECT path, mode, {session.dialect.content} FROM skill_file WHERE name = ?"  # noqa: S608 - fixed words
    return {path: (mode, bytes(data)) for path, mode, data in session.rows(select, (name,))}


_EVENTS = (
    "SELECT seq, CAST(at AS BIGINT), actor, reason, id, label, value_before, value_after,"
    " CAST(generation AS BIGINT), hash FROM label_event"
)


def all_events(session: Session) -> Iterator[LabelEvent]:
    """The audit trail, oldest first, streamed."""
    return trail(session.stream(f"{_EVENTS} ORDER BY seq"))


def trail(rows: Iterable[Row]) -> Iterator[LabelEvent]:
    """Rows as events. Values that somebody made no JSON are given as text: the hash tells."""
    for seq, at, actor, reason, name, label, before, after, generation, digest in rows:
        values = (_value(before), _value(after))
        yield LabelEvent(seq, at, str(actor), str(reason), str(name), str(label), *values, generation, str(digest))


def _value(text: Any) -> Any:
    return label_value(None if text is None else str(text).encode())


def _by_kind(addresses: Iterable[Address]) -> defaultdict[str, list[tuple[str, ...]]]:
    keys: defaultdict[str, list[tuple[str, ...]]] = defaultdict(list)
    for kind, name, part in addresses:
        keys[kind].append((name,) if kind == SKILL else (name, part))
    return keys


def _under(prefix: Prefix, select: str, column: str) -> tuple[str, tuple[str, ...]]:
    """The SELECT of what is under the prefix, with its parameters."""
    if not prefix.text:
        return select, ()
    return f"{select} WHERE substr({column}, 1, {len(prefix.text)}) = ?", (prefix.text,)


def _versions(session: Session) -> str:
    return f"SELECT 'prompts/' || id || '@' || version, {session.dialect.entry}, marker FROM prompt_version"  # noqa: S608 - fixed words


def _live_versions(rows: Iterable[Row]) -> Iterator[Live]:
    return (Live(address, entry, marker) for address, entry, marker in rows)


def _labels(session: Session) -> str:
    """Each label with the trail's last word on it."""
    return (
        f"SELECT 'labels/' || l.id || '@' || l.label, {session.dialect.value}, l.marker,"  # noqa: S608 - fixed words
        " CAST(e.at AS BIGINT), e.actor, e.value_after FROM label l LEFT JOIN label_event e ON e.seq ="
        " (SELECT max(seq) FROM label_event o WHERE o.id = l.id AND o.label = l.label)"
    )


def _live_labels(rows: Iterable[Row]) -> Iterator[Live]:
    for address, value, marker, at, actor, after in rows:
        # Somebody who edited past us left no event: then the last one says nothing about what is there now.
        told = after is not None and str(after).encode() == value and 0 <= at <= _LAST_SECOND
        yield Live(address, value, marker, iso(at) if told else None, str(actor) if told else None)


def _skills(session: Session) -> str:
    return f"SELECT name, 0, {session.dialect.entry}, marker, NULL, NULL, NULL, NULL FROM skill"  # noqa: S608 - fixed words


def _files(session: Session) -> str:
    """In the columns of ``_skills``, so that one statement gives each skill followed by its files."""
    hashed, sized = session.dialect.hashed, session.dialect.sized
    return f"SELECT name, 1, NULL, NULL, path, mode, {hashed}, {sized} FROM skill_file"  # noqa: S608 - fixed words


def _live_skills(rows: Iterable[Row]) -> Iterator[Live]:
    """Skills with the lists of their files. Files of no skill are no object."""
    for name, group in groupby(rows, key=_name):
        _, is_file, entry, marker, *_ = next(group)
        if not is_file:
            listed = [
                {"mode": mode, "path": path, "sha256": digest, "size": size}
                for *_, path, mode, digest, size in sorted(group, key=_path)
            ]
            yield Live(f"skills/{name}", skill_entry_with(entry, listed), marker)


def _name(row: Row) -> str:
    return str(row[0])


def _by_name(row: Row) -> tuple[str, int]:
    return row[0], row[1]


def _path(row: Row) -> bytes:
    return str(row[4]).encode()
