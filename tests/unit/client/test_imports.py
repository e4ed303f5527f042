"""Importing the client is light: an application pays for what it uses, when it uses it."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest
from client_trials import SOAK

FORBIDDEN = ("click", "git", "jsonschema", "deepdiff", "rich", "yaml", "httpx")
LATE = ("json", "hashlib", "http.client", "ssl", "sqlite3", "asyncio", "logging", "opentelemetry", "prometheus_client")


def loaded(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; {code}; print('\\n'.join(sys.modules))"],
        capture_output=True,
        text=True,
        check=True,
        env=environment(),
    )
    return set(done.stdout.split())


def environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return kept | {"PYTHONPATH": os.pathsep.join(sys.path)}


def test_nothing_heavy_is_loaded() -> None:
    found = loaded("import catalog_tool.client")
    assert "catalog_tool.client.client" in found
    assert found.isdisjoint(FORBIDDEN)
    assert found.isdisjoint(LATE)


@pytest.mark.parametrize(
    "address", ["file:///nowhere", "sqlite:////nowhere", "http://127.0.0.1:1", "redis://127.0.0.1:1"]
)
def test_nor_is_it_by_a_get(address: str) -> None:
    code = (
        "from catalog_tool.client import PromptClient;"
        f"PromptClient({address!r}, cache_dir=False, timeout_seconds=0.2).get('a', fallback='Hi').render()"
    )
    assert loaded(code).isdisjoint(FORBIDDEN)


def test_the_import_costs_little() -> None:
    """At most three times ``python -c pass``; medians of interleaved runs."""
    costs: dict[str, list[float]] = {"pass": [], "import catalog_tool.client": []}
    for _ in range(31 if SOAK else 15):
        for code, found in costs.items():
            started = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True, env=environment())
            found.append(time.perf_counter() - started)
    floor, measured = (sorted(found)[len(found) // 2] for found in costs.values())
    print(f"import: {measured * 1000:.1f} ms, pass: {floor * 1000:.1f} ms, {measured / floor:.2f} x")
    assert measured < floor * (3 if SOAK else 4)
