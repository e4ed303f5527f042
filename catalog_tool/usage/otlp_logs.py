"""Log records: activations of skills, and what skills report of their own work."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from catalog_tool.usage.activity import CALL, FAILED, SUCCEEDED, UNKNOWN
from catalog_tool.usage.agent_telemetry import ACTIVATED, BODY_PREFIX, RESULT
from catalog_tool.usage.otlp_values import Attributes, Reach, text_of
from catalog_tool.usage.source import Recorder, told_name

SUCCESSES = frozenset({"success", "succeeded", "ok", "true"})
FAILURES = frozenset({"failure", "failed", "error", "false"})
_EVENTS = frozenset({ACTIVATED, RESULT, f"{BODY_PREFIX}{ACTIVATED}", f"{BODY_PREFIX}{RESULT}"})


def read_logs(group: Mapping[str, Any], recorder: Recorder, reach: Reach) -> None:
    """Tell what the records of one ``resourceLogs`` object say."""
    version = _version(group.get("resource") or {})
    for scope in group.get("scopeLogs") or ():
        newest = 0
        for record in scope.get("logRecords") or ():
            time = int(record.get("timeUnixNano") or 0) or int(record.get("observedTimeUnixNano") or 0)
            if time > newest:
                newest = time
            reach.see(time)
            attributes = {item["key"]: item["value"] for item in record.get("attributes") or ()}
            event = _text(attributes, "event.name") or record.get("eventName") or text_of(record.get("body"))
            if event in _EVENTS:
                told_event(event, attributes, time, recorder)
        if newest:
            recorder.hear(newest)
            recorder.client(version, newest)


def _version(resource: Mapping[str, Any]) -> str:
    for item in resource.get("attributes") or ():
        if item["key"] == "service.version":
            return text_of(item["value"])
    return ""


def _text(attributes: Attributes, key: str) -> str:
    """An attribute as text. Nearly all are strings: looked for first, for this runs for every record."""
    value = attributes.get(key)
    if value is None:
        return ""
    text = value.get("stringValue")
    return text if isinstance(text, str) else text_of(value)


def told_event(event: str, attributes: Attributes, time: int, recorder: Recorder) -> None:
    """Tell one activation, or one result of a skill's work."""
    name = _text(attributes, "skill.name")
    session = _text(attributes, "session.id")
    sequence = _text(attributes, "event.sequence")
    if not name:
        return
    if event.endswith(RESULT):
        outcome = (_text(attributes, "skill.outcome") or _text(attributes, "success")).lower()
        if outcome in SUCCESSES or outcome in FAILURES:
            kind = SUCCEEDED if outcome in SUCCESSES else FAILED
            recorder.skills.record(kind, name, "", session, sequence, time)
        return
    if "plugin_id_hash" in attributes:
        name = told_name(name, _text(attributes, "plugin_id_hash"))
    trigger = _text(attributes, "invocation_trigger") or UNKNOWN
    recorder.tells_calls = recorder.tells_typed = True
    recorder.skills.record(CALL, name, trigger, session, sequence, time)
    if name not in recorder.origins:
        source, plugin, market = (_text(attributes, key) for key in ("skill.source", "plugin.name", "marketplace.name"))
        recorder.origin(name, source, plugin, market)
