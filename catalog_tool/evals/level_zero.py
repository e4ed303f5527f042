"""Level 0: everything that can be known of a golden case without asking a model.

The prompt renders with the case's values, which fit its variables; the rendering is the recorded one,
where one is recorded; it stays within its budget of tokens; few-shot examples fit the output schema;
every expectation is one that can be judged. Costs nothing, so it belongs on every pull request.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from catalog_tool.checks.expectations import problem_of
from catalog_tool.errors import CatalogError
from catalog_tool.evals.golden import GoldenCase
from catalog_tool.evals.json_answer import json_of
from catalog_tool.evals.model_client import estimated
from catalog_tool.evals.scorers import MAX_INPUT_TOKENS
from catalog_tool.gate.evidence import ERROR, FAIL, PASS, Check
from catalog_tool.source.schema_engine import SchemaEngine
from catalog_tool.template.messages import CompiledPrompt

RENDERS, VARIABLES, SNAPSHOT, EXAMPLES = "renders", "variables", "snapshot", "examples"
"""What level 0 looks at, besides ``max_input_tokens``."""
Messages = list[dict[str, Any]]
Snapshots = Mapping[str, Any]
"""The recorded messages of each case, by its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendering:
    """A case as it would be sent: its messages, or why there are none, and an estimate of their tokens."""

    case: GoldenCase
    messages: Messages | None
    checks: tuple[Check, ...]
    tokens: int = 0

    @property
    def outcome(self) -> str:
        """The worst of its checks."""
        outcomes = {check.outcome for check in self.checks}
        return ERROR if ERROR in outcomes else FAIL if FAIL in outcomes else PASS


def render_case(prompt: CompiledPrompt, case: GoldenCase) -> Messages | str:
    """The messages of a case, or why it does not render."""
    try:
        return prompt.render(case.variables, case.placeholders)
    except CatalogError as problem:
        return problem.message


def look_at(
    prompt: CompiledPrompt, parts: Mapping[str, Any], case: GoldenCase, snapshots: Snapshots | None
) -> Rendering:
    """Everything level 0 says of one case. ``snapshots`` None: no rendering is recorded for this version."""
    rendered = render_case(prompt, case)
    checks = [*_variables(parts, case), *_expectations(parts, case)]
    if isinstance(rendered, str):
        return Rendering(case=case, messages=None, checks=(_failed(RENDERS, rendered), *checks))
    tokens = message_tokens(rendered)
    checks.insert(0, Check(type=RENDERS, outcome=PASS))
    checks.extend(_budget(case, tokens))
    if snapshots is not None:
        checks.append(_snapshot(case, rendered, snapshots))
    return Rendering(case=case, messages=rendered, checks=tuple(checks), tokens=tokens)


def look_at_examples(parts: Mapping[str, Any]) -> Iterator[Check]:
    """Few-shot answers of a prompt with an output schema, which teach the model the wrong form if they do not fit."""
    schema = parts.get("output_schema")
    if not schema:
        return
    engine = SchemaEngine(schema)
    answers = [
        (example.get("assistant", ""), f"example {number}")
        for message in parts["messages"]
        for number, example in enumerate(message.get("examples", ()), 1)
    ]
    for text, where in answers:
        if "{{" in text:
            continue  # known only once it is rendered
        parsed = json_of(text)
        problems = [] if parsed.problem else engine.errors(parsed.value)
        said = parsed.problem or (f"{problems[0].pointer or 'the whole'}: {problems[0].message}" if problems else "")
        yield _failed(EXAMPLES, f"{where}: {said}") if said else Check(type=EXAMPLES, outcome=PASS)


def message_tokens(messages: Sequence[Mapping[str, Any]]) -> int:
    """Tokens of rendered messages, estimated; pictures count nothing."""
    return sum(estimated(_text(message)) for message in messages)


def _text(message: Mapping[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, list):
        content = "".join(part.get("text", "") for part in content)
    calls = message.get("tool_calls")
    return (content or "") + (json.dumps(calls, ensure_ascii=False) if calls else "")


def _variables(parts: Mapping[str, Any], case: GoldenCase) -> Iterator[Check]:
    problems = SchemaEngine(parts["variables"]).errors(dict(case.variables)) if parts.get("variables") else []
    said = "; ".join(f"{problem.pointer[1:] or 'the variables'}: {problem.message}" for problem in problems[:3])
    yield _failed(VARIABLES, said) if said else Check(type=VARIABLES, outcome=PASS)


def _expectations(parts: Mapping[str, Any], case: GoldenCase) -> Iterator[Check]:
    for expectation in case.expect:
        problem = problem_of(expectation, parts)
        if problem:
            yield Check(type=expectation["type"], outcome=ERROR, message=problem)


def _budget(case: GoldenCase, tokens: int) -> Iterator[Check]:
    for expectation in case.expect:
        if expectation["type"] == MAX_INPUT_TOKENS and isinstance(expectation.get("value"), int | float):
            most = expectation["value"]
            said = "" if tokens <= most else f"about {tokens} tokens, at most {most:g} are allowed"
            yield _failed(MAX_INPUT_TOKENS, said) if said else Check(type=MAX_INPUT_TOKENS, outcome=PASS)


def _snapshot(case: GoldenCase, rendered: Messages, snapshots: Snapshots) -> Check:
    if case.name not in snapshots:
        return _failed(SNAPSHOT, "its rendering is not recorded: --update-snapshots records it")
    if snapshots[case.name] == rendered:
        return Check(type=SNAPSHOT, outcome=PASS)
    return _failed(SNAPSHOT, f"it renders otherwise than recorded: {_difference(snapshots[case.name], rendered)}")


def _difference(recorded: Any, rendered: Messages) -> str:
    """Where two renderings part, in a few words."""
    if not isinstance(recorded, list) or len(recorded) != len(rendered):
        return (
            f"{len(recorded) if isinstance(recorded, list) else 'no'} messages were recorded, there are {len(rendered)}"
        )
    number = next(index for index, message in enumerate(rendered) if message != recorded[index])
    before, after = (json.dumps(side[number], ensure_ascii=False) for side in (recorded, rendered))
    at = next((i for i, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), min(len(before), len(after)))
    start = max(at - 20, 0)
    return f"message {number + 1}, …{before[start : at + 20]}… became …{after[start : at + 20]}…"


def _failed(kind: str, message: str) -> Check:
    return Check(type=kind, outcome=FAIL, message=message)
