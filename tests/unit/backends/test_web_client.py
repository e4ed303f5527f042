"""What the environment says of certificates and proxies: told where it cannot be used, and where it did not answer."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from catalog_tool.backends.base import Backend
from catalog_tool.backends.langfuse import connect as connect_langfuse
from catalog_tool.backends.mlflow import connect as connect_mlflow
from catalog_tool.backends.web_client import proxy_for
from catalog_tool.errors import UnavailableError, UsageError

SERVER = "http://platform.invalid"
KINDS: Mapping[str, tuple[Callable[[Mapping[str, Any]], Backend], Mapping[str, str]]] = {
    "langfuse": (connect_langfuse, {"url": SERVER, "public_key": "pk", "secret_key": "sk"}),
    "mlflow": (connect_mlflow, {"url": SERVER}),
}
of_each_kind = pytest.mark.parametrize("kind", sorted(KINDS))


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "ssl_cert_file", "ssl_cert_dir"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return monkeypatch


def opened(kind: str) -> Backend:
    connect, options = KINDS[kind]
    return connect(options)


@of_each_kind
@pytest.mark.parametrize("content", [None, "no PEM"])
def test_certificates_that_cannot_be_read(
    kind: str, content: str | None, environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "certificates.pem"
    if content is not None:
        path.write_text(content, "utf-8")
    environment.setenv("SSL_CERT_FILE", str(path))
    with pytest.raises(UsageError, match="the certificates that SSL_CERT_FILE gives cannot be read"):
        opened(kind)


@of_each_kind
@pytest.mark.parametrize("proxy", ["ftp://me:hunter2@proxy:1", "http://me:hunter2@proxy:port"])
def test_a_proxy_that_is_none_is_told_without_its_password(
    kind: str, proxy: str, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("HTTP_PROXY", proxy)
    with pytest.raises(UsageError, match="the environment's proxy is none") as refused:
        opened(kind)
    assert "hunter2" not in f"{refused.value.message} {refused.value.hint}"


@of_each_kind
def test_a_proxy_that_does_not_answer_is_who_is_named(kind: str, environment: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    environment.setenv("HTTP_PROXY", f"http://me:hunter2@127.0.0.1:{port}")
    with closing(opened(kind)) as backend, pytest.raises(UnavailableError, match="Connection refused") as told:
        backend.load()
    assert told.value.message.startswith(f"{SERVER} cannot be reached by the proxy 127.0.0.1:{port}: ")
    assert "HTTP_PROXY" in told.value.hint
    assert "hunter2" not in told.value.message


def test_which_proxy_stands_between(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("ALL_PROXY", "other:2")
    environment.setenv("HTTP_PROXY", "http://me:pw@one:1")
    environment.setenv("NO_PROXY", "near.example")
    asked = ("http://far.example", "https://far.example", "http://near.example")
    assert [proxy_for(httpx.URL(url)) for url in asked] == ["one:1", "other:2", None]


def test_credentials_that_no_header_can_hold() -> None:
    with pytest.raises(UsageError, match="cannot be sent"):
        connect_mlflow({"url": SERVER, "token": "schlüssel"})


@pytest.mark.parametrize("rest", ["?key=hunter2", "#hunter2", "/x?key=hunter2"])
def test_an_address_that_is_shown_holds_no_key(rest: str) -> None:
    options = {"public_key": "pk", "secret_key": "sk", "url": SERVER + rest}
    with pytest.raises(UsageError, match="goes on behind its path") as refused:
        connect_langfuse(options)
    assert "hunter2" not in f"{refused.value.message} {refused.value.hint}"
