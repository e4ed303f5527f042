"""Drift as Prometheus text: counts by kind and state, never the name of an object."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from catalog_tool.sync.drift import WORST_FIRST, TargetDrift
from catalog_tool.sync.states import DRIFT_STATES


class Family(NamedTuple):
    """A metric's name, its help, and its samples: labels (already spelled) → value."""

    name: str
    help: str
    samples: Mapping[str, float]


def drift_metrics(targets: Mapping[str, TargetDrift], now: int) -> str:
    """The exposition format (text, version 0.0.4); times are seconds since the epoch."""
    looked = {name: found for name, found in targets.items() if found.message is None}
    families = (
        Family("catalog_objects", "Objects by kind and state.", _objects(looked)),
        Family("catalog_target_status", "1 for the status that holds.", _statuses(targets)),
        Family(
            "catalog_drift_first_seen_timestamp_seconds",
            "The oldest edit among what drifted, where the store itself dates edits.",
            {_labels(target=name): seen for name, found in looked.items() if (seen := _first_seen(found))},
        ),
        Family(
            "catalog_target_last_success_timestamp_seconds",
            "When the last sync finished.",
            {_labels(target=name): found.last_success for name, found in looked.items() if found.last_success},
        ),
        Family(
            "catalog_target_last_look_timestamp_seconds",
            "When the target was last looked at with success.",
            {_labels(target=name): now for name in looked},
        ),
    )
    return "".join(_family(family) for family in families if family.samples)


def _objects(targets: Mapping[str, TargetDrift]) -> dict[str, float]:
    return {
        _labels(target=name, kind=kind, state=state): number
        for name, found in targets.items()
        for (kind, state), number in found.kinds.items()
    }


def _statuses(targets: Mapping[str, TargetDrift]) -> dict[str, float]:
    return {
        _labels(target=name, status=status): float(found.status == status)
        for name, found in targets.items()
        for status in WORST_FIRST
    }


def _first_seen(found: TargetDrift) -> float | None:
    """The oldest date (ISO 8601) that the store gave, in seconds; dates that are none are passed over."""
    times = []
    for item in found.observed:
        with contextlib.suppress(ValueError):
            if item.since and item.state in DRIFT_STATES:
                times.append(datetime.fromisoformat(item.since).timestamp())
    return min(times, default=None)


def _labels(**labels: str) -> str:
    spelled = (f'{name}="{_escaped(value)}"' for name, value in labels.items())
    return "{" + ",".join(spelled) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def _family(family: Family) -> str:
    lines = [f"# HELP {family.name} {family.help}", f"# TYPE {family.name} gauge"]
    lines += [f"{family.name}{labels} {value:g}" if value < 1e6 else f"{family.name}{labels} {value:.0f}"
              for labels, value in sorted(family.samples.items())]  # fmt: skip
    return "\n".join(lines) + "\n"
