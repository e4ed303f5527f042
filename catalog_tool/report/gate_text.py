"""A decision of the gate for people: the verdict, then every rule's word."""

from __future__ import annotations

from collections.abc import Iterator

from catalog_tool.gate.decision import (
    ALLOW,
    DENY,
    FAILED,
    INDETERMINATE,
    NOTED,
    PASSED,
    UNDECIDED,
    Decision,
    Question,
    Reason,
)
from catalog_tool.model.labels import LabelValue
from catalog_tool.report.catalog_list import label_text
from catalog_tool.report.escape import for_terminal

_RESET = "\x1b[0m"
_STYLES = {FAILED: "\x1b[1;31m", UNDECIDED: "\x1b[1;33m", PASSED: "\x1b[1;32m", NOTED: "\x1b[2m"}
_WORDS = {FAILED: "fail", UNDECIDED: "open", PASSED: "pass", NOTED: "note"}
_ORDER = (FAILED, UNDECIDED, PASSED, NOTED)
_VERDICTS = {ALLOW: (PASSED, "allow"), DENY: (FAILED, "deny"), INDETERMINATE: (UNDECIDED, "indeterminate")}


def gate_text(question: Question, decision: Decision, *, color: bool) -> str:
    """The verdict in the first line, then what failed, what is open, what passed, and notes."""
    style, word = _VERDICTS[decision.status]
    name = f"{question.prompt}@{question.candidate.version}"
    before, after = move_text(question.current), move_text(question.wanted)
    lines = [f"{_styled(word, style, color=color)}: {name} for {question.label} ({before} → {after})"]
    lines.extend(_reasons(decision.reasons, color=color))
    if decision.status == INDETERMINATE:
        lines.append("What was not shown is not shown: the label does not move.")
    return "\n".join(lines) + "\n"


def move_text(value: LabelValue | None) -> str:
    """``v2``, ``v2 95%, v3 5%``, or ``nothing``."""
    return "nothing" if value is None else label_text(value.to_json())


def _reasons(reasons: tuple[Reason, ...], *, color: bool) -> Iterator[str]:
    for outcome in _ORDER:
        for reason in reasons:
            if reason.outcome == outcome:
                word = _styled(_WORDS[outcome], outcome, color=color)
                yield f"  {word}  {for_terminal(reason.rule)}: {for_terminal(reason.message)}"


def _styled(word: str, outcome: str, *, color: bool) -> str:
    return f"{_STYLES[outcome]}{word}{_RESET}" if color else word
