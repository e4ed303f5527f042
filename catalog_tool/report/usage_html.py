"""``catalog usage --format html``: one file with charts, nothing loaded from anywhere, for light and dark.

Money and tokens have charts of their own: on one scale the one would hide the other. The page
forbids itself scripts and every outside address.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from catalog_tool.report.escape import for_terminal, for_xml
from catalog_tool.report.usage_charts import Bar, bars, days_chart, spark
from catalog_tool.report.usage_style import STYLE
from catalog_tool.report.usage_words import (
    STATUS_WORDS,
    date,
    failures,
    headline,
    name_of,
    number,
    remarks,
    tokens,
    usd,
)
from catalog_tool.usage.agent_telemetry import TRIGGERS
from catalog_tool.usage.result import SkillRow, UsageResult
from catalog_tool.usage.verdicts import ACTIVE, NEVER, STALE, UNLISTED, UNMEASURABLE

_BARS = 25
"""Skills in a chart."""
_ROWS = 2_000
"""Rows of the table of skills."""
_TOKEN_KINDS = {"input": "input", "output": "output", "cacheRead": "cache read", "cacheCreation": "cache written"}
_LEGEND_TRIGGERS = ("typed", "proactive", "nested", "other")


def usage_html(result: UsageResult) -> str:
    """The page; ends with a line feed."""
    body = [_head(result), _cards(result), _remarks(result), _charts(result), _skills(result), _owners(result)]
    body += [_prompts(result), _sources(result)]
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><title>Skill usage</title>'
        f"<style>{STYLE}</style></head>\n<body><main>\n{''.join(body)}</main></body></html>\n"
    )


def _head(result: UsageResult) -> str:
    span = f"{date(result.window.start)} to {date(result.window.end)}, UTC"
    return f'<h1>Which skills are alive?</h1>\n<p class="sub">{_text(headline(result))} {span}.</p>\n'


def _cards(result: UsageResult) -> str:
    shown: list[tuple[str, str]] = [(number(result.size), "skills in the catalog")]
    shown += [
        (number(result.count(status)), STATUS_WORDS[status])
        for status in (ACTIVE, STALE, NEVER, UNMEASURABLE, UNLISTED)
        if result.count(status) or status in (ACTIVE, NEVER)
    ]
    summary = result.summary()
    shown.append((number(summary["activations"]), "calls"))
    if summary["cost_usd"] is not None:
        shown.append((usd(summary["cost_usd"]), "spent by skills"))
    shown.append((f"~{number(result.idle_listing_tokens)}", "tokens a request for idle skills"))
    cards = "".join(f'<div class="card"><b>{_text(big)}</b><span>{_text(small)}</span></div>' for big, small in shown)
    return f'<div class="cards">{cards}</div>\n'


def _remarks(result: UsageResult) -> str:
    lines = [line for line in remarks(result) if not line.startswith("Source ")]
    alarm = ""
    if result.status == "unknown" and lines:
        alarm = f'<p class="alarm">{_text(lines.pop(0))}</p>\n'
    if not lines:
        return alarm
    return f'{alarm}<ul class="remarks">{"".join(f"<li>{_text(line)}</li>" for line in lines)}</ul>\n'


def _charts(result: UsageResult) -> str:
    charts = [_over_time(result), _calls(result), _money(result), _tokens(result), _listing(result)]
    return f'<div class="charts">{"".join(chart for chart in charts if chart)}</div>\n'


def _chart(title: str, svg: str, legend: Iterable[tuple[str, str]] = ()) -> str:
    keys = "".join(f'<i class="{kind}"></i>{_text(word)}' for kind, word in legend)
    return f"<section><h2>{_text(title)}</h2>{f'<p class=legend>{keys}</p>' if keys else ''}{svg}</section>\n"


def _over_time(result: UsageResult) -> str:
    counts = [0] * result.window.days
    for use in result.uses:
        for day, count in enumerate(use.activity.days or ()):
            counts[day] += count
    if not any(counts):
        return ""
    first = _begin(result)
    labels = date(first), date(result.window.end)
    chart = days_chart("Calls of all skills a day", counts[result.window.day(first) :], labels)
    return _chart("Calls a day, since the data begin", chart)


def _begin(result: UsageResult) -> int:
    """Where the data begin inside the window (ns): before that nobody listened, so nothing is drawn."""
    starts = [report.start for report in result.sources if report.start is not None]
    return max(min(starts, default=0), result.window.start + 1)


def _calls(result: UsageResult) -> str:
    rows = _most(result.rows, lambda row: row.activity.calls)
    shown = [Bar(name_of(row), tuple(_mix(row)), number(row.activity.calls)) for row in rows]
    kinds = {kind for bar in shown for kind, amount in bar.parts if amount}
    legend = [(kind, kind) for kind in _LEGEND_TRIGGERS if kind in kinds]
    return _chart("Calls by who started them", bars("Calls of each skill", shown), legend) if shown else ""


def _mix(row: SkillRow) -> list[tuple[str, float]]:
    mix = dict.fromkeys(_LEGEND_TRIGGERS, 0)
    for trigger, count in row.activity.details.items():
        mix[TRIGGERS.get(trigger, "other")] += count
    return [(kind, float(count)) for kind, count in mix.items()]


def _money(result: UsageResult) -> str:
    rows = _most(result.rows, lambda row: row.spending.cost or 0)
    shown = [Bar(name_of(row), (("money", row.spending.cost or 0),), usd(row.spending.cost)) for row in rows]
    return _chart("Cost", bars("Cost of each skill in US dollars", shown)) if shown else ""


def _tokens(result: UsageResult) -> str:
    rows = _most(result.rows, lambda row: tokens(row) or 0)
    shown = []
    for row in rows:
        held = row.spending.tokens
        rest = sum(amount for kind, amount in held.items() if kind not in _TOKEN_KINDS)
        parts = [(kind, held.get(kind, 0)) for kind in _TOKEN_KINDS]
        shown.append(Bar(name_of(row), (*parts, ("other", rest)), number(tokens(row))))
    return _chart("Tokens", bars("Tokens of each skill", shown), _TOKEN_KINDS.items()) if shown else ""


def _listing(result: UsageResult) -> str:
    idle = [row for row in result.rows if row.verdict.status in (NEVER, STALE)]
    rows = _most(idle, lambda row: (row.skill.listing_tokens or 0) if row.skill is not None else 0)
    shown = [
        Bar(name_of(row), (("other", float(row.skill.listing_tokens or 0)),), f"~{row.skill.listing_tokens}")
        for row in rows
        if row.skill is not None
    ]
    return _chart("Tokens a request for skills that nobody uses", bars("Listing tokens", shown)) if shown else ""


def _most(rows: Sequence[SkillRow], measure: Callable[[SkillRow], float]) -> list[SkillRow]:
    """The rows with the largest measure; none where it is 0."""
    return [row for row in sorted(rows, key=lambda row: (-measure(row), name_of(row))) if measure(row)][:_BARS]


_SKILL_HEAD = (
    ("skill", ""), ("status", ""), ("owner", ""), ("calls", "n"), ("over time", ""), ("sessions", "n"),
    ("last used", "n"), ("cost", "n"), ("a call", "n"), ("failed", "n"), ("listing", "n"), ("why", ""),
)  # fmt: skip


def _skills(result: UsageResult) -> str:
    first = result.window.day(_begin(result))
    rows = [_skill(row, first) for row in result.rows[:_ROWS]]
    more = len(result.rows) - len(rows)
    left = f"<p>{more:,} more rows are not shown; --format csv has all.</p>" if more else ""
    return f"<h2>Skills</h2>{_table(_SKILL_HEAD, rows)}{left}\n"


def _skill(row: SkillRow, first_day: int) -> str:
    status, skill = row.verdict.status, row.skill
    listing = "–" if skill is None or skill.listing_tokens is None else f"~{number(skill.listing_tokens)}"
    chart = spark(row.activity.days[first_day:]) if row.activity.days and row.activity.calls else ""
    return (
        f'<td class="name">{_broken(name_of(row))}</td><td class="status {status}">{STATUS_WORDS[status]}</td>'
        f'<td class="owner">{_text(" ".join(skill.owners) if skill is not None else "")}</td>'
        f'<td class="n">{number(row.activity.calls)}</td><td>{chart}</td>'
        f'<td class="n">{number(row.activity.sessions)}</td><td class="n">{date(row.last)}</td>'
        f'<td class="n">{usd(row.spending.cost)}</td><td class="n">{usd(row.cost_per_call)}</td>'
        f'<td class="n{" never" * bool(row.activity.failed)}">{failures(row)}</td><td class="n">{listing}</td>'
        f'<td class="why">{_text(row.verdict.reason)}</td>'
    )


_OWNER_HEAD = (
    ("owner", ""), ("skills", "n"), ("active", "n"), ("idle", "n"), ("calls", "n"), ("cost", "n"), ("tokens", "n"),
    ("idle listing", "n"),
)  # fmt: skip


def _owners(result: UsageResult) -> str:
    if not any(row.owner for row in result.owners):
        return ""
    rows = [
        f'<td class="name">{_text(row.owner or "without an owner")}</td>'
        + "".join(f'<td class="n">{number(count)}</td>' for count in (row.skills, row.active, row.idle, row.calls))
        + f'<td class="n">{usd(row.cost)}</td><td class="n">{number(row.tokens or None)}</td>'
        + f'<td class="n">{"~" * bool(row.idle_listing_tokens)}{number(row.idle_listing_tokens)}</td>'
        for row in result.owners
    ]
    return f"<h2>Owners</h2>{_table(_OWNER_HEAD, rows)}\n"


_PROMPT_HEAD = (
    ("prompt", ""), ("status", ""), ("requests", "n"), ("last used", "n"), ("failed", "n"), ("cost", "n"),
    ("versions", ""), ("why", ""),
)  # fmt: skip


def _prompts(result: UsageResult) -> str:
    if not result.prompts:
        return ""
    rows = []
    for row in result.prompts[:_ROWS]:
        status = row.verdict.status
        versions = ", ".join(f"{version}: {count}" for version, count in sorted(row.activity.details.items()))
        rows.append(
            f'<td class="name">{_broken(row.name)}</td><td class="status {status}">{STATUS_WORDS[status]}</td>'
            f'<td class="n">{number(row.activity.calls)}</td><td class="n">{date(row.activity.last)}</td>'
            f'<td class="n">{number(row.activity.failed)}</td><td class="n">{usd(row.spending.cost)}</td>'
            f'<td>{_text(versions)}</td><td class="why">{_text(row.verdict.reason)}</td>'
        )
    return f"<h2>Prompts</h2>{_table(_PROMPT_HEAD, rows)}\n"


def _sources(result: UsageResult) -> str:
    head = (("source", ""), ("status", ""), ("oldest", "n"), ("newest", "n"), ("message", ""))
    rows = [
        f'<td class="name">{_text(report.kind)}</td><td>{_text(report.status)}</td>'
        f'<td class="n">{date(report.start)}</td><td class="n">{date(report.end)}</td>'
        f'<td class="why">{_text(report.message or "")}</td>'
        for report in result.sources
    ]
    return f"<h2>Sources</h2>{_table(head, rows)}\n"


def _table(head: Iterable[tuple[str, str]], rows: Iterable[str]) -> str:
    columns = "".join(f'<th class="{kind}">{name}</th>' if kind else f"<th>{name}</th>" for name, kind in head)
    lines = "".join(f"<tr>{row}</tr>\n" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{columns}</tr></thead><tbody>\n{lines}</tbody></table></div>'


def _text(text: str) -> str:
    return for_xml(for_terminal(text))


def _broken(name: str) -> str:
    """A name that may be broken where its parts meet; hyphens break by themselves."""
    text = _text(name)
    for mark in (":", "/", "_"):
        text = text.replace(mark, f"{mark}<wbr>")
    return text
