"""How often a call is made that does not answer."""

from __future__ import annotations

import pytest

from catalog_tool.errors import RefusedError, TimedOutError, UnavailableError
from catalog_tool.sync.timing import TIME_OUTS, TRIES, Timing, persistently


class Calls:
    """A call that ends in each of the errors given, one after the other, and then answers."""

    def __init__(self, *errors: Exception) -> None:
        self.made = 0
        self.waited: list[float] = []
        self._errors = errors

    def __call__(self) -> str:
        self.made += 1
        if self.made <= len(self._errors):
            raise self._errors[self.made - 1]
        return "answer"

    def persistently(self) -> str:
        """The answer, without waiting for it."""
        return persistently(Timing(sleep=self.waited.append, jitter=lambda: 1.0), self)


BUSY, SILENT = UnavailableError("busy"), TimedOutError("silent")


def test_a_busy_server_is_asked_again_after_longer_and_longer_pauses() -> None:
    calls = Calls(*[BUSY] * (TRIES - 1))
    assert calls.persistently() == "answer"
    assert calls.waited == [0.25, 0.5, 1.0, 2.0]


def test_a_server_that_stays_busy_is_given_up() -> None:
    calls = Calls(*[BUSY] * TRIES)
    with pytest.raises(UnavailableError, match="busy"):
        calls.persistently()
    assert calls.made == TRIES


def test_a_server_that_stays_silent_is_given_up_sooner_for_each_try_costs_its_whole_time() -> None:
    calls = Calls(BUSY, *[SILENT] * TRIES)
    with pytest.raises(TimedOutError):
        calls.persistently()
    assert calls.made == 1 + TIME_OUTS


def test_one_silence_is_no_end() -> None:
    calls = Calls(SILENT, BUSY)
    assert calls.persistently() == "answer"


def test_how_long_a_server_asks_to_wait_is_believed() -> None:
    calls = Calls(UnavailableError("busy", retry_after=7.0))
    assert calls.persistently() == "answer"
    assert calls.waited == [7.25]


def test_what_is_refused_is_not_tried_again() -> None:
    calls = Calls(RefusedError("no"))
    with pytest.raises(RefusedError):
        calls.persistently()
    assert calls.made == 1
