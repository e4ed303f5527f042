"""How often a plan that finds nothing to do asks S3 and DynamoDB, counted at boto3's client, on moto's server."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from math import ceil
from typing import Any

import pytest
from moto_server import BUCKET, CREDENTIALS, TABLE, MotoServer
from soak import SOAK

from catalog_tool.backends import dynamodb, s3
from catalog_tool.backends.document_backend import DocumentBackend
from catalog_tool.backends.dynamodb import DynamoBlobs
from catalog_tool.backends.s3 import S3Blobs
from catalog_tool.errors import RefusedError
from catalog_tool.sync.apply import plan_target, sync_target
from catalog_tool.sync.conformance.engine import OPTIONS, session
from catalog_tool.sync.conformance.samples import FIRST, Sample, desired_of, put_skill
from catalog_tool.sync.verify import WHOLE_READ
from unit.backends.document_conformance import Hand, key_of
from unit.backends.test_s3 import S3Hand

pytest_plugins = ["services"]

SIZES = (1_000, 10_000) if SOAK else (40, 400)
VERSIONS_A_PROMPT = 10
PAGE_OBJECTS = 1_000
PAGE_BYTES = 1_000_000
TEXT = "You answer in one sentence, and say so when you do not know. " * 8


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def prefix(moto_server: MotoServer) -> str:
    return moto_server.new_prefix()


@pytest.fixture
def bucket(moto_server: MotoServer, prefix: str) -> Iterator[DocumentBackend]:
    with closing(s3.connect({"bucket": BUCKET, "prefix": prefix, "endpoint_url": moto_server.url})) as backend:
        yield backend


@pytest.fixture
def table(moto_server: MotoServer, prefix: str) -> Iterator[DocumentBackend]:
    with closing(dynamodb.connect({"table": TABLE, "prefix": prefix, "endpoint_url": moto_server.url})) as backend:
        yield backend


@pytest.fixture
def hand(moto_server: MotoServer, prefix: str) -> Iterator[Hand]:
    with closing(moto_server.client("s3")) as client:
        yield S3Hand(client, prefix)


def catalog(size: int) -> Sample:
    """So many versions, ten of each prompt, and a label for each prompt."""
    names = [(f"p{number // VERSIONS_A_PROMPT}", f"v{number % VERSIONS_A_PROMPT + 1}") for number in range(size)]
    labels = {(name, "production"): "v1" for name, version in names if version == "v1"}
    return Sample({(name, version): f"{TEXT}{name} {version}" for name, version in names}, labels)


def counted(backend: DocumentBackend) -> Counter[str]:
    """Counts every request from now on, by the service's name for it."""
    asked: Counter[str] = Counter()
    backend._blobs._client.meta.events.register(  # type: ignore[attr-defined]
        "before-call", lambda model, **_: asked.update([model.name])
    )
    return asked


def planned(backend: DocumentBackend, sample: Sample) -> Mapping[str, str]:
    """What a plan finds that is not in sync: state by object."""
    result = plan_target(session(backend), desired_of(sample), OPTIONS)
    found = {action.object: action.state.value for action in result.actions}
    assert (result.status == "unchanged") == (not found)
    return found


@pytest.mark.parametrize("size", SIZES)
def test_a_bucket_is_listed_and_no_version_fetched(bucket: DocumentBackend, size: int) -> None:
    sample = catalog(size)
    asked = counted(bucket)
    assert sync_target(session(bucket), desired_of(sample), OPTIONS).status == "done"
    assert asked["PutObject"] < 1.02 * size + 50
    # Many are read back by their ETags; the document is read for each 500 changes and each renewal of the lease.
    assert asked["GetObject"] < (size if size < WHOLE_READ else 0) + 20 + size / 100
    objects = sum(1 for _ in bucket._blobs.listed())
    assert size <= objects < 1.01 * size + 1  # parts of the audit trail are among them
    asked.clear()
    assert planned(bucket, sample) == {}
    assert asked == {"GetObject": 2, "ListObjectsV2": ceil(objects / PAGE_OBJECTS)}


@pytest.mark.parametrize("size", SIZES)
def test_a_table_is_read_a_megabyte_at_a_time(table: DocumentBackend, size: int) -> None:
    sample = catalog(size)
    desired = desired_of(sample)
    assert sync_target(session(table), desired, OPTIONS).status == "done"
    asked = counted(table)
    assert planned(table, sample) == {}
    stored = sum(len(wanted.entry) + 200 for wanted in desired.objects.values())
    assert asked["Query"] <= stored // PAGE_BYTES + 2
    # The document is one item, or is kept in parts.
    assert set(asked) == {"GetItem", "Query"}
    assert asked["GetItem"] < 12


class Elsewhere(S3Blobs):
    """A bucket whose ETags are no MD5, as with a key of KMS."""

    def _pages(self) -> Iterator[tuple[str, Mapping[str, Any], float]]:
        for key, found, now in super()._pages():
            yield key, {**found, "ETag": '"4b1f5d0c9a1f4d4e8c77d6b3ad2f9e10"'}, now


class Unlisted(S3Blobs):
    """A bucket that may not be listed."""

    def _pages(self) -> Iterator[tuple[str, Mapping[str, Any], float]]:
        raise RefusedError("not allowed")


@pytest.mark.parametrize("kind", [Elsewhere, Unlisted])
def test_without_etags_that_prove_anything_every_object_is_fetched(
    bucket: DocumentBackend, prefix: str, kind: type[S3Blobs]
) -> None:
    sync_target(session(bucket), desired_of(FIRST), OPTIONS)
    other = DocumentBackend(kind(bucket._blobs._client, BUCKET, prefix), s3.CAPABILITIES)  # type: ignore[attr-defined]
    asked = counted(other)
    assert planned(other, FIRST) == {}
    files = len(put_skill().contents or {})
    assert asked["GetObject"] == 2 + len(FIRST.versions) + len(FIRST.skills) + files


class Unqueried(DynamoBlobs):
    """A table that may not be queried."""

    def _items(self, *_: Any) -> Iterator[dict[str, Any]]:
        raise RefusedError("not allowed")


def test_without_queries_every_item_is_fetched(table: DocumentBackend, prefix: str) -> None:
    sync_target(session(table), desired_of(FIRST), OPTIONS)
    other = DocumentBackend(Unqueried(table._blobs._client, TABLE, prefix), dynamodb.CAPABILITIES)  # type: ignore[attr-defined]
    asked = counted(other)
    assert planned(other, FIRST) == {}
    assert asked == {"GetItem": 2 + len(FIRST.versions) + len(FIRST.skills) + len(put_skill().contents or {})}


def test_what_was_edited_is_fetched_and_named_and_nothing_else(bucket: DocumentBackend, hand: Hand) -> None:
    sample = catalog(40)
    sync_target(session(bucket), desired_of(sample), OPTIONS)
    changed, swapped, gone = (f"prompts/p{number}@v1" for number in range(3))
    key = key_of(hand, changed)
    entry = desired_of(sample).objects[changed].entry
    hand.put(key, entry.replace(b"one sentence", b"two sentence"))  # of the same length
    hand.put(key_of(hand, swapped), entry)  # another version's content: its ETag is one that git knows
    hand.remove(key_of(hand, gone))
    asked = counted(bucket)
    found = planned(bucket, sample)
    assert {name: found[name] for name in (changed, swapped, gone)} == {
        changed: "drifted", swapped: "drifted", gone: "missing",
    }  # fmt: skip
    assert asked == {"GetObject": 2 + 3 + 1, "ListObjectsV2": 1}  # and the document, for what has gone
