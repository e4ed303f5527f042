"""A decision of the gate as ``schemas/gate-output.schema.json``."""

from __future__ import annotations

from typing import Any

from catalog_tool.gate.decision import Content, Decision, Question


def gate_document(question: Question, decision: Decision, *, has_policy: bool) -> dict[str, Any]:
    """What ``catalog gate --format json`` prints. ``has_policy``: the label has one, else the defaults were asked."""
    evidence = (question.record.evidence, question.baseline_record.evidence)
    candidate, baseline = (found.digest if found is not None else None for found in evidence)
    return {
        "format": 1,
        **decision.to_json(),
        "prompt": question.prompt,
        "label": question.label,
        "candidate": _content(question.candidate),
        "baseline": _content(question.baseline),
        "policy": question.policy.digest if has_policy else None,
        "evidence": {"candidate": candidate, "baseline": baseline},
    }


def _content(content: Content | None) -> dict[str, str | None] | None:
    return None if content is None else {"version": content.version, "digest": content.digest}
