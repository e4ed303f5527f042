"""Rules about prompts: what applications measure (``catalog_tool.client``), by prompt version, and the alerts on it."""

from __future__ import annotations

from collections.abc import Iterator

from catalog_tool import semconv
from catalog_tool.usage.kit.rule_file import Alert, Group, Recording, rule_file

SAID = "Prompt versions in use. Made by `catalog telemetry init`."
NAME = semconv.prometheus_name(semconv.PROMPT_NAME)
VERSION = f"{NAME}, {semconv.PROMPT_VERSION_ID}"
"""What series of one version are told apart by."""
_FAILED = f'{semconv.STATUS}!~"ok|cancelled"'
QUANTILES = ("0.5", "0.95", "0.99")
TIMES = {
    "duration": semconv.DURATION,
    "time_to_first_token": semconv.TIME_TO_FIRST_TOKEN,
    "time_between_tokens": semconv.TIME_BETWEEN_TOKENS,
}
MEANS = {"score": semconv.SCORE, "feedback": semconv.FEEDBACK}
ERRORS, SLOW, WORSE, TOOLS, SPIKE = 0.05, 2, 0.8, 0.2, 3
FEW = 20
"""Requests in half an hour, or verdicts in an hour, below which a rate or a mean says nothing."""


def series(name: str) -> str:
    """A recorded series of prompt versions: ``prompt_version:duration:5m``."""
    return f"prompt_version:{name}:5m"


def counter(name: str) -> str:
    """A counter of ``semconv`` in Prometheus."""
    return f"{semconv.prometheus_name(name)}_total"


def prompt_rules() -> str:
    """The rule file."""
    recorded = [*_counts(), *_shares(), *_quantiles(), *_means()]
    return rule_file(SAID, [Group("prompts", "1m", recorded), Group("prompt-alerts", "1m", list(_alerts()))])


def rate(name: str, where: str = "", by: str = VERSION, over: str = "5m") -> str:
    """What a counter grew by a second, by version."""
    chosen = f"{{{where}}}" if where else ""
    return f"sum by ({by}) (rate({counter(name)}{chosen}[{over}]))"


def _share(part: str, whole: str) -> str:
    """``part`` of ``whole``, 0 where there is a whole and no part."""
    return f"({part} or {whole} * 0)\n  / ({whole} > 0)"


def _counts() -> Iterator[Recording]:
    yield Recording(series("requests"), rate(semconv.REQUESTS))
    yield Recording(series("input_tokens"), rate(semconv.INPUT_TOKENS))
    yield Recording(series("output_tokens"), rate(semconv.OUTPUT_TOKENS))
    yield Recording(series("cost_usd"), rate(semconv.COST))
    yield Recording("prompt:cost_usd:1h", rate(semconv.COST, by=NAME, over="1h"))


def _shares() -> Iterator[Recording]:
    yield Recording(series("error_ratio"), _share(rate(semconv.REQUESTS, _FAILED), rate(semconv.REQUESTS)))
    yield Recording(series("unpriced_ratio"), _share(rate(semconv.UNPRICED), rate(semconv.REQUESTS)))
    ok = f'{semconv.STATUS}="ok"'
    yield Recording(series("tool_ok_ratio"), _share(rate(semconv.TOOL_CALLS, ok), rate(semconv.TOOL_CALLS)))
    yield Recording(
        series("output_input_ratio"), f"{series('output_tokens')}\n  / ({series('input_tokens')} > 0)"
    )  # fmt: skip


def _quantiles() -> Iterator[Recording]:
    for name, metric in TIMES.items():
        bucket = f"{semconv.prometheus_name(metric)}_seconds_bucket"
        for quantile in QUANTILES:
            yield Recording(series(name), _quantile(quantile, bucket), {"quantile": quantile})
    bucket = f"{semconv.prometheus_name(semconv.TOKENS_PER_SECOND)}_bucket"
    yield Recording(series("tokens_per_second"), _quantile("0.5", bucket), {"quantile": "0.5"})
    whole = f"{semconv.prometheus_name(semconv.DURATION)}_seconds_bucket"
    yield Recording("prompt:duration:1h", _quantile("0.95", whole, NAME, "1h"), {"quantile": "0.95"})


def _quantile(quantile: str, bucket: str, by: str = VERSION, over: str = "5m") -> str:
    return f"histogram_quantile({quantile}, sum by (le, {by}) (rate({bucket}[{over}])))"


def _means() -> Iterator[Recording]:
    for name, metric in MEANS.items():
        found = semconv.prometheus_name(metric)
        for level, by in (("prompt_version", VERSION), ("prompt", NAME)):
            pair = [f"sum by ({by}) (rate({found}_{part}[1h]))" for part in ("sum", "count")]
            yield Recording(f"{level}:{name}:1h", f"{pair[0]}\n  / ({pair[1]} > 0)")


def _alerts() -> Iterator[Alert]:
    version = "{{ $labels." + NAME + " }} {{ $labels." + semconv.PROMPT_VERSION_ID + " }}"
    enough = f"and sum by ({VERSION}) (increase({counter(semconv.REQUESTS)}[30m])) >= {FEW}"
    yield Alert(
        "PromptErrors", f"{series('error_ratio')} > {ERRORS}\n{enough}", "10m", "warning",
        f"{version}: {{{{ $value | humanizePercentage }}}} of the calls fail",
        "Errors, time-outs, rate limits and refusals; calls that were cancelled do not count.",
    )  # fmt: skip
    slow = (
        f'{series("duration")}{{quantile="0.95"}}\n  > on ({NAME}) group_left () {SLOW} * prompt:duration:1h offset 1d'
    )
    yield Alert(
        "PromptSlow", f"{slow}\n{enough.replace('and', f'and on ({VERSION})', 1)}", "10m", "warning",
        f"{version}: one call in twenty takes more than {{{{ $value | humanizeDuration }}}}",
        f"That is more than {SLOW} times what the prompt took at this hour yesterday.",
    )  # fmt: skip
    yield Alert(
        "PromptToolsFail", f"1 - {series('tool_ok_ratio')} > {TOOLS}", "10m", "warning",
        f"{version}: {{{{ $value | humanizePercentage }}}} of the tools it calls fail",
        "The application says so by call.tool(ok=False).",
    )  # fmt: skip
    for name, what in (("score", "Judges give"), ("feedback", "Users give")):
        usual = f"avg_over_time(prompt:{name}:1h[1w] offset 1d)"
        verdicts = f"sum by ({VERSION}) (increase({semconv.prometheus_name(MEANS[name])}_count[1h]))"
        yield Alert(
            f"Prompt{name.capitalize()}Drop",
            f"prompt_version:{name}:1h\n  < on ({NAME}) group_left () {WORSE} * {usual}\n"
            f"and on ({VERSION}) {verdicts} >= {FEW}", "30m", "warning",
            f'{version}: {what.lower()} {{{{ printf "%.2f" $value }}}}',
            f"That is below {WORSE:.0%} of the mean that the prompt had in the week before.",
        )  # fmt: skip
    yield _cost_spike()


def _cost_spike() -> Alert:
    """Nights and weekends make a mean that every working hour exceeds: compared is the dearest hour."""
    cost = "prompt:cost_usd:1h"
    expr = "\n".join((
        f"{cost} * 3600 > {SPIKE} * 3600 * max_over_time({cost}[1w] offset 1d)",
        f"and {cost} * 3600 > 1",
        f"and present_over_time({cost}[2d] offset 1w)",
    ))  # fmt: skip
    return Alert(
        "PromptCostSpike", expr, "30m", "warning",
        "{{ $labels." + NAME + ' }} costs {{ printf "%.2f" $value }} dollars an hour',
        f"That is more than {SPIKE} times the dearest hour of the week before.",
    )  # fmt: skip
