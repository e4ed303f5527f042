"""One comment a pull request, against a GitHub on a socket that is held to GitHub's own description."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from forge_server import BOT, REPOSITORY, Github, serving

from catalog_tool.backends.forge import NotAllowedError
from catalog_tool.backends.forge_github import GitHub
from catalog_tool.errors import BackendError, RefusedError, UnavailableError
from catalog_tool.sync.announce import CREATED, LIMIT, NEWER, NOTHING, SHORT, UPDATED, Announced, Comment, announce
from catalog_tool.sync.forge_marker import COMMENT, Marker, Sequence, marked, read_marker, without_marker
from catalog_tool.sync.timing import Timing

PULL = 7


@pytest.fixture
def github() -> Iterator[Github]:
    with serving() as server:
        yield server


class Waits(list[float]):
    """Every pause that was asked for; none is made."""

    def timing(self) -> Timing:
        return Timing(sleep=self.append, jitter=lambda: 1.0)


def comment(
    text: str = "hello", run: int = 1, *, catalog: str = "acme", target: str = "", changed: bool = True
) -> Comment:
    return Comment(Marker(COMMENT, catalog, target, Sequence((run, 1), run), {}), lambda limit: text[:limit], changed)


def say(github: Github, what: Comment, waits: Waits | None = None) -> Announced:
    driver = GitHub(REPOSITORY, "ghs_canary", url=github.url)
    try:
        return announce(driver, PULL, what, (Waits() if waits is None else waits).timing())
    finally:
        driver.close()


def texts(github: Github) -> list[str]:
    return [without_marker(body) for body in github.said(PULL)]


class TestPlace:
    def test_the_first_is_created_and_the_next_updated_in_place(self, github: Github) -> None:
        assert say(github, comment("one", 1)).action == CREATED
        done = say(github, comment("two", 2))
        assert done.action == UPDATED
        assert done.url.startswith("https://git.example.com/")
        assert texts(github) == ["two"]

    def test_nothing_is_said_where_nothing_changed(self, github: Github) -> None:
        assert say(github, comment(changed=False)) == Announced(NOTHING, "")
        assert github.writes() == []

    def test_what_stands_there_is_edited_when_nothing_is_left(self, github: Github) -> None:
        say(github, comment("one", 1))
        assert say(github, comment("nothing left", 2, changed=False)).action == UPDATED
        assert texts(github) == ["nothing left"]

    def test_catalogs_and_targets_have_comments_of_their_own(self, github: Github) -> None:
        for what in (comment("a"), comment("b", catalog="other"), comment("c", target="production")):
            assert say(github, what).action == CREATED
        assert texts(github) == ["a", "b", "c"]

    def test_a_marker_that_somebody_else_wrote_is_not_ours(self, github: Github) -> None:
        forged = marked(comment(run=999).marker, "mine")
        github.add_note(PULL, forged, author="mallory")
        github.add_note(PULL, f"quoted:\n{forged}")
        assert say(github, comment("ours", 1)).action == CREATED
        assert texts(github)[-1] == "ours"
        assert github.said(PULL)[0] == forged

    def test_it_is_found_on_a_later_page(self, github: Github) -> None:
        github.page_size = 10
        for index in range(25):
            github.add_note(PULL, f"talk {index}", author="ada")
        say(github, comment("one", 1))
        assert say(github, comment("two", 2)).action == UPDATED
        assert texts(github).count("two") == 1
        assert len(github.said(PULL)) == 26

    def test_who_we_are_is_asked_where_the_token_may(self, github: Github) -> None:
        github.user = "my-app[bot]"
        github.add_note(PULL, marked(comment().marker, "by the workflow's token"), author=BOT)
        assert say(github, comment("one", 2)).action == CREATED


class TestOrder:
    def test_an_older_run_never_overwrites_a_newer_one(self, github: Github) -> None:
        say(github, comment("new", 9))
        assert say(github, comment("old", 8)).action == NEWER
        assert texts(github) == ["new"]

    def test_an_old_run_that_is_repeated_stays_old(self, github: Github) -> None:
        say(github, comment("new", 9))
        again = comment("old again", 8)
        again = again._replace(marker=again.marker._replace(sequence=Sequence((8, 5), 999_999)))
        assert say(github, again).action == NEWER

    def test_two_runs_at_once_leave_one_comment_the_newer(self, github: Github) -> None:
        for _ in range(5):
            github.notes.clear()
            runs = [
                threading.Thread(target=say, args=(github, comment(text, run)))
                for text, run in (("old", 1), ("new", 2))
            ]
            for run in runs:
                run.start()
            for run in runs:
                run.join()
            say(github, comment("new", 2))
            assert texts(github) == ["new"]

    def test_both_had_seen_none_and_the_newer_wrote_second(self, github: Github) -> None:
        github.add_note(PULL, marked(comment(run=1).marker, "old"))
        github.add_note(PULL, marked(comment(run=3).marker, "new"))
        assert say(github, comment("middle", 2)).action == NEWER
        assert texts(github) == ["new"]

    def test_duplicates_of_a_run_that_was_killed_are_cleared(self, github: Github) -> None:
        for run in (1, 2):
            github.add_note(PULL, marked(comment(run=run).marker, "left"))
        assert say(github, comment("now", 3)).action == UPDATED
        assert texts(github) == ["now"]


class TestTrouble:
    def test_a_comment_deleted_meanwhile_is_written_anew(self, github: Github) -> None:
        say(github, comment("one", 1))
        github.fail("PATCH", "/comments/", 404, act=github.notes.clear)
        assert say(github, comment("two", 2)).action == CREATED
        assert texts(github) == ["two"]

    def test_one_deleted_meanwhile_stays_deleted_where_nothing_is_left(self, github: Github) -> None:
        say(github, comment("one", 1))
        github.fail("PATCH", "/comments/", 404, act=github.notes.clear)
        assert say(github, comment("nothing left", 2, changed=False)).action == NOTHING
        assert texts(github) == []

    def test_a_lost_answer_does_not_make_two(self, github: Github) -> None:
        github.fail("POST", "/comments$", 0, after=True)
        assert say(github, comment("one")).action in (CREATED, UPDATED)
        assert texts(github) == ["one"]

    @pytest.mark.parametrize("status", [500, 502, 503, 504])
    def test_a_server_in_trouble_is_asked_again(self, github: Github, status: int) -> None:
        github.fail("GET", "/comments$", status)
        waits = Waits()
        assert say(github, comment(), waits).action == CREATED
        assert len(waits) == 1

    @pytest.mark.parametrize("status", [403, 429])
    def test_a_limit_is_waited_for_as_long_as_it_says(self, github: Github, status: int) -> None:
        github.fail("POST", "/comments$", status, headers={"Retry-After": "17"}, message="slow down")
        waits = Waits()
        assert say(github, comment(), waits).action == CREATED
        assert 17 <= waits[0] < 18

    def test_a_secondary_limit_without_a_time_waits_a_minute(self, github: Github) -> None:
        github.fail("POST", "/comments$", 403, message="You have exceeded a secondary rate limit")
        waits = Waits()
        assert say(github, comment(), waits).action == CREATED
        assert 60 <= waits[0] < 61

    def test_a_limit_that_ends_much_later_ends_the_run(self, github: Github) -> None:
        far = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "99999999999"}
        github.fail("GET", "/comments$", 403, headers=far)
        with pytest.raises(BackendError, match="its limit ends in"):
            say(github, comment())

    def test_it_gives_up_in_the_end(self, github: Github) -> None:
        github.fail("GET", "/comments$", 503, times=9)
        with pytest.raises(UnavailableError):
            say(github, comment())

    def test_a_token_that_may_not_write_is_told_apart(self, github: Github) -> None:
        github.fail("POST", "/comments$", 403, message="Resource not accessible by integration")
        with pytest.raises(NotAllowedError):
            say(github, comment())

    def test_a_pull_request_that_is_not_there(self, github: Github) -> None:
        github.fail("GET", "/comments$", 404, message="Not Found")
        with pytest.raises(RefusedError, match="404"):
            say(github, comment())

    def test_a_body_that_is_still_too_long_is_said_in_short(self, github: Github) -> None:
        github.longest = SHORT
        assert say(github, comment("x" * 100_000)).action == CREATED
        assert len(github.said(PULL)[0]) == SHORT

    def test_no_body_passes_the_limit(self, github: Github) -> None:
        say(github, comment("ä" * 100_000))
        assert len(github.said(PULL)[0].encode()) <= 2 * LIMIT  # this text counts characters
        say(github, comment("x" * 100_000, 2))
        assert len(github.said(PULL)[0].encode()) == LIMIT

    def test_the_token_is_in_no_error(self, github: Github) -> None:
        github.fail("GET", "/comments$", 404, message="bad ghs_other")
        with pytest.raises(RefusedError) as caught:
            say(github, comment())
        assert "ghs_canary" not in str(caught.value)


class TestMarker:
    @pytest.mark.parametrize("text", ["--", "a--b", "-->", "<!--", "x" * 63, 'quo"te', "\u2028", "日本"])
    def test_every_name_comes_back_and_ends_no_comment(self, text: str) -> None:
        marker = Marker(COMMENT, text, text, Sequence((1, 2), 3), {"set": text})
        body = marked(marker, "text\n")
        line = body.split("\n")[0]
        assert "--" not in line.removeprefix("<!--").removesuffix("-->")
        assert line.isascii()
        assert read_marker(body) == marker
        assert without_marker(body) == "text\n"

    @pytest.mark.parametrize(
        "body",
        ["", "hello", "<!-- catalog-tool {} -->", "<!-- catalog-tool [1] -->\n", ' <!-- catalog-tool {"a":1} -->'],
    )
    def test_what_is_none_is_none(self, body: str) -> None:
        assert read_marker(body) is None

    def test_runs_are_compared_where_both_have_one_else_times(self) -> None:
        assert Sequence((1, 2), 99).is_older(Sequence((2, 1), 1))
        assert Sequence((), 1).is_older(Sequence((2, 1), 2))
        assert not Sequence((2, 1), 1).is_older(Sequence((2, 1), 99))
