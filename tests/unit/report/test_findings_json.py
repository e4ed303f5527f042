"""The JSON document of ``validate`` (design §5)."""

from __future__ import annotations

import json
import math

import pytest

from catalog_tool.model.finding import Finding
from catalog_tool.report.context import ReportContext
from catalog_tool.report.findings_json import findings_value, render
from catalog_tool.report.json_document import json_document

from .findings import NO_BASE, UNDECLARED, UNUSED, summary_of


def test_the_document_is_the_contracts() -> None:
    findings = [NO_BASE, UNDECLARED]
    document = render(findings, summary_of(findings) | {"infos": 1}, ReportContext(path_prefix="bots/"))
    value = json.loads(document)
    assert list(value) == ["format", "status", "findings", "summary"]
    assert (value["format"], value["status"]) == (1, "invalid")
    assert value["summary"] == {"prompts": 9, "versions": 14, "skills": 9, "errors": 1, "warnings": 0}
    assert value["findings"][0] == {
        "code": "P153",
        "severity": "info",
        "message": "there is no base to compare versions with",
        "path": None,
        "line": None,
        "column": None,
        "artifact": None,
        "hint": None,
    }
    assert value["findings"][1]["path"] == "prompts/faq/v3.yaml"
    assert document.endswith("}\n")


@pytest.mark.parametrize(
    ("findings", "strict", "status"),
    [
        ([], False, "ok"),
        ([], True, "ok"),
        ([NO_BASE], True, "ok"),
        ([UNUSED], False, "ok"),
        ([UNUSED], True, "invalid"),
        ([UNDECLARED], False, "invalid"),
    ],
)
def test_the_status_is_the_exit_codes(findings: list[Finding], *, strict: bool, status: str) -> None:
    summary = summary_of(findings)
    assert findings_value(findings, summary, strict=strict)["status"] == status
    assert json.loads(render(findings, summary, ReportContext(strict=strict)))["status"] == status


def test_letters_stay_and_what_is_unseen_is_escaped() -> None:
    document = json_document({"é": "日本\u202e\ud800\x9b##[error]x"})
    assert document == '{\n  "é": "日本\\u202e\\ud800\\u009b##\\u005berror]x"\n}\n'
    assert json.loads(document) == {"é": "日本\u202e\ud800\x9b##[error]x"}


def test_what_json_cannot_say_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        json_document(math.nan)
    with pytest.raises(TypeError):
        json_document({"a": object()})
