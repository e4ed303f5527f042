"""What ``catalog usage`` answers, as values; ``to_json`` is its document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from catalog_tool.clock import iso
from catalog_tool.usage.activity import Activity
from catalog_tool.usage.agent_telemetry import TRIGGERS
from catalog_tool.usage.listed import ListedPrompt, ListedSkill
from catalog_tool.usage.meters import Spending
from catalog_tool.usage.shared_use import SharedUse, Use, each_once, together
from catalog_tool.usage.source import FAILED, PARTIAL, SourceReport
from catalog_tool.usage.verdicts import ACTIVE, IDLE, NEVER, STALE, STATUSES, UNLISTED, UNMEASURABLE, Verdict
from catalog_tool.usage.windows import DAY, SECOND, Window

_CENTS = 6
"""Decimal places of money."""


class SkillRow(NamedTuple):
    """One skill of the catalog, or one name that is not in it. ``last`` (ns) is the last use by any source.

    ``own`` is what was heard of it alone, ``shared`` what came under names that other skills report under too.
    """

    skill: ListedSkill | None
    name: str
    verdict: Verdict
    own: Use
    last: int | None
    shared: tuple[SharedUse, ...] = ()

    @property
    def activity(self) -> Activity:
        """All calls under its names; those that may be another skill's are in that one's row too."""
        return self._shown.activity

    @property
    def spending(self) -> Spending:
        """What all these cost."""
        return self._shown.spending

    @property
    def _shown(self) -> Use:
        return together([self.own, *(told.use for told in self.shared)]) if self.shared else self.own

    @property
    def cost_per_call(self) -> float | None:
        """US dollars a call."""
        cost = self.spending.cost
        return cost / self.activity.calls if cost is not None and self.activity.calls else None

    @property
    def failures(self) -> tuple[int, int] | None:
        """How many results were reported, and how many of these were failures; None where none was."""
        reported = self.activity.succeeded + self.activity.failed
        return (reported, self.activity.failed) if reported else None

    def to_json(self, window: Window) -> dict[str, Any]:
        """The row of design §10, then what else is known."""
        (activity, spending), failures = self._shown, self.failures
        shared = together(told.use for told in self.shared)
        total = sum(spending.tokens.values())
        return {
            "skill": self.skill.key if self.skill is not None else None,
            "telemetry_name": self.name,
            "status": self.verdict.status,
            "reason": self.verdict.reason,
            "activations": activity.calls,
            "sessions": activity.sessions,
            "first_seen": at(activity.first),
            "last_seen": at(self.last),
            "triggers": dict(sorted(activity.details.items())),
            "cost_usd": money(spending.cost),
            "tokens": {kind: round(amount) for kind, amount in spending.tokens.items()},
            "listing_tokens": self.skill.listing_tokens if self.skill is not None else None,
            "owners": list(self.skill.owners) if self.skill is not None else [],
            "cost_per_call_usd": money(self.cost_per_call),
            "tokens_per_call": round(total / activity.calls) if activity.calls and total else None,
            "results": {"reported": failures[0], "failed": failures[1]} if failures is not None else None,
            "shared_activations": shared.activity.calls,
            "shared_cost_usd": money(shared.spending.cost),
            "offered_in_sessions": activity.listed,
            "adoption": self._adoption(window),
        }

    def _adoption(self, window: Window) -> dict[str, Any] | None:
        """Calls by week of the window, and since when the skill and its present version are in git."""
        if self.skill is None or self.skill.first_commit is None:
            return None
        return {
            "since": iso(self.skill.first_commit),
            "version_since": iso(self.skill.last_commit) if self.skill.last_commit is not None else None,
            "days_to_first_use": days_to_first_use(self.skill.first_commit, self.activity, window),
            "activations_of_version": calls_since(self.skill.last_commit, self.activity, window),
            "weeks": weeks(self.activity.days),
        }


def weeks(days: Sequence[int] | None) -> list[int] | None:
    """Calls by seven days, counted back from the end of the window; the first may be fewer."""
    if days is None:
        return None
    first = len(days) % 7 or 7
    return [sum(days[:first]), *(sum(days[at : at + 7]) for at in range(first, len(days), 7))]


def days_to_first_use(first_commit: int, activity: Activity, window: Window) -> int | None:
    """Days from the first commit to the first use; None where that was before the window, or has not been."""
    born = first_commit * SECOND
    if activity.first is None or born < window.start:
        return None
    return max(activity.first - born, 0) // DAY


def calls_since(commit: int | None, activity: Activity, window: Window) -> int | None:
    """Calls on the days after a commit, its own day included; None where days are not known."""
    if commit is None or activity.days is None:
        return None
    first_day = max(window.day(commit * SECOND), 0) if commit * SECOND <= window.end else len(activity.days)
    return sum(activity.days[first_day:])


class PromptRow(NamedTuple):
    """One prompt of the catalog, or one name that is not in it."""

    prompt: ListedPrompt | None
    name: str
    verdict: Verdict
    activity: Activity
    spending: Spending

    def to_json(self) -> dict[str, Any]:
        """The same as a skill's row, in a prompt's words."""
        return {
            "prompt": self.prompt.id if self.prompt is not None else None,
            "telemetry_name": self.name,
            "status": self.verdict.status,
            "reason": self.verdict.reason,
            "requests": self.activity.calls,
            "failed": self.activity.failed,
            "sessions": self.activity.sessions,
            "first_seen": at(self.activity.first),
            "last_seen": at(self.activity.last),
            "versions": dict(sorted(self.activity.details.items())),
            "cost_usd": money(self.spending.cost),
            "tokens": {kind: round(amount) for kind, amount in self.spending.tokens.items()},
            "owners": list(self.prompt.owners) if self.prompt is not None else [],
        }


class OwnerRow(NamedTuple):
    """The skills of one owner together; a skill of two owners counts for both. ``cost`` None: not known."""

    owner: str
    skills: int
    active: int
    idle: int
    calls: int
    cost: float | None
    tokens: float
    idle_listing_tokens: int

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "owner": self.owner, "skills": self.skills, "active": self.active, "idle": self.idle,
            "activations": self.calls, "cost_usd": money(self.cost), "tokens": round(self.tokens),
            "idle_listing_tokens": self.idle_listing_tokens,
        }  # fmt: skip


class Coverage(NamedTuple):
    """How much of the activity could be attributed. Money in US dollars, None: no counter told.

    ``undated`` events carry no time and are no calls; ``hidden_undated`` ones tell no name either.
    """

    calls: int
    hidden_calls: int
    undated: int
    hidden_undated: int
    shared_calls: int
    shared_cost: float | None
    sessions: int
    named_sessions: int
    hidden_cost: float | None
    outside_cost: float | None

    def to_json(self) -> dict[str, Any]:
        """Shares are between 0 and 1, null where there is nothing to share."""
        return {
            "activations": self.calls,
            "redacted": self.hidden_calls,
            "redacted_share": round(self.hidden_calls / self.calls, 4) if self.calls else None,
            "shared_name": self.shared_calls,
            "shared_name_cost_usd": money(self.shared_cost),
            "sessions": self.sessions,
            "sessions_naming_skills": self.named_sessions,
            "sessions_naming_skills_share": round(self.named_sessions / self.sessions, 4) if self.sessions else None,
            "redacted_cost_usd": money(self.hidden_cost),
            "outside_skills_cost_usd": money(self.outside_cost),
        }


class UsageResult(NamedTuple):
    """The whole answer. ``doubts`` are the reasons why silence could not be judged; ``notes`` what to know besides."""

    window: Window
    sources: Sequence[SourceReport]
    rows: Sequence[SkillRow]
    prompts: Sequence[PromptRow]
    owners: Sequence[OwnerRow]
    coverage: Coverage
    doubts: Sequence[str]
    notes: Sequence[str]

    @property
    def failed(self) -> bool:
        """Whether a source could not be read, or not all of it."""
        return any(report.status in (FAILED, PARTIAL) for report in self.sources)

    @property
    def status(self) -> str:
        """``unknown`` where a source failed or the data cannot carry a verdict, else ``stale``, else ``ok``."""
        reasons = {row.verdict.reason for row in self.rows if row.verdict.status == UNMEASURABLE}
        listed = any(row.skill is not None for row in self.rows)
        if self.failed or any(doubt in reasons for doubt in self.doubts) or (self.doubts and not listed):
            return "unknown"
        return "stale" if any(row.verdict.status in IDLE for row in self.rows) else "ok"

    def count(self, status: str) -> int:
        """Rows of one status."""
        return sum(row.verdict.status == status for row in self.rows)

    @property
    def size(self) -> int:
        """Skills of the catalog."""
        return sum(row.skill is not None for row in self.rows)

    @property
    def uses(self) -> list[Use]:
        """What all rows stand for; use under a name of several skills is there once."""
        return each_once(self.rows)

    @property
    def total(self) -> Use:
        """That together."""
        return together(self.uses)

    @property
    def triggers(self) -> dict[str, int]:
        """Calls of all rows by who started them, in the words of reports."""
        mix: dict[str, int] = {}
        for trigger, calls in self.total.activity.details.items():
            word = TRIGGERS.get(trigger, trigger)
            mix[word] = mix.get(word, 0) + calls
        return dict(sorted(mix.items()))

    @property
    def idle_listing_tokens(self) -> int:
        """Tokens that every request pays for skills that nobody uses."""
        return sum(
            row.skill.listing_tokens or 0 for row in self.rows if row.skill is not None and row.verdict.status in IDLE
        )

    def exit_code(self, fail_on: Sequence[str]) -> int:
        """3 where a source failed, 1 where a row has a status of ``fail_on``, else 0."""
        if self.failed:
            return 3
        return int(any(row.verdict.status in fail_on for row in self.rows))

    def summary(self) -> dict[str, Any]:
        """The numbers that a reader wants first."""
        total = self.total
        return {
            "skills": self.size,
            **{status: self.count(status) for status in STATUSES},
            "activations": total.activity.calls,
            "cost_usd": money(total.spending.cost),
            "idle_listing_tokens": self.idle_listing_tokens,
            "triggers": self.triggers,
        }

    def to_json(self) -> dict[str, Any]:
        """The document of design §10."""
        return {
            "format": 1,
            "status": self.status,
            "window": {"from": at(self.window.start), "to": at(self.window.end), "stale_before": at(self.window.fresh)},
            "sources": [
                {
                    "kind": report.kind, "status": report.status, "from": at(report.start), "to": at(report.end),
                    "message": report.message,
                }
                for report in self.sources
            ],
            "rows": [row.to_json(self.window) for row in self.rows],
            "coverage": self.coverage.to_json(),
            "summary": self.summary(),
            "owners": [owner.to_json() for owner in self.owners],
            "prompts": [row.to_json() for row in self.prompts],
            "doubts": list(self.doubts),
            "notes": list(self.notes),
        }  # fmt: skip


ORDER = {NEVER: 0, STALE: 1, UNMEASURABLE: 2, UNLISTED: 3, ACTIVE: 4}
"""What a reader has to act on comes first."""


def at(time: int | None) -> str | None:
    """Nanoseconds as ISO 8601 with ``Z``; None stays None, and so does what no calendar has."""
    if time is None or not 0 <= time // SECOND < 253_402_300_800:
        return None
    return iso(time // SECOND)


def money(amount: float | None) -> float | None:
    """US dollars to a millionth."""
    return round(amount, _CENTS) if amount is not None else None
