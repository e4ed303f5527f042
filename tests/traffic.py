"""Calls of prompt versions as a client's metrics show them in Prometheus, made up minute by minute."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from prometheus_server import Series

STEP = 15
"""Seconds between samples."""
BOUNDS = (0.5, 1.0, 2.0, 4.0, 8.0)


class Traffic(NamedTuple):
    """What one version saw from ``start`` to ``end`` (seconds since the epoch), evenly.

    ``error_share`` of ``calls`` fail; each takes ``seconds`` and costs ``dollars``; ``score`` is the mean of as many
    scores as there are calls, None for none. ``before`` counts calls that were there at ``start``;
    of ``unpriced`` of them nobody knew the price.
    """

    version_id: str
    start: int
    end: int
    calls: int
    error_share: float = 0.0
    seconds: float = 0.7
    dollars: float = 0.01
    score: float | None = None
    prompt: str = "support_agent"
    label: str = "production"
    before: int = 0
    unpriced: int = 0

    def series(self) -> Iterator[Series]:
        """All series of this version; those of errors begin with the first error."""
        named = {
            "gen_ai_prompt_name": self.prompt, "prompt_version_id": self.version_id,
            "catalog_prompt_label": self.label, "gen_ai_request_model": "gpt-4o",
        }  # fmt: skip
        good = {**named, "status": "ok"}
        failed = round(self.calls * self.error_share)
        yield self._counter("catalog_prompt_requests_total", good, self.calls - failed, self.before)
        if failed:
            yield self._counter("catalog_prompt_requests_total", {**named, "status": "error"}, failed)
        for bound in (*BOUNDS, float("inf")):
            labels = {**good, "le": "+Inf" if bound == float("inf") else f"{bound}"}
            inside = self.calls if self.seconds <= bound else 0
            yield self._counter("catalog_prompt_duration_seconds_bucket", labels, inside)
        yield self._counter("catalog_prompt_cost_usd_total", good, self.calls * self.dollars)
        if self.unpriced:
            yield self._counter("catalog_prompt_unpriced_requests_total", good, self.unpriced)
        if self.score is not None:
            scored = {"gen_ai_prompt_name": self.prompt, "prompt_version_id": self.version_id, "metric": "all_hold"}
            yield self._counter("catalog_prompt_score_count", scored, self.calls)
            yield self._counter("catalog_prompt_score_sum", scored, self.calls * self.score)

    def _counter(self, metric: str, labels: dict[str, str], total: float, before: float = 0) -> Series:
        steps = max(1, (self.end - self.start) // STEP)
        return Series(
            metric, labels, [(self.start + n * STEP, before + total * n / steps) for n in range(steps + 1)]
        )  # fmt: skip
