"""A Prometheus of a test's own: loaded with blocks made from text, on loopback, asked as Grafana asks."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from .promtool import program, run

_PATIENCE_SECONDS = 60


class Loaded(NamedTuple):
    """A running server and the time that it is asked for."""

    url: str
    now: int

    def vector(self, expr: str) -> list[tuple[dict[str, str], float]]:
        """An instant query's labels and values."""
        found = self._ask("query", {"query": expr, "time": self.now})
        return [(item["metric"], float(item["value"][1])) for item in found["result"]]

    def values(self, expr: str, label: str) -> dict[str, float]:
        """An instant query's values by one label; without the label, by the empty text."""
        return {labels.get(label, ""): value for labels, value in self.vector(expr)}

    def matrix(self, expr: str, days: int, step: int) -> list[tuple[dict[str, str], list[float]]]:
        """A range query's labels and values."""
        asked = {"query": expr, "start": self.now - days * 86_400, "end": self.now, "step": step}
        found = self._ask("query_range", asked)
        return [(item["metric"], [float(value) for _, value in item["values"]]) for item in found["result"]]

    def _ask(self, what: str, asked: Mapping[str, Any]) -> Any:
        answer = httpx.post(f"{self.url}/api/v1/{what}", data=asked, timeout=30)
        document = answer.json()
        assert document["status"] == "success", (asked["query"], document)
        assert not document.get("warnings"), document
        return document["data"]


@contextmanager
def loaded(folder: Path, text: str, now: int) -> Iterator[Loaded]:
    """A server that holds ``text`` (OpenMetrics with times, in seconds), asked at ``now``."""
    (folder / "data.om").write_text(text, encoding="utf-8")
    few = "--max-block-duration=1488h"  # blocks of the usual two hours would be hundreds
    run("promtool", "tsdb", "create-blocks-from", "openmetrics", few, str(folder / "data.om"), str(folder / "data"))
    (folder / "empty.yml").write_text("", encoding="utf-8")
    with running(folder / "empty.yml", folder / "data") as url:
        yield Loaded(url, now)


@contextmanager
def running(config: Path, data: Path) -> Iterator[str]:
    """A server with this configuration; its address."""
    prometheus = program("prometheus")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [
        prometheus, f"--config.file={config}", f"--storage.tsdb.path={data}", "--log.level=error",
        "--storage.tsdb.retention.time=100y", f"--web.listen-address=127.0.0.1:{port}",
    ]  # fmt: skip
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as server:
        try:
            _wait_for(f"http://127.0.0.1:{port}", server)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def _wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + _PATIENCE_SECONDS
    while server.poll() is None and time.monotonic() < until:
        try:
            if httpx.get(f"{url}/-/ready", timeout=1).status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.05)
    raise RuntimeError(f"prometheus did not start (exit code {server.returncode})")
