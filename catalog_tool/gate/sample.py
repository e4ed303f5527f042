"""What of a record counts: the cases that were decided and are not known to be flaky."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from catalog_tool.gate.evidence import DECIDED, FAIL, LOWER, PASS, CaseResult, Evidence

NAMED = 5
"""Names that a message lists; the rest is counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One record's cases by what they may be used for.

    ``critical`` bind by themselves. ``counted`` are all but the flaky ones; a case that is both critical
    and flaky is critical, and not counted either.
    """

    evidence: Evidence
    critical: tuple[CaseResult, ...]
    flaky: tuple[CaseResult, ...]
    counted: tuple[CaseResult, ...]

    @property
    def decided(self) -> tuple[CaseResult, ...]:
        """The counted cases that passed or failed."""
        return tuple(case for case in self.counted if case.outcome in DECIDED)

    @property
    def passed(self) -> int:
        """How many of them passed."""
        return sum(case.outcome == PASS for case in self.counted)

    @property
    def undecided(self) -> tuple[CaseResult, ...]:
        """The counted cases that nothing is known of: errors, unknowns, skipped ones."""
        return tuple(case for case in self.counted if case.outcome not in DECIDED)


def sample_of(evidence: Evidence) -> Sample:
    """Sort the cases of a record."""
    cases = evidence.cases
    return Sample(
        evidence=evidence,
        critical=tuple(case for case in cases if case.critical),
        flaky=tuple(case for case in cases if case.flaky),
        counted=tuple(case for case in cases if not case.flaky),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Paired:
    """The cases that were decided for both versions; flaky only counts as such if the baseline says so too."""

    pairs: int
    regressions: tuple[str, ...]
    improvements: tuple[str, ...]

    @property
    def net(self) -> int:
        """Cases lost less cases won."""
        return len(self.regressions) - len(self.improvements)


def paired(candidate: Sample, baseline: Sample) -> Paired:
    """Compare outcomes case by case."""
    before = {case.name: case.outcome for case in baseline.decided}
    shared = [
        case for case in candidate.evidence.cases if case.outcome in DECIDED and case.name in before
    ]  # fmt: skip
    return Paired(
        pairs=len(shared),
        regressions=tuple(case.name for case in shared if case.outcome == FAIL and before[case.name] == PASS),
        improvements=tuple(case.name for case in shared if case.outcome == PASS and before[case.name] == FAIL),
    )


def is_lower_better(evidence: Evidence, metric: str) -> bool:
    """Whether small values of a metric are good; a metric that says nothing is better when higher."""
    found = evidence.metrics.get(metric)
    return found is not None and found.better == LOWER


def scores(sample: Sample, metric: str) -> dict[str, float]:
    """The scores of the counted cases by name; cases without one are left out."""
    found = ((case.name, case.scores.get(metric)) for case in sample.counted)
    return {name: score for name, score in found if score is not None and math.isfinite(score)}


def score_gains(candidate: Sample, baseline: Sample, metric: str) -> list[float]:
    """How much better the candidate's score is, case by case: below 0 is worse, whichever way the metric counts."""
    before = scores(baseline, metric)
    sign = -1.0 if is_lower_better(candidate.evidence, metric) else 1.0
    return [sign * (score - before[name]) for name, score in scores(candidate, metric).items() if name in before]


def named(names: Iterable[str]) -> str:
    """The first few names, and how many more there are."""
    listed = list(names)
    more = f" and {len(listed) - NAMED} more" if len(listed) > NAMED else ""
    return ", ".join(f"`{name}`" for name in listed[:NAMED]) + more


def per_cent(share: float) -> str:
    """``93.3 %``."""
    return f"{100 * share:.1f} %"
