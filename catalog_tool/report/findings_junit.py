"""``validate --format junit``: what CI servers show as test results.

There is no one standard; this keeps to what Jenkins, GitLab and Azure all read: ``testsuites`` of
``testsuite`` of ``testcase``, a ``failure`` where a case fails, ``system-out`` where it only says
something. A suite is a file, a case a finding. Only what fails the run is a failure. A clean run is one
passing case, as a file without cases reads like a step that never ran.
"""

from __future__ import annotations

from collections.abc import Sequence

from catalog_tool.model.finding import Finding
from catalog_tool.report.context import ReportContext, Summary
from catalog_tool.report.escape import for_terminal, for_xml
from catalog_tool.report.findings_text import checked, finding_lines, shown_place

_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>'
_WHOLE = "catalog"  # the suite of findings that belong to no file


def render(findings: Sequence[Finding], summary: Summary, context: ReportContext) -> str:
    """``--format junit``."""
    suites: dict[str, list[Finding]] = {}
    for finding in findings:
        path = _WHOLE if finding.path is None else for_terminal(context.path_prefix + finding.path)
        suites.setdefault(path, []).append(finding)
    lines = [_DECLARATION, f"<testsuites {_counts(findings, context, 'catalog validate')}>"]
    for path, members in suites.items():
        lines.append(f"  <testsuite {_counts(members, context, path)}>")
        lines += [_case(finding, path, context) for finding in members]
        lines.append("  </testsuite>")
    if not findings:
        lines += _passed(summary)
    lines.append("</testsuites>")
    return "\n".join(lines) + "\n"


def _counts(findings: Sequence[Finding], context: ReportContext, name: str) -> str:
    failures = sum(map(context.fails, findings))
    tests = max(1, len(findings))
    return f'name="{for_xml(name)}" tests="{tests}" failures="{failures}" errors="0" skipped="0"'


def _case(finding: Finding, path: str, context: ReportContext) -> str:
    place = shown_place(finding._replace(path=""))[1:]
    name = f"{finding.code} at {place}" if place else finding.code
    said = for_xml("\n".join(finding_lines([finding], path_prefix=context.path_prefix)))
    if context.fails(finding):
        what = f'type="{for_xml(finding.code)}" message="{for_xml(for_terminal(finding.message))}"'
        body = f"<failure {what}>{said}</failure>"
    else:
        body = f"<system-out>{said}</system-out>"
    title = for_xml(f"{name}: {for_terminal(finding.message)}")
    return f'    <testcase classname="{for_xml(path)}" name="{title}">{body}</testcase>'


def _passed(summary: Summary) -> list[str]:
    name = for_xml(f"{checked(summary)}: no findings")
    return [
        f'  <testsuite name="{_WHOLE}" tests="1" failures="0" errors="0" skipped="0">',
        f'    <testcase classname="{_WHOLE}" name="{name}"/>',
        "  </testsuite>",
    ]
