"""Whether a schema accepts one value, as far as that can be said without running a pattern."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from catalog_tool.diff.schema.documents import fingerprint
from catalog_tool.diff.schema.facets import kind_of
from catalog_tool.diff.schema.forms import CannotDecide, Case, Group, Items, Term

if TYPE_CHECKING:
    from catalog_tool.diff.schema.normal import Reader

Verdict = bool | None
"""True, False, or None where it is not known."""


def admits_term(reader: Reader, term: Term, value: Any) -> Verdict:
    """Whether a term accepts a value."""
    question = (term, id(value))
    if question in reader.checking:
        return None
    reader.checking.add(question)
    try:
        cases = reader.cases(term)
        return any_of(admits(reader, case, value) for case in cases if case.kind == kind_of(value))
    except CannotDecide:
        return None
    finally:
        reader.checking.discard(question)


def admits(reader: Reader, case: Case, value: Any) -> Verdict:
    """Whether a case of the value's own JSON type accepts it."""
    return all_of(
        _CHECKS[facet](reader, wanted, value) if facet in _CHECKS else None for facet, wanted in case.facets.items()
    )


def all_of(verdicts: Iterable[Verdict]) -> Verdict:
    """False if any is False, else None if any is unknown, else True."""
    result: Verdict = True
    for verdict in verdicts:
        if verdict is False:
            return False
        if verdict is None:
            result = None
    return result


def any_of(verdicts: Iterable[Verdict]) -> Verdict:
    """True if any is True, else None if any is unknown, else False."""
    return _negated(all_of(_negated(verdict) for verdict in verdicts))


def _negated(verdict: Verdict) -> Verdict:
    return None if verdict is None else not verdict


def _not(reader: Reader, terms: tuple[Term, ...], value: Any) -> Verdict:
    return all_of(_negated(admits_term(reader, term, value)) for term in terms)


def _step(_: Reader, steps: frozenset[Fraction], value: Any) -> Verdict:
    if all(step.denominator == 1 for step in steps):
        return all(Fraction(value) % step == 0 for step in steps)
    # validators disagree about fractions, unless the value is the step itself
    return True if all(step == Fraction(value) for step in steps) else None


def _unique(_: Reader, __: bool, value: Any) -> Verdict:  # noqa: FBT001  # one signature for all checks
    return len({fingerprint(item) for item in value}) == len(value)


def _items(reader: Reader, items: Items, value: Any) -> Verdict:
    return all_of(admits_term(reader, items.item(index), item) for index, item in enumerate(value))


def _members(reader: Reader, group: Group, value: Any) -> Verdict:
    return all_of(admits_term(reader, group.member(name), item) for name, item in value.items())


def _names(reader: Reader, term: Term, value: Any) -> Verdict:
    return all_of(admits_term(reader, term, name) for name in value)


_CHECKS: Mapping[str, Callable[[Reader, Any, Any], Verdict]] = {
    "enum": lambda _, wanted, value: fingerprint(value) in wanted,
    "not": _not,
    "integer": lambda _, __, value: Fraction(value).denominator == 1,
    "low": lambda _, wanted, value: Fraction(value) > wanted[0] or (Fraction(value), 0) == wanted,
    "high": lambda _, wanted, value: Fraction(value) < wanted[0] or (Fraction(value), 1) == wanted,
    "step": _step,
    "minLength": lambda _, wanted, value: len(value) >= wanted,
    "maxLength": lambda _, wanted, value: len(value) <= wanted,
    "minItems": lambda _, wanted, value: len(value) >= wanted,
    "maxItems": lambda _, wanted, value: len(value) <= wanted,
    "uniqueItems": _unique,
    "items": _items,
    "properties": _members,
    "propertyNames": _names,
    "required": lambda _, wanted, value: wanted <= value.keys(),
    "minProperties": lambda _, wanted, value: len(value) >= wanted,
    "maxProperties": lambda _, wanted, value: len(value) <= wanted,
    "dependentRequired": lambda _, wanted, value: all(name not in value or other in value for name, other in wanted),
}
"""How each facet is checked; what is not here (patterns, formats, sealed keywords) is unknown."""
