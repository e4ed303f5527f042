"""The mlflow backend on a real server: the kit."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from mlflow_server import MlflowServer
from opened import opened
from soak import SOAK

from catalog_tool.backends.mlflow import connect as connect_mlflow
from catalog_tool.sync.conformance import BackendConformance, Connect

pytest_plugins = ["services"]


@pytest.fixture
def prefix(mlflow_server: MlflowServer) -> str:
    return mlflow_server.new_prefix()


@pytest.fixture
def connect(mlflow_server: MlflowServer, prefix: str) -> Iterator[Connect]:
    own = prefix
    with opened(lambda prefix="": connect_mlflow({"url": mlflow_server.url, "prefix": own + prefix})) as connect:
        yield connect


class TestMlflow(BackendConformance):
    """The kit, with about a quarter of its trials: a request takes a hundred times what one on SQLite does."""

    stride = 1 if SOAK else 4
    reads = 100 if SOAK else 15
