"""What holds for every gate: worse never helps, silence never helps, the same question has the same answer."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog_tool.gate.decide import decide
from catalog_tool.gate.decision import ALLOW, DENY, INDETERMINATE, Content, Question, Record
from catalog_tool.gate.evidence import ERROR, FAIL, OUTCOMES, PASS, CaseResult, Dataset, Evidence, Model, Subject
from catalog_tool.gate.in_toto import statement
from catalog_tool.gate.label_history import Held, LabelHistory
from catalog_tool.gate.moves import Move, moves, promoted
from catalog_tool.gate.policy import read_policy
from catalog_tool.gate.records import sealed
from catalog_tool.model.labels import LabelValue

V2, V3 = "sha256:" + "2" * 64, "sha256:" + "3" * 64
ORDER = [DENY, INDETERMINATE, ALLOW]
POLICIES = [{}, {"pass_rate": {"min": 0.8}}, {"max_errors": 0.2}, {"min_cases": 5, "pass_rate": {"min": 0.3}}]
CASES = st.lists(
    st.tuples(st.sampled_from(OUTCOMES), st.sampled_from([PASS, PASS, PASS, FAIL]), st.booleans(), st.booleans()),
    max_size=60,
)
Drawn = list[tuple[str, str, bool, bool]]


def evidence(digest: str, cases: tuple[CaseResult, ...]) -> Evidence:
    return sealed(
        Evidence(
            prompt=Subject(id="a", version="v3" if digest == V3 else "v2", digest=digest),
            dataset=Dataset(digest="sha256:" + "d" * 64, cases=len(cases)), model=Model(name="m"),
            cases=cases, started_at=0, finished_at=0,
        )
    )  # fmt: skip


def question(drawn: Drawn, policy: int) -> Question:
    def cases(side: int) -> tuple[CaseResult, ...]:
        return tuple(
            CaseResult(name=str(n), outcome=row[side], critical=row[2] and n % 9 == 0, flaky=row[3] and n % 7 == 0)
            for n, row in enumerate(drawn)
        )

    return Question(
        prompt="a", label="production", candidate=Content(version="v3", digest=V3),
        current=LabelValue((("v2", 100),)), wanted=LabelValue((("v3", 100),)),
        baseline=Content(version="v2", digest=V2), policy=read_policy(POLICIES[policy]),
        record=Record(evidence=evidence(V3, cases(0)), runs=1),
        baseline_record=Record(evidence=evidence(V2, cases(1)), runs=1),
    )  # fmt: skip


@settings(max_examples=100)
@given(CASES, st.integers(0, 3), st.integers(0, 59))
def test_a_case_that_fails_instead_of_passing_never_helps(drawn: Drawn, policy: int, at: int) -> None:
    asked = question(drawn, policy)
    passing = [number for number, row in enumerate(drawn) if row[0] == PASS]
    if not passing:
        return
    place = passing[at % len(passing)]
    worse = list(drawn)
    worse[place] = (FAIL, *drawn[place][1:])
    assert ORDER.index(decide(question(worse, policy)).status) <= ORDER.index(decide(asked).status)


@settings(max_examples=100)
@given(CASES, st.integers(0, 3), st.sampled_from(["error", "unknown", "skipped"]))
def test_no_answer_at_all_never_allows(drawn: Drawn, policy: int, silence: str) -> None:
    assert decide(question([(silence, *row[1:]) for row in drawn], policy)).status != ALLOW


@settings(max_examples=100)
@given(CASES, st.integers(0, 3))
def test_allow_means_nothing_critical_is_open_and_the_answer_is_stable(drawn: Drawn, policy: int) -> None:
    asked = question(drawn, policy)
    decision = decide(asked)
    assert decision == decide(asked)
    found = asked.record.evidence
    assert found is not None
    if decision.status == ALLOW:
        assert all(case.outcome == PASS for case in found.cases if case.critical)
        assert any(case.outcome == PASS for case in found.cases) or policy == 0
    assert decide(replace(asked, record=Record())).status == INDETERMINATE


@settings(max_examples=50)
@given(CASES)
def test_a_statement_tells_every_case_once(drawn: Drawn) -> None:
    found = question(drawn, 0).record.evidence
    assert found is not None
    predicate = statement(found)["predicate"]
    told = [*predicate["passedTests"], *predicate["warnedTests"], *predicate["failedTests"]]
    assert sorted(told) == sorted(case.name for case in found.cases)
    if predicate["result"] == "PASSED":
        assert all(case.outcome == PASS for case in found.cases)
    assert predicate["result"] != "PASSED" or found.cases


WEIGHTS = st.integers(1, 9999).map(lambda share: share / 100)


@settings(max_examples=100)
@given(WEIGHTS, WEIGHTS)
def test_promotions_add_up_to_everybody(first: float, second: float) -> None:
    one = promoted(LabelValue((("v2", 100),)), "v3", first, None)
    assert round(sum(weight for _, weight in one.split) * 100) == 10_000
    assert (one.stable, dict(one.split)["v3"]) == ("v2", first)
    again = promoted(one, "v3", second, None)
    assert round(sum(weight for _, weight in again.split) * 100) == 10_000
    gains = Move("a", "production", one, again).gaining()
    assert gains == (("v3",) if second > first else ())


def test_who_gains() -> None:
    old = {"a": {"x": LabelValue((("v2", 50), ("v3", 50))), "gone": LabelValue((("v1", 100),))}}
    turned = LabelValue((("v3", 50), ("v2", 50)))
    found = list(moves(old, {"a": {"x": turned, "new": LabelValue((("v1", 100),))}, "b": {}}))
    assert [(move.label, move.gaining()) for move in found] == [("x", ("v3",)), ("new", ("v1",))]
    assert list(moves(old, old)) == []


def test_time_under_a_label_is_unbroken() -> None:
    def value(*split: tuple[str, float]) -> LabelValue:
        return LabelValue(split)

    spans = [
        Held(0, value(("v3", 100))),
        Held(10, value(("v2", 100))),
        Held(20, value(("v2", 95), ("v3", 5))),
        Held(30, value(("v2", 75), ("v3", 25))),
    ]
    history = LabelHistory({"production": spans}, {})
    assert history.under("production", "v3") == 20
    assert history.under("production", "v3", 25) == 30
    assert history.under("production", "v2") == 10
    assert history.under("production", "v1") is None
    assert history.under("other", "v3") is None
    assert LabelHistory({"production": spans}, {"v3": 25}).under("production", "v3") == 25
    assert LabelHistory({"production": [*spans, Held(40, None)]}, {}).under("production", "v2") is None
    assert history.ways_back("production", "v2") == ["v3"]


def taken(line: str) -> LabelHistory:
    """A label that went this way; ``-`` is a time without it."""
    values = [None if name == "-" else LabelValue(((f"v{name}", 100),)) for name in line]
    return LabelHistory({"production": [Held(at, value) for at, value in enumerate(values)]}, {})


@pytest.mark.parametrize(
    ("line", "present", "expected"),
    [
        ("23", "3", "2"),
        ("42", "2", "4"),  # what it had just before, whatever its number
        ("142", "2", "41"),
        ("4-2", "2", "4"),
        ("4-4", "4", ""),
        ("232", "2", ""),  # v3 was rolled back
        ("2324", "4", "2"),  # and is not let in again by a later version
        ("23234", "4", "32"),  # but by a promotion
        ("424", "4", ""),  # v2 was
        ("1231", "1", ""),  # v3 and v2: the way back led past it
        ("12312", "2", "1"),
        ("2132", "2", "1"),  # past an older one it closes nothing
        ("21321", "1", ""),
        ("1234", "2", "1"),  # a target that is late: what git said later is not before
        ("124", "3", "21"),  # moved by hand on the target
        ("124", "9", "421"),
        ("", "2", ""),
    ],
)
def test_where_a_label_can_go_back_to(line: str, present: str, expected: str) -> None:
    ways = [f"v{name}" for name in expected]
    assert taken(line).ways_back("production", f"v{present}") == ways
    for number, version in enumerate(ways):
        held = taken(line).last_time("production", version, f"v{present}")
        assert held is not None, number
        assert held.value == LabelValue(((version, 100),))


def test_what_a_target_holds_may_be_no_version() -> None:
    assert taken("12").ways_back("production", "blue") == []


def test_the_last_time_is_before_what_the_label_has_now() -> None:
    at = {version: taken("12132").last_time("production", version, "v3") for version in ("v1", "v2", "v4")}
    assert [held and held.since for held in at.values()] == [2, 1, None]
    assert taken("12").last_time("production", "v2", "v9") == Held(1, LabelValue((("v2", 100),)))


@given(st.lists(st.integers(1, 5), max_size=12))
def test_going_back_ends_and_comes_to_nothing_twice(line: list[int]) -> None:
    values = [str(number) for number in line] or ["1"]
    seen = [f"v{values[-1]}"]
    while ways := taken("".join(values)).ways_back("production", seen[-1]):
        assert ways[0] not in seen
        seen.append(ways[0])
        values.append(ways[0][1:])


def test_an_error_is_not_a_failure_of_the_content() -> None:
    drawn: Drawn = [(PASS, PASS, False, False)] * 49 + [(ERROR, PASS, False, False)]
    assert decide(question(drawn, 0)).status == ALLOW
    assert decide(question([*drawn, drawn[-1]], 0)).status == INDETERMINATE
