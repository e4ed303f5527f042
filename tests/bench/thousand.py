"""How long a thousand findings take as text: ``python -m tests.bench.thousand FILE`` writes it as JSON."""

from __future__ import annotations

import importlib
import io
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from catalog_tool.model.finding import ERROR, INFO, WARNING, Finding

_REPORT = "catalog_tool.report.findings_text:findings_text"
"""The function under test: takes findings, returns their text. The one line to change with it."""

_SUMMARY = {"prompts": 1, "versions": 1, "skills": 1, "errors": 0, "warnings": 0}


def made(count: int) -> list[Finding]:
    """Findings as a large catalog has them: three severities, with and without a hint."""
    return [
        Finding(
            code=f"P1{number % 90:02d}",
            severity=(ERROR, WARNING, INFO)[number % 3],
            message=f"the variable 'name_{number}' is used but not declared in variables.properties",
            path=f"prompts/group_{number % 40}/prompt_{number}/v1.yaml",
            line=number % 200 + 1,
            column=number % 60 + 1,
            artifact=f"group_{number % 40}/prompt_{number}@v1",
            hint=f"did you mean 'name_{number - 1}'?" if number % 2 else None,
        )
        for number in range(count)
    ]


def seconds(findings: Sequence[Finding], rounds: int = 20) -> float:
    """The median time to turn ``findings`` to text and write it to a stream."""
    module, _, name = _REPORT.partition(":")
    report = getattr(importlib.import_module(module), name)
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        io.StringIO().write(report(findings, _SUMMARY, color=False))
        times.append(time.perf_counter() - start)
    return median(times)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps({"seconds": seconds(made(1000))}), "utf-8")
