"""``s3://bucket/prefix``: what the s3 backend wrote there (``backends.document``), on any S3-compatible store.

The state is asked for with its ETag: as long as nothing was synced the answer is an empty 304, and a
state that changed for other prompts costs no further request. Endpoint, region and credentials come
from where boto3's own clients take them; reading needs ``s3:GetObject`` and ``s3:ListBucket``.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from catalog_tool.backends import aws
from catalog_tool.backends.document import Document, entry_key, unpacked
from catalog_tool.backends.s3 import OBJECTS, STATE, checked_bucket
from catalog_tool.canonical.identity import bundle_digest
from catalog_tool.client.budget import Budget
from catalog_tool.client.errors import (
    AccessRefusedError,
    BadAnswerError,
    ClientError,
    RequestRefusedError,
    SourceUnavailableError,
)
from catalog_tool.client.sources import Options
from catalog_tool.client.sources.base import ANSWER_BYTES, Answer, Hear, LabelRow, answer_from_rows
from catalog_tool.client.sources.bundle import decoded
from catalog_tool.client.wanted import Wanted
from catalog_tool.errors import BackendError, RefusedError, UnavailableError, UsageError
from catalog_tool.model.addresses import LABEL, SKILL, VERSION, parse_address
from catalog_tool.model.limits import BUNDLE_BYTES

CONNECTIONS = 8
_CHUNK = 64 * 1024


class State(NamedTuple):
    """One state, by prompt: labels and their values, versions with their contents' reference and claimed digest."""

    etag: str
    document: Document
    labels: Mapping[str, Mapping[str, str]]
    versions: Mapping[str, Mapping[str, tuple[str, str]]]

    def stamp(self, name: str) -> str:
        """The same as long as nothing of this prompt changed."""
        found = [
            self.document.store_id,
            self.document.generations.get(name),
            self.labels.get(name, {}),
            self.versions.get(name, {}),
        ]
        return hashlib.sha256(json.dumps(found, sort_keys=True).encode(errors="surrogatepass")).hexdigest()


class S3Source:
    """One target in a bucket. Keeps the state that it read last."""

    pushes = False

    def __init__(self, address: str, options: Options) -> None:
        self._bucket, prefix = _bucket_and_prefix(address)
        self._root = f"{prefix}/" if prefix else ""
        self._digest = options.bundle_digest
        self._endpoint = aws.endpoint_of("s3", None)
        self._client: Any = None
        self._lock = threading.Lock()
        self._state: State | None = None
        self._readings = 0
        self.place = f"s3://{self._bucket}{f'/{prefix}' if prefix else ''}{aws.where(self._endpoint)}"

    def read(self, wanted: Wanted, validator: str | None, budget: Budget) -> Answer | None:
        """``Source.read``; the validator tells whether anything of this prompt changed."""
        state = self._current(budget)
        if self._digest is not None:
            _is_bundle(state, self._digest, self.place)
        stamp = state.stamp(wanted.name)
        if stamp == validator:
            return None

        def content(at: str) -> bytes:
            return self._content(at, budget)

        rows = _Rows(state, content, self.place)
        return answer_from_rows(rows, wanted)._replace(validator=stamp)

    def _current(self, budget: Budget) -> State:
        """The state now. Of several readers at once one asks, and the others take what it got."""
        before = self._readings
        lock = self._lock
        if not lock.acquire(timeout=budget.remaining()):
            raise SourceUnavailableError(f"{self.place}: no answer before the deadline")
        try:
            if self._state is None or self._readings == before:
                self._state = self._asked(self._state, budget)
                self._readings += 1
            return self._state
        finally:
            lock.release()

    def _asked(self, known: State | None, budget: Budget) -> State:
        with _clear_errors(self.place):
            found = self._get(STATE, known.etag if known else None, budget, BUNDLE_BYTES)
        if found is None:
            if known is None:
                raise SourceUnavailableError(f"{self.place}: nothing is there", hint="was it synced, and the prefix?")
            return known
        etag, data = found
        try:
            document = unpacked(data, self.place)
        except BackendError as error:
            raise BadAnswerError(error.message, hint="a newer catalog-tool wrote it, or nobody of ours") from error
        return _indexed(etag, document)

    def _content(self, at: str, budget: Budget) -> bytes:
        with _clear_errors(self.place):
            found = self._get(OBJECTS + entry_key(at), None, budget, ANSWER_BYTES)
        if found is None:
            raise SourceUnavailableError(f"{self.place}: a version's content is not there", hint="see `catalog drift`")
        return found[1]

    def _get(self, name: str, etag: str | None, budget: Budget, largest: int) -> tuple[str, bytes] | None:
        """An object with its ETag; None for none, and where ``etag`` is still right."""
        seconds = budget.spend()
        if self._client is None:
            once = aws.Timeouts(connect=seconds, read=seconds, tries=1)
            self._client = aws.client("s3", self._endpoint, CONNECTIONS, once)
        condition = {"IfNoneMatch": etag} if etag is not None else {}
        try:
            answer = self._client.get_object(Bucket=self._bucket, Key=self._root + name, **condition)
        except aws.ClientError as error:
            if aws.status_of(error) == 304 and etag is not None:
                return None
            if aws.code_of(error) == "NoSuchKey" and etag is None:
                return None
            if aws.code_of(error) == "NoSuchKey":
                raise SourceUnavailableError(f"{self.place}: the state has gone") from error
            raise
        return str(answer["ETag"]), self._body(answer["Body"], budget, largest)

    def _body(self, body: Any, budget: Budget, largest: int) -> bytes:
        """All of it; no wait for a part is longer than a whole fetch, and none begins after the deadline."""
        parts, size = [], 0
        try:
            while part := body.read(_CHUNK):
                size += len(part)
                if size > largest:
                    raise BadAnswerError(f"{self.place}: an object is larger than {largest // 1024**2} MiB")
                parts.append(part)
                budget.remaining()
        finally:
            body.close()
        return b"".join(parts)

    def listen(self, hear: Hear) -> None:
        """A bucket does not push."""

    def forked(self) -> None:
        """The parent's connections are its own; the lock may be held by a thread that is not here."""
        self._lock = threading.Lock()
        self._client = None

    def close(self) -> None:
        """Let go of connections and of the state."""
        client, self._client, self._state = self._client, None, None
        if client is not None:
            client.close()


class _Rows:
    """``Rows`` of one state."""

    def __init__(self, state: State, content: Callable[[str], bytes], what: str) -> None:
        self._state = state
        self._content = content
        self._what = what

    def label_row(self, name: str) -> LabelRow:
        """``Rows.label_row``."""
        document = self._state.document
        labels = {label: _value(value, self._what) for label, value in self._state.labels.get(name, {}).items()}
        return LabelRow(labels, document.generations.get(name, 0), document.store_id)

    def entry(self, name: str, version: str) -> Any:
        """``Rows.entry``."""
        found = self._state.versions.get(name, {}).get(version)
        return decoded(self._content(found[0]), f"{self._what}: {name}@{version}") if found is not None else None

    def digests(self, name: str) -> Sequence[tuple[str, str]]:
        """``Rows.digests``."""
        return [(version, digest) for version, (_, digest) in sorted(self._state.versions.get(name, {}).items())]


def _value(text: str, what: str) -> Any:
    return decoded(b'{"value":%b}' % text.encode(), f"{what}, a label").get("value")


def _indexed(etag: str, document: Document) -> State:
    labels: dict[str, dict[str, str]] = {}
    versions: dict[str, dict[str, tuple[str, str]]] = {}
    for address, row in document.rows.items():
        kind, name, part = parse_address(address)
        if kind == LABEL and row.value is not None:
            labels.setdefault(name, {})[part] = row.value
        elif kind == VERSION and row.at is not None:
            versions.setdefault(name, {})[part] = (row.at, row.digest)
    return State(etag, document, labels, versions)


def _is_bundle(state: State, digest: str, what: str) -> None:
    """Refuse any other bundle: its digest is recomputed from labels and the versions' digests."""
    labels = {
        name: {label: _value(value, what) for label, value in found.items()} for name, found in state.labels.items()
    }
    versions = {
        name: {version: claimed for version, (_, claimed) in found.items()} for name, found in state.versions.items()
    }
    rows = state.document.rows
    skills = {
        parse_address(address).name: row.digest
        for address, row in rows.items()
        if address.startswith(f"{SKILL}/") and row.is_there
    }
    found = bundle_digest(labels, versions, skills)
    if found != digest:
        raise BadAnswerError(f"{what} is bundle {found}, and {digest} is wanted")


@contextmanager
def _clear_errors(place: str) -> Iterator[None]:
    """The driver's errors as the client's."""
    try:
        with aws.clear_errors(place):
            yield
    except ClientError:
        raise
    except UnavailableError as error:
        raise SourceUnavailableError(error.message, hint=error.hint, retry_after=error.retry_after) from error
    except RefusedError as error:
        raise AccessRefusedError(error.message, hint=error.hint) from error
    except (BackendError, UsageError) as error:
        raise RequestRefusedError(error.message, hint=error.hint) from error


def _bucket_and_prefix(address: str) -> tuple[str, str]:
    """Raises ``UsageError``, which never repeats the address: somebody may have put a secret there."""
    parts = urlsplit(address)
    if parts.query or parts.fragment or "@" in parts.netloc or ":" in parts.netloc:
        hint = "s3://bucket/prefix; another server's address is AWS_ENDPOINT_URL_S3"
        raise UsageError("the source is no plain address of a bucket", hint=hint)
    return checked_bucket(parts.netloc), aws.checked_prefix({"prefix": unquote(parts.path)})
