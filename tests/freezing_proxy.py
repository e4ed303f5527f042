"""A TCP proxy that goes on taking questions and, once frozen, passes no answer on: a server that hangs."""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType


class FreezingProxy:
    """Listens on a free port of 127.0.0.1. ``frozen`` may be set and cleared; ``questions`` counts what was sent.

    The first question that holds ``trigger`` freezes it. ``asked`` is set by whoever asks while it is frozen.
    """

    def __init__(self, server: tuple[str, int], trigger: bytes | None = None) -> None:
        self._server = server
        self._trigger = trigger
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._ends: list[socket.socket] = []
        self.port: int = self._listener.getsockname()[1]
        self.frozen = threading.Event()
        self.asked = threading.Event()
        self.questions = 0

    def __enter__(self) -> FreezingProxy:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for end in (self._listener, *self._ends):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._server)
                self._ends += [client, server]
                threading.Thread(target=self._pass_on, args=(client, server, False), daemon=True).start()
                threading.Thread(target=self._pass_on, args=(server, client, True), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket, answers: bool) -> None:  # noqa: FBT001 - a thread's
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if not answers:
                    self._heard(data)
                if not (answers and self.frozen.is_set()):
                    sink.sendall(data)

    def _heard(self, question: bytes) -> None:
        self.questions += 1
        if self._trigger is not None and self._trigger in question:
            self._trigger = None
            self.frozen.set()
        if self.frozen.is_set():
            self.asked.set()
