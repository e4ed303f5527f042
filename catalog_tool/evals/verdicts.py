"""What a judge said, read. Whatever is not a verdict is an error: it is never guessed into one."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from catalog_tool.source.strict_json import read_json

UNKNOWN_WORD = "unknown"
_REASONING = re.compile(r"<(/?)(think|thinking|thought|reasoning|reflection)>", re.IGNORECASE)
_RESULT = re.compile(r"\[RESULT\][ \t:]*(?:\(?([0-9]{1,3})\)?(?![0-9/]|\.[0-9])|(unknown)\b)", re.IGNORECASE)
_SCORE = re.compile(r"<score>\s{0,20}(?:([0-9]{1,3})|(unknown))\s{0,20}</score>", re.IGNORECASE)
_FENCE = re.compile(r"```(?:json)?[ \t]*\n", re.IGNORECASE)


class NoVerdictError(Exception):
    """A judge's answer that holds no verdict; the text says what is missing."""


class Grade(NamedTuple):
    """A grade on the rubric's scale; None: the judge would not say."""

    value: int | None


def without_reasoning(text: str) -> str:
    """``text`` without blocks such as ``<think>…</think>``.

    A block that never closes takes everything after it; a closing tag without an opening one, as some
    templates leave it, everything before it.
    """
    kept: list[str] = []
    depth, at = 0, 0
    for tag in _REASONING.finditer(text):
        if tag[1]:
            kept = kept if depth else []
            depth = max(depth - 1, 0)
        else:
            if not depth:
                kept.append(text[at : tag.start()])
            depth += 1
        at = tag.end()
    return "".join([*kept, text[at:] if not depth else ""]).strip()


def grade_from(text: str, form: str, scale: tuple[int, int]) -> Grade:
    """The grade in a judge's answer of ``form`` (``json``, ``prometheus``, ``flow``); ``scale``: lowest, highest.

    Raises ``NoVerdictError`` for an answer without one, or with one off the scale.
    """
    said = without_reasoning(text)
    value = {"json": _json_grade, "prometheus": _prometheus_grade, "flow": _flow_grade}[form](said)
    if isinstance(value, str) and value.strip().lower() == UNKNOWN_WORD:
        return Grade(None)
    grade = int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value
    if isinstance(grade, float) and grade.is_integer():
        grade = int(grade)
    if isinstance(grade, bool) or not isinstance(grade, int):
        raise NoVerdictError("the judge's grade is no whole number")
    if not scale[0] <= grade <= scale[1]:
        raise NoVerdictError(f"the judge's grade {grade} is not from {scale[0]} to {scale[1]}")
    return Grade(grade)


def object_from(text: str) -> dict[str, Any]:
    """The JSON object in a judge's answer: the whole of it, a fenced block, or from the first brace to the last.

    Raises ``NoVerdictError``.
    """
    said = without_reasoning(text)
    for candidate in _candidates(said):
        read = read_json(candidate)
        if not read.refused and isinstance(read.value, dict):
            return read.value
    raise NoVerdictError("the judge's answer holds no JSON object")


def _candidates(said: str) -> list[str]:
    found = [said]
    opening = _FENCE.search(said)
    if opening is not None:
        found.append(said[opening.end() : said.rfind("```")])
    found.append(said[said.find("{") : said.rfind("}") + 1])
    return found


def _json_grade(said: str) -> Any:
    verdict = object_from(said)
    if "score" not in verdict:
        raise NoVerdictError("the judge's answer has no `score`")
    return verdict["score"]


def _prometheus_grade(said: str) -> str:
    return _last(_RESULT, said, "the judge's answer has no `[RESULT]` with a grade")


def _flow_grade(said: str) -> str:
    return _last(_SCORE, said, "the judge's answer has no `<score>` with a grade")


def _last(pattern: re.Pattern[str], said: str, missing: str) -> str:
    found = None
    for found in pattern.finditer(said):  # noqa: B007 - the last one counts
        pass
    if found is None:
        raise NoVerdictError(missing)
    return str(found[1] or found[2])
