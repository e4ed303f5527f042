"""``catalog watch``: what it asks for, and that a failure to look is never healthy."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from typing import Any
from urllib.parse import parse_qs, urlsplit

import gated
import pytest
from jsonschema import Draft202012Validator
from scratch import COMMAND, Scratch

from catalog_tool.source.schemas import load_schema

SETTINGS = """\
catalog: acme
targets:
  local: {backend: sqlite, path: .catalog/local.db}
labels:
  production: {protected: true, watch: {}}
"""


@pytest.fixture
def catalog(scratch: Scratch) -> Scratch:
    gated.start(scratch)
    scratch.write("catalog.yaml", SETTINGS)
    scratch.write(".gitignore", ".catalog/\n")
    scratch.commit("Watched")
    return scratch


def closed_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


def watched(catalog: Scratch, *more: str, code: int, env: dict[str, str] | None = None) -> dict[str, Any]:
    answer = catalog.run("watch", "local", "--prometheus", closed_port(), *more, "--format", "json", env=env)
    assert answer.code == code, (answer.out, answer.err)
    found: dict[str, Any] = answer.json()
    Draft202012Validator(load_schema("watch-output")).validate(found)
    return found


def test_a_target_that_was_never_synced_is_unknown(catalog: Scratch) -> None:
    found = watched(catalog, code=3)
    assert (found["status"], found["labels"][0]["status"]) == ("unknown", "unknown")


def test_right_after_a_move_nothing_is_said(catalog: Scratch) -> None:
    assert catalog.run("sync", "local").code == 0
    found = watched(catalog, "--act", code=0)
    assert (found["status"], found["labels"][0]["message"]) == ("waiting", "the label moved a moment ago")


def test_a_prometheus_that_does_not_answer_is_unknown_and_moves_nothing(catalog: Scratch) -> None:
    assert catalog.run("sync", "local").code == 0
    found = watched(catalog, "--act", code=3, env={"SOURCE_DATE_EPOCH": "4000000000"})
    (label,) = found["labels"]
    assert (label["status"], label["rollback"]) == ("unknown", None)
    assert catalog.run("drift", "local").code == 0


@contextmanager
def prometheus_with(unpriced: int) -> Iterator[str]:
    """One that saw 100 calls of every version at a dollar each, ``unpriced`` more than it has prices of."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query)["query"][0]
            value = unpriced if "unpriced" in query else 1 if "cost_usd" in query else 100
            result = [{"metric": {}, "value": [0, str(value)]}]
            body = json.dumps({"status": "success", "data": {"resultType": "vector", "result": result}}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("rules", "unpriced", "status", "code"),
    [
        ("cost: {max: 0.5}", 0, "breach", 1),
        ("cost: {max: 0.5}", 3, "unknown", 3),
        ("cost: {max: 2}", 3, "unknown", 3),
        ("cost: {max: 2}", 0, "healthy", 0),
        ("{cost: {max: 2}, latency: {max: 1}}", 3, "breach", 1),  # latency is 100 s there, and known
    ],
)
def test_a_cost_that_is_not_known_is_neither_fine_nor_a_breach(
    catalog: Scratch, rules: str, unpriced: int, status: str, code: int
) -> None:
    wanted = rules if rules.startswith("{") else f"{{{rules}}}"
    catalog.write("catalog.yaml", SETTINGS.replace("watch: {}", f"watch: {{rules: {wanted}}}"))
    catalog.commit("Cost")
    assert catalog.run("sync", "local").code == 0
    later = {"SOURCE_DATE_EPOCH": "4000000000"}
    with prometheus_with(unpriced) as url:
        answer = catalog.run("watch", "local", "--prometheus", url, "--format", "json", env=later)
        text = catalog.run("watch", "local", "--prometheus", url, env=later).out
    found = answer.json()
    Draft202012Validator(load_schema("watch-output")).validate(found)
    (label,) = found["labels"]
    assert (answer.code, label["status"], label["rollback"]) == (code, status, None), label
    if unpriced:
        assert "cost is unknown: the price of 3 of 100 calls of v2-" in text
        assert "unknown" in {check["outcome"] for check in label["checks"]}


def test_what_is_wrong_with_the_call(catalog: Scratch) -> None:
    url = ("--prometheus", closed_port())
    for arguments, said in (
        (("local",), "CATALOG_PROMETHEUS_URL"),
        (("local", "--prometheus", "ftp://x"), "http://"),
        (("local", "--prometheus", "http://u:p@x"), "no credentials in the address"),
        (("local", *url, "--once", "--interval", "60s"), "cannot both"),
        (("local", *url, "--interval", "soon"), "60s"),
        (("local", *url, "--label", "staging"), "no label of these is watched"),
        (("local", "nosuch", *url), "there is no prompt or skill 'nosuch'"),
        (("nosuch", *url), "there is no target 'nosuch'"),
    ):
        answer = catalog.run("watch", *arguments)
        assert (answer.code, said in answer.err) == (2, True), (arguments, answer)
        assert "u:p" not in answer.err
    catalog.write("catalog.yaml", SETTINGS.replace("watch: {}", "watch: {rules: {nosuch: {max: 1}}}"))
    catalog.commit("A rule without a query")
    answer = catalog.run("watch", "local", *url)
    assert (answer.code, "`query` is missing" in answer.err) == (2, True)


def test_an_unknown_key_is_found_by_validate(catalog: Scratch) -> None:
    catalog.write("catalog.yaml", SETTINGS.replace("watch: {}", "watch: {windw: 10m}"))
    answer = catalog.run("validate")
    assert (answer.code, "windw" in answer.out) == (1, True)


@pytest.mark.parametrize(
    ("watch", "said"),
    [
        ("{rules: {latency: {max: 300}}}", "`max` must be less than 128, not 300"),
        ("{rules: {error_rate: {max_increase: 5}}}", "`max_increase` must be less than 1, not 5"),
        ("{runbook: 'https://wiki/{{ $labels.nope'}", "no {{ but that of {{ $labels.NAME }}"),
    ],
)
def test_what_could_never_be_broken_or_read_is_found_by_validate(catalog: Scratch, watch: str, said: str) -> None:
    catalog.write("catalog.yaml", SETTINGS.replace("watch: {}", f"watch: {watch}"))
    answer = catalog.run("validate", "--format", "json")
    (finding,) = [one for one in answer.json()["findings"] if one["severity"] == "error"]
    assert (answer.code, said in finding["message"]) == (1, True), finding
    assert (finding["path"], finding["line"]) == ("catalog.yaml", 5)
    catalog.commit("Not fit")
    for command in (("alerts",), ("watch", "local", "--prometheus", closed_port())):
        assert catalog.run(*command).code == 2


@pytest.mark.parametrize(
    ("path", "broken", "said", "form"),
    [
        ("catalog.yaml", "catalog: [", "catalog.yaml", "json"),
        ("prompts/registry.yaml", "{}\n", "no label of these is watched", "text"),
    ],
)
def test_a_round_that_cannot_read_git_is_told_and_the_next_one_looks_again(
    catalog: Scratch, path: str, broken: str, said: str, form: str
) -> None:
    assert catalog.run("sync", "local").code == 0
    still = {"SOURCE_DATE_EPOCH": str(int(time.time()))}  # however slow the machine is, the label moved a moment ago
    arguments = ["watch", "local", "--prometheus", closed_port(), "--interval", "1s", "--format", form]
    with subprocess.Popen(
        [*COMMAND, *arguments], cwd=catalog.root, env={**catalog.command.environment, **still},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as running:  # fmt: skip
        assert running.stdout is not None
        try:
            lines = islice(iter(running.stdout.readline, ""), 30)
            assert any("moved a moment ago" in line for line in lines)
            whole = (catalog.root / path).read_text()
            catalog.write(path, broken)
            catalog.commit("Broken")
            told = next((line for line in lines if said in line), "")
            catalog.write(path, whole)
            catalog.commit("Whole again")
            again = any("moved a moment ago" in line for line in lines)
        finally:
            running.send_signal(signal.SIGTERM)
        assert (told != "", again, running.wait(timeout=60)) == (True, True, 130)
    if form == "json":
        found = json.loads(told)
        Draft202012Validator(load_schema("watch-output")).validate(found)
        assert (found["status"], found["labels"], said in found["message"]) == ("unknown", [], True)


def test_a_first_round_that_is_wrong_ends_it(catalog: Scratch) -> None:
    arguments = ("local", "--prometheus", closed_port(), "--label", "nosuch", "--interval", "1s")
    answer = catalog.run("watch", *arguments)
    assert (answer.code, "no label of these is watched" in answer.err) == (2, True)
