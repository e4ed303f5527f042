"""The code quality report of GitLab, as its documentation describes it."""

from __future__ import annotations

import json

from catalog_tool.model.finding import ERROR, INFO, WARNING, Finding
from catalog_tool.report.context import ReportContext
from catalog_tool.report.findings_gitlab import render
from catalog_tool.report.plan_terraform import plan_terraform

SUMMARY = {"prompts": 1, "versions": 1, "skills": 0, "errors": 1, "warnings": 0}


def test_every_field_that_gitlab_asks_for() -> None:
    findings = [Finding("P113", ERROR, "bad", "prompts/a/v1.yaml", 3, 4), Finding("C301", WARNING, "worse")]
    first, second = json.loads(render(findings, SUMMARY, ReportContext(path_prefix="team/")))
    assert first["severity"] == "major"
    assert first["location"] == {"path": "team/prompts/a/v1.yaml", "lines": {"begin": 3}}
    assert second["location"] == {"path": "team/catalog.yaml", "lines": {"begin": 1}}
    assert {*first} == {"description", "check_name", "fingerprint", "severity", "location"}


def test_a_finding_that_only_moved_is_the_same_and_two_equal_ones_are_two() -> None:
    here, there = (Finding("P113", INFO, "bad", "a.yaml", line, 1) for line in (3, 9))
    moved = [json.loads(render([item], SUMMARY, ReportContext()))[0]["fingerprint"] for item in (here, there)]
    both = [item["fingerprint"] for item in json.loads(render([here, there], SUMMARY, ReportContext()))]
    assert moved[0] == moved[1]
    assert len(set(both)) == 2


def test_the_counts_of_plans() -> None:
    summary = {"create": 2, "update": 1, "label": 3, "adopt": 0, "delete": 1, "noop": 9}
    plans = [{"summary": summary}, {"summary": summary}, {"status": "error", "error": {}}]
    assert json.loads(plan_terraform(plans)) == {"create": 4, "update": 8, "delete": 2}
