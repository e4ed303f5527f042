"""Prometheus alert rules of labels' watch policies (``catalog alerts``).

Rules name no version: they go through all versions under a label by ``prompt_version_id``, so that a promotion
needs no new rules. A bound against the stable version is one against the best version of the same prompt under
the same label, because Prometheus does not know which one is stable.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from catalog_tool.gate.watch_policy import COST, ERROR_RATE, LATENCY, SCORE, WatchPolicy, WatchRule
from catalog_tool.semconv import PROMPT_LABEL, PROMPT_NAME, PROMPT_VERSION_ID, REQUESTS, prometheus_name
from catalog_tool.usage import promql

PROMPT = prometheus_name(PROMPT_NAME)
LABEL = prometheus_name(PROMPT_LABEL)
BY = f"{PROMPT}, {PROMPT_VERSION_ID}"
_SHOWN = (f"{{{{ $labels.{PROMPT} }}}}", f"{{{{ $labels.{PROMPT_VERSION_ID} }}}}")
_TITLES = {
    ERROR_RATE: ("ErrorRate", "share of failed calls"),
    LATENCY: ("Latency", "seconds a call"),
    COST: ("Cost", "US dollars a call"),
    SCORE: ("Score", "mean score"),
}


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
        if rule.query is not None or rule.name not in _TITLES:
            continue
        enough = f"and on ({BY}) ({_samples(rule, label, policy.window)} >= {policy.min_samples})"
        for kind, comparison, words in _conditions(rule, _value(rule, label, policy.window), enough):
            title, unit = _TITLES[rule.name]
            yield Alert(
                name=f"CatalogPrompt{title}{kind}",
                label=label,
                expr=f"({comparison}) {enough}",
                hold=policy.hold,
                severity=policy.severity,
                summary=f"{_SHOWN[0]} {_SHOWN[1]} under {label}: {unit} {words}",
                description=f"measured over {policy.window // 60} minutes: {{{{ $value | humanize }}}}; to go back: "
                f"catalog rollback {_SHOWN[0]} --label {label} --live TARGET",
                runbook=policy.runbook,
            )


def skipped_rules(policy: WatchPolicy) -> list[str]:
    """The names of rules that no alert is made of."""
    return [rule.name for rule in policy.rules if rule.query is not None or rule.name not in _TITLES]


def rules_document(alerts: Mapping[str, list[Alert]]) -> dict[str, Any]:
    """The file of rules: one group a label."""
    return {
        "groups": [
            {"name": f"catalog-{label}", "rules": [alert.to_rule() for alert in found]}
            for label, found in sorted(alerts.items())
            if found
        ]
    }


def _selector(rule: WatchRule, label: str) -> str:
    if rule.name == SCORE:
        return f"metric={promql.quoted(rule.metric)}" if rule.metric is not None else f'{PROMPT}!=""'
    return f"{LABEL}={promql.quoted(label)}"


def _samples(rule: WatchRule, label: str, window: int) -> str:
    """Samples by version. Scores carry no label: only versions that are called under it count."""
    called = promql.grown(f"{prometheus_name(REQUESTS)}_total", f"{LABEL}={promql.quoted(label)}", window, BY)
    if rule.name != SCORE:
        return called
    return f"(({promql.scores(_selector(rule, label), window, BY)}) and on ({BY}) (({called}) > 0))"


def _value(rule: WatchRule, label: str, window: int) -> str:
    selector = _selector(rule, label)
    if rule.name == LATENCY:
        return promql.latency(selector, window, rule.quantile, BY)
    if rule.name == COST:
        return promql.cost(selector, window, BY)
    if rule.name == SCORE:
        return promql.score(selector, window, BY)
    metric = f"{prometheus_name(REQUESTS)}_total"
    called = promql.grown(metric, selector, window, BY)
    failed = promql.grown(metric, f'{selector},status=~"{promql.FAILED_STATUSES}"', window, BY)
    return f"(({failed}) or ({called}) * 0) / (({called}) > 0)"  # a version without errors has no series of them


def _conditions(rule: WatchRule, value: str, enough: str) -> Iterator[tuple[str, str, str]]:
    """A suffix of the name, the comparison that is true where the bound is broken, and the bound in words.

    ``enough`` keeps the versions with enough samples, of which the best is compared with.
    """
    against = f"on ({PROMPT}) group_left ()"
    known = f"by ({PROMPT}) (({value}) {enough})"
    if rule.max is not None:
        yield "", f"({value}) > {rule.max:.15g}", f"is above {rule.max:g}"
    if rule.min is not None:
        yield "Low", f"({value}) < {rule.min:.15g}", f"is below {rule.min:g}"
    if rule.max_increase is not None:
        words = f"is more than {rule.max_increase:g} above the best version's"
        yield "Worse", f"({value}) - {against} (min {known}) > {rule.max_increase:.15g}", words
    if rule.max_drop is not None:
        words = f"is more than {rule.max_drop:g} below the best version's"
        yield "Drop", f"({value}) - {against} (max {known}) < -{rule.max_drop:.15g}", words
    if rule.max_ratio is not None:
        words = f"is more than {rule.max_ratio:g} times the best version's"
        yield "Ratio", f"({value}) / {against} (min {known} > 0) > {rule.max_ratio:.15g}", words
