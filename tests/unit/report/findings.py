"""Findings that the tests of the reports share."""

from __future__ import annotations

from collections.abc import Sequence

from catalog_tool.model.finding import ERROR, INFO, WARNING, Finding

UNDECLARED = Finding(
    "P113",
    ERROR,
    "the variable tone is not declared",
    "prompts/faq/v3.yaml",
    12,
    5,
    "faq@v3",
    "declare it under variables.properties",
)
UNUSED = Finding("P114", WARNING, "the variable city is not used", "prompts/faq/v3.yaml", 4, 3, "faq@v3")
UNOWNED = Finding("S224", INFO, "nobody owns this skill", "skills/pdf/SKILL.md", None, None, "pdf")
NO_BASE = Finding("P153", INFO, "there is no base to compare versions with")


def summary_of(findings: Sequence[Finding]) -> dict[str, int]:
    """The summary of a catalog of nine prompts and nine skills with these findings."""
    severities = [finding.severity for finding in findings]
    return {
        "prompts": 9,
        "versions": 14,
        "skills": 9,
        "errors": severities.count(ERROR),
        "warnings": severities.count(WARNING),
    }
