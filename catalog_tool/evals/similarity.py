"""How near an answer is in meaning to a reference, by the embedding model that the run names."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from catalog_tool.checks.expectations import Expectation
from catalog_tool.evals.answer import Answer, BadAnswerError
from catalog_tool.evals.courier import AskError
from catalog_tool.evals.scene import Scene, check, error
from catalog_tool.gate.evidence import Check

THRESHOLD = 0.8


def cosine(one: Sequence[float], other: Sequence[float]) -> float:
    """The cosine of two vectors' angle, from -1 to 1. Raises ``BadAnswerError`` where one has no direction."""
    if len(one) != len(other):
        raise BadAnswerError("the vectors differ in length")
    length = math.hypot(*one) * math.hypot(*other)
    if not length:
        raise BadAnswerError("a vector has no direction")
    return max(-1.0, min(1.0, math.fsum(a * b for a, b in zip(one, other, strict=True)) / length))


def similarity(expectation: Expectation, answer: Answer, scene: Scene) -> Check:
    """The nearest of the references ``value`` is at least ``threshold`` near, by cosine."""
    if scene.embedding is None:
        return error(expectation, "no embedding model is given: --embedding-model")
    value = expectation["value"]
    references = [value] if isinstance(value, str) else value
    if not answer.text.strip():
        return replace(check(expectation, holds=False, message="the answer is empty"), score=0.0)
    try:
        said, *others = scene.embedding.embed([answer.text, *references])
        score = max(cosine(said, other) for other in others)
    except (AskError, BadAnswerError) as problem:
        return error(expectation, str(problem))
    threshold = expectation.get("threshold", THRESHOLD)
    message = f"{score:.3f}, at least {threshold:g} is wanted"
    return check(expectation, holds=score >= threshold, message=message, score=round(score, 6))
