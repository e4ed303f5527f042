"""The series that skills' activity is folded into, and the expressions that fold it.

Agents count by session, and a session's series begins with its final value more often than not, so that
``increase`` sees nothing. What came in a step is therefore the newest value less the one before the step, or all of it
where there was none before, or where the counter began again.
"""

from __future__ import annotations

STEP = "15m"
_SEEN = "26h"
"""How far back the value before a step is looked for: longer than the collector keeps a silent series (24h), so that
a machine that slept does not count a session twice."""

CALLS = "skill:calls:increase15m"
RESULTS = "skill:results:increase15m"
COST = "skill:cost_usd:increase15m"
TOKENS = "skill:tokens:increase15m"
TOOLS = "tool:results:increase15m"
LAST_CALL = "skill:last_call_timestamp_seconds:max15m"
"""Seconds since the epoch: the end of each step that had calls."""

CALLS_COUNTER = "catalog_skill_calls_total"
RESULTS_COUNTER = "catalog_skill_results_total"
TOOLS_COUNTER = "catalog_tool_results_total"
COST_COUNTER = "claude_code_cost_usage_USD_total"
TOKENS_COUNTER = "claude_code_token_usage_tokens_total"

FOLDED = {
    CALLS: (CALLS_COUNTER, "skill_name, invocation_trigger"),
    RESULTS: (RESULTS_COUNTER, "skill_name, skill_outcome"),
    COST: (COST_COUNTER, "skill_name"),
    TOKENS: (TOKENS_COUNTER, "skill_name, type"),
    TOOLS: (TOOLS_COUNTER, "tool_name, success"),
}
"""Series → the counter that it is folded from, and the labels that it keeps."""

HIDDEN = 'skill_name=~"custom_skill|third-party"'
NAMED = 'skill_name!~"custom_skill|third-party|"'
"""Names that stand in for one that the agent does not tell, and all others."""


def fold(counter: str, labels: str) -> str:
    """What came in the last step, by ``labels``."""
    now = f"last_over_time({counter}[{STEP}])"
    before = (
        f"(last_over_time({counter}[{STEP}] offset {STEP}) or last_over_time({counter}[{_SEEN}:{STEP}] offset {STEP}))"
    )
    return f"sum by ({labels}) (\n  ({now}\n    - {before}) >= 0\n  or {now}\n)"


def last_call(over: str) -> str:
    """When each skill was last called, in milliseconds as Grafana wants them."""
    return f"max by (skill_name) (max_over_time({LAST_CALL}[{over}])) * 1000"


def total(series: str, over: str, by: str = "", where: str = "", ago: str = "") -> str:
    """All that came ``over`` a time that ended ``ago``, by labels."""
    grouped = f" by ({by}) " if by else ""
    chosen = f"{{{where}}}" if where else ""
    shifted = f" offset {ago}" if ago else ""
    return f"sum{grouped}(sum_over_time({series}{chosen}[{over}]{shifted}))"


def failures(over: str, by: str = "", where: str = "") -> tuple[str, str]:
    """The reported results that are failures, 0 where none of them is, and all of them."""
    failed = total(RESULTS, over, by, ", ".join(filter(None, (where, 'skill_outcome="failure"'))))
    reported = total(RESULTS, over, by, where)
    return f"({failed} or {reported} * 0)", reported


def failure_rate(over: str, by: str = "", where: str = "") -> str:
    """The share of reported results that are failures; nothing, not 0, where none was reported."""
    failed, reported = failures(over, by, where)
    return f"{failed}\n  / ({reported} > 0)"
