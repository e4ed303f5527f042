"""The gate's statistics say what scipy says."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog_tool.gate.statistics import (
    DRAWS,
    POWER,
    benjamini_hochberg,
    binomial_tail,
    bootstrap,
    cases_for_floor,
    detectable_change,
    detectable_drop,
    mcnemar,
    needed_regressions,
    wilson,
)

scipy_stats = pytest.importorskip("scipy.stats")


@pytest.mark.parametrize("confidence", [0.5, 0.8, 0.9, 0.95, 0.99])
@pytest.mark.parametrize(
    ("passed", "total"), [(0, 1), (1, 1), (0, 30), (30, 30), (20, 20), (45, 50), (980, 1000), (1, 7)]
)
def test_wilson(passed: int, total: int, confidence: float) -> None:
    theirs = scipy_stats.binomtest(passed, total).proportion_ci(confidence, method="wilson")
    assert wilson(passed, total, confidence) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


@pytest.mark.parametrize(
    ("lost", "won"), [(0, 0), (5, 0), (4, 0), (5, 1), (6, 1), (10, 3), (3, 10), (60, 40), (600, 500)]
)
def test_mcnemar(lost: int, won: int) -> None:
    if not lost + won:
        assert mcnemar(0, 0) == 1
        return
    theirs = scipy_stats.binomtest(lost, lost + won, 0.5, alternative="greater").pvalue
    assert mcnemar(lost, won) == pytest.approx(theirs, rel=1e-9)


@settings(max_examples=100)
@given(st.integers(0, 400), st.integers(0, 420), st.floats(0, 1))
def test_binomial_tail(trials: int, at_least: int, share: float) -> None:
    theirs = scipy_stats.binom.sf(at_least - 1, trials, share)
    assert binomial_tail(at_least, trials, share) == pytest.approx(theirs, rel=1e-8, abs=1e-12)


@settings(max_examples=100)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_benjamini_hochberg(p_values: list[float]) -> None:
    ours = benjamini_hochberg({str(number): p for number, p in enumerate(p_values)})
    theirs = scipy_stats.false_discovery_control(p_values, method="bh")
    assert [ours[str(number)] for number in range(len(p_values))] == pytest.approx(list(theirs), abs=1e-12)


@pytest.mark.parametrize("count", [30, 100, 1999, 2001, 6000])
@pytest.mark.parametrize("shift", [-0.05, 0.0, 0.03])
def test_bootstrap_agrees_with_scipy(count: int, shift: float) -> None:
    source = random.Random(f"{count} {shift}")
    values = [source.gauss(shift, 0.2) + source.choice((0, 0, 0.3)) for _ in range(count)]
    ours = bootstrap(values, 0.95, "seed")
    mean = math.fsum(values) / count
    theirs = scipy_stats.bootstrap(
        (values,), statistic=lambda x, axis: x.mean(axis=axis), n_resamples=DRAWS, method="percentile",
        confidence_level=0.95, rng=1, batch=200,
    ).confidence_interval  # fmt: skip
    error = scipy_stats.sem(values)
    assert ours.mean == pytest.approx(mean)
    # Two resamplings of a 2.5 % tail differ by chance: about 0.06 standard errors with 2,000 draws each.
    assert ours.interval == pytest.approx((theirs.low, theirs.high), abs=0.25 * error)
    p = scipy_stats.norm.sf(-mean / error)
    assert ours.not_below_zero == pytest.approx(p, abs=0.03)


def test_bootstrap_is_the_same_everywhere() -> None:
    # Written down once; a change of the generator or of the order of draws would change a verdict.
    values = [number / 40 for number in range(40)]
    first = bootstrap(values, 0.95, "seed")
    assert first == bootstrap(values, 0.95, "seed")
    assert first != bootstrap(values, 0.95, "other seed")
    assert first.interval == pytest.approx((0.4, 0.57875), abs=0.01)


def test_bootstrap_without_variation() -> None:
    assert bootstrap([0.5] * 30, 0.95, "").interval == (0.5, 0.5)
    assert bootstrap([0.0] * 30, 0.95, "").not_below_zero == 1
    assert bootstrap([-0.1] * 30, 0.95, "").not_below_zero == 1 / (DRAWS + 1)
    assert bootstrap([0.4], 0.95, "").interval == (0.4, 0.4)


@pytest.mark.parametrize(
    ("pairs", "needed"), [(0, 2), (30, 2), (40, 2), (41, 3), (60, 3), (61, 4), (100, 5), (200, 10), (1000, 50)]
)
def test_net_regressions_that_matter(pairs: int, needed: int) -> None:
    assert needed_regressions(pairs, 2, 0.05) == needed


@pytest.mark.parametrize("pairs", [30, 50, 100, 400])
def test_a_drop_of_the_detectable_size_is_seen_four_times_in_five(pairs: int) -> None:
    needed = needed_regressions(pairs, 2, 0.05)
    drop = detectable_drop(pairs, 0.05, needed)
    assert drop is not None
    critical = max(5, needed)  # 0.5^5 is the first power below 0.05
    assert scipy_stats.binom.sf(critical - 1, pairs, drop) == pytest.approx(POWER, abs=1e-6)


def test_no_drop_is_seen_in_four_cases() -> None:
    assert detectable_drop(4, 0.05, 2) is None


def test_the_detectable_change_of_a_mean() -> None:
    values = [0.0, 1.0] * 50
    factor = scipy_stats.norm.ppf(0.95) + scipy_stats.norm.ppf(POWER)
    assert detectable_change(values, 0.05) == pytest.approx(factor * scipy_stats.tstd(values) / 10)


@pytest.mark.parametrize(("lost", "cases", "floor"), [(5, 100, 0.9), (0, 100, 0.9), (1, 10, 0.85), (1, 20, 0.5)])
def test_how_many_cases_a_floor_needs(lost: int, cases: int, floor: float) -> None:
    # Of a multiple of ``cases`` exactly the same share passes: the bound is reached just where it was foretold.
    found = cases_for_floor(1 - lost / cases, floor, 0.95)
    assert found is not None
    below, above = found // cases * cases, (found // cases + 1) * cases
    assert wilson(above - above * lost // cases, above, 0.95).low >= floor
    assert below == 0 or wilson(below - below * lost // cases, below, 0.95).low < floor


def test_no_number_of_cases_lifts_a_rate_below_the_floor() -> None:
    assert cases_for_floor(0.9, 0.9, 0.95) is None
