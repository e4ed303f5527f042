"""Measuring one call of a model: ``with prompt.observe(model="gpt-4o") as call:``.

    with prompt.observe(model="gpt-4o") as call:
        for chunk in stream:
            call.token()
        call.usage(input_tokens=812, output_tokens=140, cost_usd=0.0034)
        call.tool(ok=True)

What is recorded goes to OpenTelemetry or to ``prometheus_client``, with the labels of
``semconv.METRIC_LABELS`` and no others. An exception is recorded and passed on. Numbers come from providers and
judges, so one that cannot be (a negative cost, NaN, a word) is an unknown one and never an error of the call.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from importlib import import_module
from importlib.util import find_spec
from itertools import pairwise
from math import isfinite
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, Self

from catalog_tool import semconv
from catalog_tool.errors import UsageError

if TYPE_CHECKING:
    from catalog_tool.client.prompt import Prompt, Surroundings

_MODEL_CHARACTERS = 100


class Measured(NamedTuple):
    """One finished call. Times are seconds; what was not measured is None."""

    status: str
    duration: float
    first_token: float | None = None
    last_token: float | None = None
    between_tokens: tuple[float, ...] = ()
    tokens_per_second: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None
    tools_ok: int = 0
    tools_failed: int = 0

    @property
    def is_unpriced(self) -> bool:
        """Whether what it cost is not known: there was an answer, or tokens were counted, and nobody named a price."""
        used = self.status == "ok" or bool(self.input_tokens or self.output_tokens)
        return self.cost_usd is None and used


class Recorder(Protocol):
    """Where measurements go. Methods are called from any thread and never raise.

    ``labels`` are ``semconv.METRIC_LABELS`` without the status, by name; ``exemplar`` is what may stand
    beside a number but never tell series apart.
    """

    def call(self, labels: Mapping[str, str], measured: Measured, exemplar: Mapping[str, str]) -> None:
        """One call ended."""

    def score(self, labels: Mapping[str, str], name: str, value: float) -> None:
        """A judge's score, or feedback, of an output: ``semconv.SCORE`` or ``semconv.FEEDBACK``."""


def metric_labels(prompt: Prompt, model: str) -> dict[str, str]:
    """What metrics about ``prompt`` are told apart by; absent ones are empty."""
    return {
        semconv.PROMPT_NAME: prompt.id,
        semconv.PROMPT_VERSION_ID: prompt.version_id,
        semconv.PROMPT_LABEL: prompt.label or "",
        semconv.REQUEST_MODEL: encodable(model[:_MODEL_CHARACTERS]),
    }


def encodable(text: str) -> str:
    """``text`` without lone surrogates: one in a label keeps all metrics of a process from being read."""
    return text.encode("utf-8", "replace").decode()


def recorder_of(chosen: Any) -> Recorder | None:
    """The recorder that ``Tuning.recorder`` means; nothing is loaded before a call is observed."""
    if chosen != "auto":
        found: Recorder | None = chosen
        return found
    if find_spec("opentelemetry") is not None and find_spec("opentelemetry.metrics") is not None:
        made: Recorder = import_module("catalog_tool.client.otel_metrics").recorder()
        return made
    if find_spec("prometheus_client") is not None:
        counted: Recorder = import_module("catalog_tool.client.prometheus_metrics").recorder()
        return counted
    return None


class Call:
    """One call under way. Its methods may be called in any order and from any thread, before the block ends."""

    def __init__(self, prompt: Prompt, model: str, around: Surroundings, exemplar: dict[str, str]) -> None:
        self.prompt = prompt
        self.model = model
        self.status = "ok"
        self.measured: Measured | None = None
        self._around = around
        self._exemplar = exemplar
        self._started = 0.0
        self._times: list[float] = []
        self._numbers: dict[str, Any] = {}
        self._tools = [0, 0]
        self._tracing: AbstractContextManager[Any] | None = None

    def token(self) -> None:
        """A token, or a chunk of a stream, has come."""
        self._times.append(time.perf_counter())

    def usage(
        self, *, input_tokens: int | None = None, output_tokens: int | None = None, cost_usd: float | None = None
    ) -> None:
        """What the provider says was used; what is None, or no finite number from 0 on, stays as it was.

        A cost that nobody knows is left out, and counted as such (``semconv.UNPRICED``); 0 says that it was free.
        """
        for name, tokens in (("input_tokens", _amount(input_tokens)), ("output_tokens", _amount(output_tokens))):
            if tokens is not None:
                self._numbers[name] = int(tokens)
        cost = _amount(cost_usd)
        if cost is not None:
            self._numbers["cost_usd"] = cost

    def tool(self, *, ok: bool) -> None:
        """A tool that the model called did its work, or failed."""
        self._tools[not ok] += 1

    def fail(self, status: str = "error") -> None:
        """The call failed without an exception. Raises ``UsageError`` unless one of ``semconv.CALL_STATUSES``."""
        if status not in semconv.CALL_STATUSES:
            raise UsageError(f"{status!r} is no status", hint=f"one of: {', '.join(semconv.CALL_STATUSES)}")
        self.status = status

    def sample(
        self,
        *,
        input: Any = None,  # noqa: A002 - what it is called everywhere
        output: Any = None,
        scores: Mapping[str, float] | None = None,
    ) -> str | None:
        """Offer what went in and came out as a sample; its id where it was chosen (``Tuning.samples``).

        Of ``scores`` those are kept that are numbers. Nothing that is given raises.
        """
        samples = self._around.samples
        return None if samples is None else samples.offer(self.prompt, self.model, input, output, scores)

    def score(self, value: float) -> None:
        """A judge's verdict on this call's output, 0 to 1, as a metric by version id; none where it is no number."""
        recorder = recorder_of(self._around.recorder)
        found = finite(value)
        if recorder is not None and found is not None:
            recorder.score(metric_labels(self.prompt, self.model), semconv.SCORE, found)

    def __enter__(self) -> Self:
        if find_spec("opentelemetry") is not None:
            self._tracing = import_module("catalog_tool.client.otel").tracing(self.prompt)
            self._tracing.__enter__()
        self._started = time.perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        ended = time.perf_counter()
        if error is not None and self.status == "ok":
            self.status = _status(error)
        self.measured = self._measure(ended)
        try:
            recorder = recorder_of(self._around.recorder)
            if recorder is not None:
                recorder.call(metric_labels(self.prompt, self.model), self.measured, self._exemplar)
        finally:  # whatever a recorder of others does: later spans are not of this prompt
            if self._tracing is not None:
                self._tracing.__exit__(kind, error, trace)

    def _measure(self, ended: float) -> Measured:
        times, started = self._times, self._started
        output = self._numbers.get("output_tokens", len(times) or None)
        streamed = times[-1] - times[0] if len(times) > 1 else 0.0
        return Measured(
            status=self.status,
            duration=ended - started,
            first_token=times[0] - started if times else None,
            last_token=times[-1] - started if times else None,
            between_tokens=tuple(later - sooner for sooner, later in pairwise(times)),
            # The first token's time is the model's reading: the rate is that of the tokens after it.
            tokens_per_second=(output - 1) / streamed if output is not None and output > 1 and streamed > 0 else None,
            input_tokens=self._numbers.get("input_tokens"),
            output_tokens=output,
            cost_usd=self._numbers.get("cost_usd"),
            tools_ok=self._tools[0],
            tools_failed=self._tools[1],
        )


def finite(value: Any) -> float | None:
    """``value`` as a number; None where it is none, or infinite, or NaN."""
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if isfinite(found) else None


def _amount(value: Any) -> float | None:
    """What can be counted or paid: a finite number from 0 on, else None."""
    found = finite(value)
    return found if found is not None and found >= 0 else None


def _status(error: BaseException) -> str:
    if not isinstance(error, Exception):
        return "cancelled"
    return "timeout" if isinstance(error, TimeoutError) else "error"
