"""Scorers of what an answer took: tokens, US dollars, milliseconds. What was not measured is an error, not 0."""

from __future__ import annotations

from catalog_tool.checks.expectations import Expectation
from catalog_tool.evals.answer import Answer
from catalog_tool.evals.scene import Scene, check, error
from catalog_tool.gate.evidence import Check


def max_tokens(expectation: Expectation, answer: Answer, _: Scene) -> Check:
    """The answer takes at most ``value`` tokens, by the server's count."""
    return _at_most(expectation, answer.tokens.output if answer.tokens else None, "tokens", "the server counts none")


def max_cost(expectation: Expectation, answer: Answer, scene: Scene) -> Check:
    """Question and answer cost at most ``value`` US dollars."""
    if scene.price is None:
        return error(expectation, "the price of the model is unknown: name it with --prices")
    cost = scene.price.of(answer.tokens) if answer.tokens else None
    return _at_most(expectation, cost, "US dollars", "the server counts no tokens")


def max_latency(expectation: Expectation, answer: Answer, _: Scene) -> Check:
    """The whole answer is there within ``value`` milliseconds."""
    return _at_most(expectation, answer.timing.latency_ms if answer.timing else None, "ms", "it was not measured")


def max_time_to_first_token(expectation: Expectation, answer: Answer, _: Scene) -> Check:
    """The first token is there within ``value`` milliseconds; measured where answers are streamed."""
    first = answer.timing.first_token_ms if answer.timing else None
    return _at_most(expectation, first, "ms", "it is measured with --stream only")


def _at_most(expectation: Expectation, measured: float | None, unit: str, missing: str) -> Check:
    if measured is None:
        return error(expectation, f"not known: {missing}")
    most = expectation["value"]
    return check(expectation, holds=measured <= most, message=f"{measured:g} {unit}, at most {most:g} are allowed")
