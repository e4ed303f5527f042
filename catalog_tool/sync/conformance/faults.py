"""Faults on purpose: a backend that dies, loses answers or refuses at a chosen call."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from catalog_tool.backends.base import Backend, LabelEvent
from catalog_tool.model.capabilities import Capabilities
from catalog_tool.model.target import Control, Lease, Live, Run, TargetState, Write, Written


class Crash(BaseException):
    """The process died here: nothing of it may run on, so no ``except Exception`` catches this."""


Fault = Callable[[str], BaseException | None]
"""Given the name of a call, the error to raise there, or None."""


class FaultyBackend:
    """Passes every call on, unless ``before`` or ``after`` says what goes wrong there.

    After a ``Crash`` every further call crashes too. ``calls`` lists what was called; ``writes`` counts
    the calls that write.
    """

    def __init__(self, inner: Backend, before: Fault | None = None, after: Fault | None = None) -> None:
        self._inner = inner
        self._before = before
        self._after = after
        self._dead = False
        self.calls: list[str] = []

    @property
    def capabilities(self) -> Capabilities:
        """The inner store's."""
        return self._inner.capabilities

    @property
    def writes(self) -> int:
        """How many calls wrote objects or the control document."""
        return sum(name in ("write", "save_control") for name in self.calls)

    def _fail(self, fault: Fault | None, name: str) -> None:
        if self._dead:
            raise Crash(name)
        error = fault(name) if fault is not None else None
        if error is not None:
            self._dead = isinstance(error, Crash)
            raise error

    def _enter(self, name: str) -> None:
        self.calls.append(name)
        self._fail(self._before, name)

    def place(self) -> str:
        """Never fails."""
        return self._inner.place()

    def load(self) -> TargetState:
        """May fail."""
        self._enter("load")
        found = self._inner.load()
        self._fail(self._after, "load")
        return found

    def scan(self, only: Collection[str] | None = None) -> Iterator[Live]:
        """May fail before the first object or after the last."""
        self._enter("scan")
        yield from self._inner.scan(only)
        self._fail(self._after, "scan")

    def contents(self, address: str) -> Mapping[str, tuple[str, bytes]]:
        """May fail."""
        self._enter("contents")
        return self._inner.contents(address)

    def take_lease(self, lease: Lease, *, instead_of: str | None = None) -> Lease:
        """May fail."""
        self._enter("take_lease")
        found = self._inner.take_lease(lease, instead_of=instead_of)
        self._fail(self._after, "take_lease")
        return found

    def drop_lease(self, token: str) -> None:
        """May fail."""
        self._enter("drop_lease")
        self._inner.drop_lease(token)
        self._fail(self._after, "drop_lease")

    def save_control(self, control: Control, token: str) -> None:
        """May fail."""
        self._enter("save_control")
        self._inner.save_control(control, token)
        self._fail(self._after, "save_control")

    def write(self, writes: Sequence[Write], run: Run) -> list[Written]:
        """May fail."""
        self._enter("write")
        found = self._inner.write(writes, run)
        self._fail(self._after, "write")
        return found

    def generations(self) -> Mapping[str, int]:
        """Never fails."""
        return self._inner.generations()

    def events(self) -> Iterator[LabelEvent]:
        """Never fails."""
        return self._inner.events()

    def close(self) -> None:
        """Never fails."""
        self._inner.close()


def at_call(number: int, error: Callable[[], BaseException]) -> Fault:
    """Fail at the ``number``-th call, counted from 1."""
    count = 0

    def fault(_: str) -> BaseException | None:
        nonlocal count
        count += 1
        return error() if count == number else None

    return fault
