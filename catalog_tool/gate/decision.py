"""What a gate is asked and what it answers: values only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from catalog_tool.gate.evidence import Evidence
from catalog_tool.gate.label_history import LabelHistory
from catalog_tool.gate.policy import Policy
from catalog_tool.model.labels import LabelValue

ALLOW, DENY, INDETERMINATE = "allow", "deny", "indeterminate"
PASSED, FAILED, UNDECIDED, NOTED = "pass", "fail", "indeterminate", "info"
"""What a rule says. ``info`` never decides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One rule's word. ``cases`` are the names it is about, as many as there are."""

    rule: str
    outcome: str
    message: str
    cases: tuple[str, ...] = ()

    def to_json(self) -> dict[str, str]:
        """``{"rule","outcome","message"}`` (design §5)."""
        return {"rule": self.rule, "outcome": self.outcome, "message": self.message}


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The verdict with what led to it: ``allow`` only if no rule failed and none is undecided."""

    status: str
    reasons: tuple[Reason, ...]

    @property
    def allows(self) -> bool:
        """Whether the label may move."""
        return self.status == ALLOW

    def deciding(self) -> tuple[Reason, ...]:
        """The reasons that made the status what it is."""
        outcome = {ALLOW: PASSED, DENY: FAILED, INDETERMINATE: UNDECIDED}[self.status]
        return tuple(reason for reason in self.reasons if reason.outcome == outcome)

    def to_json(self) -> dict[str, Any]:
        """``{"status","reasons"}``."""
        return {"status": self.status, "reasons": [reason.to_json() for reason in self.reasons]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """A version and the digest of what it holds, None where it cannot be read."""

    version: str
    digest: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """The evidence for one content.

    ``flaws`` say which records about something else could not be used, ``changed`` which may be about this very
    content; ``runs`` counts all that are about it.
    """

    evidence: Evidence | None = None
    runs: int = 0
    flaws: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """May this label of this prompt give this version more of its callers?

    ``current`` is what the label has now (None: it is new), ``wanted`` what it is to have; ``baseline`` the
    stable version of ``current``. ``dataset`` is the digest of the golden tests as they stand, None where
    nobody computed it. ``history`` is None where there is no git. ``had`` is the digest of what the label had under
    the candidate's name, where that is a way back; None: it is none, or nobody can know. ``now`` is in seconds since
    the epoch.
    """

    prompt: str
    label: str
    candidate: Content
    current: LabelValue | None
    wanted: LabelValue
    baseline: Content | None
    policy: Policy
    record: Record = field(default_factory=Record)
    baseline_record: Record = field(default_factory=Record)
    history: LabelHistory | None = None
    had: str | None = None
    dataset: str | None = None
    now: int = 0

    @property
    def candidate_name(self) -> str:
        """``support_agent@v3``, for messages."""
        return f"{self.prompt}@{self.candidate.version}"

    def weight(self, value: LabelValue | None) -> float:
        """The candidate's share of a label's value, in per cent; 100 for the stable version, which may get all."""
        if value is None:
            return 0
        if value.stable == self.candidate.version:
            return 100
        return next((weight for version, weight in value.split if version == self.candidate.version), 0)
