"""``catalog usage`` as its users run it, on the generated month and on sources that fail."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import sys
import threading
from collections.abc import Iterator
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from scratch import Answer, CatalogCommand, Scratch

from catalog_tool.source.schema_engine import SchemaEngine
from catalog_tool.source.schemas import load_schema

sys.path.insert(0, str(Path(__file__).parents[1]))
import demo_activity

GOLDEN = Path(__file__).parents[1] / "golden" / "usage"
ROWS = {
    "code-reviewer": (14, "active"), "pr-describer": (13, "active"), "test-scaffolder": (13, "active"),
    "dep-auditor": (10, "active"), "changelog-updater": (7, "active"), "legacy-formatter": (0, "never"),
    "db-migration-helper": (0, "never"), "superpowers:executing-plans": (9, "unlisted"),
}  # fmt: skip


@pytest.fixture
def month(tmp_path: Path, catalog_command: CatalogCommand) -> Month:
    return Month(tmp_path / "demo", catalog_command)


class Month:
    """The generated month: its folder, and ``usage`` of it."""

    def __init__(self, folder: Path, command: CatalogCommand) -> None:
        self.arguments = demo_activity.write(folder)
        self.folder = folder
        self.command = command
        self.repository = Scratch(root=folder / "repository", command=command)

    def usage(self, *more: str, env: dict[str, str] | None = None) -> Answer:
        return self.command(*self.arguments, *more, env=env)

    def json(self, *more: str) -> dict[str, Any]:
        document: dict[str, Any] = self.usage("--format", "json", *more).json()
        assert SchemaEngine(load_schema("usage-output")).errors(document) == []
        return document


def test_the_generated_month_is_what_it_is_said_to_be(month: Month) -> None:
    document = month.json()
    rows = {row["telemetry_name"]: row for row in document["rows"]}
    assert {name: (row["activations"], row["status"]) for name, row in rows.items()} == ROWS
    summary = document["summary"]
    assert [summary[key] for key in ("skills", "active", "never", "unlisted", "activations")] == [7, 5, 2, 1, 66]
    assert rows["dep-auditor"]["results"] == {"reported": 10, "failed": 5}
    assert rows["code-reviewer"]["results"] is None
    assert document["status"] == "stale"


def test_the_generated_month_is_the_same_every_time(tmp_path: Path, month: Month) -> None:
    demo_activity.write(tmp_path / "again")
    for name in ("telemetry.jsonl", "hooks.jsonl"):
        assert (tmp_path / "again" / name).read_bytes() == (month.folder / name).read_bytes()


@pytest.mark.parametrize(("output", "suffix"), [("text", "txt"), ("markdown", "md"), ("csv", "csv"), ("html", "html")])
def test_every_form_is_as_it_was_looked_at(month: Month, output: str, suffix: str) -> None:
    got = month.usage("--format", output, env={"COLUMNS": "120"})
    assert (got.code, got.err) == (0, "")
    assert got.out == (GOLDEN / f"month.{suffix}").read_text(encoding="utf-8")


def test_csv_is_read_back(month: Month) -> None:
    rows = list(csv.DictReader(io.StringIO(month.usage("--format", "csv").out)))
    assert {row["telemetry_name"]: (int(row["activations"]), row["status"]) for row in rows} == ROWS


def test_html_loads_nothing_and_runs_nothing(month: Month) -> None:
    page = month.usage("--format", "html").out
    found: list[tuple[str, dict[str, str | None]]] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.append((tag, dict(attrs)))

    Reader().feed(page)
    assert not {"script", "link", "img", "iframe", "object", "use", "image"} & {tag for tag, _ in found}
    assert not any(name in ("src", "href", "xlink:href") or name.startswith("on") for _, held in found for name in held)
    assert "url(" not in page
    assert "@import" not in page
    charts = re.findall(r'<svg[^>]*aria-label="([^"]+)"', page)
    assert "Cost of each skill in US dollars" in charts
    assert "Tokens of each skill" in charts
    assert "prefers-color-scheme:dark" in page


class TestExitCodes:
    def test_fail_on_means_exactly_that_status(self, month: Month) -> None:
        assert month.usage().code == 0
        assert month.usage("--fail-on", "stale").code == 0
        assert month.usage("--fail-on", "stale", "--fail-on", "never").code == 1

    def test_a_source_that_cannot_be_read_is_no_verdict(self, month: Month) -> None:
        got = month.usage("--otlp", "missing.jsonl", "--fail-on", "never", "--format", "json")
        document = got.json()
        assert (got.code, document["status"]) == (3, "unknown")
        assert not {"stale", "never"} & {row["status"] for row in document["rows"]}
        assert SchemaEngine(load_schema("usage-output")).errors(document) == []
        assert "no skill is called stale" in got.err

    @pytest.mark.parametrize(
        "asked",
        [
            (), ("--otlp", "-", "--hooks", "-"), ("--otlp", "x", "--since", "30d"), ("--otlp", "x", "--since", "soon"),
            ("--otlp", "x", "--now", "soon"), ("--loki", "localhost"), ("--otlp", "x", "--catalog", "missing.json"),
            ("--otlp", "x", "--propose", "--catalog", "f"), ("--otlp", "x", "--fail-on", "active"),
        ],
    )  # fmt: skip
    def test_wrong_usage(self, scratch: Scratch, asked: tuple[str, ...]) -> None:
        scratch.write("catalog.yaml", "format: 1\n")
        got = scratch.run("usage", *asked, "--format", "json")
        assert (got.code, got.json()["error"]["kind"]) == (2, "usage")

    @pytest.mark.parametrize(
        ("owner", "hint"),
        [("team-platfrom", "did you mean team-platform?"), ("x", "owners are: team-data, team-docs, ")],
    )
    def test_an_owner_whom_nobody_knows(self, month: Month, owner: str, hint: str) -> None:
        got = month.usage("--owner", owner, "--fail-on", "never")
        assert (got.code, got.out) == (2, "")
        assert hint in got.err

    def test_a_loki_that_is_down(self, month: Month) -> None:
        got = month.usage("--prometheus", "http://127.0.0.1:9", "--format", "json")
        assert (got.code, got.json()["sources"][-1]["status"]) == (3, "failed")


def test_without_git_nothing_is_called_unused(tmp_path: Path, month: Month) -> None:
    (month.folder / "repository" / ".git").rename(tmp_path / "gone")
    document = month.json()
    assert {row["status"] for row in document["rows"] if row["activations"] == 0} == {"unmeasurable"}
    assert document["notes"]


def test_a_catalog_file_an_owner_and_stdin(month: Month, tmp_path: Path) -> None:
    month.command("-C", str(month.folder / "repository"), "build", "--out", str(tmp_path / "dist"))
    telemetry = (month.folder / "telemetry.jsonl").read_text(encoding="utf-8")
    asked = ("usage", "--catalog", "dist/skills-catalog.json", "--otlp", "-", "--now", "2026-11-20", "--format", "json")
    document = month.command(*asked, "--owner", "team-platform", cwd=tmp_path, stdin=telemetry).json()
    assert {row["skill"]: row["status"] for row in document["rows"]} == {
        "code-reviewer": "active", "pr-describer": "active", "test-scaffolder": "active", "legacy-formatter": "never",
    }  # fmt: skip


def test_two_skills_with_one_name_in_the_work_tree(month: Month) -> None:
    held = (month.folder / "repository/skills/code-reviewer/SKILL.md").read_text(encoding="utf-8")
    month.repository.write(".claude/skills/code-reviewer/SKILL.md", held)
    month.repository.commit("A twin", when="2026-06-01T09:00:00+00:00")
    document = month.json()
    rows = [row for row in document["rows"] if row["telemetry_name"] == "code-reviewer"]
    assert [(row["status"], row["activations"]) for row in rows] == [("unmeasurable", 14)] * 2
    assert document["summary"]["activations"] == 66
    said = "came under names that several skills report: each of these skills shows them, sums count them once"
    for output in ("text", "markdown", "html"):
        shown = month.usage("--format", output, env={"COLUMNS": "300"}).out.replace("\\", "")
        assert said in shown, output
        assert "66 calls in 90 days" in shown, output


def test_a_hidden_name_is_opened_by_the_repositorys_own_marketplace(month: Month) -> None:
    held = (month.folder / "repository/skills/code-reviewer/SKILL.md").read_text(encoding="utf-8")
    month.repository.write("catalog.yaml", "format: 1\nskills: [skills, plugins/*/skills]\n")
    month.repository.write("plugins/ops/skills/deploy/SKILL.md", held.replace("code-reviewer", "deploy"))
    market = {"name": "Acme-Market", "plugins": [{"name": "ops-tools", "source": "./plugins/ops"}]}
    month.repository.write(".claude-plugin/marketplace.json", json.dumps(market))
    month.repository.commit("A plugin", when="2026-06-01T09:00:00+00:00")
    told_lines = (month.folder / "telemetry.jsonl").read_text(encoding="utf-8").splitlines()
    changed = json.loads(next(line for line in reversed(told_lines) if "skill_activated" in line))
    record = changed["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0]
    digest = hashlib.sha256(b"ops-tools@acme-market" + b"claude-plugin-telemetry-v1").hexdigest()[:16]
    told = {"event.name": "skill_activated", "skill.name": "third-party", "plugin_id_hash": digest, "session.id": "x"}
    record["attributes"] = [{"key": key, "value": {"stringValue": value}} for key, value in told.items()]
    (month.folder / "hidden.jsonl").write_text(json.dumps(changed) + "\n", encoding="utf-8")
    month.repository.run("build", "--out", "dist")
    for more in ((), ("--catalog", str(month.repository.root / "dist/skills-catalog.json"))):
        document = month.json("--otlp", str(month.folder / "hidden.jsonl"), *more)
        assert {row["skill"]: row["status"] for row in document["rows"]}["ops:deploy"] == "active"
        assert document["coverage"]["redacted"] == 0


def test_hostile_names_do_nothing_anywhere(month: Month) -> None:
    evil = "\x1b]52;c;AAAA\x07</td><script>alert(1)</script>\n::error::x ##[group]@everyone =1+1 \u202e"
    line = (month.folder / "telemetry.jsonl").read_text(encoding="utf-8").splitlines()[0]
    changed = json.loads(line)
    attributes = changed["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0]["attributes"]
    for item in attributes:
        if item["key"] in ("skill.name", "invocation_trigger", "session.id"):
            item["value"] = {"stringValue": evil}
    (month.folder / "evil.jsonl").write_text(json.dumps(changed) + "\n", encoding="utf-8")
    for output in ("text", "json", "csv", "markdown", "html"):
        more = ("--otlp", str(month.folder / "evil.jsonl"), "--format", output)
        got = month.usage(*more, env={"GITHUB_ACTIONS": "true"})
        assert got.code == 0
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", got.out), output
        assert not re.search(r"^\s*::", got.out, re.MULTILINE), output
        assert "##[" not in got.out, output
    assert "<script" not in got.out


class TestPropose:
    def test_a_branch_with_one_commit_an_owner_and_nothing_else_touched(self, month: Month) -> None:
        git = month.repository.git
        git("config", "user.name", "Ada")
        git("config", "user.email", "ada@example.org")
        month.repository.write("skills/code-reviewer/SKILL.md", "edited\n")
        month.repository.write("staged.txt", "staged\n")
        git("add", "staged.txt")
        before = [git("rev-parse", "HEAD"), git("status", "--porcelain"), git("symbolic-ref", "HEAD")]
        hook = month.repository.write(".git/hooks/reference-transaction", "#!/bin/sh\ntouch hook-ran\n")
        hook.chmod(0o755)
        got = month.usage("--propose")
        assert got.code == 0, got.err
        assert [git("rev-parse", "HEAD"), git("status", "--porcelain"), git("symbolic-ref", "HEAD")] == before
        assert not list(month.folder.rglob("hook-ran"))
        branch = "catalog/decommission-2026-11-20"
        assert git("log", "--format=%s", f"HEAD..{branch}").splitlines() == [
            "Decommission legacy-formatter, which nobody uses (team-platform)",
            "Decommission db-migration-helper, which nobody uses (team-data)",
        ]
        message = git("log", "-1", "--format=%B", branch)
        assert "no use in the 33 days that the data cover" in message
        assert "66 calls of skills" in message
        changed = git("diff", "--name-status", "-M", "HEAD", branch).splitlines()
        assert all(line.startswith("R100\t") for line in changed)
        listed = month.command(
            "-C", str(month.repository.root), "list", "--rev", branch, "--format", "json"
        ).json()["skills"]  # fmt: skip
        assert not {"legacy-formatter", "db-migration-helper"} & {skill["name"] for skill in listed}

    def test_marking_keeps_all_else(self, month: Month) -> None:
        git = month.repository.git
        git("config", "user.name", "Ada")
        git("config", "user.email", "ada@example.org")
        assert month.usage("--propose", "--policy", "mark", "--branch", "mark").code == 0
        changed = git("diff", "--unified=0", "HEAD", "mark").splitlines()
        added = [line for line in changed if re.match(r"[+-](?![+-])", line)]
        assert added == ["+  decommission: 'no use in the 33 days that the data cover'"] * 2

    def test_marking_what_is_written_in_one_line_leaves_a_catalog_without_an_error(self, month: Month) -> None:
        git, repository = month.repository.git, month.repository
        git("config", "user.name", "Ada")
        git("config", "user.email", "ada@example.org")
        for name, written in (("legacy-formatter", "{owner: team-platform}"), ("db-migration-helper", "none")):
            path = repository.root / f"skills/{name}/SKILL.md"
            lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
            kept = [f"metadata: {written}\n" if line.startswith("metadata:") else line for line in lines]
            path.write_text("".join(line for line in kept if not line.startswith("  ")), encoding="utf-8")
        repository.commit("In one line")
        got = month.usage("--propose", "--policy", "mark", "--branch", "mark")
        assert "left out, to be done by hand: db-migration-helper" in got.err
        assert re.search(r"^mark [0-9a-f]{12}: 1 commit$", got.err, re.MULTILINE)
        git("checkout", "--quiet", "mark")
        assert "Y008" not in month.command("-C", str(repository.root), "validate").out
        assert "decommission: " in (repository.root / "skills/legacy-formatter/SKILL.md").read_text(encoding="utf-8")

    def test_where_nothing_can_be_marked_no_branch_is_made(self, month: Month) -> None:
        for name in ("legacy-formatter", "db-migration-helper"):
            month.repository.write(f"skills/{name}/SKILL.md", "No front matter\n")
        month.repository.commit("Broken")
        got = month.usage("--propose", "--policy", "mark")
        assert "no branch was made" in got.err
        assert "left out, to be done by hand: " in got.err
        assert month.repository.git("branch", "--format=%(refname:short)") == "main"

    def test_a_branch_is_never_overwritten(self, month: Month) -> None:
        month.repository.git("branch", "taken")
        got = month.usage("--propose", "--branch", "taken")
        assert (got.code, "exists already" in got.err) == (2, True)

    @pytest.mark.parametrize("name", ["-x", "a..b", "a b", "--output=x"])
    def test_a_name_that_is_none(self, month: Month, name: str) -> None:
        assert month.usage("--propose", f"--branch={name}").code == 2

    def test_nothing_is_proposed_where_nothing_is_known(self, month: Month) -> None:
        got = month.usage("--propose", "--otlp", "missing.jsonl")
        assert (got.code, "nothing to propose" in got.err) == (3, True)
        assert month.repository.git("branch", "--format=%(refname:short)") == "main"


class TestServer:
    @pytest.fixture
    def empty(self) -> Iterator[tuple[str, list[dict[str, str]]]]:
        """A server on loopback that answers every query with nothing, and what headers it saw."""
        seen: list[dict[str, str]] = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                seen.append({name.lower(): value for name, value in self.headers.items()})
                body = b'{"status":"success","data":{"resultType":"vector","result":[]}}'
                self.send_response(200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Quiet."""

        server = HTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", seen
        server.shutdown()
        thread.join()
        server.server_close()

    def test_an_empty_loki_is_a_doubt_and_its_credentials_stay_unseen(
        self, month: Month, empty: tuple[str, list[dict[str, str]]]
    ) -> None:
        address, seen = empty
        env = {"CATALOG_LOKI_TENANT": "team-a", "CATALOG_LOKI_TOKEN": "canary-token"}
        got = month.usage("--loki", address, "--format", "json", env=env)
        document = got.json()
        assert (got.code, document["status"], document["sources"][-1]["status"]) == (0, "unknown", "empty")
        assert not {"stale", "never"} & {row["status"] for row in document["rows"]}
        assert (seen[0]["x-scope-orgid"], seen[0]["authorization"]) == ("team-a", "Bearer canary-token")
        assert "canary-token" not in got.out + got.err


def test_the_hook_is_printed_whole(scratch: Scratch) -> None:
    got = scratch.run("usage", "--print-hook")
    assert (got.code, got.err) == (0, "")
    compile(got.out, "hook", "exec")
    assert got.out.startswith("#!/usr/bin/env python3\n")
