"""A GitLab of one project on a real socket: notes by thread, and what was asked."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

PROJECT = "/api/v4/projects/group%2Fprompts"


class Handler(http.server.BaseHTTPRequestHandler):
    """One project: notes by thread, and what was asked."""

    server: Any

    def log_message(self, *_: object) -> None:
        pass

    def _any(self) -> None:
        size = int(self.headers.get("content-length") or 0)
        content = json.loads(self.rfile.read(size)) if size else None
        assert self.headers["private-token"] == "glpat-canary"
        path, _, query = self.path.partition("?")
        self.server.asked.append(
            (self.command, path, {key: value[0] for key, value in parse_qs(query).items()}, content)
        )
        status, value, headers = self._answer(path, content)
        data = json.dumps(value).encode()
        self.send_response(status)
        for name, text in headers.items():
            self.send_header(name, text)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_DELETE = _any  # noqa: N815 - http.server's names

    def _answer(self, path: str, content: Any) -> tuple[int, Any, dict[str, str]]:
        notes = self.server.notes
        if path == "/api/v4/user":
            return 200, {"username": "bot"}, {}
        if path.endswith("/notes") and self.command == "POST":
            if self.server.refuse:
                return 403, {"message": "403 Forbidden"}, {}
            notes.append(
                {"id": len(notes) + 1, "body": content["body"], "author": {"username": "bot"}, "system": False}
            )
            return 201, notes[-1], {}
        if path.endswith("/notes"):
            page = int(parse_qs(urlsplit(self.path).query).get("page", ["1"])[0])
            following = f'<http://{self.headers["host"]}{path}?page={page + 1}>; rel="next"'
            return 200, notes[page - 1 : page], {"link": following} if page < len(notes) else {}
        if "/notes/" in path:
            note = notes[int(path.rpartition("/")[2]) - 1]
            note["body"] = content["body"]
            return 200, note, {}
        if path.endswith("/issues") and self.command == "GET":
            return 200, [issue(state="closed")], {}
        if "/issues" in path:
            return 200, issue(**{"title": content["title"], "state": "opened"}), {}
        if path.endswith("/pipelines"):
            return 200, [{"status": "failed", "web_url": "https://gl.example/p/9"}], {}
        if path.endswith("/merge_requests"):
            return 200, [{"iid": 4}], {}
        return 404, {"message": "404 Not found"}, {}


def issue(**more: Any) -> dict[str, Any]:
    return {
        "iid": 3, "author": {"username": "bot"}, "title": "t", "description": None, "web_url": "https://gl.example/i/3",
        "state": "opened", **more,
    }  # fmt: skip


@contextmanager
def serving() -> Iterator[Any]:
    """A server with ``notes``, ``asked`` and ``refuse`` (403 for every new note)."""
    made: Any = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.notes, made.asked, made.refuse = [], [], False
    made.url = f"http://127.0.0.1:{made.server_address[1]}/api/v4"
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.shutdown()
        made.server_close()
        thread.join()
