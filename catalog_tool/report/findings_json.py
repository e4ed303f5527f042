"""``validate --format json`` (design §5)."""

from __future__ import annotations

from collections.abc import Sequence

from catalog_tool.model.finding import Finding
from catalog_tool.report.context import ReportContext, Summary
from catalog_tool.report.json_document import json_document

_FORMAT = 1
_COUNTS = ("prompts", "versions", "skills", "errors", "warnings")


def findings_value(findings: Sequence[Finding], summary: Summary, *, strict: bool = False) -> dict[str, object]:
    """The document as a value: ``format``, ``status`` (``ok`` or ``invalid``), findings and summary."""
    context = ReportContext(strict=strict)
    return {
        "format": _FORMAT,
        "status": "invalid" if any(map(context.fails, findings)) else "ok",
        "findings": [finding._asdict() for finding in findings],
        "summary": {name: summary[name] for name in _COUNTS},
    }


def render(findings: Sequence[Finding], summary: Summary, context: ReportContext) -> str:
    """``--format json``: paths stay relative to the catalog's root, whatever the context says."""
    return json_document(findings_value(findings, summary, strict=context.strict))
