"""The real promptfoo runs what we export, and its results come back as evidence that the gate decides by.

Heavy: it needs promptfoo from npm. Name its program in ``CATALOG_PROMPTFOO``, else this is skipped.
"""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from scratch import Scratch

PROGRAM = os.environ.get("CATALOG_PROMPTFOO")
pytestmark = pytest.mark.skipif(not PROGRAM, reason="CATALOG_PROMPTFOO is not set: name the program of promptfoo")

PROMPT = """\
id: greeter
version: {version}
model: {{provider: openai, name: gpt-4o}}
params: {{temperature: 0}}
messages:
  - {{role: system, content: '{text} {{{{> safety}}}}'}}
  - {{role: user, content: '{{{{question}}}}'}}
"""
TRICKY = 'a "quote", a {{tag}}, a {% block %}, {# a comment #}, {{{three}}}, \\back, ü, 日本 and\n a line'
CASES: list[dict[str, Any]] = [
    *({"name": f"case {n}", "vars": {"question": f"Question {n}?"}, "expect": [{"type": "contains", "value": "polite"}]}
      for n in range(32)),
    {"name": "tricky {{name}}", "critical": True, "vars": {"question": TRICKY},
     "expect": [{"type": "contains", "value": ["{{tag}}", "{% block %}"]}, {"type": "not_contains", "value": "rude"}]},
    {"name": "folded", "vars": {"question": "x"},
     "expect": [{"type": "contains", "value": "POLITE", "ignore_case": True}]},
    {"name": "json", "vars": {"question": "json"}, "expect": [{"type": "json_schema", "value": {"type": "object"}}]},
]  # fmt: skip


class _Model(BaseHTTPRequestHandler):
    """Answers with what it was asked; ``json`` gets an object, and a rude system prompt loses its manners."""

    asked: list[dict[str, Any]]

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append(body)
        question = body["messages"][-1]["content"]
        manners = "rude" if "rude" in body["messages"][0]["content"] else "polite"
        said = '{"a": 1}' if question == "json" else f"{manners}: {question}"
        message = {"role": "assistant", "content": said}
        usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
        answer = {"id": "x", "object": "chat.completion", "model": "gpt-4o-2024-08-06", "usage": usage,
                  "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}  # fmt: skip
        data = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Nothing on stderr."""


@pytest.fixture
def model() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    asked: list[dict[str, Any]] = []
    handler = type("Model", (_Model,), {"asked": asked})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/v1", asked
        finally:
            server.shutdown()
            thread.join()


def _run(scratch: Scratch, folder: Path, version: str, address: str) -> Path:
    """Export one version, run promptfoo on it, and return its results."""
    exported = scratch.run("export", "promptfoo", f"greeter@{version}")
    assert (exported.code, exported.err) == (0, "")
    made = exported.json()
    made["providers"][0]["config"]["apiBaseUrl"] = address
    config, results = folder / f"{version}.json", folder / f"{version}-results.json"
    config.write_text(json.dumps(made))
    done = subprocess.run(
        [str(PROGRAM), "eval", "--no-cache", "--no-table", "--no-progress-bar", "-c", str(config), "-o", str(results)],
        cwd=folder, capture_output=True, timeout=300, check=False,
        env={
            "PATH": os.environ["PATH"], "HOME": str(folder), "OPENAI_API_KEY": "unused",
            "PROMPTFOO_CONFIG_DIR": str(folder / "state"), "PROMPTFOO_DISABLE_TELEMETRY": "1",
            "PROMPTFOO_DISABLE_UPDATE": "1", "PROMPTFOO_DISABLE_REMOTE_GENERATION": "1",
        },
    )  # fmt: skip
    assert results.is_file(), done.stderr.decode()[-2000:]
    return results


def test_there_and_back(scratch: Scratch, tmp_path: Path, model: tuple[str, list[dict[str, Any]]]) -> None:
    address, asked = model
    scratch.write("catalog.yaml", "catalog: acme\nlabels:\n  production: {gate: {}}\n")
    scratch.write("prompts/registry.yaml", "greeter:\n  production: v1\n")
    scratch.write("prompts/_shared/partials/safety.md", "Never lie.\n")
    for version, text in (("v1", "Be polite."), ("v2", "Be polite!"), ("v3", "Be rude.")):
        scratch.write(f"prompts/greeter/{version}.yaml", PROMPT.format(version=version, text=text))
    scratch.write("prompts/greeter/tests/cases.yaml", json.dumps({"cases": CASES}))
    scratch.commit("Start")
    found = {version: _run(scratch, tmp_path, version, address) for version in ("v1", "v2", "v3")}

    assert len(asked) == 3 * len(CASES)
    sent = {body["messages"][1]["content"] for body in asked}
    assert TRICKY in sent  # byte for byte what `catalog eval` would send: promptfoo's templates had no say
    assert {body["temperature"] for body in asked} == {0}
    assert all(body["messages"][0]["content"].endswith(" Never lie.\n") for body in asked)

    for version, code in (("v2", 0), ("v3", 1)):
        answer = scratch.run(
            "gate", "greeter", version, "--label", "production", "--from", "promptfoo",
            "--candidate", str(found[version]), "--baseline", str(found["v1"]), "--format", "json",
        )  # fmt: skip
        assert answer.code == code, answer
        assert "not in evidence" in answer.err
    denied = scratch.run(
        "gate", "greeter", "v3", "--label", "production", "--from", "promptfoo", "--keep",
        "--candidate", str(found["v3"]), "--baseline", str(found["v1"]),
    )  # fmt: skip
    assert "worse than v1: " in denied.out
    assert "`tricky {{name}}`" in denied.out
    kept = sorted(path.name[:2] for path in (scratch.root / "prompts/greeter/evidence").iterdir())
    assert kept == ["v1", "v3"]
    assert scratch.run("gate", "greeter", "v3", "--label", "production").code == 1

    swapped = scratch.run(
        "gate", "greeter", "v2", "--label", "production", "--from", "promptfoo", "--candidate", str(found["v1"])
    )
    assert swapped.code == 2
    assert "about another content" in swapped.err
