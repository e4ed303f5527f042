"""What httpx raises where a server does not answer, as an error of ours."""

from __future__ import annotations

import httpx

from catalog_tool.errors import TimedOutError, UnavailableError


def no_answer(place: str, error: httpx.TransportError, *, hint: str = "") -> UnavailableError:
    """The error to raise for a request that got no answer, in words that follow ``place``.

    It is a ``TimedOutError`` where all the time was spent waiting. ``hint`` says what to look at where no
    connection was made: with one that broke, the address is right.
    """
    kind = TimedOutError if isinstance(error, httpx.TimeoutException) else UnavailableError
    said = "it stayed silent too long" if isinstance(error, httpx.ReadTimeout) else str(error) or type(error).__name__
    is_unconnected = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
    return kind(f"{place} does not answer: {said}", hint=hint if is_unconnected else "")
