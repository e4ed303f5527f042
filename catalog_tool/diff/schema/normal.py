"""The normal form of a schema: for each JSON type a list of cases, each a conjunction of facets.

A *term* is a set of pointers: the schemas at all of them hold together. The empty term accepts
everything. ``Reader.cases`` follows ``$ref`` and ``allOf``, multiplies ``anyOf`` out, treats ``oneOf``
as ``anyOf`` where its alternatives provably exclude each other, and sorts what is left by JSON type.
So ``{"type": ["string", "null"]}`` and ``{"anyOf": [{"type": "null"}, {"type": "string"}]}`` become
the same thing. What has no place in the normal form is *sealed*: kept as a fingerprint that is equal
or not.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from itertools import combinations, product
from typing import Any

from catalog_tool.diff.schema.build import Builder
from catalog_tool.diff.schema.documents import IDENTITY, Document, is_annotation, join
from catalog_tool.diff.schema.forms import CannotDecide, Case, Term, TooLarge
from catalog_tool.diff.schema.keywords import is_known
from catalog_tool.diff.schema.settle import settled

MAX_CASES = 64
"""Combinations of alternatives that one schema may multiply out to."""
MAX_STEPS = 2_000
"""Schemas of one document that a comparison may look at."""
MAX_DEPTH = 24
"""Schemas that may have to be read in order to read one."""
EXCLUDE_DEPTH = 3
"""Levels of members that are searched for a difference between alternatives."""

Held = tuple[str, frozenset[str]]
"""A place, and the places above it that led to it without entering a value."""


class Reader:
    """Reads the normal form of the schemas of one document; everything is computed once."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self._cases: dict[Term, tuple[Case, ...]] = {}
        self._reading: set[Term] = set()
        self._exclusive: dict[tuple[str, ...], bool] = {}
        self._steps = 0
        self.checking: set[tuple[Term, int]] = set()
        """Values that are being held against terms, by identity: how ``admits`` ends recursion."""

    def raw(self, place: str, keyword: str) -> Any:
        """The value of a well-formed keyword of the schema at a place, or None."""
        schema = self.document.at(place)
        value = schema.get(keyword) if isinstance(schema, dict) else None
        return value if value is not None and is_known(keyword, value) else None

    def cases(self, term: Term) -> tuple[Case, ...]:
        """Every alternative of a term; none where nothing is accepted.

        Raises ``CannotDecide`` where the alternatives are too many or a reference runs in a circle,
        ``TooLarge`` where the whole comparison has to end.
        """
        if term not in self._cases:
            if term in self._reading:
                raise CannotDecide("the schema refers to itself in place")
            if len(self._reading) >= MAX_DEPTH:
                raise CannotDecide("the schema is nested too deeply")
            self._reading.add(term)
            try:
                self._cases[term] = self._read(term)
            finally:
                self._reading.discard(term)
        return self._cases[term]

    def is_anything(self, term: Term) -> bool:
        """Whether a term is written so that it plainly accepts every value."""
        return all(self._is_open(self.document.at(place)) for place in term)

    def is_nothing(self, term: Term) -> bool:
        """Whether a term provably accepts no value; False where that is not known."""
        if not term or term in self._reading:
            return False
        try:
            return not self.cases(term)
        except CannotDecide:
            return False

    def options(self, place: str, keyword: str) -> list[str]:
        """The places of the alternatives under ``allOf``, ``anyOf`` or ``oneOf``."""
        return [join(place, keyword, index) for index in range(len(self.raw(place, keyword) or ()))]

    def excludes_all(self, places: list[str]) -> bool:
        """Whether no value can be accepted by two of the schemas; False where that is not known."""
        key = tuple(places)
        if key not in self._exclusive:
            # what asks again while this is being found out gets the careful answer
            self._exclusive[key] = False
            self._exclusive[key] = len(places) <= MAX_CASES and self._exclude_all(places)
        return self._exclusive[key]

    def are_apart(self, cases: list[Case]) -> bool:
        """Whether no value can be accepted by two of the cases; False where that is not known."""
        try:
            return all(self._cases_exclude(one, other, 0) for one, other in combinations(cases, 2))
        except CannotDecide:
            return False

    def _exclude_all(self, places: list[str]) -> bool:
        terms = [frozenset({place}) for place in places]
        try:
            return all(self._exclude(left, right, 0) for left, right in combinations(terms, 2))
        except CannotDecide:
            return False

    def _is_open(self, schema: Any) -> bool:
        if isinstance(schema, dict):
            return all(is_annotation(keyword) or keyword in IDENTITY for keyword in schema)
        return schema is True

    def _read(self, term: Term) -> tuple[Case, ...]:
        self._steps += 1
        if self._steps > MAX_STEPS:
            raise TooLarge("the schema is too large to compare")
        start = [(place, frozenset[str]()) for place in sorted(term)]
        alternatives = self._alternatives(start, ())
        found = [
            whole for places in alternatives for case in Builder(self, places).cases() for whole in settled(self, case)
        ]
        return tuple(found) if len(alternatives) == 1 else _distinct(found)

    def _alternatives(self, pending: Iterable[Held], done: tuple[str, ...]) -> list[tuple[str, ...]]:
        """Schema objects that hold together: one list for each way to choose alternatives."""
        plain, unions = self._conjunction(pending, done)
        if not unions:
            return [plain]
        if math.prod(map(len, unions)) > MAX_CASES:
            raise CannotDecide("too many combinations of alternatives")
        result: list[tuple[str, ...]] = []
        for choice in product(*unions):
            result.extend(self._alternatives(choice, plain))
            if len(result) > MAX_CASES:
                raise CannotDecide("too many combinations of alternatives")
        return result

    def _conjunction(self, pending: Iterable[Held], done: tuple[str, ...]) -> tuple[tuple[str, ...], list[list[Held]]]:
        """All schema objects that ``$ref`` and ``allOf`` join, and the unions met on the way."""
        plain = dict.fromkeys(done)
        unions: list[list[Held]] = []
        todo = list(pending)[::-1]
        while todo:
            place, above = todo.pop()
            if place in above:
                raise CannotDecide("the schema refers to itself in place")
            if place in plain:
                continue
            plain[place] = None
            below = above | {place}
            joined, choices = self._in_place(place)
            unions.extend([(option, below) for option in options] for options in choices)
            todo.extend((other, below) for other in reversed(joined))
        return tuple(plain), unions

    def _in_place(self, place: str) -> tuple[list[str], list[list[str]]]:
        """What else holds where the schema at a place holds: joined schemas, and unions to choose from."""
        joined: list[str] = []
        unions: list[list[str]] = []
        target = self.document.resolve(self.raw(place, "$ref"))
        if target is not None:
            joined.append(target)
        joined += self.options(place, "allOf")
        for keyword in ("anyOf", "oneOf"):
            options = self.options(place, keyword)
            if len(options) == 1:
                joined += options
            elif options and (keyword == "anyOf" or self.excludes_all(options)):
                unions.append(options)
        return joined, unions

    def _exclude(self, left: Term, right: Term, depth: int) -> bool:
        return depth <= EXCLUDE_DEPTH and all(
            self._cases_exclude(one, other, depth)
            for one in self.cases(left)
            for other in self.cases(right)
            if one.kind == other.kind
        )

    def _cases_exclude(self, one: Case, other: Case, depth: int) -> bool:
        if "enum" in one.facets and "enum" in other.facets:
            return not set(one.facets["enum"]) & set(other.facets["enum"])
        first, second = one.get("properties"), other.get("properties")
        if first is None or second is None:
            return False
        required = (one.get("required") or frozenset()) | (other.get("required") or frozenset())
        return any(self._exclude(first.member(name), second.member(name), depth + 1) for name in sorted(required))


def _distinct(cases: Iterable[Case]) -> tuple[Case, ...]:
    """The cases, each once, with those of a kind that are mere lists of values made one list."""
    result: list[Case] = []
    lists: dict[str, int] = {}
    for case in {_key(case): case for case in cases}.values():
        if not case.is_listed:
            result.append(case)
        elif case.kind not in lists:
            lists[case.kind] = len(result)
            result.append(case)
        else:
            known = result[lists[case.kind]]
            values = {**known.facets["enum"], **case.facets["enum"]}
            result[lists[case.kind]] = known._replace(facets={"enum": values})
    return tuple(result)


def _key(case: Case) -> str:
    return repr((case.kind, sorted((name, _stable(value)) for name, value in case.facets.items())))


def _stable(value: Any) -> str:
    if isinstance(value, frozenset):
        return repr(sorted(map(_stable, value)))
    if isinstance(value, Mapping):
        return repr(sorted((key, _stable(item)) for key, item in value.items()))
    if isinstance(value, tuple):
        return repr([_stable(item) for item in value])
    return repr(value)
