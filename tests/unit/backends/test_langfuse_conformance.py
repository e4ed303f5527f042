"""The langfuse backend passes the kit, on a server that answers as the recorded one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from langfuse_server import PUBLIC, SECRET, LangfuseServer
from opened import opened

from catalog_tool.backends.langfuse import connect as connect_langfuse
from catalog_tool.sync.conformance import BackendConformance, Connect


@pytest.fixture
def server() -> Iterator[LangfuseServer]:
    with LangfuseServer() as server:
        yield server


@pytest.fixture
def connect(server: LangfuseServer) -> Iterator[Connect]:
    settings = {"url": server.url, "public_key": PUBLIC, "secret_key": SECRET}
    with opened(lambda prefix="": connect_langfuse({**settings, "prefix": prefix}, skills=False)) as connect:
        yield connect


class TestLangfuse(BackendConformance):
    """Of prompts and labels: skills there are texts with front matter only, see ``test_langfuse_skills``."""
