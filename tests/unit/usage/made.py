"""Small catalogs, lines of telemetry and answers for the tests of usage."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from catalog_tool.usage.collect import Question, usage
from catalog_tool.usage.listed import Listed, ListedPrompt, ListedSkill
from catalog_tool.usage.otlp import OtlpSource
from catalog_tool.usage.result import UsageResult
from catalog_tool.usage.source import Source
from catalog_tool.usage.windows import Window, window_of

NOW = datetime(2026, 11, 20, tzinfo=UTC)
SECONDS = int(NOW.timestamp())
DAY = 86_400


def window(since: str = "90d", stale_after: str = "30d", now: int = SECONDS) -> Window:
    return window_of(since, stale_after, now)


def skill(key: str, **fields: Any) -> ListedSkill:
    """A skill a year old, in the catalog's ``skills`` folder."""
    known: dict[str, Any] = {
        "telemetry_names": (key,),
        "path": f"skills/{key.rpartition(':')[2]}",
        "owners": ("team",),
        "first_commit": SECONDS - 365 * DAY,
        "last_commit": SECONDS - 200 * DAY,
        "listing_tokens": 40,
    }
    return ListedSkill(key, **{**known, **fields})


def listed(*skills: ListedSkill, prompts: Sequence[ListedPrompt] | None = ()) -> Listed:
    return Listed(skills, tuple(prompts) if prompts is not None else None)


def ago(**span: float) -> datetime:
    """A time before now: ``ago(days=3)``."""
    return NOW - timedelta(**span)


def nano(time: datetime) -> int:
    past = time - datetime(1970, 1, 1, tzinfo=UTC)
    return (past.days * DAY + past.seconds) * 10**9 + past.microseconds * 1000


def pairs(attributes: Mapping[str, Any]) -> list[dict[str, Any]]:
    kinds = {str: "stringValue", int: "intValue", bool: "boolValue", float: "doubleValue", list: "arrayValue"}
    found = []
    for key, value in attributes.items():
        held = {"values": [{"stringValue": item} for item in value]} if isinstance(value, list) else value
        found.append({"key": key, "value": {kinds[type(value)]: held}})
    return found


def call(name: str, time: datetime, *, session: str = "", version: str = "2.1.217", **more: Any) -> dict[str, Any]:
    """A line with one activation; ``more`` are further attributes, with ``__`` for a dot."""
    attributes = {
        "event.name": "skill_activated",
        "skill.name": name,
        "session.id": session or f"s-{name}-{time.isoformat()}",
        "event.sequence": 1,
        "invocation_trigger": "claude-proactive",
        **{key.replace("__", "."): value for key, value in more.items()},
    }
    return logs({"timeUnixNano": str(nano(time)), "attributes": pairs(attributes)}, version=version)


def logs(*records: dict[str, Any], version: str = "2.1.217") -> dict[str, Any]:
    resource = {"attributes": pairs({"service.name": "claude-code", "service.version": version})}
    return {"resourceLogs": [{"resource": resource, "scopeLogs": [{"scope": {}, "logRecords": list(records)}]}]}


def span(time: datetime, attributes: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
    """A line with one span."""
    known = {"traceId": "t1", "spanId": f"{nano(time):x}", "name": "span", "endTimeUnixNano": str(nano(time))}
    return {"resourceSpans": [{"scopeSpans": [{"spans": [{**known, "attributes": pairs(attributes), **fields}]}]}]}


def point(
    metric: str, time: datetime, value: float, *, temporality: int = 1, start: datetime | None = None, **more: str
) -> dict[str, Any]:
    """A line with one point of a sum."""
    held = {
        "asDouble": value,
        "timeUnixNano": str(nano(time)),
        "attributes": pairs({k.replace("__", "."): v for k, v in more.items()}),
    }
    if start is not None:
        held["startTimeUnixNano"] = str(nano(start))
    metrics = [{"name": metric, "sum": {"aggregationTemporality": temporality, "dataPoints": [held]}}]
    return {"resourceMetrics": [{"scopeMetrics": [{"metrics": metrics}]}]}


def write(path: Path, lines: Iterable[Mapping[str, Any]]) -> OtlpSource:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return OtlpSource(str(path))


def join(
    catalog: Listed, *sources: Source, now: int = SECONDS, since: str = "90d", stale_after: str = "30d"
) -> UsageResult:
    return usage(catalog, sources, Question(window(since, stale_after, now)))


def verdicts(result: UsageResult) -> dict[str, str]:
    """Name → status."""
    return {row.name: row.verdict.status for row in result.rows}


def reason(result: UsageResult, name: str) -> str:
    return next(row.verdict.reason for row in result.rows if row.name == name)
