"""The service over every kind of store: read, moved through its API, and told of what others move."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from langfuse_server import PUBLIC, SECRET, LangfuseServer
from moto_server import BUCKET, CREDENTIALS, TABLE
from running_service import catalog_of, running
from served_prompts import until

from catalog_tool.backends.registry import BACKENDS, connect
from catalog_tool.server.app import App
from catalog_tool.server.metrics import Board
from catalog_tool.server.process import Serving, service_of
from catalog_tool.server.routes import NAMES
from catalog_tool.server.service import Service
from catalog_tool.server.tokens import TokenFile, Wish
from catalog_tool.sync.conformance.samples import put_label, put_version
from catalog_tool.sync.conformance.store import done, held

from .desk import InProcess

pytest_plugins = ["services"]
NAME = "support/greet"
Options = dict[str, Any]
Requests = pytest.FixtureRequest
ONE_PROCESS = "memory"
"""A store that no other process could be told of."""
UNCOUNTED = ("langfuse", "mlflow")
"""Stores that neither count moves nor keep a trail: what moved there is found every 30 s, by reading all of it."""


@contextmanager
def of_file(_: Requests, folder: Path) -> Iterator[Options]:
    yield {"path": str(folder / "store")}


@contextmanager
def of_sqlite(_: Requests, folder: Path) -> Iterator[Options]:
    yield {"path": str(folder / "store.db")}


@contextmanager
def of_postgres(request: Requests, _: Path) -> Iterator[Options]:
    server = request.getfixturevalue("postgres_server")
    with server.database() as database:
        yield {"url": server.url(database), "prefix": "team/"}


@contextmanager
def of_redis(request: Requests, _: Path) -> Iterator[Options]:
    server = request.getfixturevalue("redis_server")
    yield {"url": server.url(server.new_database())}


@contextmanager
def of_s3(request: Requests, _: Path) -> Iterator[Options]:
    server = request.getfixturevalue("moto_server")
    yield {"bucket": BUCKET, "prefix": server.new_prefix(), "endpoint_url": server.url}


@contextmanager
def of_dynamodb(request: Requests, _: Path) -> Iterator[Options]:
    server = request.getfixturevalue("moto_server")
    yield {"table": TABLE, "prefix": server.new_prefix(), "endpoint_url": server.url}


@contextmanager
def of_http(_: Requests, folder: Path) -> Iterator[Options]:
    """A service behind the service."""
    behind = catalog_of(folder / "behind", "backend: sqlite, path: store.db")
    secret, _ = TokenFile(behind / "tokens.json").create(Wish(name="front", scopes=["sync"]), 0)
    with running(behind, "--tokens", str(behind / "tokens.json"), wait_for="/healthz") as found:
        yield {"url": found.url, "token": secret}


@contextmanager
def of_langfuse(_: Requests, __: Path) -> Iterator[Options]:
    with LangfuseServer() as server:
        yield {"url": server.url, "public_key": PUBLIC, "secret_key": SECRET}


@contextmanager
def of_mlflow(request: Requests, _: Path) -> Iterator[Options]:
    server = request.getfixturevalue("mlflow_server")
    yield {"url": server.url, "prefix": server.new_prefix()}


STORES: dict[str, Callable[[Requests, Path], Any]] = {
    "file": of_file, "sqlite": of_sqlite, "postgres": of_postgres, "redis": of_redis, "s3": of_s3,
    "dynamodb": of_dynamodb, "http": of_http, "langfuse": of_langfuse, "mlflow": of_mlflow,
}  # fmt: skip


def test_every_kind_of_store_is_tried() -> None:
    assert {*STORES, ONE_PROCESS} == set(BACKENDS)


@contextmanager
def serving(backend: str, options: Options, folder: Path) -> Iterator[tuple[InProcess, Service, dict[str, str]]]:
    """What one worker of ``catalog serve`` makes of these settings, and the header of a token that may write."""
    tokens = TokenFile(folder / "tokens.json")
    secret, _ = tokens.create(Wish(name="lead", scopes=["read", "write"]), 0)
    settings = Serving(backend=backend, options=options, tokens=folder / "tokens.json")
    service = service_of(settings, Board(folder / "board", NAMES))
    with closing(InProcess(App(service))) as client:
        assert until(lambda: service.keeper.is_ready, 30.0)
        yield client, service, {"Authorization": f"Bearer {secret}"}


@pytest.mark.parametrize("backend", STORES)
def test_it_is_read_moved_and_told_of_moves(
    backend: str, request: Requests, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    with STORES[backend](request, tmp_path) as options, closing(connect(backend, options)) as other:
        hand = held(lambda prefix="": other)  # noqa: ARG005 - the store's own prefix
        done(hand, put_version(text="One"), put_version(version="v2", text="Two"), put_label("v1"))
        hand.drop_lease("token-1")
        with serving(backend, options, tmp_path) as (client, service, bearer):

            def served() -> Any:
                return client.request("GET", f"/v1/prompts/{NAME}", headers=bearer).json()

            found = served()
            assert (found["version"], found["system_prompt"]) == ("v1", "One")
            body = {"labels": {"production": "v2"}, "generation": found["generation"], "reason": "v1 is too long"}
            moved = client.request("PUT", f"/v1/prompts/{NAME}/labels", json=body, headers=bearer)
            assert moved.status_code == 200, moved.text
            assert served()["system_prompt"] == "Two"
            held(lambda prefix="": other)  # noqa: ARG005
            done(other, put_label("v1", seen="v2"))
            other.drop_lease("token-1")
            if backend in UNCOUNTED:
                service.keeper.poke()
            assert until(lambda: served()["version"] == "v1", 15.0)
            assert service.keeper.failures == 0
        events = [(event.actor.split(" (")[0], event.reason) for event in other.events()]
        assert backend in UNCOUNTED or events[1] == ("lead", "v1 is too long")
