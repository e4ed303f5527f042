"""A rule is told where it stops less on any day from today on, and only there."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from soak import SOAK

from catalog_tool.diff.relaxed_rules import relaxed_rules
from catalog_tool.model.change_rules import CONTRACT_SEVERITIES
from catalog_tool.model.settings import Rule

DAYS = [f"2026-01-{day:02}" for day in range(1, 13)]
RULES = st.none() | st.builds(
    Rule, st.sampled_from(CONTRACT_SEVERITIES), st.just("why"), st.none() | st.sampled_from(DAYS[:-1])
)


def level(rule: Rule | None, day: str) -> int:
    held = rule is not None and (rule.until is None or day <= rule.until)
    return CONTRACT_SEVERITIES.index(rule.severity) if held else 0


@settings(max_examples=5_000 if SOAK else 200)
@given(RULES, RULES, st.sampled_from(DAYS))
def test_what_is_told_is_what_counts_less_on_some_day(old: Rule | None, new: Rule | None, today: str) -> None:
    before, after = ({"tool-added": rule} if rule is not None else {} for rule in (old, new))
    is_less = any(level(new, day) > level(old, day) for day in DAYS if day >= today)
    assert len(list(relaxed_rules(before, after, today))) == is_less


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (Rule("none", "x", "2026-01-01"), Rule("patch", "y"), "count as patch now, whatever they are (y)"),
        (Rule("none", "x"), Rule("patch", "y"), ""),
        (Rule("none", "x", "2026-01-31"), Rule("patch", "y"), "count as patch also after 2026-01-31, when a waiver"),
        (Rule("none", "x", "2026-01-31"), Rule("none", "y"), "go on to count as none, which was to end on 2026-01-31"),
        (Rule("none", "x", "2026-02-31"), Rule("none", "y", "9999-12-31"), "which was to end on 2026-02-31, until"),
    ],
)
def test_what_holds_today_and_what_holds_afterwards_are_compared(old: Rule, new: Rule, said: str) -> None:
    found = [item.message for item in relaxed_rules({"tool-added": old}, {"tool-added": new}, "2026-01-10")]
    assert [said in message for message in found] == [True] * bool(said)


def test_a_finding_has_no_waiver_that_ends() -> None:
    old, new = Rule("ignore", "x", "2020-01-01"), Rule("ignore", "x")
    assert list(relaxed_rules({"P130": old}, {"P130": new}, "2026-01-10")) == []
