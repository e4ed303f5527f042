"""Every type of expectation against answers that hold, that do not, and that cannot be judged."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from catalog_tool.checks.expectations import FORMS, problem_of
from catalog_tool.evals.answer import Timing, Tokens
from catalog_tool.evals.prices import Price
from catalog_tool.evals.scorers import SCORERS, metric_of, needs_model
from catalog_tool.source.schemas import load_schema

from .scenes import PARTS, Vectors, said, score

TEXT = "The order number is 48213.\n"

HOLDS: list[tuple[dict[str, Any], str]] = [
    ({"type": "equals", "value": "The order number is 48213."}, TEXT),
    ({"type": "equals", "value": "yes", "ignore_case": True}, " YES "),
    ({"type": "equals", "value": "STRASSE", "ignore_case": True}, "straße"),
    ({"type": "equals", "value": {"a": 1.0, "b": [True]}}, '{"b": [true], "a": 1}'),
    ({"type": "equals", "value": 3}, "3"),
    ({"type": "not_equals", "value": "no"}, "yes"),
    ({"type": "contains", "value": "order number"}, TEXT),
    ({"type": "contains", "value": ["order", "48213"]}, TEXT),
    ({"type": "contains", "value": "ORDER", "ignore_case": True}, TEXT),
    ({"type": "contains_any", "value": ["absent", "48213"]}, TEXT),
    ({"type": "not_contains", "value": "refund"}, TEXT),
    ({"type": "not_contains", "value": ["refund", "BANANA"]}, TEXT),
    ({"type": "starts_with", "value": "The order"}, "\n" + TEXT),
    ({"type": "not_starts_with", "value": "As an AI"}, TEXT),
    ({"type": "ends_with", "value": "48213."}, TEXT),
    ({"type": "not_ends_with", "value": "?"}, TEXT),
    ({"type": "regex", "value": "[0-9]{5}"}, TEXT),
    ({"type": "not_regex", "value": "^Sorry"}, TEXT),
    ({"type": "is_json"}, "```json\n{\"a\": 1}\n```"),
    ({"type": "json_schema", "value": {"type": "array", "minItems": 1}}, "[1]"),
    ({"type": "json_schema"}, '{"answer": "x"}'),
    ({"type": "json_path", "path": "$.items[0].id"}, '{"items": [{"id": null}]}'),
    ({"type": "json_path", "path": "$.items[*].id", "value": 2}, '{"items": [{"id": 1}, {"id": 2.0}]}'),
    ({"type": "json_path", "path": "$..id", "schema": {"type": "integer"}}, '{"items": [{"id": 1}, {"id": 2}]}'),
]  # fmt: skip

FAILS: list[tuple[dict[str, Any], str, str]] = [
    ({"type": "equals", "value": "yes"}, "Yes", "it is “Yes”"),
    ({"type": "equals", "value": True}, "1", "it is “1”"),
    ({"type": "equals", "value": {"a": 1}}, "a: 1", "the answer is no JSON"),
    ({"type": "not_equals", "value": "yes"}, "yes ", "it does"),
    ({"type": "contains", "value": ["order", "refund"]}, TEXT, "“refund” does not occur"),
    ({"type": "contains", "value": "ORDER"}, TEXT, "“ORDER” does not occur"),
    ({"type": "contains_any", "value": ["a!", "b!"]}, TEXT, "none of “a!”, “b!” occurs"),
    ({"type": "not_contains", "value": ["refund", "order"]}, TEXT, "it does"),
    ({"type": "not_contains", "value": "ORDER", "ignore_case": True}, TEXT, "it does"),
    ({"type": "starts_with", "value": "An order"}, TEXT, "it begins"),
    ({"type": "ends_with", "value": "48214."}, TEXT, "it ends"),
    ({"type": "regex", "value": "^[0-9]+$"}, TEXT, "is not found"),
    ({"type": "is_json"}, "{", "the answer is no JSON"),
    ({"type": "is_json"}, "```json\n{}\n```\nand more ```x```", "the answer is no JSON"),
    ({"type": "json_schema"}, '{"answer": 1}', "/answer"),
    ({"type": "json_schema"}, "fine", "the answer is no JSON"),
    ({"type": "json_path", "path": "$.a"}, '{"b": 1}', "nothing stands at $.a"),
    ({"type": "json_path", "path": "$.a", "value": 1}, '{"a": true}', "at $.a stands"),
    ({"type": "json_path", "path": "$.a", "schema": {"type": "string"}}, '{"a": 1}', "at $.a: "),
]  # fmt: skip


@pytest.mark.parametrize(("expectation", "text"), HOLDS, ids=lambda value: json.dumps(value)[:50])
def test_what_holds(expectation: dict[str, Any], text: str) -> None:
    check = score(expectation, text)
    assert (check.outcome, check.message) == ("pass", None)


@pytest.mark.parametrize(("expectation", "text", "why"), FAILS, ids=lambda value: json.dumps(value)[:50])
def test_what_does_not(expectation: dict[str, Any], text: str, why: str) -> None:
    check = score(expectation, text)
    assert check.outcome == "fail"
    assert why in (check.message or "")


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"type": "contain", "value": "x"}, "did you mean contains?"),
    ({"type": "python", "value": "import os"}, "there is no expectation 'python'"),
    ({"type": "contains"}, "`value` is a text"),
    ({"type": "contains", "value": []}, "`value` is a text"),
    ({"type": "equals"}, "`value` is missing"),
    ({"type": "starts_with", "value": 1}, "`value` is a text"),
    ({"type": "regex", "value": "(a+)+$"}, "the pattern is not evaluated"),
    ({"type": "regex", "value": "(?=x)"}, "the pattern is not evaluated"),
    ({"type": "regex", "value": "a", "ignore_case": True}, "write both, as in [Aa]"),
    ({"type": "contains", "value": "a", "ignorecase": True}, "did you mean `ignore_case`?"),
    ({"type": "contains", "valeu": "a"}, "`valeu` says nothing here: did you mean `value`?"),
    ({"type": "contains", "value": "a", "threshold": 0.9}, "`threshold` says nothing here: it takes ignore_case"),
    ({"type": "judge", "rubric": "style", "treshold": 0.9}, "did you mean `threshold`?"),
    ({"type": "faithfulness", "context": ["a"], "votes": 3}, "`votes` says nothing here: it takes context, threshold"),
    ({"type": "is_json", "schema": {}}, "`schema` says nothing here: it takes no more"),
    ({"type": "json_schema", "value": {"type": "objekt"}}, "`value`:"),
    ({"type": "json_path", "path": "items"}, "starts with `$`"),
    ({"type": "json_path", "path": "$.items[?(@.id)]"}, "not understood"),
    ({"type": "json_path"}, "`path` is a JSON path"),
    ({"type": "tool_called", "value": "delete_all"}, "the prompt has no tool “delete_all”"),
    ({"type": "similarity", "value": [" "]}, "reference text"),
    ({"type": "judge", "rubric": "halucination"}, "there is no rubric 'halucination'"),
    ({"type": "judge"}, "`rubric` is a name"),
    ({"type": "judge", "rubric": {"criterion": "x", "levels": {"1": "a"}}}, "two grades"),
    ({"type": "judge", "rubric": {"criterion": "x", "levels": {"good": "a", "bad": "b"}}}, "grades from 0 to 100"),
    ({"type": "judge", "rubric": "style", "votes": 0}, "`votes` is from 1 to 15"),
    ({"type": "judge", "rubric": "style", "threshold": 4}, "`threshold` is from -1 to 1"),
    ({"type": "faithfulness", "context": "docs"}, "`context` names the variable"),
    ({"type": "context_recall", "context": "passages"}, "`value` is the reference answer"),
    ({"type": "crag"}, "`value` is the reference answer"),
    ({"type": "max_cost", "value": 0}, "a number above 0"),
    ({"type": "max_latency", "value": True}, "a number above 0"),
]  # fmt: skip


@pytest.mark.parametrize(("expectation", "why"), WRONG, ids=lambda value: json.dumps(value)[:60])
def test_an_expectation_that_makes_no_sense_is_an_error_never_a_pass(expectation: dict[str, Any], why: str) -> None:
    assert why in problem_of(expectation, PARTS)
    check = score(expectation, "whatever")
    assert check.outcome == "error"
    assert why in (check.message or "")


def test_a_hostile_pattern_and_a_long_answer_take_no_time() -> None:
    started = time.perf_counter()
    assert score({"type": "regex", "value": "^.*order.*[0-9]$"}, "order " * 100_000).outcome == "fail"
    assert time.perf_counter() - started < 2


@pytest.mark.parametrize(
    ("expectation", "outcome"),
    [
        ({}, "pass"),
        ({"value": "create_ticket"}, "pass"),
        ({"value": "search_kb"}, "fail"),
        ({"value": "create_ticket", "arguments": {"title": "Refund"}}, "pass"),
        ({"value": "create_ticket", "arguments": {"title": "refund"}}, "fail"),
        ({"value": "create_ticket", "arguments": {"who": {"id": 7}}}, "pass"),
        ({"value": "create_ticket", "schema": {"required": ["title"]}}, "pass"),
        ({"value": "create_ticket", "schema": {"required": ["urgency"]}}, "fail"),
    ],
)
def test_a_tool_is_called(expectation: dict[str, Any], outcome: str) -> None:
    answer = said("", ("create_ticket", '{"title": "Refund", "who": {"id": 7, "name": "Ada"}}'))
    assert score({"type": "tool_called", **expectation}, answer).outcome == outcome
    opposite = {"pass": "fail", "fail": "pass"}[outcome]
    assert score({"type": "not_tool_called", **expectation}, answer).outcome == opposite


def test_a_tool_called_with_broken_arguments_is_not_called_as_expected() -> None:
    answer = said("", ("create_ticket", '{"title": '))
    check = score({"type": "tool_called", "value": "create_ticket", "arguments": {}}, answer)
    assert (check.outcome, check.message) == ("fail", "the arguments of create_ticket are no JSON")
    assert score({"type": "tool_called"}, said("", ("search_kb", ""))).outcome == "pass"
    assert score({"type": "tool_called"}, "no tool at all").outcome == "fail"


def test_what_was_not_measured_is_an_error_and_not_zero() -> None:
    for kind in ("max_tokens", "max_cost", "max_latency", "max_time_to_first_token"):
        check = score({"type": kind, "value": 10}, "x", price=Price(input=1, output=1))
        assert check.outcome == "error", kind
    unpriced = score({"type": "max_cost", "value": 1}, said("x", tokens=Tokens(input=1, output=1)))
    assert "the price of the model is unknown" in (unpriced.message or "")


@pytest.mark.parametrize(
    ("kind", "value", "outcome"),
    [
        ("max_tokens", 50, "pass"), ("max_tokens", 49, "fail"),
        ("max_cost", 0.0002, "pass"), ("max_cost", 0.00019, "fail"),
        ("max_latency", 800, "pass"), ("max_latency", 799, "fail"),
        ("max_time_to_first_token", 200, "pass"), ("max_time_to_first_token", 150, "fail"),
    ],
)  # fmt: skip
def test_measures(kind: str, value: float, outcome: str) -> None:
    answer = said("x", tokens=Tokens(input=100, output=50), timing=Timing(latency_ms=800, first_token_ms=200))
    assert score({"type": kind, "value": value}, answer, price=Price(input=1, output=2)).outcome == outcome


def test_similarity_is_the_nearest_reference() -> None:
    table = {"said": [1.0, 0.0], "near": [0.8, 0.6], "far": [0.0, 1.0], "zero": [0.0, 0.0]}
    near = score({"type": "similarity", "value": ["far", "near"]}, "said", embedding=Vectors(table))
    assert (near.outcome, near.score) == ("pass", 0.8)
    far = score({"type": "similarity", "value": "far", "threshold": 0.1}, "said", embedding=Vectors(table))
    assert (far.outcome, far.score) == ("fail", 0.0)
    assert score({"type": "similarity", "value": "zero"}, "said", embedding=Vectors(table)).outcome == "error"
    assert score({"type": "similarity", "value": "near"}, "said").outcome == "error"
    assert score({"type": "similarity", "value": "near"}, " ", embedding=Vectors(table)).outcome == "fail"


def test_metrics_are_called_as_the_expectation_says() -> None:
    assert metric_of({"type": "judge", "rubric": "style"}) == "style"
    assert metric_of({"type": "judge", "rubric": "is it kind?"}) == "judge"
    assert metric_of({"type": "judge", "rubric": "is it kind?", "name": "kindness"}) == "kindness"
    assert metric_of({"type": "similarity", "value": "x"}) == "similarity"
    assert metric_of({"type": "contains", "value": "x"}) is None
    assert not needs_model({"type": "max_input_tokens", "value": 1})
    assert needs_model({"type": "nobody knows"})


def test_the_schema_for_editors_names_every_type() -> None:
    kind = load_schema("tests")["$defs"]["expectation"]["properties"]["type"]
    assert kind["examples"] == list(SCORERS) == list(FORMS)
    assert all(f" {name}," in kind["description"] or f" {name}." in kind["description"] for name in SCORERS)
