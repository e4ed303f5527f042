"""The GitLab component, every line of its scripts run in bash as a GitLab runner does."""

from __future__ import annotations

import http.server
import json
import os
import re
import shutil
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from actions_runner import tool_folders
from gitlab_server import Gitlab, serving
from scratch import Scratch

COMPONENT = Path(__file__).parents[2] / ".gitlab" / "catalog.yml"
PROMPT = "id: greet\nversion: {version}\nowners: [team]\nmodel: gpt-4o-2024-08-06\nsystem_prompt: |\n  {text}\n"
SETTINGS = "catalog: acme\ntargets:\n  production: {backend: sqlite, path: '${DATABASE}'}\n"
SEVERITIES = {"info", "minor", "major", "critical", "blocker"}


class Ended(NamedTuple):
    """A job: its exit code and its log."""

    code: int
    log: str


class Story:
    """A project, its merge request and its pipelines; the cache outlives a job where GitLab keeps it."""

    def __init__(self, scratch: Scratch, gitlab: Gitlab, tmp_path: Path) -> None:
        self.scratch, self.gitlab, self.number = scratch, gitlab, 0
        self.database, self.cache = tmp_path / "runtime.db", tmp_path / "cache"
        self.inputs: dict[str, Any] = {"targets": "production"}
        scratch.write_all(
            {
                "catalog.yaml": SETTINGS,
                ".gitignore": ".catalog-ci/\n",
                "prompts/greet/v1.yaml": PROMPT.format(version="v1", text="Greet warmly."),
                "prompts/registry.yaml": "greet:\n  production: v1\n",
            }
        )
        scratch.commit()
        self.origin()
        scratch.git("checkout", "--quiet", "-b", "feature")

    @property
    def out(self) -> Path:
        return self.scratch.root / ".catalog-ci"

    def origin(self) -> None:
        self.scratch.git("update-ref", "refs/remotes/origin/main", "main")

    def write(self, version: str, text: str) -> None:
        self.scratch.write(f"prompts/greet/{version}.yaml", PROMPT.format(version=version, text=text))
        self.scratch.commit(f"Write {version}")

    def merge(self) -> None:
        self.scratch.git("checkout", "--quiet", "main")
        self.scratch.git("merge", "--quiet", "--ff-only", "feature")
        self.origin()
        self.gitlab.merged[self.scratch.git("rev-parse", "HEAD")] = [7]

    def edit(self, value: str) -> None:
        with closing(sqlite3.connect(self.database)) as connection, connection:
            connection.execute("UPDATE label SET value = ? WHERE label = 'production'", (json.dumps(value),))

    def jobs(self) -> dict[str, Any]:
        header, _, body = COMPONENT.read_text(encoding="utf-8").partition("\n---\n")
        declared = yaml.safe_load(header)["spec"]["inputs"]
        assert set(self.inputs) <= set(declared)
        given = {name: self.inputs.get(name, entry["default"]) for name, entry in declared.items()}
        put = {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in given.items()}
        jobs: dict[str, Any] = yaml.safe_load(re.sub(r"\$\[\[ inputs\.([a-z-]+) \]\]", lambda m: put[m[1]], body))
        return jobs

    def run(self, kind: str, **more: str | None) -> Ended:
        """A job: the common part's scripts (but for the installation) and its own, with `set -eo pipefail`."""
        self.number += 1
        jobs = self.jobs()
        job = next(value for name, value in jobs.items() if name.endswith(f"-{kind}"))
        base = jobs[job["extends"]]
        lines = [line for line in (*base["before_script"], *job["script"]) if "pip install" not in line]
        given = {
            **self.scratch.command.environment, "CI": "true", "GITLAB_CI": "true", "CI_API_V4_URL": self.gitlab.url,
            "CI_PROJECT_DIR": str(self.scratch.root), "CI_PROJECT_ID": "group/prompts", "GITLAB_TOKEN": "glpat-canary",
            "CI_PIPELINE_ID": str(self.number), "CI_JOB_ID": str(self.number), "DATABASE": str(self.database),
            "CI_JOB_URL": f"https://gl.example/jobs/{self.number}", "CI_DEFAULT_BRANCH": "main",
            "CI_COMMIT_SHA": self.scratch.git("rev-parse", "HEAD"),
            "PATH": os.pathsep.join((*tool_folders(), self.scratch.command.environment["PATH"])), **more,
        }  # fmt: skip
        environment = {name: value for name, value in given.items() if value is not None}
        for name, value in base["variables"].items():
            environment[name] = value.replace("$CI_PROJECT_DIR", str(self.scratch.root))
        shutil.rmtree(self.out, ignore_errors=True)
        self._restore(job)
        done = subprocess.run(
            ["bash", "-eo", "pipefail", "-c", "\n".join(lines)],
            cwd=self.scratch.root, env=environment, check=False, timeout=120,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        self._save(job, failed=done.returncode != 0)
        assert "glpat-canary" not in done.stdout
        return Ended(done.returncode, done.stdout)

    def _restore(self, job: dict[str, Any]) -> None:
        for path in job.get("cache", {}).get("paths", ()):
            kept = self.cache / path
            if kept.is_file():
                (self.scratch.root / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(kept, self.scratch.root / path)

    def _save(self, job: dict[str, Any], *, failed: bool) -> None:
        cache = job.get("cache", {})
        if failed and cache.get("when", "on_success") == "on_success":
            return
        for path in cache.get("paths", ()):
            if (self.scratch.root / path).is_file():
                (self.cache / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(self.scratch.root / path, self.cache / path)

    def review(self, **more: str | None) -> Ended:
        merge_request: dict[str, str | None] = {
            "CI_MERGE_REQUEST_IID": "7", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
            "CI_MERGE_REQUEST_PROJECT_ID": "1", "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "1",
        }  # fmt: skip
        return self.run("review", **{**merge_request, **more})

    def note(self) -> str:
        (body,) = self.gitlab.said("merge_requests/7")
        return body

    def report(self, name: str) -> Any:
        return json.loads((self.out / name).read_text())


@pytest.fixture
def gitlab() -> Iterator[Gitlab]:
    with serving() as made:
        yield made


@pytest.fixture
def story(scratch: Scratch, gitlab: Gitlab, tmp_path: Path) -> Story:
    return Story(scratch, gitlab, tmp_path)


class TestReview:
    def test_first_update_and_nothing_left(self, story: Story) -> None:
        done = story.review()
        assert done.code == 0, done.log
        assert story.gitlab.said("merge_requests/7") == []
        story.write("v2", "Greet briefly.")
        done = story.review()
        assert done.code == 0, done.log
        for told in ("warmly", "briefly", "Plan `sha256:", "prompts/greet@v2", "https://gl.example/jobs/2"):
            assert told in story.note(), told
        assert story.report("tfplan.json") == {"create": 2, "update": 1, "delete": 0}
        assert story.report("code-quality.json") == []
        story.write("v2", "Greet in one line.")
        story.review()
        assert "in one line" in story.note()
        story.scratch.git("reset", "--quiet", "--hard", "main")
        assert story.review().code == 0
        assert "Nothing left" in story.note()

    def test_an_invalid_file_is_in_the_note_and_in_the_reports(self, story: Story) -> None:
        story.write("v2", "Greet {{#broken.")
        assert story.review().code == 1
        assert "The catalog has " in story.note()
        found = story.report("code-quality.json")
        for entry in found:
            assert {"description", "check_name", "fingerprint", "severity", "location"} == set(entry)
            assert entry["severity"] in SEVERITIES
            assert entry["location"]["lines"]["begin"] >= 1
            assert (story.scratch.root / entry["location"]["path"]).is_file()
        assert "this tag is not closed" in (story.out / "junit.xml").read_text()

    def test_what_repairs_settings_passes_and_is_compared_with_the_last_that_could_be_read(self, story: Story) -> None:
        good = story.scratch.git("rev-parse", "HEAD")[:12]
        story.merge()
        story.scratch.write("catalog.yaml", f"{SETTINGS}nonsense: [\n")
        bad = story.scratch.commit("Break it")
        story.origin()
        story.scratch.git("checkout", "--quiet", "-B", "feature")
        assert story.review().code == 1
        story.scratch.write("catalog.yaml", SETTINGS)
        story.write("v2", "Greet briefly.")
        done = story.review()
        assert done.code == 0, done.log
        told = f"The base {bad[:12]} cannot be read: compared with {good}, the last commit before it that can."
        assert told in story.note()
        assert "“warmly” became “briefly”" in story.note()

    def test_a_catalog_in_a_folder_is_reported_by_paths_from_the_top(self, story: Story) -> None:
        story.scratch.git("checkout", "--quiet", "main")
        for name in ("catalog.yaml", "prompts"):
            (story.scratch.root / "team").mkdir(exist_ok=True)
            story.scratch.git("mv", name, f"team/{name}")
        story.scratch.commit("Move")
        story.origin()
        story.inputs |= {"catalog": "team", "name": "team"}
        story.scratch.git("checkout", "--quiet", "-b", "other")
        story.scratch.write("team/prompts/greet/v2.yaml", PROMPT.format(version="v2", text="Greet {{#broken."))
        story.scratch.commit()
        assert story.review().code == 1
        assert {entry["location"]["path"] for entry in story.report("code-quality.json")} == {
            "team/prompts/greet/v2.yaml"
        }

    def test_two_catalogs_of_a_project_do_not_meet(self, story: Story) -> None:
        first = story.jobs()
        story.inputs |= {"name": "other"}
        second = story.jobs()
        assert not set(first) & set(second)
        for kind in ("sync", "drift"):
            groups = {
                jobs[f"{name}-{kind}"]["resource_group"] for name, jobs in (("catalog", first), ("other", second))
            }
            assert len(groups) == 2
        assert first["catalog-drift"]["cache"]["key"] != second["other-drift"]["cache"]["key"]

    def test_a_fork_has_no_token_and_no_variables_and_gets_the_reports(self, story: Story) -> None:
        story.write("v2", "Greet briefly.")
        done = story.review(GITLAB_TOKEN=None, DATABASE=None, CI_MERGE_REQUEST_SOURCE_PROJECT_ID="99")
        assert done.code == 0, done.log
        assert "there is no token" in done.log
        assert story.gitlab.asked == []
        assert story.report("tfplan.json") == {"create": 0, "update": 0, "delete": 0}
        assert story.report("code-quality.json") == []

    def test_a_token_that_may_not_write_notes_is_a_warning(self, story: Story) -> None:
        story.write("v2", "Greet briefly.")
        story.gitlab.refuse = True
        done = story.review()
        assert done.code == 0, done.log
        assert "warning: " in done.log

    def test_a_target_that_cannot_be_planned_for_is_said_and_fails(self, story: Story) -> None:
        story.write("v2", "Greet briefly.")
        done = story.review(DATABASE="/")
        assert done.code == 1
        assert "could not be planned" in story.note()
        story.inputs |= {"plan": False}
        assert story.review(DATABASE=None).code == 0
        assert "could not be planned" not in story.note()


@pytest.fixture
def heartbeat() -> Iterator[tuple[str, list[str]]]:
    """An address to call, and the calls."""
    calls: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            calls.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/beat", calls
        server.shutdown()
        thread.join()


class TestMerge:
    def test_what_was_reviewed_is_written(self, story: Story) -> None:
        story.write("v2", "Greet briefly.")
        story.review()
        story.merge()
        done = story.run("sync")
        assert done.code == 0, done.log
        assert re.search(r"sha256:[0-9a-f]{64}", story.note())
        assert (story.out / "dist" / "bundle.json").is_file()
        assert story.run("drift").code == 0

    def test_a_target_that_changed_since_the_review_is_not_written(self, story: Story) -> None:
        story.merge()
        assert story.run("sync").code == 0
        story.scratch.git("checkout", "--quiet", "feature")
        story.write("v2", "Greet briefly.")
        story.review()
        story.merge()
        story.edit("v9")
        done = story.run("sync")
        assert done.code == 1
        assert "stale" in done.log


class TestDrift:
    def test_it_appears_changes_disappears_and_comes_back(self, story: Story) -> None:
        story.write("v2", "Greet briefly.")
        story.merge()
        story.run("sync")
        assert story.run("drift").code == 0
        assert story.gitlab.issues == {}
        story.edit("v2")
        assert story.run("drift").code == 1
        (issue,) = story.gitlab.issues.values()
        assert "labels/greet@production" in issue["description"]
        thread = f"issues/{issue['iid']}"
        story.run("drift")
        assert story.gitlab.said(thread) == []
        story.edit("v7")
        story.run("drift")
        assert len(story.gitlab.said(thread)) == 1
        story.edit("v1")
        assert story.run("drift").code == 0
        assert issue["state"] == "closed"
        story.edit("v2")
        story.run("drift")
        assert (issue["state"], len(story.gitlab.issues)) == ("opened", 1)

    def test_a_target_that_cannot_be_reached_is_an_alert_of_its_own_after_some_looks(self, story: Story) -> None:
        story.merge()
        story.run("sync")
        for _ in range(2):
            assert story.run("drift", DATABASE="/nowhere/at/all.db").code == 3
            assert story.gitlab.issues == {}
        story.run("drift", DATABASE="/nowhere/at/all.db")
        (issue,) = story.gitlab.issues.values()
        assert "cannot be looked at" in issue["title"]
        assert story.run("drift").code == 0
        assert issue["state"] == "closed"

    def test_a_gitlab_that_is_away_is_a_failure(self, story: Story) -> None:
        story.merge()
        story.run("sync")
        story.edit("v2")
        story.gitlab.away = True
        assert story.run("drift").code == 3

    def test_only_a_look_that_could_look_is_a_heartbeat(self, story: Story, heartbeat: tuple[str, list[str]]) -> None:
        address, calls = heartbeat
        story.merge()
        story.run("sync")
        for away in ({"DATABASE": "/nowhere/at/all.db"}, {"DATABASE": None}):
            assert story.run("drift", **away, CATALOG_HEARTBEAT_URL=address).code == 3
            assert calls == []
        assert story.run("drift", CATALOG_HEARTBEAT_URL=address).code == 0
        story.edit("v9")
        assert story.run("drift", CATALOG_HEARTBEAT_URL=address).code == 1
        assert calls == ["/beat", "/beat"]
