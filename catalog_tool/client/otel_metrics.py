"""Measurements as OpenTelemetry metrics. This module owns ``opentelemetry`` for metrics."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from opentelemetry import metrics

from catalog_tool import semconv
from catalog_tool.client.buckets import SCORES, SECONDS, TOKENS_PER_SECOND
from catalog_tool.client.observe import Measured


class OtelRecorder:
    """Instruments of one meter; without a provider the API records nothing, and costs nothing."""

    def __init__(self, meter: metrics.Meter) -> None:
        counter, histogram = meter.create_counter, meter.create_histogram
        self._requests = counter(semconv.REQUESTS, description="calls of models, by status")
        self._cost = counter(semconv.COST, description="what the calls cost, in US dollars")
        self._unpriced = counter(semconv.UNPRICED, description="calls of which nobody knows what they cost")
        self._tools = counter(semconv.TOOL_CALLS, description="tools that models called, ok or failed")
        self._totals = {name: counter(name, description=f"{what} tokens") for name, what in _TOKENS.items()}
        self._histograms = {
            name: histogram(name, unit="s", explicit_bucket_boundaries_advisory=SECONDS) for name in _TIMES
        }
        self._rate = histogram(semconv.TOKENS_PER_SECOND, explicit_bucket_boundaries_advisory=TOKENS_PER_SECOND)
        self._scores = {
            name: histogram(name, explicit_bucket_boundaries_advisory=SCORES)
            for name in (semconv.SCORE, semconv.FEEDBACK)
        }

    def call(self, labels: Mapping[str, str], measured: Measured, exemplar: Mapping[str, str]) -> None:
        """``Recorder.call``. Exemplars are the SDK's: it takes the current span by itself."""
        del exemplar
        by_status = {**labels, semconv.STATUS: measured.status}
        self._requests.add(1, by_status)
        for name, field in _TIMES.items():
            value = getattr(measured, field)
            for seconds in value if isinstance(value, tuple) else (value,):
                if seconds is not None:
                    self._histograms[name].record(seconds, by_status)
        if measured.tokens_per_second is not None:
            self._rate.record(measured.tokens_per_second, by_status)
        for counter, number in (
            (self._totals[semconv.INPUT_TOKENS], measured.input_tokens),
            (self._totals[semconv.OUTPUT_TOKENS], measured.output_tokens),
            (self._unpriced, int(measured.is_unpriced)),
        ):
            if number:
                counter.add(number, by_status)
        if measured.cost_usd is not None:
            self._cost.add(measured.cost_usd, by_status)
        for status, number in (("ok", measured.tools_ok), ("failed", measured.tools_failed)):
            if number:
                self._tools.add(number, {**labels, semconv.STATUS: status})

    def score(self, labels: Mapping[str, str], name: str, value: float) -> None:
        """``Recorder.score``."""
        self._scores[name].record(value, labels)


_TIMES = {
    semconv.DURATION: "duration",
    semconv.TIME_TO_FIRST_TOKEN: "first_token",
    semconv.TIME_TO_LAST_TOKEN: "last_token",
    semconv.TIME_BETWEEN_TOKENS: "between_tokens",
}
_TOKENS = {semconv.INPUT_TOKENS: "input", semconv.OUTPUT_TOKENS: "output"}


@cache
def recorder() -> OtelRecorder:
    """The recorder of the global meter provider, which may be set later."""
    return OtelRecorder(metrics.get_meter("catalog_tool.client"))
