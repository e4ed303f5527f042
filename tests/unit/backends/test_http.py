"""The http backend passes the kit against a really running service on SQLite."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from opened import opened
from running_service import Running, catalog_of, running
from served_prompts import until

from catalog_tool.backends.http import HttpBackend
from catalog_tool.backends.http import connect as connect_http
from catalog_tool.backends.sqlite import connect as connect_sqlite
from catalog_tool.errors import BackendError, RefusedError, UnavailableError, UsageError
from catalog_tool.server.tokens import TokenFile, Wish
from catalog_tool.sync.conformance import BackendConformance, Connect
from catalog_tool.sync.conformance.samples import put_label, put_version
from catalog_tool.sync.conformance.store import done, held


class Served:
    """A service, its store's file, and a token for syncing."""

    def __init__(self, service: Running, file: Path, token: str) -> None:
        self.service = service
        self.file = file
        self.token = token

    def start_over(self) -> None:
        """An empty store: the file goes, the service stays."""
        for name in (self.file.name, f"{self.file.name}-wal", f"{self.file.name}-shm"):
            (self.file.parent / name).unlink(missing_ok=True)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = catalog_of(tmp_path_factory.mktemp("served"), "backend: sqlite, path: store.db")
    tokens = TokenFile(folder / "tokens.json")
    secret, _ = tokens.create(Wish(name="ci", scopes=["sync"]), 0)
    arguments = ("--tokens", str(tokens.path))
    with running(folder, *arguments, wait_for="/healthz") as service:
        yield Served(service, folder / "store.db", secret)


@pytest.fixture
def connect(served: Served) -> Iterator[Connect]:
    served.start_over()
    options = {"url": served.service.url, "token": served.token}
    with opened(lambda prefix="": connect_http({**options, "prefix": prefix})) as connect:
        yield connect


class TestHttp(BackendConformance):
    moves = 4


def test_what_is_written_is_what_the_store_holds(served: Served, connect: Connect) -> None:
    done(held(connect), put_version(), put_label("v1"))
    with opened(lambda prefix="": connect_sqlite({"path": str(served.file), "prefix": prefix})) as behind:
        assert {live.address: live.entry for live in behind().scan()} == {
            live.address: live.entry for live in connect().scan()
        }
        assert list(behind().events()) == list(connect().events())


def test_a_label_that_was_synced_is_served_within_two_seconds(served: Served, connect: Connect) -> None:
    done(held(connect), put_version(), put_label("v1"))
    headers = {"Authorization": f"Bearer {served.token}"}
    assert until(lambda: served.service.get("/v1/prompts/support/greet", headers=headers).status_code == 200, 2)


def test_a_wrong_token_is_refused_and_a_dead_service_is_unavailable(served: Served) -> None:
    with closing(connect_http({"url": served.service.url, "token": "ctlg_wrong"})) as backend:
        with pytest.raises(RefusedError, match="401") as refused:
            backend.load()
        assert "scope sync" in refused.value.hint
    with closing(connect_http({"url": "http://127.0.0.1:9"})) as backend, pytest.raises(UnavailableError):
        backend.load()


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json=[]),
        httpx.Response(200, json={"store_id": 1}),
        httpx.Response(302, headers={"Location": "http://127.0.0.1:9/"}),
    ],
    ids=["html", "list", "shape", "redirect"],
)
def test_what_is_no_answer_of_ours_is_an_error(answer: httpx.Response) -> None:
    backend = HttpBackend("http://service", "secret", transport=httpx.MockTransport(lambda _: answer))
    with pytest.raises(BackendError):
        backend.load()


@pytest.mark.parametrize("lines", [b'{"end": 1}\n', b"", b'{"error": "gone"}\n'], ids=["count", "cut", "failed"])
def test_a_stream_that_is_not_whole_is_never_an_empty_store(lines: bytes) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=lines))
    with pytest.raises(BackendError):
        list(HttpBackend("http://service", None, transport=transport).scan())


def test_the_environments_token_goes_to_the_environments_server_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CATALOG_URL", "https://catalog.example.org/")
    monkeypatch.setenv("CATALOG_TOKEN", "secret-of-the-environment")
    sent = [
        connect_http(options)._client.headers.get("Authorization")
        for options in ({}, {"url": "https://catalog.example.org"}, {"url": "https://elsewhere.example.org"})
    ]
    assert sent == ["Bearer secret-of-the-environment"] * 2 + [None]


@pytest.mark.parametrize("url", [None, "", "ftp://x", "https://user:geheim@host", "https://host:x", "https://h/?a=1"])
def test_an_address_that_is_none_is_a_usage_error_without_it(url: str | None) -> None:
    with pytest.raises(UsageError) as error:
        connect_http({"url": url})
    assert "geheim" not in f"{error.value.message}{error.value.hint}"
