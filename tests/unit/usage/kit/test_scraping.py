"""The kit's Prometheus configuration at work: what a collector exposes comes in under the names that rules ask for."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from catalog_tool.usage.kit.files import kit_files
from catalog_tool.usage.kit.folder import write_kit
from catalog_tool.usage.kit.series import FOLDED

from .prometheus_server import Loaded, running
from .promtool import ENTRIES

EXPOSED = """\
# TYPE claude_code_cost_usage counter
claude_code_cost_usage{skill_name="a",session_id="1",user_email="dev@example.com",job="claude-code"} 2.5
# TYPE claude_code_cost_usage_USD_total counter
claude_code_cost_usage_USD_total{skill_name="a",session_id="2",job="claude-code"} 3
# TYPE claude_code_token_usage_total counter
claude_code_token_usage_total{skill_name="a",session_id="1",type="input",user_account_uuid="x"} 900
# TYPE catalog_skill_calls counter
catalog_skill_calls{skill_name="a",invocation_trigger="user-slash"} 4
# TYPE catalog_skill_results_total counter
catalog_skill_results_total{skill_name="a",skill_outcome="failure"} 1
# TYPE catalog_tool_results_total counter
catalog_tool_results_total{tool_name="Bash",success="true"} 7
"""
PATIENCE_SECONDS = 30


@pytest.fixture
def exporter() -> Iterator[str]:
    """What stands where the collector would."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(EXPOSED.encode())

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_counters_come_in_under_one_name_and_without_people(tmp_path: Path, exporter: str) -> None:
    write_kit(tmp_path, kit_files(ENTRIES, 30), 30, overwrite=False)
    config = tmp_path / "prometheus/prometheus.yml"
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace("collector:8889", exporter).replace("scrape_interval: 1m", "scrape_interval: 1s"))
    with running(config, tmp_path / "data") as url:
        held = scraped(url, {counter for counter, _ in FOLDED.values()})
    assert {name: sum(value for _, value in found) for name, found in held.items()} == {
        "claude_code_cost_usage_USD_total": 5.5, "claude_code_token_usage_tokens_total": 900,
        "catalog_skill_calls_total": 4, "catalog_skill_results_total": 1, "catalog_tool_results_total": 7,
    }  # fmt: skip
    labels = [labels for found in held.values() for labels, _ in found]
    assert not [name for held in labels for name in held if name.startswith("user_")]
    assert {held["session_id"] for held in labels if "session_id" in held} == {"1", "2"}


def scraped(url: str, names: set[str]) -> dict[str, list[tuple[dict[str, str], float]]]:
    """The series of each counter, as soon as all are there."""
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        held = {name: Loaded(url, int(time.time())).vector(name) for name in names}
        if all(held.values()) or time.monotonic() > until:
            return held
        time.sleep(0.1)
