"""The panels about prompt versions: every number that applications measure, one beside the other."""

from __future__ import annotations

from catalog_tool import semconv
from catalog_tool.usage.kit.panels import (
    HALF,
    NOT_REPORTED,
    WHOLE,
    Look,
    Panel,
    Section,
    column,
    field,
    largest_first,
    merged,
    series_of,
)
from catalog_tool.usage.kit.prompt_rules import NAME, VERSION, counter, series

_ID = semconv.PROMPT_VERSION_ID
_CHOSEN = f'{NAME}=~"$prompt"'
_LEGEND = f"{{{{{NAME}}}}} {{{{{_ID}}}}}"
_RANGE = "$__range"


def prompt_section() -> Section:
    """All panels about prompts."""
    return Section("Prompt versions", [_table(), *_over_time()])


def _grown(name: str, where: str = "") -> str:
    chosen = ", ".join(filter(None, (_CHOSEN, where)))
    return f"sum by ({VERSION}) (increase({counter(name)}{{{chosen}}}[{_RANGE}]))"


def _share(part: str, whole: str) -> str:
    return f"({part} or {whole} * 0) / ({whole} > 0)"


def _quantile(name: str, quantile: str, unit: str = "_seconds") -> str:
    bucket = f"{semconv.prometheus_name(name)}{unit}_bucket"
    return f"histogram_quantile({quantile}, sum by (le, {VERSION}) (increase({bucket}{{{_CHOSEN}}}[{_RANGE}])))"


def _mean(name: str) -> str:
    found = semconv.prometheus_name(name)
    pair = [f"sum by ({VERSION}) (increase({found}_{part}{{{_CHOSEN}}}[{_RANGE}]))" for part in ("sum", "count")]
    return f"{pair[0]} / ({pair[1]} > 0)"


_NUMBERS = {
    "requests": ("none", _grown(semconv.REQUESTS)),
    "errors": ("percentunit", _share(_grown(semconv.REQUESTS, 'status!~"ok|cancelled"'), _grown(semconv.REQUESTS))),
    "p50": ("s", _quantile(semconv.DURATION, "0.5")),
    "p95": ("s", _quantile(semconv.DURATION, "0.95")),
    "p99": ("s", _quantile(semconv.DURATION, "0.99")),
    "first token p95": ("s", _quantile(semconv.TIME_TO_FIRST_TOKEN, "0.95")),
    "between tokens p95": ("s", _quantile(semconv.TIME_BETWEEN_TOKENS, "0.95")),
    "tokens/s": ("none", _quantile(semconv.TOKENS_PER_SECOND, "0.5", "")),
    "tokens in": ("short", _grown(semconv.INPUT_TOKENS)),
    "tokens out": ("short", _grown(semconv.OUTPUT_TOKENS)),
    "out/in": ("none", f"{_grown(semconv.OUTPUT_TOKENS)} / ({_grown(semconv.INPUT_TOKENS)} > 0)"),
    "tools ok": ("percentunit", _share(_grown(semconv.TOOL_CALLS, 'status="ok"'), _grown(semconv.TOOL_CALLS))),
    "score": ("none", _mean(semconv.SCORE)),
    "feedback": ("none", _mean(semconv.FEEDBACK)),
    "cost": ("currencyUSD", _grown(semconv.COST)),
    "no price": ("percentunit", _share(_grown(semconv.UNPRICED), _grown(semconv.REQUESTS))),
}
"""Column → its unit and its expression, over the dashboard's time."""


def _table() -> Panel:
    refs = {name: chr(ord("A") + place) for place, name in enumerate(_NUMBERS)}
    names = {NAME: "prompt", _ID: "version"} | {f"Value #{ref}": name for name, ref in refs.items()}
    return Panel(
        "Versions side by side", "table", WHOLE,
        [column(refs[name], expr) for name, (_, expr) in _NUMBERS.items()],
        "Every version that was called. What an application does not measure is not reported, which is not 0.",
        Look(
            options=largest_first("requests"),
            overrides=[field(name, unit, NOT_REPORTED) for name, (unit, _) in _NUMBERS.items()],
        ),
        merged(names),
    )  # fmt: skip


def _over_time() -> list[Panel]:
    def panel(title: str, name: str, said: str, look: Look, where: str = "") -> Panel:
        chosen = ", ".join(filter(None, (_CHOSEN, where)))
        legend = f"{_LEGEND} {{{{quantile}}}}" if "quantile" in where else _LEGEND
        return Panel(title, "timeseries", HALF, [series_of(f"{series(name)}{{{chosen}}}", legend)], said, look)

    tail, seconds = 'quantile=~"0.5|0.95|0.99"', Look("s")
    measured = [
        panel("Requests", "requests", "Calls a second.", Look("reqps")),
        panel("Errors", "error_ratio", "Share of calls that failed; cancelled ones do not count.", Look("percentunit")),
        panel("Latency", "duration", "The whole call.", seconds, tail),
        panel("Time to first token", "time_to_first_token", "Of calls that stream.", seconds, tail),
        panel("Time between tokens", "time_between_tokens", "Of calls that stream.", seconds, tail),
        panel("Tokens per second", "tokens_per_second", "The median of single calls.", Look(), 'quantile="0.5"'),
        panel("Input tokens", "input_tokens", "A second.", Look("short")),
        panel("Output tokens", "output_tokens", "A second.", Look("short")),
        panel("Output by input tokens", "output_input_ratio", "A prompt that grows, or answers that do.", Look()),
        panel("Tool calls that succeeded", "tool_ok_ratio", "As the application said.", Look("percentunit")),
        panel("Cost", "cost_usd", "US dollars a second, of the calls with a known price.", Look("currencyUSD")),
        panel("Calls without a known price", "unpriced_ratio", "They are no part of the cost.", Look("percentunit")),
    ]
    means = [
        Panel(
            title, "timeseries", HALF, [series_of(f"prompt_version:{name}:1h{{{_CHOSEN}}}", _LEGEND)],
            "The mean of an hour, 0 to 1.",
        )
        for title, name in (("Judges' scores", "score"), ("Feedback", "feedback"))
    ]  # fmt: skip
    return measured + means
