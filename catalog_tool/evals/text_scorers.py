"""Scorers that compare the answer's text. Each is pure: an expectation, an answer, a verdict."""

from __future__ import annotations

from catalog_tool.checks.expectations import Expectation
from catalog_tool.evals.answer import Answer
from catalog_tool.evals.json_answer import json_of, same_json
from catalog_tool.evals.scene import Scene, check, error, quoted
from catalog_tool.gate.evidence import Check
from catalog_tool.source.linear_pattern import judge, search_linear


def equals(expectation: Expectation, answer: Answer, _: Scene) -> Check:
    """The text is ``value``, white space around both aside; a ``value`` that is no text is compared as JSON."""
    value = expectation["value"]
    if isinstance(value, str):
        said, wanted = (text.strip() for text in _folded(expectation, answer.text, value))
        return check(expectation, holds=said == wanted, message=f"it is {quoted(answer.text)}")
    parsed = json_of(answer.text)
    if parsed.problem:
        return check(expectation, holds=False, message=parsed.problem)
    return check(expectation, holds=same_json(parsed.value, value), message=f"it is {quoted(answer.text)}")


def contains(expectation: Expectation, answer: Answer, _: Scene) -> Check:
    """``value``, or each text of the list ``value``, occurs."""
    missing = [text for text in _texts(expectation) if not _occurs(expectation, answer, text)]
    return check(expectation, holds=not missing, message=f"{quoted(missing[0] if missing else '')} does not occur")


def contains_any(expectation: Expectation, answer: Answer, _: Scene) -> Check:
    """At least one text of the list ``value`` occurs."""
    texts = _texts(expectation)
    found = any(_occurs(expectation, answer, text) for text in texts)
    return check(expectation, holds=found, message=f"none of {', '.join(map(quoted, texts))} occurs")


def starts_with(expectation: Expectation, answer: Answer, _: Scene) -> Check:
    """The text begins with ``value``, leading white space aside."""
    said, wanted = _folded(expectation, answer.text.lstrip(), expectation["value"])
    return check(expectation, holds=said.startswith(wanted), message=f"it begins {quoted(answer.text.lstrip()[:40])}")


def ends_with(expectation: Expectation, answer: Answer, _: Scene) -> Check:
    """The text ends with ``value``, trailing white space aside."""
    said, wanted = _folded(expectation, answer.text.rstrip(), expectation["value"])
    return check(expectation, holds=said.endswith(wanted), message=f"it ends {quoted(answer.text.rstrip()[-40:])}")


def regex(expectation: Expectation, answer: Answer, _: Scene) -> Check:
    """The pattern ``value`` is found, by an engine whose time is linear in the text."""
    found = search_linear(expectation["value"], answer.text)
    if found is None:
        return error(expectation, f"the pattern is not evaluated: {judge(expectation['value']).reason}")
    return check(expectation, holds=found, message=f"{quoted(expectation['value'])} is not found")


def _texts(expectation: Expectation) -> list[str]:
    value = expectation["value"]
    return [value] if isinstance(value, str) else list(value)


def _occurs(expectation: Expectation, answer: Answer, text: str) -> bool:
    said, wanted = _folded(expectation, answer.text, text)
    return wanted in said


def _folded(expectation: Expectation, said: str, wanted: str) -> tuple[str, str]:
    return (said.casefold(), wanted.casefold()) if expectation.get("ignore_case") else (said, wanted)
