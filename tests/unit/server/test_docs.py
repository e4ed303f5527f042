"""The manual of the service names what the code has."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import catalog_tool
from catalog_tool.server import process, requests, service, sync_api, write_api
from catalog_tool.server.metrics import _GAUGE_WORDS
from catalog_tool.server.routes import ROUTES
from catalog_tool.server.tokens import SCOPES

PACKAGE = Path(catalog_tool.__file__).parent
PAGE = (PACKAGE / "docs" / "service.md").read_text("utf-8")


def test_every_route_with_its_scope() -> None:
    lines = [line for line in PAGE.splitlines() if line.startswith("| `")]
    for route in ROUTES:
        path = re.sub(r":path\}", "}", route.path)
        shown = "/v1/sync/*" if path.startswith("/v1/sync/") else path
        [line] = [
            line for line in lines if re.search(rf"{re.escape(shown)}[`?]", line) and _is_of(route.method, line, shown)
        ]
        assert line.split("|")[2].strip() == route.need.value, path


def _is_of(method: str, line: str, path: str) -> bool:
    return path.startswith("/v1/sync") or f"{method} {path}" in line


def test_every_scope_metric_and_event_of_the_log() -> None:
    assert re.findall(r"^\| `([a-z]+)` \| ", PAGE.partition("| scope | may |")[2], re.MULTILINE)[: len(SCOPES)] == list(
        SCOPES
    )
    for _, metric, _ in _GAUGE_WORDS.values():
        assert f"`{metric}`" in PAGE
    logged = {
        node.args[0].value
        for path in (PACKAGE / "server").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "log"
        and isinstance(node.args[0], ast.Constant)
    } | {"failed"}  # fmt: skip
    told = PAGE.partition("Events: ")[2].partition(".\n")[0]
    assert set(re.findall(r"`([a-z_]+)`", told)) == logged


def test_every_limit() -> None:
    assert f"{process.HEADER_BYTES // 1024} KiB, 100 of them" in PAGE
    assert f"silence | {process.HEADER_SECONDS} s" in PAGE
    assert f"a body | {requests.BODY_SECONDS:g} s" in PAGE
    assert f"OFREP | {requests.SMALL_BODY_BYTES // 1024} KiB" in PAGE
    assert f"a version | {requests.VERSION_BODY_BYTES // 1024**2} MiB" in PAGE
    assert f"{sync_api.WRITE_BODY_BYTES // 1024**2} MiB, {sync_api.STEPS} steps" in PAGE
    assert f"{requests.LABELS_ASKED} asked, {write_api.LABELS_AT_ONCE} moved" in PAGE
    assert f"{service.LARGEST_STREAMS:,} a worker" in PAGE
    assert f"waits {service.PATIENCE_SECONDS:g} s" in PAGE
    assert f"`--drain` and {process.STOP_SECONDS} seconds" in PAGE
