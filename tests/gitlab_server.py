"""A GitLab of one project on a real socket, held to what python-gitlab knows of GitLab's requests.

Every body that creates or changes something is checked against the attributes that python-gitlab's managers list
for it, which follow GitLab's reference: what is required, what is allowed beside it, and no more.
"""

from __future__ import annotations

import http.server
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

kit = pytest.importorskip(
    "gitlab.v4.objects", reason="LOUD: install python-gitlab (`pip install python-gitlab`): GitLab's side is not tested"
)

PROJECT = "/api/v4/projects/group%2Fprompts"
TOO_LONG = 1_000_000
"""Characters of a note or description."""
Answer = tuple[int, Any]


def accepted(manager: Any, content: dict[str, Any], *, creates: bool) -> None:
    """Refuse a body that GitLab would not take, or would take a part of."""
    known = manager._create_attrs if creates else manager._update_attrs
    assert set(known.required) <= set(content), (manager, content)
    assert set(content) <= {*known.required, *known.optional}, (manager, content)
    assert all(len(text) <= TOO_LONG for text in content.values() if isinstance(text, str))


class Gitlab(http.server.ThreadingHTTPServer):
    """The project's state, by number; ``refuse``: 403 for every new note, ``away``: 503 for everything."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.lock = threading.RLock()
        self.threads: dict[str, list[dict[str, Any]]] = {}
        self.issues: dict[int, dict[str, Any]] = {}
        self.requests: dict[int, dict[str, Any]] = {}
        self.merged: dict[str, list[int]] = {}
        self.pipelines: list[dict[str, Any]] = []
        self.asked: list[tuple[str, str, dict[str, str], Any]] = []
        self.wrong: list[str] = []
        self.refuse = self.away = False
        self.page_size = 100

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/api/v4"

    def said(self, thread: str) -> list[str]:
        """The bodies of ``merge_requests/7`` or ``issues/3``."""
        return [note["body"] for note in self.threads.get(thread, [])]

    def note(self, thread: str, body: str, author: str = "bot", *, system: bool = False) -> dict[str, Any]:
        number = 1 + sum(map(len, self.threads.values()))
        made = {"id": number, "body": body, "author": {"username": author}, "system": system, "internal": False}
        self.threads.setdefault(thread, []).append(made)
        return made

    def issue(self, title: str, description: str | None, author: str = "bot", state: str = "opened") -> dict[str, Any]:
        number = len(self.issues) + 3
        made = {
            "iid": number, "author": {"username": author}, "title": title, "description": description,
            "web_url": f"https://gl.example/i/{number}", "state": state,
        }  # fmt: skip
        self.issues[number] = made
        return made


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Gitlab

    def log_message(self, *_: object) -> None:
        pass

    def _any(self) -> None:
        size = int(self.headers.get("content-length") or 0)
        content = json.loads(self.rfile.read(size)) if size else None
        parts = urlsplit(self.path)
        query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
        try:
            with self.server.lock:
                assert self.headers["private-token"] == "glpat-canary"
                self.server.asked.append((self.command, parts.path, query, content))
                status, value = (503, {"message": "away"}) if self.server.away else self._route(parts.path, content)
        except Exception as error:  # noqa: BLE001 - whatever does not fit is the test's to see
            self.server.wrong.append(f"{self.command} {self.path}: {type(error).__name__}: {error}")
            status, value = 500, {"message": "the stub refused it"}
        headers = {}
        if isinstance(value, list):
            value, headers = self._page(value, parts.path, query)
        self._reply(status, value, headers)

    do_GET = do_POST = do_PUT = do_DELETE = _any  # noqa: N815 - http.server's names

    def _reply(self, status: int, value: Any, headers: dict[str, str]) -> None:
        data = b"" if value is None else json.dumps(value).encode()
        self.send_response(status)
        for name, text in {"content-type": "application/json", **headers}.items():
            self.send_header(name, text)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _page(self, entries: list[Any], path: str, query: dict[str, str]) -> tuple[list[Any], dict[str, str]]:
        size = min(int(query.get("per_page", "20")), self.server.page_size)
        page = int(query.get("page", "1"))
        if page * size >= len(entries):
            return entries[(page - 1) * size :], {}
        rest = "&".join(f"{key}={value}" for key, value in query.items() if key != "page")
        following = f"http://{self.headers['host']}{path}?{rest}&page={page + 1}"
        return entries[(page - 1) * size : page * size], {"link": f'<{following}>; rel="next"'}

    def _route(self, path: str, content: Any) -> Answer:
        routes: tuple[tuple[str, str, Callable[..., Answer]], ...] = (
            ("GET", r"/api/v4/user", lambda _: (200, {"username": "bot"})),
            ("GET", rf"{PROJECT}/((?:merge_requests|issues)/\d+)/notes", self._notes),
            ("POST", rf"{PROJECT}/((?:merge_requests|issues)/\d+)/notes", self._add_note),
            ("PUT", rf"{PROJECT}/((?:merge_requests|issues)/\d+)/notes/(\d+)", self._edit_note),
            ("DELETE", rf"{PROJECT}/((?:merge_requests|issues)/\d+)/notes/(\d+)", self._delete_note),
            ("GET", rf"{PROJECT}/issues", lambda _: (200, [*self.server.issues.values()][::-1])),
            ("POST", rf"{PROJECT}/issues", self._add_issue),
            ("PUT", rf"{PROJECT}/issues/(\d+)", self._edit_issue),
            ("GET", rf"{PROJECT}/pipelines", lambda _: (200, [*self.server.pipelines])),
            ("GET", rf"{PROJECT}/repository/commits/([0-9a-f]+)/merge_requests", self._merge_requests_of),
            ("GET", rf"{PROJECT}/merge_requests", lambda _: (200, [*self.server.requests.values()])),
            ("POST", rf"{PROJECT}/merge_requests", self._open_request),
            ("PUT", rf"{PROJECT}/merge_requests/(\d+)", self._edit_request),
        )
        for method, pattern, act in routes:
            found = re.fullmatch(pattern, path)
            if found is not None and method == self.command:
                return act(content, *found.groups())
        return 404, {"message": "404 Not found"}

    def _manager(self, thread: str) -> Any:
        return kit.ProjectMergeRequestNoteManager if thread.startswith("merge") else kit.ProjectIssueNoteManager

    def _notes(self, _: Any, thread: str) -> Answer:
        return 200, [*self.server.threads.get(thread, [])]

    def _add_note(self, content: Any, thread: str) -> Answer:
        accepted(self._manager(thread), content, creates=True)
        if self.server.refuse:
            return 403, {"message": "403 Forbidden"}
        return 201, self.server.note(thread, content["body"])

    def _edit_note(self, content: Any, thread: str, number: str) -> Answer:
        accepted(self._manager(thread), content, creates=False)
        for note in self.server.threads.get(thread, []):
            if note["id"] == int(number):
                note["body"] = content["body"]
                return 200, note
        return 404, {"message": "404 Note Not Found"}

    def _delete_note(self, _: Any, thread: str, number: str) -> Answer:
        notes = self.server.threads.get(thread, [])
        notes[:] = [note for note in notes if note["id"] != int(number)]
        return 204, None

    def _add_issue(self, content: Any) -> Answer:
        accepted(kit.ProjectIssueManager, content, creates=True)
        return 201, self.server.issue(content["title"], content.get("description"))

    def _edit_issue(self, content: Any, number: str) -> Answer:
        accepted(kit.ProjectIssueManager, content, creates=False)
        issue = self.server.issues.get(int(number))
        if issue is None:
            return 404, {"message": "404 Not found"}
        issue |= {key: content[key] for key in ("title", "description") if key in content}
        issue["state"] = {"close": "closed", "reopen": "opened"}.get(content.get("state_event", ""), issue["state"])
        return 200, issue

    def _merge_requests_of(self, _: Any, commit: str) -> Answer:
        return 200, [{"iid": number} for number in self.server.merged.get(commit, [])]

    def _open_request(self, content: Any) -> Answer:
        accepted(kit.ProjectMergeRequestManager, content, creates=True)
        number = len(self.server.requests) + 50
        made = {
            "iid": number, "author": {"username": "bot"}, "title": content["title"], "state": "opened",
            "description": content["description"], "web_url": f"https://gl.example/mr/{number}",
        }  # fmt: skip
        self.server.requests[number] = made
        return 201, made

    def _edit_request(self, content: Any, number: str) -> Answer:
        accepted(kit.ProjectMergeRequestManager, content, creates=False)
        self.server.requests[int(number)] |= content
        return 200, self.server.requests[int(number)]


@contextmanager
def serving() -> Iterator[Gitlab]:
    """A server for one test; at its end nothing may have been said that GitLab does not take."""
    made = Gitlab()
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.shutdown()
        made.server_close()
        thread.join()
    assert made.wrong == []
