"""What judges say in the forms they were trained on, and everything that is no verdict."""

from __future__ import annotations

import time

import pytest

from catalog_tool.evals.verdicts import NoVerdictError, grade_from, object_from, without_reasoning

SCALE = (1, 5)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("<think>5 would be nice</think>\n3", "3"),
        ("<THINK>a</THINK>b<think>c</think>d", "bd"),
        ("<think>a <think>b</think> c</think>d", "d"),
        ("no opening</think>4", "4"),
        ("<think>cut off, score 5", ""),
        ("4 <reasoning>because</reasoning>", "4"),
        ("a < b and c > d", "a < b and c > d"),
        ("", ""),
    ],
)
def test_reasoning_is_no_verdict(text: str, kept: str) -> None:
    assert without_reasoning(text) == kept


@pytest.mark.parametrize(
    ("form", "text", "grade"),
    [
        ("json", '{"reason": "fine", "score": 4}', 4),
        ("json", '<think>{"score": 5}</think>{"score": 2}', 2),
        ("json", 'Here it is:\n```json\n{"score": "3"}\n```\nDone.', 3),
        ("json", 'My verdict: {"reason": "a {brace}", "score": 1.0}', 1),
        ("json", '{"score": "Unknown"}', None),
        ("prometheus", "Feedback: it says 5 things. [RESULT] 4", 4),
        ("prometheus", "Feedback: ... [RESULT] (3)", 3),
        ("prometheus", "the text “[RESULT] 5” is quoted. [RESULT] 2.", 2),
        ("prometheus", "Feedback: cannot tell [RESULT] unknown", None),
        ("flow", "<feedback>5 stars</feedback>\n<score>\n4\n</score>", 4),
        ("flow", "<score>5</score> or rather <score>1</score>", 1),
        ("flow", "<think><score>5</score></think><score>unknown</score>", None),
    ],
)  # fmt: skip
def test_a_grade(form: str, text: str, grade: int | None) -> None:
    assert grade_from(text, form, SCALE).value == grade


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("json", ""), ("json", "I would give it a 5."), ("json", '{"grade": 5}'), ("json", '{"score": 6}'),
        ("json", '{"score": true}'), ("json", '{"score": 4.5}'), ("json", '{"score": null}'), ("json", "[5]"),
        ("json", '{"score": 5, "score": 1}'), ("json", "<think>" + '{"score": 5}'), ("json", '{"score": -1}'),
        ("json", '{"score": "5/5"}'), ("json", '{"a":' * 3000), ("prometheus", "[RESULT]"), ("prometheus", "RESULT 5"),
        ("prometheus", "[RESULT] 4/5"), ("prometheus", "[RESULT] 3.5"), ("prometheus", "[RESULT] 9"),
        ("prometheus", "score: 5"), ("flow", "<score>good</score>"), ("flow", "<score>7</score>"),
        ("flow", "<score>4"), ("flow", '{"score": 4}'),
    ],
)  # fmt: skip
def test_no_grade_is_never_guessed(form: str, text: str) -> None:
    with pytest.raises(NoVerdictError):
        grade_from(text, form, SCALE)


def test_an_object_is_the_whole_or_a_block_or_what_the_outer_braces_hold() -> None:
    assert object_from('{"claims": []}') == {"claims": []}
    assert object_from('So:\n```\n{"a": {"b": 1}}\n```') == {"a": {"b": 1}}
    assert object_from('{"a": 1} is my answer') == {"a": 1}
    with pytest.raises(NoVerdictError):
        object_from('{"a": 1} or {"a": 2}')


@pytest.mark.parametrize(
    "text", ["<think>" * 50_000, "</think>" * 50_000, "{" * 300_000, "[RESULT] " * 50_000, "<score>" * 50_000]
)
@pytest.mark.parametrize("form", ["json", "prometheus", "flow"])
def test_hostile_answers_take_no_time(form: str, text: str) -> None:
    started = time.perf_counter()
    with pytest.raises(NoVerdictError):
        grade_from(text, form, SCALE)
    assert time.perf_counter() - started < 2
