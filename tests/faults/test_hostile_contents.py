"""Rows 51 and 52 where nothing is wrong: a valid catalog, its history, its target and the documents of other
commands hold hostile text, and every command that shows any of it shows it only."""

from __future__ import annotations

import http.server
import json
import re
import sqlite3
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from scratch import Scratch
from soak import SOAK
from test_hostile_commands import harmless, outputs, typeable
from test_hostile_output import HOSTILE

from catalog_tool.cli.main import COMMANDS

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="terminals as POSIX knows them")

STRINGS = [text for text in map(typeable, HOSTILE if SOAK else (*HOSTILE[::14], *HOSTILE[169:174])) if text.strip()]
LINES = [" ".join(text.split()) for text in STRINGS]
SETTINGS = """\
catalog: hostile
targets: {local: {backend: sqlite, path: ../store.db}}
labels:
  production: {protected: true, watch: {min_samples: 1}, gate: {min_cases: 1}}
"""
COLOURS = re.compile(r"\x1b\[[0-9;]+m")
"""Ours, of all commands; whatever else begins with ESC is not, and the strings hold such."""
ELSEWHERE = {
    "init": "writes texts of ours only; its one argument is in test_hostile_commands",
    "new": "as init",
    "schema": "as init",
    "completion": "as init",
    "telemetry": "as init",
    "serve": "answers requests, which tests of the service attack",
    "token": "shows names that it checked when it took them",
}
"""Commands that show nothing that others wrote."""


def prompt(text: str, more: str = "") -> dict[str, Any]:
    return {
        "model": "gpt-4o-2024-08-06", "description": text, "owners": [text], "tags": [text], "notes": text,
        "template": "none", "messages": [{"role": "user", "content": text + more}], "x-own": {"a": text},
        "tools": [{"name": "find", "description": text, "parameters": {"type": "object", "description": text}}],
        "output_schema": {"type": "object", "description": text},
    }  # fmt: skip


def case(text: str) -> dict[str, Any]:
    expect = [{"type": "max_input_tokens", "value": 1}, {"type": "contains", "value": text}]
    return {"cases": [{"name": text, "notes": text, "expect": expect}]}


def fill(scratch: Scratch, version: str, more: str = "") -> None:
    """Every string in a prompt of its own, of this version; what validate refuses is left out."""
    for number, (text, line) in enumerate(zip(STRINGS, LINES, strict=True)):
        folder = f"prompts/p{number}"
        scratch.write(f"{folder}/{version}.json", json.dumps(prompt(text, more)))
        scratch.write(f"{folder}/tests/cases.yaml", json.dumps(case(line)))
        skill = f"---\nname: s{number}\ndescription: {json.dumps(line + ' ok' + more)}\n---\n"
        scratch.write(f"skills/s{number}/SKILL.md", (skill + text).encode("utf-8", "replace"))
    for _ in range(3):
        refused = [
            entry["path"] for entry in scratch.run("validate", "--format", "json").json()["findings"]
            if entry["severity"] == "error" and entry["path"]
        ]  # fmt: skip
        for path in refused:
            (scratch.root / path).unlink(missing_ok=True)


def label(scratch: Scratch, version: str) -> int:
    kept = sorted(path.parent.name for path in scratch.root.glob(f"prompts/*/{version}.json"))
    scratch.write("prompts/registry.yaml", json.dumps({name: {"production": version} for name in kept}))
    return len(kept)


@pytest.fixture
def hostile(scratch: Scratch) -> Scratch:
    """Two commits, a target that was synced and edited since, and the documents of other commands."""
    scratch.write("catalog.yaml", SETTINGS)
    fill(scratch, "v1")
    assert label(scratch, "v1") * 2 > len(STRINGS)
    commit(scratch, "\n".join(STRINGS))
    assert scratch.run("sync", "local").code == 0
    fill(scratch, "v2", " more")
    label(scratch, "v2")
    commit(scratch, STRINGS[5])
    edit(scratch.root.parent / "store.db")
    for name, arguments in {
        "diff.json": ("diff", "HEAD~1", "--format", "json"), "diff.md": ("diff", "HEAD~1", "--format", "markdown"),
        "findings.json": ("validate", "--format", "json"), "plan.json": ("plan", "local", "--format", "json"),
        "drift.json": ("drift", "local", "--format", "json"), "eval.json": ("eval", "--level0", "--format", "json"),
        "pull.json": ("pull", "local", "--branch", "pulled", "--format", "json"),
    }.items():  # fmt: skip
        answer = scratch.run(*arguments)
        assert answer.code in (0, 1), (arguments, answer)
        (scratch.root.parent / name).write_text(answer.out)
    (scratch.root.parent / "otlp.jsonl").write_text("".join(map(activity, STRINGS)))
    return scratch


def commit(scratch: Scratch, message: str) -> None:
    """By somebody whose name is hostile, too."""
    person = {"NAME": f"A {LINES[0]} {LINES[-1]}", "EMAIL": "a@example.org"}
    who = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in person.items()}
    scratch.git("add", "--all")
    scratch.git("commit", "--quiet", "--cleanup=verbatim", "--message", message, env=who)


def edit(path: Path) -> None:
    """What somebody else writes to the target: labels, versions, and who did it."""
    with closing(sqlite3.connect(path)) as database, database:
        names = [name for (name,) in database.execute("SELECT DISTINCT id FROM label")]
        for number, text in enumerate(STRINGS):
            name, value = names[number % len(names)], json.dumps(text if number % 2 else "v7")
            stored = text.encode("utf-8", "surrogatepass")
            database.execute("UPDATE label SET value = ? WHERE id = ?", (value, name))
            database.execute(
                "INSERT INTO label_event SELECT max(seq) + 1, 1, CAST(?1 AS TEXT), CAST(?1 AS TEXT), ?2, 'production',"
                " NULL, ?3, 9, '' FROM label_event",
                (stored, name, value),
            )
            entry = json.dumps({"messages": [{"role": "user", "content": text}]}).encode()
            database.execute(
                "INSERT OR IGNORE INTO prompt_version SELECT name, name, name, name, ?, name"
                " FROM (SELECT CAST(? AS TEXT) name)",
                (entry, stored),
            )
            database.execute("UPDATE skill SET entry = ? WHERE name = ?", (entry, f"s{number}"))


def activity(text: str) -> str:
    pairs = {"event.name": "skill_activated", "skill.name": text, "session.id": text, "invocation_trigger": text}
    attributes = [{"key": key, "value": {"stringValue": value}} for key, value in pairs.items()]
    record = {"timeUnixNano": "1790000000000000000", "attributes": attributes}
    return json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}) + "\n"


class Shouting(http.server.BaseHTTPRequestHandler):
    """A Prometheus whose answers are hostile."""

    def do_GET(self) -> None:
        data = json.dumps({"status": "error", "error": "\n".join(HOSTILE)}).encode("utf-8", "replace")
        self.send_response(400)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_POST = do_GET  # noqa: N815 - http.server's name

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def shouting() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Shouting) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def lines_of(hostile: Scratch, prometheus: str) -> list[list[str]]:
    """Every command that shows what others wrote, in every form of its own; what writes comes last."""
    here = hostile.root.parent
    name = json.loads((hostile.root / "prompts/registry.yaml").read_text()).popitem()[0]
    given = ["--changes", f"{here}/diff.json", "--report", f"{here}/diff.md", "--findings", f"{here}/findings.json"]
    given += ["--plan", f"{here}/plan.json", "--evaluation", f"{here}/eval.json"]
    asked = [["list"], ["list", "--format", "json"], ["status"], ["alerts"], ["export", "flagd"], ["eval", "--level0"]]
    asked += [["validate", "--format", form] for form in ("text", "json", "sarif", "junit", "gitlab")]
    asked += [["diff", "HEAD~1", "--format", form] for form in ("text", "json", "markdown", "sarif")]
    asked += [["drift", "local", "--format", form] for form in ("text", "json", "markdown", "metrics")]
    asked += [
        ["usage", "--otlp", f"{here}/otlp.jsonl", "--format", form] for form in ("text", "json", "markdown", "csv")
    ]
    asked += [["comment", *given, "--dry-run"], ["comment", "--pulled", f"{here}/pull.json", "--dry-run"]]
    asked += [["alert", f"{here}/drift.json", "--dry-run"], ["history", name, "--format", "json"]]
    asked += [["rollback", name, "--label", "production"]]
    asked += [["watch", "local", "--prometheus", prometheus, "--format", form] for form in ("text", "json")]
    for kept in (name, "p0", "p1"):
        asked += [["show", kept], ["render", kept], ["history", kept], ["show", kept.replace("p", "s")]]
        asked += [["gate", kept, "v2", "--label", "production"], ["promote", kept, "v1", "--label", "production"]]
    asked += [["plan", "local"], ["plan", "local", "--format", "json"], ["adopt", "local", f"prompts/{name}@v1"]]
    asked += [["pull", "local"], ["plan", "local", "--out", f"{here}/written.json"]]
    asked += [["apply", "local", "--plan", f"{here}/written.json"]]
    asked += [["build", "--out", f"{here}/dist"], ["bump", name], ["sync", "local"], ["sync", "local", "--prune"]]
    return asked


@pytest.mark.parametrize("mode", ["pty", "pipe"])
def test_what_others_wrote_is_only_shown(hostile: Scratch, shouting: str, mode: str) -> None:
    asked = lines_of(hostile, shouting)
    assert {arguments[0] for arguments in asked} | ELSEWHERE.keys() == COMMANDS.keys()
    wrong = []
    for arguments, code, out in outputs(hostile, mode, asked):
        harmless(mode, arguments, code, COLOURS.sub("", out))
        wrong += [(arguments, out)] if code == 2 else []
    assert wrong == [], "a command that refused its arguments shows nothing"
