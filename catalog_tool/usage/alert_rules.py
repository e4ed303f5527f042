"""Prometheus alert rules of labels' watch policies (``catalog alerts``).

Rules name no version: they go through all versions under a label by ``prompt_version_id``, so that a promotion
needs no new rules. A bound against the stable version is one against the best version of the same prompt under
the same label, because Prometheus does not know which one is stable.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from catalog_tool.gate.watch_policy import COST, ERROR_RATE, LATENCY, SCORE, WatchPolicy, WatchRule
from catalog_tool.semconv import PROMPT_LABEL, PROMPT_NAME, PROMPT_VERSION_ID, prometheus_name
from catalog_tool.usage import promql
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
_TITLES = {
    ERROR_RATE: ("ErrorRate", "share of failed calls"),
    LATENCY: ("Latency", "seconds a call"),
    COST: ("Cost", "US dollars a call"),
    SCORE: ("Score", "mean score"),
}
_SHOWN = (f"{{{{ $labels.{PROMPT} }}}}", f"{{{{ $labels.{PROMPT_VERSION_ID} }}}}")


UNKNOWN = "Unknown"
"""What the alert is called that says only that nothing can be said."""
_NAME_PRICES = "calls without a price; pass `cost_usd` to `call.usage`, 0 where a call is free"


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
                description=f"measured over {policy.window // 60} minutes: {{{{ $value | humanize }}}}; "
                + (_NAME_PRICES if kind == UNKNOWN else f"to go back: {back}"),
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


def _conditions(rule: WatchRule, label: str, least: int, window: int) -> Iterator[tuple[str, str, str]]:
    """A suffix of the name, what is true where the bound is broken on enough samples, and the bound in words."""
    value = _of(VALUES[rule.name], label)
    enough = f"and on ({BY}) {_of(SCORES if rule.name == SCORE else CALLS, label)} >= {least}"

    def against(sign: str, best: str) -> str:
        return f"{value} {sign} on ({PROMPT}) group_left () {best} by ({PROMPT}) ({value} {enough})"

    if rule.name == COST:
        unpriced = promql.unpriced(_scope(label, window), f"{BY}, {LABEL}")
        yield UNKNOWN, f"({unpriced}) > 0 {enough}", "is not known: calls without a price"
    if rule.max is not None:
        yield "", f"{value} > {rule.max:.15g} {enough}", f"is above {rule.max:g}"
    if rule.min is not None:
        yield "Low", f"{value} < {rule.min:.15g} {enough}", f"is below {rule.min:g}"
    if rule.max_increase is not None:
        words = f"is more than {rule.max_increase:g} above the best version's"
        yield "Worse", f"{against('-', 'min')} > {rule.max_increase:.15g} {enough}", words
    if rule.max_drop is not None:
        words = f"is more than {rule.max_drop:g} below the best version's"
        yield "Drop", f"{against('-', 'max')} < -{rule.max_drop:.15g} {enough}", words
    if rule.max_ratio is not None:
        words = f"is more than {rule.max_ratio:g} times the best version's"
        yield "Ratio", f"{against('/', 'min')} > {rule.max_ratio:.15g} {enough}", words
