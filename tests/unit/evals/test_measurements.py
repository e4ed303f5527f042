"""Percentiles, and what of an answer is measured."""

from __future__ import annotations

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog_tool.evals.answer import Answer, Timing, Tokens
from catalog_tool.evals.measurements import distribution, percentile, performance
from catalog_tool.evals.prices import Price


@given(st.lists(st.floats(0, 1e6), min_size=2, max_size=50))
def test_percentiles_are_those_of_the_standard_library(values: list[float]) -> None:
    ordered = sorted(values)
    cuts = statistics.quantiles(ordered, n=100, method="inclusive")
    for share in (50, 90, 99):
        assert percentile(ordered, share / 100) == pytest.approx(cuts[share - 1], abs=1e-6)


def test_a_distribution() -> None:
    found = distribution([5, 1, 4, 2, 3])
    assert found is not None
    assert (found.samples, found.mean, found.median, found.p90, found.p99) == (5, 3, 3, 4.6, 4.96)
    assert distribution([]) is None
    single = distribution([7])
    assert single is not None
    assert single.median == single.p99 == 7


def test_what_is_not_known_is_left_out() -> None:
    whole = Answer(text="x", tokens=Tokens(input=100, output=11), timing=Timing(latency_ms=500))
    streamed = Answer(text="x", timing=Timing(latency_ms=700, first_token_ms=200, between_tokens_ms=20))
    found = performance([whole, streamed], None)
    assert (found["latency_ms"].samples, found["latency_ms"].mean) == (2, 600)
    assert (found["time_to_first_token_ms"].samples, found["time_between_tokens_ms"].median) == (1, 20)
    assert found["tokens_per_second"].median == 50
    assert found["input_tokens"].mean == 100
    assert "cost_usd" not in found
    assert performance([whole], Price(input=1, output=1))["cost_usd"].mean == 0.000111
