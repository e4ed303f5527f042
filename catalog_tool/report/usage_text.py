"""``catalog usage`` at a terminal."""

from __future__ import annotations

import io
from collections.abc import Iterable

from rich.console import Console
from rich.table import Table
from rich.text import Text

from catalog_tool.report.escape import for_terminal
from catalog_tool.report.usage_words import STATUS_WORDS, date, failures, headline, name_of, number, remarks, usd
from catalog_tool.usage.result import PromptRow, UsageResult
from catalog_tool.usage.verdicts import ACTIVE, NEVER, STALE, UNLISTED, UNMEASURABLE

_STYLES = {ACTIVE: "green", STALE: "yellow", NEVER: "red", UNLISTED: "magenta", UNMEASURABLE: "dim"}
_COLUMNS = ("skill", "status", "calls", "last used", "cost", "failed", "list", "why")
_RIGHT = frozenset({"calls", "cost", "failed", "list"})


def usage_text(result: UsageResult, *, width: int, color: bool) -> str:
    """The whole report for a terminal of ``width`` columns; ends with a line feed."""
    out = io.StringIO()
    console = Console(
        file=out, width=max(width, 80), force_terminal=color, no_color=not color, markup=False, highlight=False,
        color_system="standard" if color else None, emoji=False, legacy_windows=False,
    )  # fmt: skip
    if result.rows:
        console.print(_skills(result))
    if result.prompts:
        console.print(_prompts(result.prompts))
    console.print(Text(headline(result), style="bold"))
    for remark in remarks(result):
        console.print(Text(for_terminal(remark)))
    return "\n".join(line.rstrip() for line in out.getvalue().split("\n"))


def _table(columns: Iterable[str]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(
            column, justify="right" if column in _RIGHT else "left", no_wrap=column != "why", overflow="fold"
        )
    return table


def _skills(result: UsageResult) -> Table:
    table = _table(_COLUMNS)
    for row in result.rows:
        listing = row.skill.listing_tokens if row.skill is not None else None
        status = row.verdict.status
        cells = (
            name_of(row), STATUS_WORDS[status], number(row.activity.calls), date(row.last), usd(row.spending.cost),
            failures(row), "–" if listing is None else f"~{listing}", row.verdict.reason,
        )  # fmt: skip
        table.add_row(
            *(Text(for_terminal(cell), style=_STYLES[status] if at == 1 else "") for at, cell in enumerate(cells))
        )
    return table


def _prompts(rows: Iterable[PromptRow]) -> Table:
    table = _table(("prompt", "status", "calls", "last used", "cost", "failed", "versions", "why"))
    for row in rows:
        versions = ", ".join(f"{version} {count}" for version, count in sorted(row.activity.details.items()))
        cells = (
            row.name, STATUS_WORDS[row.verdict.status], number(row.activity.calls), date(row.activity.last),
            usd(row.spending.cost), number(row.activity.failed), versions or "–", row.verdict.reason,
        )  # fmt: skip
        table.add_row(*(Text(for_terminal(cell)) for cell in cells))
    return table
