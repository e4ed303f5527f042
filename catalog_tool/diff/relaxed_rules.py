"""``rules`` in ``catalog.yaml`` before and after: what a change no longer lets anybody be stopped by.

Rules count from the change that brings them (design §5), so whoever makes a change may also waive what is said
of it. That is for a reviewer to allow, who therefore gets it said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import NamedTuple

from catalog_tool.diff.changes import Detail, detail
from catalog_tool.model.change_rules import CHANGE_RULES, CONTRACT_SEVERITIES
from catalog_tool.model.codes import CODES
from catalog_tool.model.finding import ERROR, INFO, WARNING
from catalog_tool.model.settings import Rule

_STRICTEST_FIRST = (ERROR, WARNING, INFO, "ignore")


class _Held(NamedTuple):
    """What a rule says of one code, and how long."""

    code: str
    rule: Rule | None

    @property
    def last(self) -> str:
        """The last day on which it holds; empty where it has none. Of findings there is none (design §5)."""
        return (self.rule.until if self.rule is not None and self.code in CHANGE_RULES else None) or ""

    def severity(self, day: str) -> str | None:
        """What counts on a day; where no rule holds, a finding's usual severity, or the worst a change can be."""
        if self.rule is not None and not (day and self.last and self.last < day):
            return self.rule.severity
        if self.code in CHANGE_RULES:
            return CONTRACT_SEVERITIES[0]
        return CODES[self.code][0] if self.code in CODES else None


def relaxed_rules(old: Mapping[str, Rule], new: Mapping[str, Rule], today: str = "") -> Iterator[Detail]:
    """A detail for each rule that says less ``today`` (``YYYY-MM-DD``; empty: before all days), or on a day to come."""
    for code in sorted({*old, *new}):
        before, after = _Held(code, old.get(code)), _Held(code, new.get(code))
        days = [today, *sorted(_next(last) for last in {before.last, after.last} if last and last >= today)]
        day = next((day for day in days if _is_less(code, before.severity(day), after.severity(day))), None)
        if day is not None:
            yield _relaxed(before, after, (today, day))


def _next(day: str) -> str:
    try:
        return (date.fromisoformat(day) + timedelta(days=1)).isoformat()
    except (ValueError, OverflowError):  # 2026-02-31 fits the settings' schema, and 9999-12-31 has no next day
        return f"{day}+"


def _is_less(code: str, was: str | None, now: str | None) -> bool:
    return was is not None and now is not None and _weight(code, now) < _weight(code, was)


def _relaxed(before: _Held, after: _Held, days: tuple[str, str]) -> Detail:
    """``days``: today, and the first day on which less is said."""
    today, day = days
    code, now = before.code, after.severity(day)
    what = f"changes of the rule `{code}`" if code in CHANGE_RULES else f"findings `{code}`"
    if day != today:  # then a rule was to end, and another one goes on: without one a change is the worst it can be
        goes_on = f"{what} go on to count as {now}, which was to end on {before.last}"
        said = f"{what} count as {now} also after {before.last}, when a waiver was to end"
        said = goes_on if now == before.severity(today) else said
    else:
        counted = code not in CHANGE_RULES or (before.rule is not None and before.severity(day) == before.rule.severity)
        said = f"{what} count as {now} now, " if now != "ignore" else f"{what} are not shown now, "
        said += f"they counted as {before.severity(day)}" if counted else "whatever they are"
    rule = after.rule
    until = f", until {rule.until}" if rule is not None and rule.until else ""
    reason = f" ({rule.reason})" if rule is not None and rule.reason else ""
    written = _written(before), _written(after)
    return detail("test-weakened", f"/rules/{code}", *written, f"{said}{until}{reason}", op="changed")


def _written(held: _Held) -> dict[str, object] | None:
    return held.rule._asdict() if held.rule is not None else None


def _weight(code: str, severity: str) -> int:
    order = CONTRACT_SEVERITIES if code in CHANGE_RULES else _STRICTEST_FIRST
    return -order.index(severity) if severity in order else -len(order)
