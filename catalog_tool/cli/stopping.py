"""SIGTERM and Ctrl-C while a target is open: answered well before the SIGKILL with which a cancelled job ends.

A look at a target has nothing worth finishing: the first signal interrupts it (exit code 130), also where a
server hangs. From the first step of a write on, a signal asks to stop after the step under way; a step that does
not end is interrupted too, and is completed by the next run as after a kill.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator

from catalog_tool.cli.context import tell

GRACE_SECONDS = 5.0
"""How long the step under way may still take. CI systems kill some ten seconds after they ask."""
UNWINDING_SECONDS = 1.0
"""How long each thing may take that an interruption tidies up, giving the lease back among them: it may hang too."""
_ASKING = (signal.SIGINT, signal.SIGTERM)
_HAS_TIMER = hasattr(signal, "setitimer")


class Stop:
    """What signals asked for so far. ``is_looking``: there is no step yet that is worth finishing."""

    def __init__(self, *, is_looking: bool) -> None:
        self._asked = threading.Event()
        self._is_looking = is_looking

    def is_asked(self) -> bool:
        """Whether to stop."""
        return self._asked.is_set()

    def between_steps(self) -> bool:
        """Whether to stop here, between two steps: who asks goes on with one that is worth finishing."""
        self._is_looking = False
        return self.is_asked()

    def wait(self, seconds: float) -> None:
        """Do nothing for so long, or until it is asked to stop."""
        self._asked.wait(seconds)

    def hear(self, number: int, _frame: object) -> None:
        """A signal's handler. A second SIGINT interrupts a step too."""
        is_first = not self.is_asked()
        self._asked.set()
        if self._is_looking or (number == signal.SIGINT and not is_first):
            _set_timer(UNWINDING_SECONDS)
            raise KeyboardInterrupt
        if is_first:
            _set_timer(GRACE_SECONDS)
            tell("stopping after this step …")


@contextlib.contextmanager
def stopping(*, is_looking: bool = False) -> Iterator[Stop]:
    """Answer signals as the module says. Within another one it is that one: a signal is meant for both."""
    outer = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    if isinstance(outer, Stop):
        yield outer
        return
    stop = Stop(is_looking=is_looking)
    kept = {number: signal.signal(number, stop.hear) for number in _ASKING}
    if _HAS_TIMER:
        kept[signal.SIGALRM] = signal.signal(signal.SIGALRM, _interrupt)
    try:
        yield stop
    finally:
        _set_timer(0.0)
        for number, handler in kept.items():
            signal.signal(number, handler)


def _set_timer(seconds: float) -> None:
    """Interrupt after so many seconds, and then again and again while something still hangs; 0: do not."""
    if _HAS_TIMER:
        signal.setitimer(signal.ITIMER_REAL, seconds, UNWINDING_SECONDS)


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt
