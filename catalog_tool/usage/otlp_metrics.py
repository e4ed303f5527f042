"""Metrics: cost and tokens by skill."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from catalog_tool.usage.meters import COST
from catalog_tool.usage.otlp_values import Attributes, Reach, attributes_of, text_of
from catalog_tool.usage.source import Recorder

_METRIC = re.compile(r"claude_code[._](cost|token)[._]usage", re.ASCII)
_DELTA = (1, "1", "AGGREGATION_TEMPORALITY_DELTA")
_CUMULATIVE = (2, "2", "AGGREGATION_TEMPORALITY_CUMULATIVE")
_Series = tuple[tuple[str, str], ...]
TOKENS = "tokens"
"""The kind of tokens whose point does not say which."""


def read_metrics(group: Mapping[str, Any], recorder: Recorder, reach: Reach) -> None:
    """Tell what the points of one ``resourceMetrics`` object say."""
    process = _series(attributes_of(group.get("resource") or {}))
    for scope in group.get("scopeMetrics") or ():
        for metric in scope.get("metrics") or ():
            found = _METRIC.match(metric.get("name") or "")
            held = metric.get("sum")
            if found is None or not isinstance(held, dict):
                continue
            for point in held.get("dataPoints") or ():
                _point(point, found[1], (held.get("aggregationTemporality"), process), recorder, reach)


def _point(
    point: Mapping[str, Any], measured: str, told: tuple[Any, _Series], recorder: Recorder, reach: Reach
) -> None:
    temporality, process = told
    time, start = int(point.get("timeUnixNano") or 0), int(point.get("startTimeUnixNano") or 0)
    reach.see(time)
    recorder.hear(time)
    attributes = attributes_of(point)
    value = float(point["asDouble"]) if "asDouble" in point else float(int(point["asInt"]))
    kind = COST if measured == "cost" else text_of(attributes.get("type")) or TOKENS
    name = text_of(attributes.get("skill.name"))
    series = _series(attributes) if "session.id" in attributes else (_series(attributes), process)
    if temporality in _DELTA:
        recorder.meter.delta(name, kind, series, time, value)
    elif temporality in _CUMULATIVE:
        recorder.meter.cumulative(name, kind, series, start, time, value)


def _series(attributes: Attributes) -> _Series:
    """What tells one counter from another. A session does; without one, the process that counts."""
    return tuple(sorted((key, text_of(value)) for key, value in attributes.items()))
