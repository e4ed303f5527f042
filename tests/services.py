"""Servers that tests ask for: started once a session, a loud skip where the machine has none.

A test module asks for them by ``pytest_plugins = ["services"]``.
"""

from __future__ import annotations

from collections.abc import Iterator

import postgres_server as postgres
import pytest
from postgres_server import PostgresServer


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A Postgres server of this session's own."""
    found = postgres.binaries()
    if found is None:
        pytest.skip(
            f"NO POSTGRES ON THIS MACHINE: install {postgres.PACKAGE}; nothing of the postgres backend was tested"
        )
    with postgres.running(found) as server:
        yield server
