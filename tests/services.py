"""Servers that tests ask for: started once a session, a loud skip where the machine has none.

A test module asks for them by ``pytest_plugins = ["services"]``.
"""

from __future__ import annotations

from collections.abc import Iterator

import mlflow_server as mlflow
import moto_server as moto
import postgres_server as postgres
import pytest
import redis_server as redis
from mlflow_server import MlflowServer
from moto_server import MotoServer
from postgres_server import PostgresServer
from redis_server import RunningRedis


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


@pytest.fixture(scope="session")
def mlflow_server() -> Iterator[MlflowServer]:
    """An MLflow server of this session's own."""
    found = mlflow.program()
    if found is None:
        pytest.skip(f"NO MLFLOW BESIDE THIS PYTHON: install {mlflow.PACKAGE}; nothing of the mlflow backend was tested")
    with mlflow.running(found) as server:
        yield server


@pytest.fixture(scope="session")
def moto_server() -> Iterator[MotoServer]:
    """S3 and DynamoDB of this session's own, played by moto: not AWS."""
    if not moto.is_there():
        pytest.skip(f"NO MOTO HERE: install {moto.PACKAGE}; nothing of the s3 and dynamodb backends was tested")
    with moto.running() as server:
        yield server


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RunningRedis]:
    """A Redis server of this session's own."""
    found = redis.binary()
    if found is None:
        pytest.skip(f"NO REDIS ON THIS MACHINE: install {redis.PACKAGE}; nothing of the redis backend was tested")
    with redis.running(found) as server:
        yield server
