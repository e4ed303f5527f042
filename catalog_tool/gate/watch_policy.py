"""What is watched of a label while it is live: ``labels.NAME.watch`` of ``catalog.yaml``.

``watch`` and ``alerts`` read the same policy. Bounds are absolute (``max``, ``min``) or against the stable
version (``max_increase``, ``max_drop``, ``max_ratio``). Durations are ``30s``, ``10m``, ``1h``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from catalog_tool.gate.fields import Fields, MalformedError
from catalog_tool.model.settings import Settings
from catalog_tool.semconv import LONGEST_SECONDS

ERROR_RATE, LATENCY, COST, SCORE = "error_rate", "latency", "cost", "score"
KNOWN = (ERROR_RATE, LATENCY, COST, SCORE)
SEVERITIES = ("critical", "warning", "info")
WINDOW_SECONDS = 600
FOR_SECONDS = 300
MIN_SAMPLES = 50
LEAST_WINDOW_SECONDS = 60
"""A shorter window holds too few scrapes."""

_NEVER_ABOVE = {ERROR_RATE: (1.0, "a share is never above it"), LATENCY: (LONGEST_SECONDS, "longer is not told apart")}
"""What a rule of ours measures at most: a bound that is not below it could never be broken."""
_RUNBOOK = re.compile(r"https?://(?:[^{]|\{(?:[^{]|\{ ?\$labels\.[a-z_]+ ?\}\}))*", re.ASCII)
"""Prometheus reads ``{{`` as the start of a template. Those of labels are of use in an address, others are not."""
_BOUNDS = ("max", "min", "max_increase", "max_drop", "max_ratio")
_DURATION = re.compile(r"([1-9][0-9]{0,5})([smhd])", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}", re.ASCII)


class WatchRule(NamedTuple):
    """One thing that is watched, in its own unit: a share, seconds, US dollars a call, a score.

    ``query`` and ``samples`` are PromQL of the catalog's own (``$version_id``, ``$prompt``, ``$label``,
    ``$window``), None for ours. ``quantile`` is of latencies; ``metric`` chooses one score.
    """

    name: str
    max: float | None = None
    min: float | None = None
    max_increase: float | None = None
    max_drop: float | None = None
    max_ratio: float | None = None
    quantile: float = 0.95
    metric: str | None = None
    query: str | None = None
    samples: str | None = None

    @property
    def compares(self) -> bool:
        """Whether it needs the stable version's value."""
        return any(bound is not None for bound in (self.max_increase, self.max_drop, self.max_ratio))


class WatchPolicy(NamedTuple):
    """A label's policy. ``window`` and ``hold`` (an alert's ``for``) are in seconds."""

    rules: tuple[WatchRule, ...]
    window: int = WINDOW_SECONDS
    hold: int = FOR_SECONDS
    min_samples: int = MIN_SAMPLES
    severity: str = "critical"
    runbook: str | None = None


USUAL = WatchPolicy((WatchRule(ERROR_RATE, max_increase=0.05),))
"""What ``watch: {}`` means, and what ``alerts`` takes for a protected label without ``watch``."""


def watch_policies(settings: Settings) -> dict[str, WatchPolicy]:
    """The policies by label. Raises ``MalformedError``, which names the label and the key."""
    return {
        label: read_watch(written["watch"], f"labels.{label}.watch")
        for label, written in settings.labels.items()
        if written.get("watch") is not None
    }


def read_watch(written: Mapping[str, Any], at: str = "watch") -> WatchPolicy:
    """The policy under ``watch``. Raises ``MalformedError`` that names the key which cannot be used."""
    top = Fields(dict(written), at)
    top.only("rules", "window", "for", "min_samples", "severity", "runbook")
    rules = tuple(_rule(top, name, item) for name, item in top.members("rules"))
    window = _duration(top, "window", WINDOW_SECONDS)
    if window < LEAST_WINDOW_SECONDS:
        raise top.refuse("window", f"at least {LEAST_WINDOW_SECONDS}s are expected")
    return WatchPolicy(
        rules=rules or USUAL.rules,
        window=window,
        hold=_duration(top, "for", FOR_SECONDS),
        min_samples=top.integer("min_samples", least=1) if top.has("min_samples") else MIN_SAMPLES,
        severity=top.choice("severity", SEVERITIES) if top.has("severity") else "critical",
        runbook=_runbook(top),
    )


def _rule(top: Fields, name: str, found: Fields) -> WatchRule:
    if _NAME.fullmatch(name) is None:
        raise top.refuse("rules", f"{name[:40]!r} is no name: lower-case letters, digits and _")
    found.only(*_BOUNDS, "quantile", "metric", "query", "samples")
    if name not in KNOWN and not found.has("query"):
        raise found.refuse("query", f"a rule other than {', '.join(KNOWN)} needs its PromQL")
    if not any(found.has(bound) for bound in _BOUNDS):
        raise found.refuse("max", f"one of {', '.join(_BOUNDS)} is expected")
    quantile = found.number("quantile") if found.has("quantile") else 0.95
    if not 0 < quantile < 1:
        raise found.refuse("quantile", "a number between 0 and 1 is expected")
    if not found.has("query"):
        _check_reach(name, found)
    return WatchRule(
        name,
        **{bound: found.maybe_number(bound) for bound in _BOUNDS},
        quantile=quantile,
        metric=found.maybe_text("metric", most=120),
        query=found.maybe_text("query", most=4000),
        samples=found.maybe_text("samples", most=4000),
    )


def _check_reach(name: str, found: Fields) -> None:
    highest, why = _NEVER_ABOVE.get(name, (math.inf, ""))
    for bound in ("max", "max_increase"):
        if found.has(bound) and found.number(bound) >= highest:
            raise found.refuse(bound, f"less than {highest:g} is expected: {why}")


def _runbook(top: Fields) -> str | None:
    written = top.maybe_text("runbook", most=500)
    if written is not None and _RUNBOOK.fullmatch(written) is None:
        raise top.refuse("runbook", "an address is expected, with no {{ but that of {{ $labels.NAME }}")
    return written


def _duration(found: Fields, key: str, usual: int) -> int:
    if not found.has(key):
        return usual
    written = _DURATION.fullmatch(found.text(key, most=10))
    if written is None:
        raise found.refuse(key, "a duration such as 90s, 10m or 1h is expected")
    return int(written[1]) * _SECONDS[written[2]]


__all__ = ["USUAL", "MalformedError", "WatchPolicy", "WatchRule", "read_watch", "watch_policies"]
