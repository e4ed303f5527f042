"""Prometheus: cost and tokens of sessions, and when a skill's counters were last there.

Facts that shape this, all recorded from a real Prometheus: a series is one session and begins with its final
value more often than not, so ``increase`` shows 0 and ``max_over_time`` the truth; a counter that begins again
inside a session makes that too low; a subquery's steps are aligned, so what began after the last step is
only seen by asking for now as well; the metric's name depends on the collector; a success with
``warnings`` lacks data.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from catalog_tool.errors import BackendError
from catalog_tool.usage.meters import COST, Spending, Spendings, combined
from catalog_tool.usage.otlp_metrics import TOKENS
from catalog_tool.usage.otlp_values import Reach
from catalog_tool.usage.source import EMPTY, OK, PARTIAL, Progress, Recorder, SourceReport
from catalog_tool.usage.web import Asker
from catalog_tool.usage.windows import SECOND, Window, query_duration

COST_NAMES = "claude_code_cost_usage(_USD)?(_total)?"
TOKEN_NAMES = "claude_code_token_usage(_tokens)?(_total)?"  # noqa: S105 - a metric's name
STEP = "5m"
"""Of subqueries: no longer than Prometheus looks back for a sample, so that no session falls between steps."""
SHORTEST = 86_400
"""Seconds: a subquery that loads too many samples is halved down to this."""
_TOO_MANY = "too many samples"
_METRIC = re.compile(f"{COST_NAMES}|{TOKEN_NAMES}", re.ASCII)
"""A server's word for a name goes into the next query only if it is one of these."""


class _Series(NamedTuple):
    labels: Mapping[str, str]
    value: float


class PrometheusSource:
    """A Prometheus that a collector's metrics of agents are scraped into."""

    kind = "prometheus"

    def __init__(self, asker: Asker, name: str) -> None:
        self.name = name
        self._ask = asker
        self._warnings: dict[str, None] = {}

    def read(self, window: Window, recorder: Recorder, progress: Progress | None) -> SourceReport:
        """Tell cost, tokens and last use by skill."""
        self._warnings = {}
        names = self._names(COST_NAMES, window), self._names(TOKEN_NAMES, window)
        notes: list[str] = []
        found: Spendings = {}
        reach = Reach()
        for step, (measured, metrics) in enumerate(zip((COST, TOKENS), names, strict=True), 1):
            for metric in metrics:
                found = combined(found, self._amounts(metric, measured, window))
                notes += self._resets(metric, window)
                if measured == COST:
                    self._last_seen(metric, window, found, reach)
            if progress is not None:
                progress(step, 2)
        recorder.totals = combined(recorder.totals, found)
        if reach.end is not None:
            recorder.hear(reach.end)
        missing = [f"data are missing: {warning}" for warning in self._warnings]
        if not any(names) and not missing:
            notes.append("no metric claude_code_cost_usage or claude_code_token_usage in this window")
        status = PARTIAL if missing else OK if any(names) else EMPTY
        return SourceReport(self.kind, status, reach.start, reach.end, "; ".join([*missing, *notes]) or None)

    def _names(self, pattern: str, window: Window) -> list[str]:
        """The names under which this installation keeps the metric."""
        query = f'count by (__name__) (last_over_time({{__name__=~"{pattern}"}}[{query_duration(window.seconds)}]))'
        names = {series.labels.get("__name__", "") for series in self._vector(query, window.end)}
        return sorted(name for name in names if _METRIC.fullmatch(name))

    def _amounts(self, metric: str, measured: str, window: Window) -> Spendings:
        length = query_duration(window.seconds)
        by = "skill_name" if measured == COST else "skill_name, type"
        found: Spendings = {}
        for series in self._vector(f"sum by ({by}) (max_over_time({metric}[{length}]))", window.end):
            kind = COST if measured == COST else series.labels.get("type") or TOKENS
            found.setdefault(series.labels.get("skill_name", ""), Spending()).add(kind, series.value)
        return found

    def _resets(self, metric: str, window: Window) -> list[str]:
        """A note where counters began again inside a session: their cost is higher than what is shown."""
        query = f"sum by (skill_name) (resets({metric}[{query_duration(window.seconds)}])) > 0"
        skills = sorted(series.labels.get("skill_name") or "(no skill)" for series in self._vector(query, window.end))
        if not skills:
            return []
        return [f"{metric} began again inside a session, so what is shown is too low for: {', '.join(skills[:20])}"]

    def _last_seen(self, metric: str, window: Window, found: Spendings, reach: Reach) -> None:
        """Last use by skill: the newer of now and of every step of the window."""
        now = self._vector(f"max by (skill_name) (timestamp({metric}))", window.end)
        for series in [*now, *self._stamps("max", metric, window.seconds, window.end)]:
            time = int(series.value * SECOND)
            reach.see(time)
            spending = found.setdefault(series.labels.get("skill_name", ""), Spending())
            spending.last = max(time, spending.last or 0)
        for series in self._stamps("min", metric, window.seconds, window.end):
            reach.see(int(series.value * SECOND))

    def _stamps(self, which: str, metric: str, seconds: int, end: int) -> list[_Series]:
        """The newest (``max``) or oldest (``min``) sample of each skill in the ``seconds`` before ``end``."""
        length = query_duration(seconds)
        query = f"{which} by (skill_name) ({which}_over_time(timestamp({metric})[{length}:{STEP}]))"
        try:
            return self._vector(query, end)
        except BackendError as error:
            if _TOO_MANY not in error.message or seconds < 2 * SHORTEST:
                raise
        half = seconds // 2
        newer, older = (
            self._stamps(which, metric, half, end),
            self._stamps(which, metric, seconds - half, end - half * SECOND),
        )
        return [*newer, *older]

    def _vector(self, query: str, time: int) -> list[_Series]:
        answer = self._ask.get("/api/v1/query", {"query": query, "time": str(time // SECOND)})
        try:
            data = answer["data"]
            if answer["status"] != "success" or data["resultType"] != "vector":
                raise ValueError(answer["status"])
            for warning in answer.get("warnings") or ():
                self._warnings.setdefault(str(warning)[:200])
            series = [_Series(_labels(item["metric"]), float(item["value"][1])) for item in data["result"]]
        except (LookupError, TypeError, ValueError, OverflowError, AttributeError) as error:
            raise BackendError(f"{self.name} answered in a form that is not Prometheus's") from error
        return [item for item in series if math.isfinite(item.value)]


def _labels(found: Mapping[str, Any]) -> Mapping[str, str]:
    return {str(name): str(value) for name, value in found.items()}
