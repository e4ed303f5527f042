"""What hooks of an agent wrote: one JSON object a line.

Lines of our own hook have ``event``, ``skill``, ``time``. A payload that somebody else's hook kept is read
too: a ``PostToolUse`` of the tool ``Skill``, if a time was added to it. Such payloads do not show
skills that people start by typing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from catalog_tool.usage.activity import FAILED, RETOLD, SUCCEEDED, UNKNOWN
from catalog_tool.usage.agent_telemetry import ACTIVATED, PROACTIVE, RESULT, SKILL_TOOLS
from catalog_tool.usage.lines import LineFile
from catalog_tool.usage.otlp_logs import FAILURES, SUCCESSES
from catalog_tool.usage.otlp_values import Reach
from catalog_tool.usage.source import Progress, Recorder, SourceReport
from catalog_tool.usage.windows import DATED, SECOND, Window

_TIMES = ("time", "timestamp", "ts")
_UNITS = ((10**14, 10**6), (10**17, 10**3))
"""Below which a number is one of milliseconds, or of microseconds, and what makes nanoseconds of it."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class HookSource:
    """A file of hook lines; gzipped or not; ``-`` is standard input."""

    kind = "hooks"

    def __init__(self, name: str) -> None:
        self.name = name

    def read(self, window: Window, recorder: Recorder, progress: Progress | None) -> SourceReport:  # noqa: ARG002
        """Tell all of the file. A line without a time, or with an event nobody knows, counts as unreadable."""
        lines, reach = LineFile(self.name), Reach()
        for value in lines.objects(progress):
            try:
                time = _time(value)
                reach.see(time)
                recorder.hear(time)
                _tell(value, time, recorder)
            except (TypeError, ValueError, AttributeError, KeyError, OverflowError):
                lines.reject()
        return lines.report(self.kind, reach)


def _tell(value: Mapping[str, Any], time: int, recorder: Recorder) -> None:
    session = str(value.get("session_id") or "")
    sequence = str(value.get("tool_use_id") or value.get("id") or "")
    event = value.get("event")
    if event is None:
        name = _loaded(value)
        if name:
            recorder.tells_calls = True
            recorder.skills.record(RETOLD, name, PROACTIVE, session, sequence, time)
        return
    name = str(value["skill"])
    if event == ACTIVATED:
        recorder.tells_calls = recorder.tells_typed = True
        recorder.skills.record(RETOLD, name, str(value.get("trigger") or UNKNOWN), session, sequence, time)
    elif event == RESULT:
        outcome = str(value["outcome"]).lower()
        if outcome not in SUCCESSES | FAILURES:
            raise ValueError(outcome)
        kind = SUCCEEDED if outcome in SUCCESSES else FAILED
        recorder.skills.record(kind, name, "", session, sequence, time)
    else:
        raise ValueError(event)


def _loaded(value: Mapping[str, Any]) -> str:
    """The skill that a hook's payload says was loaded, or the empty string."""
    if value.get("hook_event_name") != "PostToolUse" or value.get("tool_name") not in SKILL_TOOLS:
        return ""
    given = value.get("tool_input")
    name = (given.get("skill") or given.get("command") or given.get("name")) if isinstance(given, dict) else None
    return str(name or "").lstrip("/")


def _time(value: Mapping[str, Any]) -> int:
    """Nanoseconds. ISO 8601, or a number of seconds, milli-, micro- or nanoseconds, told apart by size."""
    written = next(value[key] for key in _TIMES if key in value) if any(key in value for key in _TIMES) else None
    if isinstance(written, bool) or not isinstance(written, str | int | float):
        raise TypeError("no time")
    time = _moment(written) if isinstance(written, str) else _number(written)
    if time < DATED:
        raise ValueError("no time of ours")
    return time


def _moment(written: str) -> int:
    moment = datetime.fromisoformat(written)
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    past = aware - _EPOCH
    return (past.days * 86_400 + past.seconds) * SECOND + past.microseconds * 1000


def _number(written: float) -> int:
    if written < 10**11:
        return int(written * SECOND)
    return int(written) * next((unit for limit, unit in _UNITS if written < limit), 1)
