"""The shipped workflows, every step of them run by a runner that is played, against a GitHub on a socket."""

from __future__ import annotations

import http.server
import importlib.util
import json
import re
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from actions_runner import Job, Runner
from demo_activity import NOW
from demo_activity import write as write_month
from forge_server import Github, serving
from model_server import ModelServer, Raw, Said, Script
from scratch import Scratch

REPOSITORY = Path(__file__).parents[2]
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
        return {"target-variables": f"DATABASE={self.database}\nOTHER=canary-secret%25"}

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
        assert all(line == "::add-mask::canary-secret%2525" for line in masked)  # a runner reads %25 as %
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

    def edit(self, value: Any) -> None:
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

    @pytest.mark.parametrize("broken", ["catalog.yaml", "prompts/registry.yaml"])
    def test_what_repairs_settings_passes_and_is_compared_with_the_last_that_could_be_read(
        self, story: Story, broken: str
    ) -> None:
        good = story.scratch.git("rev-parse", "HEAD")[:12]
        story.merge()
        text = (story.scratch.root / broken).read_text()
        story.scratch.write(broken, f"{text}nonsense: [\n")
        bad = story.scratch.commit("Break it")
        story._origin()
        story.scratch.git("checkout", "--quiet", "-B", "feature")
        still = story.review()
        assert still.conclusion == "failure"
        assert "compared with" not in still.log
        story.scratch.write(broken, text)
        story.write("v2", "Greet {{name}} briefly.")
        done = story.review()
        assert done.conclusion == "success", done.log
        told = f"The base {bad[:12]} cannot be read: compared with {good}, the last commit before it that can."
        assert f"::warning title=catalog::{told}" in done.log
        assert told in story.said()
        assert "“warmly” became “briefly”" in story.said()
        assert "could not be compared" not in story.said()

    def test_settings_that_break_and_are_repaired_keep_the_one_comment(self, story: Story) -> None:
        settings = (story.scratch.root / "catalog.yaml").read_text()
        story.write("v2", "Greet {{name}} briefly.")
        story.review(inputs={"targets": ""})
        story.scratch.write("catalog.yaml", "catalog: [\n")
        story.scratch.commit("Break it")
        done = story.review(inputs={"targets": ""})
        assert done.step("Compare").outcome == "failure"
        assert "compared with" not in done.log
        for told in ("Catalog acme", "could not be compared", "The catalog has 1 error"):
            assert told in story.said()
        story.scratch.write("catalog.yaml", settings)
        story.scratch.commit("Repair it")
        assert story.review(inputs={"targets": ""}).conclusion == "success"
        assert "“warmly” became “briefly”" in story.said()


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

    def test_a_push_that_repairs_the_settings_is_judged_from_the_last_that_could_be_read(self, story: Story) -> None:
        story.merge()
        text = (story.scratch.root / "catalog.yaml").read_text()
        story.scratch.write("catalog.yaml", f"{text}nonsense: [\n")
        before = story.scratch.commit("Break it")
        story.scratch.write("catalog.yaml", text)
        story.scratch.write("prompts/registry.yaml", "greet:\n  production: v2\n")
        story.write("v2", "Greet {{name}} briefly.")
        done = story.sync(before=before)
        assert done.conclusion == "success", done.log
        assert "greet@v2 for production" in done.step("Gate").log


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
        done = story.look(secrets={}, inputs={"after": 1})
        assert done.conclusion == "failure"
        assert done.step("Heartbeat").outcome == "skipped"
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


def until_now(lines: str) -> str:
    """The generated month's lines, moved to end today."""
    moved = datetime.now(UTC) - NOW
    text = re.sub(r"[0-9]{19}", lambda found: str(int(found[0]) + int(moved.total_seconds()) * 10**9), lines)
    stamp = re.compile(r'(?<="time":")[^"]+')
    return stamp.sub(lambda found: (datetime.fromisoformat(found[0]) + moved).isoformat(), text)


class TestSchedules:
    def test_usage_that_could_not_be_read_is_reported_kept_and_fails(self, story: Story, odd_loki: str) -> None:
        done = story.run("catalog-usage.yml", "report", {"loki": odd_loki})
        assert done.conclusion == "failure"
        assert story.runner.artifacts["catalog-usage"] == ["usage.html", "usage.json", "usage.markdown"]
        assert "the source loki is failed" in done.summary

    def test_usage_is_reported_from_the_lines_of_a_collector(self, story: Story, tmp_path: Path) -> None:
        root = story.scratch.root
        for name in ("code-reviewer", "legacy-formatter"):
            shutil.copytree(REPOSITORY / "skills" / name, root / "skills" / name)
        story.scratch.commit("Add skills", when=(datetime.now(UTC) - timedelta(days=200)).isoformat())
        write_month(tmp_path / "month")
        for name in ("telemetry.jsonl", "hooks.jsonl"):
            (root / name).write_text(until_now((tmp_path / "month" / name).read_text()))
        given = {"otlp": "telemetry.jsonl", "hooks": "hooks.jsonl"}
        done = story.run("catalog-usage.yml", "report", given)
        assert done.conclusion == "success", done.log
        written = story.runner.temp / "catalog" / "usage"
        document = json.loads((written / "usage.json").read_text())
        rows = {row["telemetry_name"]: (row["activations"], row["status"]) for row in document["rows"]}
        assert rows["code-reviewer"] == (14, "active")
        assert rows["legacy-formatter"] == (0, "never")
        assert {source["kind"]: source["status"] for source in document["sources"]} == {"otlp": "ok", "hooks": "ok"}
        assert done.summary == (written / "usage.markdown").read_text()
        assert "legacy-formatter" in done.summary
        assert "legacy-formatter" in (written / "usage.html").read_text()
        assert story.runner.artifacts["catalog-usage"] == ["usage.html", "usage.json", "usage.markdown"]

    def test_usage_of_no_source_fails(self, story: Story) -> None:
        assert story.run("catalog-usage.yml", "report", {}).conclusion == "failure"

    def test_evaluation_without_a_server_fails_and_says_why(self, story: Story) -> None:
        story.merge()
        done = story.run("catalog-eval.yml", "evaluate", {"endpoint": "http://127.0.0.1:9/v1"})
        assert done.conclusion == "failure"
        assert "1.json" in story.runner.artifacts["catalog-evaluations"]


class TestReversePullRequest:
    """Every run is a fresh clone, as a runner's is; the App that opens the pull request is not the workflow's own."""

    branch = "catalog/pull/production"

    @pytest.fixture
    def origin(self, story: Story, tmp_path: Path) -> Path:
        story.write("v2", "Greet {{name}} briefly.")
        story.merge()
        story.sync()
        story.scratch.git("clone", "--quiet", "--bare", ".", str(tmp_path / "origin.git"))
        story.github.app = "catalog-app[bot]"
        return tmp_path / "origin.git"

    def pull(self, story: Story, origin: Path) -> Job:
        clone = origin.parent / f"clone-{story.number}"
        story.scratch.git("clone", "--quiet", "--branch", "main", str(origin), str(clone))
        story.runner.workspace = clone
        secrets = {**story.secrets, "app-client-id": "Iv1", "app-private-key": "app-key"}
        return story.run("catalog-drift.yml", "pull", {"targets": "production", "pull": True}, secrets=secrets)

    def log(self, story: Story, origin: Path) -> list[str]:
        shown = ("--git-dir", str(origin), "log", "--format=%H %s", f"main..{self.branch}")
        return story.scratch.git(*shown).splitlines()

    def test_one_pull_request_is_opened_and_kept_as_the_edits_are(self, story: Story, origin: Path) -> None:
        story.edit("v2")
        assert self.pull(story, origin).conclusion == "success"
        (opened,) = story.github.pulls.values()
        assert opened["head"]["ref"] == self.branch
        assert opened["title"] == "Bring back 1 edit from production of acme"
        for told in ("labels/greet@production", "it points to v2", "deploys v1 → v2", "“warmly” became “briefly”"):
            assert told in opened["body"], told
        first = self.log(story, origin)
        assert len(first) == 1
        registry = story.scratch.git("--git-dir", str(origin), "show", f"{self.branch}:prompts/registry.yaml")
        assert "production: v2" in registry

        body = opened["body"]
        assert self.pull(story, origin).step("Bring back").outputs["action"] == "updated"
        assert self.log(story, origin) == first
        assert body.partition("\n")[2] == story.github.pulls[opened["number"]]["body"].partition("\n")[2]

        story.edit([{"version": "v1", "weight": 90}, {"version": "v2", "weight": 10}])
        assert self.pull(story, origin).conclusion == "success"
        (updated,) = story.github.pulls.values()
        assert "v1 90%, v2 10%" in updated["body"]
        assert "it points to v2" not in updated["body"]
        (second,) = self.log(story, origin)
        assert second not in first

    def test_it_is_built_anew_where_the_default_branch_went_on(self, story: Story, origin: Path) -> None:
        story.edit("v2")
        self.pull(story, origin)
        story.scratch.write("README.md", "More.\n")
        story.scratch.commit("Go on")
        story.scratch.git("push", "--quiet", str(origin), "main")
        assert self.pull(story, origin).conclusion == "success"
        assert len(self.log(story, origin)) == 1
        assert story.scratch.git("--git-dir", str(origin), "merge-base", "main", self.branch) == story.scratch.git(
            "rev-parse", "main"
        )
        assert len(story.github.pulls) == 1

    def test_what_a_person_pushed_to_the_branch_is_not_lost(self, story: Story, origin: Path) -> None:
        story.edit("v2")
        self.pull(story, origin)
        story.scratch.git("fetch", "--quiet", str(origin), f"{self.branch}:person")
        story.scratch.git("checkout", "--quiet", "person")
        story.scratch.write("prompts/registry.yaml", "greet:\n  production: v2  # asked for by support\n")
        mine = story.scratch.commit("Say why")
        story.scratch.git("push", "--quiet", str(origin), f"person:{self.branch}")
        story.edit([{"version": "v1", "weight": 90}, {"version": "v2", "weight": 10}])
        done = self.pull(story, origin)
        assert done.conclusion == "failure"
        assert "is not one that pulls from production" in done.log
        assert story.scratch.git("--git-dir", str(origin), "rev-parse", self.branch) == mine

    def test_a_token_that_may_not_open_it_says_what_is_needed(self, story: Story, origin: Path) -> None:
        story.edit("v2")
        story.github.fail("POST", "/pulls$", 403, message="GitHub Actions is not permitted to create pull requests")
        done = self.pull(story, origin)
        assert done.conclusion == "failure"
        assert "GitHub App" in done.log


class TestEvaluation:
    def test_a_changed_prompt_is_run_against_production_and_the_gate_is_asked(self, story: Story) -> None:
        story.write("v2", "Greet {{name}} briefly.")
        with ModelServer(lambda _: Said(text="Hello Ada")) as server:
            inputs = {"evaluate": True, "evaluation-endpoint": server.url}
            done = story.review(inputs=inputs, secrets={"evaluation-key": "key-canary"})
        assert done.step("Evaluate").outcome == "success", done.log
        assert "**Evaluation passed:** `greet@v2`" in story.said()
        assert "Against the baseline: 0 worse" in story.said()
        rate = "Pass rate: 100.0 % of 1 decided case (95 % interval 20.7 % to 100.0 %); the baseline: 100.0 %."
        assert rate in story.said()
        assert "**production has no gate:** by the defaults `greet@v2` may" in story.said()
        assert "key-canary" not in done.log
        assert done.conclusion == "success", done.log

    def test_a_prompt_with_another_id_is_run_where_it_changed_too(self, story: Story) -> None:
        story.scratch.git("mv", "prompts/greet", "prompts/hello")
        old = story.scratch.root / "prompts/hello/v1.yaml"
        old.write_text(old.read_text().replace("id: greet", "id: hello"))
        story.scratch.write("prompts/registry.yaml", "hello:\n  production: v1\n")
        story.scratch.commit("Call it hello")
        with ModelServer(lambda _: Said(text="Hello Ada")) as server:
            given = {"inputs": {"evaluate": True, "evaluation-endpoint": server.url, "targets": ""}}
            only = story.review(**given, secrets={"evaluation-key": "key"})
            assert only.conclusion == "success", only.log
            assert server.seen == []
            assert "Evaluation" not in story.said()
            text = PROMPT.format(version="v2", text="Greet {{name}} warmly.").replace("id: greet", "id: hello")
            story.scratch.write("prompts/hello/v2.yaml", text.replace("gpt-4o-2024-08-06", "gpt-4o-2024-11-20"))
            story.scratch.commit("And change it")
            both = story.review(**given, secrets={"evaluation-key": "key"})
        assert both.conclusion == "success", both.log
        assert "**Evaluation passed:** `hello@v2`" in story.said()
        assert "Against the baseline: 0 worse" in story.said()

    @pytest.mark.parametrize(
        ("kept", "told"),
        [("README.md", "nothing is evaluated"), (".eval-cache/README", "Evaluation could not be judged")],
    )
    def test_a_fork_asks_nobody_and_fails_for_no_key(self, story: Story, kept: str, told: str) -> None:
        story.scratch.write(kept, "Answers.\n")
        story.write("v2", "Greet {{name}} briefly.")
        with ModelServer(lambda _: Said(text="Hello Ada")) as server:
            inputs = {"evaluate": True, "evaluation-endpoint": server.url}
            done = story.review(inputs=inputs, secrets={}, token="", fork=True)
        assert server.seen == []
        assert done.conclusion == "success", done.log
        assert told in done.log + done.summary


class ChatServer:
    """An incoming webhook: ``got`` are the paths and messages."""

    def __init__(self) -> None:
        self.got: list[tuple[str, Any]] = []
        got = self.got

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                got.append((self.path, json.loads(self.rfile.read(int(self.headers["content-length"])))))
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> ChatServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


SAMPLE = {
    "format": 1, "at": "2026-01-01T00:00:00Z", "kind": "sample", "prompt": "greet",
    "prompt_version_id": "v1-aaaaaaaaaaaa", "digest": "sha256:" + "a" * 64, "label": "production", "model": "m",
    "scores": {}, "input": {"vars": {"name": "Ada"}, "messages": []},
}  # fmt: skip
GATE = "labels:\n  production: {protected: true, gate: {min_cases: 1}}\n"
HOSTILE = "gpt-4o-2024-11-20\n~~~~~~~~~~\n::error::owned\n@all"


class TestScheduledEvaluation:
    """What production points to, again: its golden tests, its gate, the model behind its name, its samples."""

    def evaluate(self, story: Story, answer: Said | Raw | Script, **inputs: Any) -> Job:
        story.runner.artifacts.clear()
        with ModelServer(answer if callable(answer) else lambda _: answer) as server:
            given = {"endpoint": server.url, **inputs}
            secrets = {"evaluation-key": "key-canary", **inputs.pop("secrets", {})}
            given.pop("secrets", None)
            done = story.run("catalog-eval.yml", "evaluate", given, secrets=secrets)
        assert all(seen.headers["authorization"] == "Bearer key-canary" for seen in server.seen)
        assert "key-canary" not in done.log + done.summary
        return done

    def test_what_production_points_to_is_run_again(self, story: Story) -> None:
        story.merge()
        done = self.evaluate(story, Said(text="Hello Ada"))
        assert done.conclusion == "success", done.log
        assert "1.json" in story.runner.artifacts["catalog-evaluations"]
        assert self.evaluate(story, Said(text="Hello nobody")).conclusion == "failure"

    def test_its_gate_decides_against_the_evidence_that_was_merged(self, story: Story) -> None:
        story.scratch.write("catalog.yaml", (story.scratch.root / "catalog.yaml").read_text() + GATE)
        more = "".join(TESTS.partition("\n")[2].replace("name: ada", f"name: ada {n}", 1) for n in range(6))
        story.scratch.write("prompts/greet/tests/cases.yaml", TESTS + more)
        story.scratch.commit("Protect production")
        story.merge()
        first = self.evaluate(story, Said(text="Hello Ada"))
        assert first.conclusion == "failure"
        assert "there is no evidence for greet@v1, which production has now" in first.summary
        assert first.step("Score").outcome == "skipped"
        shutil.copytree(story.runner.temp / "catalog/evidence/1", story.scratch.root / "prompts/greet/evidence")
        story.scratch.commit("Keep the evidence")
        good = self.evaluate(story, Said(text="Hello Ada"))
        assert good.conclusion == "success", good.log
        assert "allow: greet@v1 for production" in good.summary
        once = self.evaluate(story, lambda seen: Said(text="Hello Ada" if seen.number != 7 else "Hello"))
        assert once.conclusion == "success", once.log
        assert "1 lost, 0 won of 7 cases" in once.summary
        with ChatServer() as chat:
            secrets = {"webhook-url": f"{chat.url}/hook-canary"}
            bad = self.evaluate(story, Said(text="Hello nobody"), secrets=secrets)
        ((path, message),) = chat.got
        assert path == "/hook-canary"
        assert "greet@v1 deny" in message["text"]
        assert f"/actions/runs/{story.number}" in message["text"]
        assert "hook-canary" not in bad.log
        assert bad.step("Evaluate").outcome == "failure"
        assert "deny: greet@v1 for production" in bad.summary
        assert "worse than v1: 7 lost, 0 won of 7 cases" in bad.summary

    def test_every_version_of_a_split_is_run_and_samples_are_scored_once(self, story: Story) -> None:
        story.scratch.write("prompts/registry.yaml", "greet:\n  production: {v1: 90, v2: 10}\n")
        story.scratch.write("samples.jsonl", json.dumps({**SAMPLE, "id": "s", "output": "Hello"}) + "\n")
        story.write("v2", "Greet {{name}} briefly.")
        story.merge()
        given = {"samples": "samples.jsonl", "min-new": 1}
        tests = story.scratch.root / "prompts/greet/tests/cases.yaml"
        tests.write_text("expect: [{type: not_contains, value: As an AI}]\n" + TESTS)
        done = self.evaluate(story, lambda seen: Said(text="Hello Ada", model=f"m-{seen.number % 2}"), **given)
        assert done.conclusion == "success", done.log
        kept = story.runner.temp / "catalog"
        run = [json.loads((kept / f"evaluations/{n}.json").read_text())["prompt"]["version"] for n in (1, 2)]
        assert run == ["v1", "v2"]
        assert [file.name for file in (kept / "samples").glob("*.json")] == ["1.json"]
        (model,) = json.loads((kept / "kept/models.json").read_text()).values()
        assert model["as"] == ["m-0", "m-1"]
        worse = self.evaluate(story, lambda seen: Said(text="Hello Ada" if seen.number % 2 else "Hello"))
        assert worse.step("Evaluate").outcome == "failure"

    def test_a_model_that_changed_behind_its_name_is_named_once(self, story: Story) -> None:
        story.merge()
        old, new = (Said(text="Hello Ada", model=name) for name in ("gpt-4o-2024-08-06", HOSTILE))
        named = 'greet: "gpt-4o-2024-08-06" was ["gpt-4o-2024-08-06"], now'
        for answer in (old, old):
            assert "changed behind" not in self.evaluate(story, answer).summary
        done = self.evaluate(story, new)
        assert done.conclusion == "success", done.log
        assert f"{named} [{json.dumps(HOSTILE)}]\n~~~~~~~~~~\n" in done.summary
        assert "::warning title=catalog::A model changed behind its name" in done.log
        down = self.evaluate(story, Raw(status=400))
        assert down.conclusion == "failure"
        assert "changed behind" not in down.summary + self.evaluate(story, new).summary

    def test_new_samples_are_scored_once_and_told_by_version(self, story: Story) -> None:
        story.scratch.write(
            "prompts/greet/tests/cases.yaml", "expect: [{type: not_contains, value: As an AI}]\n" + TESTS
        )
        story.scratch.write(
            "prompts/other/v1.yaml", PROMPT.format(version="v1", text="x {{name}}").replace("greet", "other")
        )
        story.scratch.write("prompts/other/tests/cases.yaml", TESTS)
        story.scratch.write("prompts/registry.yaml", "greet:\n  production: v1\nother:\n  production: v1\n")
        story.scratch.commit("Expect something of every answer")
        story.merge()
        outputs = ["As an AI I cannot", "Hello", "Hello", "Hello"]
        lines = [json.dumps({**SAMPLE, "id": f"s{n}", "output": text}) for n, text in enumerate(outputs)]
        file = story.scratch.write("samples.jsonl", "\n".join(lines[:3]) + "\n")
        given = {"samples": "samples.jsonl", "min-new": 3}
        first = self.evaluate(story, Said(text="Hello Ada"), **given)
        assert first.conclusion == "success", first.log
        assert '"v1-aaaaaaaaaaaa" "pass": 0.6666666666666666 over 3' in first.summary
        again = self.evaluate(story, Said(text="Hello Ada"), **given)
        assert again.summary == ""
        file.write_text(file.read_text() + lines[3] + "\n")
        more = self.evaluate(story, Said(text="Hello Ada"), **{**given, "min-new": 1})
        assert '"pass": 1 over 1' in more.summary
        assert "1.prom" in story.runner.artifacts["catalog-evaluations"]
        assert 'metric="pass"} 4\n' in (story.runner.temp / "catalog" / "samples" / "1.prom").read_text()

    def test_a_judge_grades_samples_by_rubrics(self, story: Story) -> None:
        story.merge()
        story.scratch.write("samples.jsonl", json.dumps({**SAMPLE, "id": "s", "output": "Hello"}) + "\n")
        given = {"samples": "samples.jsonl", "min-new": 1, "max-cost": 0, "judge-model": "own", "rubrics": "style"}
        done = self.evaluate(story, Said(text='{"reason": "Hello Ada", "score": 4}'), **given)
        assert done.conclusion == "success", done.log
        assert '"style": 0.75 over 1' in done.summary

    def test_samples_that_are_not_there_are_a_failure_and_evaluations_are_kept(self, story: Story) -> None:
        story.merge()
        done = self.evaluate(story, Said(text="Hello Ada"), samples="none.jsonl")
        assert done.step("Score").outcome == "failure"
        assert done.step("Evaluate").outcome == "success"
        assert "--samples none.jsonl" in done.log
        assert "1.json" in story.runner.artifacts["catalog-evaluations"]
