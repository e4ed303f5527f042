"""Prompts as a source serves them, and a config service of the test's own that does as it is told."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from catalog_tool.canonical.identity import bundle_digest, prompt_identity
from catalog_tool.canonical.jcs import canonical_bytes, version_id

STORE = "store-1"


def entry(text: str = "Hello {{name}}.", version: str = "v1", **parts: Any) -> dict[str, Any]:
    """One version as ``bundle.json`` holds it; ``parts`` replace or add."""
    found: dict[str, Any] = {
        "messages": [{"role": "system", "content": text}],
        "model": {"name": "gpt-4o"},
        "output_schema": {},
        "params": {"temperature": 0.3},
        "template": "mustache",
        "tools": [],
        "variables": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]},
    } | parts
    identity = prompt_identity(found)
    whole = {name: json.loads(data) for name, data in identity.parts.items()}
    return whole | {"digest": identity.digest, "version_id": version_id(version, identity.digest), "meta": {}}


def bundle_bytes(labels: Mapping[str, Any], prompts: Mapping[str, Mapping[str, Any]]) -> bytes:
    """``bundle.json``."""
    digests = {name: {version: one["digest"] for version, one in found.items()} for name, found in prompts.items()}
    digest = bundle_digest(labels, digests, {})
    head = {"format": 1, "hv": 1, "kind": "bundle", "digest": digest, "skills": {}}
    return canonical_bytes({**head, "labels": dict(labels), "prompts": {n: dict(p) for n, p in prompts.items()}})


def write_bundle(path: Path, labels: Mapping[str, Any], prompts: Mapping[str, Mapping[str, Any]]) -> str:
    """Write ``bundle.json``, atomically; returns its digest."""
    data = bundle_bytes(labels, prompts)
    unfinished = path.with_suffix(".new")
    unfinished.write_bytes(data)
    unfinished.replace(path)
    digest: str = json.loads(data)["digest"]
    return digest


class Said(NamedTuple):
    """A whole answer, as a script gives it."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = {"Content-Type": "application/json"}


class Catalog:
    """What the service serves: labels and versions by prompt id, a generation for each id."""

    def __init__(self) -> None:
        self.prompts: dict[str, dict[str, Any]] = {}
        self.labels: dict[str, dict[str, Any]] = {}
        self.generations: dict[str, int] = {}
        self.store_id = STORE

    def publish(self, name: str, version: str, one: Mapping[str, Any]) -> None:
        self.prompts.setdefault(name, {})[version] = dict(one)

    def move(self, name: str, label: str, value: Any) -> int:
        """Set a label, or remove it with None; the new generation."""
        labels = self.labels.setdefault(name, {})
        labels.pop(label, None)
        if value is not None:
            labels[label] = value
        self.generations[name] = self.generations.get(name, 0) + 1
        return self.generations[name]

    def told(self, name: str) -> dict[str, Any]:
        return {"id": name, "generation": self.generations.get(name, 0), "store_id": self.store_id}


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_: Any) -> None:
        """A client that went away is what half of the trials are about."""


class Service:
    """A small config service on loopback. ``script`` may answer instead of it; ``requests`` is what came.

    A script is called with the path and returns ``Said``, or None to let the service answer.
    """

    def __init__(self) -> None:
        self.catalog = Catalog()
        self.requests: list[str] = []
        self.validators: list[str | None] = []
        self.script: Callable[[str], Said | None] = lambda _: None
        self.token: str | None = None
        self.delay = 0.0
        self.drip = 0.0
        self.ending = threading.Event()
        self.streams = True
        self._news = threading.Condition()
        self._told: list[bytes] = []
        self._cut = 0
        self.server = _Quiet(("127.0.0.1", 0), self._handler())

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def tell(self, name: str, generation: int | None = None) -> None:
        """Send an event to every listener."""
        found = {"id": name, "generation": self.catalog.generations[name] if generation is None else generation}
        with self._news:
            self._told.append(json.dumps(found).encode())
            self._news.notify_all()

    def cut_streams(self) -> None:
        """End every stream that is open."""
        with self._news:
            self._cut += 1
            self._news.notify_all()

    def answer(self, path: str, etag: str | None) -> Said:
        parts = urlsplit(path)
        segments = parts.path.split("/")[1:]
        if segments[:2] == ["v1", "bundle"]:
            return Said(body=bundle_bytes(self.catalog.labels, self.catalog.prompts))
        if segments[:2] != ["v1", "prompts"] or len(segments) < 3:
            return Said(404, b'{"title": "no such route"}')
        name, rest = unquote(segments[2]), [unquote(part) for part in segments[3:]]
        versions, labels = self.catalog.prompts.get(name, {}), self.catalog.labels.get(name, {})
        if rest == ["labels"]:
            return _json({**self.catalog.told(name), "labels": labels}, f'"labels-{self.catalog.told(name)}"', etag)
        if rest == ["versions"]:
            listed = [
                {"version": v, "version_id": one["version_id"], "digest": one["digest"]} for v, one in versions.items()
            ]
            return _json({"id": name, "versions": listed}, None, etag)
        if rest[:1] == ["versions"]:
            return self._version(name, versions, rest[1], None, etag)
        for label in parse_qs(parts.query).get("label", ["production"])[0].split(","):
            if label in labels:
                value = labels[label]
                return self._version(
                    name, versions, value if isinstance(value, str) else value[0]["version"], label, etag
                )
        return Said(404, b'{"title": "no such label"}')

    def _version(self, name: str, versions: Any, version: str, label: str | None, etag: str | None) -> Said:
        if version not in versions:
            return Said(404, b'{"title": "no such version"}')
        one = {key: value for key, value in versions[version].items() if key != "meta"}
        body = {"version": version, **self.catalog.told(name), **one} | ({"label": label} if label else {})
        tag = f"{version}-{one['digest'][7:]}" + (f"-{label}-{body['generation']}" if label else "")
        return _json(body, f'"{tag}"', etag)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                if self.path == "/v1/events":
                    service._stream(self)
                    return
                service.requests.append(self.path)
                service.validators.append(self.headers["If-None-Match"])
                service.ending.wait(service.delay)
                said = service.script(self.path)
                if said is None and service.token and self.headers["Authorization"] != f"Bearer {service.token}":
                    said = Said(401, b"{}")
                _say(self, said or service.answer(self.path, self.headers["If-None-Match"]), service)

            def log_message(self, *_: Any) -> None:
                pass

        return Handler

    def _stream(self, handler: BaseHTTPRequestHandler) -> None:
        if not self.streams:
            handler.send_response(404)
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.close_connection = True
        with self._news:
            sent, cut = len(self._told), self._cut
        while not self.ending.is_set():
            with self._news:
                if len(self._told) == sent and self._cut == cut:
                    self._news.wait(0.2)
                news, sent = self._told[sent:], len(self._told)
                if self._cut > cut:
                    break
            handler.wfile.write(b": still here\n\n")
            for data in news:
                generation = json.loads(data)["generation"]
                handler.wfile.write(b"id: %d\ndata: %b\n\n" % (generation, data))
            handler.wfile.flush()


def _say(handler: BaseHTTPRequestHandler, said: Said, service: Service) -> None:
    handler.send_response(said.status)
    for name, value in said.headers.items():
        handler.send_header(name, value)
    if "Content-Length" not in said.headers and said.status != 304:
        handler.send_header("Content-Length", str(len(said.body)))
    handler.end_headers()
    for byte in said.body if service.drip else ():
        if service.ending.wait(service.drip):
            break
        handler.wfile.write(bytes([byte]))
    if not service.drip:
        handler.wfile.write(said.body)
    if "Content-Length" in said.headers:
        handler.close_connection = True


def _json(body: Any, tag: str | None, etag: str | None) -> Said:
    if tag is not None and tag == etag:
        return Said(304, b"", {"ETag": tag})
    headers = {"Content-Type": "application/json"} | ({"ETag": tag} if tag else {})
    return Said(200, json.dumps(body).encode(), headers)


@contextmanager
def serving(service: Service | None = None) -> Iterator[Service]:
    """A service that answers until the block ends."""
    found = service or Service()
    thread = threading.Thread(target=found.server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield found
    finally:
        found.ending.set()
        found.cut_streams()
        found.server.shutdown()
        found.server.server_close()
        thread.join()


def until(holds: Callable[[], bool], seconds: float = 5.0) -> bool:
    """Wait for something that another thread brings about; whether it did."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.002)
    return True
