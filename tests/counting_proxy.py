"""A TCP proxy before a store that counts round trips: how often a client spoke after it had been answered."""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType


class CountingProxy:
    """Listens on a free port of 127.0.0.1, for clients that wait for each answer. ``trips`` may be set to 0."""

    def __init__(self, server: tuple[str, int]) -> None:
        self._server = server
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.trips = 0
        self._threads: list[threading.Thread] = []
        self._ends: list[socket.socket] = []

    def __enter__(self) -> CountingProxy:
        self._start(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(10)
        for end in self._ends:
            end.close()

    def _start(self, target: object, *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._server)
                self._ends += [client, server]
                was_answered = threading.Event()
                was_answered.set()
                self._start(self._pass_on, client, server, was_answered, "asks")
                self._start(self._pass_on, server, client, was_answered, "answers")

    def _pass_on(self, source: socket.socket, drain: socket.socket, was_answered: threading.Event, what: str) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if what == "answers":
                    was_answered.set()
                elif was_answered.is_set():
                    was_answered.clear()
                    self.trips += 1
                drain.sendall(data)
        for end in (source, drain):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
