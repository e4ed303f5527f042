"""How long a server of others may stay silent, and what is said of one that is not there."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any

import pytest

from catalog_tool.backends.base import Backend
from catalog_tool.backends.langfuse import connect as connect_langfuse
from catalog_tool.backends.mlflow import connect as connect_mlflow
from catalog_tool.errors import UnavailableError, UsageError

KEYS = {"public_key": "pk", "secret_key": "sk"}
KINDS: Mapping[str, tuple[Callable[[Mapping[str, Any]], Backend], Mapping[str, str], str]] = {
    "langfuse": (connect_langfuse, KEYS, "LANGFUSE_BASE_URL"),
    "mlflow": (connect_mlflow, {}, "MLFLOW_TRACKING_URI"),
}
of_each_kind = pytest.mark.parametrize("kind", sorted(KINDS))


def opened(kind: str, port: int, **more: Any) -> Backend:
    connect, keys, _ = KINDS[kind]
    return connect({"url": f"http://127.0.0.1:{port}", **keys, **more})


@of_each_kind
def test_a_server_that_says_nothing_is_waited_for_as_long_as_was_set(kind: str) -> None:
    started = time.monotonic()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        backend = opened(kind, silent.getsockname()[1], timeout=0.2)
        with closing(backend), pytest.raises(UnavailableError, match="stayed silent"):
            backend.load()
    assert 0.2 <= time.monotonic() - started < 5


def trickle(server: socket.socket, sent: list[bytes]) -> None:
    """Answer one request with a byte in time, again and again, until the other end has had enough."""
    with contextlib.suppress(OSError):
        end, _ = server.accept()
        with end:
            end.recv(65536)
            end.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1000000\r\n\r\n")
            while True:
                end.sendall(b" ")
                sent.append(b" ")
                threading.Event().wait(0.05)


@of_each_kind
def test_a_server_that_trickles_is_cut_off(kind: str) -> None:
    sent: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=trickle, args=(server, sent), daemon=True)
        thread.start()
        started = time.monotonic()
        backend = opened(kind, server.getsockname()[1], timeout=0.6)
        with closing(backend), pytest.raises(UnavailableError, match=r"finish its answer|longer than"):
            backend.load()
        assert 1 < time.monotonic() - started < 15
        thread.join(5)
    assert len(sent) > 4


@of_each_kind
def test_where_nobody_listens_it_says_where_to_look(kind: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with closing(opened(kind, port)) as backend, pytest.raises(UnavailableError, match="does not answer") as raised:
        backend.load()
    assert str(port) in raised.value.message
    assert "is the server up" in (raised.value.hint or "")
    assert KINDS[kind][2] in (raised.value.hint or "")


@of_each_kind
@pytest.mark.parametrize("value", [0, -1, 601, "15", True, None, float("nan")])
def test_what_is_no_time_is_refused(kind: str, value: object) -> None:
    with pytest.raises(UsageError, match="timeout is"):
        opened(kind, 1, timeout=value)
