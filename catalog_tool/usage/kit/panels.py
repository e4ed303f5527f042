"""Panels of a Grafana dashboard as plain JSON values, and how they are laid out.

The shapes are those of Grafana's published schema (``@grafana/schema``), which tests check them against.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

Json = dict[str, Any]
WIDTH = 24
"""Columns of a dashboard."""

PROMETHEUS: Json = {"type": "prometheus", "uid": "${prometheus}"}
LOKI: Json = {"type": "loki", "uid": "${loki}"}
LISTING: Json = {"type": "grafana-testdata-datasource", "uid": "${listing}"}
MIXED: Json = {"type": "datasource", "uid": "-- Mixed --"}

NOT_REPORTED = "not reported"
"""What stands where nothing was measured. It is never 0."""


class Size(NamedTuple):
    """Columns and rows that a panel takes."""

    width: int
    height: int


STAT, HALF, WHOLE = Size(4, 4), Size(12, 9), Size(24, 10)


class Look(NamedTuple):
    """How values are shown: their unit, what stands for none, and options of the kind of panel."""

    unit: str = "none"
    nothing: str = NOT_REPORTED
    options: Mapping[str, Any] = {}
    custom: Mapping[str, Any] = {}
    overrides: Sequence[Json] = ()


class Panel(NamedTuple):
    """One panel. ``kind`` is Grafana's name of the visualisation; ``said`` explains it to its reader."""

    title: str
    kind: str
    size: Size
    targets: Sequence[Json]
    said: str
    look: Look = Look()
    transformations: Sequence[Json] = ()


class Section(NamedTuple):
    """A row of the dashboard with the panels below it."""

    title: str
    panels: Sequence[Panel]


def series_of(expr: str, legend: str = "", ref: str = "A") -> Json:
    """A PromQL expression over the dashboard's time."""
    target = {"refId": ref, "datasource": PROMETHEUS, "expr": expr, "range": True, "instant": False}
    return target | ({"legendFormat": legend} if legend else {})


def daily(expr: str, legend: str, ref: str = "A") -> Json:
    """A PromQL expression once a day."""
    return series_of(expr, legend, ref) | {"interval": "1d"}


def value_of(expr: str, ref: str = "A") -> Json:
    """A PromQL expression at the end of the dashboard's time."""
    return {"refId": ref, "datasource": PROMETHEUS, "expr": expr, "range": False, "instant": True}


def column(ref: str, expr: str) -> Json:
    """The same as a column of a table, with a column for each label."""
    return value_of(expr, ref) | {"format": "table"}


def events_of(expr: str, legend: str = "", ref: str = "A") -> Json:
    """A LogQL expression over the dashboard's time."""
    target = {"refId": ref, "datasource": LOKI, "expr": expr, "queryType": "range"}
    return target | ({"legendFormat": legend} if legend else {})


def table_of(text: str, ref: str) -> Json:
    """A table that stands in the dashboard itself, as CSV."""
    return {"refId": ref, "datasource": LISTING, "scenarioId": "csv_content", "csvContent": text}


def joined(by: str, names: Mapping[str, str], hidden: Iterable[str] = ()) -> list[Json]:
    """The outer join of all columns; ``names``: column → what it is called, in this order; ``hidden`` ones go."""
    return [{"id": "joinByField", "options": {"byField": by, "mode": "outer"}}, organized(names, hidden)]


def merged(names: Mapping[str, str]) -> list[Json]:
    """Columns of one source beside each other, joined by all labels that they share."""
    return [{"id": "merge", "options": {}}, organized(names, ())]


def organized(names: Mapping[str, str], hidden: Iterable[str]) -> Json:
    """Columns in the order of ``names`` and called so; ``hidden`` ones and times go."""
    excluded = dict.fromkeys(("Time", *(f"Time {number}" for number in range(1, 16)), *hidden), True)
    options = {
        "excludeByName": excluded,
        "indexByName": {name: place for place, name in enumerate(names)},
        "renameByName": {name: shown for name, shown in names.items() if shown != name},
    }
    return {"id": "organize", "options": options}


def keep_rows(*, empty: Sequence[str] = (), filled: Sequence[str] = ()) -> Json:
    """Only rows in which these columns are empty, and those are not."""
    checks = [("isNull", name) for name in empty] + [("isNotNull", name) for name in filled]
    filters = [{"fieldName": name, "config": {"id": check, "options": {}}} for check, name in checks]
    return {"id": "filterByValue", "options": {"type": "include", "match": "all", "filters": filters}}


def largest_first(column: str) -> Json:
    """Options of a table whose largest row comes first; the transformation ``sortBy`` stumbles over empty cells."""
    return {"sortBy": [{"displayName": column, "desc": True}]}


def field(name: str, unit: str, nothing: str | None = None) -> Json:
    """The look of one column: its unit, and what stands where a row has no value."""
    properties: list[Json] = [{"id": "unit", "value": unit}]
    if nothing is not None:
        properties.append({"id": "mappings", "value": [_if_null(nothing)]})
    return {"matcher": {"id": "byName", "options": name}, "properties": properties}


def _if_null(text: str) -> Json:
    return {"type": "special", "options": {"match": "null+nan", "result": {"text": text, "index": 0}}}


def laid_out(sections: Sequence[Section]) -> list[Json]:
    """All panels with their places, from left to right and top to bottom; the first section is open."""
    placed: list[Json] = []
    top = 0
    for section in sections:
        placed.append(_row(section.title, len(placed) + 1, top))
        left, height = 0, 0
        top += 1
        for panel in section.panels:
            if left + panel.size.width > WIDTH:
                top, left, height = top + height, 0, 0
            placed.append(_panel(panel, len(placed) + 1, (left, top)))
            left, height = left + panel.size.width, max(height, panel.size.height)
        top += height
    return placed


def _row(title: str, number: int, top: int) -> Json:
    place = {"x": 0, "y": top, "w": WIDTH, "h": 1}
    return {"id": number, "type": "row", "title": title, "collapsed": False, "gridPos": place, "panels": []}


def _panel(panel: Panel, number: int, place: tuple[int, int]) -> Json:
    sources = [target["datasource"] for target in panel.targets]
    look = panel.look
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.said,
        "gridPos": {"x": place[0], "y": place[1], "w": panel.size.width, "h": panel.size.height},
        "datasource": sources[0] if all(source == sources[0] for source in sources) else MIXED,
        "targets": list(panel.targets),
        "fieldConfig": {
            "defaults": {"unit": look.unit, "noValue": look.nothing, "custom": dict(look.custom)},
            "overrides": list(look.overrides),
        },
        "options": dict(look.options),
        "transformations": list(panel.transformations),
    }
