"""A target in a bucket of any S3-compatible store (``s3 {bucket, prefix, endpoint_url}``).

Below the prefix stand ``state.json.gz``, the one document (``backends.document``), ``objects/``, the
contents it refers to, and ``probe``. The document is only ever written with ``If-Match`` or
``If-None-Match: *``, so the store itself is the judge of who was first. A store that ignores these
headers would lose writes without a word: it is found out before the first one, and refused.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
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
    status_of,
    where,
)
from catalog_tool.backends.document import entry_key
from catalog_tool.backends.document_backend import DocumentBackend
from catalog_tool.backends.document_contents import WORKERS, BeatenError, Head, Reader, Told
from catalog_tool.errors import BackendError, UsageError
from catalog_tool.model.capabilities import Capabilities
from catalog_tool.model.limits import BUNDLE_BYTES

STATE = "state.json.gz"
OBJECTS = "objects/"
PROBE = "probe"
CAPABILITIES = Capabilities(
    backend="s3",
    bulk_read=False,
    attributed=True,
    blocks_edits="whoever may write to the bucket can edit it: give s3:PutObject to the syncing role only",
)
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]\Z", re.ASCII)
_NOBODYS_TAG = '"00000000000000000000000000000000"'
_BEATEN = frozenset({409, 412})
_CHUNK = 1024 * 1024


class S3Blobs:
    """``document_contents.Blobs`` below a prefix of a bucket. ``client`` is boto3's; ``server`` is for people."""

    def __init__(self, client: Any, bucket: str, prefix: str, server: str = "") -> None:
        self._client = client
        self._bucket = bucket
        self._root = f"{prefix}/" if prefix else ""
        self._place = f"s3://{bucket}{f'/{prefix}' if prefix else ''}{server}"
        hint = f"aws s3api create-bucket --bucket {bucket}"
        self._known = {"NoSuchBucket": Trouble(BackendError, "there is no such bucket", hint)}

    def place(self) -> str:
        """Bucket and prefix, and the server where it is not AWS's."""
        return self._place

    def head(self) -> Head:
        """The document with its ETag."""
        with clear_errors(self._place, self._known):
            try:
                answer = self._client.get_object(Bucket=self._bucket, Key=self._root + STATE)
            except ClientError as error:
                if code_of(error) != "NoSuchKey":
                    raise
                return Head(None, None, server_time(error.response))
            return Head(self._body(answer, BUNDLE_BYTES), str(answer["ETag"]), server_time(answer))

    def _body(self, answer: Mapping[str, Any], largest: int) -> bytes:
        body = answer["Body"]
        parts, size = [], 0
        try:
            while part := body.read(_CHUNK):
                size += len(part)
                if size > largest:
                    raise BackendError(f"{self._place}: an object is larger than {largest // 1024**2} MiB")
                parts.append(part)
        finally:
            body.close()
        return b"".join(parts)

    def replace_head(self, data: bytes, tag: str | None) -> None:
        """By ``If-Match``, or ``If-None-Match: *``."""
        condition = {"IfNoneMatch": "*"} if tag is None else {"IfMatch": tag}
        with clear_errors(self._place, self._known):
            if not self._put_if(STATE, data, condition):
                raise BeatenError

    def _put_if(self, name: str, data: bytes, condition: Mapping[str, str]) -> bool:
        """Write on a condition; whether it held."""
        key = self._root + name
        try:
            self._client.put_object(Bucket=self._bucket, Key=key, Body=data, **condition)
        except ClientError as error:
            # 404: the object to be replaced has gone. Some stores answer so to If-Match, others with 412.
            if status_of(error) in _BEATEN or code_of(error) == "NoSuchKey":
                return False
            raise
        return True

    def check(self) -> None:
        """Write to an object of our own on conditions that do not hold: both have to be refused."""
        with clear_errors(self._place, self._known):
            self._client.put_object(Bucket=self._bucket, Key=self._root + PROBE, Body=b"")
            try:
                obeyed = not any(
                    self._put_if(PROBE, b"", condition)
                    for condition in ({"IfMatch": _NOBODYS_TAG}, {"IfNoneMatch": "*"})
                )
            except ClientError as error:
                if status_of(error) != 501:
                    raise
                obeyed = False
        if not obeyed:
            hint = "use AWS S3 or a store that obeys If-Match and If-None-Match when it writes"
            raise BackendError(f"{self._place}: this store ignores conditional writes: syncs could lose", hint=hint)

    def read(self, key: str) -> bytes | None:
        """One object, whole."""
        with clear_errors(self._place, self._known):
            try:
                answer = self._client.get_object(Bucket=self._bucket, Key=self._key(key))
            except ClientError as error:
                if code_of(error) != "NoSuchKey":
                    raise
                return None
            return self._body(answer, BUNDLE_BYTES)

    def _key(self, key: str) -> str:
        return f"{self._root}{OBJECTS}{key}"

    def write(self, key: str, data: bytes) -> None:
        """One object. It needs no condition: the key is this writer's own."""
        with clear_errors(self._place, self._known):
            self._client.put_object(Bucket=self._bucket, Key=self._key(key), Body=data)

    def readers(self, wanted: Mapping[str, bytes | None]) -> Iterator[tuple[str, Reader]]:
        """By the ETags and sizes of a listing: an entry whose MD5 is its object's ETag is what is stored there.

        An ETag that is no MD5 (KMS, parts) costs a request for its object, and proves nothing.
        """
        guesses = {entry_key(at): entry for at, entry in wanted.items() if entry is not None}
        held = {
            key: entry
            for key, found, _ in self._pages()
            if (entry := guesses.get(key)) is not None and (found.get("ETag"), found.get("Size")) == _seen_as(entry)
        }
        reader = Told(held, self)
        yield from ((at, reader) for at in wanted)

    def listed(self) -> Iterator[tuple[str, float]]:
        """Page after page; ages by the store's clock."""
        for key, found, now in self._pages():
            yield key, now - found["LastModified"].timestamp()

    def _pages(self) -> Iterator[tuple[str, Mapping[str, Any], float]]:
        """Every content's key, what the listing says of it, and the store's time."""
        root = self._key("")
        with clear_errors(self._place, self._known):
            for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=root):
                now = server_time(page)
                for found in page.get("Contents", ()):
                    yield str(found["Key"])[len(root) :], found, now

    def remove(self, key: str) -> None:
        """One object; one that is not there is no error."""
        with clear_errors(self._place, self._known):
            self._client.delete_object(Bucket=self._bucket, Key=self._key(key))

    def close(self) -> None:
        """Close the connections that are idle; the client opens others when it needs them."""
        self._client.close()


def _seen_as(data: bytes) -> tuple[str, int]:
    """ETag and size of an object that was stored in one part, and not encrypted with a key of KMS or the caller's."""
    return f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"', len(data)


def checked_bucket(bucket: Any) -> str:
    """A bucket's name. Raises ``UsageError``."""
    if not isinstance(bucket, str) or not _BUCKET.match(bucket):
        raise UsageError("an s3 target needs `bucket`, the name of a bucket", hint="bucket: acme-prompts")
    return bucket


def connect(options: Mapping[str, Any]) -> DocumentBackend:
    """The target below ``prefix`` in ``bucket``. Raises ``UsageError``."""
    bucket, prefix = checked_bucket(options.get("bucket")), checked_prefix(options)
    endpoint = endpoint_of("s3", options.get("endpoint_url"))
    made = client("s3", endpoint, WORKERS)
    return DocumentBackend(S3Blobs(made, bucket, prefix, where(endpoint)), CAPABILITIES)
