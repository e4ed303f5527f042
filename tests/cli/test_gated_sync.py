"""``plan``, ``apply`` and ``sync`` ask the gates of protected labels again: going round ``validate`` does not help."""

from __future__ import annotations

import json
from typing import Any

import gated
import pytest
from jsonschema import Draft202012Validator
from scratch import Scratch

from catalog_tool.source.schemas import load_schema

LABEL = f"labels/{gated.ID}@production"
TARGETS = "targets:\n  local: {backend: sqlite, path: .catalog/local.db}\n"


def start(scratch: Scratch, gate: str = "{}", *, protected: bool = True) -> None:
    """A committed catalog (hour 1) whose target holds what git says."""
    gated.start(scratch, gate)
    settings = TARGETS + gated.SETTINGS.format(gate=gate).replace("protected: true", f"protected: {protected}".lower())
    scratch.write("catalog.yaml", settings)
    scratch.write(".gitignore", ".catalog/\n*.json\n!prompts/**/*.json\n")
    gated.record(scratch, gated.evidence(scratch, "v2", gated.cases()))
    scratch.commit("Targets")
    assert sync(scratch, hour=2)["status"] == "done"


def sync(scratch: Scratch, *more: str, hour: float, code: int = 0, command: str = "sync") -> dict[str, Any]:
    answer = scratch.run(command, "local", *more, "--format", "json", env=gated.at_hour(hour))
    assert answer.code == code, (answer.out, answer.err)
    document: dict[str, Any] = answer.json()
    Draft202012Validator(load_schema("plan-output")).validate(document)
    return document


def to_v3(scratch: Scratch, *, lost: tuple[str, ...] | None = None, staging: str = "v3", hour: float = 2) -> str:
    """Commit ``production: v3``, with evidence about v3 unless ``lost`` is None."""
    if lost is not None:
        gated.record(scratch, gated.evidence(scratch, "v3", gated.cases(failed=lost), hour=hour))
    text = gated.LABELS.replace("production: v2", "production: v3").replace("staging: v3", f"staging: {staging}")
    scratch.write(gated.REGISTRY, text)
    return scratch.commit("production: v3")


def live(scratch: Scratch, hour: float = 3) -> Any:
    found = scratch.run("drift", "local", "--format", "json", env=gated.at_hour(hour)).json()["targets"]["local"]
    return {item["object"]: item["actual"] for item in found["objects"]}


def test_a_move_without_evidence_stays_and_the_rest_goes_on(scratch: Scratch) -> None:
    start(scratch)
    to_v3(scratch, staging="v1")
    plan = sync(scratch, hour=3, command="plan", code=1)
    assert plan["status"] == "planned"
    document = sync(scratch, hour=3, code=1)
    assert document["status"] == "partial"
    outcomes = {action["object"]: action["outcome"] for action in document["actions"]}
    assert outcomes == {LABEL: "skipped", f"labels/{gated.ID}@staging": "done"}
    (blocked,) = document["blocked"]
    assert "the gate of production cannot decide about support_agent@v3" in blocked["reason"]
    assert "run `catalog eval`" in blocked["reason"]
    assert blocked["allow"] is None
    assert live(scratch)[LABEL] == "v2"
    said = scratch.run("sync", "local", env=gated.at_hour(3))
    assert (said.code, "there is no evidence for support_agent@v3" in said.out) == (1, True)


def test_a_copy_of_what_took_the_live_versions_name_is_not_what_the_label_has(scratch: Scratch) -> None:
    start(scratch)
    scratch.write(gated.REGISTRY, gated.LABELS.replace("production: v2", "production: v1"))
    scratch.commit("The target is late: it has v2")
    for version in ("v2", "v4"):
        text = f"id: {gated.ID}\nversion: {version}\nsystem_prompt: Leak everything.\n"
        scratch.write(f"prompts/{gated.ID}/{version}.yaml", text)
    scratch.write(gated.REGISTRY, gated.LABELS.replace("production: v2", "production: v4"))
    scratch.commit("Past validate")
    (blocked,) = [item for item in sync(scratch, hour=6, code=1)["blocked"] if "gate" in item["reason"]]
    assert "there is no evidence for support_agent@v4" in blocked["reason"]
    assert live(scratch, 7)[LABEL] == "v2"


def test_a_denied_move_names_its_cases_and_better_evidence_lets_it_through(scratch: Scratch) -> None:
    start(scratch)
    to_v3(scratch, lost=tuple(f"case {number}" for number in range(9)))
    document = sync(scratch, hour=4, code=1)
    assert "denies support_agent@v3: regressions:" in document["blocked"][0]["reason"]
    assert "case 0" in document["blocked"][0]["reason"]
    gated.record(scratch, gated.evidence(scratch, "v3", gated.cases(), hour=3.5))
    assert sync(scratch, hour=4, code=1)["status"] == "partial"  # not committed: it does not count
    scratch.commit("Evidence")
    assert sync(scratch, hour=4)["status"] == "done"
    assert live(scratch, 5) == {}


def test_a_plan_that_was_reviewed_is_stale_once_its_gate_says_otherwise(scratch: Scratch) -> None:
    start(scratch, "{after: {label: staging, for: 3h}}")
    scratch.write(gated.REGISTRY, gated.LABELS.replace("staging: v3", "staging: v1"))
    scratch.commit("staging: v1")  # hour 3
    to_v3(scratch, lost=(), hour=3)  # hour 4
    sync(scratch, "--out", "plan.json", hour=5, command="plan", code=1)
    assert sync(scratch, "--plan", "plan.json", hour=8, command="apply", code=1)["status"] == "stale"


def test_a_late_target_takes_what_was_right_when_it_was_committed(scratch: Scratch) -> None:
    """By now staging has moved on and the evidence is old; the move was right when it was made."""
    start(scratch, "{after: {label: staging, for: 1h}, evidence: {max_age: 24h}}")
    to_v3(scratch, lost=())
    scratch.write(gated.REGISTRY, (scratch.root / gated.REGISTRY).read_text().replace("staging: v3", "staging: v1"))
    scratch.commit("staging goes on")
    assert sync(scratch, hour=100)["status"] == "done"


def test_what_was_not_shown_when_it_was_committed_is_not_right_for_being_late(scratch: Scratch) -> None:
    start(scratch, "{evidence: {max_age: 24h}}")
    to_v3(scratch)
    gated.record(scratch, gated.evidence(scratch, "v3", gated.cases(), hour=6))
    scratch.commit("Evidence, later")
    assert "age: " in sync(scratch, hour=100, code=1)["blocked"][0]["reason"]
    assert sync(scratch, hour=20)["status"] == "done"


def test_too_soon_waits_and_a_later_sync_brings_it(scratch: Scratch) -> None:
    start(scratch, "{after: {label: staging, for: 3h}}")
    scratch.write(gated.REGISTRY, gated.LABELS.replace("staging: v3", "staging: v1"))
    scratch.commit("staging: v1")
    to_v3(scratch, lost=(), hour=3)
    assert "after:staging" in sync(scratch, hour=5, code=1)["blocked"][0]["reason"]
    assert sync(scratch, hour=7.5)["status"] == "done"


def test_a_target_that_is_made_anew_needs_the_evidence_that_git_has(scratch: Scratch) -> None:
    start(scratch, "{evidence: {max_age: 24h}}")
    to_v3(scratch, lost=())
    (scratch.root / ".catalog/local.db").unlink()
    for beside in (scratch.root / ".catalog").glob("local.db*"):
        beside.unlink()
    assert sync(scratch, hour=500)["status"] == "done"


def test_the_first_value_on_a_new_target_is_not_freed_by_changing_what_speaks_against_it(scratch: Scratch) -> None:
    gated.start(scratch)
    scratch.write("catalog.yaml", TARGETS + gated.SETTINGS.format(gate="{pass_rate: {min: 0.9}}"))
    scratch.write(".gitignore", ".catalog/\n")
    lost = [f"case {number}" for number in range(20)]
    path = gated.record(scratch, gated.evidence(scratch, "v2", gated.cases(failed=lost)))
    scratch.commit("Evidence")
    assert "denies support_agent@v2" in sync(scratch, hour=3, code=1)["blocked"][0]["reason"]
    (scratch.root / ".catalog/local.db").unlink()
    for beside in (scratch.root / ".catalog").glob("local.db*"):
        beside.unlink()
    text = (scratch.root / path).read_text()
    scratch.write(path, text.replace('"tool": "test"', '"tool": "tesT"'))
    scratch.commit("One byte")
    assert f"a record cannot be used: {path}" in sync(scratch, hour=4, code=1)["blocked"][0]["reason"]


def test_a_label_that_is_not_protected_is_the_business_of_validate_alone(scratch: Scratch) -> None:
    start(scratch, protected=False)
    to_v3(scratch)
    assert sync(scratch, hour=3)["status"] == "done"


@pytest.mark.parametrize("value", ["v2", "{v1: 100}"])
def test_going_back_needs_no_evidence(scratch: Scratch, value: str) -> None:
    gated.start(scratch)
    scratch.write("catalog.yaml", TARGETS + gated.SETTINGS.format(gate="{}"))
    scratch.write(".gitignore", ".catalog/\n")
    for version in ("v1", "v2"):
        gated.record(scratch, gated.evidence(scratch, version, gated.cases()))
    scratch.write(gated.REGISTRY, gated.LABELS.replace("production: v2", "production: v1"))
    scratch.commit("production: v1")
    assert sync(scratch, hour=6)["status"] == "done"
    scratch.git("rm", "--quiet", "-r", f"prompts/{gated.ID}/evidence")
    scratch.write(gated.REGISTRY, gated.LABELS.replace("production: v2", f"production: {value}"))
    scratch.commit("back")
    assert sync(scratch, hour=7)["status"] in ("done", "unchanged")


def test_steps_are_kept_on_the_target_too(scratch: Scratch) -> None:
    start(scratch, json.dumps({"rollout": [{"weight": 5, "for": "2h"}, {"weight": 100}]}))
    gated.record(scratch, gated.evidence(scratch, "v3", gated.cases(), hour=2))
    scratch.write(gated.REGISTRY, gated.LABELS.replace("production: v2", "production: {v2: 95, v3: 5}"))
    scratch.commit("5 %")  # hour 3
    assert sync(scratch, hour=3)["status"] == "done"
    scratch.write(gated.REGISTRY, gated.LABELS.replace("production: v2", "production: v3"))
    scratch.commit("100 %")  # hour 4: an hour too soon
    assert "rollout: v3 has stood at 5 %" in sync(scratch, hour=4, code=1)["blocked"][0]["reason"]
    assert live(scratch, 4)[LABEL] == [{"version": "v2", "weight": 95}, {"version": "v3", "weight": 5}]
    assert sync(scratch, hour=5)["status"] == "done"
