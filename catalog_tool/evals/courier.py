"""One request to a server that may be slow, busy, broken or hostile: retries, deadlines, bounds.

Nothing it is told is believed beyond its size: bodies are bounded, redirects are not followed, a
``Retry-After`` is capped, and what a server says of an error is clipped and freed of the key.
"""

from __future__ import annotations

import email.utils
import json
import random
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx

from catalog_tool.evals.answer import BadAnswerError, Tokens
from catalog_tool.evals.budget import Budget, BudgetSpentError, Estimate
from catalog_tool.evals.endpoint import Endpoint

ANSWER_BYTES = 8 * 1024 * 1024
"""The largest body that is read."""
ATTEMPTS = 5
BACK_OFF_SECONDS = 0.5
LONGEST_BACK_OFF_SECONDS = 30.0
LONGEST_RETRY_AFTER_SECONDS = 300.0
CONNECT_SECONDS = 10.0
EXCERPT_CHARACTERS = 200
_AGAIN = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})

BUDGET, INTERRUPTED, REFUSED = "budget", "interrupted", "refused"
"""Why a run ends before its last case."""

T = TypeVar("T")
Chunks = Iterator[bytes]
Reader = Callable[[Chunks, float], tuple[T, Tokens | None]]
"""Makes something of a body, and says what the server counted for it.

The number is ``time.perf_counter()`` from before it was asked for.
"""
Pause = Callable[[float], bool]
"""Waits so many seconds; True: stop, the run was interrupted."""


class AskError(Exception):
    """No answer could be had; the text says why.

    ``stops``: nothing else will be answered either, because of this (``BUDGET``, ``INTERRUPTED``, …).
    ``asked``: at least one request was sent for it.
    """

    def __init__(self, message: str, *, stops: str | None = None, asked: bool = True) -> None:
        super().__init__(message)
        self.stops = stops
        self.asked = asked


class _AgainError(Exception):
    """This attempt failed, the next may not; ``after`` is what the server asks to wait, in seconds."""

    def __init__(self, message: str, after: float | None = None) -> None:
        super().__init__(message)
        self.after = after


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """What is sent: ``headers`` go besides the key's, which ``key_header`` carries after ``key_prefix``."""

    path: str
    body: Mapping[str, Any]
    estimate: Estimate
    headers: tuple[tuple[str, str], ...] = ()
    key_header: str = "Authorization"
    key_prefix: str = "Bearer "


@dataclass(frozen=True, slots=True, kw_only=True)
class Courier:
    """Sends requests to one endpoint; safe to share between threads.

    ``deadline_seconds`` bounds each attempt from its start to the last byte.
    """

    http: httpx.Client
    endpoint: Endpoint
    budget: Budget
    pause: Pause
    deadline_seconds: float = 120.0
    jitter: Callable[[], float] = field(default=random.random)

    def send(self, sending: Sending, read: Reader[T]) -> T:
        """What ``read`` makes of the body. Raises ``AskError`` once no further attempt makes sense.

        Attempts are repeated where the server is busy or the line fails, after the server's own
        ``Retry-After`` or a back-off with full jitter. Each counts as a request.
        """
        problem = ""
        for attempt in range(ATTEMPTS):
            try:
                return self._attempt(sending, read)
            except AskError as error:
                if not problem or error.stops != BUDGET:
                    raise
                raise AskError(f"{problem}; then {error}", stops=BUDGET) from error
            except _AgainError as error:
                problem = str(error)
                if attempt + 1 < ATTEMPTS and self.pause(self._delay(attempt, error.after)):
                    raise AskError("interrupted", stops=INTERRUPTED) from error
        raise AskError(f"{problem}, {ATTEMPTS} times in a row")

    def send_once(self, sending: Sending, read: Reader[T]) -> T | None:
        """One attempt, None where it fails: for calls that only warm up. Raises ``AskError``."""
        try:
            return self._attempt(sending, read)
        except _AgainError:
            return None

    def _attempt(self, sending: Sending, read: Reader[T]) -> T:
        try:
            reserved = self.budget.reserve(sending.estimate)
        except BudgetSpentError as error:
            raise AskError(str(error), stops=BUDGET, asked=False) from error
        try:
            value, counted = self._exchange(sending, read)
        except (_AgainError, AskError):
            self.budget.release(reserved)
            raise
        except httpx.TimeoutException as error:
            raise _AgainError("the server did not answer in time") from error
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            self.budget.release(reserved)
            said = self.endpoint.without_key(str(error)) or "the connection broke"
            raise _AgainError(f"{type(error).__name__}: {said[:EXCERPT_CHARACTERS]}") from error
        except BadAnswerError as error:
            raise AskError(f"the server's answer cannot be used: {error}") from error
        self.budget.settle(reserved, counted)
        return value

    def _exchange(self, sending: Sending, read: Reader[T]) -> tuple[T, Tokens | None]:
        deadline = time.monotonic() + self.deadline_seconds
        started = time.perf_counter()
        content = json.dumps(sending.body, ensure_ascii=True, separators=(",", ":")).encode()
        with self.http.stream(
            "POST",
            self.endpoint.url(sending.path),
            content=content,
            headers=self._headers(sending),
            timeout=httpx.Timeout(self.deadline_seconds, connect=min(CONNECT_SECONDS, self.deadline_seconds)),
        ) as response:
            chunks = _bounded(response.iter_bytes(), deadline)
            if response.status_code != httpx.codes.OK:
                raise self._refused(response, chunks)
            return read(chunks, started)

    def _headers(self, sending: Sending) -> dict[str, str]:
        headers = {"Content-Type": "application/json", "Accept-Encoding": "identity", **dict(sending.headers)}
        if self.endpoint.key is not None:
            headers[sending.key_header] = sending.key_prefix + self.endpoint.key
        return headers

    def _refused(self, response: httpx.Response, chunks: Chunks) -> Exception:
        status = response.status_code
        said = self.endpoint.without_key(_error_text(chunks))
        message = f"HTTP {status}" + (f": {said}" if said else "")
        if status in _AGAIN:
            return _AgainError(message, retry_after(response.headers, time.time()))
        return AskError(message, stops=REFUSED if status in (401, 403) else None)

    def _delay(self, attempt: int, after: float | None) -> float:
        if after is not None:
            return min(after, LONGEST_RETRY_AFTER_SECONDS)
        return self.jitter() * min(BACK_OFF_SECONDS * 2.0**attempt, LONGEST_BACK_OFF_SECONDS)


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds that a server asks to wait (RFC 9110, 10.2.3: seconds or a date); None where it asks nothing sane."""
    written = headers.get("Retry-After", "").strip()
    if written.isascii() and written.isdigit():
        return float(written[:12])
    try:
        moment = email.utils.parsedate_to_datetime(written)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return max(moment.timestamp() - now, 0.0)


def json_body(chunks: Chunks) -> Any:
    """A whole body as JSON. Raises ``BadAnswerError``."""
    return json_value(b"".join(chunks))


def json_value(data: bytes | str) -> Any:
    """A value of JSON, whatever is in its texts. Raises ``BadAnswerError``."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BadAnswerError("it is no JSON") from error


def _bounded(chunks: Iterator[bytes], deadline: float) -> Chunks:
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > ANSWER_BYTES:
            raise BadAnswerError(f"it is larger than {ANSWER_BYTES:,} bytes")
        if time.monotonic() > deadline:
            raise _AgainError("the server did not end its answer in time")
        yield chunk


def _error_text(chunks: Chunks) -> str:
    """What the server says of an error, on one line, clipped."""
    try:
        body = b"".join(chunks).decode("utf-8", "replace")
    except (BadAnswerError, httpx.HTTPError):
        return ""
    try:
        value = json_value(body)
    except BadAnswerError:
        value = None
    error = value.get("error", value) if isinstance(value, dict) else None
    said = error.get("message") if isinstance(error, dict) else error
    text = said if isinstance(said, str) else "" if value is not None else body
    return " ".join(text.split())[:EXCERPT_CHARACTERS]
