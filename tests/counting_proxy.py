"""A proxy before a store that counts round trips: how often a client spoke after it had been answered."""

from __future__ import annotations

import contextlib
import socket
import threading

from tcp_proxy import TcpProxy, end


class CountingProxy(TcpProxy):
    """For clients that wait for each answer; ``trips`` is the count of all connections."""

    def __init__(self, server: tuple[str, int]) -> None:
        super().__init__(server)
        self.trips = 0

    def serve(self, client: socket.socket, server: socket.socket) -> None:
        """Pass on both ways, and count."""
        was_answered = threading.Event()
        was_answered.set()
        answers = self.start(self._pass_on, server, client, was_answered, "answers")
        self._pass_on(client, server, was_answered, "asks")
        answers.join(10)

    def _pass_on(self, source: socket.socket, drain: socket.socket, was_answered: threading.Event, what: str) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if what == "answers":
                    was_answered.set()
                elif was_answered.is_set():
                    was_answered.clear()
                    self.trips += 1
                drain.sendall(data)
        end(source)
        end(drain)
