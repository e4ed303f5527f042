"""Targets in S3 and DynamoDB whose clients are killed, and whose answers are lost; against moto's server, not AWS."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from cutting_proxy import Cut, CuttingProxy
from kills import kill_publishers
from lost_answers import assert_published_once, publish_while_cut
from moto_server import BUCKET, CREDENTIALS, TABLE, MotoServer
from soak import SOAK

from catalog_tool.backends import dynamodb, s3
from catalog_tool.backends.base import Backend
from catalog_tool.backends.registry import connect
from catalog_tool.errors import UnavailableError
from catalog_tool.model.target import Write
from catalog_tool.sync.conformance.store import LEASE, RUN

pytest_plugins = ["services"]

WRITES = 2000 if SOAK else 40
Opened = Callable[[str, str], Backend]


def s3_target(url: str, prefix: str) -> Backend:
    return s3.connect({"bucket": BUCKET, "prefix": prefix, "endpoint_url": url})


def dynamodb_target(url: str, prefix: str) -> Backend:
    return dynamodb.connect({"table": TABLE, "prefix": prefix, "endpoint_url": url})


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(
    ("opened", "commit"),
    [
        pytest.param(s3_target, b"If-Match: ", id="s3 on moto"),
        pytest.param(dynamodb_target, b'"ConditionExpression": "tag = :tag"', id="dynamodb on moto"),
    ],
)
def test_lost_answers_give_exactly_the_wanted_set(opened: Opened, commit: bytes, moto_server: MotoServer) -> None:
    """botocore asks again for what was lost: what had succeeded is then refused, and yet was done."""
    prefix = moto_server.new_prefix()
    with CuttingProxy(("127.0.0.1", moto_server.port), commit) as proxy:
        with closing(opened(f"http://127.0.0.1:{proxy.port}", prefix)) as backend:
            repeated(lambda: backend.take_lease(LEASE))
            publish_while_cut(backend, proxy, LEASE, WRITES, made)
        cuts = proxy.cuts
    with closing(opened(moto_server.url, prefix)) as backend:
        assert_published_once(backend, WRITES)
    assert cuts[Cut.BEFORE] > WRITES / 5
    assert cuts[Cut.AFTER] > WRITES / 5


@pytest.mark.parametrize(
    ("kind", "place"),
    [
        pytest.param("s3", {"bucket": BUCKET}, id="s3 on moto"),
        pytest.param("dynamodb", {"table": TABLE}, id="dynamodb on moto"),
    ],
)
def test_a_killed_publisher_leaves_a_whole_store(kind: str, place: dict[str, str], moto_server: MotoServer) -> None:
    options = {**place, "prefix": moto_server.new_prefix(), "endpoint_url": moto_server.url}
    with closing(connect(kind, options)) as backend:
        kill_publishers(backend, kind, options, 300 if SOAK else 6, latest=0.8)


def made(backend: Backend, *writes: Write) -> None:
    """Make the steps, asking again as often as the backend says that one may."""
    outcomes = repeated(lambda: backend.write(writes, RUN))
    assert [found.outcome for found in outcomes] == ["done"] * len(writes)


def repeated(call: Callable[[], Any]) -> Any:
    for _ in range(5):
        try:
            return call()
        except UnavailableError:
            continue
    raise AssertionError("never answered")
