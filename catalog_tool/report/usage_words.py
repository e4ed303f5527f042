"""What every report of ``catalog usage`` says in words and numbers, whatever its form."""

from __future__ import annotations

from collections.abc import Iterator

from catalog_tool.report.findings_text import counted
from catalog_tool.usage.result import SkillRow, UsageResult, at
from catalog_tool.usage.verdicts import ACTIVE, NEVER, STALE, UNLISTED, UNMEASURABLE, days

STATUS_WORDS = {
    NEVER: "never used",
    STALE: "stale",
    UNMEASURABLE: "unmeasurable",
    UNLISTED: "unlisted",
    ACTIVE: "active",
}


def headline(result: UsageResult) -> str:
    """``7 skills: 5 active, 2 never used; 1 unlisted. 66 calls in 30 days.``"""
    parts = [
        f"{result.count(status)} {word}"
        for status, word in STATUS_WORDS.items()
        if status != UNLISTED and result.count(status)
    ]
    listed = f"{counted(result.size, 'skill')}: {', '.join(reversed(parts))}" if parts else "No skills in the catalog"
    beside = f"; {result.count(UNLISTED)} unlisted" if result.count(UNLISTED) else ""
    calls = result.total.activity.calls
    return f"{listed}{beside}. {counted(calls, 'call')} in {days(result.window.end - result.window.start)}."


def remarks(result: UsageResult) -> Iterator[str]:
    """What a reader must know to trust the table: sources, doubts, cost of idle skills, coverage."""
    if result.status == "unknown":
        yield "No verdict on silence: " + "; ".join(result.doubts or ["a source failed"]) + "."
    if result.idle_listing_tokens:
        yield f"Skills that nobody uses cost ~{result.idle_listing_tokens:,} tokens in every request."
    coverage = result.coverage
    if coverage.hidden_calls:
        share = f"{coverage.hidden_calls / coverage.calls:.0%}"
        yield f"{counted(coverage.hidden_calls, 'call')} ({share}) tell no skill's name."
    if coverage.shared_calls or coverage.shared_cost:
        cost = f" ({usd(coverage.shared_cost)})" if coverage.shared_cost else ""
        came = f"{counted(coverage.shared_calls, 'call')}{cost} came under names that several skills report"
        yield f"{came}: each of these skills shows them, sums count them once."
    if coverage.hidden_cost:
        yield f"{usd(coverage.hidden_cost)} were spent by skills that tell no name."
    if coverage.outside_cost:
        yield f"{usd(coverage.outside_cost)} were spent outside any skill."
    for report in result.sources:
        reach = f"{at(report.start)} to {at(report.end)}" if report.start is not None else "no records"
        message = f": {report.message}" if report.message else ""
        yield f"Source {report.kind} {report.status}, {reach}{message}."
    yield from (f"Note: {note}." for note in result.notes)


def name_of(row: SkillRow) -> str:
    """The skill's key, or the name that telemetry shows."""
    return row.skill.key if row.skill is not None else row.name


def date(time: int | None) -> str:
    """The day of a time in ns, or a dash."""
    return (at(time) or "–")[:10]


def usd(amount: float | None) -> str:
    """Money as people read it: cents, or more digits where it is little; a dash where it is not known."""
    if amount is None:
        return "–"
    return f"${amount:,.2f}" if amount >= 0.01 or amount == 0 else f"${amount:.4f}"


def number(amount: float | None) -> str:
    """A count with thousands parted, or a dash."""
    return "–" if amount is None else f"{round(amount):,}"


def failures(row: SkillRow) -> str:
    """``3 of 7`` results that were failures; a dash where the skill reports none, which is not 0."""
    return "–" if row.failures is None else f"{row.failures[1]} of {row.failures[0]}"


def tokens(row: SkillRow) -> float | None:
    """All tokens of a row; None where no counter told."""
    return sum(row.spending.tokens.values()) if row.spending.tokens else None
