"""Evidence: what one evaluation of one prompt version found, bound to the digest of its content.

The value types only; ``records`` reads and writes them, ``decide`` judges by them. An evaluation is
about the bytes that were asked, so everything that could change the answer is named by digest: the
prompt, the dataset, the judge.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

PASS, FAIL, ERROR, SKIPPED, UNKNOWN = "pass", "fail", "error", "skipped", "unknown"
OUTCOMES = (PASS, FAIL, ERROR, SKIPPED, UNKNOWN)
"""What became of a case.

``pass`` and ``fail`` are answers. ``error``: nothing could be found out (the model, the judge or the
network failed). ``skipped``: it was not asked. ``unknown``: the judge was asked and would not say.
"""
DECIDED = frozenset({PASS, FAIL})

HIGHER, LOWER = "higher", "lower"
"""Which values of a metric are better."""

RUN, REPLAY, IMPORT = "run", "replay", "import"
ORIGINS = (RUN, REPLAY, IMPORT)
"""Where a record comes from: a model was asked, a cache answered everything, or another tool ran it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The prompt version that was evaluated; ``digest`` is its identity (design §4), the rest is for people."""

    id: str
    version: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """The cases as they were defined, inputs and expectations, by the digest of all of them.

    ``cases`` counts them, so that a record which leaves some out is found to be short.
    """

    digest: str
    cases: int
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """What gave the scores that no rule can give: digest of rubrics, models and votes. None: no judge."""

    digest: str | None = None
    models: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """The model that was asked.

    ``declared`` is what the prompt version names, None where it names none; ``answered_as`` what the
    server called itself, because an alias may mean another snapshot tomorrow.
    """

    name: str
    provider: str | None = None
    declared: str | None = None
    answered_as: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One expectation of a case: its type as in the golden test, what it found, and why in a sentence."""

    type: str
    outcome: str
    score: float | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseResult:
    """One case. ``repetitions`` are the outcomes of each time it was asked, and ``outcome`` follows from them.

    ``scores`` maps a metric to the mean over the repetitions that gave one, None where none did.
    """

    name: str
    outcome: str
    critical: bool = False
    flaky: bool = False
    repetitions: tuple[str, ...] = ()
    scores: Mapping[str, float | None] = field(default_factory=dict)
    checks: tuple[Check, ...] = ()
    message: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """What a score means: which values are better, and its unit (``ms``, ``usd``, ``tokens``) or None."""

    better: str = HIGHER
    unit: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """A measurement over the requests of a run, in the unit of its name (``latency_ms``)."""

    samples: int
    mean: float
    median: float
    p90: float
    p99: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a run took. ``cached`` answers cost no request; an unknown price is None, never 0."""

    requests: int = 0
    cached: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One run. ``digest`` is of the document without it, None for a record that is not written yet.

    ``endpoint`` is the kind of server (``openai-chat``, ``openai-responses``, ``anthropic-messages``, …),
    never its address. ``policy`` is the digest of the labels' policies that the catalog had, None for none.
    ``stopped`` says why a run ended before its last case (``budget``, ``interrupted``), None if it did
    not. Times are seconds since the epoch.
    """

    prompt: Subject
    dataset: Dataset
    model: Model
    cases: tuple[CaseResult, ...]
    started_at: int
    finished_at: int
    endpoint: str = "none"
    judge: Judge = field(default_factory=Judge)
    policy: str | None = None
    origin: str = RUN
    source_format: str | None = None
    repetitions: int = 1
    metrics: Mapping[str, Metric] = field(default_factory=dict)
    performance: Mapping[str, Distribution] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)
    stopped: str | None = None
    tool: str = ""
    digest: str | None = None

    def counts(self) -> dict[str, int]:
        """How many cases had each outcome, and ``total``."""
        found = Counter(case.outcome for case in self.cases)
        return {**{outcome: found[outcome] for outcome in OUTCOMES}, "total": len(self.cases)}


def settled(repetitions: Iterable[str], *, critical: bool = False) -> str:
    """The outcome of a case from the outcomes of its repetitions.

    A critical case fails as soon as one repetition does, and passes only if all do. Any other passes by the
    strict majority of all that were asked and fails by half of them: a version has to show that it passes.
    Where errors or unknowns leave it open, they are the outcome, the error first. Repetitions that were
    skipped do not count; none at all is ``skipped``.
    """
    asked = [outcome for outcome in repetitions if outcome != SKIPPED]
    if not asked:
        return SKIPPED
    count = Counter(asked)
    if critical:
        order = (FAIL, ERROR, UNKNOWN)
        return next((outcome for outcome in order if count[outcome]), PASS)
    if 2 * count[PASS] > len(asked):
        return PASS
    if 2 * count[FAIL] >= len(asked):
        return FAIL
    return ERROR if count[ERROR] else UNKNOWN
