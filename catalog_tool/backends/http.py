"""A target behind our own service (``http {url, token}``, else CATALOG_URL and CATALOG_TOKEN): its sync API.

Each method is one request; nothing is tried again here, for ``sync`` knows what may be. A token from the
environment goes only to the server that the environment names, so that who can change ``url`` gets none.
No redirect is followed and no proxy of the environment used: the token goes to this server and nowhere else.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx

from catalog_tool import __version__
from catalog_tool.backends import wire
from catalog_tool.backends.base import LabelEvent
from catalog_tool.backends.http_silence import no_answer
from catalog_tool.backends.slow_answers import in_time
from catalog_tool.backends.web_address import is_web_address
from catalog_tool.errors import BackendError, LeaseLostError, RefusedError, UnavailableError, UsageError
from catalog_tool.model.capabilities import Capabilities
from catalog_tool.model.target import Control, Lease, Live, Run, TargetState, Write, Written

TIMEOUT = httpx.Timeout(30.0, connect=10.0)
ANSWER_SECONDS = 60.0
"""How long a whole answer may take, and a second more for each ``slow_answers.SLOWEST`` bytes of it."""
ANSWER_BYTES = 256 * 1024 * 1024
STREAM_BYTES = 2 * 1024**3
"""All objects of a store, or its whole audit trail."""
BATCH_BYTES = 24 * 1024 * 1024
"""Content of one request; the service takes 64 MiB of JSON."""
PROTOCOL = 1
_Given = TypeVar("_Given")
_KINDS: dict[str, type[BackendError]] = {"lease_lost": LeaseLostError, "refused": RefusedError, "backend": BackendError}


class HttpBackend:
    """``base.Backend`` over one service. ``place`` is its address.

    ``answer_seconds`` is how long a whole answer may take; ``transport`` is for tests.
    """

    def __init__(
        self, url: str, token: str | None, prefix: str = "", transport: httpx.BaseTransport | None = None,
        *, answer_seconds: float = ANSWER_SECONDS,
    ) -> None:  # fmt: skip
        self._url = url
        self._prefix = prefix
        self._answer_seconds = answer_seconds
        headers = {"User-Agent": f"catalog-tool/{__version__}", "Accept-Encoding": "identity"}
        headers |= {"Authorization": f"Bearer {token}"} if token else {}
        self._client = httpx.Client(headers=headers, timeout=TIMEOUT, trust_env=False, transport=transport)
        self._capabilities: Capabilities | None = None

    @property
    def capabilities(self) -> Capabilities:
        """What the store behind the service can do, asked once."""
        if self._capabilities is None:
            document = self._read(self._request("GET", ""))
            if document.get("protocol") != PROTOCOL:
                hint = "use the same version of catalog-tool on both sides"
                raise BackendError(f"{self.place()} speaks another sync protocol than {PROTOCOL}", hint=hint)
            found = self._shaped(lambda: wire.capabilities_from_json(document.get("capabilities")))
            self._capabilities = found
        return self._capabilities

    def place(self) -> str:
        """The address, which holds no secret."""
        return f"http {self._url}"

    def load(self) -> TargetState:
        """``POST state``."""
        document = self._call("state")
        return self._shaped(lambda: wire.state_from_json(document))

    def scan(self, only: Collection[str] | None = None) -> Iterator[Live]:
        """``POST scan``, as the lines come."""
        asked = {} if only is None else {"only": sorted(only)}
        for value in self._lines("scan", asked):
            yield self._shaped(lambda value=value: wire.live_from_json(value))  # type: ignore[misc]

    def contents(self, address: str) -> Mapping[str, tuple[str, bytes]]:
        """``POST contents``."""
        document = self._call("contents", address=address)
        return self._shaped(lambda: wire.contents_from_json(document.get("files")))

    def take_lease(self, lease: Lease, *, instead_of: str | None = None) -> Lease:
        """``POST lease``."""
        document = self._call("lease", lease=lease._asdict(), instead_of=instead_of)
        return self._shaped(lambda: wire.lease_from_json(document.get("lease")))

    def drop_lease(self, token: str) -> None:
        """``POST drop``."""
        self._call("drop", token=token)

    def save_control(self, control: Control, token: str) -> None:
        """``PUT control``."""
        body = {"prefix": self._prefix, "control": control.to_json(), "token": token}
        self._read(self._request("PUT", "/control", body))

    def write(self, writes: Sequence[Write], run: Run) -> list[Written]:
        """``POST write``, in as many requests as the sizes ask for: each is one transaction of the service's store."""
        done: list[Written] = []
        for batch in _batches(writes):
            document = self._call("write", writes=[wire.write_to_json(write) for write in batch], run=run._asdict())
            found = self._shaped(lambda document=document: list(map(wire.written_from_json, document["written"])))  # type: ignore[misc]
            if [one.address for one in found] != [write.address for write in batch]:
                raise BackendError(f"{self.place()} answered about other objects than were written")
            done += found
        return done

    def generations(self) -> Mapping[str, int]:
        """``POST generations``."""
        found = self._call("generations").get("generations")
        if not isinstance(found, dict) or not all(type(number) is int for number in found.values()):
            raise self._malformed("generations are no numbers")
        return found

    def events(self) -> Iterator[LabelEvent]:
        """``POST events``, as the lines come."""
        for value in self._lines("events", {}):
            yield self._shaped(lambda value=value: wire.event_from_json(value))  # type: ignore[misc]

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _call(self, name: str, **asked: Any) -> dict[str, Any]:
        return self._read(self._request("POST", f"/{name}", {"prefix": self._prefix, **asked}))

    def _request(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> httpx.Request:
        if body is None:
            return self._client.build_request(method, f"{self._url}/v1/sync{path}")
        data = json.dumps(body).encode()
        return self._client.build_request(
            method, f"{self._url}/v1/sync{path}", content=data, headers={"Content-Type": "application/json"}
        )

    def _read(self, request: httpx.Request) -> dict[str, Any]:
        try:
            response = self._client.send(request, stream=True)
            try:
                data = self._whole(response)
            finally:
                response.close()
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error
        if data is None:
            raise self._malformed(f"the answer is larger than {ANSWER_BYTES // 1024**2} MiB")
        self._check(response, data)
        return self._shaped(lambda: _object(json.loads(data)))

    def _whole(self, response: httpx.Response) -> bytes | None:
        """The body; None for one that is too large."""
        found = bytearray()
        for chunk in in_time(response.iter_bytes(), self._answer_seconds, self.place()):
            found += chunk
            if len(found) > ANSWER_BYTES:
                return None
        return bytes(found)

    def _lines(self, name: str, asked: Mapping[str, Any]) -> Iterator[Any]:
        """Every value of a stream. Raises ``BackendError`` for one that was cut, or that the store ended."""
        request = self._request("POST", f"/{name}", {"prefix": self._prefix, **asked})
        count, ended = 0, False
        try:
            response = self._client.send(request, stream=True)
            try:
                if response.status_code != 200:
                    self._check(response, self._whole(response) or b"")
                for line in self._split(response):
                    value = self._shaped(lambda line=line: _object(json.loads(line)))  # type: ignore[misc]
                    if "error" in value:
                        raise UnavailableError(f"{self.place()}: {value['error']}", hint=str(value.get("hint", "")))
                    ended = value.keys() == {"end"} and value["end"] == count
                    if not ended:
                        count += 1
                        yield value
            finally:
                response.close()
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error
        if not ended:
            raise UnavailableError(f"{self.place()}: the answer was cut off", hint="try again")

    def _split(self, response: httpx.Response) -> Iterator[bytes]:
        """Lines as they come; neither one of them nor all together may fill the memory."""
        rest, total = bytearray(), 0
        for chunk in in_time(response.iter_bytes(), self._answer_seconds, self.place()):
            total += len(chunk)
            head, end, tail = chunk.rpartition(b"\n")
            if len(rest) + len(chunk) > ANSWER_BYTES or total > STREAM_BYTES:
                raise self._malformed("a line, or the whole answer, is too large")
            if end:
                yield from bytes(rest + head).split(b"\n")
                rest = bytearray(tail)
            else:
                rest += chunk
        if rest:
            yield bytes(rest)

    def _shaped(self, read: Callable[[], _Given]) -> _Given:
        try:
            return read()
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise self._malformed(str(error)) from error

    def _malformed(self, words: str) -> BackendError:
        hint = "is this the address of a catalog service, of this version?"
        return BackendError(f"{self.place()}: the answer is not of the sync protocol ({words[:200]})", hint=hint)

    def _unreachable(self, error: httpx.HTTPError) -> UnavailableError:
        hint = "is the service up, and its address right?"
        if isinstance(error, httpx.TransportError):
            return no_answer(self.place(), error, hint=hint)
        return UnavailableError(f"{self.place()}: {str(error) or type(error).__name__}", hint=hint)

    def _check(self, response: httpx.Response, data: bytes) -> None:
        """Raise the error that the service told of."""
        status = response.status_code
        if status == 200:
            return
        told = _problem(data)
        words = f"{self.place()}: {told.get('detail') or told.get('title') or f'status {status}'}"
        hint = str(told.get("hint") or "")
        if status in (401, 403):
            raise RefusedError(f"{words} ({status})", hint="is the token given, and has it the scope sync?")
        if status in (408, 425, 429, 503, 504) or (status >= 500 and "code" not in told):
            raise UnavailableError(words, hint=hint, retry_after=_seconds(response.headers.get("Retry-After")))
        if status in (413, 415):
            raise RefusedError(words, hint=hint)
        raise _KINDS.get(str(told.get("code")), BackendError)(words, hint=hint)


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("no JSON object")
    return value


def _problem(data: bytes) -> dict[str, Any]:
    try:
        return _object(json.loads(data))
    except (ValueError, RecursionError):
        return {}


def _seconds(header: str | None) -> float | None:
    return float(header) if header and header.isascii() and header.isdigit() and len(header) < 6 else None


def _batches(writes: Sequence[Write]) -> Iterator[Sequence[Write]]:
    start = size = 0
    for number, write in enumerate(writes):
        of_this = len(write.entry or b"") + len(write.seen or b"") + sum(map(len, (write.contents or {}).values()))
        if number > start and size + of_this > BATCH_BYTES:
            yield writes[start:number]
            start, size = number, 0
        size += of_this
    if start < len(writes):
        yield writes[start:]


def connect(options: Mapping[str, Any]) -> HttpBackend:
    """The target at ``url``. Raises ``UsageError``; its message never shows what may hold a password."""
    environment = os.environ.get("CATALOG_URL") or None
    url = options.get("url") or environment
    if not isinstance(url, str):
        raise UsageError(
            "an http target needs `url`, the address of a catalog service", hint="url: https://host[:port]"
        )
    address = _address(url)
    token = options.get("token")
    if token is None and environment is not None and _address(environment) == address:
        token = os.environ.get("CATALOG_TOKEN") or None
    if token is not None and (not isinstance(token, str) or not token.isascii() or not token.isprintable()):
        raise UsageError("the `token` of an http target holds what a header cannot", hint="token: ${CATALOG_TOKEN}")
    return HttpBackend(address, token, options.get("prefix") or "")


def _address(url: str) -> str:
    """Scheme, host, port and path."""
    hint = "https://host[:port][/path], and the token as token: ${NAME}"
    if not is_web_address(url):
        raise UsageError("the `url` of an http target is none", hint=hint)
    parts = urlsplit(url)
    if parts.hostname is None or parts.username or parts.password or parts.query or parts.fragment:
        raise UsageError("the `url` of an http target is none", hint=hint)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}{f':{parts.port}' if parts.port else ''}{parts.path.rstrip('/')}"
