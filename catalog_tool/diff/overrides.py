"""What ``rules`` in ``catalog.yaml`` says of changes: another contract level, with a reason, maybe until a day."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from catalog_tool.diff.changes import Change, Detail, Waiver
from catalog_tool.model.change_rules import CHANGE_RULES, CONTRACT_SEVERITIES
from catalog_tool.model.settings import Rule


def with_overrides(changes: Iterable[Change], rules: Mapping[str, Rule], today: str) -> Iterator[Change]:
    """The changes with the levels that hold on ``today`` (``YYYY-MM-DD``); an override always shows.

    An override whose last day is over has no effect.
    """
    valid = {
        name: rule
        for name, rule in rules.items()
        if name in CHANGE_RULES and rule.severity in CONTRACT_SEVERITIES and not _is_over(rule, today)
    }
    for change in changes:
        if any(item.rule in valid for item in change.details):
            yield change._replace(details=tuple(_overridden(item, valid.get(item.rule)) for item in change.details))
        else:
            yield change


def _is_over(rule: Rule, today: str) -> bool:
    return rule.until is not None and bool(today) and rule.until < today


def _overridden(item: Detail, rule: Rule | None) -> Detail:
    if rule is None or rule.severity == item.contract:
        return item
    return item._replace(contract=rule.severity, waiver=Waiver(item.contract, rule.reason, rule.until))
