"""The gate's verdicts on situations worked out by hand: ``situations.yaml`` beside this file is the table."""

from __future__ import annotations

from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
import yaml

from catalog_tool.gate.decide import decide
from catalog_tool.gate.decision import Content, Decision, Question, Record
from catalog_tool.gate.evidence import (
    ERROR,
    FAIL,
    PASS,
    CaseResult,
    Dataset,
    Evidence,
    Judge,
    Metric,
    Model,
    Subject,
)
from catalog_tool.gate.label_history import Held, LabelHistory
from catalog_tool.gate.policy import read_policy
from catalog_tool.gate.records import evidence_bytes, read_evidence, sealed
from catalog_tool.model.labels import LabelValue

SITUATIONS: list[dict[str, Any]] = yaml.safe_load(
    Path(__file__).with_name("situations.yaml").read_text(encoding="utf-8")
)
POLICIES: dict[str, dict[str, Any]] = {"usual": {}, "floor": {"pass_rate": {"min": 0.9}}}
NOW = 1_772_546_400
HOUR = 3600
KINDS = {"kept": (PASS, PASS), "lost": (PASS, FAIL), "won": (FAIL, PASS), "never": (FAIL, FAIL)}


def digest(letter: str) -> str:
    return "sha256:" + letter * 64


def _cases(situation: dict[str, Any], side: str) -> tuple[CaseResult, ...]:
    patterns = {name: cycle(found[side]) for name, found in situation.get("scores", {}).items()}
    cases = []
    for kind, count in situation["cases"].items():
        mark, _, inner = kind.rpartition("_")
        outcomes = KINDS.get(kind) or (PASS, inner or kind)
        for number in range(count):
            scores = {name: next(pattern) for name, pattern in patterns.items()}
            cases.append(
                CaseResult(
                    name=f"{kind} {number}", outcome=outcomes[side == "candidate"], scores=scores,
                    critical=mark == "critical", flaky=mark == "flaky",
                )
            )  # fmt: skip
    return tuple(cases)


def _evidence(situation: dict[str, Any], side: str, own: str, given: dict[str, Any]) -> Evidence:
    cases = _cases(situation, side)
    spoiled = given.get("errors", 0)
    cases = tuple(
        CaseResult(name=case.name, outcome=ERROR) if number < spoiled else case for number, case in enumerate(cases)
    )
    metrics = {
        name: Metric(better=found.get("better", "higher")) for name, found in situation.get("scores", {}).items()
    }
    made = Evidence(
        prompt=Subject(id="support_agent", version="v3" if side == "candidate" else "v2", digest=own),
        dataset=Dataset(
            digest=digest("e" if given.get("dataset") else "d"), cases=given.get("dataset_cases", len(cases)),
            files=() if given.get("elsewhere") else ("prompts/support_agent/tests/cases.yaml",),
        ),
        judge=Judge(digest=digest("b" if given.get("judge") else "a")),
        model=Model(
            name=given.get("model", "gpt-4o"), declared=given.get("declared"),
            answered_as=(given["answered_as"],) if "answered_as" in given else (),
        ),
        origin=given.get("origin", "run"),
        stopped=given.get("stopped"),
        metrics=metrics,
        cases=cases,
        started_at=NOW - HOUR,
        finished_at=NOW - HOUR + 60,
    )  # fmt: skip
    return read_evidence(evidence_bytes(sealed(made)))


def _history(asked: dict[str, Any], version: str, current: LabelValue | None) -> LabelHistory | None:
    if asked.get("no_history"):
        return None
    labels: dict[str, list[Held]] = {}
    for number, earlier in enumerate(asked.get("earlier", [])):
        labels.setdefault("production", []).append(Held(NOW - 1000 * HOUR + number, LabelValue(((earlier, 100),))))
    for label, hours in asked.get("under", {}).items():
        value = current if label == "production" else LabelValue(((version, 100),))
        labels.setdefault(label, []).append(Held(round(NOW - hours * HOUR), value))
    return LabelHistory(labels, {}, whole=not asked.get("shallow"))


def _split(version: str, weight: float) -> LabelValue:
    if not weight:
        return LabelValue((("v2", 100),))
    return LabelValue(((version, 100),) if weight == 100 else (("v2", 100 - weight), (version, weight)))


def question(situation: dict[str, Any]) -> Question:
    asked = situation.get("question", {})
    version = asked.get("version", "v3")
    given = situation.get("evidence", {})
    own = digest("2") if asked.get("same") else digest("3")
    evidence = _evidence(situation, "candidate", digest("9") if given.get("digest") else own, given)
    before = _evidence(situation, "baseline", digest("2"), situation.get("baseline", {}))
    current = None if asked.get("first") else _split(version, asked.get("present", 0))
    written = situation.get("policy", "usual")
    history = _history(asked, version, current)
    goes_back = history and current and version in history.ways_back("production", current.stable)
    return Question(
        prompt="support_agent",
        label="production",
        candidate=Content(version=version, digest=own),
        current=current,
        wanted=_split(version, asked.get("wanted", 100)),
        baseline=None if current is None else Content(version="v2", digest=digest("2")),
        policy=read_policy(POLICIES[written] if isinstance(written, str) else written),
        record=Record() if asked.get("no_evidence") else Record(evidence=evidence, runs=1),
        baseline_record=Record() if asked.get("no_baseline_evidence") else Record(evidence=before, runs=1),
        history=history,
        had=(digest("8") if asked.get("recycled") else own) if goes_back else None,
        dataset=digest("e") if "dataset" in asked else digest("d"),
        now=NOW + asked.get("days_later", 0) * 24 * HOUR,
    )


def said(decision: Decision) -> str:
    return "\n".join(f"{reason.outcome:13} {reason.rule}: {reason.message}" for reason in decision.reasons)


@pytest.mark.parametrize("situation", SITUATIONS, ids=[situation["name"] for situation in SITUATIONS])
def test_situation(situation: dict[str, Any]) -> None:
    decision = decide(question(situation))
    story = f"{situation['name']}: {situation['why']}\n{said(decision)}"
    assert decision.status == situation["expect"], story
    for rule, outcome in situation.get("rules", {}).items():
        outcomes = [reason.outcome for reason in decision.reasons if reason.rule == rule]
        assert outcome in outcomes, story
        assert outcome == "fail" or "fail" not in outcomes, story
    if "says" in situation:
        assert situation["says"] in said(decision), story


def test_there_are_enough_of_them_and_each_is_named_once() -> None:
    assert len(SITUATIONS) >= 60
    assert len({situation["name"] for situation in SITUATIONS}) == len(SITUATIONS)
    assert {situation["expect"] for situation in SITUATIONS} == {"allow", "deny", "indeterminate"}
