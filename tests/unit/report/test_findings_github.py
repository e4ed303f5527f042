"""Workflow commands: annotations as GitHub takes them."""

from __future__ import annotations

from catalog_tool.model.finding import ERROR, Finding
from catalog_tool.report.context import ReportContext
from catalog_tool.report.findings_github import ANNOTATIONS_A_KIND, render

from .findings import NO_BASE, UNDECLARED, UNOWNED, UNUSED, summary_of


def lines(*findings: Finding, path_prefix: str = "") -> list[str]:
    text = render(findings, summary_of(findings), ReportContext(path_prefix=path_prefix))
    assert text.endswith("\n")
    return text.splitlines()


def test_a_clean_catalog_has_no_annotation() -> None:
    assert lines() == ["Checked 9 prompts (14 versions) and 9 skills: no findings."]


def test_each_severity_is_its_command() -> None:
    assert lines(NO_BASE, UNDECLARED, UNUSED, UNOWNED, path_prefix="a, b/")[:4] == [
        "::notice title=P153 no base to compare versions with::there is no base to compare versions with",
        "::error file=a%2C b/prompts/faq/v3.yaml,line=12,col=5,title=P113 undeclared variable"
        "::the variable tone is not declared%0Adeclare it under variables.properties",
        "::warning file=a%2C b/prompts/faq/v3.yaml,line=4,col=3,title=P114 unused variable"
        "::the variable city is not used",
        "::notice file=a%2C b/skills/pdf/SKILL.md,title=S224 skill without an owner::nobody owns this skill",
    ]


def test_another_packages_code_is_its_own_title() -> None:
    assert lines(Finding("X900", ERROR, "no"))[0] == "::error title=X900::no"


def test_ten_of_a_kind_and_the_rest_in_plain_text() -> None:
    errors = [UNDECLARED._replace(line=line) for line in range(1, 14)]
    warnings = [UNUSED] * ANNOTATIONS_A_KIND
    written = lines(*errors, *warnings)
    commands = [line for line in written if line.startswith("::")]
    assert [command.split(" ")[0] for command in commands] == ["::error"] * 10 + ["::warning"] * 10
    assert written[20] == "3 more findings have no annotation, as GitHub keeps 10 of each kind a step:"
    assert written[21].startswith("prompts/faq/v3.yaml:11:5: error P113 ")
    assert written[-1].endswith(": 13 errors, 10 warnings.")


def test_the_rest_cannot_act() -> None:
    evil = UNDECLARED._replace(path="::error::x", line=None, hint="##[group]")
    written = lines(*[UNDECLARED] * ANNOTATIONS_A_KIND, evil)
    assert written[10] == "1 more finding has no annotation, as GitHub keeps 10 of each kind a step:"
    assert written[11].startswith("\\::error::x: error")
    assert written[12] == "    ##\\[group]"
