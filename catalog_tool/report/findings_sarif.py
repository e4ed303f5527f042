"""``validate --format sarif``: SARIF 2.1.0 (OASIS), as code scanning services read it.

Sections of the standard: levels 3.27.10, placeholders in messages 3.11.5, links in messages 3.11.6,
fingerprints 3.27.17, columns 3.14.17, regions 3.30, relative addresses 3.4.3 and 3.14.14.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from urllib.parse import quote

from catalog_tool.model.codes import CODES
from catalog_tool.model.finding import ERROR, INFO, WARNING, Finding
from catalog_tool.report.context import ReportContext, Summary
from catalog_tool.report.escape import for_terminal
from catalog_tool.report.json_document import json_document

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {ERROR: "error", WARNING: "warning", INFO: "note"}
_ROOT = "%SRCROOT%"
FINGERPRINT = "catalogFinding/v1"


def render(findings: Sequence[Finding], summary: Summary, context: ReportContext) -> str:
    """``--format sarif``: one run; an empty list of results says that nothing was found."""
    codes = sorted({finding.code for finding in findings})
    order = {code: index for index, code in enumerate(codes)}
    fingerprints = _fingerprints(findings)
    driver = {
        "name": "catalog-tool",
        "semanticVersion": context.version,
        "rules": [_rule(code) for code in codes],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [
            _result(finding, order[finding.code], fingerprint, context.path_prefix)
            for finding, fingerprint in zip(findings, fingerprints, strict=True)
        ],
        "properties": {"summary": dict(summary)},
    }
    return json_document({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]})


def _rule(code: str) -> dict[str, object]:
    severity, title = CODES.get(code, (WARNING, f"finding {code}"))
    return {
        "id": code,
        "shortDescription": {"text": _message(title)},
        "fullDescription": {"text": _message(title)},
        "help": {"text": _message(f"{code}: {title}. The page on checks says why it matters and how to mend it.")},
        "defaultConfiguration": {"level": _LEVELS[severity]},
    }


def _result(finding: Finding, rule_index: int, fingerprint: str, path_prefix: str) -> dict[str, object]:
    text = finding.message + (f"\n{finding.hint}" if finding.hint else "")
    result: dict[str, object] = {
        "ruleId": finding.code,
        "ruleIndex": rule_index,
        "level": _LEVELS.get(finding.severity, "warning"),
        "message": {"text": "\n".join(_message(line) for line in text.split("\n"))},
        "partialFingerprints": {FINGERPRINT: fingerprint},
    }
    if finding.path is not None:
        result["locations"] = [{"physicalLocation": _location(finding, path_prefix)}]
    return result


def _location(finding: Finding, path_prefix: str) -> dict[str, object]:
    path = f"{path_prefix}{finding.path}".encode(errors="backslashreplace")
    location: dict[str, object] = {"artifactLocation": {"uri": quote(path), "uriBaseId": _ROOT}}
    if finding.line is not None:
        column = {} if finding.column is None else {"startColumn": finding.column}
        location["region"] = {"startLine": finding.line, **column}
    return location


def _message(text: str) -> str:
    """One line of a plain text message: braces are placeholders unless doubled, ``[a](b)`` is a link."""
    return for_terminal(text).replace("{", "{{").replace("}", "}}").replace("](", "]\\(")


def _fingerprints(findings: Sequence[Finding]) -> list[str]:
    """For each finding a name that lives on when lines move: code, path, artifact, message and which one."""
    seen: Counter[tuple[str, ...]] = Counter()
    names = []
    for finding in findings:
        what = (finding.code, finding.path or "", finding.artifact or "", finding.message)
        seen[what] += 1
        written = "\0".join((*what, str(seen[what])))
        names.append(hashlib.sha256(written.encode(errors="backslashreplace")).hexdigest())
    return names
