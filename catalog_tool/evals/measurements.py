"""What answers took, as distributions: medians, p90 and p99 by linear interpolation between ranks."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from catalog_tool.evals.answer import Answer
from catalog_tool.evals.prices import Price
from catalog_tool.gate.evidence import HIGHER, LOWER, Distribution, Metric

MEASURED: Mapping[str, Metric] = {
    "latency_ms": Metric(better=LOWER, unit="ms"),
    "time_to_first_token_ms": Metric(better=LOWER, unit="ms"),
    "time_between_tokens_ms": Metric(better=LOWER, unit="ms"),
    "tokens_per_second": Metric(better=HIGHER, unit="tokens/s"),
    "input_tokens": Metric(better=LOWER, unit="tokens"),
    "output_tokens": Metric(better=LOWER, unit="tokens"),
    "cost_usd": Metric(better=LOWER, unit="usd"),
}
"""Every measurement by its name in evidence. The pace between tokens is a mean over each answer."""


def percentile(ordered: Sequence[float], share: float) -> float:
    """The value below which ``share`` of ``ordered`` (ascending, not empty) lies: Hyndman and Fan's type 7."""
    rank = share * (len(ordered) - 1)
    low = math.floor(rank)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (rank - low)


def distribution(values: Iterable[float]) -> Distribution | None:
    """Mean, median, p90 and p99; None for no values."""
    ordered = sorted(values)
    if not ordered:
        return None
    return Distribution(
        samples=len(ordered),
        mean=_rounded(math.fsum(ordered) / len(ordered)),
        median=_rounded(percentile(ordered, 0.5)),
        p90=_rounded(percentile(ordered, 0.9)),
        p99=_rounded(percentile(ordered, 0.99)),
    )


def performance(answers: Sequence[Answer], price: Price | None) -> dict[str, Distribution]:
    """Every measurement that at least one answer has."""
    found = {name: distribution(_values(name, answers, price)) for name in MEASURED}
    return {name: spread for name, spread in found.items() if spread is not None}


def _values(name: str, answers: Iterable[Answer], price: Price | None) -> list[float]:
    values = (_value(name, answer, price) for answer in answers)
    return [value for value in values if value is not None]


def _value(name: str, answer: Answer, price: Price | None) -> float | None:
    timing, tokens = answer.timing, answer.tokens
    match name:
        case "latency_ms":
            return timing.latency_ms if timing else None
        case "time_to_first_token_ms":
            return timing.first_token_ms if timing else None
        case "time_between_tokens_ms":
            return timing.between_tokens_ms if timing else None
        case "tokens_per_second":
            return answer.tokens_per_second
        case "input_tokens":
            return tokens.input if tokens else None
        case "output_tokens":
            return tokens.output if tokens else None
        case _:
            return price.of(tokens) if price and tokens else None


def _rounded(value: float) -> float:
    """Six significant places are more than any clock gives, and keep records readable."""
    return float(f"{value:.6g}")
