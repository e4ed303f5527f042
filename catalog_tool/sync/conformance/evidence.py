"""What a store owes that keeps evidence (``backends.evidence``); the others owe nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable

from catalog_tool.backends.base import Backend
from catalog_tool.backends.evidence import KeepsEvidence, KeptEvidence
from catalog_tool.errors import BackendError
from catalog_tool.sync.conformance.samples import ODD_TEXT, put_label, put_version
from catalog_tool.sync.conformance.store import done, held, live

NAME = "support/greet"
RECORD = KeptEvidence(NAME, "sha256:" + "a" * 64, "sha256:" + "1" * 64, ODD_TEXT.encode() + b"\0\xff")
"""Bytes that are no text: whatever they are, they come back."""


def shelf_of(backend: Backend) -> KeepsEvidence | None:
    """The backend's shelf, None where it has none."""
    return backend if isinstance(backend, KeepsEvidence) else None


class EvidenceConformance:
    """What a store owes that keeps evidence."""

    def test_records_come_back_byte_for_byte_by_prompt(self, connect: Callable[..., Backend]) -> None:
        shelf = shelf_of(connect())
        if shelf is None:
            return
        assert list(shelf.evidence([NAME])) == []
        another = RECORD._replace(digest="sha256:" + "2" * 64, data=b"{}\n")
        elsewhere = RECORD._replace(prompt="support/greeting")
        for record in (RECORD, another, elsewhere, RECORD):
            shelf.keep_evidence(record)
        again = shelf_of(connect())
        assert again is not None
        assert sorted(again.evidence([NAME])) == [RECORD, another]
        assert list(again.evidence(["support/greeting"])) == [elsewhere]
        assert list(again.evidence(["support"])) == []
        assert sorted(again.evidence([NAME, "support", "support/greeting"])) == sorted([RECORD, another, elsewhere])
        assert list(again.evidence([])) == []
        assert sorted(again.evidence([NAME, NAME])) == [RECORD, another]

    def test_a_record_is_written_once(self, connect: Callable[..., Backend]) -> None:
        shelf = shelf_of(connect())
        if shelf is None:
            return
        shelf.keep_evidence(RECORD)
        refused = None
        try:
            shelf.keep_evidence(RECORD._replace(data=b"other"))
        except BackendError as error:
            refused = error.message
        assert refused is not None
        assert f"{RECORD.digest} about {NAME} is not what was written" in refused
        assert list(shelf.evidence([NAME])) == [RECORD]

    def test_records_of_another_prefix_do_not_exist(self, connect: Callable[..., Backend]) -> None:
        plain, staging = shelf_of(connect(prefix="a/")), shelf_of(connect(prefix="ab/"))
        if plain is None or staging is None:
            return
        plain.keep_evidence(RECORD)
        assert list(staging.evidence([NAME])) == []
        assert list(plain.evidence([NAME])) == [RECORD]

    def test_evidence_is_no_object(self, connect: Callable[..., Backend]) -> None:
        shelf = shelf_of(connect())
        if shelf is None:
            return
        shelf.keep_evidence(RECORD)
        state = connect().load()
        assert (state.control.catalog, dict(state.inventory), state.lease, live(connect())) == (None, {}, None, {})
        backend = held(connect)
        done(backend, put_version(), put_label("v1"))
        backend.drop_lease("token-1")
        kept = shelf_of(connect())
        assert kept is not None
        assert list(kept.evidence([NAME])) == [RECORD]

    def test_records_that_are_kept_at_once_are_all_kept(self, connect: Callable[..., Backend]) -> None:
        records = [RECORD._replace(digest=f"sha256:{number:064x}") for number in range(8)]
        shelves = [shelf_of(connect()) for _ in records]
        if None in shelves:
            return
        threads = [
            threading.Thread(target=shelf.keep_evidence, args=(record,))
            for shelf, record in zip(shelves, records, strict=True)
            if shelf is not None
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        found = shelf_of(connect())
        assert found is not None
        assert sorted(found.evidence([NAME])) == records
