"""Policies: what the schema says, what it cannot say, and what the defaults are."""

from __future__ import annotations

from typing import Any

import pytest

from catalog_tool.gate.fields import MalformedError
from catalog_tool.gate.policy import After, MetricRule, Policy, Step, read_policy
from catalog_tool.gate.presence import may_change_with_time
from catalog_tool.model.finding import Finding
from catalog_tool.model.settings import Settings
from catalog_tool.source.schema_engine import SchemaEngine
from catalog_tool.source.schemas import load_schema

FULL: dict[str, Any] = {
    "after": [{"label": "staging", "for": "24h"}, {"label": "canary"}],
    "pass_rate": {"min": 0.9},
    "confidence": 0.9,
    "min_cases": 50,
    "max_errors": 0.01,
    "regressions": {"significance": 0.01, "cases": 3, "share": 0.1},
    "metrics": {"faithfulness": {"min": 0.8, "max_drop": 0.02}, "latency_ms": {"max": 900, "at": "p90"}, "style": {}},
    "false_discovery": 0.1,
    "baseline": "optional",
    "evidence": {"max_age": "30d", "models": "declared", "origins": ["run"], "repetitions": 3},
    "rollout": [{"weight": 5, "for": "1h"}, {"weight": 25.5, "min_cases": 100, "fresh": True}, {"weight": 100}],
}


def test_nothing_means_the_defaults() -> None:
    policy = read_policy({})
    assert policy == Policy(digest=policy.digest)
    assert not policy.is_timed


def test_everything_is_read() -> None:
    policy = read_policy(FULL)
    assert policy.after == (After(label="staging", seconds=86_400), After(label="canary"))
    assert policy.rollout[0] == Step(weight=5, seconds=3600)
    assert policy.rollout[1] == Step(weight=25.5, min_cases=100, fresh=True)
    assert policy.metrics["latency_ms"] == MetricRule(max=900, at="p90")
    assert (policy.max_age, policy.origins, policy.repetitions) == (30 * 86_400, ("run",), 3)
    assert policy.is_timed
    assert SchemaEngine(load_schema("policy")).errors(FULL) == []


@pytest.mark.parametrize(
    "written",
    [
        {"pass_rat": {"min": 0.9}},
        {"pass_rate": {"min": 90}},
        {"pass_rate": {}},
        {"confidence": 1},
        {"min_cases": 0},
        {"max_errors": -0.1},
        {"regressions": {"cases": 0}},
        {"metrics": {"a": {"max_drop": -1}}},
        {"metrics": {"a": {"at": "p50"}}},
        {"baseline": "perhaps"},
        {"evidence": {"models": "some"}},
        {"evidence": {"max_age": "a month"}},
        {"after": {"label": "staging", "for": "24"}},
        {"after": {"for": "24h"}},
        {"rollout": [{"weight": 0}, {"weight": 100}]},
        {"rollout": [{"weight": 101}]},
    ],
)
def test_what_is_refused_by_the_schema_and_by_the_reader(written: dict[str, Any]) -> None:
    assert SchemaEngine(load_schema("policy")).errors(written)
    with pytest.raises(MalformedError):
        read_policy(written)


@pytest.mark.parametrize("weights", [[5, 5, 100], [25, 5, 100], [5, 25], [5.001, 100]])
def test_what_only_the_reader_can_refuse(weights: list[float]) -> None:
    with pytest.raises(MalformedError, match="rollout"):
        read_policy({"rollout": [{"weight": weight} for weight in weights]})


def test_the_settings_know_the_same_policy() -> None:
    kept = ("type", "properties", "additionalProperties")
    own = load_schema("policy")
    gate = load_schema("catalog")["properties"]["labels"]["additionalProperties"]["properties"]["gate"]
    assert {key: gate[key] for key in kept} == {key: own[key] for key in kept}


@pytest.mark.parametrize(
    ("gate", "timed"),
    [({}, False), ({"pass_rate": {"min": 1}}, False), ({"after": {"label": "a", "for": "1h"}}, True),
     ({"rollout": [{"weight": 100}]}, True), ({"evidence": {"max_age": "1d"}}, True), ({"evidence": {}}, False)],
)  # fmt: skip
def test_what_may_be_remembered(gate: dict[str, Any], timed: bool) -> None:  # noqa: FBT001 - a table's column
    settings = Settings(labels={"production": {"gate": gate}, "staging": {}})
    assert may_change_with_time(settings, []) == timed
    assert may_change_with_time(settings, [Finding("C322", "error", "")])
    assert not may_change_with_time(Settings(labels={"staging": {}}), [Finding("P113", "error", "")])
