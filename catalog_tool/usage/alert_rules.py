"""Prometheus alert rules of labels' watch policies (``catalog alerts``).

Rules name no version: they go through all versions under a label by ``prompt_version_id``, so that a promotion
needs no new rules. A bound against the stable version is one against the best version of the same prompt under
the same label, because Prometheus does not know which one is stable.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from statistics import NormalDist
from typing import Any, NamedTuple

from catalog_tool.gate.watch_policy import COST, ERROR_RATE, LATENCY, SCORE, WatchPolicy, WatchRule
from catalog_tool.semconv import LONGEST_SECONDS, PROMPT_LABEL, PROMPT_NAME, PROMPT_VERSION_ID, prometheus_name
from catalog_tool.usage import promql
from catalog_tool.usage.live_watch import CONFIDENCE
from catalog_tool.usage.promql import Scope

PROMPT = prometheus_name(PROMPT_NAME)
LABEL = prometheus_name(PROMPT_LABEL)
BY = f"{PROMPT}, {PROMPT_VERSION_ID}"
MEASURED = "catalog:prompt_measured"
"""Recorded: prompts that were seen before the window, by all their series of calls."""
CALLS, SCORES = "catalog:prompt_calls", "catalog:prompt_scores"
"""Recorded: samples of a version within the window."""
VALUES = {
    ERROR_RATE: "catalog:prompt_error_rate",
    LATENCY: "catalog:prompt_latency_seconds",
    COST: "catalog:prompt_cost_usd",
    SCORE: "catalog:prompt_score",
}
"""Recorded: what each rule is about."""
LOW = "catalog:prompt_error_rate_low"
"""Recorded: the lower bound of the error rate, which ``watch`` judges by too."""
_TITLES = {
    ERROR_RATE: ("ErrorRate", "share of failed calls"),
    LATENCY: ("Latency", "seconds a call"),
    COST: ("Cost", "US dollars a call"),
    SCORE: ("Score", "mean score"),
}
_UNITS = ((86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))
_SHOWN = (f"{{{{ $labels.{PROMPT} }}}}", f"{{{{ $labels.{PROMPT_VERSION_ID} }}}}")


UNKNOWN = "Unknown"
"""What the alert is called that says only that nothing can be said."""
_DOUBTS = {
    COST: "calls without a price; pass `cost_usd` to `call.usage`, 0 where a call is free",
    LATENCY: "it may be any number of seconds above this",
}


class Recording(NamedTuple):
    """A series that alerts build on."""

    name: str
    label: str
    expr: str

    def to_rule(self) -> dict[str, Any]:
        """As Prometheus reads it."""
        return {"record": self.name, "expr": self.expr, "labels": {LABEL: self.label}}


class Alert(NamedTuple):
    """One alert of one label; ``hold`` is its ``for`` in seconds."""

    name: str
    label: str
    expr: str
    hold: int
    severity: str
    summary: str
    description: str
    runbook: str | None

    def to_rule(self) -> dict[str, Any]:
        """As Prometheus reads it."""
        annotations = {"summary": self.summary, "description": self.description}
        if self.runbook is not None:
            annotations["runbook_url"] = self.runbook
        return {
            "alert": self.name,
            "expr": self.expr,
            "for": f"{self.hold}s",
            "labels": {"severity": self.severity, LABEL: self.label},
            "annotations": annotations,
        }


def alerts_of(label: str, policy: WatchPolicy) -> Iterator[Alert]:
    """Every alert of a label. A rule with a query of its own has none: it is asked version by version."""
    for rule in policy.rules:
        if not _is_alerted(rule):
            continue
        title, unit = _TITLES[rule.name]
        back = f"catalog rollback {_SHOWN[0]} --label {label} --live TARGET"
        for kind, expr, words in _conditions(rule, label, policy.min_samples, policy.window):
            yield Alert(
                name=f"CatalogPrompt{title}{kind}",
                label=label,
                expr=expr,
                hold=policy.hold,
                severity=policy.severity if kind != UNKNOWN else _at_most_warning(policy.severity),
                summary=f"{_SHOWN[0]} {_SHOWN[1]} under {label}: {unit} {words}",
                description=f"measured over {_duration(policy.window)}: {{{{ $value | humanize }}}}; "
                + (_DOUBTS[rule.name] if kind == UNKNOWN else f"to go back: {back}"),
                runbook=policy.runbook,
            )


def recordings_of(label: str, policy: WatchPolicy) -> Iterator[Recording]:
    """What the alerts of a label read; evaluated before them, because a group goes from top to bottom."""
    rules = [rule for rule in policy.rules if _is_alerted(rule)]
    scope = _scope(label, policy.window)
    if rules:
        yield Recording(MEASURED, label, promql.measured_before("", policy.window))
        yield Recording(CALLS, label, promql.requests(scope, f"{BY}, {LABEL}"))
    for rule in rules:
        if rule.name == SCORE:
            chosen = f"metric={promql.quoted(rule.metric)}" if rule.metric is not None else f'{PROMPT}!=""'
            scored = scope._replace(matchers=chosen)  # scores carry no label
            under = f"and on ({BY}) {_of(CALLS, label)} > 0"
            yield Recording(SCORES, label, f"({promql.scores(scored, BY)}) {under}")
            yield Recording(VALUES[SCORE], label, f"{promql.score(scored, BY)} {under}")
        else:
            yield Recording(VALUES[rule.name], label, _value(rule, label, scope))
        if rule.name == ERROR_RATE:
            yield Recording(LOW, label, _wilson_low(_of(VALUES[ERROR_RATE], label), _of(CALLS, label)))


def skipped_rules(policy: WatchPolicy) -> list[str]:
    """The names of rules that no alert is made of."""
    return [rule.name for rule in policy.rules if not _is_alerted(rule)]


def rules_document(policies: Mapping[str, WatchPolicy]) -> dict[str, Any]:
    """The file of rules: one group a label."""
    groups = []
    for label, policy in sorted(policies.items()):
        rules: list[Recording | Alert] = [*recordings_of(label, policy), *alerts_of(label, policy)]
        if rules:
            groups.append({"name": f"catalog-{label}", "rules": [rule.to_rule() for rule in rules]})
    return {"groups": groups}


def _duration(seconds: int) -> str:
    """``10 minutes``, ``90 seconds``: in the largest unit that leaves nothing over."""
    unit, name = next(found for found in _UNITS if seconds % found[0] == 0)
    return f"{seconds // unit} {name}{'s' if seconds != unit else ''}"


def _at_most_warning(severity: str) -> str:
    return "warning" if severity == "critical" else severity


def _is_alerted(rule: WatchRule) -> bool:
    return rule.query is None and rule.name in _TITLES


def _of(recorded: str, label: str) -> str:
    return f"{recorded}{{{LABEL}={promql.quoted(label)}}}"


def _scope(label: str, window: int) -> Scope:
    return Scope(f"{LABEL}={promql.quoted(label)}", window, _of(MEASURED, label))


def _value(rule: WatchRule, label: str, scope: Scope) -> str:
    by, calls = f"{BY}, {LABEL}", _of(CALLS, label)
    if rule.name == LATENCY:
        return promql.latency(scope, rule.quantile, by)
    if rule.name == COST:
        unknown = f"unless on ({by}) ({promql.unpriced(scope, by)}) > 0"
        return f"({promql.dollars(scope, by)}) / ({calls} > 0) {unknown}"
    return f"(({promql.failures(scope, by)}) or {calls} * 0) / ({calls} > 0)"  # without errors there is no series


def _wilson_low(rate: str, calls: str) -> str:
    """``gate.statistics.wilson``'s lower bound; a share is never above 1, also where ``increase`` says so."""
    z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    share = f"clamp_max({rate}, 1)"
    middle = f"{share} + {z * z / 2:.15g} / {calls}"
    half = f"{z:.15g} * sqrt({share} * (1 - {share}) / {calls} + {z * z / 4:.15g} / {calls} ^ 2)"
    return f"({middle} - {half}) / (1 + {z * z:.15g} / {calls}) and {rate} > 0 or {rate}"


def _conditions(rule: WatchRule, label: str, least: int, window: int) -> Iterator[tuple[str, str, str]]:
    """A suffix of the name, what is true where the bound is broken on enough samples, and the bound in words."""
    value = _of(VALUES[rule.name], label)
    enough = f"and on ({BY}) {_of(SCORES if rule.name == SCORE else CALLS, label)} >= {least}"
    low, shown = (_of(LOW, label), f"{value} and on ({BY}) ") if rule.name == ERROR_RATE else (value, "")

    def against(sign: str, best: str) -> str:
        return f"{sign} on ({PROMPT}) group_left () {best} by ({PROMPT}) ({value} {enough})"

    if rule.name == COST:
        unpriced = promql.unpriced(_scope(label, window), f"{BY}, {LABEL}")
        yield UNKNOWN, f"({unpriced}) > 0 {enough}", "is not known: calls without a price"
    if rule.name == LATENCY and rule.compares:
        yield UNKNOWN, f"{value} == {LONGEST_SECONDS:g} {enough}", f"is not told apart above {LONGEST_SECONDS:g}"
    if rule.max is not None:
        yield "", f"{shown}{low} > {rule.max:.15g} {enough}", f"is above {rule.max:g}"
    if rule.min is not None:
        yield "Low", f"{value} < {rule.min:.15g} {enough}", f"is below {rule.min:g}"
    if rule.max_increase is not None:
        words = f"is more than {rule.max_increase:g} above the best version's"
        yield "Worse", f"{shown}{low} {against('-', 'min')} > {rule.max_increase:.15g} {enough}", words
    if rule.max_drop is not None:
        words = f"is more than {rule.max_drop:g} below the best version's"
        yield "Drop", f"{value} {against('-', 'max')} < -{rule.max_drop:.15g} {enough}", words
    if rule.max_ratio is not None:
        words = f"is more than {rule.max_ratio:g} times the best version's"
        best = f"min by ({PROMPT}) ({_taken(rule, label)} {enough})"
        yield "Ratio", f"{shown}{low} / on ({PROMPT}) group_left () {best} > {rule.max_ratio:.15g} {enough}", words


def _taken(rule: WatchRule, label: str) -> str:
    """What a ratio is taken of; a version none of whose calls failed might have had one that did, as in ``watch``."""
    value = _of(VALUES[rule.name], label)
    one = f"1 / {_of(CALLS, label)}"
    return f"({value} >= {one} or {one})" if rule.name == ERROR_RATE else value
