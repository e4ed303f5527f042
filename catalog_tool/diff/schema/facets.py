"""The single constraints of a normal form: how they merge under ``allOf`` and how two of them compare.

A facet is one constraint on values of one JSON type, such as the lower bound of a number. Each row of
``SCALARS`` says how to read a keyword, how two occurrences become one, and how two facets compare.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any, NamedTuple

KINDS = ("null", "boolean", "number", "string", "array", "object")
"""JSON's types; an integer is a number whose ``integer`` facet is set."""

Bound = tuple[Fraction, int]


class Relation(NamedTuple):
    """How a new constraint relates to the old one.

    ``narrows``: it may refuse what the old one accepted; ``widens``: it may accept what the old one
    refused; ``unknown``: nothing could be proven. All False: the same set of values.
    """

    narrows: bool = False
    widens: bool = False
    unknown: bool = False

    @property
    def same(self) -> bool:
        """Whether both constraints accept exactly the same values."""
        return not any(self)

    def flipped(self) -> Relation:
        """The relation of the negated constraints."""
        return Relation(self.widens, self.narrows, self.unknown)

    def also(self, other: Relation) -> Relation:
        """The relation of both constraints together."""
        return Relation(self.narrows or other.narrows, self.widens or other.widens, self.unknown or other.unknown)


SAME = Relation()
NARROWS = Relation(narrows=True)
WIDENS = Relation(widens=True)
BOTH = Relation(narrows=True, widens=True)
UNKNOWN = Relation(unknown=True)


class Scalar(NamedTuple):
    """One keyword whose value is compared as it stands.

    ``facet`` is the constraint that the keyword feeds, ``kind`` the JSON type it speaks about.
    """

    facet: str
    kind: str
    read: Callable[[Any], Any]
    merge: Callable[[Any, Any], Any]


def kind_of(value: Any) -> str:
    """The JSON type of a parsed value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def is_number(value: Any) -> bool:
    """Whether a JSON value is a finite number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def is_count(value: Any) -> bool:
    """Whether a JSON value is a whole number from 0 upwards, as lengths and counts must be."""
    return is_number(value) and value >= 0 and value == int(value)


def _above(exclusive: int) -> Callable[[Any], Bound]:
    return lambda value: (Fraction(value), exclusive)


def _one(value: Any) -> frozenset[Any]:
    return frozenset({value})


def _steps(value: Any) -> frozenset[Fraction]:
    return frozenset({Fraction(value)})


def _union(left: frozenset[Any], right: frozenset[Any]) -> frozenset[Any]:
    return left | right


SCALARS: Mapping[str, Scalar] = {
    "minimum": Scalar("low", "number", _above(0), max),
    "exclusiveMinimum": Scalar("low", "number", _above(1), max),
    # an exclusive upper bound is the stricter one, so it sorts below the inclusive one
    "maximum": Scalar("high", "number", _above(1), min),
    "exclusiveMaximum": Scalar("high", "number", _above(0), min),
    "multipleOf": Scalar("step", "number", _steps, _union),
    "minLength": Scalar("minLength", "string", int, max),
    "maxLength": Scalar("maxLength", "string", int, min),
    "pattern": Scalar("pattern", "string", _one, _union),
    "format": Scalar("format", "string", _one, _union),
    "minItems": Scalar("minItems", "array", int, max),
    "maxItems": Scalar("maxItems", "array", int, min),
    "uniqueItems": Scalar("uniqueItems", "array", bool, max),
    "minProperties": Scalar("minProperties", "object", int, max),
    "maxProperties": Scalar("maxProperties", "object", int, min),
}


def compare(facet: str, old: Any, new: Any) -> Relation:
    """The relation of two values of a facet; None stands for a facet that is not there."""
    if old == new:
        return SAME
    if old is None:
        return NARROWS
    if new is None:
        return WIDENS
    return _COMPARE[facet](old, new)


def _lower(old: Any, new: Any) -> Relation:
    return NARROWS if new > old else WIDENS


def _upper(old: Any, new: Any) -> Relation:
    return NARROWS if new < old else WIDENS


def _texts(old: frozenset[str], new: frozenset[str]) -> Relation:
    """Conjunctions of patterns or formats: more of them narrow, other ones cannot be compared."""
    if old < new:
        return NARROWS
    return WIDENS if new < old else UNKNOWN


def _multiples(old: frozenset[Fraction], new: frozenset[Fraction]) -> Relation:
    """Whole steps are compared by divisibility; other ones only by being the same.

    Validators disagree about multiples of fractions such as 0.1, so nothing is concluded there.
    """
    if old < new or new < old:
        return _texts(old, new)  # type: ignore[arg-type]
    if any(step.denominator != 1 for step in old | new):
        return UNKNOWN
    before, after = math.lcm(*map(int, old)), math.lcm(*map(int, new))
    return Relation(narrows=before % after != 0, widens=after % before != 0)


_COMPARE: Mapping[str, Callable[[Any, Any], Relation]] = {
    "low": _lower,
    "high": _upper,
    "step": _multiples,
    "minLength": _lower,
    "maxLength": _upper,
    "pattern": _texts,
    "format": _texts,
    "minItems": _lower,
    "maxItems": _upper,
    "minProperties": _lower,
    "maxProperties": _upper,
}
