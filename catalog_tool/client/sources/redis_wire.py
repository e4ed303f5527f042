"""Redis' protocol (RESP2), as much of it as a reader needs, under one deadline.

The protocol is a few lines; redis-py is not used because its timeouts are of one wait each, so that an
answer that drips in has no deadline, and because it takes longer to load than a first ``get`` should.
"""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from catalog_tool.client.errors import (
    AccessRefusedError,
    BadAnswerError,
    ClientError,
    SourceUnavailableError,
)
from catalog_tool.client.sources.base import ANSWER_BYTES
from catalog_tool.errors import UsageError

PORT = 6379
_CHUNK = 64 * 1024
_LINE_BYTES = 16 * 1024
_ITEMS = 100_000
_DEPTH = 4
_REFUSED = ("NOAUTH", "WRONGPASS", "NOPERM", "ERR invalid password", "ERR AUTH")
_BUSY = ("LOADING", "BUSY", "MASTERDOWN", "TRYAGAIN", "CLUSTERDOWN", "ERR max number of clients")

Left = Callable[[], float]


class RedisAddress(NamedTuple):
    """Where to go and as whom. The password never leaves this value but into AUTH."""

    secure: bool
    host: str
    port: int
    database: int
    user: str | None
    password: str | None

    @property
    def place(self) -> str:
        """The address without anything secret."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'rediss' if self.secure else 'redis'}://{host}:{self.port}/{self.database}"

    def __repr__(self) -> str:
        return f"<RedisAddress {self.place}>"


def redis_address(text: str) -> RedisAddress:
    """``redis[s]://[user:password@]host[:port][/database]``.

    Raises ``UsageError``, which never repeats the address: it may hold a password.
    """
    try:
        parts = urlsplit(text)
        database = int(parts.path.strip("/") or 0)
        host, port = parts.hostname, parts.port
    except ValueError:
        parts, host, port, database = urlsplit(""), None, None, 0
    if not host or parts.query or parts.fragment or database < 0:
        hint = "redis://[user:password@]host[:port][/database], rediss:// with TLS"
        raise UsageError("the source is no address of a Redis server", hint=hint) from None
    user, password = (unquote(part) if part else None for part in (parts.username, parts.password))
    return RedisAddress(parts.scheme == "rediss", unquote(host), port or PORT, database, user, password)


class Wire:
    """One connection, open and signed in. ``left`` says how many seconds are left at any moment.

    Raises ``SourceUnavailableError``, ``AccessRefusedError``, ``BadAnswerError``; ``OSError`` is passed on to
    whoever knows whether the connection was a fresh one.
    """

    def __init__(self, address: RedisAddress, left: Left) -> None:
        self._address = address
        self._buffer = bytearray()
        self.left = left
        self.socket = socket.create_connection((address.host, address.port), timeout=_seconds(left))
        try:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if address.secure:
                context = ssl.create_default_context()
                self.socket.settimeout(_seconds(left))
                self.socket = context.wrap_socket(self.socket, server_hostname=address.host)
            self._sign_in()
        except BaseException:
            self.close()
            raise

    def _sign_in(self) -> None:
        commands: list[tuple[str, ...]] = []
        if self._address.password is not None:
            user = (self._address.user,) if self._address.user is not None else ()
            commands.append(("AUTH", *user, self._address.password))
        if self._address.database:
            commands.append(("SELECT", str(self._address.database)))
        if commands:
            self.ask(*commands)

    def ask(self, *commands: tuple[str, ...]) -> list[Any]:
        """One round trip: an answer for each command."""
        self.send(*commands)
        answers = [self._reply(0) for _ in commands]
        for answer in answers:
            for part in (answer, *(answer if isinstance(answer, list) else ())):  # of EXEC each part may be an error
                if isinstance(part, ClientError):
                    raise part
        return answers

    def send(self, *commands: tuple[str, ...]) -> None:
        """Ask without waiting."""
        self.socket.settimeout(_seconds(self.left))
        self.socket.sendall(b"".join(_packed(command) for command in commands))

    def wait(self, seconds: float) -> Any:
        """What the server says next without being asked; None where that is nothing for so long."""
        if not self._buffer:
            self.socket.settimeout(seconds)
            try:
                self._take()
            except TimeoutError:
                return None
        answer = self._reply(0)
        if isinstance(answer, ClientError):
            raise answer
        return answer

    def _reply(self, depth: int) -> Any:
        line = self._line()
        kind, rest = line[:1], line[1:]
        if kind == b"+":
            return rest
        if kind == b"-":
            return self._error(rest.decode("utf-8", "replace"))
        if kind in (b":", b"$", b"*"):
            return self._sized(kind, self._number(rest), depth)
        raise BadAnswerError(f"{self._address.place}: the answer is not Redis' protocol", hint="is the port right?")

    def _sized(self, kind: bytes, number: int, depth: int) -> Any:
        if kind == b":":
            return number
        if number < 0:
            return None
        if kind == b"$":
            if number > ANSWER_BYTES:
                raise BadAnswerError(f"{self._address.place}: the answer is larger than {ANSWER_BYTES // 1024**2} MiB")
            return self._exactly(number)
        if number > _ITEMS or depth >= _DEPTH:
            raise BadAnswerError(f"{self._address.place}: the answer has too many parts")
        return [self._reply(depth + 1) for _ in range(number)]

    def _number(self, text: bytes) -> int:
        digits = text.removeprefix(b"-")
        if not digits.isdigit() or len(digits) > 19:
            raise BadAnswerError(f"{self._address.place}: the answer is not Redis' protocol")
        return int(text)

    def _error(self, text: str) -> ClientError:
        told = f"{self._address.place}: the server said {text[:80]!r}"
        if text.startswith(_REFUSED):
            return AccessRefusedError(told, hint="docs/targets.md has what a user needs that only reads")
        if text.startswith(_BUSY):
            return SourceUnavailableError(told)
        return BadAnswerError(told)

    def _line(self) -> bytes:
        while (end := self._buffer.find(b"\r\n")) < 0:
            if len(self._buffer) > _LINE_BYTES:
                raise BadAnswerError(f"{self._address.place}: the answer is not Redis' protocol")
            self._fill()
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        return line

    def _exactly(self, size: int) -> bytes:
        while len(self._buffer) < size + 2:
            self._fill()
        data = bytes(self._buffer[:size])
        del self._buffer[: size + 2]
        return data

    def _fill(self) -> None:
        """More bytes; each wait is cut at the deadline, so dripping does not prolong it."""
        self.socket.settimeout(_seconds(self.left))
        self._take()

    def _take(self) -> None:
        data = self.socket.recv(_CHUNK)
        if not data:
            raise ConnectionResetError("the server closed the connection")
        self._buffer += data

    def cut(self) -> None:
        """End a wait that another thread is in."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Hang up."""
        with contextlib.suppress(OSError):
            self.socket.close()

    def let_go(self) -> None:
        """In a child process: close our copy of the parent's connection, without a word on it."""
        with contextlib.suppress(OSError):
            os.close(self.socket.detach())


def _seconds(left: Left) -> float:
    seconds = left()
    if seconds <= 0:
        raise TimeoutError("the deadline passed")
    return seconds


def _packed(command: tuple[str, ...]) -> bytes:
    words = [word.encode() for word in command]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in words)
