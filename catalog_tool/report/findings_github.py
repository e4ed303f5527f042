"""``validate --format github``: annotations on the files of a pull request.

A workflow command ``::error file=…,line=…,col=…,title=…::message`` becomes an annotation. GitHub keeps
ten of each kind a step and drops the rest without a word, so the rest follows as plain lines: the log
always holds every finding.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from catalog_tool.model.codes import CODES
from catalog_tool.model.finding import ERROR, WARNING, Finding
from catalog_tool.report.context import ReportContext, Summary
from catalog_tool.report.escape import for_actions_log, for_terminal, for_workflow_data, for_workflow_property
from catalog_tool.report.findings_text import counted, finding_lines, summary_line

ANNOTATIONS_A_KIND = 10
"""What GitHub keeps of errors, of warnings and of notices from one step."""

_COMMANDS = {ERROR: "error", WARNING: "warning"}


def render(findings: Sequence[Finding], summary: Summary, context: ReportContext) -> str:
    """``--format github``: the commands, what found no place among them, and the closing sentence."""
    seen: Counter[str] = Counter()
    commands: list[str] = []
    rest: list[Finding] = []
    for finding in findings:
        kind = _COMMANDS.get(finding.severity, "notice")
        seen[kind] += 1
        if seen[kind] <= ANNOTATIONS_A_KIND:
            commands.append(_command(kind, finding, context.path_prefix))
        else:
            rest.append(finding)
    plain = _rest(rest, context.path_prefix)
    plain.append(summary_line(findings, summary))
    return "".join(f"{line}\n" for line in commands) + for_actions_log("\n".join(plain) + "\n")


def _command(kind: str, finding: Finding, path_prefix: str) -> str:
    properties = {
        "file": None if finding.path is None else path_prefix + finding.path,
        "line": finding.line,
        "col": finding.column,
        "title": _title(finding),
    }
    written = ",".join(
        f"{name}={for_workflow_property(for_terminal(str(value)))}"
        for name, value in properties.items()
        if value is not None
    )
    message = for_terminal(finding.message)
    if finding.hint:
        message += "\n" + for_terminal(finding.hint)
    return f"::{kind} {written}::{for_workflow_data(message)}"


def _title(finding: Finding) -> str:
    known = CODES.get(finding.code)
    return f"{finding.code} {known[1]}" if known else finding.code


def _rest(findings: Sequence[Finding], path_prefix: str) -> list[str]:
    if not findings:
        return []
    many = counted(len(findings), "more finding")
    have = "has" if len(findings) == 1 else "have"
    notice = f"{many} {have} no annotation, as GitHub keeps {ANNOTATIONS_A_KIND} of each kind a step:"
    return [notice, *finding_lines(findings, path_prefix=path_prefix)]
