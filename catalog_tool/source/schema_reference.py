"""The reference engine: ``jsonschema``, made safe. It runs only where something was refused.

It reads no other document (an empty registry), matches ``pattern`` by an engine of linear time, finds
repeated items by hashing, and works at most STEPS steps. Importing it costs more than a whole fast
check, so it is imported when it is first needed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterator
from contextvars import ContextVar
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from catalog_tool.source.linear_pattern import search_linear
from catalog_tool.source.schema_survey import DIALECT, JsonSchema

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

Keyword = Callable[[Any, Any, Any, Any], "Iterator[ValidationError] | None"]

STEPS = 40_000
"""Keywords that one check may evaluate: about a second of work."""

_VOCABULARIES = (
    "meta/core",
    "meta/applicator",
    "meta/unevaluated",
    "meta/validation",
    "meta/meta-data",
    "meta/format-annotation",
    "meta/content",
)


class _Run:
    """What one check has left to do, and the lists of allowed values that it has hashed."""

    def __init__(self) -> None:
        self.steps = STEPS
        self.enums: dict[int, frozenset[Hashable]] = {}


_run_now: ContextVar[_Run] = ContextVar("run")


class _TooMuchWorkError(Exception):
    """The budget of steps is used up."""


class Found(NamedTuple):
    """``errors`` in the reference's own words; ``is_complete`` False: the work had to be cut short."""

    errors: list[ValidationError]
    is_complete: bool


def find_errors(schema: JsonSchema, document: object, *, limit: int) -> Found:
    """What the reference finds in ``document``, at most ``limit`` errors.

    LookupError: a reference in ``schema`` leads nowhere.
    """
    from referencing import Registry

    return _run(_validator_class()(schema, registry=Registry()), document, limit)


def find_schema_errors(schema: object, *, limit: int) -> Found:
    """What the 2020-12 meta-schema finds in ``schema``, at most ``limit`` errors."""
    return _run(_meta_validator(), schema, limit)


@lru_cache(maxsize=1)
def _meta_validator() -> Any:
    """The meta-schema without its ``$schema``, which would bring the library's own keywords back."""
    from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]
    from referencing import Registry
    from referencing.jsonschema import DRAFT202012

    base = DIALECT.removesuffix("schema")
    registry: Registry[Any] = Registry()
    for name in ("schema", *_VOCABULARIES):
        contents = {key: value for key, value in REGISTRY[base + name].contents.items() if key != "$schema"}
        registry = registry.with_resource(base + name, DRAFT202012.create_resource(contents))
    return _validator_class()({"$ref": DIALECT}, registry=registry)


def _run(validator: Any, document: object, limit: int) -> Found:
    from referencing.exceptions import Unresolvable

    errors: list[ValidationError] = []
    token = _run_now.set(_Run())
    try:
        errors += islice(validator.iter_errors(document), limit)
    except Unresolvable as error:
        raise LookupError(str(error)) from error
    except (_TooMuchWorkError, RecursionError):
        return Found(errors, is_complete=False)
    finally:
        _run_now.reset(token)
    return Found(errors, is_complete=True)


@lru_cache(maxsize=1)
def _validator_class() -> Any:
    from jsonschema import Draft202012Validator
    from jsonschema.validators import extend

    own: dict[str, Keyword] = {
        "pattern": _pattern,
        "enum": _enum,
        "uniqueItems": _unique_items,
        "required": _required,
        "dependentRequired": _dependent_required,
        "propertyNames": _property_names,
        "properties": _properties,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties,
    }
    keywords = {**Draft202012Validator.VALIDATORS, **own}
    counted = {name: _counted(keyword) for name, keyword in keywords.items()}
    return extend(Draft202012Validator, counted)  # type: ignore[no-untyped-call]


def _counted(keyword: Keyword) -> Keyword:
    def counted(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[ValidationError] | None:
        run = _run_now.get()
        run.steps -= 1
        if run.steps < 0:
            raise _TooMuchWorkError
        return keyword(validator, value, instance, schema)

    return counted


def _error(message: str, *, at: str | None = None) -> ValidationError:
    from jsonschema.exceptions import ValidationError

    return ValidationError(message, path=() if at is None else (at,))


def _pattern(_validator: Any, pattern: Any, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    if isinstance(instance, str) and search_linear(pattern, instance) is False:
        yield _error(pattern)


def _enum(_validator: Any, values: Any, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    """Found by hash: a long list would else be gone through for every value."""
    enums = _run_now.get().enums
    allowed = enums.get(id(values))
    if allowed is None:
        allowed = enums[id(values)] = frozenset(_frozen(value) for value in values)
    if _frozen(instance) not in allowed:
        yield _error("enum")


def _required(_validator: Any, names: Any, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    """One error a missing name; its message is that name."""
    if isinstance(instance, dict):
        for name in names:
            if name not in instance:
                yield _error(name)


def _dependent_required(_validator: Any, needs: Any, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    if isinstance(instance, dict):
        for name, others in needs.items():
            for other in others if name in instance else ():
                if other not in instance:
                    yield _error(f"`{name}` also needs `{other}`")


def _property_names(validator: Any, names: Any, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    """Errors that point to the name itself, so that its line can be found."""
    if isinstance(instance, dict):
        for name in instance:
            yield from validator.descend(name, names, path=name)


def _properties(validator: Any, properties: Any, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    """Errors of a property that is forbidden point to it, too."""
    for name, schema in properties.items() if isinstance(instance, dict) else ():
        if name in instance and schema is False:
            yield _error(name, at=name)
        elif name in instance:
            yield from validator.descend(instance[name], schema, path=name, schema_path=name)


def _pattern_properties(validator: Any, patterns: Any, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    for pattern, schema in patterns.items() if isinstance(instance, dict) else ():
        for name, value in instance.items():
            if _matches(pattern, name):
                yield from validator.descend(value, schema, path=name, schema_path=pattern)


def _additional_properties(validator: Any, allowed: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    """One error for each name that is not allowed, at that name, instead of one for all of them."""
    known, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    for name, value in instance.items() if isinstance(instance, dict) else ():
        if name in known or any(_matches(pattern, name) for pattern in patterns):
            continue
        if allowed is False:
            yield _error(name, at=name)
        elif allowed is not True:
            yield from validator.descend(value, allowed, path=name)


def _matches(pattern: str, name: str) -> bool:
    """Whether a name fits a key of ``patternProperties``, in linear time.

    A key is as written; or, in a schema that uses ``unevaluatedProperties``, spelled for Python's own
    engine, and then one that is linear there.
    """
    found = search_linear(pattern, name)
    return re.search(pattern, name) is not None if found is None else found


def _unique_items(_validator: Any, wanted: Any, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    if not wanted or not isinstance(instance, list):
        return
    seen: dict[Hashable, int] = {}
    for index, item in enumerate(instance):
        earlier = seen.setdefault(_frozen(item), index)
        if earlier != index:
            yield _error(f"holds the same item twice: items {earlier + 1} and {index + 1}")
            return


def _frozen(value: Any) -> Hashable:
    """``value`` as something that hashes: equal where JSON Schema says equal (1 is 1.0, never true)."""
    if isinstance(value, dict):
        return frozenset((key, _frozen(item)) for key, item in value.items())
    if isinstance(value, list):
        return tuple(_frozen(item) for item in value)
    return ("bool", value) if isinstance(value, bool) else value
