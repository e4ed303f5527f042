"""Hearing of label moves in a Postgres store: LISTEN on its channel (``postgres.CHANNEL``)."""

from __future__ import annotations

import os
import time

import psycopg

from catalog_tool.backends.postgres import CHANNEL, Connection, connection_parameters

_AGAIN_SECONDS = 1.0
"""How long a cut line is left alone before it is opened anew."""


class LabelNews:
    """One line to the server at ``url`` (None: libpq's variables). What is missed while it is cut is found by polling.

    ``wait`` may be called from one thread at a time. Raises nothing: a line that cannot be opened is silent.
    """

    def __init__(self, url: str | None) -> None:
        self._parameters, _ = connection_parameters(url, os.environ)
        self._connection: Connection | None = None
        self._next_try = 0.0

    def wait(self, seconds: float) -> bool:
        """Whether a label moved (or may have, while no line was open) within ``seconds``."""
        started = time.monotonic()
        is_new = self._connection is None and self._open(started)
        if is_new:
            return True
        if self._connection is not None:
            try:
                return any(True for _ in self._connection.notifies(timeout=seconds, stop_after=1))
            except psycopg.Error:
                self.close()
                self._next_try = time.monotonic() + _AGAIN_SECONDS
        time.sleep(max(0.0, seconds - (time.monotonic() - started)))
        return False

    def _open(self, now: float) -> bool:
        if now < self._next_try:
            return False
        try:
            self._connection = psycopg.connect(**self._parameters, autocommit=True)  # type: ignore[arg-type]
            self._connection.execute(f"LISTEN {CHANNEL}")
        except psycopg.Error:
            self.close()
            self._next_try = time.monotonic() + _AGAIN_SECONDS
            return False
        return True

    def close(self) -> None:
        """Hang up; ``wait`` would open another line."""
        kept, self._connection = self._connection, None
        if kept is not None:
            kept.close()
