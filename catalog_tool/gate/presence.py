"""Whether a catalog has gates at all: asked on every run, so this module imports next to nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from catalog_tool.model.finding import Finding
from catalog_tool.model.settings import Settings

UNSETTLED = frozenset({"C321", "C322", "C323"})
"""Codes of findings that a later run may not have, though nothing in git changed."""


def has_gates(settings: Settings) -> bool:
    """Whether any label has a policy."""
    return any(True for _ in _gates(settings))


def may_change_with_time(settings: Settings, findings: Iterable[Finding]) -> bool:
    """Whether the same catalog may be judged otherwise later, so that no answer about it is to be remembered."""
    if any(_is_timed(gate) for gate in _gates(settings)):
        return True
    return any(found.code in UNSETTLED for found in findings)


def _gates(settings: Settings) -> Iterator[Any]:
    for written in settings.labels.values():
        gate = written.get("gate")
        if gate is not None:
            yield gate


def _is_timed(gate: Any) -> bool:
    if not isinstance(gate, Mapping):
        return True
    evidence = gate.get("evidence")
    return bool(gate.get("after") or gate.get("rollout") or (isinstance(evidence, Mapping) and evidence.get("max_age")))
