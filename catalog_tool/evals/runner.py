"""Runs the golden cases of one prompt version against a model, and makes evidence of what it finds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from catalog_tool import __version__
from catalog_tool.canonical.identity import restore_order
from catalog_tool.canonical.jcs import digest_of
from catalog_tool.checks.expectations import Expectation, rubric_problem
from catalog_tool.clock import now
from catalog_tool.evals.answer import Answer, Question
from catalog_tool.evals.budget import Budget
from catalog_tool.evals.courier import AskError
from catalog_tool.evals.golden import GoldenCase, GoldenSet
from catalog_tool.evals.judge import PROMPT_VERSION, ModelJudge
from catalog_tool.evals.level_zero import look_at
from catalog_tool.evals.measurements import MEASURED, performance
from catalog_tool.evals.model_client import EmbeddingClient, ModelClient, Tally
from catalog_tool.evals.prices import Price
from catalog_tool.evals.rubrics import rubric_of
from catalog_tool.evals.scene import Scene
from catalog_tool.evals.scorers import EMBEDDING, JUDGE, SCORERS, metric_of, needs_model, score_answer
from catalog_tool.evals.workers import Progress, work_through
from catalog_tool.gate.evidence import (
    ERROR,
    FAIL,
    PASS,
    REPLAY,
    RUN,
    SKIPPED,
    UNKNOWN,
    CaseResult,
    Check,
    Evidence,
    Judge,
    Metric,
    Model,
    Subject,
    Usage,
    settled,
)
from catalog_tool.gate.records import kept_text
from catalog_tool.model.prompt import PromptVersion
from catalog_tool.template.messages import CompiledPrompt, compile_prompt

_WORST_FIRST = (FAIL, ERROR, UNKNOWN, PASS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """Whom to ask, and how often. ``model`` is the name that is asked for, ``price`` its price, None: unknown.

    ``tally`` counts what the model took, ``judges`` what judges and embeddings did. ``policy`` is for the record.
    """

    client: ModelClient
    model: str
    budget: Budget
    tally: Tally
    judges: Tally = field(default_factory=Tally)
    price: Price | None = None
    judge: ModelJudge | None = None
    embedding: EmbeddingClient | None = None
    repetitions: int = 1
    threads: int = 4
    progress: Progress | None = None
    policy: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One case, asked once. ``stops``: nothing more will be asked, for this reason."""

    outcome: str
    checks: tuple[Check, ...] = ()
    answer: Answer | None = None
    message: str | None = None
    stops: str | None = None
    scores: tuple[tuple[str, float | None], ...] = ()


@dataclass(slots=True)
class _Run:
    """One version's evaluation while it runs."""

    asking: Asking
    parts: dict[str, Any]
    prompt: CompiledPrompt
    stopped: AskError | None = field(default=None)

    def attempt(self, case: GoldenCase, repetition: int) -> Attempt:
        looked = look_at(self.prompt, self.parts, case, None)
        failed = tuple(check for check in looked.checks if check.outcome != PASS)
        if looked.messages is None or failed:
            return Attempt(outcome=_worst(failed), checks=failed)
        if not any(needs_model(expectation) for expectation in case.expect):
            return Attempt(outcome=PASS, checks=looked.checks)
        if self.stopped is not None:
            return Attempt(outcome=SKIPPED, message=f"not asked: {self.stopped}")
        question = Question(
            model=self.asking.model,
            messages=looked.messages,
            params=self.parts.get("params", {}),
            tools=self.parts.get("tools", ()),
            output_schema=self.parts.get("output_schema", {}),
        )
        try:
            answer = self.asking.client.ask(question, repetition).answer
        except AskError as problem:
            return self._unanswered(problem)
        return self._judged(case, looked.messages, answer)

    def _unanswered(self, problem: AskError) -> Attempt:
        if problem.stops is not None:
            self.stopped = self.stopped or problem
        message = str(problem) if problem.asked else f"not asked: {problem}"
        return Attempt(outcome=ERROR if problem.asked else SKIPPED, message=message, stops=problem.stops)

    def _judged(self, case: GoldenCase, messages: Sequence[dict[str, Any]], answer: Answer) -> Attempt:
        asking = self.asking
        scene = Scene(
            case=case,
            parts=self.parts,
            messages=messages,
            price=asking.price,
            judge=asking.judge,
            embedding=asking.embedding,
        )
        checks = [_kept(score_answer(expectation, answer, scene)) for expectation in case.expect]
        named = [(metric_of(expectation), check.score) for expectation, check in zip(case.expect, checks, strict=True)]
        scores = tuple((metric, score) for metric, score in named if metric is not None)
        return Attempt(outcome=_worst(checks), checks=tuple(checks), answer=answer, scores=scores)


def evaluate(version: PromptVersion, golden: GoldenSet, asking: Asking) -> Evidence:
    """Ask every case that expects something, ``repetitions`` times, and judge the answers.

    Whatever fails on the way is an outcome of its case: only a template that cannot be read raises
    (``TemplateError``). Cases come in the dataset's order, whichever answered first.
    """
    started, sent, uncounted = now(), asking.budget.requests, asking.budget.uncounted
    scored = golden.scored()
    parts = restore_order(version.decoded())
    run = _Run(asking, parts, compile_prompt(parts))
    jobs = [(case, repetition) for case in scored.cases for repetition in range(asking.repetitions)]
    attempts = work_through(jobs, lambda job: run.attempt(*job), threads=asking.threads, progress=asking.progress)
    grouped = [attempts[at : at + asking.repetitions] for at in range(0, len(attempts), asking.repetitions)]
    cases = tuple(case_result(case, found) for case, found in zip(scored.cases, grouped, strict=True))
    answers = [attempt.answer for attempt in attempts if attempt.answer is not None]
    usage = _usage(asking, asking.budget.requests - sent, asking.budget.uncounted - uncounted)
    return Evidence(
        prompt=Subject(id=version.id, version=version.version, digest=version.digest),
        dataset=scored.dataset(),
        model=_model(parts, asking),
        cases=cases,
        started_at=started,
        finished_at=max(now(), started),
        endpoint=asking.client.kind,
        judge=judge_of(scored, asking),
        policy=asking.policy,
        origin=REPLAY if answers and not usage.requests else RUN,
        repetitions=asking.repetitions,
        metrics=_metrics(cases),
        performance=performance(answers, asking.price),
        usage=usage,
        stopped=run.stopped.stops if run.stopped else None,
        tool=f"catalog-tool {__version__}",
    )


def case_result(case: GoldenCase, attempts: Sequence[Attempt]) -> CaseResult:
    """What the repetitions of a case come to. Its checks are those of a repetition that shows the outcome."""
    outcomes = tuple(attempt.outcome for attempt in attempts)
    outcome = settled(outcomes, critical=case.critical)
    shown = next((attempt for attempt in attempts if attempt.outcome == outcome), attempts[0])
    telling = next((check for check in shown.checks if check.outcome == outcome), None)
    said = shown.message or (f"{telling.type}: {telling.message}" if telling and telling.message else None)
    return CaseResult(
        name=kept_text(case.name, 400),
        outcome=outcome,
        critical=case.critical,
        flaky=case.flaky,
        repetitions=outcomes,
        scores=_scores(attempts),
        checks=shown.checks,
        message=None if outcome == PASS or said is None else kept_text(said),
    )


def _scores(attempts: Iterable[Attempt]) -> dict[str, float | None]:
    """A metric's mean over all that gave a number; None where it was looked for and none did."""
    found: dict[str, list[float]] = {}
    for attempt in attempts:
        for metric, score in attempt.scores:
            found.setdefault(metric, []).extend([] if score is None else [score])
    return {metric: round(sum(values) / len(values), 6) if values else None for metric, values in found.items()}


def _worst(checks: Sequence[Check]) -> str:
    """One failed expectation fails an answer, whatever else could not be found out; no check at all passes nothing."""
    outcomes = {check.outcome for check in checks}
    return next((outcome for outcome in _WORST_FIRST if outcome in outcomes), ERROR)


def _kept(check: Check) -> Check:
    return check if check.message is None else replace(check, message=kept_text(check.message))


def _metrics(cases: Iterable[CaseResult]) -> dict[str, Metric]:
    return {metric: Metric() for case in cases for metric in case.scores} | dict(MEASURED)


def _model(parts: dict[str, Any], asking: Asking) -> Model:
    declared = parts.get("model", {})
    return Model(
        name=asking.model,
        provider=declared.get("provider"),
        declared=declared.get("name"),
        answered_as=tuple(sorted(asking.tally.answered_as)),
    )


def _usage(asking: Asking, requests: int, uncounted: int) -> Usage:
    tallies = (asking.tally, asking.judges)
    unpriced = uncounted > 0 or any(tally.unpriced for tally in tallies)
    return Usage(
        requests=requests,
        cached=sum(tally.answered_from_cache for tally in tallies),
        input_tokens=sum(tally.input_tokens for tally in tallies),
        output_tokens=sum(tally.output_tokens for tally in tallies),
        cost_usd=None if unpriced else round(sum(tally.cost_usd for tally in tallies), 9),
    )


def needed(golden: GoldenSet, kind: str) -> list[Expectation]:
    """The expectations that need a judge or an embedding model."""
    found = (expectation for case in golden.cases for expectation in case.expect)
    return [item for item in found if item["type"] in SCORERS and SCORERS[item["type"]].needs == kind]


def judge_of(golden: GoldenSet, asking: Asking) -> Judge:
    """What gave the scores: models, form, usual votes, and every rubric or task that was judged by."""
    judged, embedded = needed(golden, JUDGE), needed(golden, EMBEDDING)
    models = ([asking.judge.model] if asking.judge and judged else []) + (
        [asking.embedding.model] if asking.embedding and embedded else []
    )
    if not judged and not embedded:
        return Judge()
    rubrics = {
        rubric.name + digest_of(rubric.to_json())[7:19]: rubric.to_json()
        for rubric in (rubric_of(item) for item in judged if item["type"] == "judge" and not rubric_problem(item, {}))
    }
    document = {
        "hv": 1,
        "kind": "judge",
        "wording": PROMPT_VERSION,
        "form": asking.judge.form if asking.judge else None,
        "votes": asking.judge.usual_votes if asking.judge else None,
        "models": list(models),
        "types": sorted({item["type"] for item in (*judged, *embedded)}),
        "rubrics": rubrics,
    }
    return Judge(digest=digest_of(document), models=tuple(models))
