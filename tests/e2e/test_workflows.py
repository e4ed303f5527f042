"""The shipped workflows, every step of them run by a runner that is played, against a GitHub on a socket."""

from __future__ import annotations

import http.server
import importlib.util
import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from actions_runner import Job, Runner
from forge_server import Github, serving
from model_server import ModelServer, Said
from scratch import Scratch

FAULTS = Path(__file__).parents[1] / "faults" / "test_hostile_output.py"
SPEC = importlib.util.spec_from_file_location("hostile_output", FAULTS)
assert SPEC is not None
assert SPEC.loader is not None
hostile_output = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(hostile_output)

OURS = {"error", "warning", "notice", "add-mask"}
PROMPT = """\
id: greet
version: {version}
owners: [team]
model: gpt-4o-2024-08-06
variables:
  type: object
  required: [name]
  properties: {{name: {{type: string}}}}
system_prompt: |
  {text}
"""
TESTS = "cases:\n  - {name: ada, vars: {name: Ada}, expect: [{type: contains, value: Ada}]}\n"


@pytest.fixture
def github() -> Iterator[Github]:
    with serving() as server:
        yield server


class Story:
    """A repository, its pull request and its runs."""

    def __init__(self, scratch: Scratch, github: Github, tmp_path: Path) -> None:
        self.scratch, self.github, self.number = scratch, github, 0
        self.runner = Runner(scratch.root, tmp_path / "runner", {})
        self.database = tmp_path / "runtime.db"
        scratch.write_all(
            {
                "catalog.yaml": "catalog: acme\ntargets:\n  production: {backend: sqlite, path: '${DATABASE}'}\n",
                "prompts/greet/v1.yaml": PROMPT.format(version="v1", text="Greet {{name}} warmly."),
                "prompts/greet/tests/cases.yaml": TESTS,
                "prompts/registry.yaml": "greet:\n  production: v1\n",
            }
        )
        scratch.commit("Start")
        self._origin()
        scratch.git("checkout", "--quiet", "-b", "feature")

    def _origin(self) -> None:
        self.scratch.git("update-ref", "refs/remotes/origin/main", "main")

    @property
    def secrets(self) -> dict[str, str]:
        return {"target-variables": f"DATABASE={self.database}\nOTHER=canary-secret"}

    def run(self, workflow: str, job: str, inputs: dict[str, Any], **more: Any) -> Job:
        self.number += 1
        secrets = more.get("secrets", self.secrets)
        event = {
            "pull_request": {"number": 7, "head": {"sha": self.scratch.git("rev-parse", "HEAD")}},
            "repository": {"default_branch": "main"},
        }
        if workflow != "catalog-pr.yml":
            del event["pull_request"]
        file = self.runner.temp.parent / "event.json"
        file.write_text(json.dumps(event))
        environment = {**self.scratch.command.environment, **self.github.environment(self.number)}
        del environment["GITHUB_TOKEN"]  # a step has the token only where it asks for it
        environment |= {
            "GITHUB_EVENT_PATH": str(file), "GITHUB_BASE_REF": "main" if workflow == "catalog-pr.yml" else "",
            "GITHUB_SHA": self.scratch.git("rev-parse", "HEAD"),
        }  # fmt: skip
        self.runner.environment = environment
        full = {"full_name": "fork/prompts" if more.get("fork") else "acme/prompts"}
        context = {
            "event_name": "pull_request", "base_ref": "main", "token": more.get("token", "ghs_canary"),
            "run_attempt": 1,
            "repository": "acme/prompts", "run_id": self.number,
            "event": {"pull_request": {"number": 7, "head": {"repo": full}}, "before": more.get("before", "0" * 40)},
        }  # fmt: skip
        known = {"catalog-pr.yml", "catalog-sync.yml", "catalog-drift.yml"}
        contexts = {"github": context, "matrix": {"target": "production"}}
        contexts["secrets"] = secrets if workflow in known else more.get("secrets", {})
        done = self.runner.run(workflow, job, inputs, contexts)
        names = [command.name for command in hostile_output.obeyed(done.log)]
        assert set(names) <= OURS, names
        masked = [line for line in done.log.splitlines() if "canary-secret" in line]
        assert all(line == "::add-mask::canary-secret" for line in masked)
        assert "ghs_canary" not in done.log
        return done

    def review(self, **more: Any) -> Job:
        inputs = {"targets": "production", **more.pop("inputs", {})}
        self.runner.artifacts.clear()
        return self.run("catalog-pr.yml", "review", inputs, **more)

    def look(self, **more: Any) -> Job:
        inputs = {"targets": "production", "sync-workflow": "catalog-sync.yml", **more.pop("inputs", {})}
        return self.run("catalog-drift.yml", "look", inputs, **more)

    def sync(self, **more: Any) -> Job:
        self._origin()  # as a checkout of the pushed branch leaves it
        return self.run("catalog-sync.yml", "sync", {"targets": '["production"]'}, **more)

    def write(self, version: str, text: str) -> None:
        self.scratch.write(f"prompts/greet/{version}.yaml", PROMPT.format(version=version, text=text))
        self.scratch.commit(f"Write {version}")

    def merge(self) -> None:
        self.scratch.git("checkout", "--quiet", "main")
        self.scratch.git("merge", "--quiet", "--ff-only", "feature")
        self._origin()

    def said(self) -> str:
        (body,) = self.github.said(7)
        return body

    def edit(self, value: str) -> None:
        with closing(sqlite3.connect(self.database)) as connection, connection:
            connection.execute("UPDATE label SET value = ? WHERE label = 'production'", (json.dumps(value),))


@pytest.fixture
def story(scratch: Scratch, github: Github, tmp_path: Path) -> Story:
    return Story(scratch, github, tmp_path)


class TestReview:
    def test_first_update_and_nothing_left(self, story: Story) -> None:
        nothing = story.review()
        assert nothing.conclusion == "success", nothing.log
        assert story.github.said(7) == []
        assert nothing.summary == ""

        story.write("v2", "Greet {{name}} briefly.")
        first = story.review()
        assert first.conclusion == "success", first.log
        for told in ("warmly", "briefly", "Plan `sha256:", "prompts/greet@v2", "Catalog acme"):
            assert told in story.said(), told
        assert "briefly" in first.summary
        assert "bundle.json" in story.runner.artifacts["catalog-review"]

        story.write("v2", "Greet {{name}} in one line.")
        assert story.review().conclusion == "success"
        assert "in one line" in story.said()
        assert "briefly" not in story.said()

        story.scratch.git("reset", "--quiet", "--hard", "main")
        assert story.review().conclusion == "success"
        assert "Nothing left" in story.said()

    def test_a_breaking_change_fails_where_that_is_asked(self, story: Story) -> None:
        story.write("v2", "Greet {{name}}.\n  Their city is {{city}}.")
        story.scratch.write(
            "prompts/greet/v2.yaml",
            PROMPT.format(version="v2", text="Greet {{name}} of {{city}}.")
            .replace("required: [name]", "required: [name, city]")
            .replace("{name: {type: string}}", "{name: {type: string}, city: {type: string}}"),
        )
        story.scratch.commit()
        soft = story.review()
        assert "**major**" in story.said()
        hard = story.review(inputs={"fail-on": "major"})
        assert hard.conclusion == "failure"
        assert hard.step("Compare").outcome == "failure"
        assert "failed: compare" in hard.log
        assert [c.name for c in hostile_output.obeyed(soft.log) if c.name == "error"]

    def test_an_invalid_file_is_annotated_and_commented(self, story: Story) -> None:
        story.write("v2", "Greet {{nobody}}.")
        done = story.review()
        assert done.conclusion == "failure"
        annotations = [c for c in hostile_output.obeyed(done.log) if c.name == "error"]
        assert annotations[0].properties["file"] == "prompts/greet/v2.yaml"
        assert "nobody" in story.said()
        assert "The catalog has 1 error" in story.said()

    def test_a_fork_has_no_token_and_no_secrets_and_gets_the_whole_review(self, story: Story) -> None:
        story.write("v2", "Greet {{name}} briefly.")
        done = story.review(secrets={}, token="", fork=True, inputs={"sarif": True})
        assert done.conclusion == "success", done.log
        assert story.github.requests == []
        assert "briefly" in done.summary
        assert "::warning title=catalog::there is no token" in done.log
        assert done.step("Upload findings").outcome == "skipped"
        assert "no plan" in done.log

    def test_a_read_only_token_is_a_warning(self, story: Story) -> None:
        story.write("v2", "Greet {{name}} briefly.")
        story.github.fail("POST", "/comments$", 403, message="Resource not accessible by integration")
        done = story.review(fork=True, secrets={})
        assert done.conclusion == "success", done.log
        assert "briefly" in done.summary

    def test_findings_go_to_code_scanning_where_that_is_asked(self, story: Story) -> None:
        story.write("v2", "Greet {{nobody}}.")
        story.review(inputs={"sarif": True})
        assert story.runner.uploaded[0]["runs"][0]["results"]

    def test_hostile_text_commands_nothing(self, story: Story) -> None:
        story.write("v2", "Greet {{name}}.\n  ::error::owned\n  ##[add-mask]a\n  @all <img src=x> closes #1\n  ```")
        done = story.review()
        assert done.conclusion == "success", done.log  # what the log obeys is checked after every run
        assert "owned" in story.said()

    def test_an_unreachable_target_fails_the_plan_only(self, story: Story) -> None:
        story.write("v2", "Greet {{name}} briefly.")
        done = story.review(secrets={"target-variables": "DATABASE=/"})
        assert done.conclusion == "failure"
        assert done.step("Plan").outcome == "failure"
        assert "could not be planned" in story.said()
        assert "briefly" in story.said()


class TestMerge:
    def test_what_was_reviewed_is_written_and_nothing_else(self, story: Story) -> None:
        story.scratch.write("prompts/registry.yaml", "greet:\n  production: v2\n")  # a label without a gate
        story.write("v2", "Greet {{name}} briefly.")
        story.review()
        before = story.scratch.git("rev-parse", "main")
        story.merge()
        story.github.merged[story.scratch.git("rev-parse", "HEAD")] = [7]
        built = story.run("catalog-sync.yml", "build", {"targets": '["production"]'}, secrets={})
        assert built.conclusion == "success", built.log
        assert story.runner.artifacts["catalog-skills"] == ["skills-catalog.json"]
        done = story.sync(before=before)
        assert done.conclusion == "success", done.log
        assert done.step("The plan that was reviewed").outputs["plan"] in story.said()
        assert story.look().conclusion == "success"

    def test_a_target_that_changed_since_the_review_is_not_written(self, story: Story) -> None:
        story.merge()
        story.sync()
        story.scratch.git("checkout", "--quiet", "feature")
        story.write("v2", "Greet {{name}} briefly.")
        story.review()
        story.merge()
        story.github.merged[story.scratch.git("rev-parse", "HEAD")] = [7]
        story.edit("v9")
        done = story.sync()
        assert done.conclusion == "failure"
        assert "stale" in done.log

    def test_a_label_that_its_gate_refuses_is_not_synced(self, story: Story) -> None:
        story.merge()
        story.sync()
        before = story.scratch.git("rev-parse", "HEAD")
        settings = (story.scratch.root / "catalog.yaml").read_text()
        gate = "labels:\n  production: {protected: true, gate: {min_cases: 5}}\n"
        story.scratch.write("catalog.yaml", settings + gate)
        story.write("v2", "Greet {{name}} briefly.")
        story.scratch.write("prompts/registry.yaml", "greet:\n  production: v2\n")
        story.scratch.commit("Move production")
        story.scratch.write("README.md", "One more commit of the same push.\n")
        story.scratch.commit("Say why")
        done = story.sync(before=before)
        assert done.step("Gate").outcome == "failure", done.log
        assert done.step("Sync").outcome == "skipped"


class TestDrift:
    def test_it_appears_changes_disappears_and_comes_back(self, story: Story) -> None:
        story.write("v2", "Greet {{name}} briefly.")
        story.merge()
        assert story.sync().conclusion == "success"
        assert story.look().conclusion == "success"
        assert story.github.issues == {}

        story.edit("v2")
        done = story.look()
        assert done.conclusion == "failure"
        (issue,) = story.github.issues.values()
        assert issue["state"] == "open"
        assert "labels/greet@production" in issue["body"]
        assert "Somebody changed" in done.summary
        assert done.step("Heartbeat").outcome == "success"

        story.look()
        assert story.github.said(issue["number"]) == []
        story.edit("v7")
        story.look()
        assert len(story.github.said(issue["number"])) == 1

        story.edit("v1")
        assert story.look().conclusion == "success"
        assert issue["state"] == "closed"
        story.edit("v2")
        story.look()
        assert issue["state"] == "open"
        assert len(story.github.issues) == 1

    def test_a_backend_that_cannot_be_reached_is_neither_clean_nor_drift(self, story: Story) -> None:
        story.merge()
        story.sync()
        away = {"target-variables": "DATABASE=/nowhere/at/all.db"}
        for _ in range(2):
            done = story.look(secrets=away)
            assert done.conclusion == "failure"
            assert done.step("Heartbeat").outcome == "skipped"
            assert story.github.issues == {}
        story.look(secrets=away)
        (issue,) = story.github.issues.values()
        assert "cannot be looked at" in issue["title"]
        assert story.look().conclusion == "success"
        assert issue["state"] == "closed"

    def test_variables_that_are_missing_are_not_clean(self, story: Story) -> None:
        story.merge()
        story.sync()
        assert story.look(secrets={}, inputs={"after": 1}).conclusion == "failure"
        (issue,) = story.github.issues.values()
        assert "DATABASE" in issue["body"]


class Loki(http.server.BaseHTTPRequestHandler):
    """It answers, and not as Loki does."""

    def do_GET(self) -> None:
        data = json.dumps({"status": "odd"}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def odd_loki() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Loki)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


class TestSchedules:
    def test_usage_that_could_not_be_read_is_reported_kept_and_fails(self, story: Story, odd_loki: str) -> None:
        done = story.run("catalog-usage.yml", "report", {"loki": odd_loki})
        assert done.conclusion == "failure"
        assert story.runner.artifacts["catalog-usage"] == ["usage.html", "usage.json", "usage.markdown"]
        assert "the source loki is failed" in done.summary

    def test_usage_of_no_source_fails(self, story: Story) -> None:
        assert story.run("catalog-usage.yml", "report", {}).conclusion == "failure"

    def test_evaluation_without_a_server_fails_and_says_why(self, story: Story) -> None:
        story.merge()
        done = story.run("catalog-eval.yml", "evaluate", {"endpoint": "http://127.0.0.1:9/v1"})
        assert done.conclusion == "failure"
        assert "1.json" in story.runner.artifacts["catalog-evaluations"]


class TestReversePullRequest:
    def test_an_edit_comes_back_as_a_branch_and_a_pull_request(self, story: Story, tmp_path: Path) -> None:
        story.write("v2", "Greet {{name}} briefly.")
        story.merge()
        story.sync()
        origin = tmp_path / "origin.git"
        story.scratch.git("clone", "--quiet", "--bare", ".", str(origin))
        story.scratch.git("remote", "add", "origin", str(origin))
        story.edit("v2")
        secrets = {**story.secrets, "app-client-id": "Iv1", "app-private-key": "app-key"}
        for _ in range(2):
            done = story.run("catalog-drift.yml", "pull", {"targets": "production", "pull": True}, secrets=secrets)
            assert done.conclusion == "success", done.log
        (pull,) = story.github.pulls.values()
        assert pull["head"]["ref"] == "catalog/pull/production"
        assert "labels/greet@production" in pull["body"]
        registry = story.scratch.git("--git-dir", str(origin), "show", "catalog/pull/production:prompts/registry.yaml")
        assert "production: v2" in registry


class TestEvaluation:
    def test_a_changed_prompt_is_run_against_production_and_the_gate_is_asked(self, story: Story) -> None:
        story.write("v2", "Greet {{name}} briefly.")
        with ModelServer(lambda _: Said(text="Hello Ada")) as server:
            inputs = {"evaluate": True, "evaluation-endpoint": server.url}
            done = story.review(inputs=inputs, secrets={"evaluation-key": "key-canary"})
        assert done.step("Evaluate").outcome == "success", done.log
        assert "**Evaluation passed:** `greet@v2`" in story.said()
        assert "Against the baseline: 0 worse" in story.said()
        assert "**Gate: production" in story.said()
        assert "key-canary" not in done.log
        assert done.conclusion == "success", done.log

    def test_what_production_points_to_is_run_again(self, story: Story) -> None:
        story.merge()
        with ModelServer(lambda _: Said(text="Hello Ada")) as server:
            done = story.run("catalog-eval.yml", "evaluate", {"endpoint": server.url})
        assert done.conclusion == "success", done.log
        assert "1.json" in story.runner.artifacts["catalog-evaluations"]
        with ModelServer(lambda _: Said(text="Hello nobody")) as server:
            story.runner.artifacts.clear()
            done = story.run("catalog-eval.yml", "evaluate", {"endpoint": server.url})
        assert done.conclusion == "failure"
