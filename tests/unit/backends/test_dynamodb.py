"""The dynamodb backend, tested against moto's server: not AWS."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from moto_server import CREDENTIALS, TABLE, MotoServer

from catalog_tool.backends.document_backend import DocumentBackend
from catalog_tool.backends.dynamodb import CAPABILITIES, ITEM_BYTES, DynamoBlobs, create_command
from catalog_tool.backends.dynamodb import connect as connect_dynamodb
from catalog_tool.errors import BackendError, UnavailableError, UsageError
from catalog_tool.model.target import Override
from catalog_tool.sync.conformance import Connect
from catalog_tool.sync.conformance.samples import put_label, put_version
from catalog_tool.sync.conformance.store import LEASE, done, held, live
from unit.backends.document_conformance import OnMoto, document

pytest_plugins = ["services"]


class Aged(DynamoBlobs):
    """A table in which everything was stored ``age`` seconds earlier."""

    age = 0.0

    def listed(self) -> Iterator[tuple[str, float]]:
        for key, age in super().listed():
            yield key, age + self.age


class DynamoHand:
    """``Hand`` by boto3's client, below a prefix."""

    def __init__(self, client: Any, prefix: str) -> None:
        self._client = client
        self._partition = {"S": f"catalog/{prefix}"}

    def _items(self) -> dict[str, dict[str, Any]]:
        pages = self._client.get_paginator("query").paginate(
            TableName=TABLE, KeyConditionExpression="pk = :pk", ExpressionAttributeValues={":pk": self._partition}
        )
        return {item["sk"]["S"]: item for page in pages for item in page["Items"]}

    def state(self) -> bytes | None:
        items = self._items()
        head = items.get("head")
        if head is None or "data" in head:
            return bytes(head["data"]["B"]) if head else None
        parts = [items[sort] for sort in sorted(items) if sort.startswith(f"blob/{head['tag']['S']}/")]
        return b"".join(part["data"]["B"] for part in parts)

    def put_state(self, data: bytes) -> None:
        item = {"pk": self._partition, "sk": {"S": "head"}, "tag": {"S": "by hand"}, "data": {"B": data}}
        self._client.put_item(TableName=TABLE, Item=item)

    def keys(self) -> set[str]:
        sorts = {sort.removeprefix("blob/").rpartition("/")[0] for sort in self._items() if sort != "head"}
        return {key for key in sorts if not key.startswith("head-")}

    def parts(self) -> list[str]:
        return sorted(sort for sort in self._items() if sort != "head")

    def put(self, key: str, data: bytes) -> None:
        item = {"pk": self._partition, "sk": {"S": f"blob/{key}/0000"}, "data": {"B": data}}
        self._client.put_item(TableName=TABLE, Item=item)

    def remove(self, key: str) -> None:
        self._client.delete_item(TableName=TABLE, Key={"pk": self._partition, "sk": {"S": f"blob/{key}/0000"}})


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="module")
def dynamodb(moto_server: MotoServer) -> Iterator[Any]:
    """One client for all: making one takes longer than most tests."""
    with closing(moto_server.client("dynamodb")) as client:
        yield client


@pytest.fixture
def prefix(moto_server: MotoServer) -> str:
    return moto_server.new_prefix()


@pytest.fixture
def hand(dynamodb: Any, prefix: str) -> DynamoHand:
    return DynamoHand(dynamodb, prefix)


@pytest.fixture
def connect(dynamodb: Any, prefix: str) -> Connect:
    root = prefix

    def opened(prefix: str = "", age: float = 0.0) -> DocumentBackend:
        blobs = Aged(dynamodb, TABLE, f"{root}/{prefix}".strip("/"))
        blobs.age = age
        return DocumentBackend(blobs, CAPABILITIES)

    return opened


class TestDynamoDbAgainstMoto(OnMoto):
    def test_a_document_larger_than_an_item_is_kept_in_parts_and_old_ones_go(
        self, connect: Connect, hand: DynamoHand
    ) -> None:
        backend = held(connect)
        done(backend, put_version(), put_label("v1"))
        control = backend.load().control
        noise = "".join(chr(0x4E00 + (number * 7919 + number // 7) % 20_000) for number in range(ITEM_BYTES))
        for reason in (noise, noise[::-1]):
            backend.save_control(_with_reason(control, reason), LEASE.token)
            assert len([part for part in hand.parts() if part.startswith("blob/head-")]) > 1
            assert connect().load().control.overrides["x"].reason == reason
            assert len({part.rpartition("/")[0] for part in hand.parts() if part.startswith("blob/head-")}) == 1
        done(backend, put_version("more"))
        assert set(live(connect())) == {put_version().address, put_label("v1").address, put_version("more").address}
        backend.save_control(control, LEASE.token)
        assert not [part for part in hand.parts() if part.startswith("blob/head-")]
        assert document(hand).rows[put_version("more").address].applied is not None

    def test_a_content_without_one_of_its_parts_is_missing(
        self, connect: Connect, hand: DynamoHand, dynamodb: Any
    ) -> None:
        backend = held(connect)
        large = put_version(text="é" * ITEM_BYTES)
        done(backend, large, put_version("small"))
        assert live(connect())[large.address].entry == large.entry
        second = next(part for part in hand.parts() if part.endswith("/0001"))
        dynamodb.delete_item(TableName=TABLE, Key={"pk": hand._partition, "sk": {"S": second}})
        assert set(live(connect())) == {put_version("small").address}


def _with_reason(control: Any, reason: str) -> Any:
    override = Override(value='"v1"', desired=None, by="x", reason=reason, at=1)
    return dataclasses.replace(control, overrides={"x": override})


class TestSettings:
    def test_the_endpoint_may_come_from_the_environment(
        self, moto_server: MotoServer, prefix: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", moto_server.url)
        with closing(connect_dynamodb({"table": TABLE, "prefix": prefix})) as backend:
            backend.take_lease(LEASE)
            done(backend, put_version())
        assert backend.place() == f"dynamodb {TABLE}/{prefix} at 127.0.0.1:{moto_server.port}"

    @pytest.mark.parametrize("wrong", [{}, {"table": 7}, {"table": "a b"}, {"table": "abc", "prefix": 7}])
    def test_settings_that_cannot_be_used(self, wrong: dict[str, Any]) -> None:
        with pytest.raises(UsageError) as told:
            connect_dynamodb(wrong)
        assert told.value.hint

    def test_without_a_region(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.delenv("AWS_DEFAULT_REGION")
        monkeypatch.delenv("AWS_REGION", raising=False)
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
        with pytest.raises(UsageError, match="region"):
            connect_dynamodb({"table": TABLE})
        monkeypatch.setenv("AWS_REGION", "eu-central-1")
        connect_dynamodb({"table": TABLE}).close()


class TestErrors:
    def test_a_table_that_is_not_there_is_not_made_but_told_how_to(self, moto_server: MotoServer) -> None:
        with closing(connect_dynamodb({"table": "nowhere", "endpoint_url": moto_server.url})) as backend:
            for call in (backend.load, lambda: list(backend.scan()), lambda: backend.take_lease(LEASE)):
                with pytest.raises(BackendError, match="no such table") as told:
                    call()
                assert told.value.hint == create_command("nowhere")

    def test_a_table_with_other_keys(self, moto_server: MotoServer, dynamodb: Any) -> None:
        dynamodb.create_table(
            TableName="other",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        )
        there = {"table": "other", "endpoint_url": moto_server.url}
        with closing(connect_dynamodb(there)) as backend, pytest.raises(BackendError, match="not `pk` and `sk`"):
            backend.load()

    def test_a_server_that_is_down_may_be_asked_again(self) -> None:
        down = {"table": "abc", "endpoint_url": "http://127.0.0.1:1"}
        with closing(connect_dynamodb(down)) as backend, pytest.raises(UnavailableError, match="no answer"):
            backend.load()


def test_the_tests_table_is_the_commands(dynamodb: Any) -> None:
    table = dynamodb.describe_table(TableName=TABLE)["Table"]
    for key in table["KeySchema"]:
        assert f"AttributeName={key['AttributeName']},KeyType={key['KeyType']}" in create_command(TABLE)
    for attribute in table["AttributeDefinitions"]:
        words = f"AttributeName={attribute['AttributeName']},AttributeType={attribute['AttributeType']}"
        assert words in create_command(TABLE)
