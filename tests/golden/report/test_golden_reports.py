"""What people read, whole: a folder here is a case, its ``findings.json`` goes in, the other files come out.

A new case is a folder with a ``findings.json``; ``CATALOG_GOLDEN=write pytest tests/golden/report`` writes
what the reports say now, for the author to read before it is committed. Escape characters (colours) are
shown as ``␛`` in the files.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from catalog_tool.model.finding import Finding
from catalog_tool.report.context import ReportContext
from catalog_tool.report.formats import FORMATS

HERE = Path(__file__).parent
CASES = sorted(path.parent for path in HERE.glob("*/findings.json"))
OUTPUTS: dict[str, tuple[str, dict[str, Any]]] = {
    "text.txt": ("text", {}),
    "color.txt": ("text", {"color": True}),
    "actions.txt": ("text", {"actions": True}),
    "github.txt": ("github", {}),
    "document.json": ("json", {}),
    "sarif.json": ("sarif", {}),
    "junit.xml": ("junit", {}),
}


def rendered(case: Path, output: str) -> str:
    name, how = OUTPUTS[output]
    given: dict[str, Any] = json.loads((case / "findings.json").read_text(encoding="utf-8"))
    findings = [Finding(**finding) for finding in given["findings"]]
    context = ReportContext(**given.get("context", {}), **how)._replace(version="0.0.0")
    return FORMATS[name].render(findings, given["summary"], context).replace("\x1b", "␛")


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_report_reads_as_agreed(case: Path, output: str) -> None:
    text = rendered(case, output)
    if os.environ.get("CATALOG_GOLDEN") == "write":
        (case / output).write_bytes(text.encode())
    assert text == (case / output).read_bytes().decode()


def test_there_are_cases_and_no_stray_files() -> None:
    assert {"clean", "mixed", "hostile", "many"} <= {case.name for case in CASES}
    for case in CASES:
        assert {path.name for path in case.iterdir()} == {"findings.json", *OUTPUTS}
