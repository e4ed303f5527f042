"""From a pull request to evidence: a worse version is found out, and CI replays the run without a key."""

from __future__ import annotations

import shutil
from pathlib import Path

from model_server import ModelServer, Raw, Said, Seen
from scratch import CatalogCommand, Scratch

from catalog_tool.gate.records import read_evidence

REPOSITORY = Path(__file__).parents[2]


def test_a_worse_version_is_found_out_and_ci_replays_it(scratch: Scratch, tmp_path: Path) -> None:
    assert scratch.run("init", ".").code == 0
    scratch.commit("Start")
    assert scratch.run("eval", "--level0").code == 0
    v1 = scratch.root / "prompts/ticket_summary/v1.yaml"
    worse = v1.read_text().replace("version: v1", "version: v2").replace("You sum up", "Be creative. You sum up")
    scratch.write("prompts/ticket_summary/v2.yaml", worse)

    def script(seen: Seen) -> Said | Raw:
        if seen.number == 1:
            return Raw(status=429, headers={"Retry-After": "0"})
        if "Be creative." in seen.text:
            return Said(text="BANANA only", tokens=(90, 4))
        return Said(text="Order 48213 is held at customs.", tokens=(90, 12))

    asked = ("eval", "ticket_summary@v2", "--baseline", "ticket_summary@v1", "--cache", "answers", "--repeat", "2")
    with ModelServer(script) as server:
        first = scratch.run(*asked, "--endpoint", server.url, "--out", "prompts/ticket_summary/evidence")
        assert len(server.seen) == 9, "two versions, two cases, twice, and one that was sent away"
    assert first.code == 1
    assert "against it: 2 worse, 0 better" in first.out
    scratch.commit("Evidence")

    clone = tmp_path / "ci"
    shutil.copytree(scratch.root, clone)
    again = scratch.command(*asked, "--format", "json", cwd=clone, env={"CI": "true"})
    assert again.code == 1
    assert again.json()["usage"] == {
        "requests": 0, "cached": 4, "input_tokens": 0, "output_tokens": 0, "cost_usd": 0.0,
    }  # fmt: skip
    records = [read_evidence(path.read_bytes()) for path in clone.glob("prompts/ticket_summary/evidence/*.json")]
    assert {record.prompt.version: record.counts()["pass"] for record in records} == {"v1": 2, "v2": 0}
    assert len({record.dataset.digest for record in records}) == 1
    assert scratch.run("validate").code == 0


def test_our_own_catalog_at_level_0(catalog_command: CatalogCommand) -> None:
    answer = catalog_command("eval", "--level0", "--format", "json", cwd=REPOSITORY)
    assert answer.code == 0, answer.out
    found = answer.json()
    assert found["status"] == "pass"
    assert sum(len(prompt["cases"]) for prompt in found["prompts"]) >= 20
