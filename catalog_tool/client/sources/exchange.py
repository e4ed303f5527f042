"""One HTTP exchange under one deadline, over connections that are kept for a moment."""

from __future__ import annotations

import io
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any, NamedTuple

from catalog_tool.client.budget import Budget
from catalog_tool.client.cadence import retry_after_seconds
from catalog_tool.client.errors import BadAnswerError, SourceUnavailableError

_IDLE_SECONDS = 10.0
"""Kept connections are younger than this: servers close older ones, and the next request would be lost."""
_IDLE = 4
_CHUNK = 64 * 1024
AGENT = "catalog-tool-client"


class Server(NamedTuple):
    """Where to go and as whom. The token never leaves this value but into a header."""

    secure: bool
    host: str
    port: int | None
    base: str
    token: str | None

    @property
    def place(self) -> str:
        """The address without anything secret."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = f":{self.port}" if self.port is not None else ""
        return f"{'https' if self.secure else 'http'}://{host}{port}{self.base}"

    def headers(self, accept: str) -> dict[str, str]:
        """What every request carries."""
        headers = {"Accept": accept, "Accept-Encoding": "identity", "User-Agent": AGENT}
        return headers | ({"Authorization": f"Bearer {self.token}"} if self.token is not None else {})

    def __repr__(self) -> str:
        return f"<Server {self.place}>"


class Reply(NamedTuple):
    """A whole answer; ``retry_after`` in seconds."""

    status: int
    body: bytes
    etag: str | None
    content_type: str
    retry_after: float | None


class _Timed(io.RawIOBase):
    """A socket's bytes, each wait for them cut at the deadline: dripping does not prolong it."""

    def __init__(self, sock: socket.socket, left: Callable[[], float]) -> None:
        self._sock = sock
        self._bytes = sock.makefile("rb", buffering=0)
        self._left = left

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._left()
        if left <= 0:
            raise TimeoutError("the deadline passed while the answer was read")
        self._sock.settimeout(left)
        return self._bytes.readinto(buffer)

    def close(self) -> None:
        self._bytes.close()
        super().close()


class _Reading:
    """What ``HTTPResponse`` asks of a socket: one thing to read from."""

    def __init__(self, sock: socket.socket, left: Callable[[], float]) -> None:
        self._timed = _Timed(sock, left)

    def makefile(self, *_: object) -> io.BufferedReader:
        """The bytes, buffered."""
        return io.BufferedReader(self._timed, _CHUNK)


def connection_to(server: Server, timeout: float) -> HTTPConnection:
    """A connection that is not open yet."""
    if server.secure:
        return HTTPSConnection(server.host, server.port, timeout=timeout, context=ssl.create_default_context())
    return HTTPConnection(server.host, server.port, timeout=timeout)


class Exchange:
    """GETs of one server. Safe to call from several threads."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._lock = threading.Lock()
        self._idle: list[tuple[float, HTTPConnection]] = []
        self._closed = False

    def get(self, path: str, etag: str | None, budget: Budget, largest: int) -> Reply:
        """The answer to one GET, read to its end.

        Raises ``SourceUnavailableError`` for a network that fails or a deadline that passes,
        ``BadAnswerError`` for what is no HTTP or larger than ``largest`` bytes.
        """
        budget.spend()
        connection, is_fresh = self._taken(budget)
        try:
            try:
                return self._once(connection, path, etag, budget, largest)
            except (ConnectionError, HTTPException):
                if is_fresh:
                    raise
            # The server had closed the kept connection; this is the same request, never two at a time.
            connection = connection_to(self._server, budget.remaining())
            return self._once(connection, path, etag, budget, largest)
        except TimeoutError as error:
            raise SourceUnavailableError(f"{self._server.place}: no answer before the deadline") from error
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise SourceUnavailableError(f"{self._server.place}: {reason}") from error
        except (HTTPException, ValueError) as error:
            raise BadAnswerError(f"{self._server.place}: no whole HTTP answer ({type(error).__name__})") from error

    def _once(self, connection: HTTPConnection, path: str, etag: str | None, budget: Budget, largest: int) -> Reply:
        headers = self._server.headers("application/json")
        if etag is not None:
            headers["If-None-Match"] = etag
        with ExitStack() as unless_kept:
            unless_kept.callback(connection.close)
            connection.timeout = budget.remaining()
            if connection.sock is None:
                connection.connect()
            connection.sock.settimeout(budget.remaining())
            connection.request("GET", f"{self._server.base}{path}", headers=headers)
            response = response_of(connection, budget.left)
            unless_kept.callback(response.close)
            reply = Reply(
                status=response.status,
                body=_body(response, largest, self._server.place),
                etag=_etag(response.headers["ETag"]),
                content_type=response.headers["Content-Type"] or "",
                retry_after=retry_after_seconds(response.headers["Retry-After"], time.time()),
            )
            if not response.will_close and self._keep(connection):
                unless_kept.pop_all()
        return reply

    def _taken(self, budget: Budget) -> tuple[HTTPConnection, bool]:
        now = time.monotonic()
        with self._lock:
            while self._idle:
                since, connection = self._idle.pop()
                if now - since < _IDLE_SECONDS:
                    return connection, False
                connection.close()
        return connection_to(self._server, budget.remaining()), True

    def _keep(self, connection: HTTPConnection) -> bool:
        with self._lock:
            is_kept = len(self._idle) < _IDLE and not self._closed
            if is_kept:
                self._idle.append((time.monotonic(), connection))
        return is_kept

    def forked(self) -> None:
        """Close our copies of the parent's connections; nothing is said on them."""
        self._lock = threading.Lock()
        self._let_go()

    def close(self) -> None:
        """Close what is kept."""
        with self._lock:
            self._closed = True
            self._let_go()

    def __del__(self) -> None:
        self._let_go()  # a client that is forgotten rather than closed

    def _let_go(self) -> None:
        idle, self._idle = self._idle, []
        for _, connection in idle:
            connection.close()


def response_of(connection: HTTPConnection, left: Callable[[], float]) -> HTTPResponse:
    """The head of the answer; it and what follows is read under the deadline."""

    def timed(sock: socket.socket, *_: object, method: str | None = None) -> HTTPResponse:
        return HTTPResponse(_Reading(sock, left), method=method)  # type: ignore[arg-type]  # all it asks of a socket

    connection.response_class = timed  # type: ignore[assignment]  # only ever called
    return connection.getresponse()


def _body(response: HTTPResponse, largest: int, place: str) -> bytes:
    found = bytearray()
    while chunk := response.read(min(_CHUNK, largest + 1 - len(found))):
        found += chunk
        if len(found) > largest:
            raise BadAnswerError(f"{place}: the answer is larger than {largest // 1024**2} MiB")
    if response.length:
        raise BadAnswerError(f"{place}: the answer ends {response.length} bytes too early")
    return bytes(found)


def _etag(header: str | None) -> str | None:
    """An ETag that may be sent back: short, printable, as the server wrote it."""
    return header if header and len(header) <= 512 and header.isascii() and header.isprintable() else None
