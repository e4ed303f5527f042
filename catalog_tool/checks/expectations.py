"""What is wrong with an expectation of a golden test as it is written: known before any model is asked.

``validate`` says it at its place in the file, an evaluation of the case. Each type of expectation has its keys and
one function that looks at them; how an answer is judged is for ``evals.scorers``.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from catalog_tool.checks.json_path import BadPathError, parse_path
from catalog_tool.source.linear_pattern import judge
from catalog_tool.source.schema_engine import check_schema

Expectation = Mapping[str, Any]
"""One thing that must hold: ``type`` and what it is compared with, as written."""
Look = Callable[[Expectation, Mapping[str, Any]], str]
"""What is wrong with an expectation, for a prompt with these parts; empty: nothing."""
RUBRICS = ("hallucination", "moderation", "answer_relevance", "style")
"""The rubrics that come with the tool, by the name that an expectation's ``rubric`` takes."""
_ALWAYS = ("type", "name")
_SHOWN = 60


class Form(NamedTuple):
    """How one type is written: ``problem`` looks at its keys, which ``takes`` lists besides those of every type."""

    problem: Look
    takes: tuple[str, ...]


class Mistake(NamedTuple):
    """One thing wrong with an expectation, and the key that it is about.

    ``is_foreign``: its type looks like none of ours, so another evaluator may know it.
    """

    key: str
    message: str
    is_foreign: bool = False


def text_problem(expectation: Expectation, _: Mapping[str, Any]) -> str:
    """``value`` is a text."""
    return "" if isinstance(expectation.get("value"), str) else "`value` is a text"


def texts_problem(expectation: Expectation, _: Mapping[str, Any]) -> str:
    """``value`` is a text or a list of them."""
    value = expectation.get("value")
    if isinstance(value, str) or (isinstance(value, list) and value and all(isinstance(item, str) for item in value)):
        return ""
    return "`value` is a text, or a list of texts"


def value_problem(expectation: Expectation, _: Mapping[str, Any]) -> str:
    """There is a ``value``."""
    return "" if "value" in expectation else "`value` is missing"


def regex_problem(expectation: Expectation, parts: Mapping[str, Any]) -> str:
    """``value`` is a pattern that is evaluated."""
    if text_problem(expectation, parts):
        return text_problem(expectation, parts)
    if expectation.get("ignore_case"):
        return "`ignore_case` does nothing here: write both, as in [Aa]"
    reason = judge(expectation["value"]).reason
    return f"the pattern is not evaluated: {reason}" if reason else ""


def number_problem(expectation: Expectation, _: Mapping[str, Any]) -> str:
    """``value`` is a number above 0."""
    value = expectation.get("value")
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and value > 0
    return "" if is_number else "`value` is a number above 0"


def no_problem(_: Expectation, __: Mapping[str, Any]) -> str:
    """Nothing can be wrong with it."""
    return ""


def schema_problem(expectation: Expectation, parts: Mapping[str, Any]) -> str:
    """``value`` is a schema, or the prompt has one."""
    if "value" not in expectation:
        return "" if parts.get("output_schema") else "`value` is missing, and the prompt has no `output_schema`"
    return _bad_schema("value", expectation["value"])


def path_problem(expectation: Expectation, _: Mapping[str, Any]) -> str:
    """``path`` is understood, ``schema`` is one."""
    path = expectation.get("path")
    if not isinstance(path, str):
        return "`path` is a JSON path, such as $.answer"
    try:
        parse_path(path)
    except BadPathError as problem:
        return str(problem)
    return _bad_schema("schema", expectation.get("schema", {}))


def tool_problem(expectation: Expectation, parts: Mapping[str, Any]) -> str:
    """The tool is one of the prompt's; ``arguments`` is an object, ``schema`` a schema."""
    tools = [tool["name"] for tool in parts.get("tools", ())]
    if "value" in expectation and expectation["value"] not in tools:
        return f"the prompt has no tool {_quoted(expectation['value'])}: {', '.join(tools) or 'it has none'}"
    if not isinstance(expectation.get("arguments", {}), dict):
        return "`arguments` is an object"
    return _bad_schema("schema", expectation.get("schema", {}))


def similarity_problem(expectation: Expectation, _: Mapping[str, Any]) -> str:
    """``value`` is a reference, or several."""
    value = expectation.get("value")
    texts = [value] if isinstance(value, str) else value
    if isinstance(texts, list) and texts and all(isinstance(text, str) and text.strip() for text in texts):
        return ""
    return "`value` is a reference text, or a list of them"


def rubric_problem(expectation: Expectation, _: Mapping[str, Any]) -> str:
    """``rubric`` is one that comes with the tool, or written out."""
    written = expectation.get("rubric")
    if isinstance(written, str) and (written in RUBRICS or " " in written.strip()):
        return ""
    if isinstance(written, str):
        return f"there is no rubric {written[:_SHOWN]!r}: {', '.join(RUBRICS)}, or write the criterion out"
    if not isinstance(written, dict) or not isinstance(written.get("criterion"), str):
        return "`rubric` is a name, a criterion in words, or {criterion, levels}"
    return _levels_problem(written.get("levels", {}))


def context_problem(expectation: Expectation, parts: Mapping[str, Any]) -> str:
    """``context`` is the name of a variable, or the passages themselves."""
    context = expectation.get("context")
    if isinstance(context, list) and all(isinstance(text, str) for text in context):
        return ""
    properties = parts.get("variables", {}).get("properties", {})
    if isinstance(context, str) and context in properties:
        return ""
    return f"`context` names the variable that holds the passages: {', '.join(properties) or 'the prompt has none'}"


def recall_problem(expectation: Expectation, parts: Mapping[str, Any]) -> str:
    """``context`` as above, and ``value`` is the reference answer."""
    return context_problem(expectation, parts) or reference_problem(expectation, parts)


def reference_problem(expectation: Expectation, _: Mapping[str, Any]) -> str:
    """``value`` is the reference answer."""
    value = expectation.get("value")
    return "" if isinstance(value, str) and value.strip() else "`value` is the reference answer"


def _of(problem: Look, takes: str) -> Form:
    return Form(problem, tuple(takes.split()))


_TEXTS, _TEXT = _of(texts_problem, "value ignore_case"), _of(text_problem, "value ignore_case")
_EQUAL, _REGEX = _of(value_problem, "value ignore_case"), _of(regex_problem, "value ignore_case")
_TOOL, _NUMBER = _of(tool_problem, "value arguments schema"), _of(number_problem, "value")

FORMS: Mapping[str, Form] = {
    "equals": _EQUAL,
    "not_equals": _EQUAL,
    "contains": _TEXTS,
    "contains_any": _TEXTS,
    "not_contains": _TEXTS,
    "starts_with": _TEXT,
    "not_starts_with": _TEXT,
    "ends_with": _TEXT,
    "not_ends_with": _TEXT,
    "regex": _REGEX,
    "not_regex": _REGEX,
    "is_json": _of(no_problem, ""),
    "json_schema": _of(schema_problem, "value"),
    "json_path": _of(path_problem, "path value schema"),
    "tool_called": _TOOL,
    "not_tool_called": _TOOL,
    "similarity": _of(similarity_problem, "value threshold"),
    "judge": _of(rubric_problem, "rubric reference context votes threshold"),
    "faithfulness": _of(context_problem, "context threshold"),
    "context_precision": _of(context_problem, "context value threshold"),
    "context_recall": _of(recall_problem, "context value threshold"),
    "crag": _of(reference_problem, "value threshold"),
    "max_tokens": _NUMBER,
    "max_cost": _NUMBER,
    "max_latency": _NUMBER,
    "max_time_to_first_token": _NUMBER,
    "max_input_tokens": _NUMBER,
}
"""By the expectation's ``type``."""


def mistake_in(expectation: Expectation, parts: Mapping[str, Any]) -> Mistake | None:
    """The first thing wrong with an expectation, for a prompt with these parts; None: nothing."""
    form = FORMS.get(expectation["type"])
    if form is None:
        near = difflib.get_close_matches(expectation["type"], FORMS, n=1)
        message = f"there is no expectation {expectation['type'][:_SHOWN]!r}"
        return Mistake("type", message + (f", did you mean {near[0]}?" if near else ""), is_foreign=not near)
    strange = _strange_key(expectation, form)
    if strange is not None:
        return strange
    message = form.problem(expectation, parts)
    if message:
        return Mistake(next((key for key in form.takes if key in expectation), "type"), message)
    return _out_of_bounds(expectation)


def problem_of(expectation: Expectation, parts: Mapping[str, Any]) -> str:
    """What is wrong with an expectation as written, for a prompt with these parts; empty: nothing."""
    mistake = mistake_in(expectation, parts)
    return "" if mistake is None else mistake.message


def _strange_key(expectation: Expectation, form: Form) -> Mistake | None:
    """A key that says nothing here was meant to say something: passed over, it would leave a weaker test."""
    known = sorted({*_ALWAYS, *form.takes})
    strange = next((key for key in expectation if key not in known and not key.startswith("x-")), None)
    if strange is None:
        return None
    near = difflib.get_close_matches(strange, known, n=1)
    taken = f"did you mean `{near[0]}`?" if near else f"it takes {', '.join(sorted(form.takes)) or 'no more'}"
    return Mistake(strange, f"`{strange[:40]}` says nothing here: {taken}")


def _out_of_bounds(expectation: Expectation) -> Mistake | None:
    if not -1 <= expectation.get("threshold", 0) <= 1:
        return Mistake("threshold", "`threshold` is from -1 to 1")
    votes = expectation.get("votes", 1)
    is_count = isinstance(votes, int) and not isinstance(votes, bool) and 1 <= votes <= 15
    return None if is_count else Mistake("votes", "`votes` is from 1 to 15")


def _levels_problem(levels: Any) -> str:
    if not isinstance(levels, dict):
        return "`levels` maps grades to what they mean"
    grades = [grade for grade in levels if str(grade).isascii() and str(grade).isdigit() and int(grade) <= 100]
    if len(grades) != len(levels) or not all(isinstance(text, str) for text in levels.values()):
        return "`levels` maps grades from 0 to 100 to what they mean"
    return "`levels` needs two grades at least" if len(levels) == 1 else ""


def _bad_schema(key: str, schema: Any) -> str:
    problems = [found for found in check_schema(schema) if found.kind != "pattern"]
    return f"`{key}`: {problems[0].message}" if problems else ""


def _quoted(value: object) -> str:
    text = str(value)
    return f"“{text if len(text) <= _SHOWN else text[: _SHOWN - 1] + '…'}”"
