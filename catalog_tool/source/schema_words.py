"""What the reference engine found, in our words: short, for the person who wrote the file.

One sentence a problem, values cut at 60 characters, the nearest known key where one is unknown, and
of several alternatives only the one that was most likely meant. A schema may bring its own words in
``errorMessage`` (editors show them too) for the rules that people cannot guess: patterns, ``not`` and
alternatives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from catalog_tool.source.schema_survey import SchemaProblem, clip, escape

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

WORDS_CHARACTERS = 240
"""The longest ``errorMessage`` that is shown."""
_OWN_WORDS = frozenset({"pattern", "not", "anyOf", "oneOf", "const", "enum", "minProperties", "dependentRequired"})
_ARTICLES = {
    "string": "a string",
    "number": "a number",
    "integer": "an integer",
    "boolean": "true or false",
    "object": "a map",
    "array": "a list",
    "null": "null",
}


def in_words(error: ValidationError) -> Iterator[SchemaProblem]:
    """``error`` as problems: several where the alternative that was meant has several."""
    own = _own_words(error)
    if own:
        yield _problem(error, own)
    elif error.validator in {"anyOf", "oneOf"} and error.context:
        yield from _alternatives(error)
    else:
        yield _problem(error, _sentence(error))


def nearest(name: str, known: list[str]) -> str | None:
    """The one of ``known`` that ``name`` was probably meant to be."""
    from difflib import get_close_matches

    return next(iter(get_close_matches(name[:80], known, n=1, cutoff=0.7)), None)


def _problem(error: ValidationError, message: str) -> SchemaProblem:
    return SchemaProblem(
        _pointer(error.absolute_path),
        str(error.validator or "false"),
        message,
        _pointer(error.absolute_schema_path),
    )


def _pointer(path: Any) -> str:
    return "".join("/" + escape(str(step)) for step in path)


def _own_words(error: ValidationError) -> str:
    words = _schema(error).get("errorMessage")
    if not isinstance(words, str) or error.validator not in _OWN_WORDS:
        return ""
    value = f", not {clip(error.instance)}" if error.validator == "pattern" else ""
    return clip(words, WORDS_CHARACTERS)[1:-1] + value


def _rule(error: ValidationError) -> Any:
    """The value of the keyword that refused."""
    return error.validator_value


def _schema(error: ValidationError) -> dict[str, Any]:
    """The schema that the keyword stands in."""
    return error.schema if isinstance(error.schema, dict) else {}


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _subject(error: ValidationError) -> str:
    """The value's name: its last key with the positions below it."""
    name = ""
    for step in reversed(error.absolute_path):
        if isinstance(step, str):
            return f"`{step if len(step) <= 60 else step[:59] + '…'}{name}`"
        name = f"[{step}]{name}"
    return f"item {name}" if name else "the document"


def _sentence(error: ValidationError) -> str:
    wording = _WORDINGS.get(str(error.validator))
    return wording(error) if wording else f"{_subject(error)} is not allowed here"


def _type(error: ValidationError) -> str:
    return f"{_subject(error)} must be {_listed(_as_list(_rule(error)))}, not {_kind(error.instance)}"


def _listed(types: list[str]) -> str:
    names = list(dict.fromkeys(_ARTICLES.get(kind, kind) for kind in types))
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


def _kind(value: object) -> str:
    if value is None:
        return "null (give it a value, or leave the key out where that is allowed)"
    if isinstance(value, dict | list):
        return "a map" if isinstance(value, dict) else "a list"
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"the string {clip(value)}" if isinstance(value, str) else f"the number {clip(value)}"


def _required(error: ValidationError) -> str:
    where = "" if not error.absolute_path else f" in {_subject(error)}"
    return f"`{error.message}` is missing{where}{_misspelt(error)}"


def _misspelt(error: ValidationError) -> str:
    """The key that was probably meant to be the missing one, where nothing else says that it is unknown."""
    schema = _schema(error)
    if schema.get("additionalProperties") is False or not isinstance(error.instance, dict):
        return ""
    unknown = [key for key in error.instance if key not in schema.get("properties", {})]
    written = nearest(error.message, unknown)
    return f", did you write it `{written}`?" if written else ""


def _unknown(error: ValidationError) -> str:
    name = str(error.absolute_path[-1])
    known = _schema(error).get("properties", {})
    meant = nearest(name, [key for key, schema in known.items() if schema is not False])
    hint = f", did you mean `{meant}`?" if meant else ""
    return f"unknown key {_subject(error)}{hint}"


def _enum(error: ValidationError) -> str:
    return _one_of(error, _rule(error))


def _const(error: ValidationError) -> str:
    return _one_of(error, [_rule(error)])


def _one_of(error: ValidationError, values: list[object]) -> str:
    shown = [value if isinstance(value, str) else _shown(value) for value in values[:16]]
    more = ", …" if len(values) > 16 else ""
    choice = shown[0] if len(shown) == 1 else "one of " + ", ".join(shown) + more
    meant = nearest(error.instance, shown) if isinstance(error.instance, str) and len(shown) > 1 else None
    hint = f", did you mean {meant}?" if meant else ""
    if not isinstance(error.instance, str) and _shown(error.instance) in values:
        hint = " (a text is asked for: quote it)"
    return f"{_subject(error)} must be {clip(choice, 200)[1:-1]}, not {_shown(error.instance)}{hint}"


def _shown(value: object) -> str:
    """``value`` with JSON's own spelling of what Python spells differently."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return clip(value)


def _pattern(error: ValidationError) -> str:
    pattern = clip(str(_rule(error)))[1:-1]
    return f"{_subject(error)} does not match the pattern {pattern}: {clip(error.instance)}"


def _at_least(unit: str) -> Callable[[ValidationError], str]:
    """The sentence for too few; ``unit`` is one of what is counted."""

    def sentence(error: ValidationError) -> str:
        if _rule(error) == 1:
            return f"{_subject(error)} must not be empty"
        return f"{_subject(error)} has {_count(error.instance, unit)}, at least {_rule(error):,} are needed"

    return sentence


def _at_most(unit: str) -> Callable[[ValidationError], str]:
    """The sentence for too many; ``unit`` is one of what is counted."""

    def sentence(error: ValidationError) -> str:
        if _rule(error) == 0:
            return f"{_subject(error)} must be empty"
        verb = "is" if _rule(error) == 1 else "are"
        return f"{_subject(error)} has {_count(error.instance, unit)}, at most {_rule(error):,} {verb} allowed"

    return sentence


def _count(value: Any, unit: str) -> str:
    count = len(value)
    return f"{count:,} {unit}{'' if count == 1 else 's'}"


def _bounded(bound: str) -> Callable[[ValidationError], str]:
    return lambda error: f"{_subject(error)} must be {bound} {_rule(error)}, not {clip(error.instance)}"


def _plain(text: str) -> Callable[[ValidationError], str]:
    return lambda error: f"{_subject(error)} {text}"


_WORDINGS: dict[str, Callable[[ValidationError], str]] = {
    "type": _type,
    "enum": _enum,
    "const": _const,
    "required": _required,
    "additionalProperties": _unknown,
    "pattern": _pattern,
    "minLength": _at_least("character"),
    "maxLength": _at_most("character"),
    "minItems": _at_least("item"),
    "maxItems": _at_most("item"),
    "minProperties": _at_least("key"),
    "maxProperties": _at_most("key"),
    "minimum": _bounded("at least"),
    "maximum": _bounded("at most"),
    "exclusiveMinimum": _bounded("more than"),
    "exclusiveMaximum": _bounded("less than"),
    "multipleOf": _bounded("a multiple of"),
    "uniqueItems": lambda error: f"{_subject(error)} {error.message}",
    "dependentRequired": lambda error: error.message,
    "not": _plain("is what its schema forbids"),
    "anyOf": _plain("fits none of the forms that are allowed here"),
    "oneOf": _plain("fits more than one of the forms of which it must be one"),
    "items": _plain("has more items than its schema allows"),
    "contains": _plain("lacks an item of the kind that it must hold"),
    "minContains": _plain("has too few items of the kind that it must hold"),
    "maxContains": _plain("has too many items of the kind that it may hold"),
    "unevaluatedProperties": _plain("has keys that no part of its schema allows"),
    "unevaluatedItems": _plain("has items that no part of its schema allows"),
}


# Alternatives: which one was meant.


def _alternatives(error: ValidationError) -> Iterator[SchemaProblem]:
    branches: dict[Any, list[ValidationError]] = {}
    for child in error.context:
        # The error of a branch that is simply false has no path.
        branches.setdefault(next(iter(child.relative_schema_path), None), []).append(child)
    fitting = [children for children in branches.values() if not _wrong_type(children)]
    if not fitting:
        yield _problem(error, _no_type_fits(error))
        return
    chosen = min(fitting, key=_distance)
    shared = _shared_choice(fitting, chosen)
    if shared is not None:
        yield shared
        return
    for child in chosen:
        yield from in_words(child)


def _wrong_type(children: list[ValidationError]) -> bool:
    return any(child.validator == "type" and not child.relative_path for child in children)


def _no_type_fits(error: ValidationError) -> str:
    wanted: list[str] = []
    for child in error.context:
        if child.validator == "type" and not child.relative_path:
            wanted += _as_list(_rule(child))
    return f"{_subject(error)} must be {_listed(wanted)}, not {_kind(error.instance)}"


def _distance(children: list[ValidationError]) -> int:
    """How far the value is from an alternative: a wrong constant says that another was meant."""
    return sum(_weight(child) for child in children)


def _weight(child: ValidationError) -> int:
    if child.validator in {"const", "enum", None}:
        return 10
    if child.validator == "additionalProperties":
        known = list(_schema(child).get("properties", {}))
        return 1 if nearest(str(child.absolute_path[-1]), known) else 3
    return 4 if child.validator == "required" else 1


def _shared_choice(fitting: list[list[ValidationError]], chosen: list[ValidationError]) -> SchemaProblem | None:
    """One sentence where every alternative wants another constant at the same key."""
    wrong = next((child for child in chosen if child.validator in {"const", "enum"}), None)
    if wrong is None or len(fitting) < 2:
        return None
    values: list[object] = []
    for children in fitting:
        same = [c for c in children if c.validator in {"const", "enum"} and c.absolute_path == wrong.absolute_path]
        if not same:
            return None
        for child in same:
            values += _rule(child) if child.validator == "enum" else [_rule(child)]
    return _problem(wrong, _one_of(wrong, values))
