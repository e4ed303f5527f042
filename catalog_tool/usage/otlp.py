"""OTLP in JSON lines, as the collector's file exporter writes them (opentelemetry-proto, JSON encoding)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from catalog_tool.usage.lines import LineFile
from catalog_tool.usage.otlp_logs import read_logs
from catalog_tool.usage.otlp_metrics import read_metrics
from catalog_tool.usage.otlp_spans import read_spans
from catalog_tool.usage.otlp_values import Reach
from catalog_tool.usage.source import Progress, Recorder, SourceReport
from catalog_tool.usage.windows import Window

_READERS = {"resourceLogs": read_logs, "resourceMetrics": read_metrics, "resourceSpans": read_spans}


class OtlpSource:
    """A file of OTLP lines: logs, metrics and traces in any order; gzipped or not; ``-`` is standard input."""

    kind = "otlp"

    def __init__(self, name: str) -> None:
        self.name = name

    def read(self, window: Window, recorder: Recorder, progress: Progress | None) -> SourceReport:  # noqa: ARG002
        """Tell all of the file; what lies outside the window still shows how far back it reaches."""
        lines, reach = LineFile(self.name), Reach()
        for value in lines.objects(progress):
            try:
                read_line(value, recorder, reach)
            except (TypeError, ValueError, AttributeError, KeyError, OverflowError):
                lines.reject()
        return lines.report(self.kind, reach)


def read_line(value: Mapping[str, Any], recorder: Recorder, reach: Reach) -> None:
    """Tell one line. Raises one of Python's errors of type or value where it is no OTLP."""
    known = False
    for key, reader in _READERS.items():
        for group in value.get(key) or ():
            known = True
            reader(group, recorder, reach)
    if not known and not _READERS.keys() & value.keys():
        raise ValueError("no OTLP")
