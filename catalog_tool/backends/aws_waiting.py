"""Answers of AWS's interfaces that come in drops: botocore's time-out is of one wait, urllib3 knows no other.

What a connection reads, status line and headers too, goes by a file over its socket that counts the waiting.
"""

from __future__ import annotations

import io
import time
from typing import Any

from catalog_tool.backends.slow_answers import Waited


class _Answer(io.RawIOBase):
    """One answer, as it comes. Raises ``TimeoutError`` as the socket does, which urllib3 understands."""

    def __init__(self, raw: Any, seconds: float) -> None:
        self._raw = raw
        self._seconds = seconds
        self._waited = Waited(seconds)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int | None:
        started = time.monotonic()
        count: int | None = self._raw.readinto(buffer)
        if self._waited.is_over(time.monotonic() - started, count or 0):
            raise TimeoutError(f"the answer is not whole after {self._seconds:g} s")
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Socket:
    """A socket that lends itself to one answer after the other."""

    def __init__(self, sock: Any, seconds: float) -> None:
        self._sock = sock
        self._seconds = seconds

    def makefile(self, mode: str, buffering: int = -1, **_: Any) -> Any:
        """A file to read one answer from."""
        answer = _Answer(self._sock.makefile(mode, 0), self._seconds)
        return answer if buffering == 0 else io.BufferedReader(answer)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)


class _Connection:
    """What is mixed into botocore's connections."""

    answer_seconds: float
    sock: Any

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]
        self.sock = _Socket(self.sock, self.answer_seconds)


def bound_answers(client: Any, seconds: float) -> None:
    """Give a client of botocore a longest time for a whole answer, in seconds without data to speak of.

    botocore has no way for that which is public: where it keeps its pools elsewhere one day, nothing is done.
    """
    session = getattr(getattr(client, "_endpoint", None), "http_session", None)
    pools: dict[str, Any] = getattr(session, "_pool_classes_by_scheme", {})
    for scheme, pool in list(pools.items()):
        connection = type("Connection", (_Connection, pool.ConnectionCls), {"answer_seconds": seconds})
        pools[scheme] = type("Pool", (pool,), {"ConnectionCls": connection})
