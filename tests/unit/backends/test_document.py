"""State documents on a store in memory: everything that does not depend on a server, all of it at every run."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterator, Mapping

import pytest

from catalog_tool.backends.document_backend import DocumentBackend
from catalog_tool.backends.document_contents import BeatenError, Head, Reader
from catalog_tool.model.capabilities import Capabilities
from catalog_tool.sync.conformance import Connect
from unit.backends.document_conformance import DocumentConformance

CAPABILITIES = Capabilities(backend="documents", attributed=True)


class Stored:
    """What the store holds below one prefix; also the ``Hand`` of the tests."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.head: tuple[bytes, str] | None = None
        self.blobs: dict[str, tuple[bytes, float]] = {}

    def state(self) -> bytes | None:
        return self.head[0] if self.head else None

    def put_state(self, data: bytes) -> None:
        self.head = (data, uuid.uuid4().hex)

    def keys(self) -> set[str]:
        return set(self.blobs)

    def put(self, key: str, data: bytes) -> None:
        self.blobs[key] = (data, time.time())

    def remove(self, key: str) -> None:
        self.blobs.pop(key, None)


class MemoryBlobs:
    """``Blobs`` on it; ``age`` is how many seconds earlier everything was stored."""

    def __init__(self, stored: Stored, age: float) -> None:
        self._stored = stored
        self._age = age

    def place(self) -> str:
        return "documents in memory"

    def head(self) -> Head:
        data, tag = self._stored.head or (None, None)
        return Head(data, tag, time.time())

    def replace_head(self, data: bytes, tag: str | None) -> None:
        with self._stored.lock:
            if (self._stored.head[1] if self._stored.head else None) != tag:
                raise BeatenError
            self._stored.put_state(data)

    def check(self) -> None:
        pass

    def read(self, key: str) -> bytes | None:
        found = self._stored.blobs.get(key)
        return found[0] if found else None

    def readers(self, wanted: Mapping[str, bytes | None]) -> Iterator[tuple[str, Reader]]:
        yield from ((at, self) for at in wanted)

    def write(self, key: str, data: bytes) -> None:
        self._stored.put(key, data)

    def listed(self) -> Iterator[tuple[str, float]]:
        for key, (_, at) in list(self._stored.blobs.items()):
            yield key, time.time() - at + self._age

    def remove(self, key: str) -> None:
        self._stored.remove(key)

    def close(self) -> None:
        pass


@pytest.fixture
def stores() -> dict[str, Stored]:
    return {"": Stored()}


@pytest.fixture
def hand(stores: dict[str, Stored]) -> Stored:
    return stores[""]


@pytest.fixture
def connect(stores: dict[str, Stored]) -> Connect:
    def opened(prefix: str = "", age: float = 0.0) -> DocumentBackend:
        return DocumentBackend(MemoryBlobs(stores.setdefault(prefix, Stored()), age), CAPABILITIES)

    return opened


class TestDocumentsInMemory(DocumentConformance):
    pass
