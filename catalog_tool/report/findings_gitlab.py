"""``validate --format gitlab``: the code quality report of a merge request.

A list in the form of GitLab's "Code Quality report format". The fingerprint is how GitLab tells old findings
from new ones, so it holds no line: a finding that only moved is not new.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence

from catalog_tool.model.finding import ERROR, WARNING, Finding
from catalog_tool.report.context import ReportContext, Summary
from catalog_tool.report.json_document import json_document

_SEVERITIES = {ERROR: "major", WARNING: "minor"}
_NO_FILE = "catalog.yaml"


def render(findings: Sequence[Finding], summary: Summary, context: ReportContext) -> str:  # noqa: ARG001 - a format's
    """The report; a finding without a file stands at the settings."""
    seen: Counter[str] = Counter()
    entries = []
    for finding in findings:
        path = context.path_prefix + (finding.path or _NO_FILE)
        told = json.dumps([finding.code, path, finding.artifact, finding.message])
        seen[told] += 1
        entries.append(
            {
                "description": finding.message,
                "check_name": finding.code,
                "fingerprint": hashlib.sha256(f"{seen[told]}{told}".encode()).hexdigest(),
                "severity": _SEVERITIES.get(finding.severity, "info"),
                "location": {"path": path, "lines": {"begin": finding.line or 1}},
            }
        )
    return json_document(entries)
