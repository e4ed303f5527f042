"""GitLab's side: the requests that its documentation describes, on a real socket."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from gitlab_server import PROJECT, Gitlab, serving

from catalog_tool.backends.forge import ISSUE, REVIEW, Draft, NotAllowedError, Thread
from catalog_tool.backends.forge_gitlab import GitLab
from catalog_tool.sync.announce import CREATED, UPDATED, Comment, announce
from catalog_tool.sync.forge_marker import COMMENT, PULL_REQUEST, Marker, Sequence, without_marker
from catalog_tool.sync.reverse_request import LEFT, OPENED, keep_request
from catalog_tool.sync.reverse_request import UPDATED as REWRITTEN
from catalog_tool.sync.timing import Timing


@pytest.fixture
def server() -> Iterator[Gitlab]:
    with serving() as made:
        yield made


@pytest.fixture
def gitlab(server: Gitlab) -> Iterator[GitLab]:
    driver = GitLab("group/prompts", "glpat-canary", url=server.url)
    yield driver
    driver.close()


def comment(text: str, run: int) -> Comment:
    return Comment(Marker(COMMENT, "acme", "", Sequence((run, 1), run), {}), lambda _: text, True)


def test_a_note_is_written_found_over_pages_and_updated(server: Gitlab, gitlab: GitLab) -> None:
    server.page_size = 1
    server.note("merge_requests/7", "moved", system=True)
    assert announce(gitlab, 7, comment("one", 1), Timing()).action == CREATED
    assert announce(gitlab, 7, comment("two", 2), Timing()).action == UPDATED
    assert [without_marker(body) for body in server.said("merge_requests/7")] == ["moved", "two"]
    methods = {(method, path) for method, path, _, _ in server.asked if method != "GET"}
    assert methods == {
        ("POST", f"{PROJECT}/merge_requests/7/notes"), ("PUT", f"{PROJECT}/merge_requests/7/notes/2"),
    }  # fmt: skip


def test_two_notes_of_two_runs_at_once_become_one(server: Gitlab, gitlab: GitLab) -> None:
    announce(gitlab, 7, comment("one", 1), Timing())
    server.note("merge_requests/7", server.said("merge_requests/7")[0])
    announce(gitlab, 7, comment("two", 2), Timing())
    assert [without_marker(body) for body in server.said("merge_requests/7")] == ["two"]


def test_a_token_without_the_scope(server: Gitlab, gitlab: GitLab) -> None:
    server.refuse = True
    with pytest.raises(NotAllowedError):
        gitlab.add_note(Thread(REVIEW, 7), "x")


def test_issues_are_listed_whatever_their_state_and_reopened(server: Gitlab, gitlab: GitLab) -> None:
    server.issue("t", None, state="closed")
    (found,) = gitlab.tickets("bot")
    assert (found.number, found.is_open, found.body) == (3, False, "")
    assert server.asked[-1][2]["state"] == "all"
    edited = gitlab.edit_ticket(3, "new", "body", is_open=True)
    assert edited is not None
    assert edited.is_open
    assert server.issues[3]["description"] == "body"
    gitlab.add_note(Thread(ISSUE, 3), "news")
    assert server.said("issues/3") == ["news"]
    assert gitlab.edit_ticket(99, "t", "b", is_open=True) is None


def test_the_failed_pipeline_and_the_merge_request_of_a_commit(server: Gitlab, gitlab: GitLab) -> None:
    assert gitlab.failed_run("pipeline", "main") is None
    server.pipelines.append({"status": "failed", "web_url": "https://gl.example/p/9"})
    server.merged["ab" * 20] = [4]
    assert gitlab.failed_run("pipeline", "main") == "https://gl.example/p/9"
    assert gitlab.reviews_of("ab" * 20) == [4]


def test_a_reverse_merge_request_is_opened_once_and_rewritten(server: Gitlab, gitlab: GitLab) -> None:
    def keep(run: int, text: str) -> str:
        marker = Marker(PULL_REQUEST, "acme", "production", Sequence((run, 1), run), {})
        draft = Draft("Bring back", text, "catalog/pull/production", "main")
        return keep_request(gitlab, marker, draft, Timing()).action

    assert [keep(1, "one"), keep(2, "two"), keep(1, "late")] == [OPENED, REWRITTEN, LEFT]
    (request,) = server.requests.values()
    assert without_marker(request["description"]) == "two"
