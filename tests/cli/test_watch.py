"""``catalog watch``: what it asks for, and that a failure to look is never healthy."""

from __future__ import annotations

import socket
from typing import Any

import gated
import pytest
from jsonschema import Draft202012Validator
from scratch import Scratch

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
