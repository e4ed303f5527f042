"""``catalog diff --format sarif``: what breaks, as code scanning services read it."""

from __future__ import annotations

import json
from typing import Any

from catalog_tool.diff.changes import DiffResult
from catalog_tool.diff.occasions import KNOWN
from catalog_tool.model.finding import ERROR
from catalog_tool.report import findings_sarif
from catalog_tool.report.context import ReportContext
from catalog_tool.report.diff_findings import breaking
from catalog_tool.report.json_document import json_document


def diff_sarif(result: DiffResult, *, path_prefix: str = "", threshold: str = "major") -> str:
    """One run; an empty list of results says that nothing breaks."""
    found = breaking(result, threshold)
    errors = sum(finding.severity == ERROR for finding in found)
    summary = {"changes": len(result.changes), "errors": errors, "warnings": len(found) - errors}
    document: Any = json.loads(findings_sarif.render(found, summary, ReportContext(path_prefix=path_prefix)))
    for rule in document["runs"][0]["tool"]["driver"]["rules"]:
        known = KNOWN[rule["id"]]
        rule["shortDescription"] = {"text": f"{known.part}: {known.change}"}
        rule["fullDescription"] = {"text": f"{known.change}: {known.why}" + (f" ({known.note})" if known.note else "")}
        rule["help"] = {"text": f"Contract {known.contract}, behaviour {known.behaviour}: {known.why}."}
        rule["defaultConfiguration"] = {"level": "error" if known.contract == "major" else "warning"}
    return json_document(document)
