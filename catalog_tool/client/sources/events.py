"""Server-sent events of the config service: ``GET /v1/events`` (design §9, WHATWG HTML §9.2).

Each event's data is ``{"id", "generation"}``. A line that is silent for too long is taken for cut, so
a server sends a comment now and then.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
from collections.abc import Iterator
from http.client import HTTPException, HTTPResponse

from catalog_tool.client.errors import AccessRefusedError, PromptNotFoundError, SourceUnavailableError
from catalog_tool.client.sources.base import Hear
from catalog_tool.client.sources.exchange import Server, connection_to, response_of

CONNECT_SECONDS = 5.0
SILENCE_SECONDS = 45.0
"""How long the stream may say nothing at all, not even a comment."""
_LINE_BYTES = 16 * 1024
_EVENT_LINES = 64


class Stream:
    """One connection to the stream at a time."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._closed = False

    def listen(self, hear: Hear) -> None:
        """Tell of changes until the stream is cut, which ``close`` does too.

        Raises ``PromptNotFoundError`` where the server has no such stream, ``AccessRefusedError``,
        ``SourceUnavailableError``.
        """
        connection = connection_to(self._server, CONNECT_SECONDS)
        try:
            connection.connect()
            with self._lock:
                if self._closed:
                    return
                # The connection forgets its socket where the server says that it is the last answer.
                self._socket = connection.sock
            connection.request(
                "GET", f"{self._server.base}/v1/events", headers=self._server.headers("text/event-stream")
            )
            response = response_of(connection, lambda: SILENCE_SECONDS)
            self._check(response)
            hear(None, None)
            for data in _events(response):
                _tell(data, hear)
        except (OSError, HTTPException, ValueError) as error:
            raise SourceUnavailableError(f"{self._server.place}: the stream of changes was cut") from error
        finally:
            self._socket = None
            connection.close()

    def _check(self, response: HTTPResponse) -> None:
        if response.status in (401, 403):
            raise AccessRefusedError(f"{self._server.place}: the stream was refused with {response.status}")
        if response.status in (404, 405, 406, 501):
            raise PromptNotFoundError(f"{self._server.place}: the server has no stream of changes")
        kind = response.headers["Content-Type"] or ""
        if response.status != 200 or not kind.startswith("text/event-stream"):
            raise SourceUnavailableError(f"{self._server.place}: the stream was answered with {response.status}")

    def close(self) -> None:
        """Cut the stream; ``listen`` ends at once."""
        with self._lock:
            self._closed = True
            found = self._socket
        if found is not None:
            with contextlib.suppress(OSError):
                found.shutdown(socket.SHUT_RDWR)

    def forked(self) -> None:
        """Close our copy of the parent's connection, without a word on it."""
        self._lock = threading.Lock()
        found, self._socket = self._socket, None
        if found is not None:
            with contextlib.suppress(OSError):
                os.close(found.detach())


def _events(response: HTTPResponse) -> Iterator[str]:
    """The data of each event; comments and other fields say nothing to us."""
    data: list[str] = []
    while line := response.readline(_LINE_BYTES):
        text = line.decode("utf-8", "replace").rstrip("\r\n")
        if not text:
            if data:
                yield "\n".join(data)
            data = []
        elif text.startswith("data:") and len(data) < _EVENT_LINES:
            data.append(text[5:].removeprefix(" "))


def _tell(data: str, hear: Hear) -> None:
    """What cannot be read is no news: the next poll finds what it meant."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return
    if isinstance(found, dict) and isinstance(found.get("id"), str):
        generation = found.get("generation")
        hear(found["id"], generation if type(generation) is int else None)
