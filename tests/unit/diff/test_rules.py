"""The rule table is complete, and its levels are ordered."""

from __future__ import annotations

from collections import Counter

import pytest

from catalog_tool.diff.rules import BEHAVIOUR_LEVELS, CONTRACT_LEVELS, RULE, RULES, at_least, rank, worst

IDS = {
    *("var-required-added", "var-optional-added", "var-widened", "var-narrowed", "var-removed"),
    *("var-renamed", "var-default", "var-text", "placeholder-required", "placeholder-optional"),
    *("tool-added", "tool-removed", "tool-renamed", "tool-arg-added", "tool-arg-dropped"),
    *("tool-arg-narrowed", "tool-arg-widened", "tool-returns", "tool-text", "tool-strict-off"),
    *("output-form", "output-loosened", "output-optional-added", "output-tightened", "output-text"),
    *("model-snapshot", "model-family", "model-capability", "model-floating"),
    *("params-sampling", "params-cut", "params-raised"),
    *("text-wording", "text-space", "text-structure", "text-example"),
    *("schema-respelled", "schema-order", "undecided"),
    *("skill-routing", "skill-permission", "skill-code", "skill-content"),
    *("template-engine", "shared-part", "meta", "test-weakened", "label-moved"),
}


def test_every_rule_exists_once() -> None:
    assert Counter(rule.id for rule in RULES) == Counter(IDS)
    assert set(RULE) == IDS
    assert all(RULE[rule.id] is rule for rule in RULES)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_is_complete(rule) -> None:
    assert rule.contract in CONTRACT_LEVELS
    assert rule.behaviour in BEHAVIOUR_LEVELS
    assert rule.part
    assert rule.change
    assert rule.why


def test_levels_are_ordered() -> None:
    assert worst(["minor", "major", "patch"]) == "major"
    assert worst(["low", "none", "medium"]) == "medium"
    assert worst([]) == "none"
    assert [rank(level) for level in CONTRACT_LEVELS] == [0, 1, 2, 3]
    assert [rank(level) for level in BEHAVIOUR_LEVELS] == [0, 1, 2, 3]
    assert at_least("minor", "minor")
    assert not at_least("patch", "minor")
    with pytest.raises(KeyError):
        rank("fatal")


@pytest.mark.parametrize(
    ("rule", "levels"),
    [
        ("var-removed", ("minor", "high")),
        ("var-default", ("minor", "high")),
        ("tool-arg-widened", ("major", "medium")),
        ("tool-text", ("patch", "high")),
        ("output-optional-added", ("minor", "low")),
        ("text-space", ("patch", "low")),
        ("undecided", ("major", "medium")),
        ("label-moved", ("none", "none")),
    ],
)
def test_levels_of_some_rules(rule: str, levels: tuple[str, str]) -> None:
    assert (RULE[rule].contract, RULE[rule].behaviour) == levels
