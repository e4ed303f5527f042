"""One number from a Prometheus, or that it has none: an answer that lacks data is a failure to look."""

from __future__ import annotations

import math
import re
from typing import NamedTuple

from catalog_tool.errors import BackendError
from catalog_tool.semconv import (
    COST,
    DURATION,
    PROMPT_LABEL,
    PROMPT_NAME,
    PROMPT_VERSION_ID,
    REQUESTS,
    SCORE,
    UNPRICED,
    prometheus_name,
)
from catalog_tool.usage.web import Asker

FAILED_STATUSES = "error|timeout"
"""Calls that count as errors: a refusal may be right, and a rate limit is the server's."""
SEEN_SECONDS = 3600
"""A series that had no sample for so long before a window is new in it; a shorter gap is a gap."""
SLACK_SECONDS = 300
"""All that is scraped is scraped once within it, also after Prometheus began or went on."""
_REQUESTS = f"{prometheus_name(REQUESTS)}_total"
_PROMPT = prometheus_name(PROMPT_NAME)
_PLACEHOLDER = re.compile(r"\$(version_id|prompt|label|window)\b", re.ASCII)
_WARNED = 200


class PromQl:
    """Asks one Prometheus (``/api/v1/query``)."""

    def __init__(self, asker: Asker, name: str) -> None:
        self._ask = asker
        self._name = name

    def value(self, query: str, at: int) -> float | None:
        """What the query says at a time (seconds since the epoch); None for no series and for no number.

        Raises ``BackendError`` where it does not answer, warns that data are missing, or gives several series.
        """
        answer = self._ask.get("/api/v1/query", {"query": query, "time": str(at)})
        try:
            data, warnings = answer["data"], answer.get("warnings") or []
            if answer["status"] != "success" or data["resultType"] not in ("vector", "scalar"):
                raise ValueError(answer["status"])
            found = [data["result"]] if data["resultType"] == "scalar" else [item["value"] for item in data["result"]]
            numbers = [float(pair[1]) for pair in found]
            warning = str(warnings[0])[:_WARNED] if warnings else None
        except (LookupError, TypeError, ValueError, OverflowError, AttributeError) as error:
            raise BackendError(f"{self._name} answered in a form that is not Prometheus's") from error
        if warning is not None:
            raise BackendError(f"{self._name}: data are missing: {warning}")
        if len(numbers) > 1:
            raise BackendError(f"{self._name} gave {len(numbers)} series for one number", hint="sum them in the query")
        return numbers[0] if numbers and math.isfinite(numbers[0]) else None


def quoted(text: str) -> str:
    """A string of PromQL (double quotes, Go's escapes)."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


class Scope(NamedTuple):
    """The series that ``matchers`` choose, over the last ``window`` seconds.

    ``measured`` is a vector by prompt of those that were seen before the window, as ``measured_before`` makes it.
    """

    matchers: str
    window: int
    measured: str

    def where(self, more: str) -> Scope:
        """Fewer of them."""
        return self._replace(matchers=f"{self.matchers},{more}")


def measured_before(matchers: str, window: int) -> str:
    """The prompts of which Prometheus saw calls before a window; ``matchers`` (may be empty) choose among them.

    Looks into the hour in which ``grown`` looks for a series, but for its first and last minutes: a Prometheus that
    began or went on there may have seen one process and not yet the next.
    """
    seen = f"{_REQUESTS}{{{matchers}}}[{SEEN_SECONDS - 2 * SLACK_SECONDS}s] offset {window + SLACK_SECONDS}s"
    return f"count by ({_PROMPT}) (present_over_time({seen}))"


def grown(metric: str, scope: Scope, by: str = "") -> str:
    """How much counters grew in a window.

    ``increase`` misses the first value of a series that began within it, such as the first errors of a new version
    or process: such a series counts whole. That it was not there when the window began is not enough for that,
    because a failed scrape looks the same: it is new only if it was never there in the hour before, while its prompt
    was. Whole is the highest value; of one that was reset too, what it grew and the lowest value.
    """
    series = f"{metric}{{{scope.matchers}}}"
    within = f"{series}[{scope.window}s]"
    whole = f"increase({within}) + min_over_time({within}) and resets({within}) > 0 or max_over_time({within})"
    before = f"present_over_time({series}[{SEEN_SECONDS}s] offset {scope.window}s)"
    new = f"({whole}) unless {before} and on ({_PROMPT}) {scope.measured}"
    return f"sum{f' by ({by})' if by else ''} ({new} or increase({within}))"


def requests(scope: Scope, by: str = "") -> str:
    """Calls of a version."""
    return grown(_REQUESTS, scope, by)


def failures(scope: Scope, by: str = "") -> str:
    """Calls that failed."""
    return requests(scope.where(f'status=~"{FAILED_STATUSES}"'), by)


def latency(scope: Scope, quantile: float, by: str = "") -> str:
    """A quantile of whole calls, in seconds."""
    buckets = grown(f"{prometheus_name(DURATION)}_seconds_bucket", scope, f"le{', ' if by else ''}{by}")
    return f"histogram_quantile({quantile:g}, {buckets})"


def dollars(scope: Scope, by: str = "") -> str:
    """US dollars."""
    return grown(f"{prometheus_name(COST)}_total", scope, by)


def cost(scope: Scope) -> str:
    """US dollars a call."""
    return f"({dollars(scope)}) / ({requests(scope)} > 0)"


def unpriced(scope: Scope, by: str = "") -> str:
    """Calls of which nobody knows what they cost: with one of them the dollars a call are not known either."""
    return grown(f"{prometheus_name(UNPRICED)}_total", scope, by)


def scores(scope: Scope, by: str = "") -> str:
    """How many scores there are."""
    return grown(f"{prometheus_name(SCORE)}_count", scope, by)


def score(scope: Scope, by: str = "") -> str:
    """The mean score."""
    return f"({grown(f'{prometheus_name(SCORE)}_sum', scope, by)}) / ({scores(scope, by)} > 0)"


def scope_of(named: tuple[str, str, str | None], window: int, metric: str | None = None) -> Scope:
    """One version's series: of a prompt, a version id and a label.

    Scores of samples carry no label, so it is None for them; ``metric`` chooses one score.
    """
    prompt, version_id, label = named
    found = [(PROMPT_NAME, prompt), (PROMPT_VERSION_ID, version_id)]
    found += [(PROMPT_LABEL, label)] if label is not None else []
    found += [("metric", metric)] if metric is not None else []
    matchers = [f"{prometheus_name(name)}={quoted(value)}" for name, value in found]
    return Scope(",".join(matchers), window, measured_before(matchers[0], window))


def filled(query: str, prompt: str, version_id: str, label: str, window: int) -> str:
    """A query of the catalog's own with ``$version_id``, ``$prompt``, ``$label`` and ``$window`` put in.

    They stand inside quotes there, so what is put in is escaped for them.
    """
    values = {"version_id": quoted(version_id)[1:-1], "prompt": quoted(prompt)[1:-1], "label": quoted(label)[1:-1]}
    return _PLACEHOLDER.sub(lambda found: values.get(found[1], f"{window}s"), query)
