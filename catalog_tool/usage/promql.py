"""One number from a Prometheus, or that it has none: an answer that lacks data is a failure to look."""

from __future__ import annotations

import math
import re

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


def grown(metric: str, selector: str, window: int, by: str = "") -> str:
    """How much counters grew in a window, in seconds.

    ``increase`` misses the first value of a series that began within it, such as the first errors of a new
    version: such a series counts whole.
    """
    series = f"{metric}{{{selector}}}"
    grew = f"(({series} unless {series} offset {window}s) or increase({series}[{window}s]))"
    return f"sum{f' by ({by})' if by else ''} {grew}"


def requests(selector: str, window: int) -> str:
    """Calls of a version."""
    return grown(f"{prometheus_name(REQUESTS)}_total", selector, window)


def failures(selector: str, window: int) -> str:
    """Calls that failed."""
    return requests(f'{selector},status=~"{FAILED_STATUSES}"', window)


def latency(selector: str, window: int, quantile: float, by: str = "") -> str:
    """A quantile of whole calls, in seconds."""
    buckets = grown(f"{prometheus_name(DURATION)}_seconds_bucket", selector, window, f"le{', ' if by else ''}{by}")
    return f"histogram_quantile({quantile:g}, {buckets})"


def cost(selector: str, window: int, by: str = "") -> str:
    """US dollars a call."""
    dollars = grown(f"{prometheus_name(COST)}_total", selector, window, by)
    return f"({dollars}) / ({grown(f'{prometheus_name(REQUESTS)}_total', selector, window, by)} > 0)"


def unpriced(selector: str, window: int, by: str = "") -> str:
    """Calls of which nobody knows what they cost: with one of them the dollars a call are not known either."""
    return grown(f"{prometheus_name(UNPRICED)}_total", selector, window, by)


def scores(selector: str, window: int, by: str = "") -> str:
    """How many scores there are."""
    return grown(f"{prometheus_name(SCORE)}_count", selector, window, by)


def score(selector: str, window: int, by: str = "") -> str:
    """The mean score."""
    return f"({grown(f'{prometheus_name(SCORE)}_sum', selector, window, by)}) / ({scores(selector, window, by)} > 0)"


def selector_of(prompt: str, version_id: str, label: str | None, metric: str | None = None) -> str:
    """Matchers of one version. Scores of samples carry no label, so ``label`` is None for them."""
    found = [(PROMPT_NAME, prompt), (PROMPT_VERSION_ID, version_id)]
    found += [(PROMPT_LABEL, label)] if label is not None else []
    found += [("metric", metric)] if metric is not None else []
    return ",".join(f"{prometheus_name(name)}={quoted(value)}" for name, value in found)


def filled(query: str, prompt: str, version_id: str, label: str, window: int) -> str:
    """A query of the catalog's own with ``$version_id``, ``$prompt``, ``$label`` and ``$window`` put in.

    They stand inside quotes there, so what is put in is escaped for them.
    """
    values = {"version_id": quoted(version_id)[1:-1], "prompt": quoted(prompt)[1:-1], "label": quoted(label)[1:-1]}
    return _PLACEHOLDER.sub(lambda found: values.get(found[1], f"{window}s"), query)
