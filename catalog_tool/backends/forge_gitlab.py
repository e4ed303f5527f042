"""GitLab: merge-request notes, issues and merge requests over its REST API, version 4.

Fields as in GitLab's reference ("Notes API", "Issues API", "Merge requests API"). A job's own token may
not write notes: a project access token with the scope ``api`` is needed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from catalog_tool.backends.forge import REVIEW, Draft, NotAllowedError, Note, Thread, Ticket
from catalog_tool.backends.forge_http import ForgeHttp, MissingError

API_URL = "https://gitlab.com/api/v4"


class GitLab:
    """One project, by its number or its path."""

    def __init__(self, project: str, token: str, *, url: str = API_URL, author: str | None = None) -> None:
        self._project = f"/projects/{quote(project, safe='')}"
        self._author = author
        self._http = ForgeHttp(url, {"PRIVATE-TOKEN": token, "User-Agent": "catalog-tool"})

    def close(self) -> None:
        """Close what is connected."""
        self._http.close()

    def author(self) -> str:
        """The token's user."""
        if self._author is None:
            self._author = str(self._http.get("/user").get("username"))
        return self._author

    def notes(self, thread: Thread) -> list[Note]:
        """All notes of people, oldest first."""
        query = {"sort": "asc", "order_by": "created_at"}
        found = self._http.pages(f"{self._thread(thread)}/notes", query)
        return [_note(entry) for entry in found if not entry.get("system")]

    def add_note(self, thread: Thread, body: str) -> Note:
        """Write a note."""
        return _note(self._http.send("POST", f"{self._thread(thread)}/notes", {"body": body}))

    def edit_note(self, thread: Thread, note: int, body: str) -> Note | None:
        """Replace a note."""
        value = self._http.edit("PUT", f"{self._thread(thread)}/notes/{note}", {"body": body})
        return None if value is None else _note(value)

    def delete_note(self, thread: Thread, note: int) -> None:
        """Delete a note."""
        self._http.edit("DELETE", f"{self._thread(thread)}/notes/{note}")

    def tickets(self, author: str) -> Iterator[Ticket]:
        """Issues of an author, open and closed."""
        query = {"author_username": author, "scope": "all", "state": "all", "order_by": "updated_at", "sort": "desc"}
        return map(_ticket, self._http.pages(f"{self._project}/issues", query))

    def open_ticket(self, title: str, body: str, labels: tuple[str, ...]) -> Ticket:
        """Open an issue."""
        content = {"title": title, "description": body, "labels": ",".join(labels)}
        return _ticket(self._http.send("POST", f"{self._project}/issues", content))

    def edit_ticket(self, number: int, title: str, body: str, *, is_open: bool) -> Ticket | None:
        """Replace an issue, and open or close it."""
        content = {"title": title, "description": body, "state_event": "reopen" if is_open else "close"}
        value = self._http.edit("PUT", f"{self._project}/issues/{number}", content)
        return None if value is None else _ticket(value)

    def reviews_of(self, commit: str) -> list[int]:
        """Merge requests of a commit."""
        path = f"{self._project}/repository/commits/{quote(commit, safe='')}/merge_requests"
        return [int(entry["iid"]) for entry in self._http.pages(path, {})]

    def failed_run(self, workflow: str, branch: str) -> str | None:  # noqa: ARG002 - a project has one set of pipelines
        """The last finished pipeline of a branch, if it failed."""
        query = {"ref": branch, "scope": "finished", "per_page": "1"}
        try:
            value = self._http.get(f"{self._project}/pipelines", query)
        except (NotAllowedError, MissingError):
            return None
        last = value[0] if isinstance(value, list) and value else {}
        return str(last.get("web_url")) if last.get("status") == "failed" else None

    def request(self, head: str, base: str) -> Ticket | None:
        """The open merge request between two branches."""
        query = {"state": "opened", "source_branch": head, "target_branch": base}
        return next(map(_ticket, self._http.pages(f"{self._project}/merge_requests", query)), None)

    def open_request(self, draft: Draft) -> Ticket:
        """Open a merge request."""
        content = {
            "title": draft.title, "description": draft.body,
            "source_branch": draft.head, "target_branch": draft.base,
        }  # fmt: skip
        return _ticket(self._http.send("POST", f"{self._project}/merge_requests", content))

    def edit_request(self, number: int, title: str, body: str) -> Ticket | None:
        """Replace a merge request's title and description."""
        content = {"title": title, "description": body}
        value = self._http.edit("PUT", f"{self._project}/merge_requests/{number}", content)
        return None if value is None else _ticket(value)

    def _thread(self, thread: Thread) -> str:
        kind = "merge_requests" if thread.kind == REVIEW else "issues"
        return f"{self._project}/{kind}/{thread.number}"


def _login(entry: Mapping[str, Any]) -> str:
    return str((entry.get("author") or {}).get("username", ""))


def _note(entry: Mapping[str, Any]) -> Note:
    return Note(int(entry["id"]), _login(entry), entry.get("body") or "", "")  # notes have no address of their own


def _ticket(entry: Mapping[str, Any]) -> Ticket:
    return Ticket(
        int(entry["iid"]), _login(entry), str(entry.get("title", "")), entry.get("description") or "",
        str(entry.get("web_url", "")), entry.get("state") == "opened",
    )  # fmt: skip
