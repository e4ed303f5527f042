"""A GitHub of one repository on a real socket, held to GitHub's own OpenAPI description.

Every request's body and every answer is validated by the models that `githubkit` generates from that
description; what does not fit fails the test. Answers can be scripted: ``fail`` puts one in front of the
next request that matches, before or after it has had its effect.
"""

from __future__ import annotations

import http.server
import json
import re
import threading
import typing
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import pytest

kit = pytest.importorskip(
    "githubkit_schemas.latest.models",
    reason="LOUD: install githubkit (`pip install 'githubkit>=0.13' 'hishel<2'`): the REST side is not tested",
)

AT = "2026-01-05T09:00:00Z"
REPOSITORY = "acme/prompts"
BOT = "github-actions[bot]"


def validated(model: str, value: Any) -> Any:
    """The value, if GitHub's description has it so; unknown keys of a request are refused too."""
    cls = getattr(kit, model)
    parsed = cls.model_validate(value)
    if model.endswith("Body"):
        unknown = set(value) - {field.alias or name for name, field in cls.model_fields.items()}
        assert not unknown, f"{model} has no {unknown}"
    assert parsed is not None
    return value


class Failure(NamedTuple):
    """One scripted answer. ``after``: the request has its effect, and its answer is lost. Status 0: the line is cut."""

    method: str
    path: str
    status: int
    headers: Mapping[str, str]
    body: Any
    after: bool
    act: Callable[[], object]


class Github(http.server.ThreadingHTTPServer):
    """The repository's state, by number; and every request that came."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.lock = threading.RLock()
        self.ids = iter(range(1001, 100_000))
        self.numbers = iter(range(10, 100_000))
        self.notes: dict[int, dict[str, Any]] = {}
        self.issues: dict[int, dict[str, Any]] = {}
        self.pulls: dict[int, dict[str, Any]] = {}
        self.merged: dict[str, list[int]] = {}
        self.runs: list[dict[str, Any]] = []
        self.failures: list[Failure] = []
        self.requests: list[tuple[str, str]] = []
        self.wrong: list[str] = []
        self.user: str | None = None
        self.app: str = BOT
        self.page_size = 100
        self.longest = 65_536

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/api/v3"

    def environment(self, run: int = 1, attempt: int = 1) -> dict[str, str]:
        """What Actions sets."""
        return {
            "GITHUB_ACTIONS": "true", "CI": "true", "GITHUB_API_URL": self.url, "GITHUB_TOKEN": "ghs_canary",
            "GITHUB_SERVER_URL": "https://git.example.com", "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_RUN_ID": str(run), "GITHUB_RUN_ATTEMPT": str(attempt),
        }  # fmt: skip

    def fail(self, method: str, path: str, status: int, *, after: bool = False, times: int = 1, **more: Any) -> None:
        """Script answers; ``more``: ``headers``, ``message``, ``act`` (what happens meanwhile)."""
        body = {"message": more.get("message", "no"), "documentation_url": "https://docs.example.com"}
        act = more.get("act", lambda: None)
        self.failures += [Failure(method, path, status, more.get("headers", {}), body, after, act)] * times

    def add_note(self, number: int, body: str, author: str = BOT) -> dict[str, Any]:
        note = {
            "id": next(self.ids), "node_id": "x", "url": f"{self.url}/c", "body": body, "user": user(author),
            "html_url": f"https://git.example.com/{REPOSITORY}/pull/{number}#c", "created_at": AT, "updated_at": AT,
            "issue_url": f"{self.url}/repos/{REPOSITORY}/issues/{number}", "author_association": "NONE",
        }  # fmt: skip
        self.notes[note["id"]] = note
        return note

    def add_issue(self, content: Mapping[str, Any], author: str = BOT) -> dict[str, Any]:
        number = next(self.numbers)
        base = f"{self.url}/repos/{REPOSITORY}/issues/{number}"
        issue = {
            "id": next(self.ids), "node_id": "x", "url": base, "repository_url": f"{self.url}/repos/{REPOSITORY}",
            "labels_url": f"{base}/labels", "comments_url": f"{base}/comments", "events_url": f"{base}/events",
            "html_url": f"https://git.example.com/{REPOSITORY}/issues/{number}", "number": number, "state": "open",
            "title": content["title"], "body": content.get("body"), "user": user(author), "labels": [],
            "assignee": None, "milestone": None, "locked": False, "comments": 0, "closed_at": None,
            "created_at": AT, "updated_at": AT, "author_association": "NONE",
        }  # fmt: skip
        self.issues[number] = issue
        return issue

    def said(self, number: int) -> list[str]:
        """The bodies of a thread's comments."""
        return [note["body"] for note in self.notes.values() if note["issue_url"].endswith(f"/{number}")]

    def writes(self) -> list[tuple[str, str]]:
        return [request for request in self.requests if request[0] != "GET"]


def user(login: str) -> dict[str, Any]:
    base = f"https://git.example.com/api/v3/users/{login}"
    links = (
        "followers_url", "following_url", "gists_url", "starred_url", "subscriptions_url", "organizations_url",
        "repos_url", "events_url", "received_events_url",
    )  # fmt: skip
    return {
        "login": login, "id": 1, "node_id": "x", "avatar_url": base, "gravatar_id": "", "url": base, "html_url": base,
        **dict.fromkeys(links, base), "type": "Bot", "site_admin": False,
    }  # fmt: skip


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Github

    def log_message(self, *_: object) -> None:
        pass

    def _any(self) -> None:
        size = int(self.headers.get("content-length") or 0)
        data = self.rfile.read(size)
        parts = urlsplit(self.path)
        path = parts.path.removeprefix("/api/v3")
        try:
            with self.server.lock:
                self.server.requests.append((self.command, path))
                self._check_headers()
                scripted = self._scripted(path)
                if scripted is not None and not scripted.after:
                    self._scripted_answer(scripted)
                    return
                query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
                answer = self._route(path, query, json.loads(data) if data else None)
                if scripted is not None:
                    self._scripted_answer(scripted)
                    return
            self._reply(*answer)
        except Exception as error:  # noqa: BLE001 - whatever does not fit is the test's to see
            self.server.wrong.append(f"{self.command} {self.path}: {type(error).__name__}: {error}")
            self._reply(500, {"message": "the stub refused it"}, {})

    do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = _any  # noqa: N815 - http.server's names

    def _check_headers(self) -> None:
        assert self.headers["authorization"] == "Bearer ghs_canary"
        assert self.headers["accept"] == "application/vnd.github+json"
        assert self.headers["x-github-api-version"] == "2022-11-28"
        assert self.headers["user-agent"]

    def _scripted(self, path: str) -> Failure | None:
        for failure in self.server.failures:
            if failure.method == self.command and re.search(failure.path, path):
                self.server.failures.remove(failure)
                return failure
        return None

    def _scripted_answer(self, failure: Failure) -> None:
        failure.act()
        if not failure.status:
            self.close_connection = True
            self.connection.close()
            return
        validated("ValidationErrorSimple" if failure.status == 422 else "BasicError", failure.body)
        self._reply(failure.status, failure.body, failure.headers)

    def _reply(self, status: int, value: Any, headers: Mapping[str, str]) -> None:
        data = b"" if value is None else json.dumps(value).encode()
        self.send_response(status)
        for name, text in headers.items():
            self.send_header(name, text)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _route(self, path: str, query: Mapping[str, str], content: Any) -> tuple[int, Any, Mapping[str, str]]:
        here = f"/repos/{REPOSITORY}"
        routes: tuple[tuple[str, str, Any], ...] = (
            ("GET", "/user", self._user),
            ("GET", f"{here}/issues/(\\d+)/comments", self._notes),
            ("POST", f"{here}/issues/(\\d+)/comments", self._add_note),
            ("PATCH", f"{here}/issues/comments/(\\d+)", self._edit_note),
            ("DELETE", f"{here}/issues/comments/(\\d+)", self._delete_note),
            ("GET", f"{here}/issues", self._issues),
            ("POST", f"{here}/issues", self._add_issue),
            ("PATCH", f"{here}/issues/(\\d+)", self._edit_issue),
            ("GET", f"{here}/pulls", self._pulls),
            ("POST", f"{here}/pulls", self._open_pull),
            ("PATCH", f"{here}/pulls/(\\d+)", self._edit_pull),
            ("GET", f"{here}/commits/([0-9a-f]+)/pulls", self._pulls_of),
            ("GET", f"{here}/actions/workflows/([^/]+)/runs", self._runs),
        )
        for method, pattern, act in routes:
            found = re.fullmatch(pattern, path)
            if found is not None and method == self.command:
                answer: tuple[int, Any, Mapping[str, str]] = act(query, content, *found.groups())
                return answer
        return 404, validated("BasicError", {"message": "Not Found"}), {}

    def _user(self, *_: Any) -> tuple[int, Any, Mapping[str, str]]:
        if self.server.user is None:
            return 403, validated("BasicError", {"message": "Resource not accessible by integration"}), {}
        return 200, user(self.server.user), {}

    def _paged(self, entries: list[Any], query: Mapping[str, str], model: str) -> tuple[int, Any, Mapping[str, str]]:
        size = min(int(query.get("per_page", "30")), self.server.page_size)
        page = int(query.get("page", "1"))
        shown = entries[(page - 1) * size : page * size]
        headers = {}
        if page * size < len(entries):
            rest = "&".join(f"{key}={value}" for key, value in query.items() if key != "page")
            address = f"{self.server.url}{urlsplit(self.path).path.removeprefix('/api/v3')}?{rest}&page={page + 1}"
            headers = {"Link": f'<{address}>; rel="next", <{address}>; rel="last"'}
        return 200, [validated(model, entry) for entry in shown], headers

    def _notes(self, query: Mapping[str, str], _: Any, number: str) -> tuple[int, Any, Mapping[str, str]]:
        found = [note for note in self.server.notes.values() if note["issue_url"].endswith(f"/{number}")]
        return self._paged(found, query, "IssueComment")

    def _add_note(self, _: Any, content: Any, number: str) -> tuple[int, Any, Mapping[str, str]]:
        validated("ReposOwnerRepoIssuesIssueNumberCommentsPostBody", content)
        if len(content["body"]) > self.server.longest:
            return 422, validated("ValidationErrorSimple", TOO_LONG), {}
        return 201, validated("IssueComment", self.server.add_note(int(number), content["body"])), {}

    def _edit_note(self, _: Any, content: Any, key: str) -> tuple[int, Any, Mapping[str, str]]:
        validated("ReposOwnerRepoIssuesCommentsCommentIdPatchBody", content)
        note = self.server.notes.get(int(key))
        if note is None:
            return 404, validated("BasicError", {"message": "Not Found"}), {}
        if len(content["body"]) > self.server.longest:
            return 422, validated("ValidationErrorSimple", TOO_LONG), {}
        note["body"] = content["body"]
        return 200, validated("IssueComment", note), {}

    def _delete_note(self, _: Any, __: Any, key: str) -> tuple[int, Any, Mapping[str, str]]:
        found = self.server.notes.pop(int(key), None)
        return (204, None, {}) if found else (404, validated("BasicError", {"message": "Not Found"}), {})

    def _issues(self, query: Mapping[str, str], *_: Any) -> tuple[int, Any, Mapping[str, str]]:
        assert query["state"] == "all"
        found = [issue for issue in self.server.issues.values() if issue["user"]["login"] == query["creator"]]
        return self._paged(found[::-1], query, "Issue")

    def _add_issue(self, _: Any, content: Any) -> tuple[int, Any, Mapping[str, str]]:
        validated("ReposOwnerRepoIssuesPostBody", content)
        return 201, validated("Issue", self.server.add_issue(content)), {}

    def _edit_issue(self, _: Any, content: Any, number: str) -> tuple[int, Any, Mapping[str, str]]:
        validated("ReposOwnerRepoIssuesIssueNumberPatchBody", content)
        issue = self.server.issues.get(int(number))
        if issue is None:
            return 404, validated("BasicError", {"message": "Not Found"}), {}
        issue.update({key: content[key] for key in ("title", "body", "state") if key in content})
        issue["closed_at"] = AT if issue["state"] == "closed" else None
        return 200, validated("Issue", issue), {}

    def _pulls(self, query: Mapping[str, str], *_: Any) -> tuple[int, Any, Mapping[str, str]]:
        assert query["head"].startswith("acme:")
        found = [pull for pull in self.server.pulls.values() if pull["head"]["ref"] == query["head"].partition(":")[2]]
        return self._paged(found, query, "PullRequestSimple")

    def _open_pull(self, _: Any, content: Any) -> tuple[int, Any, Mapping[str, str]]:
        validated("ReposOwnerRepoPullsPostBody", content)
        pull = minimal("PullRequest") | {
            "number": next(self.server.numbers), "title": content["title"], "body": content["body"],
            "user": user(self.server.app), "state": "open", "html_url": "https://git.example.com/pull",
        }  # fmt: skip
        pull["head"] = pull["head"] | {"ref": content["head"]}
        self.server.pulls[pull["number"]] = pull
        return 201, validated("PullRequest", pull), {}

    def _edit_pull(self, _: Any, content: Any, number: str) -> tuple[int, Any, Mapping[str, str]]:
        validated("ReposOwnerRepoPullsPullNumberPatchBody", content)
        pull = self.server.pulls[int(number)]
        pull.update(content)
        return 200, validated("PullRequest", pull), {}

    def _pulls_of(self, query: Mapping[str, str], _: Any, commit: str) -> tuple[int, Any, Mapping[str, str]]:
        found = [minimal("PullRequestSimple") | {"number": number} for number in self.server.merged.get(commit, [])]
        return self._paged(found, query, "PullRequestSimple")

    def _runs(self, query: Mapping[str, str], _: Any, workflow: str) -> tuple[int, Any, Mapping[str, str]]:
        found = [run for run in self.server.runs if run["path"].endswith(workflow)]
        size = int(query.get("per_page", "30"))
        return 200, {"total_count": len(found), "workflow_runs": found[:size]}, {}


def minimal(model: str | Any) -> Any:
    """The smallest value that GitHub's description has for a model: its required fields only."""
    cls = getattr(kit, model) if isinstance(model, str) else model
    return {
        field.alias or name: _smallest(field.annotation)
        for name, field in cls.model_fields.items()
        if field.is_required()
    }


def _smallest(kind: Any) -> Any:
    choices = typing.get_args(kind)
    if typing.get_origin(kind) is typing.Literal:
        return choices[0]
    if typing.get_origin(kind) is list:
        return []
    if choices and typing.get_origin(kind) is not typing.Annotated:
        return None if type(None) in choices else _smallest(choices[0])
    if choices:
        return _smallest(choices[0])
    known = {int: 1, bool: False, str: "x", datetime: AT, type(None): None}
    return known[kind] if kind in known else minimal(kind)


TOO_LONG = {
    "message": "Validation Failed", "documentation_url": "https://docs.example.com",
    "errors": ["body is too long (maximum is 65536 characters)"],
}  # fmt: skip


@contextmanager
def serving() -> Iterator[Github]:
    """A server for one test; at its end nothing may have been said that GitHub's description does not have."""
    with warnings.catch_warnings():
        server = Github()
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            server.server_close()
            thread.join()
    assert server.wrong == []
