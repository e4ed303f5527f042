"""Rules of changes in ``catalog.yaml``: known by name, held to their levels, waived until a day."""

from __future__ import annotations

import pytest

from catalog_tool.diff.changes import Change, Waiver, detail
from catalog_tool.diff.occasions import KNOWN, OCCASIONS
from catalog_tool.diff.overrides import with_overrides
from catalog_tool.diff.rules import BEHAVIOUR_LEVELS, CONTRACT_LEVELS
from catalog_tool.model.change_rules import CHANGE_RULES, CONTRACT_SEVERITIES
from catalog_tool.model.codes import CODES
from catalog_tool.model.settings import Rule
from catalog_tool.source.settings import read_settings


def test_settings_know_every_rule_by_name() -> None:
    assert set(KNOWN) == CHANGE_RULES
    assert not CHANGE_RULES & set(CODES)
    assert set(CONTRACT_SEVERITIES) == set(CONTRACT_LEVELS)


@pytest.mark.parametrize("rule", OCCASIONS, ids=lambda rule: rule.id)
def test_occasions_are_complete(rule) -> None:
    assert rule.contract in CONTRACT_LEVELS
    assert rule.behaviour in BEHAVIOUR_LEVELS
    assert rule.change
    assert rule.why


@pytest.mark.parametrize(
    ("rules", "code", "said"),
    [
        ("tool-added: {severity: minor, reason: r}", None, ""),
        ('tool-added: {severity: none, reason: r, until: "2026-12-31"}', None, ""),
        ("P130: {severity: warning}", None, ""),
        ("tool-added: {severity: minor}", "C301", "`reason` is missing"),
        ("tool-added: {severity: warning}", "C301", "write one of major, minor, patch, none"),
        ("P130: {severity: minor, reason: r}", "C301", "write one of error, warning, info, ignore"),
        ("tool-added: {severity: minor, reason: r, until: soon}", "C301", "a day is written as 2026-12-31"),
        ("tool-aded: {severity: minor, reason: r}", "C304", "no finding or rule tool-aded"),
        ('P140: {severity: ignore, reason: r, until: "2020-01-01"}', "C301", "P140 is a finding: its rule would never"),
        ('ACME1: {severity: info, until: "2120-01-01"}', "C301", "`until` ends a rule about a change"),
    ],
)
def test_settings_refuse_what_no_rule_takes(rules: str, code: str | None, said: str) -> None:
    settings, findings = read_settings(f"rules:\n  {rules}\n".encode())
    assert [found.code for found in findings] == ([code] if code else [])
    assert all(said in found.message for found in findings)
    assert len(settings.rules) == (not findings), "what is wrong is not in force"


def test_the_nearest_rule_is_named() -> None:
    _, findings = read_settings(b"rules:\n  tool-aded: {severity: minor, reason: r}\n")
    assert findings[0].hint == "did you mean tool-added?"


@pytest.mark.parametrize(
    ("rule", "level", "waived"),
    [
        (Rule("minor", "r"), "minor", True),
        (Rule("minor", "r", "2026-11-21"), "minor", True),
        (Rule("minor", "r", "2026-11-20"), "major", False),
        (Rule("major", "r"), "major", False),
        (Rule("warning", "r"), "major", False),
    ],
)
def test_an_override_holds_to_its_last_day(rule: Rule, level: str, waived: bool) -> None:  # noqa: FBT001
    change = Change("a", "prompt", "modified", "v1", "v2", (detail("tool-added", "/tools/0", None, {}, "came"),))
    (found,) = with_overrides([change], {"tool-added": rule}, "2026-11-21")
    assert found.contract == level
    expected = Waiver("major", rule.reason, rule.until) if waived else None
    assert found.details[0].waiver == expected
