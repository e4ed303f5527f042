"""A TCP proxy before a database that cuts a connection at its commit: before the server saw it, or after its answer."""

from __future__ import annotations

import contextlib
import enum
import socket
import threading
from collections import Counter
from types import TracebackType

COMMIT = b"COMMIT\0"
"""How Postgres is told to commit."""
EXEC = b"$4\r\nEXEC\r\n"
"""How Redis is told to."""


class Cut(enum.Enum):
    """When to cut: the commit never arrives, or its answer never does."""

    BEFORE = "before"
    AFTER = "after"


class CuttingProxy:
    """Listens on a free port of 127.0.0.1. ``cut`` is what happens at the next commit; after it, it is None."""

    def __init__(self, server: tuple[str, int], commit: bytes = COMMIT) -> None:
        self._server = server
        self._commit = commit
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.cut: Cut | None = None
        self.cuts: Counter[Cut] = Counter()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> CuttingProxy:
        self._start(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(10)

    def _start(self, target: object, *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._server)
            self._start(self._serve, client, server)

    def _serve(self, client: socket.socket, server: socket.socket) -> None:
        """Questions one way, answers the other: the protocol of a client that waits for each answer."""
        with client, server, contextlib.suppress(OSError):
            self._start(self._answers, server, client)
            while data := client.recv(65536):
                cut = self.cut if self._commit in data else None
                if cut is not None:
                    self.cut = None
                    self.cuts[cut] += 1
                if cut is Cut.BEFORE:
                    break
                if cut is Cut.AFTER:
                    client.shutdown(socket.SHUT_RDWR)  # whatever is answered from here on reaches nobody
                server.sendall(data)
                if cut is Cut.AFTER:
                    # The server ends the connection once it has done what it was sent.
                    server.shutdown(socket.SHUT_WR)
                    break
            _end(client)
            _end(server)

    @staticmethod
    def _answers(server: socket.socket, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(65536):
                client.sendall(data)
        _end(client)


def _end(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
