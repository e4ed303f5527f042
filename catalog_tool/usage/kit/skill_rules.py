"""Rules about skills: sessions' counters folded into totals, and the alerts on them.

An alert that says "unused" may fire only where silence means something: the same doubts as those of ``catalog usage``
hold it back, as far as Prometheus can know them.
"""

from __future__ import annotations

from catalog_tool.usage.kit.listing import LISTED, by_skill
from catalog_tool.usage.kit.rule_file import Alert, Group, Recording, rule_file
from catalog_tool.usage.kit.series import (
    CALLS,
    COST,
    FOLDED,
    HIDDEN,
    LAST_CALL,
    RESULTS,
    STEP,
    TOKENS,
    failure_rate,
    fold,
    total,
)

SAID = "Activity of skills. Made by `catalog telemetry init`."
SPIKE, SPIKE_DOLLARS = 3, 5
"""A day that costs so many times the mean of the week before, and at least so many dollars."""
_STEPS_A_DAY = 96
FAILING, FAILING_RESULTS = 0.5, 4
"""A share of failures above this, of at least so many reported results in a day."""


def skill_rules(stale_days: int) -> str:
    """The rule file. ``stale_days``: unused for so long is stale."""
    folded = [Recording(name, fold(counter, labels)) for name, (counter, labels) in FOLDED.items()]
    folded.append(Recording(LAST_CALL, f"(sum by (skill_name) ({CALLS}) > 0) * 0 + time()"))
    alerts = [_stale(stale_days), _redacted(), _silent(), *_collector(), _spike(), _failing()]
    return rule_file(SAID, [Group("skills", STEP, folded), Group("skill-alerts", "5m", alerts)])


def _stale(days: int) -> Alert:
    """Listed and kept for the whole window under none of its names called, while calls came in before it and during
    its second half."""
    window = f"{days}d"
    expr = "\n".join((
        f"max by (skill, owner, version) (last_over_time({LISTED}[1h])",
        f"  and on (skill) present_over_time({LISTED}[1d] offset {window}))",
        f"unless on (skill) ({by_skill(total(CALLS, window, 'skill_name'))} > 0)",
        f"and on () (count(present_over_time({CALLS}[1d] offset {window})) > 0)",
        f"and on () ({total(CALLS, f'{max(days // 2, 1)}d')} > 0)",
        f"unless on () ({total(CALLS, window, where=HIDDEN)} / {total(CALLS, window)} > 0.5)",
    ))  # fmt: skip
    return Alert(
        "SkillStale", expr, "1h", "info",
        "Nobody has used the skill {{ $labels.skill }} for " + f"{days} days",
        "Owner: {{ $labels.owner }}. Nor under another of its names. Ask `catalog usage` before it goes.",
    )  # fmt: skip


def _redacted() -> Alert:
    expr = f"{total(CALLS, '1d', where=HIDDEN)} / {total(CALLS, '1d')} > 0.5"
    return Alert(
        "SkillNamesRedacted", expr, "1h", "warning",
        "{{ $value | humanizePercentage }} of the calls of a day hide their skill's name",
        "Agents without OTEL_LOG_TOOL_DETAILS=1 call every skill custom_skill: nothing can be said of single skills.",
    )  # fmt: skip


def _silent() -> Alert:
    """Nothing new in three days, which a weekend does not make, after something in the month before."""
    lately, before = (f"({total(CALLS, over)} > 0 or {total(TOKENS, over)} > 0)" for over in ("3d", "30d"))
    expr = f"{before}\nunless {lately}"
    return Alert(
        "SkillTelemetrySilent", expr, "1h", "warning",
        "No skill, no token, nothing has been heard of any agent for three days",
        "Something before it is broken, or nobody works. Until it is known, no skill is stale.",
    )  # fmt: skip


def _collector() -> list[Alert]:
    failed = '{__name__=~"otelcol_exporter_send_failed_log_records(_total)?"}'
    return [
        Alert(
            "SkillCollectorDown", 'up{job=~"agents|collector"} == 0', "15m", "warning",
            "The collector does not answer on {{ $labels.instance }}",
            "What agents send meanwhile is lost.",
        ),
        Alert(
            "SkillEventsNotStored", f"sum by (exporter) (rate({failed}[15m])) > 0", "15m", "warning",
            "The collector cannot store events ({{ $labels.exporter }})",
            "Look at the logs of the collector and of Loki. What is missing there looks like silence later.",
        ),
    ]  # fmt: skip


def _spike() -> Alert:
    """The mean is that of steps that have samples: a week holds few in the first days, or where a skill rests."""
    today = total(COST, "1d", "skill_name")
    usual = f"{_STEPS_A_DAY} * sum by (skill_name) (avg_over_time({COST}[1w] offset 1d))"
    known = f"sum by (skill_name) (present_over_time({COST}[1w] offset 1w))"
    expr = f"{today}\n  > {SPIKE} * {usual}\nand {today} > {SPIKE_DOLLARS}\nand {known}"
    return Alert(
        "SkillCostSpike", expr, "30m", "warning",
        '{{ $labels.skill_name }} cost {{ printf "%.2f" $value }} dollars in a day',
        f"That is more than {SPIKE} times a mean day of the week before. An empty name is work outside any skill.",
    )  # fmt: skip


def _failing() -> Alert:
    reported = total(RESULTS, "1d", "skill_name")
    expr = f"({failure_rate('1d', 'skill_name')}) > {FAILING}\nand on (skill_name) {reported} >= {FAILING_RESULTS}"
    return Alert(
        "SkillFailing", expr, "0m", "warning",
        "{{ $labels.skill_name }} says that {{ $value | humanizePercentage }} of its runs of a day failed",
        "By its own word (skill_result). That a tool ran well says nothing: success=true includes exit 1.",
    )  # fmt: skip
