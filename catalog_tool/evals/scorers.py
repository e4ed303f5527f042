"""Every type of expectation: a plain table. Whatever is not in it is an error, never a pass."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from catalog_tool.evals import json_scorers, judge, measure_scorers, retrieval, rubrics, similarity, text_scorers
from catalog_tool.evals.answer import Answer
from catalog_tool.evals.golden import Expectation
from catalog_tool.evals.scene import Look, Scene, Score, error
from catalog_tool.gate.evidence import FAIL, PASS, Check

JUDGE, EMBEDDING, MEASUREMENT, RENDERING = "judge", "embedding", "measurement", "rendering"
"""What a type needs besides the answer's text: another model, a measured request, or no model at all."""
MAX_INPUT_TOKENS = "max_input_tokens"
_ALWAYS = ("type", "name")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scorer:
    """``score`` gives the verdict, ``problem`` says what is wrong with an expectation as written.

    ``metric``: the type gives a score that counts as a metric, under the expectation's ``name`` or this. ``takes``
    are its keys besides those of every type.
    """

    score: Score
    problem: Look
    needs: str | None = None
    metric: str | None = None
    takes: frozenset[str] = frozenset()


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


def _of(score: Score, problem: Look, needs: str | None = None, metric: str | None = None, *, takes: str) -> Scorer:
    return Scorer(score=score, problem=problem, needs=needs, metric=metric, takes=frozenset(takes.split()))


_TEXT, _TEXTS = text_scorers.text_problem, text_scorers.texts_problem
_NUMBER = measure_scorers.number_problem
_CASED = "value ignore_case"

SCORERS: Mapping[str, Scorer] = {
    "equals": _of(text_scorers.equals, text_scorers.value_problem, takes=_CASED),
    "not_equals": _of(_not(text_scorers.equals), text_scorers.value_problem, takes=_CASED),
    "contains": _of(text_scorers.contains, _TEXTS, takes=_CASED),
    "contains_any": _of(text_scorers.contains_any, _TEXTS, takes=_CASED),
    "not_contains": _of(_not(text_scorers.contains_any), _TEXTS, takes=_CASED),
    "starts_with": _of(text_scorers.starts_with, _TEXT, takes=_CASED),
    "not_starts_with": _of(_not(text_scorers.starts_with), _TEXT, takes=_CASED),
    "ends_with": _of(text_scorers.ends_with, _TEXT, takes=_CASED),
    "not_ends_with": _of(_not(text_scorers.ends_with), _TEXT, takes=_CASED),
    "regex": _of(text_scorers.regex, text_scorers.regex_problem, takes=_CASED),
    "not_regex": _of(_not(text_scorers.regex), text_scorers.regex_problem, takes=_CASED),
    "is_json": _of(json_scorers.is_json, json_scorers.no_problem, takes=""),
    "json_schema": _of(json_scorers.json_schema, json_scorers.schema_problem, takes="value"),
    "json_path": _of(json_scorers.json_path, json_scorers.path_problem, takes="path value schema"),
    "tool_called": _of(json_scorers.tool_called, json_scorers.tool_problem, takes="value arguments schema"),
    "not_tool_called": _of(_not(json_scorers.tool_called), json_scorers.tool_problem, takes="value arguments schema"),
    "similarity": _of(
        similarity.similarity, similarity.similarity_problem, EMBEDDING, "similarity", takes="value threshold"
    ),
    "judge": _of(judge.judge, rubrics.rubric_problem, JUDGE, "judge", takes="rubric reference context votes threshold"),
    "faithfulness": _of(
        retrieval.faithfulness, retrieval.context_problem, JUDGE, "faithfulness", takes="context threshold"
    ),
    "context_precision": _of(
        retrieval.context_precision,
        retrieval.context_problem,
        JUDGE,
        "context_precision",
        takes="context value threshold",
    ),
    "context_recall": _of(
        retrieval.context_recall, retrieval.recall_problem, JUDGE, "context_recall", takes="context value threshold"
    ),
    "crag": _of(retrieval.crag, retrieval.reference_problem, JUDGE, "crag", takes="value threshold"),
    "max_tokens": _of(measure_scorers.max_tokens, _NUMBER, MEASUREMENT, takes="value"),
    "max_cost": _of(measure_scorers.max_cost, _NUMBER, MEASUREMENT, takes="value"),
    "max_latency": _of(measure_scorers.max_latency, _NUMBER, MEASUREMENT, takes="value"),
    "max_time_to_first_token": _of(measure_scorers.max_time_to_first_token, _NUMBER, MEASUREMENT, takes="value"),
    MAX_INPUT_TOKENS: _of(_rendered_only, _NUMBER, RENDERING, takes="value"),
}
"""By the expectation's ``type``."""


def needs_model(expectation: Expectation) -> bool:
    """Whether an answer is needed to judge by it."""
    scorer = SCORERS.get(expectation["type"])
    return scorer is None or scorer.needs != RENDERING


def problem_of(expectation: Expectation, parts: Mapping[str, Any]) -> str:
    """What is wrong with an expectation as written, for a prompt with these parts; empty: nothing."""
    scorer = SCORERS.get(expectation["type"])
    if scorer is None:
        near = difflib.get_close_matches(expectation["type"], SCORERS, n=1)
        return f"there is no expectation {expectation['type']!r}" + (f", did you mean {near[0]}?" if near else "")
    return (
        _key_problem(expectation, scorer)
        or scorer.problem(expectation, parts)
        or _threshold_problem(expectation)
        or _votes_problem(expectation)
    )


def _key_problem(expectation: Expectation, scorer: Scorer) -> str:
    """A key that says nothing here was meant to say something: passed over, it would leave a weaker test."""
    known = sorted({*_ALWAYS, *scorer.takes})
    strange = next((key for key in expectation if key not in known and not key.startswith("x-")), None)
    if strange is None:
        return ""
    near = difflib.get_close_matches(strange, known, n=1)
    taken = f"did you mean `{near[0]}`?" if near else f"it takes {', '.join(sorted(scorer.takes)) or 'no more'}"
    return f"`{strange[:40]}` says nothing here: {taken}"


def _threshold_problem(expectation: Expectation) -> str:
    threshold = expectation.get("threshold", 0)
    return "" if -1 <= threshold <= 1 else "`threshold` is from -1 to 1"


def _votes_problem(expectation: Expectation) -> str:
    votes = expectation.get("votes", 1)
    is_count = isinstance(votes, int) and not isinstance(votes, bool) and 1 <= votes <= 15
    return "" if is_count else "`votes` is from 1 to 15"


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
