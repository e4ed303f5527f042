"""What the SQL stores promise beyond the kit: races, edits by SQL, hostile values, an audit trail that tells.

A subclass gives ``connect`` and ``by_hand``: a function that runs SQL on the same store as its owner.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable

import pytest

from catalog_tool.backends.audit import GENESIS, verify
from catalog_tool.backends.base import LabelEvent
from catalog_tool.canonical.jcs import canonical_bytes, digest_of
from catalog_tool.errors import LeaseLostError
from catalog_tool.model.target import CHANGED, Control, Live, Write
from catalog_tool.sync.conformance import Connect
from catalog_tool.sync.conformance.engine import assert_no_lease_lasts
from catalog_tool.sync.conformance.samples import put_label, put_skill, put_version
from catalog_tool.sync.conformance.store import LEASE, OTHER, RUN, done, held, live

from .store_promises import PRODUCTION, StorePromises

ByHand = Callable[[str], None]
LAST_SECOND = 253_402_300_799
"""The end of the year 9999."""


class SqlConformance(StorePromises):
    """The kit, every store's promises, and what stands here."""

    UNGUARD: str
    """SQL that takes the guards off the audit trail, as an owner can."""
    ENTRY_WITH: str
    """An SQL expression: ``entry`` with ``{old}`` replaced by ``{new}``."""

    def test_a_lease_runs_out_by_the_stores_clock(self, connect: Connect, by_hand: ByHand) -> None:
        backend = held(connect)
        by_hand("UPDATE lease SET expires_at = expires_at - 29")
        done(backend, put_version())
        by_hand("UPDATE lease SET expires_at = expires_at - 2")
        assert backend.load().lease is None
        with pytest.raises(LeaseLostError):
            backend.write([put_version("late")], RUN)
        with pytest.raises(LeaseLostError):
            backend.save_control(Control.from_json(None), LEASE.token)
        assert set(live(backend)) == {put_version().address}

    def test_a_lease_that_a_hand_made_endless_blocks_nobody(self, connect: Connect, by_hand: ByHand) -> None:
        assert connect().take_lease(OTHER).token == OTHER.token
        by_hand(f"UPDATE lease SET expires_at = {LAST_SECOND}")
        assert_no_lease_lasts(connect())

    def test_edits_by_sql_are_seen_as_they_are(self, connect: Connect, by_hand: ByHand) -> None:
        backend = held(connect)
        version, skill = put_version(), put_skill()
        done(backend, version, put_version(version="v2", text="b"), put_version(version="v3"), put_label("v1"), skill)
        changed = self.ENTRY_WITH.format(old="temperature", new="temperament")
        by_hand(f"UPDATE prompt_version SET entry = {changed} WHERE version = 'v1'")
        by_hand("UPDATE prompt_version SET marker = NULL WHERE version = 'v2'")
        by_hand("DELETE FROM prompt_version WHERE version = 'v3'")
        by_hand("UPDATE label SET value = 'no json'")
        by_hand("INSERT INTO label (id, label, value) VALUES ('extra', 'staging', '\"v9\"')")
        for name, path in (("pdf", "extra.txt"), ("orphan", "none.txt")):
            copied = "FROM skill_file WHERE path = 'scripts/run.sh'"
            by_hand(f"INSERT INTO skill_file SELECT '{name}', '{path}', mode, sha256, 0, content {copied}")
        found = live(connect())
        assert set(found) == {
            version.address,
            "prompts/support/greet@v2",
            PRODUCTION,
            "labels/extra@staging",
            skill.address,
        }
        assert found[version.address].entry == (version.entry or b"").replace(b"temperature", b"temperament")
        assert found["prompts/support/greet@v2"].marker is None
        assert found[PRODUCTION] == Live(PRODUCTION, b"no json", '{"m":2}')
        assert found["labels/extra@staging"] == Live("labels/extra@staging", b'"v9"')
        files = {item["path"]: item for item in json.loads(found[skill.address].entry)["files"]}
        assert files["extra.txt"]["sha256"] == files["scripts/run.sh"]["sha256"]
        assert files["extra.txt"]["size"] == len(b"#!/bin/sh\necho hi\n")
        assert list(connect().scan({skill.address})) == [found[skill.address]]

    def test_an_edit_past_us_is_refused_and_not_attributed(self, connect: Connect, by_hand: ByHand) -> None:
        backend = held(connect)
        done(backend, put_version(), put_version(version="v2", text="b"), put_label("v1"))
        assert live(backend)[PRODUCTION].by == RUN.actor
        by_hand("UPDATE label SET value = '\"v2\"'")
        assert live(backend)[PRODUCTION] == Live(PRODUCTION, b'"v2"', '{"m":2}')
        [found] = backend.write(
            [put_label([{"version": "v1", "weight": 5}, {"version": "v2", "weight": 95}], seen="v1")], RUN
        )
        assert found.outcome == CHANGED

    @pytest.mark.parametrize(
        "value", ["1e999", "[NaN]", '"\\ud800"', "[" * 3000, "\x1b[2J", "9007199254740993", "", "null"]
    )
    def test_a_hostile_label_is_moved_away(self, connect: Connect, by_hand: ByHand, value: str) -> None:
        backend = held(connect)
        done(backend, put_version(), put_label("v1"))
        by_hand(f"UPDATE label SET value = '{value}'")
        assert live(backend)[PRODUCTION].entry == value.encode()
        done(backend, Write(PRODUCTION, value.encode(), b'"v1"'))
        assert verify(backend.events()) is None

    def test_nobody_changes_the_trail_through_sql(self, connect: Connect, by_hand: ByHand) -> None:
        backend = held(connect)
        done(backend, put_version(), put_label("v1"), put_label("v1", "staging"))
        before = list(backend.events())
        for statement in (
            "UPDATE label_event SET actor = 'nobody'",
            "DELETE FROM label_event WHERE seq = 2",
            "DELETE FROM label_event",
        ):
            with pytest.raises(Exception, match="append-only"):
                by_hand(statement)
        assert list(backend.events()) == before

    def test_an_owner_who_changes_the_trail_is_found(self, connect: Connect, by_hand: ByHand) -> None:
        backend = held(connect)
        done(backend, put_version(), put_version(version="v2", text="b"), put_label("v1"))
        for number in range(11):
            now, wanted = ("v1", "v2") if number % 2 == 0 else ("v2", "v1")
            done(backend, put_label(wanted, seen=now))
        clean = list(backend.events())
        head = clean[-1]
        assert verify(clean, head) is None
        by_hand(self.UNGUARD)
        chooser = random.Random(35)
        for _ in range(50):
            seq = chooser.randrange(1, len(clean))
            statement, named = chooser.choice(_tampering(clean, seq))
            by_hand(statement)
            found = verify(backend.events(), head)
            assert found is not None, statement
            assert f"event {named}" in found, (statement, found)
            by_hand("DELETE FROM label_event")
            by_hand(_insert(clean))
            assert list(backend.events()) == clean

    def test_only_a_head_noted_elsewhere_catches_a_tail_hashed_anew(self, connect: Connect, by_hand: ByHand) -> None:
        backend = held(connect)
        done(backend, put_version(), put_version(version="v2", text="b"), put_label("v1"), put_label("v2", seen="v1"))
        clean = list(backend.events())
        forged = clean[1]._replace(actor="somebody else")
        forged = forged._replace(hash=digest_of({**forged._asdict(), "hash": clean[0].hash}))
        by_hand(self.UNGUARD)
        by_hand("DELETE FROM label_event")
        by_hand(_insert([clean[0], forged]))
        assert verify(backend.events()) is None
        assert "written anew" in (verify(backend.events(), clean[1]) or "")


def _tampering(clean: list[LabelEvent], seq: int) -> list[tuple[str, int]]:
    """Statements an owner could run, each with the event that has to be named first."""
    event, last = clean[seq - 1], len(clean)
    return [
        (f"UPDATE label_event SET actor = 'x' WHERE seq = {seq}", seq),
        (f"UPDATE label_event SET at = 9007199254740993 WHERE seq = {seq}", seq),
        (f"UPDATE label_event SET value_after = '[1e999]' WHERE seq = {seq}", seq),
        (f"UPDATE label_event SET value_before = NULL WHERE seq = {seq + 1}", seq + 1),
        (f"UPDATE label_event SET hash = '{GENESIS}' WHERE seq = {seq}", seq),
        (f"UPDATE label_event SET generation = 99 WHERE seq = {seq}", seq),
        (f"DELETE FROM label_event WHERE seq = {seq}", seq),
        (f"DELETE FROM label_event WHERE seq >= {seq}", last),
        (
            f"UPDATE label_event SET seq = -1 WHERE seq = {seq};"
            f"UPDATE label_event SET seq = {seq} WHERE seq = {seq + 1};"
            f"UPDATE label_event SET seq = {seq + 1} WHERE seq = -1",
            seq,
        ),
        (f"UPDATE label_event SET reason = '{event.reason} ' WHERE seq = {seq}", seq),
    ]


def _insert(events: list[LabelEvent]) -> str:
    """SQL that puts rows in as they are."""
    rows = []
    for event in events:
        values = [
            "NULL" if value is None else f"'{canonical_bytes(value).decode()}'" for value in (event.before, event.after)
        ]
        texts = [f"'{text}'" for text in (event.actor, event.reason, event.name, event.label)]
        rows.append(f"({event.seq}, {event.at}, {', '.join([*texts, *values])}, {event.generation}, '{event.hash}')")
    return f"INSERT INTO label_event VALUES {', '.join(rows)}"
