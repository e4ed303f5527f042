"""Golden cases for promptfoo, and promptfoo's results as evidence.

The messages are rendered here, case by case, so promptfoo sends what ``catalog eval`` would send; its own
template engine has nothing left to do. Every test carries the digests of prompt and dataset, which come back
with the results.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from catalog_tool.canonical.identity import restore_order
from catalog_tool.evals.answer import Question
from catalog_tool.evals.golden import GoldenCase, GoldenSet
from catalog_tool.evals.interchange import Imported, Observation, member, number, objects, parsed_json, text
from catalog_tool.evals.interchange_assertions import assertions_of, literal, untold
from catalog_tool.evals.level_zero import render_case
from catalog_tool.evals.protocols import openai_chat
from catalog_tool.gate.evidence import ERROR, FAIL, LOWER, PASS, Metric, Usage
from catalog_tool.gate.fields import MalformedError
from catalog_tool.model.prompt import PromptVersion
from catalog_tool.template.messages import CompiledPrompt, compile_prompt

FORM = "promptfoo"
CASE, PROMPT, DATASET = "catalog_case", "catalog_prompt", "catalog_dataset"
"""Keys of a test's metadata by which its result is known again."""
_ERROR_REASON = 2
"""promptfoo's ``failureReason`` of a test that could not be run; 1 is an assertion that did not hold."""
_PROVIDERS = {"anthropic": "anthropic:messages"}
_MEASURED = {"latency_ms": Metric(better=LOWER, unit="ms"), "cost_usd": Metric(better=LOWER, unit="usd")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """A configuration for promptfoo, as a JSON value, and in sentences what it cannot say."""

    config: dict[str, Any]
    lost: tuple[str, ...]


def promptfoo_config(version: PromptVersion, golden: GoldenSet, provider: str | None = None) -> Exported:
    """One prompt, one provider, one test a golden case that expects something.

    ``provider`` is promptfoo's name of the model to ask, by default made of the version's own model. A case that
    does not render, or of which no expectation can be said, is left out and named. Raises ``TemplateError``
    where the version cannot be rendered at all, ``MalformedError`` where no case is left.
    """
    parts = restore_order(version.decoded())
    prompt, scored = compile_prompt(parts), golden.scored()
    marks = {PROMPT: version.digest, DATASET: scored.dataset().digest}
    tests, lost = [], []
    for case in scored.cases:
        made = _test(prompt, case, marks)
        if isinstance(made, str):
            lost.append(f"case {case.name!r}: {made}")
            continue
        tests.append(made)
        lost.extend(f"case {case.name!r}: {name} has no counterpart" for name in untold(case))
    if any(item.get("type") in ("regex", "not_regex") for case in scored.cases for item in case.expect):
        lost.append("patterns are read by JavaScript's engine, which knows other constructs")
    if not tests:
        raise MalformedError(f"no case of {version.id} can be said in promptfoo's terms", hint="; ".join(lost[:3]))
    name = f"{version.id}@{version.version}"
    config = {
        "description": f"{name} {version.digest[7:19]}",
        "prompts": [{"label": name, "raw": "{{messages}}"}],
        "providers": [{"id": provider or _provider(parts), "config": _options(parts)}],
        "tests": tests,
    }
    return Exported(config=config, lost=tuple(lost))


def _test(prompt: CompiledPrompt, case: GoldenCase, marks: dict[str, str]) -> Any:
    """A test, or why there is none."""
    rendered = render_case(prompt, case)
    if isinstance(rendered, str):
        return rendered
    asserts = assertions_of(case)
    if not asserts:
        return "none of its expectations has a counterpart"
    messages = openai_chat.body(Question(model="", messages=rendered))["messages"]
    return {
        "description": literal(case.name),
        "vars": {"messages": literal(json.dumps(messages, ensure_ascii=False))},
        "assert": asserts,
        "metadata": {CASE: case.name, **marks},
    }


def _options(parts: dict[str, Any]) -> dict[str, Any]:
    question = Question(
        model="",
        messages=(),
        params=parts.get("params", {}),
        tools=parts.get("tools", ()),
        output_schema=parts.get("output_schema", {}),
    )
    body = openai_chat.body(question)
    return {key: value for key, value in body.items() if key not in ("model", "messages")}


def _provider(parts: dict[str, Any]) -> str:
    model = parts.get("model", {})
    if not model.get("name"):
        raise MalformedError("the version names no model", hint="name promptfoo's provider")
    return f"{_PROVIDERS.get(str(model.get('provider')), 'openai:chat')}:{model['name']}"


def read_promptfoo(data: bytes, threshold: float) -> Imported:  # noqa: ARG001 - every reader has this form
    """The JSON that ``promptfoo eval --output results.json`` writes, of one prompt and one provider.

    A test that could not be run is an error, and so is one whose answer no assertion could judge. Raises
    ``MalformedError`` for results of several prompts or providers: they are several records.
    """
    document = parsed_json(data)
    rows = objects(member(document, "results", "results"))
    if not rows:
        raise MalformedError("these are no results of promptfoo: they have no `results.results`")
    asked = {(row.get("promptIdx"), text(member(row, "provider", "id"))) for row in rows}
    if len(asked) > 1:
        raise MalformedError(f"these are results of {len(asked)} prompts or models", hint="run one of them at a time")
    at = _seconds(text(member(document, "results", "timestamp")))
    return Imported(
        form=FORM,
        observations=tuple(_observation(row) for row in rows),
        model=text(member(rows[0], "provider", "id")).rpartition(":")[2],
        metrics=_MEASURED,
        usage=_usage(rows),
        prompt=_only(rows, PROMPT),
        dataset=_only(rows, DATASET),
        started_at=at,
        finished_at=at,
        lost=("answers, weights and named prompts", "which model judged, where one did", "when each test ran"),
    )


def _observation(row: dict[str, Any]) -> Observation:
    named = member(row, "namedScores")
    scores = {name: number(score) for name, score in (named if isinstance(named, dict) else {}).items()}
    for metric, key in (("latency_ms", "latencyMs"), ("cost_usd", "cost")):
        if number(row.get(key)) is not None:
            scores[metric] = number(row.get(key))
    told = text(row.get("error")) or text(member(row, "gradingResult", "reason"))
    outcome = PASS if row.get("success") is True else FAIL
    if outcome == FAIL and (row.get("failureReason") == _ERROR_REASON or row.get("success") is None):
        outcome = ERROR
    if outcome == PASS and not objects(member(row, "gradingResult", "componentResults")):
        outcome, told = ERROR, "no assertion judged the answer"
    return Observation(case=_name(row), outcome=outcome, scores=scores, message=told if outcome != PASS else None)


def _name(row: dict[str, Any]) -> str:
    own = text(member(row, "testCase", "metadata", CASE)) or text(member(row, "testCase", "description"))
    return own or f"test {row.get('testIdx', 'unnamed')}"


def _only(rows: list[dict[str, Any]], key: str) -> str | None:
    """The digest that every row carries; None where none does. Raises ``MalformedError`` where they differ."""
    found = {text(member(row, "testCase", "metadata", key)) for row in rows}
    if len(found) > 1:
        raise MalformedError(f"the tests do not share one `{key}`: results of several exports are mixed")
    return next(iter(found)) or None


def _usage(rows: list[dict[str, Any]]) -> Usage:
    costs = [number(row.get("cost")) for row in rows]
    known = [cost for cost in costs if cost is not None]
    return Usage(
        requests=len(rows),
        input_tokens=_tokens(rows, "prompt"),
        output_tokens=_tokens(rows, "completion"),
        cost_usd=sum(known) if len(known) == len(costs) and sum(known) > 0 else None,
    )


def _tokens(rows: list[dict[str, Any]], kind: str) -> int:
    counted = (number(member(row, "tokenUsage", kind)) for row in rows)
    return sum(int(tokens) for tokens in counted if tokens is not None and tokens > 0)


def _seconds(written: str) -> int | None:
    try:
        return int(datetime.fromisoformat(written.replace("Z", "+00:00")).timestamp())
    except ValueError:
        return None
