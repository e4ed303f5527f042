"""Grafana Loki: activations as log entries with structured metadata.

Facts that shape this, all recorded from a real Loki 3: a range query longer than 30d1h is refused, an
instant query over a longer range is not; at most 5,000 entries come at once; a query may make at most 500
series, and no filter on its result helps; errors are plain text; a wrong label, service or tenant is an
empty success, so whether anything stands behind the selector is asked first. Range queries of
counts align their steps, so counting is done by instant queries and by the entries themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from catalog_tool.errors import BackendError
from catalog_tool.usage.activity import UNKNOWN, Activity
from catalog_tool.usage.agent_telemetry import ACTIVATED, REDACTED, RESULT, reports_typed_calls
from catalog_tool.usage.otlp_logs import told_event
from catalog_tool.usage.otlp_values import Reach
from catalog_tool.usage.plugin_hash import HASH_MARK
from catalog_tool.usage.source import EMPTY, OK, PARTIAL, Progress, Recorder, SourceReport, told_name
from catalog_tool.usage.web import Asker
from catalog_tool.usage.windows import DAY, SECOND, Window, query_duration

SELECTOR = '{service_name=~"claude-code.*"}'
RANGE = 30 * DAY
"""A range query's length; Loki's limit is 30d1h unless it is set otherwise."""
PAGE = 5_000
"""Entries a page: Loki's ``max_entries_limit_per_query``."""
ENTRIES = 200_000
"""Up to so many activations the entries themselves are read; of more only totals."""
_HIDDEN = "|".join(sorted(REDACTED))
_STAMP = 'label_format ts="{{ __timestamp__ | unixEpoch }}" | unwrap ts'


class Limits(NamedTuple):
    """How much is asked for at once, and up to how many entries are read one by one."""

    page: int = PAGE
    entries: int = ENTRIES


class LokiSource:
    """A Loki. ``selector`` is the stream selector that agents' logs stand behind."""

    kind = "loki"

    def __init__(self, asker: Asker, name: str, selector: str = SELECTOR, limits: Limits | None = None) -> None:
        self.name = name
        self._ask = asker
        self._selector = selector
        self._limits = limits or Limits()

    def read(self, window: Window, recorder: Recorder, progress: Progress | None) -> SourceReport:
        """Tell activations and results: every entry if they are not too many, else totals."""
        if not self._count(self._selector, window):
            message = f"nothing behind {self._selector} in this window: look at the selector, the tenant, the retention"
            return SourceReport(self.kind, EMPTY, message=message)
        self._hear(window, recorder)
        recorder.tells_calls = recorder.tells_typed = True
        reach = Reach()
        notes = [self._event(event, window, recorder, (reach, progress)) for event in (ACTIVATED, RESULT)]
        missing = [note for note, complete in notes if not complete]
        message = "; ".join(note for note, _ in notes if note)
        return SourceReport(self.kind, PARTIAL if missing else OK, reach.start, reach.end, message or None)

    def _event(
        self, event: str, window: Window, recorder: Recorder, reading: tuple[Reach, Progress | None]
    ) -> tuple[str, bool]:
        """Read one kind of event; what to say of it, and whether all of it came."""
        stream = f'{self._selector} | event_name="{event}"'
        count = self._count(stream, window)
        if count > self._limits.entries:
            if event == ACTIVATED:
                self._totals(stream, window, recorder, reading[0])
            return f"{count:,} records of {event}: totals were read, without sessions and days", event == ACTIVATED
        found = self._entries(stream, window, recorder, *reading) if count else 0
        return ("", True) if found >= count else (f"{found:,} of {count:,} records of {event} came back", False)

    def _hear(self, window: Window, recorder: Recorder) -> None:
        """When anything was last heard, and from which versions that report no typed calls."""
        for start, end in _ranges(window):
            newest = self._page(self._selector, start, end, 1)
            if newest:
                recorder.hear(newest[0][0])
                break
        fresh = query_duration((window.end - window.fresh) // SECOND)
        query = f"sum by (service_version) (count_over_time({self._selector}[{fresh}]))"
        for labels, _ in self._instant(query, window.end):
            version = labels.get("service_version", "")
            if not reports_typed_calls(version):
                recorder.client(version, window.end)

    def _count(self, stream: str, window: Window) -> int:
        gap = "" if stream == self._selector else " "
        query = f"sum(count_over_time({stream}{gap}[{query_duration(window.seconds)}]))"
        return int(sum(value for _, value in self._instant(query, window.end)))

    def _instant(self, query: str, time: int) -> list[tuple[Mapping[str, str], float]]:
        """The labels and the value of each series of an instant query."""
        answer = self._ask.get("/loki/api/v1/query", {"query": query, "time": str(time)})
        try:
            data = answer["data"]
            if answer["status"] != "success" or data["resultType"] != "vector":
                raise ValueError(answer["status"])
            return [(series["metric"], float(series["value"][1])) for series in data["result"]]
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise BackendError(f"{self.name} answered in a form that is not Loki's") from error

    def _totals(self, stream: str, window: Window, recorder: Recorder, reach: Reach) -> None:
        """Calls by skill and trigger, first and last use, as Loki counts them; hidden names by their plugin's hash."""
        found = self._counted(stream, "skill_name", window)
        if not REDACTED.isdisjoint(found):
            hashed = f'{stream} | skill_name=~"{_HIDDEN}" | plugin_id_hash!=""'
            for name, activity in self._counted(hashed, "skill_name, plugin_id_hash", window).items():
                hidden, mark, _ = name.partition(HASH_MARK)
                if mark and hidden in found:
                    found[name] = activity
                    _take_away(found[hidden], activity)
        for name, activity in found.items():
            for time in (activity.first, activity.last):
                if time is not None:
                    reach.see(time)
            recorder.skills.add_totals(name, activity)

    def _counted(self, stream: str, by: str, window: Window) -> dict[str, Activity]:
        """What Loki counts behind a stream, by the name to record."""
        length = query_duration(window.seconds)
        found: dict[str, Activity] = {}

        def of(labels: Mapping[str, str]) -> Activity:
            name = told_name(labels.get("skill_name", ""), labels.get("plugin_id_hash", ""))
            return found.setdefault(name, Activity(sessions=None))

        by_trigger = f"sum by ({by}, invocation_trigger) (count_over_time({stream} [{length}]))"
        for labels, count in self._instant(by_trigger, window.end):
            activity, trigger = of(labels), labels.get("invocation_trigger") or UNKNOWN
            activity.calls += int(count)
            activity.details[trigger] = activity.details.get(trigger, 0) + int(count)
        for which in ("max", "min"):  # grouped inside: else every entry is a series of its own, and 500 are allowed
            query = f"{which}_over_time({stream} | {_STAMP} [{length}]) by ({by})"
            for labels, seconds in self._instant(query, window.end):
                of(labels).see(int(seconds) * SECOND)
        return found

    def _entries(self, stream: str, window: Window, recorder: Recorder, reach: Reach, progress: Progress | None) -> int:
        """Tell every entry; how many there were."""
        seen: set[int] = set()
        for start, end in _ranges(window):
            for number, (time, labels) in enumerate(self._pages(stream, start, end), 1):
                key = hash((time, frozenset(labels.items())))
                if key in seen:
                    continue
                seen.add(key)
                reach.see(time)
                recorder.hear(time)
                _tell(labels, time, recorder)
                if progress is not None and number % 500 == 0:
                    progress(end - time, max(end - start, 1))
        return len(seen)

    def _pages(self, stream: str, start: int, end: int) -> Iterator[tuple[int, Mapping[str, str]]]:
        """Entries from ``start`` (included) to ``end`` (not), newest first, page by page.

        Entries of one nanosecond can be cut by a page: the next one begins with that nanosecond again.
        """
        while start < end:
            page = self._page(stream, start, end, self._limits.page)
            yield from page
            if len(page) < self._limits.page:
                return
            oldest = min(time for time, _ in page)
            end = oldest + 1 if oldest + 1 < end else oldest

    def _page(self, stream: str, start: int, end: int, limit: int) -> list[tuple[int, Mapping[str, str]]]:
        answer = self._ask.get(
            "/loki/api/v1/query_range",
            {
                "query": stream, "start": str(start), "end": str(end),
                "limit": str(limit), "direction": "backward",
            },
        )  # fmt: skip
        try:
            data = answer["data"]
            if answer["status"] != "success" or data["resultType"] != "streams":
                raise ValueError(answer["status"])
            return [
                (int(value[0]), {**found["stream"], **_categorized(value)})
                for found in data["result"]
                for value in found["values"]
            ]
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise BackendError(f"{self.name} answered in a form that is not Loki's") from error


def _take_away(hidden: Activity, known: Activity) -> None:
    """Leave to a hidden name the calls of which nobody told more."""
    hidden.calls = max(hidden.calls - known.calls, 0)
    hidden.details = {
        trigger: left
        for trigger, count in hidden.details.items()
        if (left := count - known.details.get(trigger, 0)) > 0
    }


def _categorized(value: list[Any]) -> Mapping[str, str]:
    """Labels in the third element, where a proxy asks for ``categorize-labels``."""
    return value[2].get("structuredMetadata") or {} if len(value) > 2 else {}


def _ranges(window: Window) -> Iterator[tuple[int, int]]:
    """The window in pieces that Loki accepts, newest first: start included, end not."""
    end = window.end + 1
    while end > window.start + 1:
        start = max(end - RANGE, window.start + 1)
        yield start, end
        end = start


_KEYS = (
    "skill_name", "session_id", "event_sequence", "invocation_trigger", "skill_source", "plugin_name",
    "marketplace_name", "plugin_id_hash", "skill_outcome", "success",
)  # fmt: skip
_SPELLED = {key: {"invocation_trigger": key, "plugin_id_hash": key}.get(key, key.replace("_", ".", 1)) for key in _KEYS}


def _tell(labels: Mapping[str, str], time: int, recorder: Recorder) -> None:
    """Tell an entry, whose attributes Loki spells with underscores."""
    attributes = {_SPELLED[key]: {"stringValue": labels[key]} for key in _KEYS if key in labels}
    told_event(labels.get("event_name", ""), attributes, time, recorder)
