"""A TCP proxy of a test's own before a server: what becomes of a connection is a subclass's business."""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType
from typing import Self


class TcpProxy:
    """Listens on a free port of 127.0.0.1 until the block ends; ``serve`` has each connection in its own thread."""

    def __init__(self, server: tuple[str, int]) -> None:
        self._server = server
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self.start(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(10)

    def start(self, target: object, *arguments: object) -> threading.Thread:
        """Run something beside the rest; the end of the block waits for it."""
        thread = threading.Thread(target=target, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()
        return thread

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._server)
            self.start(self._serve, client, server)

    def _serve(self, client: socket.socket, server: socket.socket) -> None:
        with client, server:
            self.serve(client, server)

    def serve(self, client: socket.socket, server: socket.socket) -> None:
        """Pass on what comes, either way; both are closed afterwards."""
        raise NotImplementedError


def end(connection: socket.socket) -> None:
    """Nothing comes or goes any more."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
