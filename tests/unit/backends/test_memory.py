"""The memory backend passes the kit: it is the reference that the kit was written against."""

from __future__ import annotations

import pytest

from catalog_tool.backends.memory import MemoryBackend, MemoryStore
from catalog_tool.sync.conformance import BackendConformance, Connect


class TestMemory(BackendConformance):
    @pytest.fixture
    def connect(self) -> Connect:
        store = MemoryStore()
        return lambda prefix="": MemoryBackend(store, prefix)
