"""``catalog gate``: a decision that follows the content, by exit code, text and JSON."""

from __future__ import annotations

import json
from pathlib import Path

import gated
import pytest
from jsonschema import Draft202012Validator
from scratch import Answer, Scratch

from catalog_tool.gate.records import evidence_bytes
from catalog_tool.source.schemas import load_schema

ASK = ("gate", gated.ID, "v3", "--label", "production")
LOST = [f"case {number}" for number in range(6)]
NOW = gated.at_hour(2)


def document(answer: Answer, code: int) -> dict[str, object]:
    assert answer.code == code, answer
    value: dict[str, object] = answer.json()
    Draft202012Validator(load_schema("gate-output")).validate(value)
    return value


def test_a_version_that_is_no_worse_is_allowed(scratch: Scratch) -> None:
    gated.start(scratch)
    gated.record_both(scratch)
    answer = scratch.run(*ASK, env=NOW)
    assert answer.code == 0
    assert answer.out.startswith("allow: support_agent@v3 for production (v2 → v3)\n")
    assert "pass  regressions: not worse than v2: 0 lost, 0 won of 40 cases (p = 1.000)" in answer.out
    assert "note  detectable: with 40 cases a drop of less than 16.2 % of the cases would go unseen" in answer.out


def test_a_worse_version_is_denied_with_its_cases_named(scratch: Scratch) -> None:
    gated.start(scratch)
    gated.record_both(scratch, LOST)
    answer = scratch.run(*ASK, env=NOW)
    assert answer.code == 1
    assert answer.out.startswith("deny: support_agent@v3 for production (v2 → v3)\n")
    assert "worse than v2: 6 lost, 0 won of 40 cases (p = 0.016): `case 0`, `case 1`" in answer.out
    assert "and 1 more" in answer.out


def test_without_evidence_nothing_is_decided(scratch: Scratch) -> None:
    gated.start(scratch)
    value = document(scratch.run(*ASK, "--format", "json", env=NOW), 3)
    assert value["status"] == "indeterminate"
    assert value["evidence"] == {"candidate": None, "baseline": None}
    text = scratch.run(*ASK, env=NOW).out
    assert "run `catalog eval`" in text
    assert "the label does not move" in text


def test_the_document_names_what_was_judged(scratch: Scratch) -> None:
    gated.start(scratch)
    gated.record_both(scratch)
    value = document(scratch.run(*ASK, "--format", "json", env=NOW), 0)
    assert value["candidate"] == {"version": "v3", "digest": gated.digest_of(scratch, "v3")}
    assert value["baseline"] == {"version": "v2", "digest": gated.digest_of(scratch, "v2")}
    assert value["policy"] is not None


def test_an_edited_version_has_no_evidence(scratch: Scratch) -> None:
    gated.start(scratch)
    gated.record_both(scratch)
    scratch.write(f"prompts/{gated.ID}/v3.yaml", f"id: {gated.ID}\nversion: v3\nsystem_prompt: Text 3!\n")
    assert scratch.run(*ASK, env=NOW).code == 3


def failed_later(scratch: Scratch) -> Path:
    """On ``main`` v3 passed and then lost six cases; the path of the run that speaks against it."""
    gated.start(scratch)
    gated.record_both(scratch)
    path = gated.record(scratch, gated.evidence(scratch, "v3", gated.cases(failed=LOST), hour=1.5))
    scratch.commit("Evidence")
    scratch.git("switch", "--quiet", "--create", "promotion")
    return scratch.root / path


def gate_codes(answer: Answer) -> list[str]:
    return [item["code"] for item in answer.json()["findings"] if item["code"].startswith("C32")]


def judged(scratch: Scratch, found: str) -> str:
    """What ``gate``, ``promote`` and ``validate`` say of v3 under production; all say the same."""
    asked = scratch.run(*ASK, "--format", "json", env=NOW)
    promoted = scratch.run("promote", *ASK[1:], "--dry-run", env=NOW)
    scratch.write(gated.REGISTRY, gated.LABELS.replace("production: v2", "production: v3"))
    moved = scratch.run(*ASK, "--format", "json", env=NOW)
    here = gate_codes(scratch.run("validate", "--format", "json", env=NOW))
    scratch.commit("Everything in one change")
    assert here == gate_codes(scratch.run("validate", "--since", "main", "--format", "json", env=NOW))
    assert here == ([found] if found else [])
    assert asked.code == promoted.code == moved.code, (asked, promoted, moved)
    assert asked.json()["reasons"] == moved.json()["reasons"]
    return "\n".join(reason["message"] for reason in asked.json()["reasons"])


def test_the_run_that_speaks_against_a_version_is_not_removed_in_the_same_change(scratch: Scratch) -> None:
    path = failed_later(scratch)
    path.unlink()
    said = judged(scratch, "C322")
    main = scratch.git("rev-parse", "--short=12", "main")
    name = f"prompts/{gated.ID}/evidence/{path.name}"
    assert f"{name}: it was there at {main} and is gone: bring it back (`git checkout {main} -- {name}`)" in said


def test_nor_filed_under_another_content_nor_replaced(scratch: Scratch) -> None:
    path = failed_later(scratch)
    text, short = path.read_text(), path.name.split(".")[0].partition("-")[2]
    path.unlink()
    other = path.with_name(path.name.replace(short, "0" * 12))
    other.write_text(text.replace(f"sha256:{short}", f"sha256:{'0' * 12}"))
    assert "is gone: bring it back" in judged(scratch, "C322")


def test_a_pass_under_the_name_of_the_failure_does_not_hide_it(scratch: Scratch) -> None:
    path = failed_later(scratch)
    path.write_bytes(evidence_bytes(gated.evidence(scratch, "v3", gated.cases(), hour=1.4)))
    assert "is gone: bring it back" in judged(scratch, "C322")


def test_what_would_not_decide_may_go_and_what_is_moved_is_there(scratch: Scratch) -> None:
    path = failed_later(scratch)
    gated.record(scratch, gated.evidence(scratch, "v3", gated.cases(), hour=1.8))
    path.unlink()
    for other in path.parent.glob("v2-*"):
        other.rename(other.with_name("moved.json"))
    assert "is gone" not in judged(scratch, "")


def test_a_baseline_does_not_lose_its_record_either(scratch: Scratch) -> None:
    gated.start(scratch, "{baseline: optional}")
    gated.record_both(scratch, LOST)
    scratch.commit("Evidence")
    scratch.git("switch", "--quiet", "--create", "promotion")
    for path in (scratch.root / f"prompts/{gated.ID}/evidence").glob("v2-*"):
        path.unlink()
    said = judged(scratch, "C322")
    assert "a record of what production has now cannot be used" in said


def test_a_record_that_was_broken_before_does_not_go_in_the_same_change(scratch: Scratch) -> None:
    path = failed_later(scratch)
    scratch.git("switch", "--quiet", "main")
    path.write_text("{")
    scratch.commit("Broken")
    scratch.git("switch", "--quiet", "--create", "second")
    path.unlink()
    assert "is gone: bring it back" in judged(scratch, "C322")


def test_nor_in_a_catalog_that_moves_to_another_folder(scratch: Scratch) -> None:
    path = failed_later(scratch)
    (scratch.root / "sub").mkdir()
    scratch.git("rm", "--quiet", path.relative_to(scratch.root).as_posix())
    scratch.git("mv", "catalog.yaml", "prompts", "sub")
    scratch.write(f"sub/{gated.REGISTRY}", gated.LABELS.replace("production: v2", "production: v3"))
    scratch.commit("Elsewhere")
    answer = scratch.command(*ASK, cwd=scratch.root / "sub", env=NOW)
    assert answer.code == 3
    assert "(v2 → v3)" in answer.out
    assert "is gone: bring it back" in answer.out
    told = scratch.command("validate", "--format", "json", cwd=scratch.root / "sub", env=NOW)
    assert gate_codes(told) == ["C322"]


def test_a_removal_that_was_merged_by_itself_is_over(scratch: Scratch) -> None:
    path = failed_later(scratch)
    scratch.git("switch", "--quiet", "main")
    path.unlink()
    scratch.commit("The server had been misconfigured")
    assert scratch.run("promote", *ASK[1:], "--dry-run", env=NOW).code == 0
    scratch.git("switch", "--quiet", "--create", "second")
    assert "is gone" not in judged(scratch, "")


def test_a_changed_record_is_no_evidence(scratch: Scratch) -> None:
    gated.start(scratch)
    gated.record_both(scratch, LOST)
    for path in (scratch.root / f"prompts/{gated.ID}/evidence").iterdir():
        text = path.read_text()
        path.write_text(text.replace('"outcome": "fail"', '"outcome": "pass"').replace('"fail": 6', '"fail": 0'))
    answer = scratch.run(*ASK, env=NOW)
    assert answer.code == 3
    assert "a record cannot be used" in answer.out


def spoiled(scratch: Scratch, path: str, to: str | None = None) -> str:
    """Change one byte of a record, and where it stands if ``to`` is another name; its path."""
    text = (scratch.root / path).read_text()
    assert text.count('"tool": "test"') == 1
    moved = path if to is None else f"{path.rpartition('/')[0]}/{to}"
    (scratch.root / path).unlink()
    scratch.write(moved, text.replace('"tool": "test"', '"tool": "tesT"'))
    return moved


@pytest.mark.parametrize("name", [None, "mine.json", "v9-000000000000.000000000000.json"])
def test_an_older_run_does_not_stand_in_for_a_newest_one_that_was_changed(scratch: Scratch, name: str | None) -> None:
    gated.start(scratch)
    gated.record_both(scratch)
    worse = gated.record(scratch, gated.evidence(scratch, "v3", gated.cases(failed=LOST), hour=1.5))
    whole = (scratch.root / worse).read_bytes()
    assert scratch.run(*ASK, env=NOW).code == 1
    path = spoiled(scratch, worse, name)
    answer = scratch.run(*ASK, env=NOW)
    assert answer.code == 3, answer
    assert f"open  evidence: a record cannot be used: {path}: digest: the record was changed" in answer.out
    assert f"make it whole again (`git checkout COMMIT -- {path}` restores it)" in answer.out
    assert scratch.run("promote", *ASK[1:], env=NOW).code == 3
    scratch.write(gated.REGISTRY, gated.LABELS.replace("production: v2", "production: v3"))
    found = scratch.run("validate", "--format", "json", env=NOW).json()["findings"]
    assert [item["code"] for item in found if item["code"].startswith("C32")] == ["C322"]
    (scratch.root / path).unlink()
    scratch.write(worse, whole)
    assert scratch.run(*ASK, env=NOW).code == 1


def test_a_newest_run_of_what_the_label_has_binds_too(scratch: Scratch) -> None:
    gated.start(scratch, "{baseline: optional}")
    gated.record_both(scratch)
    better = gated.record(scratch, gated.evidence(scratch, "v2", gated.cases(), hour=1.5))
    assert scratch.run(*ASK, env=NOW).code == 0
    path = spoiled(scratch, better)
    answer = scratch.run(*ASK, env=NOW)
    assert answer.code == 3
    assert f"open  baseline: a record of what production has now cannot be used: {path}: digest:" in answer.out
    assert answer.out.count(path) == 2, "named once, and how to restore it"


def test_a_changed_record_of_another_content_is_noted(scratch: Scratch) -> None:
    gated.start(scratch)
    gated.record_both(scratch)
    other = gated.record(scratch, gated.evidence(scratch, "v1", gated.cases(), hour=1.5))
    path = spoiled(scratch, other)
    answer = scratch.run(*ASK, env=NOW)
    assert answer.code == 0, answer
    assert f"note  evidence: a record cannot be used: {path}: digest:" in answer.out
    scratch.write(other, b"<<<<<<< HEAD\n")
    assert scratch.run(*ASK, env=NOW).code == 0, "its name says what it was about"


def test_a_named_baseline_that_cannot_be_read_is_none_that_may_be_missing(scratch: Scratch, tmp_path: Path) -> None:
    gated.start(scratch, "{baseline: optional, pass_rate: {min: 0.5}}")
    gated.record_both(scratch)
    broken = tmp_path / "broken.json"
    broken.write_text("{}")
    assert scratch.run(*ASK, env=NOW).code == 0
    assert scratch.run(*ASK, "--baseline", str(broken), env=NOW).code == 3


def test_the_newest_run_decides_and_the_others_are_counted(scratch: Scratch) -> None:
    gated.start(scratch)
    gated.record_both(scratch)
    worse = gated.evidence(scratch, "v3", gated.cases(failed=LOST), hour=1.5)
    gated.record(scratch, worse)
    answer = scratch.run(*ASK, env=NOW)
    assert answer.code == 1
    assert "2 runs are recorded, the newest decides" in answer.out


def test_records_can_be_named(scratch: Scratch, tmp_path: Path) -> None:
    from catalog_tool.gate.records import evidence_bytes

    gated.start(scratch)
    gated.record_both(scratch)
    worse = tmp_path / "run.json"
    worse.write_bytes(evidence_bytes(gated.evidence(scratch, "v3", gated.cases(failed=LOST))))
    assert scratch.run(*ASK, "--candidate", str(worse), env=NOW).code == 1
    other = tmp_path / "other.json"
    other.write_bytes(evidence_bytes(gated.on_another_model(gated.evidence(scratch, "v2", gated.cases()))))
    answer = scratch.run(*ASK, "--baseline", str(other), env=NOW)
    assert answer.code == 3
    assert "the model changed from gpt-5 to gpt-4o" in answer.out
    broken = tmp_path / "broken.json"
    broken.write_text("{}")
    assert scratch.run(*ASK, "--candidate", str(broken), env=NOW).code == 3
    assert scratch.run(*ASK, "--candidate", str(tmp_path / "none.json"), env=NOW).code == 2


def test_golden_tests_that_changed_since_make_the_evidence_old(scratch: Scratch) -> None:
    from dataclasses import replace

    from catalog_tool.gate.evidence import Dataset

    gated.start(scratch)
    scratch.write(f"prompts/{gated.ID}/tests/a.yaml", "cases:\n  - {name: one, expect: [{type: contains, value: x}]}\n")
    for version in ("v2", "v3"):
        made = gated.evidence(scratch, version, gated.cases())
        tested = Dataset(digest=made.dataset.digest, cases=40, files=(f"prompts/{gated.ID}/tests/a.yaml",))
        gated.record(scratch, replace(made, dataset=tested))
    answer = scratch.run(*ASK, env=NOW)
    assert answer.code == 3
    assert "the golden tests have changed since" in answer.out


def test_a_move_that_the_branch_makes_already_is_the_one_that_is_judged(scratch: Scratch) -> None:
    gated.start(scratch)
    gated.record_both(scratch)
    scratch.write(gated.REGISTRY, gated.LABELS.replace("production: v2", "production: v3"))
    answer = scratch.run(*ASK, env=NOW)
    assert answer.code == 0
    assert "(v2 → v3)" in answer.out


def test_time_under_another_label_counts_from_its_commit(scratch: Scratch) -> None:
    gated.start(scratch, "{after: {label: staging, for: 24h}}")
    gated.record_both(scratch)
    early = scratch.run(*ASK, env=gated.at_hour(24.5))
    assert early.code == 1
    assert "v3 has stood under staging for 23h; 1d are wanted, which is at 2026-01-06T10:00:00Z" in early.out
    assert scratch.run(*ASK, env=gated.at_hour(25)).code == 0


def test_without_git_nobody_knows_the_time(scratch: Scratch) -> None:
    import shutil

    gated.start(scratch, "{after: {label: staging}}")
    gated.record_both(scratch)
    shutil.rmtree(scratch.root / ".git")
    answer = scratch.run(*ASK, env=NOW)
    assert answer.code == 3
    assert "fetch-depth: 0" in answer.out


def test_a_label_without_a_gate_is_asked_by_the_defaults(scratch: Scratch) -> None:
    gated.start(scratch)
    gated.record_both(scratch)
    answer = scratch.run("gate", gated.ID, "v2", "--label", "tenant_acme", env=NOW)
    assert answer.code == 3
    assert "tenant_acme has no gate in catalog.yaml" in answer.out


def test_a_statement_for_signing(scratch: Scratch) -> None:
    gated.start(scratch)
    gated.record_both(scratch, LOST)
    assert scratch.run(*ASK, "--statement", "v3.intoto.json", env=NOW).code == 1
    made = json.loads((scratch.root / "v3.intoto.json").read_text())
    assert made["_type"] == "https://in-toto.io/Statement/v1"
    assert made["predicateType"] == "https://in-toto.io/attestation/test-result/v0.1"
    digest = gated.digest_of(scratch, "v3").removeprefix("sha256:")
    assert made["subject"] == [{"name": "prompts/support_agent@v3", "digest": {"sha256": digest}}]
    assert made["predicate"]["result"] == "FAILED"
    assert made["predicate"]["failedTests"] == LOST
    again = scratch.run(*ASK, "--statement", "v3.intoto.json", env=NOW)
    assert again.code == 2
    assert "nothing is ever overwritten" in again.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("gate", "nosuch", "v3", "--label", "production"), "nosuch"),
        (("gate", gated.ID, "v9", "--label", "production"), "its versions: v1, v2, v3"),
        (("gate", gated.ID, "latest", "--label", "production"), "has no version"),
        (("gate", gated.ID, "v3", "--label", "v3"), "is not a label"),
        (("gate", gated.ID, "v3"), "--label"),
        (("gate", gated.ID, "v3", "--label", "production", "--weight", "0"), "weight"),
    ],
)
def test_wrong_usage(scratch: Scratch, arguments: tuple[str, ...], said: str) -> None:
    gated.start(scratch)
    answer = scratch.run(*arguments)
    assert answer.code == 2
    assert said in answer.err


def test_a_policy_that_cannot_be_used_stops_everything(scratch: Scratch) -> None:
    gated.start(scratch, "{rollout: [{weight: 50}, {weight: 5}]}")
    gated.record_both(scratch)
    answer = scratch.run(*ASK, env=NOW)
    assert answer.code == 2
    assert "the weights rise from step to step and end with 100" in answer.err
    told = scratch.run("validate", "--format", "json").json()
    (found,) = [found for found in told["findings"] if found["severity"] == "error"]
    assert found["code"] == "C320"
    line, column = found["line"], found["column"]
    assert (scratch.root / "catalog.yaml").read_text().split("\n")[line - 1][column - 1 :].startswith("rollout:")


def test_a_policy_that_cannot_be_used_is_told_beside_other_mistakes_at_its_key(scratch: Scratch) -> None:
    gated.start(scratch)
    scratch.write(
        "catalog.yaml",
        "skils: [a]\nlabels:\n  production:\n    gate:\n      min_cass: 5\n      rollout: [{weight: 5}, {weight: 2}]\n",
    )
    told = scratch.run("validate", "--format", "json").json()["findings"]
    wrong = [(found["code"], found["line"], found["column"]) for found in told if found["severity"] == "error"]
    assert wrong == [("C301", 1, 1), ("C301", 5, 7), ("C320", 6, 7)]


def test_names_of_cases_are_hostile(scratch: Scratch) -> None:
    from catalog_tool.gate.evidence import FAIL, CaseResult

    gated.start(scratch)
    evil = CaseResult(name="\x1b[2J::error::x\n##[error]y", outcome=FAIL, critical=True)
    gated.record(scratch, gated.evidence(scratch, "v2", (*gated.cases(), evil)))
    gated.record(scratch, gated.evidence(scratch, "v3", (*gated.cases(), evil)))
    for form in ("text", "json"):
        answer = scratch.run(*ASK, "--format", form, env={**NOW, "GITHUB_ACTIONS": "true"})
        assert answer.code == 1
        assert "\x1b" not in answer.out
        assert "##[" not in answer.out
        assert not any(line.lstrip().startswith("::") for line in answer.out.splitlines())


class TestAgain:
    """A new run of what the label has already: the content is the same, the model behind its name may not be."""

    def ask(self, scratch: Scratch, lost: list[str], version: str = "v2", *more: str) -> Answer:
        made = gated.evidence(scratch, "v2", gated.cases(failed=lost), hour=2)
        path = scratch.root.parent / "again.json"
        path.write_bytes(evidence_bytes(made))
        arguments = ("gate", gated.ID, version, "--label", "production", "--candidate", str(path), *more)
        return scratch.run(*arguments, env=NOW)

    def test_its_rules_decide_against_what_git_knows(self, scratch: Scratch) -> None:
        gated.start(scratch)
        gated.record_both(scratch)
        assert self.ask(scratch, LOST).code == 0  # as a move, the same content needs no evidence
        assert self.ask(scratch, [], "v2", "--again").code == 0
        worse = self.ask(scratch, LOST, "v2", "--again")
        assert worse.code == 1
        assert "worse than v2: 6 lost, 0 won of 40 cases" in worse.out

    def test_it_is_no_move_even_where_the_branch_makes_one(self, scratch: Scratch) -> None:
        gated.start(scratch)
        gated.record_both(scratch)
        scratch.git("checkout", "--quiet", "-b", "feature")
        scratch.write(gated.REGISTRY, gated.LABELS.replace("v2", "v3"))
        scratch.commit("Move production")
        answer = self.ask(scratch, [], "v2", "--again")
        assert answer.code == 2
        assert "support_agent@production does not point to v2" in answer.err

    def test_without_a_new_run_there_is_nothing_to_judge(self, scratch: Scratch) -> None:
        gated.start(scratch)
        gated.record_both(scratch)
        answer = scratch.run("gate", gated.ID, "v2", "--label", "production", "--again", env=NOW)
        assert answer.code == 2
        assert "--candidate" in answer.err


@pytest.mark.parametrize(
    ("gate", "found"),
    [
        ("{after: {label: staging}}", None),
        ("{after: {label: stagin}}", (5, 27, "denies every promotion", "did you mean staging?")),
        ("{after: [{label: staging}, {label: qa}]}", (5, 46, "label qa", "write qa under `labels:` if it is to come")),
    ],
)
def test_a_label_that_no_prompt_has_is_named(
    scratch: Scratch, gate: str, found: tuple[int, int, str, str] | None
) -> None:
    gated.start(scratch, gate)
    said = stray_names(scratch)
    if found is None:
        assert said == []
        return
    (finding,) = said
    assert (finding["line"], finding["column"], finding["severity"]) == (*found[:2], "warning")
    assert found[2] in finding["message"]
    assert finding["hint"] == found[3]


def stray_names(scratch: Scratch) -> list[dict[str, object]]:
    found = scratch.run("validate", "--format", "json").json()["findings"]
    return [item for item in found if item["code"] == "C320"]


def test_a_gate_under_a_mistyped_label_is_never_asked_and_said_so(scratch: Scratch) -> None:
    gated.start(scratch)
    scratch.write("catalog.yaml", gated.SETTINGS.format(gate="{}").replace("production", "producton"))
    (finding,) = stray_names(scratch)
    assert (finding["line"], finding["column"]) == (3, 3)
    assert str(finding["message"]).endswith("never asked, since no prompt has that label: did you mean production?")
    scratch.write("catalog.yaml", gated.SETTINGS.format(gate="{}").replace("production", "canary"))
    assert stray_names(scratch) == [], "it may be a label that is to come"


def test_a_label_that_is_written_down_is_to_come(scratch: Scratch) -> None:
    gated.start(scratch, "{after: {label: qa}}\n  qa: {}")
    assert stray_names(scratch) == []
