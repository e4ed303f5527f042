"""Judgements as findings: what ``validate`` reports of moves that the gate does not let through."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from catalog_tool.gate.decision import DENY
from catalog_tool.gate.judge import Judgement
from catalog_tool.model.codes import finding
from catalog_tool.model.finding import Finding
from catalog_tool.model.settings import SETTINGS_FILE
from catalog_tool.source.positions import Spot

Locate = Callable[[str, str], Spot]
"""Prompt and label → where its value stands in the registry."""
_KEY = re.compile(r"[^a-z_]")
"""What ends the key that a reason begins with (``gate.fields``): ``rollout[1].weight: a number …``."""


def gate_findings(
    judgements: Iterable[Judgement], registry: str | None, locate: Locate, whose: str = ""
) -> Iterator[Finding]:
    """One finding for each judgement that does not allow its move.

    ``registry`` is the registry's path; ``whose`` says which gate is meant where it is not the present one.
    """
    gate = f", {whose}," if whose else ""
    for judged in judgements:
        if judged.decision.allows:
            continue
        move, spot = judged.move, locate(judged.move.prompt, judged.move.label)
        verb = "denies" if judged.decision.status == DENY else "cannot decide about"
        reasons = judged.decision.deciding()
        more = f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else ""
        message = f"the gate of {move.label}{gate} {verb} {move.prompt}@{judged.version}: {reasons[0].message}{more}"
        yield finding(
            "C321" if judged.decision.status == DENY else "C322", message, registry,
            line=spot.line, column=spot.column, artifact=f"{move.prompt}@{move.label}",
            hint=f"see `catalog gate {move.prompt} {judged.version} --label {move.label}`",
        )  # fmt: skip


def policy_findings(refused: Mapping[str, str], locate: Locate) -> Iterator[Finding]:
    """One finding for each policy that cannot be used; ``locate`` takes a label and a key of its policy."""
    for label, reason in refused.items():
        spot = locate(label, _KEY.split(reason, 1)[0])
        message = f"the gate of {label} cannot be used: {reason}"
        yield finding("C320", message, SETTINGS_FILE, line=spot.line, column=spot.column, artifact=label)
