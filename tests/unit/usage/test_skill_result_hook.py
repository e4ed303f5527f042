"""The hook as an agent runs it: a process with a payload on stdin, and a collector that listens."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from catalog_tool.usage import skill_result_hook
from catalog_tool.usage.hooks import HookSource

from .made import join, listed, skill, write

BASH = {"hook_event_name": "PostToolUse", "tool_name": "Bash", "session_id": "s1", "tool_use_id": "t1"}


def run(payload: object, **environ: str) -> None:
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    kept = {"PATH": os.environ["PATH"], **environ}
    done = subprocess.run(
        [sys.executable, "-I", skill_result_hook.__file__], input=data, env=kept, capture_output=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def said(*lines: str) -> dict[str, Any]:
    return {**BASH, "tool_response": {"stdout": "\n".join(["some output", *lines]), "stderr": ""}}


@pytest.fixture
def collector() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A collector on loopback: its address, and what it was sent."""
    sent: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            sent.append({"path": self.path, "key": self.headers.get("x-key"), "body": json.loads(body)})
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", sent
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_result_goes_to_the_file_and_to_the_collector_and_counts_once(
    tmp_path: Path, collector: tuple[str, list[dict[str, Any]]]
) -> None:
    address, sent = collector
    file = tmp_path / "hooks.jsonl"
    payload = said("skill-result: a failure 3 vulnerable packages", "skill-result: a success")
    environ = {"CATALOG_HOOK_FILE": str(file), "CATALOG_OTLP_ENDPOINT": address, "CATALOG_OTLP_HEADERS": "x-key=k"}
    run(payload, **environ)
    assert [(one["path"], one["key"]) for one in sent] == [("/v1/logs", "k")]
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert [(line["outcome"], line.get("reason")) for line in lines] == [
        ("failure", "3 vulnerable packages"), ("success", None),
    ]  # fmt: skip
    otlp = write(tmp_path / "otlp.jsonl", [sent[0]["body"]])
    now = lines[0]["time"] // 10**9 + 60
    (row,) = join(listed(skill("a")), HookSource(str(file)), otlp, now=now).rows
    assert row.failures == (2, 1)


def test_loaded_and_typed_skills_are_noted(tmp_path: Path) -> None:
    file, project = tmp_path / "hooks.jsonl", tmp_path / "project"
    (project / ".claude/skills/mine").mkdir(parents=True)
    (project / ".claude/skills/mine/SKILL.md").write_text("---\n---\n", encoding="utf-8")
    environ = {"CATALOG_HOOK_FILE": str(file), "CLAUDE_PROJECT_DIR": str(project)}
    run({**BASH, "tool_name": "Skill", "tool_input": {"skill": "acme:x"}}, **environ)
    for prompt in ("/mine do it", "/clear", "use /mine", "/acme:y"):
        run({"hook_event_name": "UserPromptSubmit", "prompt": prompt, "session_id": "s1"}, **environ)
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert [(line["skill"], line["trigger"]) for line in lines] == [
        ("acme:x", "claude-proactive"), ("mine", "user-slash"), ("acme:y", "user-slash"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "line",
    ["x skill-result: a success", "skill-result: a maybe", "skill-result: ../a success", "skill-result: a; rm success",
     "skill-result:  success", "skill-result: " + "a" * 200 + " success"],
)  # fmt: skip
def test_what_is_no_result(tmp_path: Path, line: str) -> None:
    run(said(line), CATALOG_HOOK_FILE=str(tmp_path / "h"))
    assert not (tmp_path / "h").exists()


@pytest.mark.parametrize(
    "payload", [b"", b"{", b"[]", b'{"hook_event_name": "PostToolUse", "tool_name": "Bash"}', b"\xff"]
)
def test_nothing_ever_stands_in_the_way(tmp_path: Path, payload: bytes) -> None:
    run(payload, CATALOG_HOOK_FILE=str(tmp_path / "h"))


def test_nor_does_a_collector_that_is_gone_or_no_address(tmp_path: Path) -> None:
    for endpoint in ("http://127.0.0.1:9", "file:///etc/passwd", "nonsense"):
        run(said("skill-result: a success"), CATALOG_OTLP_ENDPOINT=endpoint, CATALOG_HOOK_FILE=str(tmp_path / "h"))
    assert len((tmp_path / "h").read_text(encoding="utf-8").splitlines()) == 3
