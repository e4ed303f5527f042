"""The client beside real SDKs and a real web server, offline, each in a process of its own.

They are looked for in this interpreter's environment and in that of ``CATALOG_SDK_PYTHON``.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from served_prompts import Service, entry, serving, until

from catalog_tool import semconv

SCRIPTS = Path(__file__).parent / "sdk_scripts"
NAME = "billing/refund"


@cache
def python_with(package: str) -> str | None:
    for python in (sys.executable, os.environ.get("CATALOG_SDK_PYTHON")):
        code = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({package!r}) is None)"
        if python and subprocess.run([python, "-c", code], check=False).returncode == 0:
            return python
    return None


def needed(package: str) -> str:
    python = python_with(package)
    if python is None:
        pytest.skip(
            f"{package} IS NOT INSTALLED, SO THIS IS NOT TESTED: name an interpreter with it as CATALOG_SDK_PYTHON"
        )
    return python


def environment(**more: str) -> dict[str, str]:
    tests = SCRIPTS.parents[1]
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    return {**kept, "PYTHONPATH": os.pathsep.join((str(tests.parent), str(tests))), "DO_NOT_TRACK": "1", **more}


def said(package: str, script: str, folder: Path) -> dict[str, Any]:
    done = subprocess.run(
        [needed(package), str(SCRIPTS / script)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
        env=environment(),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    found: dict[str, Any] = json.loads(lines[-1])
    return found


def test_langfuse(tmp_path: Path) -> None:
    found = said("langfuse", "link_langfuse.py", tmp_path)
    attributes = found["attributes"]
    assert attributes["langfuse.observation.prompt.name"] == NAME
    assert attributes["langfuse.observation.prompt.version"] == 12
    assert attributes["langfuse.observation.type"] == "generation"
    assert attributes[f"langfuse.observation.metadata.{semconv.PROMPT_VERSION_ID}"] == found["version_id"]


def test_mlflow(tmp_path: Path) -> None:
    found = said("mlflow", "link_mlflow.py", tmp_path)
    linked = [(one["name"], one["version"]) for one in json.loads(found["tags"]["mlflow.linkedPrompts"])]
    assert linked == [(NAME, "12"), ("own", "1"), ("billing/summary", "12")], "once each, and MLflow's own among them"
    assert found["tags"][semconv.PROMPT_VERSION_ID].split(",") == [found["version_id"], found["other_id"]]
    assert found["attributes"][semconv.PROMPT_NAME] == NAME
    assert found["attributes"]["variables"] == {"name": "Ann"}


def test_opik(tmp_path: Path) -> None:
    found = said("opik", "link_opik.py", tmp_path)
    for kind in ("span", "trace"):
        assert found[kind][semconv.PROMPT_VERSION_ID] == found["version_id"]
    assert found["tags"] == [found["version_id"]]


def test_langchain(tmp_path: Path) -> None:
    found = said("langchain_core", "link_langchain.py", tmp_path)
    assert len(found["runs"]) == 3, "the sequence and both steps"
    for run in found["runs"]:
        assert run["metadata"][semconv.PROMPT_VERSION_ID] == found["version_id"]
        assert found["version_id"] in run["tags"]


@pytest.fixture
def service() -> Iterator[Service]:
    with serving() as found:
        found.catalog.publish("support_agent", "v1", entry())
        found.catalog.publish("support_agent", "v2", entry("Two {{name}}", "v2"))
        found.catalog.move("support_agent", "production", "v1")
        yield found


def test_gunicorn_with_preload_refreshes_in_every_worker(service: Service) -> None:
    """Four workers that were forked with the client in hand each follow a label move (fault 4)."""
    python = needed("gunicorn")
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        port = chosen.getsockname()[1]
    server = subprocess.Popen(
        [
            python,
            "-m",
            "gunicorn",
            "--preload",
            "--workers",
            "4",
            "--bind",
            f"127.0.0.1:{port}",
            "--chdir",
            str(SCRIPTS),
            "--graceful-timeout",
            "2",
            "gunicorn_app:app",
        ],
        env=environment(CATALOG_TEST_SOURCE=service.url),
        stderr=subprocess.PIPE,
    )

    def asked() -> dict[str, Any] | None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=2) as answer:
                found: dict[str, Any] = json.load(answer)
                return found
        except OSError:
            return None

    def workers() -> dict[int, dict[str, Any]]:
        found = [asked() for _ in range(40)]
        return {one["pid"]: one for one in found if one is not None}

    try:
        assert until(lambda: asked() is not None, 30)
        assert until(lambda: len(workers()) == 4, 20)
        service.catalog.move("support_agent", "production", "v2")
        assert until(lambda: {one["version"] for one in workers().values()} == {"v2"}, 10)
        last = workers()
        assert all(one["forks"] == 1 and one["fetches"] > 1 for one in last.values()), last
    finally:
        server.send_signal(signal.SIGTERM)
        _, errors = server.communicate(timeout=15)
    assert b"Traceback" not in errors, errors.decode()
