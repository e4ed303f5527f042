"""The mlflow backend on a real server: the kit."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from mlflow_server import MlflowServer
from opened import opened
from soak import SOAK

from catalog_tool.backends.mlflow import MlflowBackend
from catalog_tool.backends.mlflow_settings import connection
from catalog_tool.sync.conformance import BackendConformance, Connect

pytest_plugins = ["services"]


@pytest.fixture
def prefix(mlflow_server: MlflowServer) -> str:
    return mlflow_server.new_prefix()


@pytest.fixture
def connect(mlflow_server: MlflowServer, prefix: str) -> Iterator[Connect]:
    own = prefix

    def open_one(prefix: str = "") -> MlflowBackend:
        found = connection({"url": mlflow_server.url, "prefix": own + prefix})
        return MlflowBackend(found.client, found.place, found.prefix, skills=mlflow_server.has_skills)

    with opened(open_one) as connect:
        yield connect


class TestMlflow(BackendConformance):
    """The kit, with about an eighth of its trials: a request takes a hundred times what one on SQLite does."""

    stride = 1 if SOAK else 8
    reads = 100 if SOAK else 10
