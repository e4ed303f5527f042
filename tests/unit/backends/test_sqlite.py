from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from opened import opened

from catalog_tool.backends.sqlite import connect as connect_sqlite
from catalog_tool.sync.conformance import BackendConformance, Connect


@pytest.fixture
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store") / "target.sqlite"


class TestSqlite(BackendConformance):
    @pytest.fixture
    def connect(self, file: Path) -> Iterator[Connect]:
        with opened(lambda prefix="": connect_sqlite({"path": str(file), "prefix": prefix})) as connect:
            yield connect
