"""The panels about skills: how large the catalog is, what is used, what is not, what it costs, what came of it."""

from __future__ import annotations

from collections.abc import Sequence

from catalog_tool.usage.agent_telemetry import ACTIVATED, RESULT
from catalog_tool.usage.kit.listing import LISTED, Entry, by_skill, folded, listing_csv, skill_count
from catalog_tool.usage.kit.panels import (
    HALF,
    NOT_REPORTED,
    STAT,
    WHOLE,
    Look,
    Panel,
    Section,
    Size,
    column,
    daily,
    events_of,
    field,
    joined,
    keep_rows,
    largest_first,
    series_of,
    table_of,
    value_of,
)
from catalog_tool.usage.kit.series import (
    CALLS,
    COST,
    HIDDEN,
    NAMED,
    RESULTS,
    TOKENS,
    TOOLS,
    failure_rate,
    failures,
    last_call,
    total,
)
from catalog_tool.usage.loki import SELECTOR

RANGE, STALE, DAY = "$__range", "$stale_after", "1d"
_CHOSEN = 'skill_name=~"$skill"'
_ANY = 'skill_name!=""'
"""Work inside a skill."""
_ONE = {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}, "colorMode": "value"}
_CELL = {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "/.*/", "values": False}, "colorMode": "none"}
_SLICES = {"pieType": "donut", "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
           "legend": {"displayMode": "table", "placement": "right", "showLegend": True, "values": ["value", "percent"]},
           "displayLabels": ["percent"]}  # fmt: skip
_BARS = {"drawStyle": "bars", "fillOpacity": 70, "stacking": {"mode": "normal", "group": "A"}}
_LISTED_NOW = f"last_over_time({LISTED}[1h])"
_OWNER_OF = f"topk by (skill_name) (1, {_LISTED_NOW})"
"""One entry a name: where two skills share one, either may stand for both."""
_NO_CALLS = "none"


def skill_sections(entries: Sequence[Entry]) -> list[Section]:
    """All sections about skills, for this catalog."""
    listing = listing_csv(entries)
    return [
        Section("Catalog", _numbers(skill_count(entries))),
        Section("Who is alive", [_leaderboard(listing), _stale(listing), _unlisted(listing)]),
        Section("Adoption", _adoption()),
        Section("Cost and tokens", _money()),
        Section("Triggers and results", [*_triggers(), *_results()]),
        Section("Drift and versions", _versions()),
        Section("Is the telemetry itself alive?", _pipeline()),
    ]


def _numbers(count: int) -> list[Panel]:
    def stat(title: str, expr: str, said: str, look: Look) -> Panel:
        return Panel(title, "stat", STAT, [value_of(expr)], said, look._replace(options=_ONE))

    size = Panel(
        "Catalog size", "stat", STAT, [table_of(f"skills\n{count}\n", "A")],
        "Skills of the catalog when this dashboard was made; `catalog telemetry dashboard` makes it anew.",
        Look(options=_CELL),
    )  # fmt: skip
    return [
        size,
        stat(
            "Active", f"count({by_skill(total(CALLS, STALE, 'skill_name'))} > 0)",
            "Skills of the catalog that were used within the stale window.", Look(nothing=_NO_CALLS),
        ),
        stat(
            "Unlisted",
            f"count(({total(CALLS, STALE, 'skill_name', NAMED)} > 0) unless on (skill_name) {_LISTED_NOW})",
            "Names that are used and in no catalog. Names that the agent hides do not count.", Look(nothing=_NO_CALLS),
        ),
        stat("Invocations", total(CALLS, RANGE), "Activations in the dashboard's time.", Look(nothing=_NO_CALLS)),
        stat(
            "Failure rate", failure_rate(RANGE),
            "Of the results that skills reported themselves. Where no skill reports, there is no rate.",
            Look("percentunit"),
        ),
        stat(
            "Hidden names", f"{total(CALLS, RANGE, where=HIDDEN)} / {total(CALLS, RANGE)}",
            "Share of calls whose skill the agent does not name. Above a half nothing can be said of single skills.",
            Look("percentunit", _NO_CALLS),
        ),
    ]  # fmt: skip


_LISTING_COLUMNS = {"skill_name": "skill_name", "skill": "skill", "owner": "owner", "version": "version"}


def _leaderboard(listing: str) -> Panel:
    columns = [
        column("B", f"{folded(total(CALLS, RANGE, 'skill_name'))} > 0"),
        column("C", folded(last_call("90d"), "max")),
        column("D", _failure_rates()),
        column("E", folded(total(COST, RANGE, "skill_name", _ANY))),
        column("F", folded(total(TOKENS, RANGE, "skill_name", _ANY))),
    ]
    names = _LISTING_COLUMNS | {
        "Value #B": "calls", "Value #C": "last call", "Value #D": "failure rate", "Value #E": "cost",
        "Value #F": "tokens", "listing_tokens": "listing tokens",
    }  # fmt: skip
    looks = [
        field("calls", "none", _NO_CALLS), field("last call", "dateTimeFromNow", "not in 90 days"),
        field("failure rate", "percentunit", NOT_REPORTED), field("cost", "currencyUSD", NOT_REPORTED),
        field("tokens", "short", NOT_REPORTED),
    ]  # fmt: skip
    return Panel(
        "Leaderboard", "table", WHOLE, [table_of(listing, "A"), *columns],
        "Every skill of the catalog, and every name that was used: an outer join on skill_name. The failure rate is "
        "that of results which skills reported; a tool's success=true includes exit 1 and says nothing of it.",
        Look(options=largest_first("calls"), overrides=looks), joined("skill_name", names),
    )  # fmt: skip


def _failure_rates(where: str = "") -> str:
    failed, reported = (folded(amounts) for amounts in failures(RANGE, "skill_name", where))
    return f"{failed}\n  / ({reported} > 0)"


def _stale(listing: str) -> Panel:
    columns = [
        column("B", f"{folded(total(CALLS, STALE, 'skill_name'))} > 0"),
        column("C", folded(last_call("90d"), "max")),
    ]
    names = _LISTING_COLUMNS | {"Value #B": "calls", "Value #C": "last call", "listing_tokens": "listing tokens"}
    return Panel(
        "Not used within the stale window", "table", HALF, [table_of(listing, "A"), *columns],
        "The catalog outer-joined with activity; rows without a call stay. This is silence, not yet a verdict: "
        "`catalog usage` tells a skill that is too new, hidden or cut off from one that nobody uses.",
        Look(overrides=[field("last call", "dateTimeFromNow", "not in 90 days")]),
        [*joined("skill_name", names), keep_rows(empty=["calls"], filled=["skill"])],
    )  # fmt: skip


def _unlisted(listing: str) -> Panel:
    names = {"skill_name": "skill_name", "Value #B": "calls", "Value #C": "last call", "skill": "skill"}
    hidden = ("owner", "version", "listing_tokens")
    columns = [
        column("B", f"{folded(total(CALLS, STALE, 'skill_name', NAMED))} > 0"),
        column("C", folded(last_call("90d"), "max")),  # of one column alone Grafana would not say which it is
    ]
    return Panel(
        "Used, and in no catalog", "table", HALF, [table_of(listing, "A"), *columns],
        "Plugins and personal skills that somebody's agent has and this catalog does not.",
        Look(options=largest_first("calls"), overrides=[field("last call", "dateTimeFromNow")]),
        [*joined("skill_name", names, hidden), keep_rows(empty=["skill"], filled=["calls"])],
    )  # fmt: skip


def _activations(over: str, by: str) -> str:
    chosen = f'{SELECTOR} | event_name="{ACTIVATED}" | {_CHOSEN}'
    return f"sum by ({by}) (count_over_time({chosen} [{over}]))"


def _adoption() -> list[Panel]:
    users = f'count(sum by (user_id) (count_over_time({SELECTOR} | event_name="{ACTIVATED}" | {_CHOSEN} [1d])))'
    sessions = users.replace("user_id", "session_id")
    spread = [events_of(users, "people"), events_of(sessions, "sessions", "B")]
    return [
        Panel(
            "Calls a day", "timeseries", HALF,
            [daily(total(CALLS, DAY, "skill_name", _CHOSEN), "{{skill_name}}")],
            "A skill that is adopted keeps its band; one that was tried has a single bar.",
            Look(nothing=_NO_CALLS, custom=_BARS),
        ),
        Panel(
            "People and sessions a day", "timeseries", HALF, [target | {"step": "1d"} for target in spread],
            "People are the agent's random user ids, one an installation.", Look(nothing=_NO_CALLS),
        ),
    ]  # fmt: skip


def _money() -> list[Panel]:
    spent, called = (folded(total(amounts, RANGE, "skill_name", _ANY)) for amounts in (COST, CALLS))
    per_call = f"{spent}\n  / ({called} > 0)"
    by_owner = f"sum by (owner) ({total(COST, RANGE, 'skill_name')} * on (skill_name) group_left (owner) {_OWNER_OF})"
    said = "A session's counters, folded: what came in each step, counters that began again included. "
    return [
        Panel(
            "Cost a day", "timeseries", HALF, [daily(total(COST, DAY, "skill_name", _CHOSEN), "{{skill_name}}")],
            f"{said}In US dollars, on a scale of its own.", Look("currencyUSD", custom=_BARS),
        ),
        Panel(
            "Tokens a day", "timeseries", HALF, [daily(total(TOKENS, DAY, "type", _CHOSEN), "{{type}}")],
            f"{said}By kind; tokens read from a cache cost a tenth.", Look("short", custom=_BARS),
        ),
        Panel(
            "Cost a call", "bargauge", HALF, [value_of(per_call) | {"legendFormat": "{{skill_name}}"}],
            "What a skill's sessions cost by its activations.", Look("currencyUSD", options=_ROWS),
        ),
        Panel(
            "Cost by owner", "bargauge", HALF, [value_of(by_owner) | {"legendFormat": "{{owner}}"}],
            "Skills of the catalog only; an empty name is a skill without an owner.",
            Look("currencyUSD", options=_ROWS),
        ),
    ]  # fmt: skip


_ROWS = {"orientation": "horizontal", "displayMode": "basic", "reduceOptions": _ONE["reduceOptions"]}


def _triggers() -> list[Panel]:
    return [
        Panel(
            "Trigger mix", "piechart", HALF,
            [value_of(total(CALLS, RANGE, "invocation_trigger", _CHOSEN)) | {"legendFormat": "{{invocation_trigger}}"}],
            "user-slash: somebody typed it. claude-proactive: the model chose it. nested-skill: another skill did.",
            Look(nothing=_NO_CALLS, options=_SLICES),
        ),
        Panel(
            "Triggers over time", "timeseries", HALF, [events_of(_activations("$__auto", "invocation_trigger"))],
            "A skill that is only ever typed is one whose description the model does not understand.",
            Look(nothing=_NO_CALLS, custom=_BARS),
        ),
    ]  # fmt: skip


def _results() -> list[Panel]:
    ran = total(TOOLS, RANGE, "tool_name", 'success="true"')
    tools = f"{ran}\n  / ({total(TOOLS, RANGE, 'tool_name')} > 0)"
    return [
        Panel(
            "Failure rate by skill", "bargauge", HALF,
            [value_of(_failure_rates(_CHOSEN)) | {"legendFormat": "{{skill_name}}"}],
            "Of the results that the skill reported itself (`catalog usage --print-hook`). A skill that reports none "
            "is not shown: that is unknown, not 0.", Look("percentunit", options=_ROWS),
        ),
        Panel(
            "Tools that ran", "bargauge", HALF, [value_of(tools) | {"legendFormat": "{{tool_name}}"}],
            "The platform's own success. It says that a tool ran: success=true includes a command with exit 1.",
            Look("percentunit", options=_ROWS),
        ),
    ]  # fmt: skip


def _versions() -> list[Panel]:
    return [
        Panel(
            "Versions of skills", "state-timeline", HALF,
            [series_of(f"max by (skill, version) ({LISTED})", "{{skill}} {{version}}")],
            "A new band begins where a skill changed and this dashboard was made anew.",
            Look(nothing="not listed", options={"mergeValues": True, "showValue": "never", "rowHeight": 0.8}),
        ),
        Panel(
            "Drift of targets", "state-timeline", HALF,
            [series_of("max by (target, status) (catalog_target_status) > 0", "{{target}} {{status}}")],
            "What `catalog drift --format metrics` said last, where something serves it.",
            Look(options={"mergeValues": True, "showValue": "never", "rowHeight": 0.8}),
        ),
        Panel(
            "Objects that drifted", "timeseries", HALF,
            [series_of(
                'sum by (target, state) (catalog_objects{state=~"drifted|conflict|missing|prune_conflict"})',
                "{{target}} {{state}}",
            )],
            "Edits on a runtime that git does not have.",
        ),
        Panel(
            "Since the last sync", "bargauge", HALF,
            [value_of("time() - max by (target) (catalog_target_last_success_timestamp_seconds)")
             | {"legendFormat": "{{target}}"}],
            "By target.", Look("s", options=_ROWS),
        ),
    ]  # fmt: skip


def _pipeline() -> list[Panel]:
    events = f'{SELECTOR} | event_name=~"{ACTIVATED}|{RESULT}" | {_CHOSEN}'
    return [
        Panel(
            "Collector", "stat", STAT, [value_of('min by (job) (up{job=~"agents|collector"})')],
            "1: it answers. While it does not, what agents send is lost.", Look(options=_ONE),
        ),
        Panel(
            "Results reported", "stat", STAT, [value_of(total(RESULTS, RANGE))],
            "How many runs said what came of them.", Look(options=_ONE),
        ),
        Panel(
            "Records an hour", "timeseries", Size(16, 8),
            [events_of(f"sum(count_over_time({SELECTOR} [1h]))", "records")],
            "All that agents told. Where this is empty, nothing else here means anything.",
            Look(nothing="nothing was heard"),
        ),
        Panel(
            "Latest events", "logs", WHOLE, [events_of(events)],
            "Activations and results as they came.",
            Look(options={"showTime": True, "enableLogDetails": True, "wrapLogMessage": True, "sortOrder": "Descending",
                          "dedupStrategy": "none", "showLabels": False, "showCommonLabels": False,
                          "prettifyLogMessage": False}),
        ),
    ]  # fmt: skip
