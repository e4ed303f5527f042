"""A target in a DynamoDB table (``dynamodb {table, prefix, endpoint_url}``).

The table has the keys ``pk`` and ``sk``, both strings. All items of one prefix share ``pk``: ``head``
is the state document (``backends.document``), replaced on the condition that its ``tag`` is the one
that was read; ``blob/<key>/<number>`` are the contents, cut where an item would grow too large. A
document that does not fit into one item is kept as a content, whose key is the ``tag``.
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

from catalog_tool.backends.aws import (
    ClientError,
    Trouble,
    checked_prefix,
    clear_errors,
    client,
    code_of,
    endpoint_of,
    server_time,
    where,
)
from catalog_tool.backends.document import owner
from catalog_tool.backends.document_backend import DocumentBackend
from catalog_tool.backends.document_contents import WORKERS, BeatenError, Head, Reader, Told
from catalog_tool.errors import BackendError, UnavailableError, UsageError
from catalog_tool.model.capabilities import Capabilities

ITEM_BYTES = 380_000
"""How much content one item holds: DynamoDB takes 400 KB, keys and names included."""
CAPABILITIES = Capabilities(
    backend="dynamodb",
    bulk_read=False,
    attributed=True,
    blocks_edits="whoever may write to the table can edit it: give dynamodb:PutItem to the syncing role only",
)
_TABLE = re.compile(r"[A-Za-z0-9_.-]{3,255}\Z", re.ASCII)
_ELSEWHERE = "head-"
"""How a tag begins that is also the key of the content that holds the document."""
_READINGS = 3
Item = dict[str, Any]


class DynamoBlobs:
    """``document_contents.Blobs`` under a prefix of a table. ``client`` is boto3's; ``server`` is for people."""

    def __init__(self, client: Any, table: str, prefix: str, server: str = "") -> None:
        self._client = client
        self._table = table
        self._partition = f"catalog/{prefix}"
        self._place = f"dynamodb {table}{f'/{prefix}' if prefix else ''}{server}"
        self._known = {
            "ResourceNotFoundException": Trouble(BackendError, "there is no such table", create_command(table)),
            "ValidationException": Trouble(BackendError, "the table's keys are not `pk` and `sk`, both strings"),
        }

    def place(self) -> str:
        """Table and prefix, and the server where it is not AWS's."""
        return self._place

    def _id(self, sort: str) -> Item:
        return {"pk": {"S": self._partition}, "sk": {"S": sort}}

    def _get(self, sort: str) -> tuple[Item | None, float]:
        """An item, and the server's time."""
        with clear_errors(self._place, self._known):
            answer = self._client.get_item(TableName=self._table, Key=self._id(sort), ConsistentRead=True)
            return answer.get("Item"), server_time(answer)

    def head(self) -> Head:
        """The document; one that was moved to another content while it was read is read anew."""
        for _ in range(_READINGS):
            item, now = self._get("head")
            if item is None:
                return Head(None, None, now)
            tag = _word(item, "tag")
            data = self.read(tag) if tag.startswith(_ELSEWHERE) else _content(item)
            if data is not None:
                return Head(data, tag, now)
        raise UnavailableError(f"{self._place}: the state is replaced all the time, or a part of it is missing")

    def replace_head(self, data: bytes, tag: str | None) -> None:
        """On the condition that the item has this tag, or is not there."""
        is_large = len(data) > ITEM_BYTES
        new = f"{_ELSEWHERE if is_large else ''}{uuid.uuid4().hex}"
        item = {**self._id("head"), "tag": {"S": new}}
        if is_large:
            self.write(new, data)
        else:
            item["data"] = {"B": data}
        condition: Item = {"ConditionExpression": "attribute_not_exists(pk)"}
        if tag is not None:
            condition = {"ConditionExpression": "tag = :tag", "ExpressionAttributeValues": {":tag": {"S": tag}}}
        with clear_errors(self._place, self._known):
            try:
                self._client.put_item(TableName=self._table, Item=item, **condition)
            except ClientError as error:
                if code_of(error) != "ConditionalCheckFailedException":
                    raise
                raise BeatenError from error
        if tag is not None and tag.startswith(_ELSEWHERE):
            self.remove(tag)

    def check(self) -> None:
        """Nothing to find out: conditions are part of what DynamoDB is."""

    def read(self, key: str) -> bytes | None:
        """One content; None where a part of it is missing."""
        first, _ = self._get(_sort(key, 0))
        if first is None:
            return None
        parts = [_content(first)]
        for number in range(1, _parts(first)):
            item, _ = self._get(_sort(key, number))
            if item is None:
                return None
            parts.append(_content(item))
        return b"".join(parts)

    def write(self, key: str, data: bytes) -> None:
        """One content, its first part first: so all that a crash leaves is found and removed one day."""
        cuts = range(0, max(len(data), 1), ITEM_BYTES)
        with clear_errors(self._place, self._known):
            for number, start in enumerate(cuts):
                item = {
                    **self._id(_sort(key, number)),
                    "data": {"B": data[start : start + ITEM_BYTES]},
                    "parts": {"N": str(len(cuts))},
                    "at": {"N": str(int(time.time()))},
                }
                self._client.put_item(TableName=self._table, Item=item)

    def readers(self, wanted: Mapping[str, bytes | None]) -> Iterator[tuple[str, Reader]]:
        """Everything, a megabyte a request. Items come in the order of their keys, so one reference's are together."""
        items = self._items("blob/0", "blob/g", "sk, #data, parts", {"#data": "data"})
        for at, found in groupby(items, key=lambda item: owner(_key_and_number(item)[0])):
            if at in wanted:
                yield at, Told(dict(_joined(found)))

    def listed(self) -> Iterator[tuple[str, float]]:
        """Page after page, without the contents. The document's own are none of the caller's, but old ones are."""
        item, _ = self._get("head")
        current = _word(item, "tag") if item is not None else ""
        for found in self._items("blob/", "blob0", "sk, #at", {"#at": "at"}):
            key, number = _key_and_number(found)
            if number == _number(0) and owner(key) != current:
                yield key, time.time() - float(found.get("at", {}).get("N", "inf"))

    def _items(self, first: str, last: str, fields: str, names: Mapping[str, str]) -> Iterator[Item]:
        """These fields of all items between two keys, in order."""
        question = {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :pk AND sk BETWEEN :first AND :last",
            "ExpressionAttributeValues": {":pk": {"S": self._partition}, ":first": {"S": first}, ":last": {"S": last}},
            "ExpressionAttributeNames": names,
            "ProjectionExpression": fields,
            "ConsistentRead": True,
        }
        with clear_errors(self._place, self._known):
            for page in self._client.get_paginator("query").paginate(**question):
                yield from page.get("Items", ())

    def remove(self, key: str) -> None:
        """One content, its first part last; one that is not there is no error."""
        first, _ = self._get(_sort(key, 0))
        with clear_errors(self._place, self._known):
            for number in reversed(range(_parts(first) if first is not None else 0)):
                self._client.delete_item(TableName=self._table, Key=self._id(_sort(key, number)))

    def close(self) -> None:
        """Close the connections that are idle; the client opens others when it needs them."""
        self._client.close()


def _sort(key: str, number: int) -> str:
    return f"blob/{key}/{_number(number)}"


def _number(number: int) -> str:
    return f"{number:04}"


def _key_and_number(item: Item) -> tuple[str, str]:
    """A content's key, and which part of it an item is."""
    key, _, number = item["sk"]["S"].removeprefix("blob/").rpartition("/")
    return key, number


def _joined(items: Iterator[Item]) -> Iterator[tuple[str, bytes]]:
    """The contents of which every part is among the items, with their keys."""
    for key, found in groupby(items, key=lambda item: _key_and_number(item)[0]):
        parts = {_key_and_number(item)[1]: item for item in found}
        first = parts.get(_number(0))
        wanted = [_number(number) for number in range(_parts(first))] if first is not None else [""]
        if all(number in parts for number in wanted):
            yield key, b"".join(_content(parts[number]) for number in wanted)


def _content(item: Item) -> bytes:
    """An item's bytes; of one that somebody made by hand, none."""
    found = item.get("data", {}).get("B", b"")
    return found if isinstance(found, bytes) else b""


def _word(item: Item, name: str) -> str:
    return str(item.get(name, {}).get("S", ""))


def _parts(item: Item) -> int:
    said = str(item.get("parts", {}).get("N", "1"))
    return int(said) if said.isascii() and said.isdigit() and len(said) < 5 else 1


def create_command(table: str) -> str:
    """The command that makes a table as this backend needs it."""
    return (
        f"aws dynamodb create-table --table-name {table} --billing-mode PAY_PER_REQUEST"
        " --attribute-definitions AttributeName=pk,AttributeType=S AttributeName=sk,AttributeType=S"
        " --key-schema AttributeName=pk,KeyType=HASH AttributeName=sk,KeyType=RANGE"
    )


def connect(options: Mapping[str, Any]) -> DocumentBackend:
    """The target under ``prefix`` in ``table``, which has to be there. Raises ``UsageError``."""
    table, prefix = options.get("table"), checked_prefix(options)
    if not isinstance(table, str) or not _TABLE.match(table):
        raise UsageError("a dynamodb target needs `table`, the name of a table", hint="table: acme-prompts")
    endpoint = endpoint_of("dynamodb", options.get("endpoint_url"))
    made = client("dynamodb", endpoint, WORKERS)
    return DocumentBackend(DynamoBlobs(made, table, prefix, where(endpoint)), CAPABILITIES)
