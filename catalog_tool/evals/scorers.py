"""Every type of expectation: a plain table. Whatever is not in it is an error, never a pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from catalog_tool.checks.expectations import Expectation, problem_of
from catalog_tool.evals import json_scorers, judge, measure_scorers, retrieval, rubrics, similarity, text_scorers
from catalog_tool.evals.answer import Answer
from catalog_tool.evals.scene import Scene, Score, error
from catalog_tool.gate.evidence import FAIL, PASS, Check

JUDGE, EMBEDDING, MEASUREMENT, RENDERING = "judge", "embedding", "measurement", "rendering"
"""What a type needs besides the answer's text: another model, a measured request, or no model at all."""
MAX_INPUT_TOKENS = "max_input_tokens"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scorer:
    """``score`` gives the verdict; ``needs`` is what the type needs besides the answer's text.

    ``metric``: the type gives a score that counts as a metric, under the expectation's ``name`` or this.
    """

    score: Score
    needs: str | None = None
    metric: str | None = None


def _not(score: Score) -> Score:
    """The opposite verdict; what could not be found out stays so."""

    def opposite(expectation: Expectation, answer: Answer, scene: Scene) -> Check:
        found = score(expectation, answer, scene)
        if found.outcome == PASS:
            return replace(found, outcome=FAIL, message="it does")
        return replace(found, outcome=PASS, message=None) if found.outcome == FAIL else found

    return opposite


def _rendered_only(expectation: Expectation, _: Answer, __: Scene) -> Check:
    """Judged without a model (``level_zero``); nothing about the answer."""
    return Check(type=expectation["type"], outcome=PASS)


def _of(score: Score, needs: str | None = None, metric: str | None = None) -> Scorer:
    return Scorer(score=score, needs=needs, metric=metric)


SCORERS: Mapping[str, Scorer] = {
    "equals": _of(text_scorers.equals),
    "not_equals": _of(_not(text_scorers.equals)),
    "contains": _of(text_scorers.contains),
    "contains_any": _of(text_scorers.contains_any),
    "not_contains": _of(_not(text_scorers.contains_any)),
    "starts_with": _of(text_scorers.starts_with),
    "not_starts_with": _of(_not(text_scorers.starts_with)),
    "ends_with": _of(text_scorers.ends_with),
    "not_ends_with": _of(_not(text_scorers.ends_with)),
    "regex": _of(text_scorers.regex),
    "not_regex": _of(_not(text_scorers.regex)),
    "is_json": _of(json_scorers.is_json),
    "json_schema": _of(json_scorers.json_schema),
    "json_path": _of(json_scorers.json_path),
    "tool_called": _of(json_scorers.tool_called),
    "not_tool_called": _of(_not(json_scorers.tool_called)),
    "similarity": _of(similarity.similarity, EMBEDDING, "similarity"),
    "judge": _of(judge.judge, JUDGE, "judge"),
    "faithfulness": _of(retrieval.faithfulness, JUDGE, "faithfulness"),
    "context_precision": _of(retrieval.context_precision, JUDGE, "context_precision"),
    "context_recall": _of(retrieval.context_recall, JUDGE, "context_recall"),
    "crag": _of(retrieval.crag, JUDGE, "crag"),
    "max_tokens": _of(measure_scorers.max_tokens, MEASUREMENT),
    "max_cost": _of(measure_scorers.max_cost, MEASUREMENT),
    "max_latency": _of(measure_scorers.max_latency, MEASUREMENT),
    "max_time_to_first_token": _of(measure_scorers.max_time_to_first_token, MEASUREMENT),
    MAX_INPUT_TOKENS: _of(_rendered_only, RENDERING),
}
"""By the expectation's ``type``; how each is written stands in ``checks.expectations``, under the same names."""


def needs_model(expectation: Expectation) -> bool:
    """Whether an answer is needed to judge by it."""
    scorer = SCORERS.get(expectation["type"])
    return scorer is None or scorer.needs != RENDERING


def score_answer(expectation: Expectation, answer: Answer, scene: Scene) -> Check:
    """The verdict on one answer. An expectation that cannot be understood is an error."""
    problem = problem_of(expectation, scene.parts)
    return error(expectation, problem) if problem else SCORERS[expectation["type"]].score(expectation, answer, scene)


def metric_of(expectation: Expectation) -> str | None:
    """The name of the metric that an expectation's scores count for; None: it gives none."""
    scorer = SCORERS.get(expectation["type"])
    if scorer is None or scorer.metric is None:
        return None
    if isinstance(expectation.get("name"), str):
        return str(expectation["name"])
    rubric = expectation.get("rubric")
    return rubric if scorer.metric == "judge" and isinstance(rubric, str) and rubric in rubrics.READY else scorer.metric
