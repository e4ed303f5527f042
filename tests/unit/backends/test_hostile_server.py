"""A server that means harm: what it answers is bounded, and it gets no token of another."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from catalog_tool.backends import http
from catalog_tool.backends.alert_sinks import send_webhook
from catalog_tool.backends.forge_gitlab import GitLab
from catalog_tool.backends.forge_http import ForgeHttp
from catalog_tool.errors import BackendError, RefusedError, UnavailableError


@contextmanager
def server(kind: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), kind) as found:
        thread = threading.Thread(target=found.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{found.server_port}"
        found.shutdown()
        thread.join()


class Silent(BaseHTTPRequestHandler):
    """Says nothing on stderr."""

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_forges_token_follows_no_redirect_to_another_server(status: int) -> None:
    seen: list[str | None] = []

    class Thief(Silent):
        def do_GET(self) -> None:
            seen.append(self.headers["PRIVATE-TOKEN"])
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"username": "thief"}')

    with server(Thief) as thief:

        class Redirecting(Silent):
            def do_GET(self) -> None:
                self.send_response(status)
                self.send_header("Location", f"{thief}/user")
                self.end_headers()

        with server(Redirecting) as url:
            forge = GitLab("acme/prompts", "s3cr3t-canary", url=url)
            with pytest.raises(RefusedError, match="redirects to another server"):
                forge.author()
            forge.close()
    assert seen == []


def test_a_forge_that_moved_within_its_server_is_followed() -> None:
    class Moved(Silent):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/new" else 301)
            self.send_header("Location", "/new")
            self.end_headers()
            self.wfile.write(b'{"username": "bot"}' if self.path == "/new" else b"")

    with server(Moved) as url:
        forge = GitLab("acme/prompts", "token", url=url)
        assert forge.author() == "bot"
        forge.close()


def test_a_forges_answer_that_drips_in_ends() -> None:
    class Dripping(Silent):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            try:
                for _ in range(200):
                    self.wfile.write(b" ")
                    self.wfile.flush()
                    time.sleep(0.02)
            except OSError:
                return

    with server(Dripping) as url:
        forge = ForgeHttp(url, {}, seconds=0.2)
        with pytest.raises(UnavailableError, match="no whole answer after 0"):
            forge.get("/user")
        forge.close()


def scanned(pieces: Iterator[bytes]) -> list[object]:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=pieces))
    backend = http.HttpBackend("http://server", None, transport=transport)
    return list(backend.scan())


def test_a_line_without_end_does_not_fill_the_memory() -> None:
    piece = b" " * (1 << 20)
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        while True:
            sent += 1
            assert sent < 2 * http.ANSWER_BYTES // len(piece), "it reads on and on"
            yield piece

    with pytest.raises(BackendError, match="too large"):
        scanned(endless())


def test_lines_are_whole_however_they_are_cut() -> None:
    lines = b'{"address":"labels/a@b","entry":"\\"v1\\""}\n' * 3 + b'{"end":3}\n'
    for size in (1, 7, len(lines)):
        assert len(scanned(lines[at : at + size] for at in range(0, len(lines), size))) == 3


def test_what_a_webhook_answers_is_not_read() -> None:
    ended = threading.Event()
    was_cut: list[bool] = []

    class Talking(Silent):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()
            try:
                for _ in range(1000):
                    self.wfile.write(b"x" * 65_536)
            except OSError:
                was_cut.append(True)
            ended.set()

    with server(Talking) as url:
        send_webhook(url, "hello")
        assert ended.wait(20)
    assert was_cut
