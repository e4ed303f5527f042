"""The statistics of a gate, in plain Python: exact where that is cheap, seeded where chance is needed.

Tests compare every function with scipy. Shares are between 0 and 1.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import NamedTuple

DRAWS = 2000
"""Resamples of a bootstrap."""
BOOTSTRAP_CASES = 2000
"""Cases beyond which the mean is normal enough (central limit theorem) and nothing is resampled."""
POWER = 0.8
"""How often a drop of the smallest detectable size is seen: the usual four times in five."""
_STEPS = 60
"""Halvings of an interval within [0, 1]: far below what is printed."""


class Interval(NamedTuple):
    """A two-sided confidence interval."""

    low: float
    high: float


def wilson(passed: int, total: int, confidence: float) -> Interval:
    """The score interval of a share (Wilson 1927), which is good for few cases and shares near 0 or 1.

    ``total`` is above 0. Unlike the textbook interval it never says that 20 of 20 proves 100 %.
    """
    z = _quantile((1 + confidence) / 2)
    share, square = passed / total, z * z
    middle = (share + square / (2 * total)) / (1 + square / total)
    half = z / (1 + square / total) * math.sqrt(share * (1 - share) / total + square / (4 * total * total))
    return Interval(
        0.0 if passed == 0 else max(0.0, middle - half), 1.0 if passed == total else min(1.0, middle + half)
    )


def cases_for_floor(share: float, floor: float, confidence: float) -> int | None:
    """About how many cases with this share of passes lift Wilson's lower bound to ``floor``; None: no number does.

    Wilson's bounds are where the score test stops rejecting, so ``(share - floor)² n = z² floor (1 - floor)``.
    """
    if share <= floor:
        return None
    z = _quantile((1 + confidence) / 2)
    return math.ceil(z * z * floor * (1 - floor) / (share - floor) ** 2)


def binomial_tail(at_least: int, trials: int, share: float) -> float:
    """P(X ≥ ``at_least``) for X binomial, exact up to rounding."""
    if at_least <= 0:
        return 1.0
    if at_least > trials or share <= 0:
        return 0.0
    if share >= 1:
        return 1.0
    logs = [_log_choose(trials, k) + k * math.log(share) + (trials - k) * math.log1p(-share)
            for k in range(at_least, trials + 1)]  # fmt: skip
    return min(1.0, math.fsum(math.exp(term) for term in logs))


def mcnemar(regressions: int, improvements: int) -> float:
    """The exact one-sided p-value of McNemar's test: how likely so many regressions are by chance.

    Only cases whose outcome changed tell anything; if neither version is better, each change is a coin's
    toss. One-sided, because a gate asks whether the candidate is worse, and better never counts against it.
    """
    return binomial_tail(regressions, regressions + improvements, 0.5)


def needed_regressions(pairs: int, least: int, share: float) -> int:
    """Net regressions from which on a loss matters: ``max(least, share of the pairs, rounded up)``."""
    return max(least, math.ceil(round(share * pairs, 9)))


def detectable_drop(pairs: int, significance: float, needed: int) -> float | None:
    """The smallest true drop of the pass rate that the paired comparison sees with ``POWER``.

    For a candidate that only loses cases; improvements on the way hide more. None: no drop is seen.
    """
    critical = needed
    while critical <= pairs and mcnemar(critical, 0) >= significance:
        critical += 1
    if critical > pairs:
        return None
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if binomial_tail(critical, pairs, middle) >= POWER else (middle, high)
    return high


def detectable_change(differences: Sequence[float], significance: float) -> float:
    """The smallest true change of a mean that is seen with ``POWER``, in the unit of the score (normal theory)."""
    factor = _quantile(1 - significance) + _quantile(POWER)
    return factor * _deviation(differences) / math.sqrt(len(differences))


class Bootstrap(NamedTuple):
    """A mean, its interval, and how likely the resampled mean is not below 0."""

    mean: float
    interval: Interval
    not_below_zero: float


def bootstrap(values: Sequence[float], confidence: float, seed: str) -> Bootstrap:
    """The percentile bootstrap of a mean (Efron 1979), the same for the same values and seed on any machine.

    For paired comparisons ``values`` are the differences of the pairs, better minus worse; then
    ``not_below_zero`` is the one-sided p-value of "it got worse", never below 1 / (draws + 1).
    """
    mean = math.fsum(values) / len(values)
    deviation = _deviation(values)
    if deviation == 0:
        return Bootstrap(mean, Interval(mean, mean), 1.0 if mean >= 0 else 1 / (DRAWS + 1))
    tail = (1 - confidence) / 2
    if len(values) > BOOTSTRAP_CASES:
        spread = NormalDist(mean, deviation / math.sqrt(len(values)))
        return Bootstrap(mean, Interval(spread.inv_cdf(tail), spread.inv_cdf(1 - tail)), 1 - spread.cdf(0))
    means = _resampled_means(values, seed)
    above = sum(drawn >= 0 for drawn in means)
    interval = Interval(_percentile(means, tail), _percentile(means, 1 - tail))
    return Bootstrap(mean, interval, (above + 1) / (DRAWS + 1))


def _resampled_means(values: Sequence[float], seed: str) -> list[float]:
    """Sorted means of ``DRAWS`` samples with replacement."""
    source = random.Random(seed)  # noqa: S311 - resampling, no secret; a seed makes a verdict reproducible
    count = len(values)
    return sorted(math.fsum(source.choices(values, k=count)) / count for _ in range(DRAWS))


def benjamini_hochberg(p_values: Mapping[str, float]) -> dict[str, float]:
    """The adjusted p-values (Benjamini and Hochberg 1995): at most a share q of those below q are false alarms."""
    ordered = sorted(p_values.items(), key=lambda item: (item[1], item[0]))
    adjusted: dict[str, float] = {}
    lowest = 1.0
    for rank in range(len(ordered), 0, -1):
        name, p = ordered[rank - 1]
        lowest = min(lowest, p * len(ordered) / rank)
        adjusted[name] = lowest
    return adjusted


def _quantile(share: float) -> float:
    return NormalDist().inv_cdf(share)


def _deviation(values: Sequence[float]) -> float:
    """The sample standard deviation, 0 for one value."""
    if len(values) < 2:
        return 0.0
    mean = math.fsum(values) / len(values)
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))


def _percentile(ordered: Sequence[float], share: float) -> float:
    """Linear interpolation between the order statistics, as numpy's default does."""
    at = share * (len(ordered) - 1)
    below = math.floor(at)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (at - below)


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
