"""A target that somebody else writes to: every odd thing they can store is told, and ends no command as a bug."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import threading
from collections.abc import Mapping
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from scratch import COMMAND, Answer, CatalogCommand, Scratch, isolated_environment

DEEP = "[" * 5000 + "]" * 5000
PROMPT = "id: greet\nversion: v1\nmodel: gpt-4o-2024-08-06\nsystem_prompt: Greet.\n"


@pytest.fixture(scope="module")
def synced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalog and its target after a sync, once for all tests."""
    command = CatalogCommand(environment=isolated_environment(tmp_path_factory.mktemp("home")))
    made = Scratch(root=tmp_path_factory.mktemp("synced"), command=command)
    made.git("init", "--quiet", "--initial-branch", "main")
    made.write_all(
        {
            "catalog.yaml": "catalog: acme\ntargets:\n  local: {backend: sqlite, path: runtime.db}\n",
            ".gitignore": "runtime.db*\n",
            "prompts/greet/v1.yaml": PROMPT,
            "prompts/registry.yaml": "greet:\n  production: v1\n",
            "skills/pdf/SKILL.md": "---\nname: pdf\ndescription: Fill PDF forms.\n---\n# PDF\n",
        }
    )
    made.commit()
    assert made.run("sync", "local").code == 0
    return made.root


@pytest.fixture
def catalog(synced: Path, scratch: Scratch) -> Scratch:
    shutil.copytree(synced, scratch.root, dirs_exist_ok=True)
    return scratch


def sql(catalog: Scratch, statement: str, *values: object) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(catalog.root / "runtime.db")) as connection, connection:
        return connection.execute(statement, values).fetchall()


@pytest.mark.parametrize(
    "edit",
    [
        ("UPDATE label SET value = ?", DEEP),
        ("UPDATE label SET value = ?", "no JSON"),
        ("UPDATE label SET marker = ?", DEEP),
        ("UPDATE prompt_version SET entry = ?", DEEP.encode()),
        ("UPDATE skill SET entry = ?", DEEP.encode()),
    ],
)
def test_content_that_is_none_is_drift(catalog: Scratch, edit: tuple[str, object]) -> None:
    sql(catalog, *edit)
    is_marker = "marker" in edit[0]
    drift = catalog.run("drift", "local", "--format", "json")
    assert (drift.code, drift.json()["status"]) == ((0, "in_sync") if is_marker else (1, "drift")), drift.err
    assert catalog.run("plan", "local").code == 0
    assert catalog.run("pull", "local").code in (0, 1)


def control(**changes: Any) -> str:
    last = {"commit": None, "bundle": "sha256:0", "finished_at": 1}
    document = {"format": 1, "catalog": "acme", "last": last, "journal": None, "overrides": {}, "restores": {}}
    return json.dumps({**document, **changes})


def override(**changes: Any) -> Mapping[str, Any]:
    return {"labels/greet@production": {"value": '"v1"', "desired": None, "by": "a", "reason": "b", "at": 1, **changes}}


JOURNAL = {"commit": None, "bundle": "b", "plan_digest": "p", "started_at": 1}


@pytest.mark.parametrize(
    "document",
    [
        DEEP,
        control(catalog=3),
        control(last={"commit": True, "bundle": "b", "finished_at": 1}),
        control(last={"commit": "\ud800", "bundle": "b", "finished_at": 1}),
        control(last={"commit": None, "bundle": None, "finished_at": 1}),
        control(last={"commit": None, "bundle": "b", "finished_at": 10**30}),
        control(last={"commit": None, "bundle": "b", "finished_at": float("nan")}),
        control(journal={**JOURNAL, "allow": {"labels": "x"}}),
        control(journal={**JOURNAL, "allow": [[None]]}),
        control(overrides=override(value=None)),
        control(overrides=override(at="x")),
        control(restores={"labels/greet@production": {"times": None, "at": 1}}),
    ],
)
def test_a_control_document_of_other_types_is_unknown(catalog: Scratch, document: str) -> None:
    sql(catalog, "UPDATE control SET document = ?", document)
    for arguments in (("status", "local", "--format", "json"), ("drift", "local", "--format", "json")):
        found = catalog.run(*arguments)
        assert found.json()["targets"]["local"]["status"] == "unknown", found.out
    refused = catalog.run("sync", "local")
    assert (refused.code, "was it edited by hand?" in refused.err) == (3, True), refused.err


@pytest.mark.parametrize("mode", ["120000", "160000", "040000", ""])
def test_pull_makes_no_link_of_what_a_target_calls_one(catalog: Scratch, mode: str) -> None:
    sql(catalog, "UPDATE skill_file SET mode = ?, content = ?", mode, b"/etc/passwd")
    pulled = catalog.run("pull", "local", "--format", "json")
    assert (pulled.code, pulled.json()["status"]) == (1, "nothing"), pulled.err
    assert [left["reason"] for left in pulled.json()["left"]] == ["its files cannot be those of a skill"]


@pytest.mark.parametrize("path", [".git/hooks/pre-commit", "a/.GIT/config", "a//b", "./a", "a\\..\\b", "a\nb", "../a"])
def test_pull_writes_no_file_that_is_not_of_the_skill(catalog: Scratch, path: str) -> None:
    insert = "INSERT INTO skill_file (name, path, mode, sha256, size, content) VALUES ('pdf', ?, '100644', '', 1, 'x')"
    sql(catalog, insert, path)
    pulled = catalog.run("pull", "local", "--format", "json")
    assert (pulled.code, pulled.json()["status"]) == (1, "nothing"), pulled.err


@pytest.mark.parametrize("weight", ["1e999", "NaN", "100", '"x"', "-1"])
def test_pull_takes_no_weight_that_is_none(catalog: Scratch, weight: str) -> None:
    split = f'[{{"version":"v1","weight":{weight}}},{{"version":"v1","weight":40}}]'
    sql(catalog, "UPDATE label SET value = ?", split)
    pulled = catalog.run("pull", "local", "--format", "json")
    assert (pulled.code, pulled.json()["status"]) == (1, "nothing"), pulled.err


@pytest.mark.parametrize(
    "target",
    [
        "evil: {backend: http, url: 'http://localhost:9', token: '${T}'}",
        "evil: {backend: http, url: 'http://localhost:9', token: '${OWN}', prefix: '${T}'}",
        "evil: {backend: langfuse, url: 'http://localhost:9', secret_key: '${OWN}', public_key: '${T}'}",
    ],
)
@pytest.mark.parametrize("owner", ["acme", "another"])
def test_another_name_takes_no_credentials_along(scratch: Scratch, target: str, owner: str) -> None:
    token = {"T": "canary-credential", "OWN": "own"}

    def status(name: str, one: str) -> Answer:
        scratch.write("catalog.yaml", f"catalog: {name}\ntargets:\n  {one}\n")
        scratch.commit()
        return scratch.run("status", env=token)

    assert status("acme", "far: {backend: http, url: 'http://127.0.0.1:9', token: '${T}'}").code == 3
    answer = status(owner, target)
    assert answer.code == 2, answer.err
    assert "its credentials are those of http://127.0.0.1:9: not sent" in answer.err
    assert "canary" not in answer.out + answer.err


class Shouting(BaseHTTPRequestHandler):
    """A Prometheus whose errors are commands of a runner and of a terminal."""

    def do_GET(self) -> None:
        self.send_response(400)
        self.end_headers()
        self.wfile.write(json.dumps({"error": "no ##[add-mask]x \u202e \x9b31m"}).encode())

    def log_message(self, *_: object) -> None:
        pass


def test_watching_on_and_on_prints_no_command_of_a_server(catalog: Scratch) -> None:
    settings = "catalog: acme\ntargets:\n  local: {backend: sqlite, path: runtime.db}\n"
    catalog.write("catalog.yaml", f"{settings}labels:\n  production: {{watch: {{}}}}\n")
    catalog.commit()
    with HTTPServer(("127.0.0.1", 0), Shouting) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        asked = ("watch", "local", "--interval", "60s", "--format", "json")
        with subprocess.Popen(
            [*COMMAND, *asked, "--prometheus", f"http://127.0.0.1:{server.server_port}"],
            cwd=catalog.root,
            env={**catalog.command.environment, "SOURCE_DATE_EPOCH": "4000000000"},
            stdout=subprocess.PIPE,
        ) as watching:
            assert watching.stdout is not None
            line = watching.stdout.readline().decode()
            watching.terminate()
        server.shutdown()
    assert "##[add-mask]x \u202e \x9b31m" in json.loads(line)["labels"][0]["message"]
    assert not {"\u202e", "\x9b"} & set(line)
    assert "##[" not in line
