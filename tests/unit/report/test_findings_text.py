"""The plain text that every ``validate`` prints."""

from __future__ import annotations

import re
import time

from catalog_tool.model.finding import ERROR, WARNING, Finding
from catalog_tool.report.findings_text import findings_text, summary_line

from .findings import NO_BASE, UNDECLARED, UNOWNED, UNUSED, summary_of


def text(*findings: Finding, color: bool = False, actions: bool = False, path_prefix: str = "") -> str:
    return findings_text(findings, summary_of(findings), color=color, actions=actions, path_prefix=path_prefix)


def test_a_clean_catalog_is_one_line() -> None:
    assert text() == "Checked 9 prompts (14 versions) and 9 skills: no findings.\n"


def test_a_finding_is_one_line_and_its_hint_another() -> None:
    assert text(UNDECLARED).splitlines() == [
        "prompts/faq/v3.yaml:12:5: error P113 the variable tone is not declared",
        "    declare it under variables.properties",
        "Checked 9 prompts (14 versions) and 9 skills: 1 error.",
    ]


def test_a_place_is_as_long_as_it_is_known() -> None:
    line_only = UNUSED._replace(column=None)
    assert [line.split(" ")[0] for line in text(NO_BASE, UNOWNED, line_only).splitlines()[:3]] == [
        "info",
        "skills/pdf/SKILL.md:",
        "prompts/faq/v3.yaml:4:",
    ]


def test_the_sentence_counts_what_is_there() -> None:
    findings = [UNDECLARED, UNDECLARED, UNUSED, UNOWNED, NO_BASE, NO_BASE]
    assert summary_line(findings, summary_of(findings)).endswith(": 2 errors, 1 warning, 3 notes.")
    one = {"prompts": 1, "versions": 1, "skills": 1, "errors": 0, "warnings": 0}
    assert summary_line([], one) == "Checked 1 prompt (1 version) and 1 skill: no findings."


def test_colours_add_nothing_but_colours() -> None:
    findings = (UNDECLARED, UNUSED, UNOWNED, NO_BASE)
    colored = text(*findings, color=True)
    assert colored != text(*findings)
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == text(*findings)
    assert all(line.count("\x1b[0m") * 2 == line.count("\x1b[") for line in colored.splitlines())


def test_a_prefix_comes_before_every_path() -> None:
    assert text(UNDECLARED, NO_BASE, path_prefix="bots/").startswith("bots/prompts/faq/v3.yaml:12:5: error")
    assert "\ninfo P153" in text(UNDECLARED, NO_BASE, path_prefix="bots/")


def test_no_field_can_act() -> None:
    evil = Finding("P101", WARNING, "a\n\x1b[2Jb", "x\r\x1b]0;t\x07.yaml", 1, 1, None, "c\u202ed\n")
    assert text(evil).splitlines()[:2] == [
        "x\\r\\x1b]0;t\\x07.yaml:1:1: warning P101 a\\n\\x1b[2Jb",
        "    c\\u202ed\\n",
    ]


def test_a_runner_obeys_no_line() -> None:
    evil = Finding("P101", ERROR, "##[add-mask]x", "::error::", None, None, None, "::stop-commands::x")
    assert text(evil, actions=True).splitlines()[:2] == [
        "\\::error::: error P101 ##\\[add-mask]x",
        "    \\::stop-commands::x",
    ]
    assert "\\" not in text(evil)


def test_a_thousand_findings_print_in_five_milliseconds() -> None:
    findings = [UNDECLARED._replace(path=f"prompts/p{number}/v3.yaml", line=number) for number in range(1000)]
    summary = summary_of(findings)
    best = 1.0
    for color in (False, True) * 6:
        start = time.perf_counter()
        findings_text(findings, summary, color=color, actions=True)
        best = min(best, time.perf_counter() - start)
    assert best < 0.005
