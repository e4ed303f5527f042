"""Log records: activations of skills, and what skills report of their own work."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from catalog_tool.usage.activity import CALL, FAILED, SUCCEEDED, UNKNOWN
from catalog_tool.usage.agent_telemetry import ACTIVATED, BODY_PREFIX, RESULT
from catalog_tool.usage.otlp_values import Attributes, Reach, attributes_of, text_of
from catalog_tool.usage.source import Recorder, told_name

SUCCESSES = frozenset({"success", "succeeded", "ok", "true"})
FAILURES = frozenset({"failure", "failed", "error", "false"})
_EVENTS = frozenset({ACTIVATED, RESULT, f"{BODY_PREFIX}{ACTIVATED}", f"{BODY_PREFIX}{RESULT}"})


def read_logs(group: Mapping[str, Any], recorder: Recorder, reach: Reach) -> None:
    """Tell what the records of one ``resourceLogs`` object say."""
    version = text_of(attributes_of(group.get("resource") or {}).get("service.version"))
    for scope in group.get("scopeLogs") or ():
        newest = 0
        for record in scope.get("logRecords") or ():
            time = int(record.get("timeUnixNano") or 0) or int(record.get("observedTimeUnixNano") or 0)
            if time > newest:
                newest = time
            reach.see(time)
            attributes = {item["key"]: item["value"] for item in record.get("attributes") or ()}
            event = _event(record, attributes)
            if event in _EVENTS:
                told_event(event, attributes, time, recorder)
        if newest:
            recorder.hear(newest)
            recorder.client(version, newest)


def _event(record: Mapping[str, Any], attributes: Attributes) -> str:
    """The event's name: its attribute, the record's own field (OTLP 1.5), or the body."""
    named = attributes.get("event.name")
    if named is not None:
        return text_of(named)
    return record.get("eventName") or text_of(record.get("body"))


def told_event(event: str, attributes: Attributes, time: int, recorder: Recorder) -> None:
    """Tell one activation, or one result of a skill's work."""
    name = text_of(attributes.get("skill.name"))
    session = text_of(attributes.get("session.id"))
    sequence = text_of(attributes.get("event.sequence"))
    if not name:
        return
    if event.endswith(RESULT):
        outcome = (text_of(attributes.get("skill.outcome")) or text_of(attributes.get("success"))).lower()
        if outcome in SUCCESSES or outcome in FAILURES:
            kind = SUCCEEDED if outcome in SUCCESSES else FAILED
            recorder.skills.record(kind, name, "", session, sequence, time)
        return
    hidden_by = attributes.get("plugin_id_hash")
    if hidden_by is not None:
        name = told_name(name, text_of(hidden_by))
    trigger = text_of(attributes.get("invocation_trigger")) or UNKNOWN
    recorder.tells_calls = recorder.tells_typed = True
    recorder.skills.record(CALL, name, trigger, session, sequence, time)
    if name not in recorder.origins:
        source, plugin, market = (attributes.get(key) for key in ("skill.source", "plugin.name", "marketplace.name"))
        recorder.origin(name, text_of(source), text_of(plugin), text_of(market))
