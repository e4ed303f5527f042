"""Scores of retrieval: the published formulas, and the judge's answers behind them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog_tool.evals.courier import AskError
from catalog_tool.evals.retrieval import GRADES, ranked_precision, supported_share

from .scenes import Bench, score

PASSAGES = {"passages": ["Backups are kept for 35 days.", "Invoices are monthly.", "Backups are daily."]}


@pytest.mark.parametrize(
    ("correct", "missing", "hallucinated", "published"),
    [(25, 55, 20, 0.05), (15, 55, 30, -0.15), (0, 0, 100, -1.0), (100, 0, 0, 1.0), (0, 100, 0, 0.0)],
)
def test_the_mean_of_grades_is_the_crag_score_as_published(
    correct: int, missing: int, hallucinated: int, published: float
) -> None:
    counts = {"correct": correct, "missing": missing, "hallucinated": hallucinated}
    mean = sum(GRADES[grade] * count for grade, count in counts.items()) / 100
    assert round(mean, 2) == published


@pytest.mark.parametrize(
    ("relevant", "precision"),
    [
        ([True], 1.0), ([False], 0.0), ([True, False], 1.0), ([False, True], 0.5), ([True, True, False], 1.0),
        ([False, True, True], 7 / 12), ([True, False, True, False], 5 / 6), ([], 0.0),
    ],
)  # fmt: skip
def test_context_precision_weighs_ranks(relevant: list[bool], precision: float) -> None:
    assert ranked_precision(relevant) == pytest.approx(precision)


@given(st.lists(st.booleans(), max_size=12))
def test_a_relevant_passage_further_up_is_never_worse(relevant: list[bool]) -> None:
    best = sorted(relevant, reverse=True)
    assert 0 <= ranked_precision(relevant) <= ranked_precision(best) <= 1


def test_supported_share() -> None:
    assert supported_share([True, True, False, True]) == 0.75


def claims(*supported: bool, **more: Any) -> str:
    return json.dumps({"claims": [{"claim": "c", "supported": flag} for flag in supported], **more})


@pytest.mark.parametrize(
    ("says", "outcome", "value"),
    [
        (claims(True, True), "pass", 1.0),
        (claims(True, False), "fail", 0.5),
        (claims(makes_claims=False), "pass", 1.0),
        (claims(), "error", None),
        (claims(makes_claims=True), "error", None),
        ('{"claims": [{"claim": "c", "supported": "yes"}]}', "error", None),
        ("The text is faithful.", "error", None),
        (AskError("HTTP 500"), "error", None),
    ],
)
def test_faithfulness(says: str | Exception, outcome: str, value: float | None) -> None:
    expectation = {"type": "faithfulness", "context": "passages"}
    check = score(expectation, "35 days.", judge=Bench(says), variables=PASSAGES)
    assert (check.outcome, check.score) == (outcome, value)


def test_recall_looks_at_the_reference_and_not_at_the_answer() -> None:
    bench = Bench(claims(True, True, False))
    expectation = {"type": "context_recall", "context": "passages", "value": "Kept for 35 days.", "threshold": 0.6}
    check = score(expectation, "the answer", judge=bench, variables=PASSAGES)
    assert (check.outcome, check.score) == ("pass", 0.666667)
    assert "Kept for 35 days." in str(bench.asked)
    assert "the answer" not in str(bench.asked)


@pytest.mark.parametrize(
    ("flags", "outcome", "value"),
    [((1, 0, 0), "pass", 1.0), ((0, 1, 0), "fail", 0.5), ((0, 0, 0), "fail", 0.0), ((1, 1), "error", None)],
)
def test_context_precision(flags: tuple[int, ...], outcome: str, value: float | None) -> None:
    entries = [{"number": number, "relevant": bool(flag)} for number, flag in enumerate(flags, 1)]
    bench = Bench(json.dumps({"passages": entries[::-1]}))
    check = score({"type": "context_precision", "context": "passages"}, "35", judge=bench, variables=PASSAGES)
    assert (check.outcome, check.score) == (outcome, value)


def test_no_passages_is_unknown() -> None:
    expectation = {"type": "context_precision", "context": "passages"}
    assert score(expectation, "35", judge=Bench(""), variables={"passages": []}).outcome == "unknown"


@pytest.mark.parametrize(
    ("grade", "outcome", "value"),
    [
        ("correct", "pass", 1.0), ("missing", "fail", 0.0), ("hallucinated", "fail", -1.0),
        ("unknown", "unknown", None), ("right", "error", None), (True, "error", None),
    ],
)  # fmt: skip
def test_crag_of_one_answer(grade: Any, outcome: str, value: float | None) -> None:
    bench = Bench(json.dumps({"reason": "r", "grade": grade}))
    check = score({"type": "crag", "value": "35 days"}, "35", judge=bench)
    assert (check.outcome, check.score) == (outcome, value)


def test_an_empty_answer_is_missing_without_asking() -> None:
    bench = Bench(AskError("never"))
    check = score({"type": "crag", "value": "35 days"}, " ", judge=bench)
    assert (check.outcome, check.score, bench.asked) == ("fail", 0.0, [])


def test_judges_of_grades_cannot_answer_these() -> None:
    check = score({"type": "crag", "value": "x"}, "35", judge=Bench("[RESULT] 5", form="prometheus"))
    assert check.outcome == "error"
    assert "use one of the form json" in (check.message or "")
