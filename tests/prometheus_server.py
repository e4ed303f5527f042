"""A Prometheus of the tests' own, on loopback, over samples that a test made up: loaded as blocks, no scraping."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

PACKAGE = "prometheus (Debian, Ubuntu: apt-get install prometheus)"


class Series(NamedTuple):
    """One series: a metric with labels and its samples, (seconds since the epoch, value)."""

    metric: str
    labels: Mapping[str, str]
    samples: Iterable[tuple[int, float]]


def missing() -> str | None:
    """What to install, or None."""
    return None if shutil.which("prometheus") and shutil.which("promtool") else PACKAGE


@contextmanager
def running(series: Iterable[Series]) -> Iterator[str]:
    """The address of a server that holds these samples."""
    folder = Path(tempfile.mkdtemp(prefix="catalog-prometheus-"))
    try:
        (folder / "samples").write_text(open_metrics(series), encoding="utf-8")
        (folder / "prometheus.yml").write_text("global: {}\n", encoding="utf-8")
        subprocess.run(
            ["promtool", "tsdb", "create-blocks-from", "openmetrics", folder / "samples", folder / "data"],
            check=True, capture_output=True, timeout=60,
        )  # fmt: skip
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        command = [
            "prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
            "--storage.tsdb.retention.time=100y", f"--web.listen-address=127.0.0.1:{port}", "--log.level=error",
        ]  # fmt: skip
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            _await(f"http://127.0.0.1:{port}/-/ready", server)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.kill()
            server.wait(timeout=30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def open_metrics(series: Iterable[Series]) -> str:
    """The samples in OpenMetrics' text form."""
    lines = []
    for metric, labels, samples in sorted(series, key=lambda each: each.metric):
        inside = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items())
        lines += [f"{metric}{{{inside}}} {value} {at}" for at, value in samples]
    return "\n".join([*lines, "# EOF", ""])


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')


def _await(url: str, server: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        assert server.poll() is None, "prometheus ended"
        with contextlib.suppress(urllib.error.URLError, ConnectionError):
            if urllib.request.urlopen(url, timeout=5).status == 200:
                return
        time.sleep(0.05)
    raise AssertionError("prometheus never became ready")
