"""``catalog eval`` for people: what did not pass first, then what it took."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from catalog_tool.evals.comparison import Comparison
from catalog_tool.evals.offline import PromptLook
from catalog_tool.evals.sample_runs import SampleRun
from catalog_tool.gate.evidence import ERROR, FAIL, PASS, SKIPPED, UNKNOWN, CaseResult, Check, Distribution, Evidence
from catalog_tool.report.escape import for_terminal
from catalog_tool.report.eval_json import mean_scores
from catalog_tool.report.findings_text import counted

SHOWN = 50
"""Cases that are listed; JSON and evidence have all."""
_WORDS = {PASS: "passed", FAIL: "failed", ERROR: "could not be judged", SKIPPED: "not asked", UNKNOWN: "undecided"}
_MARKS = {FAIL: "FAIL   ", ERROR: "ERROR  ", SKIPPED: "SKIPPED", UNKNOWN: "UNKNOWN"}


def evaluation_text(
    candidate: Evidence, baseline: Evidence | None, comparison: Comparison | None, written: Sequence[str]
) -> str:
    """A run against a model."""
    lines = [*_trouble(candidate), _headline(candidate), *_scores(candidate), *_performance(candidate)]
    lines.append(_taken(candidate))
    if baseline is not None and comparison is not None:
        lines += ["", f"baseline {_headline(baseline)}", *_scores(baseline), *_compared(comparison)]
    lines += [f"evidence: {for_terminal(path)}" for path in written]
    return "\n".join(lines)


def _headline(evidence: Evidence) -> str:
    counts = evidence.counts()
    found = ", ".join(f"{counts[outcome]} {word}" for outcome, word in _WORDS.items() if counts[outcome])
    subject = f"{evidence.prompt.id}@{evidence.prompt.version}"
    again = f", each {evidence.repetitions} times" if evidence.repetitions > 1 else ""
    how = " (replayed from the cache)" if evidence.origin == "replay" else ""
    said = f"{for_terminal(subject)} on {for_terminal(evidence.model.name)}{how}: "
    said += f"{counted(counts['total'], 'case')}{again}: {found or 'none'}"
    return said + (f"; stopped early: {for_terminal(evidence.stopped)}" if evidence.stopped else "")


def _trouble(evidence: Evidence) -> Iterator[str]:
    bad = [case for case in evidence.cases if case.outcome != PASS]
    for case in bad[:SHOWN]:
        marks = "".join([" (critical)" if case.critical else "", " (flaky, does not count)" if case.flaky else ""])
        yield f"{_MARKS[case.outcome]} {for_terminal(case.name)}{marks}"
        yield from _reasons(case)
    if len(bad) > SHOWN:
        yield f"and {len(bad) - SHOWN} more"


def _reasons(case: CaseResult) -> Iterator[str]:
    told = [check for check in case.checks if check.outcome != PASS]
    for check in told:
        yield f"        {_check(check)}"
    if not told and case.message:
        yield f"        {for_terminal(case.message)}"
    if len(case.repetitions) > 1:
        passed = case.repetitions.count(PASS)
        yield f"        passed {passed} of {len(case.repetitions)} times"


def _check(check: Check) -> str:
    return f"{for_terminal(check.type)}: {for_terminal(check.message or check.outcome)}"


def _scores(evidence: Evidence) -> Iterator[str]:
    for metric, mean in mean_scores(evidence).items():
        yield f"  {for_terminal(metric)}: {'not known' if mean is None else f'{mean:.3f}'}"


_SHOWN_MEASURES = {
    "latency_ms": ("latency", "ms"),
    "time_to_first_token_ms": ("first token after", "ms"),
    "time_between_tokens_ms": ("between tokens", "ms"),
    "tokens_per_second": ("pace", "tokens/s"),
}


def _performance(evidence: Evidence) -> Iterator[str]:
    for name, (words, unit) in _SHOWN_MEASURES.items():
        found = evidence.performance.get(name)
        if found is not None:
            yield f"  {words}: median {_spread(found, unit)}"


def _spread(found: Distribution, unit: str) -> str:
    return f"{found.median:.4g} {unit}, p90 {found.p90:.4g}, p99 {found.p99:.4g}"


def _taken(evidence: Evidence) -> str:
    usage = evidence.usage
    cost = "cost unknown" if usage.cost_usd is None else f"US$ {usage.cost_usd:.4f}"
    means = [evidence.performance.get(name) for name in ("input_tokens", "output_tokens")]
    mean = "" if None in means else " (a case: {:.0f} in, {:.0f} out)".format(*(m.mean for m in means if m))
    taken = f"{usage.input_tokens:,} tokens in, {usage.output_tokens:,} out{mean}"
    return f"  {counted(usage.requests, 'request')}, {usage.cached:,} from the cache, {taken}, {cost}"


def _compared(comparison: Comparison) -> Iterator[str]:
    regressed, fixed = len(comparison.regressed), len(comparison.fixed)
    yield f"against it: {regressed} worse, {fixed} better, {comparison.same} the same, {len(comparison.open)} open"
    for name in comparison.regressed[:SHOWN]:
        yield f"  worse: {for_terminal(name)}"
    for name in comparison.fixed[:SHOWN]:
        yield f"  better: {for_terminal(name)}"


def offline_text(looks: Sequence[PromptLook], written: Sequence[str]) -> str:
    """Level 0 of one prompt or of all."""
    lines = [line for look in looks for line in _look(look)]
    cases = sum(len(look.cases) for look in looks)
    bad = sum(case.outcome != PASS for look in looks for case in look.cases)
    bad += sum(check.outcome != PASS for look in looks for check in look.checks)
    lines.append(
        f"Looked at {counted(cases, 'case')} of {counted(len(looks), 'prompt')} without a model: "
        f"{counted(bad, 'problem') if bad else 'no problems'}."
    )
    return "\n".join([*lines, *(f"recorded: {for_terminal(path)}" for path in written)])


def _look(look: PromptLook) -> Iterator[str]:
    subject = for_terminal(f"{look.version.id}@{look.version.version}")
    yield from (f"{subject}: {_check(check)}" for check in _bad(look.checks))
    for case in look.cases:
        yield from (f"{subject}: {for_terminal(case.case.name)}: {_check(check)}" for check in _bad(case.checks))


def _bad(checks: Iterable[Check]) -> list[Check]:
    return [check for check in checks if check.outcome != PASS]


def samples_text(run: SampleRun) -> str:
    """The scoring of production samples."""
    tail = [f"{counted(run.unreadable, 'line')} could not be read"] if run.unreadable else []
    if run.waiting_for:
        head = f"{counted(run.new, 'new sample')}: waiting for {run.waiting_for}; nothing was scored"
        return "\n".join([head, *tail])
    lines = [
        f"  {for_terminal(version)} {for_terminal(metric)}: {total.mean:.3f} over {total.count}"
        for (version, metric), total in sorted(run.fresh.items())
    ]
    bad = sum(each.outcome != PASS for each in run.scored)
    head = f"scored {len(run.scored)} of {counted(run.new, 'new sample')}: {bad} did not pass"
    stop = [f"stopped early: {for_terminal(run.stopped)}"] if run.stopped else []
    return "\n".join([head, *lines, *tail, *stop])
