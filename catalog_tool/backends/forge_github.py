"""GitHub, and GitHub Enterprise Server: issues, comments and pull requests over REST.

Paths and fields as in GitHub's OpenAPI description, version 2022-11-28. A comment on a pull request is a
comment on the issue of the same number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from catalog_tool.backends.forge import Draft, NotAllowedError, Note, Thread, Ticket
from catalog_tool.backends.forge_http import ForgeHttp, MissingError
from catalog_tool.errors import UsageError

API_URL = "https://api.github.com"
ACTIONS_AUTHOR = "github-actions[bot]"
"""Who a workflow's own token is. Such a token may not ask ``GET /user``."""
_REPOSITORY = re.compile(r"[A-Za-z0-9_.-]{1,100}/[A-Za-z0-9_.-]{1,100}", re.ASCII)


class GitHub:
    """One repository, ``owner/name``. Raises ``UsageError`` for a name that is none."""

    def __init__(self, repository: str, token: str, *, url: str = API_URL, author: str | None = None) -> None:
        if _REPOSITORY.fullmatch(repository) is None or {".", ".."} & set(repository.split("/")):
            raise UsageError(f"{repository!r} is no repository", hint="write OWNER/NAME")
        self._repository = f"/repos/{repository}"
        self._author = author
        self._http = ForgeHttp(
            url,
            {
                "Authorization": f"Bearer {token}",
                "Accept": "application/vnd.github+json",
                "X-GitHub-Api-Version": "2022-11-28",
                "User-Agent": "catalog-tool",
            },
        )

    def close(self) -> None:
        """Close what is connected."""
        self._http.close()

    def author(self) -> str:
        """The token's user; the workflow's own where an installation's token may not ask."""
        if self._author is None:
            try:
                self._author = str(self._http.get("/user").get("login"))
            except NotAllowedError:
                self._author = ACTIONS_AUTHOR
        return self._author

    def notes(self, thread: Thread) -> list[Note]:
        """All comments, oldest first."""
        return [_note(entry) for entry in self._http.pages(f"{self._repository}/issues/{thread.number}/comments", {})]

    def add_note(self, thread: Thread, body: str) -> Note:
        """Write a comment."""
        return _note(self._http.send("POST", f"{self._repository}/issues/{thread.number}/comments", {"body": body}))

    def edit_note(self, thread: Thread, note: int, body: str) -> Note | None:  # noqa: ARG002 - ids are the repository's
        """Replace a comment."""
        value = self._http.edit("PATCH", f"{self._repository}/issues/comments/{note}", {"body": body})
        return None if value is None else _note(value)

    def delete_note(self, thread: Thread, note: int) -> None:  # noqa: ARG002 - as above
        """Delete a comment."""
        self._http.edit("DELETE", f"{self._repository}/issues/comments/{note}")

    def tickets(self, author: str) -> Iterator[Ticket]:
        """Issues of an author; pull requests, which GitHub lists among them, are left out."""
        query = {"creator": author, "state": "all", "sort": "updated", "direction": "desc"}
        for entry in self._http.pages(f"{self._repository}/issues", query):
            if "pull_request" not in entry:
                yield _ticket(entry)

    def open_ticket(self, title: str, body: str, labels: tuple[str, ...]) -> Ticket:
        """Open an issue; labels that do not exist are made."""
        content = {"title": title, "body": body, **({"labels": list(labels)} if labels else {})}
        return _ticket(self._http.send("POST", f"{self._repository}/issues", content))

    def edit_ticket(self, number: int, title: str, body: str, *, is_open: bool) -> Ticket | None:
        """Replace an issue, and open or close it."""
        content = {
            "title": title, "body": body, "state": "open" if is_open else "closed",
            "state_reason": "reopened" if is_open else "completed",
        }  # fmt: skip
        value = self._http.edit("PATCH", f"{self._repository}/issues/{number}", content)
        return None if value is None else _ticket(value)

    def reviews_of(self, commit: str) -> list[int]:
        """Pull requests of a commit."""
        found = self._http.pages(f"{self._repository}/commits/{quote(commit, safe='')}/pulls", {})
        return [int(entry["number"]) for entry in found]

    def failed_run(self, workflow: str, branch: str) -> str | None:
        """The last completed run, if it failed; needs the permission ``actions: read``."""
        path = f"{self._repository}/actions/workflows/{quote(workflow, safe='')}/runs"
        try:
            value = self._http.get(path, {"branch": branch, "status": "completed", "per_page": "1"})
        except (NotAllowedError, MissingError):
            return None
        runs = value.get("workflow_runs") or [] if isinstance(value, dict) else []
        failed = runs and runs[0].get("conclusion") in ("failure", "timed_out", "cancelled", "startup_failure")
        return str(runs[0]["html_url"]) if failed else None

    def request(self, head: str, base: str) -> Ticket | None:
        """The open pull request between two branches of this repository."""
        owner = self._repository.split("/")[2]
        query = {"state": "open", "head": f"{owner}:{head}", "base": base}
        found = self._http.pages(f"{self._repository}/pulls", query)
        return next((_ticket(entry) for entry in found), None)

    def open_request(self, draft: Draft) -> Ticket:
        """Open a pull request."""
        return _ticket(self._http.send("POST", f"{self._repository}/pulls", draft._asdict()))

    def edit_request(self, number: int, title: str, body: str) -> Ticket | None:
        """Replace a pull request's title and body."""
        value = self._http.edit("PATCH", f"{self._repository}/pulls/{number}", {"title": title, "body": body})
        return None if value is None else _ticket(value)


def _login(entry: Mapping[str, Any]) -> str:
    return str((entry.get("user") or {}).get("login", ""))  # null: the account was deleted


def _note(entry: Mapping[str, Any]) -> Note:
    return Note(int(entry["id"]), _login(entry), entry.get("body") or "", str(entry.get("html_url", "")))


def _ticket(entry: Mapping[str, Any]) -> Ticket:
    return Ticket(
        int(entry["number"]), _login(entry), str(entry.get("title", "")), entry.get("body") or "",
        str(entry.get("html_url", "")), entry.get("state") == "open",
    )  # fmt: skip
