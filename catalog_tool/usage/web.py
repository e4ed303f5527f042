"""Asking a server over HTTP: bounded in time, in bytes and in tries, and every failure one clear sentence.

What may be tried again: no connection, 429, and 502 to 504 (RFC 9110 §15.6); ``Retry-After`` is honoured up
to ``LONGEST_WAIT``. Any other answer but 200 is final, and so is a 200 that is no JSON object.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

import httpx

from catalog_tool.backends.web_address import is_web_address
from catalog_tool.errors import BackendError, UsageError

TRIES = 4
LONGEST_WAIT = 20.0
"""Seconds before a try, whatever the server asks for."""
DEADLINE = 300.0
"""Seconds for one question with all its tries."""
ANSWER_BYTES = 128 * 1024 * 1024
_TIMEOUT = httpx.Timeout(60.0, connect=10.0)
_AGAIN = frozenset({429, 502, 503, 504})
_SAID = 300

Query = Mapping[str, str]


class Access(NamedTuple):
    """Where a server is and what it wants to see. ``headers`` hold secrets: they are never shown."""

    url: str
    headers: Mapping[str, str]

    @property
    def host(self) -> str:
        """The server as a report may name it."""
        return urlsplit(self.url).netloc


def access_of(option: str, url: str, environ: Mapping[str, str]) -> Access:
    """The access that ``--loki URL`` and ``CATALOG_LOKI_*`` say; likewise for other options.

    Read are ``_TOKEN`` (bearer), ``_USER`` with ``_PASSWORD`` (basic), ``_TENANT`` (``X-Scope-OrgID``) and
    ``_HEADERS`` (``name=value,name=value``, values percent-encoded, as ``OTEL_EXPORTER_OTLP_HEADERS``).
    Raises ``UsageError`` for an address that is none, or that holds credentials.
    """
    if not is_web_address(url):
        raise UsageError(f"{option} needs the address of a server", hint="http://host[:port] or https://host[:port]")
    parts = urlsplit(url)
    prefix = f"CATALOG_{option.removeprefix('--').upper()}_"
    if parts.username or parts.password:
        raise UsageError(
            f"{option}: no credentials in the address, it is shown in lists of processes",
            hint=f"set {prefix}USER and {prefix}PASSWORD, or {prefix}TOKEN",
        )
    return Access(url.rstrip("/"), dict(_headers(prefix, environ)))


def _headers(prefix: str, environ: Mapping[str, str]) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for item in filter(None, environ.get(f"{prefix}HEADERS", "").split(",")):
        name, separator, value = item.partition("=")
        if not separator:
            raise UsageError(f"{prefix}HEADERS is not name=value,name=value")
        found[name.strip()] = unquote(value.strip())
    if tenant := environ.get(f"{prefix}TENANT"):
        found["X-Scope-OrgID"] = tenant
    user, token = environ.get(f"{prefix}USER"), environ.get(f"{prefix}TOKEN")
    if user is not None:
        basic = httpx.BasicAuth(user, environ.get(f"{prefix}PASSWORD", ""))
        request = next(basic.auth_flow(httpx.Request("GET", "http://localhost")))
        found["Authorization"] = request.headers["Authorization"]
    elif token:
        found["Authorization"] = f"Bearer {token}"
    return found


class Asker:
    """Asks one server. Use it as a context.

    ``transport``, ``sleep`` and ``clock`` are for tests; ``limit`` is in bytes.
    """

    def __init__(
        self,
        access: Access,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
        limit: int = ANSWER_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._access = access
        self._limit = limit
        self._sleep = sleep
        self._clock = clock
        try:
            self._client = httpx.Client(
                headers=dict(access.headers), transport=transport, timeout=_TIMEOUT, follow_redirects=False
            )
        except (ValueError, TypeError) as error:
            raise UsageError(f"a header for {access.host} cannot be sent", hint="plain ASCII, one line") from error

    def __enter__(self) -> Asker:
        return self

    def __exit__(self, *error: object) -> None:
        self._client.close()

    def get(self, path: str, query: Query) -> dict[str, Any]:
        """The JSON object that the server answers. Raises ``BackendError`` for everything else."""
        deadline = self._clock() + DEADLINE
        for attempt in range(1, TRIES + 1):
            last = attempt == TRIES or self._clock() > deadline
            try:
                status, headers, body = self._once(path, query, deadline)
            except httpx.TransportError as error:
                if last:
                    raise self._failed(f"no answer: {str(error) or type(error).__name__}") from error
                self._sleep(_pause(attempt, None))
                continue
            if status in _AGAIN and not last:
                self._sleep(_pause(attempt, headers.get("retry-after")))
                continue
            return self._object(status, body)
        raise self._failed("no answer")

    def _once(self, path: str, query: Query, deadline: float) -> tuple[int, httpx.Headers, bytes]:
        with self._client.stream("GET", f"{self._access.url}{path}", params=dict(query)) as answer:
            body = bytearray()
            for piece in answer.iter_bytes():
                body += piece
                if len(body) > self._limit:
                    raise self._failed(f"the answer is larger than {self._limit:,} bytes")
                if self._clock() > deadline:  # a time-out is of one wait: an answer that drips in would have none
                    raise self._failed(f"the answer is not whole after {DEADLINE:g} seconds")
            return answer.status_code, answer.headers, bytes(body)

    def _object(self, status: int, body: bytes) -> dict[str, Any]:
        try:
            value = json.loads(body) if body else None
        except (ValueError, RecursionError):
            value = None
        if status == httpx.codes.OK and isinstance(value, dict):
            return value
        if status == httpx.codes.OK:
            raise self._failed("200, but the answer is no JSON object", "is this the address of its API?")
        said = value.get("error") if isinstance(value, dict) else None
        text = said if isinstance(said, str) else body[: _SAID * 4].decode(errors="replace")
        raise self._failed(f"{status}: {' '.join(text.split())[:_SAID] or 'no reason given'}", _HINTS.get(status, ""))

    def _failed(self, why: str, hint: str = "") -> BackendError:
        return BackendError(
            f"{self._access.host} answered {why}" if why[:1].isdigit() else f"{self._access.host}: {why}", hint=hint
        )


_HINTS = {
    401: "set CATALOG_LOKI_TOKEN, _USER and _PASSWORD, _TENANT or _HEADERS (or CATALOG_PROMETHEUS_…)",
    403: "the credentials may not read this",
    404: "is this the address of its API?",
}


def _pause(attempt: int, retry_after: str | None) -> float:
    """Seconds to wait: what the server asked for, else doubling with full jitter."""
    if retry_after is not None and retry_after.isascii() and retry_after.isdigit():
        return min(float(retry_after[:6]), LONGEST_WAIT)
    return random.uniform(0, min(0.5 * 2**attempt, LONGEST_WAIT))  # noqa: S311 - spreads load, guards nothing
