"""State documents that somebody else wrote: every field of another type is one clear error, at once."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest

from catalog_tool.backends import wire
from catalog_tool.backends.document import Document, Row, unpacked
from catalog_tool.backends.document_steps import sealed_events
from catalog_tool.backends.file_documents import Pointer, Scope, Shelf
from catalog_tool.backends.redis_keys import applied_of, lease_of
from catalog_tool.errors import BackendError
from catalog_tool.model.target import Lease

LEASE = Lease("token", "ada", "host", 1, 2, 3.0)
ODD: tuple[Any, ...] = (None, [], {}, "x", "\ud800", 10**30, -1, True, float("nan"), float("inf"), [[None]])
DEEP = b"[" * 100_000


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in inner:
        yield (*at, key)
        yield from places(child, (*at, key))


def with_odd(document: Any) -> Iterator[Any]:
    """The document with every odd value at every place."""
    for at in places(document):
        for odd in ODD:
            changed = json.loads(json.dumps(document))
            holder = changed
            for key in at[:-1]:
                holder = holder[key]
            holder[at[-1]] = odd
            yield changed


def test_a_state_document_is_read_or_refused_and_what_is_read_has_bytes() -> None:
    event = [1, 2, "ada", "why", "greet", "production", None, "v1", 1, "sha256:0"]
    state = Document(
        store_id="s",
        rows={"labels/greet@production": Row(value='"v1"', marker="{}", moved=(1, "ada", '"v1"'))},
        lease=LEASE,
        generations={"greet": 1},
    )
    document = {**json.loads(state.text()), "tail": [event], "last": event}
    refused = 0
    for changed in with_odd(document):
        try:
            found = unpacked(gzip.compress(json.dumps(changed).encode(), 1), "here")
        except BackendError:
            refused += 1
        else:
            found.text().encode()
            json.dumps(found.generations, allow_nan=False)
    assert refused > len(ODD) * 20


def test_a_files_pointer_is_read_or_refused() -> None:
    pointer = Pointer("s", None, 0, None, {"": Scope(None, LEASE)})
    refused = 0
    for changed in with_odd(json.loads(pointer.to_bytes())):
        try:
            Pointer.from_bytes(json.dumps(changed).encode())
        except ValueError:
            refused += 1
    assert refused > len(ODD) * 8


def test_a_shelfs_texts_have_bytes() -> None:
    label = {"content": "\ud800"}
    shelf = {"format": 1, "objects": {"labels/greet@production": label}, "generation": 1, "inventory": {}}
    with pytest.raises(ValueError, match="surrogates"):
        Shelf.from_bytes(json.dumps(shelf).encode())


@pytest.mark.parametrize("lease", list(with_odd(LEASE._asdict())))
def test_a_lease_is_read_or_refused(lease: dict[str, Any]) -> None:
    # A token is whatever text its holder made up; every other text is shown, and every number is a time or an id.
    is_fine = lease in ({**LEASE._asdict(), key: "x"} for key in ("token", "holder", "host")) or lease in (
        {**LEASE._asdict(), "expires_at": -1},
    )
    data = json.dumps(lease).encode()
    if is_fine:
        assert wire.lease_from_json(lease) == lease_of(data) == Lease(**lease)
        return
    with pytest.raises(ValueError, match="is of another type"):
        wire.lease_from_json(lease)
    with pytest.raises(BackendError, match="the lease on the target is none"):
        lease_of(data)


def test_what_is_nested_without_end_is_refused() -> None:
    for read in (lease_of, applied_of):
        with pytest.raises(BackendError, match="on the target"):
            read(DEEP)


@pytest.mark.parametrize("event", [["x"] * 10, [1], [1, 2, None, "why", "g", "p", None, "v1", 1, "h"]])
def test_an_event_of_other_types_is_refused(event: list[Any]) -> None:
    with pytest.raises((ValueError, TypeError)):
        sealed_events(json.dumps([event]).encode())


@pytest.mark.parametrize("at", [10**30, -1, None, "1", 1.5, True])
def test_a_run_at_no_time_is_refused(at: object) -> None:
    with pytest.raises(ValueError, match="at is of another type"):
        wire.run_from_json({"token": "t", "actor": "a", "reason": "r", "at": at})
