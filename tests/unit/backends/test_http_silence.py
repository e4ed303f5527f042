"""A server that takes the connection and says nothing, one that hangs up, and one that is not there."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import httpx
import pytest

from catalog_tool.backends.http_silence import no_answer
from catalog_tool.errors import TimedOutError, UnavailableError


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    """A server that nobody is behind: the kernel takes the connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def port_of(server: socket.socket) -> int:
    return int(server.getsockname()[1])


def asked(port: int, seconds: float = 0.05) -> UnavailableError:
    """What is told of the answer that does not come."""
    with pytest.raises(httpx.TransportError) as caught:
        httpx.get(f"http://127.0.0.1:{port}/", timeout=seconds, trust_env=False)
    return no_answer("the server", caught.value, hint="is it up?")


def test_silence_is_a_time_out(listening: socket.socket) -> None:
    error = asked(port_of(listening))
    assert type(error) is TimedOutError
    assert (error.message, error.hint) == ("the server does not answer: it stayed silent too long", "")


def test_a_connection_that_breaks_is_none(listening: socket.socket) -> None:
    hanging_up = threading.Thread(target=lambda: listening.accept()[0].close())
    hanging_up.start()
    error = asked(port_of(listening), 10)
    hanging_up.join()
    assert type(error) is UnavailableError
    assert error.hint == ""


def test_where_nobody_listens_the_hint_is_given(listening: socket.socket) -> None:
    port = port_of(listening)
    listening.close()
    error = asked(port, 10)
    assert type(error) is UnavailableError
    assert error.hint == "is it up?"
