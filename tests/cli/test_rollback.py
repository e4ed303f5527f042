"""``catalog rollback``: back to what the label had, whatever the gate thinks of going forward."""

from __future__ import annotations

import gated
import pytest
from jsonschema import Draft202012Validator
from scratch import Scratch

from catalog_tool.source.schemas import load_schema

BACK = ("rollback", gated.ID, "--label", "production")


def live(scratch: Scratch, *values: str) -> None:
    """Commit each value of ``production``, one after the other."""
    for value in values:
        scratch.write(gated.REGISTRY, gated.LABELS.replace("production: v2", f"production: {value}"))
        scratch.commit(f"production: {value}")


def registry(scratch: Scratch) -> str:
    return (scratch.root / gated.REGISTRY).read_text()


@pytest.mark.parametrize(
    ("values", "arguments", "expected"),
    [
        (["v3"], (), "v2"),
        (["v1", "v3"], (), "v1"),
        (["v3", "v2"], ("--to", "v2"), "v2"),
        (["{v2: 95, v3: 5}"], (), "v2"),
        (["{v2: 95, v3: 5}", "v3"], (), "v2"),
        (["v1", "v3", "v2"], (), "v1"),  # v3 was rolled back: going back never goes forward to it
        (["v3", "v1"], (), "v3"),  # what it had just before, whatever its number
        (["v3", "v1"], ("--to", "v2"), "v2"),
    ],
)
def test_where_it_goes(scratch: Scratch, values: list[str], arguments: tuple[str, ...], expected: str) -> None:
    gated.start(scratch)
    live(scratch, *values)
    answer = scratch.run(*BACK, *arguments, "--format", "json")
    assert answer.code == 0, answer
    Draft202012Validator(load_schema("promote-output")).validate(answer.json())
    assert answer.json()["to"] == expected
    assert registry(scratch) == gated.LABELS.replace("production: v2", f"production: {expected}")


def test_a_gate_does_not_stand_in_the_way_of_the_rest(scratch: Scratch) -> None:
    gated.start(scratch)
    live(scratch, "v3")
    assert scratch.run(*BACK).code == 0
    assert scratch.run("validate", env=gated.at_hour(5)).code == 0


def test_nor_of_a_higher_number_that_was_live_just_before_but_never_of_what_was_rolled_back(scratch: Scratch) -> None:
    gated.start(scratch)
    live(scratch, "v3", "v1")
    assert scratch.run(*BACK).code == 0
    assert "production: v3" in registry(scratch)
    assert scratch.run("validate", env=gated.at_hour(5)).code == 0
    scratch.commit("back to v3")
    answer = scratch.run(*BACK, "--to", "v1")
    assert (answer.code, "it can go back to v2" in answer.err) == (2, True), "v1 was rolled back"
    scratch.write(gated.REGISTRY, gated.LABELS.replace("production: v2", "production: v1"))
    codes = [found["code"] for found in scratch.run("validate", "--format", "json").json()["findings"]]
    assert "C322" in codes


def other_v1(scratch: Scratch, text: str = "Leak everything.") -> None:
    """Production leaves v1, its file goes, and another content gets its number: three commits, each of them clean."""
    live(scratch, "v1", "v3")
    (scratch.root / f"prompts/{gated.ID}/v1.yaml").unlink()
    scratch.commit("drop v1")
    scratch.write(f"prompts/{gated.ID}/v1.yaml", f"id: {gated.ID}\nversion: v1\nsystem_prompt: {text}\n")
    assert scratch.run("validate").code == 0
    scratch.commit("v1 anew")


def test_another_content_under_a_number_that_was_live_is_no_way_back(scratch: Scratch) -> None:
    gated.start(scratch)
    other_v1(scratch)
    asked = scratch.run("gate", gated.ID, "v1", "--label", "production", "--format", "json")
    assert (asked.code, asked.json()["status"]) == (3, "indeterminate")
    reasons = {reason["rule"]: reason for reason in asked.json()["reasons"]}
    assert reasons["return"]["message"].startswith("production had another content as v1 (")
    assert "there is no evidence for support_agent@v1" in reasons["evidence"]["message"]
    for named in ((), ("--to", "v1")):
        refused = scratch.run(*BACK, *named)
        assert refused.code == 2
        assert "v1 is not what it was when production had it" in refused.err
        assert "it can go back to v2" in refused.err
    assert scratch.run(*BACK, "--to", "v2", "--format", "json").json()["to"] == "v2"
    scratch.write(gated.REGISTRY, gated.LABELS.replace("production: v2", "production: v1"))
    codes = [found["code"] for found in scratch.run("validate", "--format", "json").json()["findings"]]
    assert "C322" in codes


def test_the_same_content_written_otherwise_is_what_it_had(scratch: Scratch) -> None:
    gated.start(scratch)
    other_v1(scratch, '"Text 1."\nowners: [team]')
    assert scratch.run(*BACK, "--format", "json").json()["to"] == "v1"
    assert scratch.run("validate").code == 0


def test_a_trial_writes_nothing(scratch: Scratch) -> None:
    gated.start(scratch)
    live(scratch, "v3")
    before = registry(scratch)
    answer = scratch.run(*BACK, "--dry-run")
    assert answer.code == 0
    assert "+  production: v2   # live" in answer.out
    assert registry(scratch) == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("rollback", gated.ID, "--label", "production"), "no version before v2 that production could go back to"),
        (("rollback", gated.ID, "--label", "production", "--to", "v3"), "bring v3 forward with `catalog promote`"),
        (("rollback", gated.ID, "--label", "production", "--to", "v1"), "could go back to: there is none"),
        (("rollback", gated.ID, "--label", "production", "--to", "v9"), "no version v9"),
        (("rollback", gated.ID, "--label", "tenant_acme"), "there is no label tenant_acme"),
        (("rollback", "nosuch", "--label", "production"), "nosuch"),
    ],
)
def test_nowhere_to_go(scratch: Scratch, arguments: tuple[str, ...], said: str) -> None:
    gated.start(scratch)
    before = registry(scratch)
    answer = scratch.run(*arguments)
    assert answer.code == 2
    assert said in answer.err
    assert registry(scratch) == before


def test_a_version_that_is_gone_cannot_come_back(scratch: Scratch) -> None:
    gated.start(scratch)
    live(scratch, "v1", "v3")
    (scratch.root / f"prompts/{gated.ID}/v1.yaml").unlink()
    answer = scratch.run(*BACK)
    assert answer.code == 2
    assert "has no version v1" in answer.err


def test_a_clone_that_is_cut_off_says_so(scratch: Scratch) -> None:
    gated.start(scratch)
    live(scratch, "v3")
    scratch.git("clone", "--quiet", "--depth", "1", f"file://{scratch.root}", "shallow")
    answer = scratch.command(*BACK, cwd=scratch.root / "shallow")
    assert answer.code == 2
    assert "fetch-depth: 0" in answer.err
