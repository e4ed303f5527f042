"""An MLflow server of the tests' own: the one installed beside this Python, on loopback, gone at the end.

Its database is a file in memory where there is room: a registry that syncs to a disk at every write
would make each test ten times slower and show nothing about us.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import httpx

PACKAGE = "mlflow (pip install --group platforms), or name its program as CATALOG_MLFLOW"
_START_SECONDS = 180
_ROOM = 1024**3


@dataclass(slots=True)
class MlflowServer:
    """A running server: its address, its SQLite file, and whether it has a skill registry (3.18)."""

    url: str
    database: Path
    has_skills: bool
    _numbers: Iterator[int] = field(default_factory=count)

    def new_prefix(self) -> str:
        """A part of the registry of one test's own."""
        return f"test-{next(self._numbers)}/"


def program() -> Path | None:
    """The ``mlflow`` that ``CATALOG_MLFLOW`` names, else that of this environment, or None."""
    found = Path(os.environ.get("CATALOG_MLFLOW") or Path(sys.executable).with_name("mlflow"))
    return found if found.exists() else None


@contextlib.contextmanager
def running(found: Path) -> Iterator[MlflowServer]:
    """A server with one worker and an empty registry."""
    folder = Path(tempfile.mkdtemp(prefix="catalog-mlflow-", dir=_parent()))
    port = _free_port()
    database = folder / "registry.db"
    command = [
        str(found), "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
        "--backend-store-uri", f"sqlite:///{database}",
        "--artifacts-destination", str(folder / "artifacts"), "--serve-artifacts",
    ]  # fmt: skip
    kept = {key: value for key, value in os.environ.items() if not key.startswith("MLFLOW_")}
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=kept | quiet, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True,
        )  # fmt: skip
    try:
        url = f"http://127.0.0.1:{port}"
        _wait(url, process, folder / "log")
        skills = httpx.get(f"{url}/api/3.0/mlflow/skills", trust_env=False)
        yield MlflowServer(url, database, skills.status_code == httpx.codes.OK)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(f"{url}/health", timeout=2, trust_env=False).status_code == httpx.codes.OK:
                return
        time.sleep(0.2)
    raise RuntimeError(f"mlflow did not start: {log.read_text('utf-8', 'replace')[-2000:]}")


def _parent() -> Path:
    shared = Path("/dev/shm")
    roomy = os.access(shared, os.W_OK) and shutil.disk_usage(shared).free > _ROOM
    return shared if roomy else Path(tempfile.gettempdir())


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
