"""Ctrl-C while the command line is still being loaded: one word and exit code 130, never a traceback."""

from __future__ import annotations

import _signal as signal  # type: ignore[import-not-found]  # without the enumerations that ``signal`` makes of it
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

EXIT_INTERRUPTED = 130


@contextmanager
def answered_at_once() -> Iterator[None]:
    """Within: SIGINT ends the process at once. Nothing has been opened or written yet that it could harm.

    A signal that is ignored (``nohup``, a job in the background) stays so, and so does a handler of
    whoever imports this as a library, or does so outside the main thread.
    """
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    with suppress(ValueError):  # not in the main thread, where signals are never seen
        signal.signal(signal.SIGINT, _leave)
    try:
        yield
    finally:
        with suppress(ValueError):
            signal.signal(signal.SIGINT, signal.default_int_handler)


def _leave(_number: int, _frame: object) -> None:
    os.write(2, b"interrupted\n")
    os._exit(EXIT_INTERRUPTED)
