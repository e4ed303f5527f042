"""``catalog usage --format markdown``: the body of an issue, at most ``LIMIT`` bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from catalog_tool.report.escape import for_actions_log, for_markdown
from catalog_tool.report.usage_words import STATUS_WORDS, date, failures, headline, name_of, number, remarks, usd
from catalog_tool.usage.result import SkillRow, UsageResult

LIMIT = 60_000
"""Bytes: what GitHub takes as the body of an issue, with room to spare."""
_NOTICE = 200
_SKILLS = ("skill", "status", "owner", "calls", "last used", "cost", "a call", "failed", "listing tokens", "why")
_OWNERS = ("owner", "skills", "active", "idle", "calls", "cost", "idle listing tokens")
_PROMPTS = ("prompt", "status", "requests", "last used", "cost", "failed", "versions", "why")


def usage_markdown(result: UsageResult) -> str:
    """The report; rows that would make it too long are counted instead. Ends with a line feed."""
    head = [f"**{for_markdown(headline(result))}**", "", *(f"- {for_markdown(line)}" for line in remarks(result)), ""]
    text = "\n".join(head) + "\n"
    text = _with_table(text, _SKILLS, (_skill(row) for row in result.rows), "skills")
    owners = [row for row in result.owners if row.owner]
    if owners:
        cells = (
            (row.owner, row.skills, row.active, row.idle, row.calls, usd(row.cost), f"~{row.idle_listing_tokens}")
            for row in owners
        )
        text = _with_table(text, _OWNERS, cells, "owners")
    if result.prompts:
        text = _with_table(text, _PROMPTS, _prompts(result), "prompts")
    return for_actions_log(text)


def _with_table(text: str, columns: tuple[str, ...], rows: Iterable[tuple[object, ...]], what: str) -> str:
    lines = [f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
    room = LIMIT - _NOTICE - len(text.encode()) - sum(len(line) + 1 for line in lines)
    left_out = 0
    for row in rows:
        line = f"| {' | '.join(for_markdown(str(cell)) for cell in row)} |"
        room -= len(line.encode()) + 1
        if room < 0:
            left_out += 1
        else:
            lines.append(line)
    if left_out:
        lines += ["", f"{left_out} more {what} are not shown: this would be too long."]
    return text + "\n".join(lines) + "\n\n"


def _skill(row: SkillRow) -> tuple[object, ...]:
    listing = row.skill.listing_tokens if row.skill is not None else None
    owners = " ".join(row.skill.owners) if row.skill is not None else ""
    return (
        name_of(row), STATUS_WORDS[row.verdict.status], owners or "–", number(row.activity.calls), date(row.last),
        usd(row.spending.cost), usd(row.cost_per_call), failures(row), "–" if listing is None else f"~{listing}",
        row.verdict.reason,
    )  # fmt: skip


def _prompts(result: UsageResult) -> Iterator[tuple[object, ...]]:
    for row in result.prompts:
        versions = ", ".join(f"{version}: {count}" for version, count in sorted(row.activity.details.items()))
        yield (
            row.name, STATUS_WORDS[row.verdict.status], number(row.activity.calls), date(row.activity.last),
            usd(row.spending.cost), number(row.activity.failed), versions or "–", row.verdict.reason,
        )  # fmt: skip
