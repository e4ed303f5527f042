"""SARIF 2.1.0: checked against the part of the standard that the report uses, with nothing else allowed."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

from jsonschema import Draft202012Validator

from catalog_tool.model.finding import ERROR, Finding
from catalog_tool.report.context import ReportContext
from catalog_tool.report.findings_sarif import FINGERPRINT, render

from .findings import NO_BASE, UNDECLARED, UNOWNED, UNUSED, summary_of


def closed(required: dict[str, Any], **optional: Any) -> dict[str, Any]:
    properties = required | optional
    return {
        "type": "object",
        "required": list(required),
        "properties": properties,
        "additionalProperties": False,
    }


TEXT = {"type": "string", "minLength": 1}
POSITIVE = {"type": "integer", "minimum": 1}
LEVEL = {"enum": ["none", "note", "warning", "error"]}
MESSAGE = closed({"text": TEXT})
RULE = closed(
    {"id": TEXT, "shortDescription": MESSAGE, "fullDescription": MESSAGE, "help": MESSAGE},
    defaultConfiguration=closed({"level": LEVEL}),
)
LOCATION = closed(
    {
        "physicalLocation": closed(
            {"artifactLocation": closed({"uri": TEXT}, uriBaseId=TEXT)},
            region=closed({"startLine": POSITIVE}, startColumn=POSITIVE),
        )
    }
)
RESULT = closed(
    {"ruleId": TEXT, "ruleIndex": {"type": "integer", "minimum": 0}, "level": LEVEL, "message": MESSAGE},
    locations={"type": "array", "items": LOCATION, "minItems": 1},
    partialFingerprints={"type": "object", "additionalProperties": TEXT},
)
DRIVER = closed({"name": TEXT}, semanticVersion=TEXT, rules={"type": "array", "items": RULE, "uniqueItems": True})
RUN = closed(
    {"tool": closed({"driver": DRIVER}), "results": {"type": "array", "items": RESULT}},
    columnKind={"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
    properties={"type": "object"},
)
SARIF = Draft202012Validator(
    closed({"version": {"const": "2.1.0"}, "runs": {"type": "array", "items": RUN}}, **{"$schema": TEXT})
)


def run_of(*findings: Finding, path_prefix: str = "") -> dict[str, Any]:
    text = render(findings, summary_of(findings), ReportContext(path_prefix=path_prefix))
    assert text.endswith("}\n")
    document = json.loads(text)
    SARIF.validate(document)
    (run,) = document["runs"]
    assert isinstance(run, dict)
    return run


def test_a_clean_catalog_is_a_run_without_results() -> None:
    run = run_of()
    assert run["results"] == []
    assert run["tool"]["driver"]["rules"] == []
    assert run["columnKind"] == "unicodeCodePoints"


def test_results_point_to_their_rule_and_place() -> None:
    run = run_of(NO_BASE, UNDECLARED, UNUSED, UNOWNED, path_prefix="my bots/")
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert rules == ["P113", "P114", "P153", "S224"]
    assert [rules[result["ruleIndex"]] for result in run["results"]] == ["P153", "P113", "P114", "S224"]
    assert [result["level"] for result in run["results"]] == ["note", "error", "warning", "note"]
    assert "locations" not in run["results"][0]
    assert run["results"][1]["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "my%20bots/prompts/faq/v3.yaml", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 12, "startColumn": 5},
    }
    assert "region" not in run["results"][3]["locations"][0]["physicalLocation"]
    assert run["tool"]["driver"]["rules"][0]["shortDescription"] == {"text": "undeclared variable"}


def test_a_message_is_text_and_not_a_template_or_a_link() -> None:
    evil = Finding("X900", ERROR, "use {{tone}} [here](https://evil.example) \x1b[2J\nnow", hint="{0}")
    (result,) = run_of(evil)["results"]
    assert result["message"]["text"] == ("use {{{{tone}}}} [here]\\(https://evil.example) \\x1b[2J\nnow\n{{0}}")


def test_any_path_is_a_relative_address() -> None:
    path = "a b/ü:%?#[\udc80].yaml"
    (result,) = run_of(UNDECLARED._replace(path=path))["results"]
    uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri.isascii()
    assert unquote(uri) == "a b/ü:%?#[\\udc80].yaml"


def prints(*findings: Finding) -> list[str]:
    return [result["partialFingerprints"][FINGERPRINT] for result in run_of(*findings)["results"]]


def test_fingerprints_live_on_when_lines_move_and_are_never_shared() -> None:
    before = prints(UNUSED, UNDECLARED, UNDECLARED._replace(line=20))
    after = prints(UNUSED._replace(line=40), UNDECLARED._replace(line=90), UNDECLARED._replace(line=91))
    assert before == after
    assert len(set(before)) == 3
    assert prints(UNUSED._replace(path="other.yaml")) != prints(UNUSED)
