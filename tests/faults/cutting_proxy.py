"""A TCP proxy before a database that cuts a connection at its commit: before the server saw it, or after its answer."""

from __future__ import annotations

import contextlib
import enum
import socket
from collections import Counter

from tcp_proxy import TcpProxy, end

COMMIT = b"COMMIT\0"
"""How Postgres is told to commit."""
EXEC = b"$4\r\nEXEC\r\n"
"""How Redis is told to."""


class Cut(enum.Enum):
    """When to cut: the commit never arrives, or its answer never does."""

    BEFORE = "before"
    AFTER = "after"


class CuttingProxy(TcpProxy):
    """``cut`` is what happens at the next commit; after it, it is None."""

    def __init__(self, server: tuple[str, int], commit: bytes = COMMIT) -> None:
        super().__init__(server)
        self._commit = commit
        self.cut: Cut | None = None
        self.cuts: Counter[Cut] = Counter()

    def serve(self, client: socket.socket, server: socket.socket) -> None:
        """Questions one way, answers the other: the protocol of a client that waits for each answer."""
        answers = self.start(self._answers, server, client)
        with contextlib.suppress(OSError):
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
        end(client)
        end(server)
        answers.join(10)

    @staticmethod
    def _answers(server: socket.socket, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(65536):
                client.sendall(data)
        end(client)
