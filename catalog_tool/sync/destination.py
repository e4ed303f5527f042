"""Where a plan goes, and what holds for labels there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from catalog_tool.backends.fitness import Fitness, fits_all


class LabelRules(NamedTuple):
    """What the settings say of labels: which are protected, and what happens when they drift."""

    protected: frozenset[str]
    on_drift: Mapping[str, str]

    @classmethod
    def of(cls, labels: Mapping[str, Mapping[str, Any]]) -> LabelRules:
        """From ``labels:`` of ``catalog.yaml``."""
        protected = frozenset(name for name, rule in labels.items() if rule.get("protected"))
        return cls(protected, {name: str(rule.get("on_drift", "report")) for name, rule in labels.items()})


class Destination(NamedTuple):
    """Where a plan goes: the target's name, its place without secrets, what holds for labels, what it can hold.

    ``labels_go_with_version``: a label goes there only with the version it stands on. ``rendering``: what the
    platform's own SDK makes otherwise of a version that it holds.
    """

    name: str
    place: str
    rules: LabelRules
    fitness: Fitness = fits_all
    labels_go_with_version: bool = False
    rendering: Fitness = fits_all
