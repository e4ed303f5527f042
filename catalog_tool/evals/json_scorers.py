"""Scorers that read the answer as JSON, and those that look at the tools it calls."""

from __future__ import annotations

from typing import Any

from catalog_tool.checks.expectations import Expectation
from catalog_tool.checks.json_path import BadPathError, find
from catalog_tool.evals.answer import Answer, ToolCall
from catalog_tool.evals.json_answer import covers, json_of, same_json
from catalog_tool.evals.scene import Scene, check, error, quoted
from catalog_tool.gate.evidence import Check
from catalog_tool.source.schema_engine import SchemaEngine


def is_json(expectation: Expectation, answer: Answer, _: Scene) -> Check:
    """The answer is JSON."""
    problem = json_of(answer.text).problem
    return check(expectation, holds=not problem, message=problem)


def json_schema(expectation: Expectation, answer: Answer, scene: Scene) -> Check:
    """The answer fits the schema ``value``, or the prompt's ``output_schema`` where none is given."""
    parsed = json_of(answer.text)
    if parsed.problem:
        return check(expectation, holds=False, message=parsed.problem)
    problem = _misfit(expectation.get("value", scene.parts.get("output_schema", {})), parsed.value)
    return check(expectation, holds=not problem, message=problem)


def json_path(expectation: Expectation, answer: Answer, _: Scene) -> Check:
    """Something stands at ``path``; it is ``value``, or fits ``schema``, where those are given."""
    parsed = json_of(answer.text)
    if parsed.problem:
        return check(expectation, holds=False, message=parsed.problem)
    path = expectation["path"]
    try:
        found = find(path, parsed.value)
    except BadPathError as refused:
        return error(expectation, str(refused))
    if not found:
        return check(expectation, holds=False, message=f"nothing stands at {path}")
    if "value" in expectation:
        same = any(same_json(value, expectation["value"]) for value in found)
        return check(expectation, holds=same, message=f"at {path} stands {quoted(found[0])}")
    misfits = [_misfit(expectation["schema"], value) for value in found] if "schema" in expectation else [""]
    problem = next(filter(None, misfits), "")
    return check(expectation, holds=not problem, message=f"at {path}: {problem}")


def tool_called(expectation: Expectation, answer: Answer, _: Scene) -> Check:
    """A tool of the name ``value`` is called; some call has ``arguments`` (more may be there) and fits ``schema``."""
    calls = [call for call in answer.tool_calls if call.name == expectation.get("value", call.name)]
    if not calls:
        called = ", ".join(quoted(call.name) for call in answer.tool_calls) or "no tool"
        return check(expectation, holds=False, message=f"it calls {called}")
    misfits = [_unlike(call, expectation) for call in calls]
    return check(expectation, holds="" in misfits, message=misfits[0])


def _unlike(call: ToolCall, expectation: Expectation) -> str:
    """What keeps a call from being the one that is expected; empty: nothing."""
    value = call.value()
    if value is None:
        return f"the arguments of {call.name} are no JSON"
    if "arguments" in expectation and not covers(expectation["arguments"], value):
        return f"{call.name} is called with {quoted(call.arguments)}"
    return _misfit(expectation["schema"], value) if "schema" in expectation else ""


def _misfit(schema: Any, value: Any) -> str:
    problems = SchemaEngine(schema).errors(value)
    return f"{problems[0].pointer or 'the whole'}: {problems[0].message}" if problems else ""
