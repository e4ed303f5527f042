"""The real ``promtool``: loud where it is missing."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from catalog_tool.usage.kit.listing import Entry

NEEDED = "install prometheus (Debian, Ubuntu: apt-get install prometheus)"
ENTRIES = [
    Entry("code-reviewer", "code-reviewer", "team-platform", "0123456789ab", 40),
    Entry("dep-auditor", "dep-auditor", "team-security", "123456789abc", 31),
    Entry("toolbox:dep-auditor", "dep-auditor", "team-security", "123456789abc", 31),
    Entry("acme:legacy", "acme:legacy", "", "23456789abcd", None),
]


def program(name: str) -> str:
    """Where a program of Prometheus is."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"NO {name.upper()} ON THIS MACHINE: {NEEDED}; rules and queries of the telemetry kit were not run")
    return found


def run(name: str, *arguments: str) -> str:
    """What a program says, all of it; it must succeed."""
    done = subprocess.run([program(name), *arguments], capture_output=True, text=True, check=False, timeout=120)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    return said


def alerts_only(text: str) -> str:
    """A rule file without its recording rules, so that a test gives the recorded series itself."""
    groups = yaml.safe_load(text)["groups"]
    return json.dumps({"groups": [group for group in groups if any("alert" in rule for rule in group["rules"])]})


def judged(folder: Path, rules: str, interval: str, tests: Sequence[Mapping[str, Any]]) -> None:
    """``promtool test rules``; every test says what must come out."""
    (folder / "rules.yml").write_text(rules, encoding="utf-8")
    document = {"rule_files": ["rules.yml"], "evaluation_interval": interval, "tests": list(tests)}
    (folder / "test.yml").write_text(json.dumps(document), encoding="utf-8")
    run("promtool", "test", "rules", str(folder / "test.yml"))
