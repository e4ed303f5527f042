"""The policy of a label: what evidence must show before the label moves (``labels.NAME.gate``).

The form is ``schemas/policy.schema.json``; what a schema cannot say (the order of roll-out steps) is
refused here. Shares are between 0 and 1, weights per cent, durations ``30m``, ``24h``, ``7d``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from catalog_tool.canonical.jcs import digest_of
from catalog_tool.gate.evidence import IMPORT, ORIGINS, REPLAY, RUN
from catalog_tool.gate.fields import Fields, MalformedError
from catalog_tool.model.names import is_label

SAME, DECLARED, ANY = "same", "declared", "any"
MODELS = (SAME, DECLARED, ANY)
"""Which models evidence may come from.

``same``: the one that the version names, and the baseline was asked too. ``declared``: each version
the one it names itself. ``any``: whatever was asked.
"""
AT = ("mean", "median", "p90", "p99")
REQUIRED, OPTIONAL = "required", "optional"
HUNDRED = 100.0

_DURATION = re.compile(r"([1-9][0-9]{0,5}|0)([smhdw])", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


@dataclass(frozen=True, slots=True, kw_only=True)
class After:
    """The version must stand under another label, without a break, for ``seconds``."""

    label: str
    seconds: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Regressions:
    """When the paired comparison denies: a p-value below ``significance`` and so many net regressions."""

    significance: float = 0.05
    cases: int = 2
    share: float = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricRule:
    """Bounds of one score or measurement. ``max_drop``: how much worse than the baseline it may be.

    ``at`` chooses the figure of a measurement over requests (``performance``); scores use the mean.
    """

    min: float | None = None
    max: float | None = None
    max_drop: float = 0.0
    at: str = "mean"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a weighted roll-out.

    ``seconds``: how long it stands before the next. ``min_cases``: decided cases that evidence must have to
    enter it; ``fresh``: that evidence must be recorded after the step before it began.
    """

    weight: float
    seconds: int = 0
    min_cases: int = 0
    fresh: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Everything a gate asks for. The defaults are what ``gate: {}`` means."""

    after: tuple[After, ...] = ()
    pass_rate: float | None = None
    confidence: float = 0.95
    min_cases: int = 30
    max_errors: float = 0.02
    regressions: Regressions = field(default_factory=Regressions)
    metrics: Mapping[str, MetricRule] = field(default_factory=dict)
    false_discovery: float = 0.05
    baseline: str = REQUIRED
    max_age: int | None = None
    models: str = SAME
    origins: tuple[str, ...] = (RUN, REPLAY, IMPORT)
    repetitions: int = 1
    rollout: tuple[Step, ...] = ()
    digest: str = ""

    @property
    def is_timed(self) -> bool:
        """Whether the same evidence may be judged otherwise at another time."""
        return bool(self.max_age or any(after.seconds for after in self.after) or self.rollout)


def read_policy(written: Mapping[str, Any]) -> Policy:
    """The policy under ``gate``. Raises ``MalformedError`` that names the key which cannot be used."""
    top = Fields(dict(written))
    top.only(
        "after", "pass_rate", "confidence", "min_cases", "max_errors", "regressions", "metrics", "false_discovery",
        "baseline", "evidence", "rollout",
    )  # fmt: skip
    usual = Policy()
    found = top.inner("evidence") if top.has("evidence") else Fields({})
    found.only("max_age", "models", "origins", "repetitions")
    return Policy(
        after=_after(top, written),
        pass_rate=_pass_rate(top),
        confidence=_share(top, "confidence", usual.confidence, between=(0.5, 0.9999)),
        min_cases=_whole(top, "min_cases", usual.min_cases, least=1),
        max_errors=_share(top, "max_errors", usual.max_errors),
        regressions=_regressions(top.inner("regressions")) if top.has("regressions") else usual.regressions,
        metrics={name: _metric(item) for name, item in top.members("metrics")},
        false_discovery=_share(top, "false_discovery", usual.false_discovery),
        baseline=top.choice("baseline", (REQUIRED, OPTIONAL)) if top.has("baseline") else REQUIRED,
        max_age=_duration(found, "max_age") if found.has("max_age") else None,
        models=found.choice("models", MODELS) if found.has("models") else SAME,
        origins=found.choices("origins", ORIGINS) if found.has("origins") else usual.origins,
        repetitions=_whole(found, "repetitions", 1, least=1),
        rollout=_rollout(top),
        digest=digest_of(dict(written)),
    )


def _after(top: Fields, written: Mapping[str, Any]) -> tuple[After, ...]:
    if not top.has("after"):
        return ()
    listed = top.items("after") if isinstance(written["after"], list) else iter([top.inner("after")])
    return tuple(_one_after(item) for item in listed)


def _one_after(found: Fields) -> After:
    found.only("label", "for")
    label = found.text("label")
    if not is_label(label):
        raise found.refuse("label", "a label is expected")
    return After(label=label, seconds=_duration(found, "for") if found.has("for") else 0)


def _pass_rate(top: Fields) -> float | None:
    if not top.has("pass_rate"):
        return None
    inner = top.inner("pass_rate")
    inner.only("min")
    if not inner.has("min"):
        raise inner.refuse("min", "a share from 0 to 1 is expected")
    return _share(inner, "min", 0.0)


def _regressions(found: Fields) -> Regressions:
    found.only("significance", "cases", "share")
    usual = Regressions()
    return Regressions(
        significance=_share(found, "significance", usual.significance),
        cases=_whole(found, "cases", usual.cases, least=1),
        share=_share(found, "share", usual.share),
    )


def _metric(found: Fields) -> MetricRule:
    found.only("min", "max", "max_drop", "at")
    drop = found.maybe_number("max_drop") or 0.0
    if drop < 0:
        raise found.refuse("max_drop", "a number of at least 0 is expected")
    return MetricRule(
        min=found.maybe_number("min"),
        max=found.maybe_number("max"),
        max_drop=drop,
        at=found.choice("at", AT) if found.has("at") else "mean",
    )


def _rollout(top: Fields) -> tuple[Step, ...]:
    steps = tuple(_step(item) for item in top.items("rollout"))
    weights = [step.weight for step in steps]
    if steps and (weights != sorted(set(weights)) or weights[-1] != HUNDRED):
        raise top.refuse("rollout", "the weights rise from step to step and end with 100")
    return steps


def _step(found: Fields) -> Step:
    found.only("weight", "for", "min_cases", "fresh")
    weight = found.number("weight")
    if not 0 < weight <= HUNDRED or round(weight * 100) / 100 != weight:
        raise found.refuse("weight", "a per cent above 0 with at most two decimals is expected")
    return Step(
        weight=weight,
        seconds=_duration(found, "for") if found.has("for") else 0,
        min_cases=_whole(found, "min_cases", 0, least=0),
        fresh=found.flag("fresh") if found.has("fresh") else False,
    )


def _share(found: Fields, key: str, usual: float, *, between: tuple[float, float] = (0.0, 1.0)) -> float:
    if not found.has(key):
        return usual
    value = found.number(key)
    if not between[0] <= value <= between[1]:
        raise found.refuse(key, f"a number from {between[0]:g} to {between[1]:g} is expected")
    return value


def _whole(found: Fields, key: str, usual: int, *, least: int) -> int:
    return found.integer(key, least=least) if found.has(key) else usual


def duration_seconds(text: str) -> int | None:
    """Seconds of ``30m`` and the like; None for any other text."""
    written = _DURATION.fullmatch(text)
    return int(written[1]) * _SECONDS[written[2]] if written else None


def _duration(found: Fields, key: str) -> int:
    seconds = duration_seconds(found.text(key, most=10))
    if seconds is None:
        raise found.refuse(key, "a duration such as 30m, 24h or 7d is expected")
    return seconds


__all__ = [
    "MODELS", "After", "MalformedError", "MetricRule", "Policy", "Regressions", "Step", "duration_seconds",
    "read_policy",
]  # fmt: skip
