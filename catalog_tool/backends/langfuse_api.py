"""Langfuse's public API for prompts (``/api/public/v2/prompts``), as far as the backend needs it.

What is known here and nowhere else: every spelling of a request, what each status means, and what an
answer has to look like to be believed. Learnt from the answers of a real server (4.16.0):

* a 404 that is no JSON, a redirect, or a 200 without JSON comes from something else than this API;
* 500 is what its database being down looks like, whatever was asked, while ``/health`` says OK: nobody
  asks for health here, and a 500 is never "not there";
* version 0 and an empty label are taken as not given, so that a DELETE would take the whole prompt:
  numbers are at least 1 here, and a whole prompt is never deleted;
* ``/`` in a name has to be percent-encoded; ``.`` and ``..`` cannot be addressed at all;
* two POSTs to one name at a time: one answers 400 "unique constraint". It wrote nothing.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple
from urllib.parse import quote

import httpx

from catalog_tool.backends.http_silence import no_answer
from catalog_tool.backends.web_client import web_client
from catalog_tool.errors import BackendError, RefusedError, TimedOutError, UnavailableError, UsageError

PAGE = 100
"""Prompts in one page of the list; more is refused."""
PROMPTS = 100_000
"""How many prompts a project may hold to be listed."""
ANSWER_BYTES = 64 * 1024 * 1024
BODY_BYTES = 1_000_000
"""What the server takes in one request (it says 1 MB)."""
_UNREACHED = "is the server up, and is its address the target's `url`, else that of LANGFUSE_BASE_URL or LANGFUSE_HOST?"
TIMEOUT_SECONDS = 15.0
"""How long the server may stay silent; a whole answer may take twice that, however slowly it trickles in."""
CONNECT_SECONDS = 5.0
MESSAGE_CHARACTERS = 500
"""The longest ``commitMessage``."""
CONCURRENCY = 4
"""How many prompts are read or written side by side; one prompt is never written twice at a time."""
LISTINGS = 4
"""How often a list is read anew that changed while it was read."""

_PROMPTS = "/api/public/v2/prompts"
_SAID = 200
_HINTS = {
    401: "check public_key and secret_key, and that they belong to this host",
    403: "the key may not do this: it has to be a project's key, with its secret key",
    405: "is the url that of Langfuse itself?",
}
_AGAIN = frozenset({408, 425, 429, *range(500, 600)})


class ConflictError(UnavailableError):
    """Somebody else made a version of the same name at the same moment; nothing of ours was written."""


class AbsentError(BackendError):
    """This server, or what stands there, has no such part of the API."""


class Row(NamedTuple):
    """One prompt in the list. ``labels`` are those of all versions that are listed, ``config`` the last one's."""

    name: str
    type: str
    versions: tuple[int, ...]
    labels: frozenset[str]
    updated_at: str
    config: Any


class Body(NamedTuple):
    """One version as it is stored."""

    name: str
    number: int
    type: str
    prompt: Any
    config: Any
    labels: frozenset[str]
    created_at: str
    created_by: str


class LangfuseApi:
    """One project of one server. ``sent`` counts requests. ``transport`` is for tests.

    ``timeout`` is in seconds: how long the server may stay silent. Twice that is the longest a whole answer may take.

    Nothing is tried twice here: a caller that lost an answer has to look first. Raises
    ``UnavailableError`` for what may be asked again, ``RefusedError`` for what will never be taken, and
    ``BackendError`` where something else than Langfuse answers.
    """

    def __init__(
        self, url: str, public_key: str, secret_key: str, transport: httpx.BaseTransport | None = None,
        timeout: float = TIMEOUT_SECONDS,
    ) -> None:  # fmt: skip
        self.url = url.rstrip("/")
        self.sent = 0
        self._deadline = 2 * timeout
        try:
            address = httpx.URL(self.url)
        except (httpx.InvalidURL, ValueError, TypeError) as error:
            raise UsageError(f"{url!r} is no address of a Langfuse server: {error}") from error
        self._client = web_client(
            self.url, base_url=address, auth=httpx.BasicAuth(public_key, secret_key), transport=transport,
            timeout=httpx.Timeout(timeout, connect=min(timeout, CONNECT_SECONDS)), follow_redirects=False,
            headers={"accept": "application/json"},
        )  # fmt: skip

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def rows(self, **filters: str) -> list[Row]:
        """Every prompt that the filters let through, read whole: a list that moved meanwhile is read again."""
        for _ in range(LISTINGS):
            found = self._listing(filters)
            if found is not None:
                return found
        raise UnavailableError(f"the prompts on {self.url} change faster than they can be listed")

    def row(self, name: str) -> Row | None:
        """One prompt's row; None where there is no such prompt."""
        data, _ = self._page({"name": name}, 1)
        return next((row for row in data if row.name == name), None)

    def count(self, **filters: str) -> int:
        """How many prompts the filters let through."""
        return self._page(filters, 1, limit=1)[1]

    def _listing(self, filters: Mapping[str, str]) -> list[Row] | None:
        found: dict[str, Row] = {}
        page, total = 0, 1
        while len(found) < total:
            page += 1
            rows, now = self._page(filters, page)
            whole = page == 1 or now == total
            total = now
            found.update((row.name, row) for row in rows)
            if not whole or len(found) != min(total, page * PAGE):
                return None
        return list(found.values())

    def _page(self, filters: Mapping[str, str], page: int, limit: int = PAGE) -> tuple[list[Row], int]:
        answer = self._ask("GET", _PROMPTS, query={**filters, "page": str(page), "limit": str(limit)})
        try:
            rows = [_row(item) for item in answer["data"]]
            total = _whole(answer["meta"]["totalItems"], least=0)
            if total > PROMPTS:
                raise BackendError(f"{self.url} says that it holds {total:,} prompts, more than {PROMPTS:,}")
            return rows, total
        except (KeyError, TypeError, ValueError) as error:
            raise self._odd("a list", error) from error

    def version(self, name: str, number: int) -> Body | None:
        """One version as it was written, references to other prompts unresolved; None where it is not there."""
        query = {"version": str(_whole(number)), "resolve": "false"}
        answer = self._ask("GET", _address(name), query=query, absent=True)
        return None if answer is None else self._body(answer)

    def create(self, body: Mapping[str, Any]) -> Body:
        """Make a version. Never idempotent. Raises ``ConflictError`` where another POST was there first."""
        return self._body(self._ask("POST", _PROMPTS, body=body))

    def label(self, name: str, number: int, labels: list[str]) -> Body | None:
        """Put labels on a version, which takes them from the others; None where it is not there."""
        path = f"{_address(name)}/versions/{_whole(number)}"
        answer = self._ask("PATCH", path, body={"newLabels": labels}, absent=True)
        return None if answer is None else self._body(answer)

    def delete(self, name: str, number: int) -> bool:
        """Delete one version by its number; False where it is not there."""
        path = _address(name)
        return self._ask("DELETE", path, query={"version": str(_whole(number))}, absent=True) is not None

    def _body(self, answer: Any) -> Body:
        try:
            return Body(
                str(answer["name"]), _whole(answer["version"]), str(answer["type"]), answer["prompt"],
                answer["config"], frozenset(map(str, answer["labels"])),
                str(answer.get("createdAt") or ""), str(answer.get("createdBy") or ""),
            )  # fmt: skip
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise self._odd("a version", error) from error

    def ask(self, method: str, path: str, *, query: Mapping[str, str] | None = None, body: Any = None) -> Any:
        """Any other part of the public API: the JSON it answers, None where it says that there is no such thing."""
        return self._ask(method, path, query=query or {}, body=body, absent=True)

    def _ask(
        self, method: str, path: str, *, query: Mapping[str, str] | None = None, body: Any = None, absent: bool = False
    ) -> Any:
        """One request. With ``absent``, None is a 404 of the API's own; a 204 is an empty object."""
        content = None if body is None else json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
        if content is not None and len(content) > BODY_BYTES:
            raise RefusedError(f"{len(content):,} bytes are more than Langfuse takes in one request ({BODY_BYTES:,})")
        status, headers, data = self._send(method, path, query or {}, content)
        if status == httpx.codes.NO_CONTENT:
            return {}
        try:
            answer = json.loads(data) if data else None
        except (ValueError, RecursionError):
            answer = None
        if status in (httpx.codes.OK, httpx.codes.CREATED):
            if not isinstance(answer, dict):
                raise UnavailableError(f"{self.url} answered {method} {path} with {status}, but not with JSON")
            return answer
        return self._refused(status, headers, answer, data, absent=absent)

    def _refused(self, status: int, headers: httpx.Headers, answer: Any, data: bytes, *, absent: bool) -> None:
        said = _words(answer, data)
        if status == httpx.codes.NOT_FOUND and isinstance(answer, dict) and "message" in answer:
            if absent:
                return
            raise BackendError(f"{self.url} answered 404: {said}")
        if status in _AGAIN:
            message = f"{self.url} answered {status}: {said}"
            raise UnavailableError(message, retry_after=_retry_after(headers.get("retry-after")))
        if status == httpx.codes.BAD_REQUEST and "unique constraint" in said:
            raise ConflictError(f"{self.url}: another version was made at the same moment")
        if status == httpx.codes.NOT_FOUND or 300 <= status < 400:
            hint = "is the url that of a Langfuse server, without a path?"
            raise AbsentError(f"{self.url} answered {status}, and not as Langfuse does", hint=hint)
        raise RefusedError(f"{self.url} answered {status}: {said}", hint=_HINTS.get(status, ""))

    def _send(
        self, method: str, path: str, query: Mapping[str, str], content: bytes | None
    ) -> tuple[int, httpx.Headers, bytes]:
        headers = {"content-type": "application/json"} if content is not None else {}
        deadline = time.monotonic() + self._deadline
        self.sent += 1
        try:
            request = self._client.stream(method, path, params=dict(query), content=content, headers=headers)
            with request as answer:
                data = bytearray()
                for piece in answer.iter_bytes():
                    data += piece
                    if len(data) > ANSWER_BYTES:
                        raise BackendError(f"{self.url} answers with more than {ANSWER_BYTES:,} bytes")
                    if time.monotonic() > deadline:
                        raise TimedOutError(f"{self.url} did not finish its answer in {self._deadline:g} s")
                return answer.status_code, answer.headers, bytes(data)
        except httpx.DecodingError as error:
            raise UnavailableError(f"{self.url} answered what cannot be unpacked: {error}") from error
        except httpx.TransportError as error:
            raise no_answer(self.url, error, hint=_UNREACHED, client=self._client) from error
        except (httpx.InvalidURL, UnicodeEncodeError) as error:
            raise UsageError(f"{self.url} cannot be asked: {error}") from error

    def _odd(self, what: str, error: Exception) -> BackendError:
        return BackendError(f"{self.url} answered with {what} that is none of Langfuse's: {error!r}")


def _address(name: str) -> str:
    if name in (".", "..", ""):
        raise RefusedError(f"a prompt named {name!r} cannot be addressed on Langfuse")
    return f"{_PROMPTS}/{quote(name, safe='')}"


def _whole(number: Any, least: int = 1) -> int:
    if type(number) is not int or number < least:
        raise ValueError(f"{number!r} is no number of {least} or more")
    return number


def _row(item: Any) -> Row:
    versions, at = tuple(sorted(_whole(n) for n in item["versions"])), str(item["lastUpdatedAt"])
    if not versions or datetime.fromisoformat(at).tzinfo is None:
        raise ValueError(f"a prompt without a version, or at the time {at!r}")
    labels = frozenset(map(str, item["labels"]))
    return Row(str(item["name"]), str(item.get("type") or "text"), versions, labels, at, item.get("lastConfig"))


def _words(answer: Any, data: bytes) -> str:
    """What the server said, on one line."""
    said = answer.get("message") if isinstance(answer, dict) else None
    text = said if isinstance(said, str) else data[: _SAID * 4].decode(errors="replace")
    detail = answer.get("error") if isinstance(answer, dict) else None
    if isinstance(detail, list) and detail and isinstance(detail[0], dict):
        text += f": {detail[0].get('message', '')} at {detail[0].get('path', '')}"
    return " ".join(text.split())[:_SAID] or "no reason given"


def _retry_after(text: str | None) -> float | None:
    """Seconds to wait, from either form of the header; None for anything else."""
    if text is None:
        return None
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None
