"""A schema rewritten so that an engine can run it without harm and with one meaning.

Patterns are spelled for the engine that will read them. A pattern that is not evaluated is taken
out in such a way that nothing is refused because of it: what it stood under and could have turned
around (``not``, ``oneOf``, ``if``, ``maxContains``) goes with it, and every name counts as matched by
a ``patternProperties`` that lost one of its patterns.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from catalog_tool.source.linear_pattern import judge
from catalog_tool.source.schema_survey import JsonSchema, Survey

EVERY_NAME = "^"


class Spelled(NamedTuple):
    """``schema`` for one engine, and for each respelled name in ``patternProperties`` the written one."""

    schema: JsonSchema
    names: dict[str, str]


def spelled_for_rust(schema: JsonSchema, survey: Survey) -> Spelled:
    """``schema`` for the fast engine, which matches patterns itself."""
    return _spelled(schema, survey, rust=True)


def spelled_for_python(schema: JsonSchema, survey: Survey) -> Spelled:
    """``schema`` for the reference: patterns as written, but names beside ``unevaluatedProperties``."""
    return _spelled(schema, survey, rust=False)


def _spelled(schema: JsonSchema, survey: Survey, *, rust: bool) -> Spelled:
    if not (survey.has_patterns or survey.has_dialects):
        return Spelled(schema, {})
    speller = _Speller(survey, rust=rust)
    return Spelled(speller.copy(schema), speller.names)


class _Speller:
    def __init__(self, survey: Survey, *, rust: bool) -> None:
        self.survey = survey
        self.rust = rust
        self.names: dict[str, str] = {}

    def copy(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self.copy(item) for item in value]
        if not isinstance(value, dict):
            return value
        if id(value) in self.survey.places:
            return self.schema(value)
        return {key: self.copy(item) for key, item in value.items()}

    def schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        kept: dict[str, Any] = {}
        for keyword, value in schema.items():
            if self.is_dropped(keyword, schema):
                continue
            if keyword == "pattern" and isinstance(value, str):
                kept[keyword] = judge(value).rust if self.rust else value
            elif keyword == "patternProperties" and isinstance(value, dict):
                kept[keyword] = self.patterns(value)
            elif keyword in {"enum", "const"}:
                kept[keyword] = value
            else:
                kept[keyword] = self.copy(value)
        return kept

    def is_dropped(self, keyword: str, schema: dict[str, Any]) -> bool:
        value = schema[keyword]
        if keyword == "$schema":
            return True
        if keyword == "pattern" and isinstance(value, str):
            return not self.survey.may_evaluate(value, keyword)
        if keyword in {"not", "if"}:
            return self.is_doubtful(value)
        if keyword == "oneOf" and isinstance(value, list):
            return any(self.is_doubtful(branch) for branch in value)
        return keyword == "maxContains" and self.is_doubtful(schema.get("contains"))

    def is_doubtful(self, value: Any) -> bool:
        return id(value) in self.survey.doubtful

    def patterns(self, written: dict[str, Any]) -> dict[str, Any]:
        kept: dict[str, Any] = {}
        for pattern, schema in written.items():
            if self.survey.may_evaluate(pattern, "patternProperties"):
                kept[self.name(self.spelling(pattern), pattern, kept)] = self.copy(schema)
            else:
                kept.setdefault(EVERY_NAME, True)
        return kept

    def spelling(self, pattern: str) -> str:
        if self.rust:
            return judge(pattern).rust
        return judge(pattern).python if self.survey.names_in_python else pattern

    def name(self, spelling: str, pattern: str, taken: dict[str, Any]) -> str:
        # Two patterns may come to one spelling; an empty group tells them apart.
        spelling = spelling or EVERY_NAME
        while spelling in taken:
            spelling += "(?:)"
        self.names[spelling] = pattern
        return spelling
