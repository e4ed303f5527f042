"""``rules`` in ``catalog.yaml`` before and after: what a change no longer lets anybody be stopped by.

Rules count from the change that brings them (design §5), so whoever makes a change may also waive what is said
of it. That is for a reviewer to allow, who therefore gets it said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from catalog_tool.diff.changes import MODIFIED, TEST, Change, Detail, detail
from catalog_tool.model.change_rules import CHANGE_RULES, CONTRACT_SEVERITIES
from catalog_tool.model.codes import CODES
from catalog_tool.model.finding import ERROR, INFO, WARNING
from catalog_tool.model.settings import SETTINGS_FILE, Rule

RULES_PATH = "/rules/"
"""How the path of each such detail begins."""
_STRICTEST_FIRST = (ERROR, WARNING, INFO, "ignore")
_FOREVER = "9999-12-31"


def relaxed_rules(old: Mapping[str, Rule], new: Mapping[str, Rule]) -> Iterator[Change]:
    """One change with a detail for each rule that says less now; none where no rule does."""
    found = tuple(relaxed for code in sorted({*old, *new}) if (relaxed := _relaxed(code, old.get(code), new.get(code))))
    if found:
        yield Change("rules", TEST, MODIFIED, None, None, found, file=SETTINGS_FILE)


def is_about_rules(change: Change) -> bool:
    """Whether it is what ``relaxed_rules`` found."""
    return change.kind == TEST and any(item.path.startswith(RULES_PATH) for item in change.details)


def _relaxed(code: str, old: Rule | None, new: Rule | None) -> Detail | None:
    was, now = _severity(code, old), _severity(code, new)
    longer = was == now and old is not None and new is not None and _ends(old) < _ends(new)
    if was is None or now is None or not (longer or _weight(code, now) < _weight(code, was)):
        return None
    what = f"changes of the rule `{code}`" if code in CHANGE_RULES else f"findings `{code}`"
    counts = f"{what} count as {now} now" if now != "ignore" else f"{what} are not shown now"
    before = "whatever they are" if old is None and code in CHANGE_RULES else f"they counted as {was}"
    if longer:
        counts, before = f"{what} go on to count as {now}", f"which was to end on {_ends(old)}"
    until = f", until {new.until}" if new is not None and new.until else ""
    reason = f" ({new.reason})" if new is not None and new.reason else ""
    message = f"{counts}, {before}{until}{reason}"
    return detail("test-weakened", f"{RULES_PATH}{code}", _written(old), _written(new), message, op="changed")


def _written(rule: Rule | None) -> dict[str, object] | None:
    return rule._asdict() if rule is not None else None


def _severity(code: str, rule: Rule | None) -> str | None:
    """What a rule gives; without one, of a finding its usual severity, of a change the worst that it can be."""
    if rule is not None:
        return rule.severity
    return CONTRACT_SEVERITIES[0] if code in CHANGE_RULES else CODES[code][0] if code in CODES else None


def _weight(code: str, severity: str) -> int:
    order = CONTRACT_SEVERITIES if code in CHANGE_RULES else _STRICTEST_FIRST
    return -order.index(severity) if severity in order else -len(order)


def _ends(rule: Rule | None) -> str:
    return rule.until or _FOREVER if rule is not None else ""
