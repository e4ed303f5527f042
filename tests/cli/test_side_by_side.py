"""Several targets are looked at at once, told in their order, and left at once when a signal comes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from contextlib import ExitStack
from pathlib import Path

import pytest
from scratch import COMMAND, Scratch

PROMPT = "id: greet\nversion: v1\nmodel: m\nsystem_prompt: Hello.\n"
NAMES = ("beta", "alpha", "delta", "gamma")
MODULE = """
from threading import Barrier, Lock

from catalog_tool.backends.sqlite import connect as connect_sqlite

EACH_OTHER = Barrier({together})
HERE, LOCK = set(), Lock()


class Patient:
    def __init__(self, name, store):
        self._name = name
        self._store = store

    def __getattr__(self, name):
        return getattr(self._store, name)

    def load(self):
        with LOCK:
            HERE.add(self._name)
            if len(HERE) > 8:
                raise RuntimeError("too many at once")
        EACH_OTHER.wait(timeout=30)
        try:
            return self._store.load()
        finally:
            HERE.discard(self._name)


def connect(options):
    return Patient(options["path"], connect_sqlite(options))
"""


WATCHING = """
import json
import os

from catalog_tool.backends.sqlite import connect as connect_sqlite


def connect(options):
    with open(os.environ["CATALOG_CACHE_DIR"] + "/target-places.json") as file:
        if len(json.load(file)["targets"]) != 16:
            raise RuntimeError("one is opened before it is known where the others' credentials may go")
    return connect_sqlite({"path": "runtime.db"})
"""


def make(catalog: Scratch, targets: dict[str, str]) -> None:
    lines = "".join(f"  {name}: {{{settings}}}\n" for name, settings in targets.items())
    catalog.write_all({
        "catalog.yaml": f"catalog: acme\ntargets:\n{lines}", ".gitignore": "*.db*\n", "prompts/greet/v1.yaml": PROMPT,
    })  # fmt: skip
    catalog.commit()


def package(folder: Path, text: str) -> dict[str, str]:
    """A package that brings a backend of its own, ``patient``; the environment that knows it."""
    info = folder / "patient_catalog-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: patient-catalog\nVersion: 1\n", "utf-8")
    (info / "entry_points.txt").write_text("[catalog_tool.backends]\npatient = patient_catalog:connect\n", "utf-8")
    (folder / "patient_catalog.py").write_text(text, "utf-8")
    return {"PYTHONPATH": str(folder)}


def waiting_for_each_other(catalog: Scratch, folder: Path, names: tuple[str, ...], together: int) -> dict[str, str]:
    """Targets that answer only when so many are asked at the same time; the environment that knows them."""
    make(catalog, {name: f"backend: sqlite, path: {name}.db" for name in names})
    for name in names:
        assert catalog.run("sync", name).code == 0
    make(catalog, {name: f"backend: patient, path: {name}.db" for name in names})
    return package(folder, MODULE.format(together=together))


@pytest.mark.parametrize(("command", "status"), [("status", "ok"), ("drift", "in_sync")])
def test_none_waits_for_another_and_all_are_told_in_their_order(
    scratch: Scratch, tmp_path: Path, command: str, status: str
) -> None:
    environment = waiting_for_each_other(scratch, tmp_path / "site", NAMES, len(NAMES))
    found = scratch.run(command, "--format", "json", env=environment)
    assert (found.code, found.err) == (0, "")
    targets = found.json()["targets"]
    assert [(name, told["status"]) for name, told in targets.items()] == [(name, status) for name in sorted(NAMES)]
    asked = scratch.run(command, *NAMES, "--format", "json", env=environment)
    assert list(asked.json()["targets"]) == list(NAMES)


def test_no_more_than_eight_at_once(scratch: Scratch, tmp_path: Path) -> None:
    names = tuple(f"t{number:02}" for number in range(16))
    environment = waiting_for_each_other(scratch, tmp_path / "site", names, 8)
    found = scratch.run("status", "--format", "json", env=environment)
    assert found.code == 0
    assert {told["message"] for told in found.json()["targets"].values()} == {None}


def silent_servers(catalog: Scratch, stack: ExitStack) -> list[socket.socket]:
    """Three targets whose servers take connections and say nothing."""
    servers = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(3)]
    ports = [server.getsockname()[1] for server in servers]
    make(catalog, {f"t{port}": f"backend: http, url: 'http://127.0.0.1:{port}'" for port in ports})
    return servers


def test_somebody_who_waits_at_a_terminal_sees_for_what(scratch: Scratch) -> None:
    environment = {name: value for name, value in scratch.command.environment.items() if name != "CI"}
    said = b""
    with ExitStack() as stack:
        silent_servers(scratch, stack)
        ours, its = os.openpty()
        stack.callback(os.close, ours)
        process = stack.enter_context(subprocess.Popen(
            [*COMMAND, "status"], cwd=scratch.root, env=environment | {"TERM": "xterm"},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=its,
        ))  # fmt: skip
        os.close(its)
        stack.callback(process.kill)
        while b"looking at targets: 0 of 3" not in said:
            said += os.read(ours, 4096)  # raises where the command ended and never said it


def test_a_signal_leaves_those_that_hang(scratch: Scratch) -> None:
    with ExitStack() as stack:
        servers = silent_servers(scratch, stack)
        process = stack.enter_context(subprocess.Popen(
            [*COMMAND, "status"], cwd=scratch.root, env=dict(scratch.command.environment),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        ))  # fmt: skip
        stack.callback(process.kill)
        for server in servers:
            server.settimeout(30)
            stack.enter_context(server.accept()[0])
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=5)
    assert (process.returncode, out) == (130, "")
    assert "Traceback" not in err


def test_the_first_of_two_with_the_same_credentials_decides_where_they_may_go(scratch: Scratch) -> None:
    ports = range(1, 9)
    service = "backend: http, url: 'http://127.0.0.1:{port}', token: '${{TOKEN}}'"
    make(scratch, {f"t{port}": service.format(port=port) for port in ports})
    targets = scratch.run("status", "--format", "json", env={"TOKEN": "secret"}).json()["targets"]
    refused = {name for name, told in targets.items() if "not sent" in told["message"]}
    assert refused == {f"t{port}" for port in ports} - {"t1"}


def test_where_credentials_may_go_is_known_before_any_target_is_opened(scratch: Scratch, tmp_path: Path) -> None:
    service = "backend: patient, url: 'http://127.0.0.1:{port}', token: '${{TOKEN_{port}}}'"
    make(scratch, {f"t{port}": service.format(port=port) for port in range(16)})
    environment = package(tmp_path / "site", WATCHING) | {f"TOKEN_{port}": f"secret {port}" for port in range(16)}
    targets = scratch.run("status", "--format", "json", env=environment).json()["targets"]
    assert {told["message"] for told in targets.values()} == {None}


def test_a_name_that_is_none_is_the_whole_answer(scratch: Scratch) -> None:
    make(scratch, {"local": "backend: sqlite, path: runtime.db"})
    found = scratch.run("status", "local", "lokal")
    assert (found.code, found.out) == (2, "")
    assert "did you mean local?" in found.err
