"""JUnit XML as CI servers read it."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from catalog_tool.model.finding import Finding
from catalog_tool.report.context import ReportContext
from catalog_tool.report.findings_junit import render

from .findings import NO_BASE, UNDECLARED, UNOWNED, UNUSED, summary_of

ATTRIBUTES = {
    "testsuites": {"name", "tests", "failures", "errors", "skipped"},
    "testsuite": {"name", "tests", "failures", "errors", "skipped"},
    "testcase": {"classname", "name"},
    "failure": {"type", "message"},
    "system-out": set(),
}
CHILDREN = {
    "testsuites": {"testsuite"},
    "testsuite": {"testcase"},
    "testcase": {"failure", "system-out"},
    "failure": set(),
    "system-out": set(),
}


def suites(*findings: Finding, strict: bool = False, path_prefix: str = "") -> ElementTree.Element:
    context = ReportContext(strict=strict, path_prefix=path_prefix)
    text = render(findings, summary_of(findings), context)
    assert text.startswith("<?xml")
    assert text.endswith("</testsuites>\n")
    root = ElementTree.fromstring(text.encode())  # our own text
    assert root.tag == "testsuites"
    for element in root.iter():
        assert set(element.attrib) == ATTRIBUTES[element.tag]
        assert {child.tag for child in element} <= CHILDREN[element.tag]
    for counted in (root, *root):
        cases, failures = list(counted.iter("testcase")), list(counted.iter("failure"))
        assert (counted.attrib["tests"], counted.attrib["failures"]) == (str(len(cases)), str(len(failures)))
    return root


def test_a_clean_catalog_is_one_case_that_passed() -> None:
    (case,) = suites().iter("testcase")
    assert case.attrib["name"] == "9 prompts (14 versions) and 9 skills: no findings"
    assert len(case) == 0


def test_a_suite_is_a_file_and_a_case_is_a_finding() -> None:
    root = suites(NO_BASE, UNDECLARED, UNUSED, UNOWNED, path_prefix="bots/")
    assert [(suite.attrib["name"], len(suite)) for suite in root] == [
        ("catalog", 1),
        ("bots/prompts/faq/v3.yaml", 2),
        ("bots/skills/pdf/SKILL.md", 1),
    ]
    assert [case.attrib["name"] for case in root.iter("testcase")] == [
        "P153: there is no base to compare versions with",
        "P113 at 12:5: the variable tone is not declared",
        "P114 at 4:3: the variable city is not used",
        "S224: nobody owns this skill",
    ]
    (failure,) = root.iter("failure")
    assert failure.attrib == {"type": "P113", "message": "the variable tone is not declared"}
    assert failure.text == (
        "bots/prompts/faq/v3.yaml:12:5: error P113 the variable tone is not declared\n"
        "    declare it under variables.properties"
    )


@pytest.mark.parametrize(("strict", "failures"), [(False, ["P113"]), (True, ["P113", "P114"])])
def test_only_what_fails_the_run_fails(*, strict: bool, failures: list[str]) -> None:
    root = suites(UNDECLARED, UNUSED, UNOWNED, strict=strict)
    assert [failure.attrib["type"] for failure in root.iter("failure")] == failures
    assert len(list(root.iter("system-out"))) == 3 - len(failures)


def test_nothing_leaves_its_element() -> None:
    evil = Finding("P101", "error", ']]></failure>"\x00\ufffe\ud800<x/>', '"><b>\n::error::x', None, None)
    root = suites(evil)
    (failure,) = root.iter("failure")
    assert failure.attrib["message"] == ']]></failure>"\\x00\\ufffe\\ud800<x/>'
    assert root[0].attrib["name"] == '"><b>\\n::error::x'
