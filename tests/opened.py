"""Backends that a test opens and does not close."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager

from catalog_tool.backends.base import Backend
from catalog_tool.sync.conformance import Connect


@contextmanager
def opened(connect: Connect) -> Iterator[Connect]:
    """``connect``, which closes at the end whatever it opened."""
    with ExitStack() as stack:
        yield lambda prefix="": stack.enter_context(closing(_opened(connect, prefix)))


def _opened(connect: Connect, prefix: str) -> Backend:
    return connect(prefix=prefix)
