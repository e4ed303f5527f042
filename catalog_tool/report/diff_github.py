"""``catalog diff --format github``: what breaks as annotations on the files of a pull request."""

from __future__ import annotations

from collections import Counter

from catalog_tool.diff.changes import DiffResult
from catalog_tool.diff.occasions import KNOWN
from catalog_tool.model.finding import ERROR, Finding
from catalog_tool.report.diff_findings import breaking
from catalog_tool.report.diff_words import summary
from catalog_tool.report.escape import for_actions_log, for_terminal, for_workflow_data, for_workflow_property
from catalog_tool.report.findings_github import ANNOTATIONS_A_KIND
from catalog_tool.report.findings_text import finding_lines


def diff_github(result: DiffResult, *, path_prefix: str = "", threshold: str = "major") -> str:
    """The workflow commands, what found no place among them, and the closing sentence."""
    seen: Counter[str] = Counter()
    commands: list[str] = []
    rest: list[Finding] = []
    for finding in breaking(result, threshold):
        kind = "error" if finding.severity == ERROR else "warning"
        seen[kind] += 1
        if seen[kind] <= ANNOTATIONS_A_KIND:
            commands.append(_command(kind, finding, path_prefix))
        else:
            rest.append(finding)
    plain = [*finding_lines(rest, path_prefix=path_prefix), summary(result)]
    return "".join(f"{line}\n" for line in commands) + for_actions_log("\n".join(plain) + "\n")


def _command(kind: str, finding: Finding, path_prefix: str) -> str:
    known = KNOWN.get(finding.code)
    properties = {
        "file": None if finding.path is None else path_prefix + finding.path,
        "line": finding.line,
        "col": finding.column,
        "title": f"{finding.code}: {known.change}" if known else finding.code,
    }
    written = ",".join(
        f"{name}={for_workflow_property(for_terminal(str(value)))}"
        for name, value in properties.items()
        if value is not None
    )
    return f"::{kind} {written}::{for_workflow_data(for_terminal(finding.message))}"
