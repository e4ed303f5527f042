"""Measurements for ``prometheus_client``, which this module owns.

Names and labels are those that OpenTelemetry's metrics get in Prometheus, so that a query reads both:
``catalog_prompt_requests_total{gen_ai_prompt_name, prompt_version_id, catalog_prompt_label,
gen_ai_request_model, status}``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram

from catalog_tool import semconv
from catalog_tool.client.buckets import SCORES, SECONDS, TOKENS_PER_SECOND
from catalog_tool.client.observe import Measured, encodable

_EXEMPLAR_CHARACTERS = 128
"""OpenMetrics: all names and values of an exemplar together."""
_NO_NAME = re.compile(r"[^A-Za-z0-9_]")
_LABELS = tuple(semconv.prometheus_name(name) for name in semconv.METRIC_LABELS)
_BARE = _LABELS[:-1]


class PrometheusRecorder:
    """The metrics of one registry; make one recorder a registry."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        def counter(name: str, what: str) -> Counter:
            return Counter(semconv.prometheus_name(name), what, _LABELS, registry=registry)

        def histogram(name: str, what: str, buckets: tuple[float, ...], labels: tuple[str, ...] = _LABELS) -> Histogram:
            unit = "_seconds" if buckets is SECONDS else ""
            return Histogram(semconv.prometheus_name(name) + unit, what, labels, buckets=buckets, registry=registry)

        self._requests = counter(semconv.REQUESTS, "Calls of models, by status.")
        self._input = counter(semconv.INPUT_TOKENS, "Input tokens.")
        self._output = counter(semconv.OUTPUT_TOKENS, "Output tokens.")
        self._cost = counter(semconv.COST, "What the calls cost, in US dollars.")
        self._unpriced = counter(semconv.UNPRICED, "Calls of which nobody knows what they cost.")
        self._tools = counter(semconv.TOOL_CALLS, "Tools that models called, ok or failed.")
        self._duration = histogram(semconv.DURATION, "The whole call.", SECONDS)
        self._first = histogram(semconv.TIME_TO_FIRST_TOKEN, "To the first token.", SECONDS)
        self._last = histogram(semconv.TIME_TO_LAST_TOKEN, "To the last token.", SECONDS)
        self._between = histogram(semconv.TIME_BETWEEN_TOKENS, "Between tokens.", SECONDS)
        self._rate = histogram(semconv.TOKENS_PER_SECOND, "Output tokens per second.", TOKENS_PER_SECOND)
        self._scores = {
            semconv.SCORE: histogram(semconv.SCORE, "Judges' scores.", SCORES, _BARE),
            semconv.FEEDBACK: histogram(semconv.FEEDBACK, "Users' feedback.", SCORES, _BARE),
        }

    def call(self, labels: Mapping[str, str], measured: Measured, exemplar: Mapping[str, str]) -> None:
        """``Recorder.call``; the exemplar stands beside the request and its duration."""
        values = (*labels.values(), measured.status)
        beside = _exemplar(exemplar)
        self._requests.labels(*values).inc(exemplar=beside)
        self._duration.labels(*values).observe(measured.duration, beside)
        for histogram, value in (
            (self._first, measured.first_token),
            (self._last, measured.last_token),
            (self._rate, measured.tokens_per_second),
        ):
            if value is not None:
                histogram.labels(*values).observe(value)
        between = self._between.labels(*values) if measured.between_tokens else None
        for seconds in measured.between_tokens:
            if between is not None:
                between.observe(seconds)
        for counter, number in (
            (self._input, measured.input_tokens),
            (self._output, measured.output_tokens),
            (self._unpriced, int(measured.is_unpriced)),
        ):
            if number:
                counter.labels(*values).inc(number)
        if measured.cost_usd is not None:
            self._cost.labels(*values).inc(measured.cost_usd)
        for status, number in (("ok", measured.tools_ok), ("failed", measured.tools_failed)):
            if number:
                self._tools.labels(*values[:-1], status).inc(number)

    def score(self, labels: Mapping[str, str], name: str, value: float) -> None:
        """``Recorder.score``."""
        self._scores[name].labels(*labels.values()).observe(value)


def _exemplar(given: Mapping[str, str]) -> dict[str, str]:
    """The trace first, then what fits of the rest: an exemplar that is too long is refused by the format.

    So is a name that is none there: ``session.id`` becomes ``session_id``, and what cannot become one is left out.
    """
    found: dict[str, str] = {}
    left = _EXEMPLAR_CHARACTERS
    for written, value in {**_trace(), **given}.items():
        name, text = _NO_NAME.sub("_", str(written)), encodable(str(value))
        if not name or name.startswith("__") or name[0].isdigit():
            continue
        left -= len(name) + len(text)
        if left < 0:
            break
        found[name] = text
    return found


def _trace() -> dict[str, str]:
    if find_spec("opentelemetry") is None:
        return {}
    from opentelemetry import trace  # an exemplar names the trace where there is tracing

    found = trace.get_current_span().get_span_context()
    return {"trace_id": f"{found.trace_id:032x}", "span_id": f"{found.span_id:016x}"} if found.is_valid else {}


@cache
def recorder() -> PrometheusRecorder:
    """The recorder of the default registry."""
    return PrometheusRecorder()
