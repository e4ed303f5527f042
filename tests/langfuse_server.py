"""A Langfuse for tests: a real HTTP server on loopback over ``langfuse_store.Project``, with faults on demand."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from langfuse_skill_store import SkillShelf
from langfuse_store import BROKEN, Answer, Project, error, invalid

PUBLIC, SECRET = "pk-lf-test", "sk-lf-test"
HTML = '<!DOCTYPE html><html lang="en"><head><meta charSet="utf-8"/></head></html>'
BODY_LIMIT = 1024 * 1024


class Seen(NamedTuple):
    """One request; ``number`` counts from 1 since the last ``forget``."""

    number: int
    method: str
    path: str
    query: dict[str, str]
    body: Any


class Fault(NamedTuple):
    """What goes wrong with one request. ``effect``: the server does what was asked, only its answer is another.

    ``answer`` None: the line is cut after half of the real answer; ``until``: nothing is done before that is set;
    ``held``: it is done at once, and nothing is sent before that is set.
    """

    answer: Answer | None = None
    effect: bool = False
    until: threading.Event | None = None
    held: threading.Event | None = None


class LangfuseServer:
    """The server. ``fault`` is asked about each request; ``seen`` lists them; ``skills`` None is 4.16."""

    def __init__(self) -> None:
        self.project = Project()
        self.fault: Callable[[Seen], Fault | None] = lambda _: None
        self.database_down = False
        self.skills: SkillShelf | None = None
        self.pause = 0.0
        self.seen: list[Seen] = []
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def __enter__(self) -> LangfuseServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()

    def forget(self) -> None:
        """Count requests from 1 again."""
        self.seen.clear()

    def note(self, method: str, path: str, query: dict[str, str], body: Any) -> Seen:
        seen = Seen(len(self.seen) + 1, method, path, query, body)
        self.seen.append(seen)
        return seen

    def answer(self, seen: Seen, authorization: str | None, raw: bytes, content_type: str) -> Answer:
        if not seen.path.startswith("/api/public/"):
            return Answer(404, HTML)
        if seen.path == "/api/public/health":
            return self._health(seen)
        wrong = _unauthorized(authorization)
        if wrong is not None:
            return wrong
        if self.database_down:
            return BROKEN
        return self._prompts(seen, raw, content_type)

    def _health(self, seen: Seen) -> Answer:
        if self.database_down and seen.query.get("failIfDatabaseUnavailable") == "true":
            return Answer(503, {"status": "Database not available", "version": "4.16.0"})
        return Answer(200, {"status": "OK", "version": "4.16.0"})

    def _prompts(self, seen: Seen, raw: bytes, content_type: str) -> Answer:  # noqa: C901 - one route a branch
        method, parts = seen.method, seen.path.split("/")[3:]
        if parts == ["projects"]:
            organization = {"id": "org1", "name": "Org"}
            found = {"id": "rec-project", "name": "catalog-fixtures", "organization": organization, "metadata": {}}
            return Answer(200, {"data": [found]})
        if parts == ["unstable", "evaluators"]:
            return Answer(200, {"data": [], "meta": {"page": 1, "limit": 50, "totalItems": 0, "totalPages": 0}})
        if parts[:2] == ["unstable", "skills"] and self.skills is not None:
            return self.skills.answer(method, [unquote(part) for part in parts[2:]], seen.query, seen.body)
        if parts[:2] != ["v2", "prompts"]:
            return Answer(404, HTML)
        if method == "OPTIONS":
            return Answer(204)
        rest = [unquote(part, errors="surrogatepass") for part in parts[2:]]
        if rest and rest[0] in (".", ".."):
            return Answer(308, "/api/public/v2", {"location": "/api/public/v2"})
        if not rest:
            if method == "POST":
                return self._post(seen, raw, content_type)
            return self.project.list(seen.query) if method == "GET" else _NOT_ALLOWED
        if len(rest) == 1 and method in ("GET", "DELETE"):
            act = self.project.get if method == "GET" else self.project.delete
            return act(rest[0], seen.query)
        if len(rest) == 3 and rest[1] == "versions" and method == "PATCH":
            return self.project.patch(rest[0], rest[2], seen.body)
        return _NOT_ALLOWED if len(rest) == 1 else Answer(404, HTML)

    def _post(self, seen: Seen, raw: bytes, content_type: str) -> Answer:
        if len(raw) > BODY_LIMIT:
            return Answer(413, "Body exceeded 1mb limit")
        if content_type.partition(";")[0] != "application/json":
            return invalid("Invalid input: expected object, received string")
        if raw and seen.body is _BAD:
            return Answer(400, "Invalid JSON")
        return self.project.create(seen.body, pause=self.pause)


_BAD = object()
_NOT_ALLOWED = error(405, "Method not allowed", "MethodNotAllowedError")


def _unauthorized(authorization: str | None) -> Answer | None:
    if authorization is None:
        return error(401, "No authorization header", "UnauthorizedError")
    if authorization.startswith("Bearer "):
        text = "Access denied - need to use basic auth with secret key to GET prompts"
        return error(403, text, "ForbiddenError")
    try:
        given = base64.b64decode(authorization.removeprefix("Basic "), validate=True).decode()
    except ValueError:
        return error(401, "Invalid character. Confirm that you've configured the correct host.", "UnauthorizedError")
    if given != f"{PUBLIC}:{SECRET}":
        return error(401, "Invalid credentials. Confirm that you've configured the correct host.", "UnauthorizedError")
    return None


def _refuse(text: str) -> Any:
    raise ValueError(text)


def _parsed(raw: bytes) -> Any:
    try:
        return json.loads(raw.decode(errors="replace"), parse_constant=_refuse) if raw else None
    except ValueError:
        return _BAD


def _handler(server: LangfuseServer) -> type[BaseHTTPRequestHandler]:  # noqa: C901 - all of one class
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def _any(self) -> None:
            url = urlsplit(self.path)
            raw = self.rfile.read(int(self.headers.get("content-length") or 0))
            query = dict(parse_qsl(url.query, keep_blank_values=True))
            seen = server.note(self.command, url.path, query, _parsed(raw))
            fault = server.fault(seen)
            if fault is not None and fault.until is not None:
                fault.until.wait(30)
            if fault is not None and not fault.effect and fault.answer is not None:
                self._send(fault.answer)
                return
            if fault is not None and not fault.effect:
                self._cut(b"")
                return
            found = server.answer(seen, self.headers.get("authorization"), raw, self.headers.get("content-type") or "")
            if fault is not None and fault.held is not None:
                fault.held.wait(30)
            if fault is None:
                self._send(found)
            elif fault.answer is not None:
                self._send(fault.answer)
            else:
                self._cut(json.dumps(found.body).encode())

        do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = do_OPTIONS = do_HEAD = _any  # noqa: N815 - its names

        def _send(self, found: Answer) -> None:
            is_text = isinstance(found.body, str)
            data = found.body.encode() if is_text else b"" if found.body is None else json.dumps(found.body).encode()
            etag = '"' + hashlib.sha256(data).hexdigest()[:14] + '"'
            asked = self.headers.get("if-none-match", "").removeprefix("W/")
            status = 304 if found.status == 200 and self.command == "GET" and asked in (etag, "*") else found.status
            self.send_response(status)
            kind = "text/html" if is_text and data.startswith(b"<") else "text/plain" if is_text else "application/json"
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("ETag", etag)
            for key, value in found.headers.items():
                self.send_header(key, value)
            body = b"" if status in (204, 304) or self.command == "HEAD" else data
            if status not in (204, 304):
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _cut(self, data: bytes) -> None:
            if data:
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data[: len(data) // 2])
            self.close_connection = True

        def handle(self) -> None:
            """Whoever is kept waiting has left by the time that an answer comes."""
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                super().handle()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
            """Nothing."""

    return Handler


@contextmanager
def langfuse_server() -> Iterator[LangfuseServer]:
    """A server, stopped at the end."""
    with LangfuseServer() as server:
        yield server
