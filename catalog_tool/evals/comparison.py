"""Two runs over the same cases, side by side: counts for a reader. What they mean is the gate's to say."""

from __future__ import annotations

from dataclasses import dataclass

from catalog_tool.gate.evidence import DECIDED, ERROR, FAIL, PASS, SKIPPED, UNKNOWN, Evidence

PASSED, FAILED, NOT_KNOWN, COULD_NOT = "pass", "fail", "unknown", "indeterminate"
"""What an evaluation says as a whole. Not ``error``: a document of that status has another form (design §5)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Cases by name: ``regressed`` passed before and fail now, ``fixed`` the other way round."""

    regressed: tuple[str, ...]
    fixed: tuple[str, ...]
    same: int
    open: tuple[str, ...]


def compare(candidate: Evidence, baseline: Evidence) -> Comparison:
    """Case by case; ``open`` are those where one of the two could not be decided. Both ran the same dataset."""
    before = {case.name: case.outcome for case in baseline.cases}
    pairs = [(case.name, before.get(case.name, SKIPPED), case.outcome) for case in candidate.cases]
    decided = [pair for pair in pairs if pair[1] in DECIDED and pair[2] in DECIDED]
    return Comparison(
        regressed=tuple(name for name, old, new in decided if old == PASS and new == FAIL),
        fixed=tuple(name for name, old, new in decided if old == FAIL and new == PASS),
        same=sum(old == new for _, old, new in decided),
        open=tuple(name for name, old, new in pairs if not {old, new} <= DECIDED),
    )


def status_of(evidence: Evidence) -> str:
    """``indeterminate`` where a case that counts could not be asked or judged, else ``fail``, ``unknown`` or ``pass``.

    Flaky cases are reported and do not count.
    """
    outcomes = {case.outcome for case in evidence.cases if not case.flaky}
    if outcomes & {ERROR, SKIPPED} or evidence.stopped is not None:
        return COULD_NOT
    if FAIL in outcomes:
        return FAILED
    return NOT_KNOWN if UNKNOWN in outcomes else PASSED
