"""Findings for people: one line each, as compilers print them, and a sentence at the end.

    prompts/faq/v3.yaml:12:5: error P113 variable "tone" is not declared
        declare it under variables.properties
    Checked 9 prompts (14 versions) and 9 skills: 1 error.

Built from plain strings: this runs on every ``validate``, where a table library would cost more than
the checking.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from catalog_tool.model.finding import ERROR, INFO, WARNING, Finding
from catalog_tool.report.context import ReportContext, Summary
from catalog_tool.report.escape import for_actions_log, for_terminal

_RESET = "\x1b[0m"
_STYLES = {ERROR: "\x1b[1;31m", WARNING: "\x1b[1;33m", INFO: "\x1b[1;36m"}
_PATH, _FAINT = "\x1b[1m", "\x1b[2m"


def findings_text(
    findings: Sequence[Finding],
    summary: Summary,
    *,
    color: bool,
    actions: bool = False,
    path_prefix: str = "",
) -> str:
    """All findings and the closing sentence; ends with a line feed.

    The keywords mean what they mean in ``ReportContext``.
    """
    lines = finding_lines(findings, color=color, path_prefix=path_prefix)
    lines.append(summary_line(findings, summary))
    text = "\n".join(lines) + "\n"
    return for_actions_log(text) if actions else text


def render(findings: Sequence[Finding], summary: Summary, context: ReportContext) -> str:
    """``--format text``."""
    return findings_text(
        findings,
        summary,
        color=context.color,
        actions=context.actions,
        path_prefix=context.path_prefix,
    )


def finding_lines(findings: Iterable[Finding], *, color: bool = False, path_prefix: str = "") -> list[str]:
    """The lines of each finding: place, severity, code and message, then the hint, if any, indented."""
    lines = []
    for finding in findings:
        place = shown_place(finding, path_prefix)
        severity, message, hint = finding.severity, for_terminal(finding.message), finding.hint
        if color:
            place = place and f"{_PATH}{place}{_RESET}"
            severity = f"{_STYLES.get(severity, '')}{severity}{_RESET}"
        start = f"{place}: {severity}" if place else severity
        lines.append(f"{start} {finding.code} {message}")
        if hint:
            shown = for_terminal(hint)
            lines.append(f"    {_FAINT}{shown}{_RESET}" if color else f"    {shown}")
    return lines


def shown_place(finding: Finding, path_prefix: str = "") -> str:
    """``path:line:column``, as much of it as is known; empty where no file is meant."""
    if finding.path is None:
        return ""
    place = for_terminal(path_prefix + finding.path)
    if finding.line is None:
        return place
    return f"{place}:{finding.line}" if finding.column is None else f"{place}:{finding.line}:{finding.column}"


def summary_line(findings: Iterable[Finding], summary: Summary) -> str:
    """What was checked and what came of it, in one sentence."""
    notes = sum(finding.severity == INFO for finding in findings)
    tally = ((summary["errors"], "error"), (summary["warnings"], "warning"), (notes, "note"))
    result = ", ".join(counted(number, noun) for number, noun in tally if number)
    return f"Checked {checked(summary)}: {result or 'no findings'}."


def checked(summary: Summary) -> str:
    """``9 prompts (14 versions) and 9 skills``."""
    prompts, versions = counted(summary["prompts"], "prompt"), counted(summary["versions"], "version")
    return f"{prompts} ({versions}) and {counted(summary['skills'], 'skill')}"


def counted(number: int, noun: str) -> str:
    """``1 skill``, ``2 skills``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
