"""Evidence on a target: ``eval --store`` keeps it, and every place that asks a gate judges by it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

import gated
import pytest
from model_server import ModelServer, Said, Seen
from scratch import Scratch

from catalog_tool.gate.records import read_evidence

TARGETS = """\
targets:
  local: {backend: sqlite, path: .catalog/local.db}
  folder: {backend: file, path: .catalog/folder}
  remote: {backend: mlflow, url: "http://127.0.0.1:9"}
"""
GATE = "{baseline: optional, pass_rate: {min: 0.5}, min_cases: 2}"
TESTS = "".join(f"  - {{name: c{number}, vars: {{}}, critical: true}}\n" for number in range(10))
MOVED = gated.LABELS.replace("production: v2", "production: v3")


@pytest.fixture
def catalog(scratch: Scratch) -> Scratch:
    """A gated catalog on two targets, without any evidence in git."""
    gated.start(scratch, GATE)
    scratch.write("catalog.yaml", TARGETS + gated.SETTINGS.format(gate=GATE))
    expect = "expect: [{type: contains, value: fine}]\ncases:\n"
    scratch.write(f"prompts/{gated.ID}/tests/a.yaml", expect + TESTS)
    scratch.write(".gitignore", ".catalog/\n")
    scratch.commit("Targets")
    for name in ("local", "folder"):
        assert scratch.run("sync", name).code == 0
    return scratch


def fine(_: Seen) -> Said:
    return Said(text="All is fine.")


def store(scratch: Scratch, version: str, *targets: str, reply: Any = fine) -> list[str]:
    """Evaluate a version, its evidence kept on targets; where it is."""
    found: list[str] = []
    for target in targets:
        with ModelServer(reply) as server:
            asked = ("eval", f"{gated.ID}@{version}", "--endpoint", server.url, "--model", "m", "--format", "json")
            found += scratch.run(*asked, "--store", target).json()["evidence"]
    return found


def gate(scratch: Scratch, *more: str) -> tuple[int, str]:
    answer = scratch.run("gate", gated.ID, "v3", "--label", "production", *more)
    return answer.code, answer.out + answer.err


@pytest.mark.parametrize("target", ["local", "folder"])
def test_a_label_moves_by_evidence_that_only_the_target_has(catalog: Scratch, target: str) -> None:
    (place,) = store(catalog, "v3", target)
    assert place.startswith(f"{target}:{gated.ID}/evidence/")
    assert catalog.git("status", "--porcelain") == ""
    assert gate(catalog)[0] == 3
    assert gate(catalog, "--evidence-from", target)[0] == 0
    refused = catalog.run("promote", gated.ID, "v3", "--label", "production")
    assert (refused.code, "there is no evidence" in refused.out) == (3, True)
    assert catalog.run("promote", gated.ID, "v3", "--label", "production", "--evidence-from", target).code == 0
    since = ("--since", "HEAD")
    assert [found["code"] for found in catalog.run("validate", *since, "--format", "json").json()["findings"]].count(
        "C322"
    ) == 1
    again = catalog.run("validate", *since, "--evidence-from", target, "--format", "json").json()
    assert "C322" not in [found["code"] for found in again["findings"]]
    catalog.commit("Promote v3")
    codes = [catalog.run("validate", *more).code for more in ((), ("--evidence-from", target), ())]
    assert codes == [1, 0, 1], "what a target has is not remembered as what git has"
    synced = catalog.run("sync", target, "--format", "json").json()
    assert (synced["status"], synced["summary"]["label"]) == ("done", 1)


def test_a_target_without_the_evidence_keeps_its_label(catalog: Scratch) -> None:
    store(catalog, "v3", "local")
    catalog.write(gated.REGISTRY, MOVED)
    catalog.commit("By hand")
    assert catalog.run("sync", "folder").code == 1
    assert catalog.run("sync", "local").code == 0


def test_a_changed_byte_on_the_target_lets_nothing_move(catalog: Scratch) -> None:
    store(catalog, "v3", "local")
    (place,) = store(catalog, "v3", "local", reply=lambda _: Said(text="Broken."))
    assert gate(catalog, "--evidence-from", "local")[0] == 1
    newer = '\'%"outcome": "fail"%\''
    with closing(sqlite3.connect(catalog.root / ".catalog/local.db")) as connection, connection:
        change = "UPDATE evidence SET content = CAST(replace(CAST(content AS TEXT), '\"fail\"', '\"pass\"') AS BLOB)"
        assert connection.execute(f"{change} WHERE CAST(content AS TEXT) LIKE {newer}").rowcount == 1
    code, said = gate(catalog, "--evidence-from", "local")
    assert (code, f"a record cannot be used: {place}: it was changed on the target" in said) == (3, True)
    catalog.write(gated.REGISTRY, MOVED)
    catalog.commit("By hand")
    synced = catalog.run("sync", "local")
    assert synced.code == 1
    assert place in synced.out


def test_what_cannot_be_kept_in_the_end_does_not_hide_what_was_found(catalog: Scratch) -> None:
    with closing(sqlite3.connect(catalog.root / ".catalog/local.db")) as connection, connection:
        connection.execute("CREATE TRIGGER full BEFORE INSERT ON evidence BEGIN SELECT RAISE(ABORT, 'no room'); END")
    with ModelServer(fine) as server:
        asked = ("eval", f"{gated.ID}@v3", "--endpoint", server.url, "--model", "m", "--store", "local", "--out", "ev")
        answer = catalog.run(*asked, "--format", "json")
    found = answer.json()
    assert (answer.code, found["status"], len(found["evidence"])) == (3, "pass", 1)
    assert found["evidence"][0].startswith("ev/")
    assert "error: the evidence about support_agent@v3: sqlite" in answer.err
    assert "no room" in answer.err


def test_a_record_names_the_policies_that_held(catalog: Scratch) -> None:
    def policy(folder: str) -> str | None:
        with ModelServer(fine) as server:
            asked = ("eval", f"{gated.ID}@v3", "--endpoint", server.url, "--model", "m", "--out", folder)
            (path,) = catalog.run(*asked, "--format", "json").json()["evidence"]
        return read_evidence((catalog.root / path).read_bytes()).policy

    settings = (catalog.root / "catalog.yaml").read_text()
    first, again = policy("a"), policy("b")
    assert first is not None
    assert first == again
    catalog.write("catalog.yaml", settings.replace("min: 0.5", "min: 0.6"))
    assert policy("c") not in (None, first)
    catalog.write("catalog.yaml", "catalog: acme\n")
    assert policy("d") is None


def test_what_cannot_be_kept_is_told_before_anybody_is_asked(catalog: Scratch) -> None:
    (catalog.root / "file").write_text("")
    refusals = {
        ("--store", "remote"): "the target remote (mlflow) keeps no evidence",
        ("--store", "locl"): "did you mean local?",
        ("--out", "file"): "file is not a folder",
        ("--out", "file/below"): "file is not a folder",
    }
    with ModelServer(fine) as server:
        asked = ("eval", f"{gated.ID}@v3", "--endpoint", server.url, "--model", "m")
        for more, why in refusals.items():
            refused = catalog.run(*asked, *more)
            assert (refused.code, why in refused.err, server.seen) == (2, True, []), refused.err
        lost = catalog.run(*asked, "--case", "c1", "--store", "local")
        assert (lost.code, "--case is for trying" in lost.err) == (2, True)
        assert server.seen == []
    for command in (("gate", gated.ID, "v3", "--label", "production"), ("validate",)):
        refused = catalog.run(*command, "--evidence-from", "remote")
        assert (refused.code, "keeps no evidence" in refused.err) == (2, True)
