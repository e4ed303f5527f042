"""Scores new production samples out of band, and adds up what they scored by version id.

Scores that the application recorded with its samples count as it gave them, unless the evaluation gives
one of the same name itself.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from catalog_tool.checks.expectations import Expectation
from catalog_tool.evals.answer import Answer
from catalog_tool.evals.comparison import COULD_NOT
from catalog_tool.evals.golden import GoldenCase, GoldenSet
from catalog_tool.evals.judge import ModelJudge
from catalog_tool.evals.model_client import EmbeddingClient
from catalog_tool.evals.samples import Batch, Sample, Total, Totals, Watermark
from catalog_tool.evals.scene import Scene
from catalog_tool.evals.scorers import MEASUREMENT, RENDERING, SCORERS, metric_of, score_answer
from catalog_tool.evals.workers import Progress, work_through
from catalog_tool.gate.evidence import ERROR, FAIL, PASS, UNKNOWN, Check
from catalog_tool.gate.records import kept_text
from catalog_tool.model.limits import PARSED_FILE_BYTES
from catalog_tool.semconv import FEEDBACK, PROMPT_NAME, PROMPT_VERSION_ID, SCORE, prometheus_name

ALL_HOLD = "pass"
"""The metric that every scored sample gives: 1 where all that was asked of it holds, else 0."""
METRICS_A_VERSION = 100
"""Names of scores that are added up of one version: an application may have put anything into them."""
_FEEDBACK = "feedback"
_WORST_FIRST = (FAIL, ERROR, UNKNOWN, PASS)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredSample:
    """A sample with its verdicts; ``scores`` are the evaluation's, then those that were recorded."""

    sample: Sample
    outcome: str
    checks: tuple[Check, ...]
    scores: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleRun:
    """``new`` samples were there; ``fresh`` adds up this run's scores, ``mark`` is how far all runs came.

    ``waiting_for``: so many are needed before any is scored; 0 where they were.
    """

    new: int
    mark: Watermark
    waiting_for: int = 0
    scored: tuple[ScoredSample, ...] = ()
    fresh: Totals = field(default_factory=dict)
    unreadable: int = 0
    stopped: str | None = None

    @property
    def status(self) -> str:
        """``waiting``, ``indeterminate`` where something could not be judged, else ``done``: alerts judge scores."""
        if self.waiting_for:
            return "waiting"
        return COULD_NOT if self.stopped or any(each.outcome == ERROR for each in self.scored) else "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scoring:
    """By what samples are scored, and who is asked about them.

    ``parts`` maps a prompt version's digest to its parts; ``spent`` says which limit is reached, if one is.
    """

    expectations: tuple[Expectation, ...]
    parts: Mapping[str, Mapping[str, Any]]
    judge: ModelJudge | None = None
    embedding: EmbeddingClient | None = None
    threads: int = 4
    progress: Progress | None = None
    spent: Callable[[], str | None] = lambda: None


def for_samples(golden: GoldenSet, rubrics: Iterable[str]) -> tuple[Expectation, ...]:
    """What can be asked of a sample: what files expect of every case, and the rubrics that are named.

    What needs a measured request, or the prompt rendered, cannot.
    """
    shared = [item for item in golden.shared if _needs(item) not in (MEASUREMENT, RENDERING)]
    return (*shared, *({"type": "judge", "rubric": name} for name in rubrics))


def _needs(expectation: Expectation) -> str | None:
    scorer = SCORERS.get(expectation["type"])
    return scorer.needs if scorer else None


def score_samples(batch: Batch, mark: Watermark, scoring: Scoring) -> SampleRun:
    """Score the samples of a batch; ``mark`` moves to behind the last one that was.

    Where a budget ends the run, or most samples cannot be judged, those not scored are left for the next one.
    """
    scored = work_through(
        batch.samples, lambda each: _scored(each, scoring), threads=scoring.threads, progress=scoring.progress
    )
    stopped = scoring.spent() or _broken(scored)
    done = scored if stopped is None else _whole_ones(scored)
    complete = len(done) == len(scored)
    fresh = _totals_of(done, mark.totals)
    for verdict in batch.feedback if complete else ():
        key = (verdict.version_id or "", _FEEDBACK)
        fresh[key] = fresh.get(key, Total()).plus(verdict.score)
    offset = batch.end if complete else done[-1].sample.end if done else mark.offset
    moved = replace(mark, offset=offset, totals=_sum(mark.totals, fresh))
    return SampleRun(
        new=len(batch.samples),
        mark=moved,
        scored=tuple(done),
        fresh=fresh,
        unreadable=batch.unreadable,
        stopped=stopped,
    )


def _totals_of(scored: Sequence[ScoredSample], before: Totals) -> dict[tuple[str, str], Total]:
    """The scores added up; a name that is new to a version which has too many already is left out."""
    names = Counter(version for version, _ in before)
    fresh: dict[tuple[str, str], Total] = {}
    for each in scored:
        for metric, score in each.scores:
            key = (each.sample.version_id, metric)
            if key not in before and key not in fresh:
                if names[key[0]] >= METRICS_A_VERSION:
                    continue
                names[key[0]] += 1
            fresh[key] = fresh.get(key, Total()).plus(score)
    return fresh


def _broken(scored: Sequence[ScoredSample]) -> str | None:
    """Why the run as a whole says nothing: a judge that is down would use up the samples otherwise."""
    errors = [check.message for each in scored for check in each.checks if check.outcome == ERROR]
    broken = 2 * sum(each.outcome == ERROR for each in scored) > len(scored)
    return f"most samples could not be judged: {errors[0]}" if broken else None


def _whole_ones(scored: Sequence[ScoredSample]) -> list[ScoredSample]:
    """Those before the first that the end of the budget left without a verdict."""
    cut = next((at for at, each in enumerate(scored) if each.outcome == ERROR), len(scored))
    return list(scored[:cut])


def _sum(before: Totals, fresh: Totals) -> dict[tuple[str, str], Total]:
    keys = {*before, *fresh}
    none = Total()
    return {
        key: Total(
            count=before.get(key, none).count + fresh.get(key, none).count,
            sum=before.get(key, none).sum + fresh.get(key, none).sum,
        )
        for key in keys
    }


def _scored(sample: Sample, scoring: Scoring) -> ScoredSample:
    answer = _answer(sample.output)
    case = GoldenCase(name=sample.id, path="", variables=variables_of(sample), expect=scoring.expectations)
    scene = Scene(
        case=case,
        parts=scoring.parts.get(sample.digest, {}),
        messages=_messages(sample.given),
        judge=scoring.judge,
        embedding=scoring.embedding,
    )
    checks = tuple(score_answer(expectation, answer, scene) for expectation in scoring.expectations)
    outcomes = {check.outcome for check in checks}
    outcome = next((outcome for outcome in _WORST_FIRST if outcome in outcomes), PASS)
    metrics = [metric_of(expectation) for expectation in scoring.expectations]
    scores = [
        (metric, check.score)
        for metric, check in zip(metrics, checks, strict=True)
        if metric is not None and check.score is not None
    ]
    passed = [(ALL_HOLD, float(outcome == PASS))] if outcomes and outcome in (PASS, FAIL) else []
    ours = {*metrics, ALL_HOLD, _FEEDBACK}
    recorded = [(name, score) for name, score in sample.scores.items() if name not in ours]
    return ScoredSample(sample=sample, outcome=outcome, checks=checks, scores=(*scores, *passed, *recorded))


def variables_of(sample: Sample) -> Mapping[str, Any]:
    """The variables of a sample whose client recorded ``{"vars": {…}, "messages": […]}`` as its input."""
    given = sample.given.get("vars") if isinstance(sample.given, dict) else None
    return given if isinstance(given, dict) else {}


def _messages(given: Any) -> list[dict[str, Any]]:
    value = given.get("messages", given) if isinstance(given, dict) else given
    if isinstance(value, list) and all(isinstance(item, dict) and isinstance(item.get("role"), str) for item in value):
        return value
    return [{"role": "user", "content": value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}]


def _answer(output: Any) -> Answer:
    return Answer(text=output if isinstance(output, str) else json.dumps(output, ensure_ascii=False))


def metrics_text(prompt: str, totals: Totals) -> str:
    """All totals in Prometheus' text format (0.0.4), for a textfile collector or to be scraped as a file.

    One summary a name, told apart by prompt, version id and metric, as ``watch`` and alerts ask for it.
    """
    lines: list[str] = []
    for name, words in ((SCORE, "Judges' and rules' scores of production samples."), (FEEDBACK, "Users' feedback.")):
        chosen = {key: total for key, total in totals.items() if (key[1] == _FEEDBACK) == (name == FEEDBACK)}
        family = prometheus_name(name)
        lines += [f"# HELP {family} {words}", f"# TYPE {family} summary"] if chosen else []
        for (version, metric), total in sorted(chosen.items()):
            labels = f'{prometheus_name(PROMPT_NAME)}="{_label(prompt)}",{PROMPT_VERSION_ID}="{_label(version)}"'
            labels += f',metric="{_label(metric)}"' if name == SCORE else ""
            lines += [f"{family}_sum{{{labels}}} {total.sum!r}", f"{family}_count{{{labels}}} {total.count}"]
    return "\n".join(lines) + "\n" if lines else ""


def _label(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def golden_lines(run: SampleRun, batch: Batch) -> tuple[str, int]:
    """Golden cases as JSON lines of samples that did not pass, or that a user gave 0 or less, and how many could
    not become one: those whose client recorded no ``vars``. What has to hold is left for a person to write."""
    disliked = {verdict.sample for verdict in batch.feedback if verdict.score <= 0}
    lines: list[str] = []
    lacking = 0
    for each in run.scored:
        if each.outcome != FAIL and each.sample.id not in disliked:
            continue
        variables = variables_of(each.sample)
        if not variables:
            lacking += 1
            continue
        said = "; ".join(f"{check.type}: {check.message}" for check in each.checks if check.outcome == FAIL)
        case = {
            "name": f"sample {each.sample.id}",
            "vars": dict(variables),
            "tags": ["sample"],
            "notes": f"{each.sample.version_id} answered in production. {said or 'A user disliked it.'}",
        }
        lines.append(kept_text(json.dumps(case, ensure_ascii=False), PARSED_FILE_BYTES) + "\n")
    return "".join(lines), lacking


def append_text(path: Path, text: str) -> None:
    """Add lines to a file. Raises ``OSError``."""
    if text:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8", newline="\n") as file:
            file.write(text)
