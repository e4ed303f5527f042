from __future__ import annotations

from collections.abc import Iterator

import pytest
from opened import opened
from postgres_server import PostgresServer
from services import postgres_server  # noqa: F401 - a fixture

from catalog_tool.backends.postgres import connect as connect_postgres
from catalog_tool.sync.conformance import BackendConformance, Connect


class TestPostgres(BackendConformance):
    @pytest.fixture
    def connect(self, postgres_server: PostgresServer) -> Iterator[Connect]:  # noqa: F811 - the same
        url = postgres_server.url(postgres_server.new_database())
        with opened(lambda prefix="": connect_postgres({"url": url, "prefix": prefix})) as connect:
            yield connect
