"""What breaks in a comparison, as findings: the form in which SARIF and annotations take it."""

from __future__ import annotations

from collections.abc import Iterator

from catalog_tool.diff.changes import Change, Detail, DiffResult
from catalog_tool.diff.rules import at_least
from catalog_tool.model.finding import ERROR, WARNING, Finding

_FLAGGED = "test-weakened"


def breaking(result: DiffResult, threshold: str = "major") -> list[Finding]:
    """A finding for each detail whose contract level is at least ``threshold``, and each weakened test.

    The code is the rule's id; major is an error, anything else a warning.
    """
    found = [
        _finding(change, item)
        for change in result.changes
        for item in change.details
        if at_least(item.contract, threshold) or item.rule == _FLAGGED
    ]
    return sorted(dict.fromkeys(found), key=Finding.order)


def _finding(change: Change, item: Detail) -> Finding:
    severity = ERROR if item.contract == "major" else WARNING
    name = change.artifact if change.after is None else f"{change.artifact}@{change.after}"
    artifact = name if change.kind == "prompt" and isinstance(change.after, str) else change.artifact
    return Finding(item.rule, severity, "; ".join(_said(change, item)), change.file, item.line, item.column, artifact)


def _said(change: Change, item: Detail) -> Iterator[str]:
    if change.kind == "prompt" and change.before is not None and change.before != change.after:
        yield f"{change.artifact} {change.before} → {change.after or 'none'}: {item.message}"
    else:
        yield f"{change.artifact}: {item.message}"
