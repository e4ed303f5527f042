"""A collector from a package stands between an agent and ``catalog usage``: what it passes on is read back.

rotel has no exporter to a file, so it passes on over OTLP to a receiver here, which writes each request as a line
the way the OpenTelemetry collector's file exporter does. Name its program in ``CATALOG_ROTEL``, or install
``rotel`` beside this Python; else this is skipped.
"""

from __future__ import annotations

import gzip
import importlib.util
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from google.protobuf.json_format import MessageToDict, ParseDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from scratch import CatalogCommand

import catalog_tool.usage.skill_result_hook

sys.path.insert(0, str(Path(__file__).parents[1]))
import demo_activity

REQUESTS: dict[str, Any] = {"/v1/logs": ExportLogsServiceRequest, "/v1/metrics": ExportMetricsServiceRequest}
PATIENCE_SECONDS = 30


def program() -> str | None:
    """Where rotel is."""
    named = os.environ.get("CATALOG_ROTEL")
    if named:
        return named
    found = importlib.util.find_spec("rotel")
    path = Path(found.origin).parent / "rotel-agent" if found is not None and found.origin else None
    return str(path) if path is not None and path.is_file() else None


class Receiver:
    """Takes OTLP over HTTP and keeps every request as one line of JSON."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._more = threading.Condition()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                body = gzip.decompress(body) if self.headers["content-encoding"] == "gzip" else body
                receiver._take(json.dumps(MessageToDict(REQUESTS[self.path].FromString(body))))
                self.send_response(200)
                self.send_header("content-type", "application/x-protobuf")
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def _take(self, line: str) -> None:
        with self._more:
            self.lines.append(line)
            self._more.notify_all()

    def wait_for(self, event: str, count: int) -> None:
        """Until so many records of an event, or points of a metric, have come."""
        with self._more:
            assert self._more.wait_for(lambda: "".join(self.lines).count(event) >= count, PATIENCE_SECONDS), self.lines


@contextmanager
def serving(receiver: Receiver) -> Iterator[str]:
    thread = threading.Thread(target=receiver.server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{receiver.server.server_port}"
    finally:
        receiver.server.shutdown()
        thread.join()
        receiver.server.server_close()


@contextmanager
def collecting(rotel: str, target: str, folder: Path) -> Iterator[str]:
    ports = []
    for _ in range(2):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            ports.append(int(probe.getsockname()[1]))
    command = [
        rotel, "start", "--pid-file", str(folder / "pid"), "--log-file", str(folder / "log"), "--exporter", "otlp",
        "--otlp-exporter-endpoint", target, "--otlp-exporter-protocol", "http",
        "--otlp-grpc-endpoint", f"127.0.0.1:{ports[0]}", "--otlp-http-endpoint", f"127.0.0.1:{ports[1]}",
    ]  # fmt: skip
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as agent:
        try:
            _wait_for_port(ports[1], agent)
            yield f"http://127.0.0.1:{ports[1]}"
        finally:
            agent.terminate()


def _wait_for_port(port: int, agent: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while agent.poll() is None and time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"rotel did not start (exit code {agent.returncode})")


def send(url: str, line: str) -> None:
    """Send one line of telemetry as an agent does."""
    document = json.loads(line)
    path = "/v1/logs" if "resourceLogs" in document else "/v1/metrics"
    body = ParseDict(document, REQUESTS[path]()).SerializeToString()
    headers = {"content-type": "application/x-protobuf"}
    assert httpx.post(f"{url}{path}", content=body, headers=headers).status_code == 200


def report_result(url: str, skill: str, outcome: str) -> None:
    """What the hook does after a command of a skill: the real program, with the collector's address."""
    payload = {
        "hook_event_name": "PostToolUse", "tool_name": "Bash", "session_id": "demo-0001", "tool_use_id": "toolu_1",
        "tool_response": {"stdout": f"done\nskill-result: {skill} {outcome} because\n"},
    }  # fmt: skip
    hook = catalog_tool.usage.skill_result_hook.__file__
    environment = {"PATH": os.environ["PATH"], "CATALOG_OTLP_ENDPOINT": url}
    done = subprocess.run(
        [sys.executable, hook], input=json.dumps(payload), env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == done.stderr == ""


def test_a_month_and_a_result_pass_through_a_collector(tmp_path: Path, catalog_command: CatalogCommand) -> None:
    rotel = program()
    if rotel is None:
        pytest.skip("NO ROTEL HERE: pip install rotel; no collector stood between an agent and usage")
    asked = demo_activity.write(tmp_path / "demo")
    receiver = Receiver()
    with serving(receiver) as target, collecting(rotel, target, tmp_path) as url:
        for line in (tmp_path / "demo/telemetry.jsonl").read_text(encoding="utf-8").splitlines():
            send(url, line)
        report_result(url, "changelog-updater", "failure")
        receiver.wait_for("skill_activated", 2 * 66)
        receiver.wait_for("skill_result", 2)
        receiver.wait_for("claude_code.cost.usage", 50)
    (tmp_path / "collected.jsonl").write_text("\n".join(receiver.lines) + "\n", encoding="utf-8")
    asked[asked.index("--otlp") + 1] = str(tmp_path / "collected.jsonl")
    direct = catalog_command(*demo_activity.write(tmp_path / "direct"), "--format", "json").json()
    collected = catalog_command(*asked, "--format", "json").json()
    assert collected["sources"][0]["status"] == "ok"
    told = {row["telemetry_name"]: row for row in collected["rows"]}
    for row in direct["rows"]:
        for key in ("activations", "sessions", "triggers", "first_seen", "last_seen", "tokens"):
            assert told[row["telemetry_name"]][key] == row[key], key
        assert told[row["telemetry_name"]]["cost_usd"] == pytest.approx(row["cost_usd"]) or row["cost_usd"] is None
    today = catalog_command(*asked[: asked.index("--now")], "--format", "json").json()  # when the hook reported
    results = {row["telemetry_name"]: row["results"] for row in today["rows"]}
    assert results["changelog-updater"] == {"reported": 1, "failed": 1}
