"""The formats of ``validate --format``, by name.

A format of another package is an entry point in the group ``catalog_tool.formats`` whose object has the
``render`` of ``FindingsReport`` (a module will do). Installed packages are only looked through when a
name is asked for that is not in ``FORMATS``.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, cast

from catalog_tool.errors import UsageError
from catalog_tool.model.finding import Finding
from catalog_tool.report.context import FindingsReport, ReportContext, Summary

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

ENTRY_POINTS = "catalog_tool.formats"


class _Module:
    """A report whose module is imported when it first renders: plain text never waits for XML."""

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def render(self, findings: Sequence[Finding], summary: Summary, context: ReportContext) -> str:
        report = cast(FindingsReport, import_module(self._name))
        return report.render(findings, summary, context)


FORMATS: dict[str, FindingsReport] = {
    "text": _Module("catalog_tool.report.findings_text"),
    "json": _Module("catalog_tool.report.findings_json"),
    "github": _Module("catalog_tool.report.findings_github"),
    "sarif": _Module("catalog_tool.report.findings_sarif"),
    "junit": _Module("catalog_tool.report.findings_junit"),
    "gitlab": _Module("catalog_tool.report.findings_gitlab"),
}


def findings_report(name: str) -> FindingsReport:
    """The report called ``name``, ours or another package's.

    Raises ``UsageError`` naming all known formats for an unknown name, and for one that cannot be loaded.
    """
    known = FORMATS.get(name)
    if known is not None:
        return known
    others = _installed()
    if name not in others:
        names = ", ".join(sorted({*FORMATS, *others}))
        raise UsageError(f"there is no format {name!r}", hint=f"known formats: {names}")
    return _loaded(others[name])


def _installed() -> dict[str, EntryPoint]:
    from importlib.metadata import entry_points  # costs more than a whole run, so only when needed

    return {entry.name: entry for entry in entry_points(group=ENTRY_POINTS)}


def _loaded(entry: EntryPoint) -> FindingsReport:
    try:
        report = entry.load()
    except (ImportError, AttributeError) as error:
        raise UsageError(
            f"the format {entry.name!r} of another package cannot be loaded: {error}",
            hint=f"mend or remove the package that provides {entry.value}",
        ) from error
    if not callable(getattr(report, "render", None)):
        raise UsageError(f"the format {entry.name!r} ({entry.value}) has no render(findings, summary, context)")
    return cast(FindingsReport, report)
