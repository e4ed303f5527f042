"""GitLab's side: the requests that its documentation describes, on a real socket."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from gitlab_server import PROJECT, serving

from catalog_tool.backends.forge import ISSUE, REVIEW, NotAllowedError, Thread
from catalog_tool.backends.forge_gitlab import GitLab
from catalog_tool.sync.announce import CREATED, UPDATED, Comment, announce
from catalog_tool.sync.forge_marker import COMMENT, Marker, Sequence, without_marker
from catalog_tool.sync.timing import Timing


@pytest.fixture
def server() -> Iterator[Any]:
    with serving() as made:
        yield made


@pytest.fixture
def gitlab(server: Any) -> Iterator[GitLab]:
    driver = GitLab("group/prompts", "glpat-canary", url=server.url)
    yield driver
    driver.close()


def comment(text: str, run: int) -> Comment:
    return Comment(Marker(COMMENT, "acme", "", Sequence((run, 1), run), {}), lambda _: text, True)


def test_a_note_is_written_found_over_pages_and_updated(server: Any, gitlab: GitLab) -> None:
    server.notes += [{"id": 1, "body": "moved", "author": {"username": "bot"}, "system": True}]
    assert announce(gitlab, 7, comment("one", 1), Timing()).action == CREATED
    assert announce(gitlab, 7, comment("two", 2), Timing()).action == UPDATED
    assert [without_marker(note["body"]) for note in server.notes] == ["moved", "two"]
    methods = {(method, path) for method, path, _, _ in server.asked if method != "GET"}
    assert methods == {
        ("POST", f"{PROJECT}/merge_requests/7/notes"), ("PUT", f"{PROJECT}/merge_requests/7/notes/2"),
    }  # fmt: skip


def test_a_token_without_the_scope(server: Any, gitlab: GitLab) -> None:
    server.refuse = True
    with pytest.raises(NotAllowedError):
        gitlab.add_note(Thread(REVIEW, 7), "x")


def test_issues_are_listed_whatever_their_state_and_reopened(server: Any, gitlab: GitLab) -> None:
    (found,) = gitlab.tickets("bot")
    assert (found.number, found.is_open, found.body) == (3, False, "")
    assert server.asked[-1][2]["state"] == "all"
    edited = gitlab.edit_ticket(3, "new", "body", is_open=True)
    assert edited is not None
    assert edited.is_open
    assert server.asked[-1][3] == {"title": "new", "description": "body", "state_event": "reopen"}
    gitlab.add_note(Thread(ISSUE, 3), "news")
    assert server.asked[-1][1] == f"{PROJECT}/issues/3/notes"


def test_the_failed_pipeline_and_the_merge_request_of_a_commit(gitlab: GitLab) -> None:
    assert gitlab.failed_run("pipeline", "main") == "https://gl.example/p/9"
    assert gitlab.reviews_of("ab" * 20) == [4]
