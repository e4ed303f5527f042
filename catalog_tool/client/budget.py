"""What one fetch may cost."""

from __future__ import annotations

from collections.abc import Callable

from catalog_tool.client.errors import SourceUnavailableError


class Budget:
    """How long one fetch may take and how many attempts it may make, counted down by all it does."""

    __slots__ = ("_clock", "_deadline", "attempts", "requests")

    def __init__(self, clock: Callable[[], float], seconds: float, attempts: int) -> None:
        self._clock = clock
        self._deadline = clock() + seconds
        self.attempts = attempts
        self.requests = 0

    def left(self) -> float:
        """Seconds until the deadline; negative after it."""
        return self._deadline - self._clock()

    def remaining(self) -> float:
        """Seconds until the deadline. Raises ``SourceUnavailableError`` where none are left."""
        left = self.left()
        if left <= 0:
            raise SourceUnavailableError("no answer before the deadline", hint="see timeout_seconds")
        return left

    def spend(self) -> float:
        """Count one request; the seconds it may take."""
        self.requests += 1
        return self.remaining()
