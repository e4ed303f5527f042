"""Documents against schemas, both of them hostile: what every check and command validates with.

Two engines. ``jsonschema_rs`` settles in microseconds that a document is valid; where it does not,
``jsonschema``, the reference, says what is wrong, in our words. If the reference finds nothing wrong,
the document is valid: its verdict counts. The two agree on the whole JSON-Schema-Test-Suite for
2020-12 but for what is left to the reference alone here (keywords of older drafts, ``multipleOf``,
recursion, schemas that unfold to more than 20,000).

Safe by construction: no reference is ever fetched; patterns run in linear time or not at all, with
one meaning in both engines (``$`` is the very end, as ``\\Z`` in Python; ``\\d`` is ASCII); ``format``
is an annotation; time and depth are bounded (design §5).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from jsonschema_rs import Draft202012Validator, ReferencingError, RegexOptions, ValidationError

from catalog_tool.source.schema_reference import Found, find_errors, find_schema_errors
from catalog_tool.source.schema_spelling import Spelled, spelled_for_python, spelled_for_rust
from catalog_tool.source.schema_survey import (
    DIALECT,
    WRITTEN_OUT,
    JsonSchema,
    SchemaProblem,
    Survey,
    clip,
)
from catalog_tool.source.schema_words import in_words
from catalog_tool.source.schemas import OwnSchema

DOCUMENT_DEPTH = 100
"""Maps and lists inside one another in a document that is checked."""
PROBLEMS = 1000
"""Problems that are worded for one document."""

# What the fast engine raises for values that are not JSON, or schemas that it cannot compile.
_REFUSALS = (ValueError, TypeError, OverflowError, ValidationError, ReferencingError)


class SchemaEngine:
    """One schema, ready for any number of documents; safe to share between threads.

    Making one never raises: what is wrong with the schema itself is in ``problems``, and unless it is
    only another dialect every document is then refused with those problems. ``skipped_patterns`` are
    the patterns that are not evaluated, with their places and reasons.
    """

    __slots__ = ("_fast", "_reference", "_schema", "_survey", "problems", "skipped_patterns")

    def __init__(self, schema: JsonSchema) -> None:
        self._schema = schema
        self._survey: Survey | None = None
        self._reference: Spelled | None = None
        self._fast: Callable[[Any], bool] | None = None
        self.problems: tuple[SchemaProblem, ...] = ()
        self.skipped_patterns: tuple[SchemaProblem, ...] = ()
        if isinstance(schema, OwnSchema):
            # A test holds our own schemas to what a survey would find, and their patterns need no respelling.
            self._fast = _fast_validator(schema).is_valid
        else:
            self._prepare(Survey(schema))

    def _prepare(self, survey: Survey) -> None:
        self._survey = survey
        self.skipped_patterns = tuple(survey.skipped)
        wrong: list[SchemaProblem] = []
        if survey.usable and not (_is_schema(self._schema) and self._compile(survey)):
            wrong = _schema_errors(self._schema)
        self.problems = (*survey.problems, *wrong)

    def is_valid(self, document: object) -> bool:
        """Whether ``document`` fits the schema."""
        return self._settles(document) or not self.errors(document)

    def errors(self, document: object) -> list[SchemaProblem]:
        """What is wrong with ``document``, empty if it is valid; at most PROBLEMS."""
        if self._settles(document):
            return []
        unusable = [problem for problem in self.problems if problem.kind != "dialect"]
        if unusable:
            return [_blamed_on_schema(problem) for problem in unusable]
        strange = _not_json(document)
        return [strange] if strange else self._word(document)

    def _settles(self, document: object) -> bool:
        if self._fast is None:
            return False
        try:
            return self._fast(document)
        except _REFUSALS:
            return False

    def _compile(self, survey: Survey) -> bool:
        """Prepares the fast engine where it may be used; False: the schema itself is wrong."""
        if survey.is_exotic or survey.is_recursive or survey.size > WRITTEN_OUT:
            return True
        try:
            self._fast = _fast_validator(spelled_for_rust(self._schema, survey).schema).is_valid
        except _REFUSALS:
            return _is_schema(self._schema)
        return True

    def _word(self, document: object) -> list[SchemaProblem]:
        spelled = self._reference
        if spelled is None:
            spelled = spelled_for_python(self._schema, self._survey or Survey(self._schema))
            self._reference = spelled
        try:
            found = find_errors(spelled.schema, document, limit=PROBLEMS)
        except LookupError as error:
            message = f"a reference of the schema leads nowhere: {clip(str(error))}"
            return [SchemaProblem("", "$ref", message, "", "reference")]
        return [_rewritten(problem, spelled.names) for problem in _worded(found)]


def check_schema(schema: object) -> list[SchemaProblem]:
    """What is wrong with a schema that somebody wrote: variables, parameters, outputs, a team's own.

    Empty if nothing is. ``pointer`` is the place in ``schema``; ``kind`` tells apart what the 2020-12
    meta-schema refuses (``invalid``), references that leave the schema or lead nowhere
    (``reference``), patterns that are not evaluated (``pattern``), another ``$schema`` (``dialect``) and
    what is too large (``limit``). Never raises, whatever ``schema`` is.
    """
    if _is_plain(schema, 0) and _is_schema(schema):
        return []
    if not isinstance(schema, dict | bool):
        return _schema_errors(schema)
    strange = _not_json(schema)
    if strange:
        return [strange]
    survey = Survey(schema)
    wrong = [] if _is_schema(schema) else _schema_errors(schema)
    return [*wrong, *survey.problems, *survey.skipped]


def _refuse_to_fetch(address: str) -> Any:
    raise ValueError(f"references are never fetched: {address}")


def _fast_validator(schema: JsonSchema) -> Draft202012Validator:
    return Draft202012Validator(
        schema, validate_formats=False, retriever=_refuse_to_fetch, pattern_options=RegexOptions()
    )


# Schemas as documents.


@lru_cache(maxsize=1)
def _meta_validator() -> Draft202012Validator:
    return _fast_validator({"$ref": DIALECT})


def _is_schema(schema: object) -> bool:
    try:
        return _meta_validator().is_valid(schema)
    except _REFUSALS:
        return False


def _schema_errors(schema: object) -> list[SchemaProblem]:
    """What the meta-schema refuses, worded by the reference."""
    strange = _not_json(schema)
    if strange:
        return [strange]
    return _worded(find_schema_errors(schema, limit=PROBLEMS))


def _worded(found: Found) -> list[SchemaProblem]:
    first: dict[tuple[str, str], SchemaProblem] = {}
    for error in found.errors:
        for problem in in_words(error):
            first.setdefault((problem.pointer, problem.message), problem)
    # Of a value of the wrong type nothing else needs to be said.
    mistyped = {problem.pointer for problem in first.values() if problem.keyword == "type"}
    problems = [p for p in first.values() if p.keyword == "type" or p.pointer not in mistyped]
    if not problems and not found.is_complete:
        return [SchemaProblem("", "limit", "too much work to check against its schema", "", "limit")]
    return problems


def _blamed_on_schema(problem: SchemaProblem) -> SchemaProblem:
    """A problem of the schema, told where a document was to be checked."""
    message = f"its schema cannot be used: {problem.message}"
    return problem._replace(pointer="", schema_pointer=problem.pointer, message=message)


def _rewritten(problem: SchemaProblem, names: dict[str, str]) -> SchemaProblem:
    """``problem`` with the patterns of its schema pointer as they were written."""
    pointer = problem.schema_pointer
    if names and "/patternProperties/" in pointer:
        steps = pointer.split("/")
        for index in range(1, len(steps)):
            if steps[index - 1] == "patternProperties":
                written = names.get(steps[index].replace("~1", "/").replace("~0", "~"))
                if written is not None:
                    steps[index] = written.replace("~", "~0").replace("/", "~1")
        problem = problem._replace(schema_pointer="/".join(steps))
    return problem


# Values.


def _not_json(document: object) -> SchemaProblem | None:
    """Why ``document`` is no JSON value, or too deep for one; None if it is fine."""
    level, depth = [document], 0
    while level:
        if depth > DOCUMENT_DEPTH:
            return SchemaProblem("", "depth", f"nested more than {DOCUMENT_DEPTH} deep", "", "limit")
        below: list[object] = []
        for value in level:
            if isinstance(value, dict):
                odd = next((key for key in value if not isinstance(key, str)), None)
                if odd is not None or None in value:
                    return SchemaProblem("", "type", f"the key {clip(odd)} is no text", "")
                below += value.values()
            elif isinstance(value, list):
                below += value
            elif value is not None and not isinstance(value, str | bool | int | float):
                return SchemaProblem("", "type", f"{type(value).__name__} is no JSON type", "")
        level, depth = below, depth + 1
    return None


_LOOKED_UP = frozenset({"$schema", "$id", "$ref", "$dynamicRef", "pattern", "patternProperties"})


def _is_plain(value: object, depth: int) -> bool:
    """Whether nothing under ``value`` has to be looked up or looked at: no reference, no pattern.

    Most schemas in a catalog are plain, and the meta-schema's word is enough for them.
    """
    if type(value) is dict:
        if depth > DOCUMENT_DEPTH or not _LOOKED_UP.isdisjoint(value):
            return False
        below: Iterable[object] = value.values()
    elif type(value) is list:
        below = value
    else:
        return True
    for child in below:  # noqa: SIM110 - a generator costs more than the work
        if not _is_plain(child, depth + 1):
            return False
    return True
