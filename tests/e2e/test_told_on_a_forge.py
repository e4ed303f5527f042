"""`catalog comment` and `catalog alert` as Actions runs them, against a GitHub on a socket."""

from __future__ import annotations

import http.server
import json
import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import httpx
import pytest
from actions_runner import read_outputs
from forge_server import BOT, Github, serving
from jsonschema import Draft202012Validator
from scratch import Answer, Scratch

from catalog_tool.source.schemas import schema_text

LABEL = "labels/greet@production"
OTHER = "prompts/greet@v1"


@pytest.fixture
def github() -> Iterator[Github]:
    with serving() as server:
        yield server


@pytest.fixture
def catalog(scratch: Scratch) -> Scratch:
    scratch.write("catalog.yaml", "catalog: acme\n")
    return scratch


def item(name: str = LABEL, state: str = "drifted", actual: Any = "v9") -> dict[str, Any]:
    return {
        "object": name, "state": state, "expected": "v1", "actual": actual, "since": "2026-03-03T14:00:00Z",
        "by": "ada <ada@example.org>",
    }  # fmt: skip


def drift(status: str = "in_sync", *objects: dict[str, Any]) -> dict[str, Any]:
    found = {"status": status, "counts": {"in_sync": 1}, "objects": list(objects)}
    return {"format": 1, "status": status, "targets": {"production": found}}


class Runs:
    """Looks one after the other, each a run of its own."""

    def __init__(self, catalog: Scratch, github: Github) -> None:
        self.catalog, self.github, self.number = catalog, github, 0
        self.env: dict[str, str] = {}

    def alert(self, document: Any, *options: str, code: int | None = None, run: int | None = None) -> Answer:
        self.number += 1
        self.catalog.write("drift.json", document if isinstance(document, str) else json.dumps(document))
        env = {**self.github.environment(run or self.number), **self.env}
        answer = self.catalog.run("alert", "drift.json", *options, "--format", "json", env=env)
        Draft202012Validator(json.loads(schema_text("alert-output"))).validate(answer.json())
        statuses = {"in_sync": 0, "drift": 1, "behind": 1, "unknown": 3}
        assert answer.code == (statuses[answer.json()["status"]] if code is None else code), answer
        return answer

    def actions(self, document: Any, *options: str, **more: Any) -> dict[str, str]:
        answer = self.alert(document, *options, **more)
        return {alert["kind"]: alert["action"] for alert in answer.json()["targets"]["production"]["alerts"]}

    def issue(self, title: str = "is not what git says") -> dict[str, Any]:
        (found,) = [issue for issue in self.github.issues.values() if title in issue["title"]]
        return found

    def news(self) -> list[str]:
        return self.github.said(self.issue()["number"])


@pytest.fixture
def runs(catalog: Scratch, github: Github) -> Runs:
    return Runs(catalog, github)


class TestDriftIssue:
    def test_the_life_of_an_issue(self, runs: Runs) -> None:
        assert runs.actions(drift()) == {"drift": "quiet", "blind": "quiet"}
        assert runs.github.issues == {}

        assert runs.actions(drift("drift", item()))["drift"] == "opened"
        body = runs.issue()["body"]
        for told in ("Somebody changed", "2026-03-03T14:00:00Z", "ada", "catalog pull production", "--overwrite"):
            assert told in body, told
        assert "https://git.example.com/acme/prompts/actions/runs/2" in body

        assert runs.actions(drift("drift", item()))["drift"] == "kept"
        assert runs.news() == []

        assert runs.actions(drift("drift", item(), item(OTHER, actual="sha256:1")))["drift"] == "changed"
        (news,) = runs.news()
        assert re.search(rf"new: .*{OTHER}", news)
        assert re.search(rf"still: .*{LABEL}", news)

        assert runs.actions(drift())["drift"] == "closed"
        assert runs.issue()["state"] == "closed"
        assert "Clean again" in runs.news()[-1]
        assert runs.actions(drift())["drift"] == "quiet"

        assert runs.actions(drift("drift", item()))["drift"] == "reopened"
        assert runs.issue()["state"] == "open"
        assert "It is back" in runs.news()[-1]

    def test_another_edit_of_the_same_object_is_news(self, runs: Runs) -> None:
        runs.alert(drift("drift", item(actual="v8")))
        assert runs.actions(drift("drift", item(actual="v9")))["drift"] == "changed"

    def test_behind_has_words_of_its_own_and_links_the_failed_run(self, runs: Runs) -> None:
        failed = {
            "path": ".github/workflows/catalog-sync.yml",
            "conclusion": "failure",
            "html_url": "https://x.example/9",
        }
        runs.github.runs = [failed]
        late = drift("behind", item(state="pending"))
        runs.alert(late, "--sync-workflow", "catalog-sync.yml")
        body = runs.issue()["body"]
        assert "Nobody changed this target" in body
        assert "https://x.example/9" in body
        assert "catalog sync production" in body
        assert "--overwrite" not in body
        assert runs.actions(drift("drift", item()))["drift"] == "changed"

    def test_an_older_run_does_not_close_what_a_newer_one_opened(self, runs: Runs) -> None:
        runs.alert(drift("drift", item()), run=9)
        assert runs.actions(drift(), run=8)["drift"] == "newer"
        assert runs.issue()["state"] == "open"

    def test_issues_of_others_with_our_marker_are_left_alone(self, runs: Runs) -> None:
        runs.alert(drift("drift", item()))
        stolen = runs.github.add_issue({"title": "t", "body": runs.issue()["body"]}, author="mallory")
        assert runs.actions(drift())["drift"] == "closed"
        assert stolen["state"] == "open"

    def test_a_deleted_issue_is_no_crash_and_the_next_run_opens_another(self, runs: Runs) -> None:
        runs.alert(drift("drift", item()))
        runs.github.fail("PATCH", "/issues/", 410, act=runs.github.issues.clear)
        assert runs.actions(drift("drift", item()))["drift"] == "quiet"
        assert runs.actions(drift("drift", item()))["drift"] == "opened"

    def test_two_issues_that_two_runs_opened_become_one(self, runs: Runs) -> None:
        runs.alert(drift("drift", item()))
        body = runs.issue()["body"]
        runs.github.add_issue({"title": runs.issue()["title"], "body": body})
        first = min(runs.github.issues)
        assert runs.actions(drift("drift", item()))["drift"] == "kept"
        assert runs.github.issues[first]["state"] == "open"

    def test_a_token_that_may_not_write_is_a_warning_and_the_summary(self, runs: Runs, tmp_path: Path) -> None:
        runs.env["GITHUB_STEP_SUMMARY"] = str(tmp_path / "summary")
        runs.github.fail("POST", "/issues$", 403, message="Resource not accessible by integration")
        answer = runs.alert(drift("drift", item()))
        assert "::warning title=catalog::" in answer.err
        assert "Somebody changed" in (tmp_path / "summary").read_text()

    def test_a_forge_in_trouble_is_exit_3(self, runs: Runs) -> None:
        runs.github.fail("GET", "/issues$", 418)
        assert runs.actions(drift("drift", item()), code=3)["drift"] == "failed"


class TestBlind:
    def test_not_seeing_is_an_alert_after_so_many_times_and_never_clean(self, runs: Runs) -> None:
        state = ("--state", "state.json", "--after", "3")
        runs.alert(drift("drift", item()), *state)
        for _ in range(2):
            assert runs.actions(drift("unknown"), *state) == {}
            assert runs.issue()["state"] == "open"
            assert len(runs.github.issues) == 1
        runs.catalog.write("said.txt", "production: connection refused\n")
        assert runs.actions(drift("unknown"), *state, "--said", "said.txt") == {"blind": "opened"}
        blind = runs.issue("cannot be looked at")
        assert "looks that failed in a row: 3" in blind["body"]
        assert "connection refused" in blind["body"]
        assert runs.issue()["state"] == "open"
        assert runs.actions(drift("unknown"), *state) == {"blind": "kept"}
        assert runs.actions(drift("drift", item()), *state) == {"drift": "kept", "blind": "closed"}

    def test_success_in_between_counts_anew(self, runs: Runs) -> None:
        state = ("--state", "state.json", "--after", "2")
        for status in ("unknown", "in_sync", "unknown"):
            runs.alert(drift(status), *state)
        assert runs.github.issues == {}

    @pytest.mark.parametrize(
        "document",
        ["", "{}", "Traceback", '{"format":1,"status":"error","error":{"kind":"usage","message":"DSN","hint":""}}'],
    )
    def test_no_answer_at_all_is_not_clean(self, runs: Runs, document: str) -> None:
        runs.alert(drift("drift", item()))
        assert runs.actions(document, "--target", "production") == {"blind": "opened"}
        assert runs.issue()["state"] == "open"

    def test_nobody_knows_which_target(self, runs: Runs) -> None:
        runs.catalog.write("drift.json", "")
        answer = runs.catalog.run("alert", "drift.json", env=runs.github.environment())
        assert answer.code == 2
        assert "--target" in answer.err
        for text, said in (("{", "is no JSON document"), ("{}", "none of `catalog`'s documents"), (ERROR, "no base")):
            runs.catalog.write("drift.json", text)
            answer = runs.catalog.run("alert", "drift.json", env=runs.github.environment())
            assert answer.code == 2
            for told in ("drift.json", said, "catalog drift --format json", "--target"):
                assert told in answer.err, (told, answer.err)


ERROR = json.dumps({"format": 1, "status": "error", "error": {"kind": "git", "message": "no base", "hint": "fetch"}})


class TestWords:
    """What an issue tells to run is what helps."""

    def body(self, runs: Runs, status: str, *objects: dict[str, Any]) -> str:
        runs.alert(drift(status, *objects))
        return str(runs.issue()["body"])

    def test_an_edit_that_git_has_already_is_not_to_be_brought(self, runs: Runs) -> None:
        edited = {**item(OTHER, actual="sha256:" + "a" * 64), "elsewhere": "v3"}
        body = self.body(runs, "drift", edited)
        assert "`aaaaaaaaaaaa`, which git has as v3" in body
        assert "catalog pull" not in body
        assert f"--overwrite {OTHER}=sha256:" in body

    def test_what_was_deleted_needs_no_overwriting(self, runs: Runs) -> None:
        body = self.body(runs, "drift", item(state="missing", actual=None))
        assert "catalog sync production\n" in body
        assert "--overwrite" not in body

    def test_where_nobody_says_who_no_column_asks(self, runs: Runs) -> None:
        late = {**item(state="collision", actual="v7"), "since": None, "by": None}
        body = self.body(runs, "behind", late)
        assert "since, by" not in body
        assert f"--overwrite {LABEL}=v7" in body, "a plain sync leaves what stands in its way"


class Hook(http.server.BaseHTTPRequestHandler):
    """A chat's webhook, and an Alertmanager."""

    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers["content-length"]))
        self.server.got.append((self.path, json.loads(data)))  # type: ignore[attr-defined]
        self.send_response(self.server.status)  # type: ignore[attr-defined]
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hook() -> Iterator[Any]:
    server: Any = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    server.got, server.status = [], 200
    server.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


class TestChat:
    def test_only_news_is_sent_and_what_slack_reads_is_escaped(self, runs: Runs, hook: Any) -> None:
        runs.env["CATALOG_WEBHOOK_URL"] = f"{hook.url}/services/secret"
        hostile = item("labels/<!channel>&@production")
        runs.alert(drift())
        runs.alert(drift("drift", hostile))
        runs.alert(drift("drift", hostile))
        runs.alert(drift())
        texts = [content["text"] for _, content in hook.got]
        assert len(texts) == 2
        assert "<!channel>" not in texts[0]
        assert "&lt;!channel&gt;&amp;@production" in texts[0]
        assert "clean again" in texts[1]

    def test_without_an_issue_the_state_file_knows_what_is_news(self, runs: Runs, hook: Any) -> None:
        runs.env["CATALOG_WEBHOOK_URL"] = hook.url
        how = ("--no-issue", "--state", "state.json")
        for document in (drift("drift", item()), drift("drift", item()), drift(), drift()):
            runs.alert(document, *how)
        assert len(hook.got) == 2
        assert runs.github.requests == []

    def test_a_chat_that_refuses_is_exit_3_tried_again_and_its_address_is_secret(self, runs: Runs, hook: Any) -> None:
        runs.env["CATALOG_WEBHOOK_URL"] = f"{hook.url}/services/secret"
        how = ("--no-issue", "--state", "state.json")
        hook.status = 404
        answer = runs.alert(drift("drift", item()), *how, code=3)
        assert "services/secret" not in answer.out + answer.err
        hook.status = 200
        runs.alert(drift("drift", item()), *how)
        assert len(hook.got) == 2

    def test_alertmanager_hears_of_every_run(self, runs: Runs, hook: Any) -> None:
        runs.alert(drift("drift", item()), "--no-issue", "--alertmanager", hook.url)
        ((path, alerts),) = hook.got
        assert path == "/api/v2/alerts"
        by_name = {alert["labels"]["alertname"]: alert for alert in alerts}
        assert set(by_name) == {"CatalogDrift", "CatalogBehind", "CatalogUnreachable"}
        assert by_name["CatalogDrift"]["endsAt"] > by_name["CatalogBehind"]["endsAt"]
        assert by_name["CatalogDrift"]["labels"] == {
            "alertname": "CatalogDrift",
            "catalog": "acme",
            "target": "production",
        }


@pytest.fixture
def alertmanager(tmp_path: Path) -> Iterator[str]:
    program = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
    if program is None:
        pytest.skip("LOUD: there is no Alertmanager: apt-get install prometheus-alertmanager")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (tmp_path / "config.yml").write_text("route: {receiver: none}\nreceivers: [{name: none}]\n")
    command = [
        program, f"--config.file={tmp_path / 'config.yml'}", f"--storage.path={tmp_path / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address=",
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        url = f"http://127.0.0.1:{port}"
        with httpx.Client(transport=httpx.HTTPTransport(retries=10)) as client:
            assert client.get(f"{url}/-/ready").is_success
        yield url
        running.terminate()


class TestRealAlertmanager:
    def test_an_alert_starts_now_holds_and_is_resolved(self, runs: Runs, alertmanager: str) -> None:
        def active() -> dict[str, Any]:
            found = httpx.get(f"{alertmanager}/api/v2/alerts").json()
            return {alert["labels"]["alertname"]: alert for alert in found}

        how = ("--no-issue", "--alertmanager", alertmanager)
        runs.alert(drift("drift", item()), *how)
        first = active()
        assert set(first) == {"CatalogDrift"}
        assert first["CatalogDrift"]["startsAt"] < first["CatalogDrift"]["endsAt"]
        runs.alert(drift("behind", item(state="pending")), *how)
        assert set(active()) == {"CatalogBehind"}
        runs.alert(drift("unknown"), *how)
        assert set(active()) == {"CatalogBehind", "CatalogUnreachable"}
        runs.alert(drift(), *how)
        assert active() == {}


CHANGED = {"format": 1, "status": "changed", "base": "main", "head": None, "changes": [], "summary": {}}
SAME = {**CHANGED, "status": "same"}


class TestComment:
    def comment(self, catalog: Scratch, github: Github, document: Any, run: int = 1, **env: str) -> tuple[str, Answer]:
        catalog.write("diff.json", json.dumps(document))
        catalog.write("diff.md", "**Something changed.**\n")
        event = catalog.write("event.json", json.dumps({"pull_request": {"number": 7, "head": {"sha": "ab" * 20}}}))
        variables = {**github.environment(run), "GITHUB_EVENT_PATH": str(event), **env}
        arguments = ("comment", "--changes", "diff.json", "--report", "diff.md", "--format", "json")
        answer = catalog.run(*arguments, env={key: value for key, value in variables.items() if value})
        assert answer.code == 0, answer
        Draft202012Validator(json.loads(schema_text("comment-output"))).validate(answer.json())
        return answer.json()["status"], answer

    def test_first_update_nothing_left(self, catalog: Scratch, github: Github) -> None:
        assert self.comment(catalog, github, SAME)[0] == "nothing"
        assert self.comment(catalog, github, CHANGED, 2)[0] == "created"
        assert "Something changed" in github.said(7)[0]
        assert "abababababab" in github.said(7)[0]
        assert self.comment(catalog, github, SAME, 3)[0] == "updated"
        (body,) = github.said(7)
        assert "Nothing left" in body
        assert "Something changed" not in body

    def test_a_comparison_that_failed_is_not_nothing(self, catalog: Scratch, github: Github) -> None:
        error = {"format": 1, "status": "error", "error": {"kind": "git", "message": "no base", "hint": "fetch it"}}
        assert self.comment(catalog, github, error)[0] == "created"
        assert "could not be compared" in github.said(7)[0]

    def test_a_fork_gets_a_summary_and_a_warning(self, catalog: Scratch, github: Github, tmp_path: Path) -> None:
        summary = tmp_path / "summary"
        status, answer = self.comment(catalog, github, CHANGED, GITHUB_TOKEN="", GITHUB_STEP_SUMMARY=str(summary))
        assert status == "not_allowed"
        assert "::warning title=catalog::there is no token" in answer.err
        assert "Something changed" in summary.read_text()
        assert github.requests == []
        github.fail("POST", "/comments$", 403, message="Resource not accessible by integration")
        status, answer = self.comment(catalog, github, CHANGED)
        assert status == "not_allowed"
        assert "::warning title=catalog::" in answer.err

    def test_outputs_come_back_exactly(self, catalog: Scratch, github: Github, tmp_path: Path) -> None:
        outputs = tmp_path / "out"
        self.comment(catalog, github, CHANGED, GITHUB_OUTPUT=str(outputs))
        assert read_outputs(outputs.read_text())["action"] == "created"

    def test_the_token_is_nowhere(self, catalog: Scratch, github: Github) -> None:
        github.fail("POST", "/comments$", 403, message="Resource not accessible by integration")
        _, answer = self.comment(catalog, github, CHANGED)
        assert "canary" not in answer.out + answer.err

    def test_another_bot_s_comment_is_left(self, catalog: Scratch, github: Github) -> None:
        github.user = BOT
        github.add_note(7, "build passed", author=BOT)
        self.comment(catalog, github, CHANGED)
        assert github.said(7)[0] == "build passed"
        assert len(github.said(7)) == 2


class TestReversePullRequest:
    document: ClassVar[dict[str, Any]] = {
        "format": 1, "status": "done", "target": "production", "branch": "catalog/pull/production",
        "commit": "ab" * 20, "left": [{"object": "skills/x", "reason": "deleted"}],
        "changes": [{"object": LABEL, "path": "prompts/registry.yaml", "what": "it points to v2", "by": "@ada"}],
    }  # fmt: skip

    def propose(self, catalog: Scratch, github: Github, run: int, **document: Any) -> Answer:
        catalog.write("pull.json", json.dumps({**self.document, **document}))
        catalog.write("diff.md", "**The report.**\n")
        arguments = ("comment", "--pulled", "pull.json", "--report", "diff.md", "--base", "main")
        return catalog.run(*arguments, env=github.environment(run))

    def test_it_is_opened_once_and_then_updated(self, catalog: Scratch, github: Github) -> None:
        assert self.propose(catalog, github, 1).out.startswith("opened")
        assert self.propose(catalog, github, 2, changes=self.document["changes"] * 2).out.startswith("updated")
        (pull,) = github.pulls.values()
        assert pull["title"] == "Bring back 2 edits from production of acme"
        for told in (LABEL, "it points to", "`@ada`", "skills/x", "**The report.**"):
            assert told in pull["body"], told

    def test_an_older_run_and_a_request_of_somebody_else_are_left(self, catalog: Scratch, github: Github) -> None:
        self.propose(catalog, github, 9)
        assert self.propose(catalog, github, 8).out.startswith("left")
        (pull,) = github.pulls.values()
        pull["user"] = {**pull["user"], "login": "mallory"}
        assert self.propose(catalog, github, 10).out.startswith("left")

    def test_nothing_to_bring_asks_nobody(self, catalog: Scratch, github: Github) -> None:
        assert self.propose(catalog, github, 1, branch=None, status="nothing", commit=None, changes=[]).code == 0
        assert github.requests == []

    def test_a_workflow_s_own_token_is_told_what_is_missing(self, catalog: Scratch, github: Github) -> None:
        github.fail("POST", "/pulls$", 403, message="GitHub Actions is not permitted to create pull requests")
        answer = self.propose(catalog, github, 1)
        assert answer.code == 3
        assert "GitHub App" in answer.err
