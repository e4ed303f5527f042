"""The registry of formats, and what loading it costs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from catalog_tool.errors import UsageError
from catalog_tool.model.finding import Finding
from catalog_tool.report.context import ReportContext
from catalog_tool.report.formats import FORMATS, findings_report

from .findings import UNDECLARED, summary_of

HEAVY = {"rich", "json", "xml", "importlib.metadata", "click", "dataclasses", "hashlib", "urllib.parse"}


@pytest.mark.parametrize("name", ["text", "json", "github", "sarif", "junit", "gitlab"])
@pytest.mark.parametrize("findings", [[], [UNDECLARED]])
def test_every_format_renders_and_ends_its_last_line(name: str, findings: list[Finding]) -> None:
    assert findings_report(name) is FORMATS[name]
    text = FORMATS[name].render(findings, summary_of(findings), ReportContext())
    assert text.endswith("\n")
    assert ("P113" in text) == bool(findings)


def test_the_formats_are_the_contracts() -> None:
    assert list(FORMATS) == ["text", "json", "github", "sarif", "junit", "gitlab"]


def test_plain_text_loads_nothing_heavy() -> None:
    code = (
        "import sys; before = set(sys.modules)\n"
        "from catalog_tool.report.context import ReportContext\n"
        "from catalog_tool.report.formats import findings_report\n"
        "summary = dict.fromkeys(('prompts', 'versions', 'skills', 'errors', 'warnings'), 0)\n"
        "findings_report('text').render([], summary, ReportContext())\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    run = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    loaded = set(run.stdout.split())
    assert "catalog_tool.report.findings_text" in loaded
    assert not loaded & HEAVY


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another package with one good format and two broken ones, on the path as if installed."""
    (tmp_path / "other_formats.py").write_text(
        "def render(findings, summary, context):\n    return f'{len(findings)} of them\\n'\nnothing = 1\n"
    )
    info = tmp_path / "other_formats-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: other-formats\nVersion: 1\n")
    (info / "entry_points.txt").write_text(
        "[catalog_tool.formats]\ncount = other_formats\nnothing = other_formats:nothing\n"
        "gone = other_formats_gone\ntext = other_formats\n"
    )
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.usefixtures("installed")
def test_another_package_can_add_a_format() -> None:
    report = findings_report("count")
    assert report.render([UNDECLARED], summary_of([UNDECLARED]), ReportContext()) == "1 of them\n"
    assert findings_report("text") is FORMATS["text"]


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("name", ["nothing", "gone"])
def test_a_format_that_cannot_be_used_is_named(name: str) -> None:
    with pytest.raises(UsageError, match=name):
        findings_report(name)


@pytest.mark.usefixtures("installed")
def test_an_unknown_format_names_the_known_ones() -> None:
    with pytest.raises(UsageError, match="'xml'") as caught:
        findings_report("xml")
    assert caught.value.hint == "known formats: count, github, gitlab, gone, json, junit, nothing, sarif, text"
