"""Asking a forge over HTTP: one request, its answer, and what that means.

Status codes are read as GitHub documents them ("Rate limits for the REST API", "Troubleshooting the REST
API"): 429, and 403 with ``retry-after``, with ``x-ratelimit-remaining: 0`` or with a message about a
secondary limit, mean *later*; any other 403 means *not with this token*. GitLab answers 429 with
``retry-after`` ("Rate limits").
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx

from catalog_tool.backends.forge import NotAllowedError, TooLongError
from catalog_tool.backends.http_silence import no_answer
from catalog_tool.backends.web_address import is_web_address
from catalog_tool.errors import BackendError, RefusedError, TimedOutError, UnavailableError, UsageError

PAGES = 30
"""Pages of a list that are read; a hundred entries each."""
ANSWER_BYTES = 32 * 1024 * 1024
LONGEST_WAIT_SECONDS = 300.0
"""A limit that ends later than this ends the run instead."""
SECONDARY_WAIT_SECONDS = 60.0
"""What GitHub asks for where a secondary limit names no time."""
DEADLINE_SECONDS = 120.0
"""For one answer to come whole."""
_TIMEOUT = httpx.Timeout(30.0, connect=10.0)
_LATER = frozenset({408, 429, 500, 502, 503, 504})
_SAID = 300

Query = Mapping[str, str]


class Reply(NamedTuple):
    """A good answer: its JSON value, None where it has no body, and the next page's address."""

    value: Any
    following: str | None


class ForgeHttp:
    """One forge's API. ``headers`` hold the token and are never shown; an answer has ``seconds`` to come whole."""

    def __init__(self, url: str, headers: Mapping[str, str], seconds: float = DEADLINE_SECONDS) -> None:
        parts = urlsplit(url) if is_web_address(url) else urlsplit("")
        if not parts.hostname or parts.username:
            raise UsageError("this is no address of an API", hint="it begins with https:// and holds no credentials")
        self._url = url.rstrip("/")
        self._host = parts.netloc
        self._seconds = seconds
        try:
            self._client = httpx.Client(
                headers=dict(headers), timeout=_TIMEOUT, follow_redirects=True, event_hooks={"request": [self._check]}
            )
        except (ValueError, TypeError) as error:
            raise UsageError(f"the token for {self._host} cannot be sent", hint="plain ASCII, one line") from error

    def _check(self, request: httpx.Request) -> None:
        """Follow a redirect on the same server only: httpx takes headers like GitLab's token along to any other."""
        own, asked = httpx.URL(self._url), request.url
        if (asked.scheme, asked.host, asked.port) != (own.scheme, own.host, own.port):
            raise RefusedError(f"{self._host} redirects to another server: not followed", hint="give its new address")

    def close(self) -> None:
        """Close what is connected."""
        self._client.close()

    def get(self, path: str, query: Query | None = None) -> Any:
        """The value at a path."""
        return self._once("GET", self._url + path, query=query).value

    def send(self, method: str, path: str, content: Mapping[str, Any] | None = None) -> Any:
        """Send a value, and give back the answer's."""
        return self._once(method, self._url + path, content=content).value

    def edit(self, method: str, path: str, content: Mapping[str, Any] | None = None) -> Any | None:
        """As ``send``; None where the thing is gone."""
        try:
            return self.send(method, path, content)
        except MissingError:
            return None

    def pages(self, path: str, query: Query) -> Iterator[dict[str, Any]]:
        """The objects of a list, over its pages; a next page on another server is not followed."""
        url: str | None = self._url + path
        asked: Query | None = {"per_page": "100", **query}
        for _ in range(PAGES):
            if url is None:
                return
            reply = self._once("GET", url, query=asked)
            if not isinstance(reply.value, list):
                raise BackendError(f"{self._host} answered no list for {path}")
            yield from (entry for entry in reply.value if isinstance(entry, dict))
            following = reply.following
            url = following if following is not None and following.startswith(f"{self._url}/") else None
            asked = None

    def _once(
        self, method: str, url: str, *, query: Query | None = None, content: Mapping[str, Any] | None = None
    ) -> Reply:
        params = None if query is None else dict(query)
        body = bytearray()
        deadline = time.monotonic() + self._seconds
        try:
            with self._client.stream(method, url, params=params, json=content) as answer:
                for piece in answer.iter_bytes():
                    body += piece
                    if time.monotonic() > deadline:  # the time-out is of one wait, not of an answer that drips in
                        raise TimedOutError(f"{self._host}: no whole answer after {self._seconds:g} seconds")
                    if len(body) > ANSWER_BYTES:
                        raise BackendError(f"{self._host} answered with more than {ANSWER_BYTES:,} bytes")
        except httpx.TransportError as error:
            raise no_answer(self._host, error) from error
        except httpx.HTTPError as error:
            raise BackendError(f"{self._host}: {error}") from error
        if answer.is_success:
            return Reply(self._parsed(bytes(body)), answer.links.get("next", {}).get("url"))
        raise _refusal(self._host, answer, _said(bytes(body)))

    def _parsed(self, body: bytes) -> Any:
        try:
            return json.loads(body) if body else None
        except (ValueError, RecursionError) as error:
            raise BackendError(f"{self._host} answered something that is no JSON", hint="is this its API?") from error


class MissingError(RefusedError):
    """404 or 410: it is not there, or the token may not see it."""


def _said(body: bytes) -> str:
    """What the forge gave as its reason, in one line."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        value = body[: 4 * _SAID].decode(errors="replace")
    if isinstance(value, dict):
        errors = value.get("errors")
        parts = [value.get("message") or value.get("error"), errors]
        value = " ".join(part if isinstance(part, str) else json.dumps(part) for part in parts if part)
    return " ".join(str(value).split())[:_SAID] or "no reason given"


def _refusal(host: str, answer: httpx.Response, said: str) -> BackendError:
    status = answer.status_code
    message = f"{host} answered {status}: {said}"
    wait = _wait(answer, said)
    if wait is not None and wait > LONGEST_WAIT_SECONDS:
        return BackendError(f"{message}; its limit ends in {wait / 60:.0f} minutes", hint="run this again then")
    if wait is not None or status in _LATER:
        return UnavailableError(message, retry_after=wait)
    if status in (401, 403):
        return NotAllowedError(message, hint="the token lacks a permission, or the pull request comes from a fork")
    if status in (404, 410):
        return MissingError(message, hint="it does not exist, or the token may not see it")
    if status in (400, 413, 422) and "too long" in said.lower():
        return TooLongError(message)
    return RefusedError(message)


def _wait(answer: httpx.Response, said: str) -> float | None:
    """Seconds until a limit ends; None where the answer is not about a limit."""
    if answer.status_code not in (403, 429, 503):
        return None
    asked = answer.headers.get("retry-after", "")
    if asked.isascii() and asked.isdigit():
        return float(asked[:9])
    if answer.headers.get("x-ratelimit-remaining") == "0":
        reset = answer.headers.get("x-ratelimit-reset", "")
        return max(0.0, float(reset[:12]) - time.time()) if reset.isascii() and reset.isdigit() else None
    return SECONDARY_WAIT_SECONDS if "secondary rate limit" in said.lower() else None
