"""What the stores with one state document promise beyond the kit: races, edits by hand, parts of the trail, sweeping.

A subclass gives ``connect``, and ``hand``: how somebody with the service's own client changes things.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Protocol

import pytest
from soak import SOAK

from catalog_tool.backends.audit import verify
from catalog_tool.backends.base import Backend
from catalog_tool.backends.document import Document, entry_key, unpacked
from catalog_tool.backends.document_backend import DocumentBackend
from catalog_tool.backends.document_contents import BeatenError
from catalog_tool.backends.document_steps import SEALED_EVENTS
from catalog_tool.errors import BackendError, LeaseLostError, RefusedError, UnavailableError
from catalog_tool.model.target import CHANGED, Control, Live, Write
from catalog_tool.sync.conformance import Connect
from catalog_tool.sync.conformance.engine import assert_no_lease_lasts
from catalog_tool.sync.conformance.samples import put_label, put_skill, put_version
from catalog_tool.sync.conformance.store import LEASE, OTHER, RUN, done, held, live

from .store_promises import PRODUCTION, StorePromises, assert_looking_makes_nothing

DAY = 24 * 3600


class Hand(Protocol):
    """What a person can do on the store behind the backend's back, below the prefix of the test."""

    def state(self) -> bytes | None:
        """The document as it is stored."""

    def put_state(self, data: bytes) -> None:
        """Put another in its place."""

    def keys(self) -> set[str]:
        """The contents."""

    def put(self, key: str, data: bytes) -> None:
        """Replace or add a content."""

    def remove(self, key: str) -> None:
        """Remove one."""


def document(hand: Hand) -> Document:
    """The state as it is stored."""
    return unpacked(hand.state() or b"", "the store")


def edit(hand: Hand, change: Callable[[Document], Any]) -> None:
    """Change the state past the backend."""
    found = document(hand)
    change(found)
    hand.put_state(found.packed())


def key_of(hand: Hand, address: str) -> str:
    """Where the content of an object is."""
    return entry_key(document(hand).rows[address].at or "")


class DocumentConformance(StorePromises):
    """The kit, every store's promises, and what stands here."""

    moves = 250 if SOAK else 4
    scanned = 40
    examples = (1000, 15)

    def test_looking_makes_nothing(self, connect: Connect, hand: Hand) -> None:
        assert_looking_makes_nothing(connect())
        assert (hand.state(), hand.keys()) == (None, set())

    def test_a_content_replaced_and_removed_during_a_scan_is_read_anew(self, connect: Connect, hand: Hand) -> None:
        backend = held(connect)
        old, new = put_skill(), put_skill(files={"SKILL.md": b"new\n"})
        done(backend, *(put_version(f"p{number:02}") for number in range(40)), old, put_label("v1", name="p00"))
        gone = key_of(hand, old.address)
        scan = backend.scan()
        assert next(scan).entry == b'"v1"'  # the document has been read, and no content yet
        done(backend, new._replace(seen=old.entry))
        hand.remove(gone)
        assert {item.address: item.entry for item in scan}[new.address] == new.entry

    def test_a_lease_runs_out(self, connect: Connect, hand: Hand) -> None:
        backend = held(connect)
        done(backend, put_version())
        edit(hand, lambda found: setattr(found, "lease", found.lease._replace(expires_at=found.lease.expires_at - 40)))  # type: ignore[union-attr]
        assert backend.load().lease is None
        with pytest.raises(LeaseLostError):
            backend.write([put_version("late")], RUN)
        with pytest.raises(LeaseLostError):
            backend.save_control(Control.from_json(None), LEASE.token)
        assert set(live(backend)) == {put_version().address}

    def test_a_lease_that_a_hand_made_endless_blocks_nobody(self, connect: Connect, hand: Hand) -> None:
        assert connect().take_lease(OTHER).token == OTHER.token
        edit(hand, lambda found: setattr(found, "lease", found.lease._replace(expires_at=253_402_300_799.0)))  # type: ignore[union-attr]
        assert_no_lease_lasts(connect())

    def test_edits_by_hand_are_seen_as_they_are(self, connect: Connect, hand: Hand) -> None:
        backend = held(connect)
        version, lost, skill = put_version(), put_version(version="v3"), put_skill()
        done(backend, version, lost, put_label("v1"), skill)
        changed = (version.entry or b"").replace(b"temperature", b"temperament")
        hand.put(key_of(hand, version.address), changed)
        hand.remove(key_of(hand, lost.address))
        table = json.loads(_content(hand, backend, skill.address))
        mode, sha256 = table["files"]["scripts/run.sh"]
        hand.put(key_of(hand, skill.address).replace("/entry", f"/{sha256}"), b"#!/bin/sh\nrm -rf /\n")
        found = live(connect())
        assert set(found) == {version.address, PRODUCTION, skill.address}
        assert found[version.address].entry == changed
        files = {item["path"]: item for item in json.loads(found[skill.address].entry)["files"]}
        assert (files["scripts/run.sh"]["size"], mode) == (19, "100755")
        assert files["scripts/run.sh"]["sha256"] != sha256
        # And git's side can be taken again.
        done(backend, version._replace(seen=changed), lost, skill._replace(seen=found[skill.address].entry))
        assert {address: item.entry for address, item in live(connect()).items()} == {
            write.address: write.entry for write in (version, lost, put_label("v1"), skill)
        }

    def test_an_edit_past_us_is_refused_and_not_attributed(self, connect: Connect, hand: Hand) -> None:
        backend = held(connect)
        done(backend, put_version(), put_version(version="v2", text="b"), put_label("v1"))
        assert live(backend)[PRODUCTION].by == RUN.actor
        edit(hand, partial(_set_label, '"v2"'))
        assert live(backend)[PRODUCTION] == Live(PRODUCTION, b'"v2"', '{"m":2}')
        split = [{"version": "v1", "weight": 5}, {"version": "v2", "weight": 95}]
        [found] = backend.write([put_label(split, seen="v1")], RUN)
        assert found.outcome == CHANGED

    def test_a_hostile_label_is_moved_away(self, connect: Connect, hand: Hand) -> None:
        backend = held(connect)
        done(backend, put_version(), put_label("v1"))
        for value in ("1e999", "[NaN]", '"\\ud800"', "[" * 3000, "\x1b[2J", "", "null"):
            edit(hand, partial(_set_label, value))
            assert live(backend)[PRODUCTION].entry == value.encode()
            done(backend, Write(PRODUCTION, value.encode(), b'"v1"'))
        assert verify(backend.events()) is None

    @pytest.mark.parametrize(
        ("state", "words"),
        [
            (b"", "cannot be read"),
            (b"no gzip", "cannot be read"),
            (gzip.compress(b"[]"), "cannot be read"),
            (gzip.compress(b'{"format":2}'), "format 2; this version knows 1"),
            (gzip.compress(b'{"format":1,"kind":"bundle"}'), "cannot be read"),
            (gzip.compress(b"{}" + b" " * 70 * 1024 * 1024), "cannot be read"),
        ],
        ids=["empty", "no gzip", "a list", "format 2", "a bundle", "too large"],
    )
    def test_a_state_that_is_none_is_said(self, connect: Connect, hand: Hand, state: bytes, words: str) -> None:
        backend = held(connect)
        hand.put_state(state)
        for call in (lambda: backend.load(), lambda: list(backend.scan()), lambda: backend.take_lease(LEASE)):
            with pytest.raises(BackendError, match=words):
                call()
        assert hand.state() == state

    def test_the_trail_goes_on_beyond_what_the_document_holds(self, connect: Connect, hand: Hand) -> None:
        backend = held(connect)
        done(backend, put_version(), put_version(version="v2", text="b"), put_label("v1"))
        turns = [put_label("v2", seen="v1"), put_label("v1", seen="v2")] * (SEALED_EVENTS // 2 + 5)
        done(backend, *turns)
        done(backend, *turns)
        state = document(hand)
        assert (len(state.sealed), len(state.tail)) == (2, 0)
        events = list(backend.events())
        assert len(events) == 2 * len(turns) + 1
        assert verify(events) is None
        hand.remove(entry_key(state.sealed[1]))
        assert "missing" in (verify(backend.events(), events[-1]) or "")

    def test_once_a_day_what_nothing_refers_to_is_removed(self, connect: Connect, hand: Hand) -> None:
        backend = held(connect)
        kept, gone = put_version(), put_version(version="v2", text="b")
        done(backend, kept, gone, put_skill(), put_label("v1"))
        done(backend, Write(gone.address, gone.entry))
        before = hand.keys()
        backend.drop_lease(LEASE.token)
        assert hand.keys() == before  # it was looked for when the store was made: too early
        sweep(connect, hand, age=DAY - 60)
        assert hand.keys() == before  # too young: somebody may be about to name it
        sweep(connect, hand, age=DAY + 60)
        assert len(hand.keys()) == len(before) - 1
        assert set(live(connect())) == {kept.address, put_skill().address, PRODUCTION}
        assert document(hand).lease is None

    def test_a_store_that_lets_nobody_remove_gets_its_lease_back_all_the_same(
        self, connect: Connect, hand: Hand
    ) -> None:
        backend = held(connect)
        done(backend, put_version())
        edit(hand, lambda found: setattr(found, "swept", 0))
        DocumentBackend(_Unlisted(backend._blobs), backend.capabilities).drop_lease(LEASE.token)  # type: ignore[attr-defined]
        assert (document(hand).lease, document(hand).swept) == (None, 0)

    @pytest.mark.parametrize("error", [BeatenError(), UnavailableError("the answer was lost")])
    def test_a_write_whose_answer_was_lost_was_made_even_if_others_wrote_since(
        self, connect: Connect, error: Exception
    ) -> None:
        backend, other = held(connect), connect()
        done(backend, put_version(), put_version(version="v2", text="b"), put_label("v1"))

        def intrude() -> None:
            done(other, put_label("v1", seen="v2"))

        unlucky = DocumentBackend(_Losing(backend._blobs, error, intrude), backend.capabilities)  # type: ignore[attr-defined]
        done(unlucky, put_label("v2", seen="v1"))
        assert [(event.before, event.after) for event in backend.events()] == [(None, "v1"), ("v1", "v2"), ("v2", "v1")]
        assert live(backend)[PRODUCTION].entry == b'"v1"'


IN_MEMORY = pytest.mark.skipif(not SOAK, reason="slow on moto, and run in memory (test_document); `make soak` runs it")


class OnMoto(DocumentConformance):
    """All of it against moto's server: what takes long there only in a long trial."""

    @IN_MEMORY
    def test_every_kind_of_drift_is_named(self, connect: Connect) -> None:
        super().test_every_kind_of_drift_is_named(connect)

    @IN_MEMORY
    def test_two_syncs_at_once_and_the_older_commit_never_wins(self, connect: Connect) -> None:
        super().test_two_syncs_at_once_and_the_older_commit_never_wins(connect)

    @IN_MEMORY
    def test_a_hundred_clean_reads_show_no_drift(self, connect: Connect) -> None:
        super().test_a_hundred_clean_reads_show_no_drift(connect)

    @IN_MEMORY
    def test_a_crash_at_every_call_converges(self, connect: Connect) -> None:
        super().test_a_crash_at_every_call_converges(connect)


class _Unlisted:
    """A store in which listing is forbidden."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def listed(self) -> Iterator[tuple[str, float]]:
        raise RefusedError("not allowed")


class _Losing:
    """Loses the answer of one replacement, and somebody else replaces the document before that is known."""

    def __init__(self, inner: Any, error: Exception, meanwhile: Callable[[], None]) -> None:
        self._inner = inner
        self._lost: list[Callable[[], None]] = [meanwhile]
        self._error = error

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def replace_head(self, data: bytes, tag: str | None) -> None:
        self._inner.replace_head(data, tag)
        if self._lost:
            self._lost.pop()()
            raise self._error


def sweep(connect: Connect, hand: Hand, age: float) -> None:
    """A sync that ends ``age`` seconds after everything that is stored was."""
    backend = connect(age=age)
    edit(hand, lambda found: setattr(found, "swept", 0))
    assert backend.take_lease(LEASE).token == LEASE.token
    backend.drop_lease(LEASE.token)


def _set_label(value: str, found: Document) -> None:
    found.rows[PRODUCTION] = found.rows[PRODUCTION]._replace(value=value)


def _content(hand: Hand, backend: Backend, address: str) -> bytes:
    at = document(hand).rows[address].at
    data = backend._blobs.read(entry_key(at or ""))  # type: ignore[attr-defined]
    assert data is not None
    return bytes(data)
