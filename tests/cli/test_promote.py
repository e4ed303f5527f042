"""``catalog promote``: the label moves in git if its gate allows, and nothing else changes."""

from __future__ import annotations

import subprocess
from typing import Any

import gated
import pytest
from jsonschema import Draft202012Validator
from scratch import COMMAND, Answer, Scratch

from catalog_tool.cli.label_moves import desk_for
from catalog_tool.cli.promote import move_label
from catalog_tool.errors import CatalogError
from catalog_tool.gate.moves import Move
from catalog_tool.model.labels import LabelValue
from catalog_tool.source.root import find_root
from catalog_tool.source.schemas import load_schema

TO_PRODUCTION = ("promote", gated.ID, "v3", "--label", "production")
LOST = [f"case {number}" for number in range(6)]
NOW = gated.at_hour(2)
STEPS = "{rollout: [{weight: 5, for: 1h}, {weight: 25, for: 4h}, {weight: 100}]}"


def registry(scratch: Scratch) -> str:
    return (scratch.root / gated.REGISTRY).read_text()


def document(answer: Answer) -> dict[str, Any]:
    value: dict[str, Any] = answer.json()
    Draft202012Validator(load_schema("promote-output")).validate(value)
    return value


def test_only_the_label_changes(scratch: Scratch) -> None:
    gated.start(scratch)
    gated.record_both(scratch)
    value = document(scratch.run(*TO_PRODUCTION, "--format", "json", env=NOW))
    assert (value["status"], value["from"], value["to"]) == ("done", "v2", "v3")
    assert [decision["status"] for decision in value["decisions"]] == ["allow"]
    assert registry(scratch) == gated.LABELS.replace("production: v2   #", "production: v3   #")
    assert document(scratch.run(*TO_PRODUCTION, "--format", "json", env=NOW))["status"] == "unchanged"


@pytest.mark.parametrize(("lost", "code", "status"), [(LOST, 1, "deny"), (None, 3, "indeterminate")])
def test_without_allow_nothing_is_written(scratch: Scratch, lost: list[str] | None, code: int, status: str) -> None:
    gated.start(scratch)
    if lost is not None:
        gated.record_both(scratch, lost)
    answer = scratch.run(*TO_PRODUCTION, "--format", "json", env=NOW)
    assert (answer.code, document(answer)["status"]) == (code, status)
    assert "nothing was written" in scratch.run(*TO_PRODUCTION, env=NOW).out
    assert registry(scratch) == gated.LABELS


def test_a_trial_says_what_would_change(scratch: Scratch) -> None:
    gated.start(scratch)
    gated.record_both(scratch)
    answer = scratch.run(*TO_PRODUCTION, "--dry-run", env=NOW)
    assert answer.code == 0
    assert "allow: support_agent@v3 for production" in answer.out
    assert "  -  production: v2   # live\n  +  production: v3   # live\n" in answer.out
    assert registry(scratch) == gated.LABELS


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (("promote", gated.ID, "v1", "--label", "prodution"), "did you mean production? If not, write prodution under"),
        (("gate", gated.ID, "v1", "--label", "prodcution"), "did you mean production?"),
        (("rollback", gated.ID, "--label", "stagin"), "did you mean staging?"),
        (("rollback", gated.ID, "--label", "qa"), "its labels: staging, production"),
        (("promote", "suport_agent", "v1", "--label", "production"), "did you mean support_agent?"),
        (("gate", "support-agent", "v1", "--label", "production"), "did you mean support_agent?"),
        (("rollback", "supportagent", "--label", "production"), "did you mean support_agent?"),
        (("promote", gated.ID, "3", "--label", "production"), "its versions: v1, v2, v3"),
    ],
)
def test_a_slip_names_what_there_is_and_makes_no_label(scratch: Scratch, arguments: tuple[str, ...], hint: str) -> None:
    gated.start(scratch)
    answer = scratch.run(*arguments)
    assert (answer.code, hint in answer.err) == (2, True), answer.err
    assert registry(scratch) == gated.LABELS


def test_labels_of_one_family_and_declared_ones_are_no_slips(scratch: Scratch) -> None:
    gated.start(scratch)
    settings = (scratch.root / "catalog.yaml").read_text()
    scratch.write("catalog.yaml", settings + "  prodution: {}\n")
    for label in ("tenant_acme", "tenant_acmi", "experiment_1", "experiment_2", "prodution", "canary", "canary2"):
        assert scratch.run("promote", gated.ID, "v1", "--label", label).code == 0, label


def test_a_label_without_a_gate_moves_freely(scratch: Scratch) -> None:
    gated.start(scratch)
    value = document(scratch.run("promote", gated.ID, "v1", "--label", "tenant_acme", "--format", "json"))
    assert (value["status"], value["from"], value["to"], value["decisions"]) == ("done", None, "v1", [])
    assert registry(scratch) == gated.LABELS + "  tenant_acme: v1\n"


def test_weights(scratch: Scratch) -> None:
    gated.start(scratch)
    promote = ("promote", gated.ID)
    scratch.run(*promote, "v2", "--label", "canary")
    assert scratch.run(*promote, "v3", "--label", "canary", "--weight", "5").code == 0
    assert "  canary: {v2: 95, v3: 5}\n" in registry(scratch)
    assert scratch.run(*promote, "v1", "--label", "canary", "--weight", "2.5").code == 0
    assert "  canary: {v2: 92.5, v3: 5, v1: 2.5}\n" in registry(scratch)
    full = scratch.run(*promote, "v1", "--label", "canary", "--weight", "95")
    assert full.code == 2
    assert "nothing is left for v2" in full.err
    stable = scratch.run(*promote, "v2", "--label", "canary", "--weight", "50")
    assert stable.code == 2
    assert scratch.run(*promote, "v3", "--label", "canary").code == 0
    assert "  canary: v3\n" in registry(scratch)
    new = scratch.run(*promote, "v3", "--label", "other", "--weight", "5")
    assert new.code == 2
    assert "no stable version to share with" in new.err


def at_once(scratch: Scratch, *commands: tuple[str, ...]) -> list[int]:
    """The exit codes of commands that run at the same time."""
    running = [
        subprocess.Popen(
            [*COMMAND, *command], cwd=scratch.root, env=scratch.command.environment,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        for command in commands
    ]  # fmt: skip
    return [process.wait() for process in running]


def test_no_edit_of_commands_at_once_is_lost(scratch: Scratch) -> None:
    gated.start(scratch)
    scratch.write(gated.REGISTRY, gated.LABELS.replace("production: v2", "production: {v2: 90, v3: 10}"))
    scratch.commit("Split")
    tenants = [f"tenant_{name}" for name in "abcdefg"]
    moves = [("promote", gated.ID, "v1", "--label", tenant) for tenant in tenants]
    assert at_once(scratch, *moves, ("rollback", gated.ID, "--label", "production")) == [0] * 8
    lines = registry(scratch).splitlines()
    assert "  production: v2   # live" in lines
    assert {f"  {tenant}: v1" for tenant in tenants} <= set(lines)
    assert scratch.git("status", "--short") == f" M {gated.REGISTRY}"


def test_moves_of_one_label_at_once_are_done_or_refused(scratch: Scratch) -> None:
    gated.start(scratch)
    scratch.run("promote", gated.ID, "v2", "--label", "canary")
    moves = {name: ("promote", gated.ID, name, "--label", "canary", "--weight", "5") for name in ("v1", "v3")}
    codes = dict(zip(moves, at_once(scratch, *moves.values()), strict=True))
    assert set(codes.values()) <= {0, 3}
    canary = next(line for line in registry(scratch).splitlines() if "canary" in line)
    assert {name for name in moves if f"{name}: 5" in canary} == {name for name, code in codes.items() if code == 0}


def test_what_was_judged_is_what_moves(scratch: Scratch) -> None:
    gated.start(scratch)
    place = find_root(str(scratch.root))
    desk = desk_for(place, None, gated.ID, "staging", "v2")
    move = Move(gated.ID, "staging", desk.current, LabelValue((("v2", 100),)))
    beside = gated.LABELS.replace("production: v2", "production: v1")
    scratch.write(gated.REGISTRY, gated.LABELS.replace("staging: v3", "staging: v1"))
    with pytest.raises(CatalogError, match="staging of support_agent was moved meanwhile") as caught:
        move_label(place, desk, move, is_trial=False)
    assert caught.value.exit_code == 3
    assert "staging: v1" in registry(scratch)
    scratch.write(gated.REGISTRY, beside)
    assert move_label(place, desk, move, is_trial=False) == "done"
    assert registry(scratch) == beside.replace("staging: v3", "staging: v2")


def test_a_roll_out_takes_one_step_at_a_time(scratch: Scratch) -> None:
    gated.start(scratch, STEPS)
    gated.record_both(scratch)
    scratch.commit("Evidence")  # hour 2
    jump = scratch.run(*TO_PRODUCTION, "--weight", "100", env=gated.at_hour(2))
    assert jump.code == 1
    assert "from 0 % the next step is 5 %, not 100 % (steps: 5 → 25 → 100)" in jump.out
    assert scratch.run(*TO_PRODUCTION, env=gated.at_hour(2)).code == 0
    assert "production: {v2: 95, v3: 5}   # live" in registry(scratch)
    uncommitted = scratch.run(*TO_PRODUCTION, env=gated.at_hour(9))
    assert uncommitted.code == 1
    assert "from when it is committed" in uncommitted.out
    scratch.commit("5 %")  # hour 3
    assert scratch.run(*TO_PRODUCTION, env=gated.at_hour(3.5)).code == 1
    assert scratch.run(*TO_PRODUCTION, env=gated.at_hour(4)).code == 0
    assert "production: {v2: 75, v3: 25}   # live" in registry(scratch)
    scratch.commit("25 %")  # hour 4
    assert scratch.run(*TO_PRODUCTION, env=gated.at_hour(7.9)).code == 1
    assert scratch.run(*TO_PRODUCTION, env=gated.at_hour(8)).code == 0
    assert registry(scratch) == gated.LABELS.replace("production: v2", "production: v3")


def test_what_stands_on_a_branch_only_has_not_stood(scratch: Scratch) -> None:
    gated.start(scratch, "{after: {label: trial, for: 1h}}")
    gated.record_both(scratch)
    scratch.git("checkout", "--quiet", "-b", "feature")
    scratch.run("promote", gated.ID, "v3", "--label", "trial")
    scratch.commit("Trial")  # hour 2
    assert scratch.run(*TO_PRODUCTION, env=gated.at_hour(100)).code == 1
    scratch.git("checkout", "--quiet", "main")
    scratch.git("merge", "--quiet", "--ff-only", "feature")
    assert scratch.run(*TO_PRODUCTION, env=gated.at_hour(100)).code == 0


@pytest.mark.parametrize("edit", ["a version", "a partial"])
def test_a_changed_content_begins_its_time_anew(scratch: Scratch, edit: str) -> None:
    gated.start(scratch, "{after: {label: staging, for: 10h}}")
    scratch.write(
        f"prompts/{gated.ID}/v3.yaml", f"id: {gated.ID}\nversion: v3\nsystem_prompt: 'Now {{{{> safety}}}}'\n"
    )
    scratch.write("prompts/_shared/partials/safety.md", "Be kind.\n")
    scratch.commit("New text")  # hour 2
    if edit == "a version":
        text = f"id: {gated.ID}\nversion: v3\nsystem_prompt: 'Again {{{{> safety}}}}'\n"
        scratch.write(f"prompts/{gated.ID}/v3.yaml", text)
    else:
        scratch.write("prompts/_shared/partials/safety.md", "Be very kind.\n")
    scratch.commit("Newer text")  # hour 3
    gated.record_both(scratch)
    assert scratch.run(*TO_PRODUCTION, env=gated.at_hour(12.5)).code == 1
    assert scratch.run(*TO_PRODUCTION, env=gated.at_hour(13)).code == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("support_agent:\n  production: &x v2\n", "registry.yaml"),
        ("support_agent:\n  production:\n    # why\n    v2: 50\n    v1: 50\n", "comments stand between"),
    ],
)
def test_a_registry_that_cannot_be_edited_is_left_alone(scratch: Scratch, text: str, said: str) -> None:
    gated.start(scratch)
    scratch.write("catalog.yaml", "catalog: acme\n")
    scratch.write(gated.REGISTRY, text)
    answer = scratch.run(*TO_PRODUCTION)
    assert answer.code == 2
    assert said in answer.err
    assert registry(scratch) == text


def test_a_catalog_without_a_registry_gets_one(scratch: Scratch) -> None:
    gated.start(scratch)
    (scratch.root / gated.REGISTRY).unlink()
    assert scratch.run("promote", gated.ID, "v1", "--label", "staging").code == 0
    assert registry(scratch) == "support_agent:\n  staging: v1\n"


class TestValidate:
    """The same gate for whoever edits the registry by hand."""

    def codes(self, scratch: Scratch, *arguments: str, hour: float = 2) -> list[str]:
        answer = scratch.run("validate", "--format", "json", *arguments, env=gated.at_hour(hour))
        return [found["code"] for found in answer.json()["findings"] if found["code"].startswith("C32")]

    def move(self, scratch: Scratch, to: str = "v3") -> None:
        scratch.write(gated.REGISTRY, gated.LABELS.replace("production: v2", f"production: {to}"))

    def test_a_move_without_evidence(self, scratch: Scratch) -> None:
        gated.start(scratch)
        self.move(scratch)
        answer = scratch.run("validate", env=NOW)
        assert answer.code == 1
        assert "prompts/registry.yaml:4:15: error C322 the gate of production cannot decide about" in answer.out
        assert "see `catalog gate support_agent v3 --label production`" in answer.out

    def test_a_move_with_evidence(self, scratch: Scratch) -> None:
        gated.start(scratch)
        self.move(scratch)
        gated.record_both(scratch)
        assert self.codes(scratch) == []

    def test_a_denied_move(self, scratch: Scratch) -> None:
        gated.start(scratch)
        self.move(scratch)
        gated.record_both(scratch, LOST)
        assert self.codes(scratch) == ["C321"]
        scratch.commit("Move it all the same")
        assert self.codes(scratch) == ["C321"]
        scratch.commit("Later")
        assert self.codes(scratch) == []  # what was merged is merged: the next change is not held up by it

    def test_a_rollback_needs_no_evidence(self, scratch: Scratch) -> None:
        gated.start(scratch)
        self.move(scratch)
        gated.record_both(scratch)
        scratch.commit("v3 goes live")
        self.move(scratch, "v2")
        assert self.codes(scratch) == []
        self.move(scratch, "v1")
        assert self.codes(scratch) == ["C322"]

    @pytest.mark.parametrize("gate", ["{pass_rate: {min: 0.1}, baseline: optional}", None])
    def test_a_change_cannot_loosen_the_gate_it_goes_through(self, scratch: Scratch, gate: str | None) -> None:
        gated.start(scratch)
        self.move(scratch)
        gated.record_both(scratch, [f"case {number}" for number in range(20)])
        settings = "catalog: acme\n" if gate is None else gated.SETTINGS.format(gate=gate)
        scratch.write("catalog.yaml", settings)
        assert "C321" in self.codes(scratch)
        text = scratch.run("validate", env=NOW).out
        assert "the gate of production, as it was before this change, denies" in text

    def test_no_answer_of_a_timed_gate_is_remembered(self, scratch: Scratch) -> None:
        gated.start(scratch, "{after: {label: staging, for: 24h}}")
        self.move(scratch)
        gated.record_both(scratch)
        scratch.commit("Too early")
        assert self.codes(scratch, hour=3) == ["C321"]
        assert self.codes(scratch, hour=3) == ["C321"]
        assert self.codes(scratch, hour=30) == []
        assert self.codes(scratch, hour=3) == ["C321"]

    def test_an_answer_without_time_is_remembered_only_if_it_allows(self, scratch: Scratch) -> None:
        gated.start(scratch)
        gated.record_both(scratch)
        scratch.commit("Evidence")
        for _ in range(3):
            assert self.codes(scratch) == []
        self.move(scratch)
        assert self.codes(scratch) == []

    def test_a_history_that_is_cut_off_is_an_error(self, scratch: Scratch) -> None:
        gated.start(scratch)
        self.move(scratch)
        gated.record_both(scratch)
        scratch.commit("Move")
        scratch.git("clone", "--quiet", "--depth", "1", f"file://{scratch.root}", "shallow")
        answer = scratch.command("validate", cwd=scratch.root / "shallow", env=NOW)
        assert answer.code == 1
        assert "error C323 the gates were not asked: history is cut off" in answer.out

    def test_the_first_commit_has_nothing_to_compare_with(self, scratch: Scratch) -> None:
        gated.start(scratch)
        assert self.codes(scratch) == ["C323"]
        assert scratch.run("validate", env=NOW).code == 0
