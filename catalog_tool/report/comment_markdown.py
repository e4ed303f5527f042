"""The comment on a pull request, put together from the documents that the commands gave.

What decides comes first: errors, gates, evaluations; then what changed; then, folded, what a merge would write
and what only warns; of each kind the worst first. Where all that is too long, each kind keeps a share.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from catalog_tool.gate.decision import ALLOW, DENY, INDETERMINATE
from catalog_tool.gate.sample import per_cent
from catalog_tool.gate.statistics import wilson
from catalog_tool.report.comment_room import Section, within
from catalog_tool.report.diff_markdown import code, prose
from catalog_tool.report.escape import for_actions_log, for_markdown, inline_code
from catalog_tool.report.findings_text import counted
from catalog_tool.report.plan_markdown import plan_markdown

FINDINGS = 20
CASES = 20
CONFIDENCE = 0.95
_GATES = {DENY: "may not have it", INDETERMINATE: "may not have it yet", ALLOW: "may have it"}
_OUTCOMES = {"fail": "✗", "indeterminate": "?", "pass": "✓", "info": "·"}
_EVALUATIONS = {
    "fail": "**failed**", "indeterminate": "could not be judged", "unknown": "undecided", "waiting": "waiting",
    "done": "scored", "pass": "passed",
}  # fmt: skip
_PLANS = ("blocked", "stale", "superseded", "partial", "planned", "done", "unchanged")


class Source(NamedTuple):
    """Where a comment comes from: the catalog's id, the target or empty, the commit, the run's address."""

    catalog: str
    target: str
    commit: str
    run_url: str


class Documents(NamedTuple):
    """What the commands said. ``report`` is ``catalog diff --format markdown``; None: it was not asked."""

    changes: Mapping[str, Any] | None = None
    findings: Mapping[str, Any] | None = None
    plans: Sequence[Mapping[str, Any]] = ()
    evaluations: Sequence[Mapping[str, Any]] = ()
    gates: Sequence[Mapping[str, Any]] = ()
    report: str = ""

    @property
    def has_changes(self) -> bool:
        """Whether there is anything to say; a comparison that failed, or that was not made, counts as something."""
        status = "error" if self.changes is None else self.changes["status"]
        return status != "same" or (self.findings is not None and self.findings["status"] != "ok")


def comment_markdown(source: Source, documents: Documents, limit: int) -> str:
    """The comment without its marker, at most ``limit`` bytes; ends with a line feed."""
    end = _footer(source)
    text = _title(source)
    if not documents.has_changes:
        return f"{text}Nothing left: this pull request changes nothing of what prompts, skills and labels mean.\n{end}"
    return text + within([*_above(documents), *_below(documents)], limit - len((text + end).encode())) + end


def _title(source: Source) -> str:
    target = f", target {for_markdown(source.target)}" if source.target else ""
    return f"### Catalog {for_markdown(source.catalog)}{target}\n\n"


def _footer(source: Source) -> str:
    commit = f"of {inline_code(source.commit[:12])}" if source.commit else ""
    run = f"[run]({source.run_url})" if source.run_url else ""
    said = " · ".join(filter(None, (commit, run)))
    return f"\n<sub>{said}</sub>\n" if said else ""


def _above(documents: Documents) -> Iterator[Section]:
    if documents.findings is not None:
        yield Section("errors", 3, "`catalog validate`", [_joined(_errors(documents.findings))])
    gates = [_joined(_gate(gate)) for gate in sorted(documents.gates, key=_harm_of_gate)]
    yield Section("gates", 5, "`catalog gate ID VERSION --label LABEL`", gates)
    evaluations = [_joined(_evaluation(each)) for each in _worst_first(documents.evaluations, [*_EVALUATIONS])]
    yield Section("evaluations", 3, "`catalog eval ID@VERSION`", [*filter(None, evaluations)])
    failed = _failed(documents.changes, "The change could not be compared") if documents.changes is not None else ""
    report = f"{documents.report}\n" if documents.report and not documents.report.endswith("\n") else documents.report
    yield Section("changes", 6, "`catalog diff`", [failed + report])


def _below(documents: Documents) -> Iterator[Section]:
    plans = [
        "\n" + (_failed(plan, "The target could not be planned for") or plan_markdown(plan))
        for plan in _worst_first(documents.plans, _PLANS)
    ]
    yield Section("plans", 3, "`catalog plan TARGET`", plans)
    if documents.findings is not None:
        yield Section("warnings", 1, "`catalog validate`", [_joined(_warnings(documents.findings))])


def _worst_first(found: Sequence[Mapping[str, Any]], order: Sequence[str]) -> list[Mapping[str, Any]]:
    """A command that failed says nothing of what it was asked: that comes first."""
    return sorted(found, key=lambda each: -1 if each.get("error") else order.index(each["status"]))


def _harm_of_gate(document: Mapping[str, Any]) -> tuple[bool, int]:
    """What is enforced comes first."""
    return _is_free(document), -1 if document.get("error") else [*_GATES].index(document["status"])


def _is_free(document: Mapping[str, Any]) -> bool:
    """Whether a gate's answer is that of the defaults, for a label without a gate."""
    return document.get("policy", "") is None


def _joined(lines: Iterator[str]) -> str:
    text = "\n".join(lines)
    return for_actions_log(f"{text}\n\n") if text else ""


def _failed(document: Mapping[str, Any], what: str) -> str:
    """The sentence for a command that gave an error instead of its document."""
    error = document.get("error")
    if error is None:
        return ""
    hint = f" ({prose(str(error['hint']))})" if error.get("hint") else ""
    return f"**{what}:** {prose(str(error['message']))}{hint}\n\n"


def _errors(document: Mapping[str, Any]) -> Iterator[str]:
    failed = _failed(document, "The catalog could not be checked")
    if failed:
        yield failed.rstrip("\n")
    yield from _listed(document, "error", "**The catalog has {}**")


def _warnings(document: Mapping[str, Any]) -> Iterator[str]:
    lines = list(_listed(document, "warning", "<details><summary>{}</summary>"))
    if lines:
        yield from ("", *lines, "", "</details>")


def _listed(document: Mapping[str, Any], severity: str, head: str) -> Iterator[str]:
    found = [item for item in document.get("findings", ()) if item["severity"] == severity]
    if not found:
        return
    yield head.format(counted(len(found), severity))
    yield ""
    lines = Counter(_finding(item) for item in found)
    for line, times in [*lines.items()][:FINDINGS]:
        yield f"- {line}{f' ({times} times)' if times > 1 else ''}"
    if len(lines) > FINDINGS:
        yield f"- … and {len(lines) - FINDINGS} more, in the log and in the annotations"


def _finding(item: Mapping[str, Any]) -> str:
    where = item["path"] or ""
    where += f":{item['line']}" if item["path"] and item["line"] else ""
    hint = f" ({prose(item['hint'])})" if item["severity"] == "error" and item.get("hint") else ""
    return f"{f'{code(where)} ' if where else ''}{item['code']} {prose(item['message'])}{hint}"


def _gate(document: Mapping[str, Any]) -> Iterator[str]:
    failed = _failed(document, "The gate could not be asked")
    if failed:
        yield failed.rstrip("\n")
        return
    candidate = document.get("candidate") or {}
    name = code(f"{document.get('prompt', '')}@{candidate.get('version', '')}")
    label, verdict = for_markdown(str(document.get("label", ""))), _GATES[document["status"]]
    if not _is_free(document):
        yield f"**Gate of {label}:** {name} **{verdict}**"
        yield ""
        yield from _reasons(document)
        return
    yield f"**{label} has no gate:** by the defaults {name} {verdict}; nothing enforces that"
    yield ""
    yield f"<details><summary>{counted(len(document['reasons']), 'reason')}</summary>"
    yield from ("", *_reasons(document), "", "</details>")


def _reasons(document: Mapping[str, Any]) -> Iterator[str]:
    for outcome, mark in _OUTCOMES.items():
        for reason in document["reasons"]:
            if reason["outcome"] == outcome:
                yield f"- {mark} {for_markdown(str(reason['rule']))}: {prose(str(reason['message']))}"


def _evaluation(document: Mapping[str, Any]) -> Iterator[str]:
    failed = _failed(document, "The evaluation could not be run")
    if failed:
        yield failed.rstrip("\n")
        return
    if document["mode"] == "level0":
        yield from _level_zero(document)
        return
    prompt = document.get("prompt") or {}
    name = code(f"{prompt.get('id', '')}@{prompt.get('version', '')}")
    model = for_markdown(str((document.get("model") or {}).get("name", "")))
    yield f"**Evaluation {_EVALUATIONS[document['status']]}:** {name} on {model}, {_counts(document)}"
    yield ""
    yield from _rate(document)
    yield from _scores(document)
    yield from _compared(document.get("comparison"))


def _counts(document: Mapping[str, Any]) -> str:
    counts = document.get("counts") or {}
    found = [f"{number} {name}" for name, number in counts.items() if number and name != "total"]
    return f"{counted(int(counts.get('total', 0)), 'case')}: {', '.join(found) or 'none'}"


def _rate(document: Mapping[str, Any]) -> Iterator[str]:
    """The share of decided cases that passed, how sure that is, and the baseline's."""
    passed, decided = _decided(document)
    if not decided:
        return
    sure = wilson(passed, decided, CONFIDENCE)
    said = f"{per_cent(passed / decided)} of {counted(decided, 'decided case')}"
    interval = f"{100 * CONFIDENCE:.0f} % interval {per_cent(sure.low)} to {per_cent(sure.high)}"
    before, of = _decided(document.get("baseline") or {})
    yield f"Pass rate: {said} ({interval}){f'; the baseline: {per_cent(before / of)}' if of else ''}."
    yield ""


def _decided(document: Mapping[str, Any]) -> tuple[int, int]:
    """How many cases passed, and how many passed or failed."""
    counts = document.get("counts") or {}
    passed = int(counts.get("pass", 0))
    return passed, passed + int(counts.get("fail", 0))


def _scores(document: Mapping[str, Any]) -> Iterator[str]:
    """Each metric with its change against the baseline."""
    before = (document.get("baseline") or {}).get("scores") or {}
    rows = list((document.get("scores") or {}).items())
    if not rows:
        return
    yield "| metric | score | change |"
    yield "| --- | --- | --- |"
    for metric, score in rows[:CASES]:
        was = before.get(metric)
        change = "" if score is None or was is None else f"{score - was:+.3f}"
        yield f"| {for_markdown(str(metric))} | {'not known' if score is None else f'{score:.3f}'} | {change} |"
    yield ""


def _compared(comparison: Mapping[str, Any] | None) -> Iterator[str]:
    if not comparison:
        return
    regressed, fixed = comparison["regressed"], comparison["fixed"]
    yield f"Against the baseline: {len(regressed)} worse, {len(fixed)} better, {comparison['same']} the same."
    yield ""
    yield from (f"- worse: {for_markdown(str(name))}" for name in regressed[:CASES])
    if len(regressed) > CASES:
        yield f"- … and {len(regressed) - CASES} more"


def _level_zero(document: Mapping[str, Any]) -> Iterator[str]:
    bad = [
        (f"{look['prompt']['id']}@{look['prompt']['version']}", part.get("name", ""), check)
        for look in document.get("prompts", ())
        for part in (look, *look["cases"])
        for check in part["checks"]
        if check["outcome"] not in ("pass", "skipped")
    ]
    if not bad:
        return
    yield f"**Golden tests, without a model: {counted(len(bad), 'problem')}**"
    yield ""
    for name, case, check in bad[:CASES]:
        where = f"{code(name)} {for_markdown(str(case))}".strip()
        said = prose(str(check["message"] or check["outcome"]))
        yield f"- {where}: {for_markdown(str(check['type']))}: {said}"
    if len(bad) > CASES:
        yield f"- … and {len(bad) - CASES} more"
