"""Compares two schemas place by place, and says what each difference does to the set of values.

Every comparison is a proof attempt by parts: where each part of the new schema accepts what its
counterpart accepted, so does the whole. What recursion leads back to is assumed to be the same
while it is being compared; values are finite, so the assumption is sound if nothing else differs,
and whatever else differs is reported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from fractions import Fraction
from typing import Any

from catalog_tool.diff.schema.admits import admits, all_of, any_of
from catalog_tool.diff.schema.delta import Delta, Deltas, once, summed
from catalog_tool.diff.schema.documents import Document, split
from catalog_tool.diff.schema.facets import KINDS, NARROWS, SAME, UNKNOWN, WIDENS, Relation, compare
from catalog_tool.diff.schema.forms import ANYTHING, CannotDecide, Case, Group, Items, Term, TooLarge
from catalog_tool.diff.schema.members import compare_members, compare_required
from catalog_tool.diff.schema.normal import Reader
from catalog_tool.diff.schema.opaque import compare_sealed
from catalog_tool.model.limits import SAFE_INTEGER

ROOT: Term = frozenset({""})
MAX_ASKED = 50_000
"""Pairs of schemas that one comparison may ask about, the known ones too."""
MAX_DEPTH = 40
"""Pairs of schemas inside one another; a file's nesting is less, references may lead deeper."""


class Comparison:
    """The comparison of two documents; ``deltas`` may be asked for any pair of terms."""

    def __init__(self, old: Document, new: Document) -> None:
        self.old = Reader(old)
        self.new = Reader(new)
        self._known: dict[tuple[Term, Term], Deltas] = {}
        self._active: set[tuple[Term, Term]] = set()
        self._assumed: set[tuple[Term, Term]] = set()
        self._asked = 0
        self._negated = 0

    def whole(self, kinds: Iterable[str] = KINDS) -> Deltas:
        """Every difference of meaning between the documents, for values of these JSON types."""
        try:
            found = self._pair(ROOT, ROOT, frozenset(kinds))
        except TooLarge as reason:
            found = (Delta("constraint", "", UNKNOWN, reason=str(reason)),)
        if self.old.document.dialect != self.new.document.dialect:
            why = "the draft of JSON Schema changed"
            roots = self.old.document.root, self.new.document.root
            before, after = (root.get("$schema") if isinstance(root, dict) else None for root in roots)
            found += (Delta("constraint", "/$schema", UNKNOWN, before, after, reason=why),)
        return once(found)

    def deltas(self, old: Term, new: Term) -> Deltas:
        """Every difference of meaning between a term of the old and one of the new document."""
        pair = (old, new)
        self._asked += 1
        if self._asked > MAX_ASKED:
            raise TooLarge("the schemas are too large to compare")
        if self._negated and (pair in self._active or self._assumed):
            # under ``not`` an assumption would have to hold in the other direction as well
            return (Delta("constraint", home(old, new), UNKNOWN, reason="recursion under `not`"),)
        if pair in self._known:
            return self._known[pair]
        if pair in self._active:
            self._assumed.add(pair)
            return ()
        if len(self._active) >= MAX_DEPTH:
            return self._give_up(old, new, "the schema is nested too deeply")
        before = len(self._known)
        self._active.add(pair)
        found = once(self._pair(old, new, frozenset(KINDS)))
        self._active.discard(pair)
        if found and pair in self._assumed:
            # what was concluded from this pair being the same no longer stands
            for stale in list(self._known)[before:]:
                del self._known[stale]
        self._known[pair] = found
        return found

    def same(self, old: Term, new: Term) -> bool:
        """Whether the terms provably accept the same values."""
        return not self.deltas(old, new)

    def relation(self, old: Term, new: Term) -> Relation:
        """How the new term relates to the old one."""
        return summed(self.deltas(old, new))

    def _pair(self, old: Term, new: Term, kinds: frozenset[str]) -> Deltas:
        try:
            olds = [case for case in self.old.cases(old) if case.kind in kinds]
            news = [case for case in self.new.cases(new) if case.kind in kinds]
        except CannotDecide as reason:
            return self._give_up(old, new, str(reason))
        found = list(self._types(olds, news, home(old, new)))
        for kind in KINDS:
            left = [case for case in olds if case.kind == kind]
            right = [case for case in news if case.kind == kind]
            if left and right:
                found.extend(self._alternatives(left, right))
        return once(found)

    def _give_up(self, old: Term, new: Term, reason: str) -> Deltas:
        if self._is_untouched(old, new):
            return ()
        return (Delta("constraint", home(old, new), UNKNOWN, reason=reason),)

    def _is_untouched(self, old: Term, new: Term) -> bool:
        """Whether the same constraints are written at the same places, references followed."""
        return old == new and all(self.old.document.sealed(place) == self.new.document.sealed(place) for place in old)

    def _types(self, olds: list[Case], news: list[Case], place: str) -> Iterator[Delta]:
        before, after = {case.kind for case in olds}, {case.kind for case in news}
        relation = Relation(narrows=bool(before - after), widens=bool(after - before))
        if not relation.same:
            written = [_only({case.at.get("type") for case in side}) for side in (news, olds)]
            path = written[0] or written[1] or place
            yield Delta("constraint", path, relation, type_names(olds), type_names(news), name="type")

    def _alternatives(self, olds: list[Case], news: list[Case]) -> Iterator[Delta]:
        """Differences between the alternatives of one JSON type."""
        if len(olds) == len(news) == 1:
            yield from self._case(olds[0], news[0])
            return
        apart = self.old.are_apart(olds)
        _, left, right = _paired(olds, news, lambda old, new: not self._case(old, new))
        partners, left, right = _paired(left, right, lambda old, new: old.home == new.home)
        for old, new in [*partners, *zip(left, right, strict=False)]:
            yield from self._case(old, new, apart=apart)
        paired = min(len(left), len(right))
        left, right = left[paired:], right[paired:]
        for old in left:
            if not self._covers(old, news, apart=apart):
                yield from self._alternative(old, NARROWS)
        for new in right:
            if not self._is_covered(new, olds):
                yield from self._alternative(new, WIDENS)

    def _alternative(self, case: Case, relation: Relation) -> Iterator[Delta]:
        """An alternative that went or came."""
        came = relation is WIDENS
        schema = (self.new if came else self.old).document.at(case.home)
        before, after = (None, schema) if came else (schema, None)
        yield Delta("constraint", case.home, relation, before, after, name="alternative")

    def _covers(self, old: Case, news: list[Case], *, apart: bool) -> bool:
        """Whether the new alternatives together accept what an old one accepts."""
        if old.is_listed:
            return _admit_all(self.new, news, old)
        return any(not any(delta.refuses for delta in self._case(old, new, apart=apart)) for new in news)

    def _is_covered(self, new: Case, olds: list[Case]) -> bool:
        """Whether the old alternatives together accept what a new one accepts."""
        if new.is_listed:
            return _admit_all(self.old, olds, new)
        return any(not any(delta.accepts for delta in self._case(old, new)) for old in olds)

    def _case(self, old: Case, new: Case, *, apart: bool = True) -> Deltas:
        """Differences between two alternatives; ``apart`` as in ``compare_members``."""
        if old.is_listed or new.is_listed:
            return tuple(self._values(old, new))
        found: list[Delta] = []
        for facet in dict.fromkeys([*old.facets, *new.facets]):
            if facet == "properties":
                found.extend(self._members(old, new, apart=apart))
            else:
                found.extend(self._facet(facet, old, new))
        return once(found)

    def _values(self, old: Case, new: Case) -> Iterator[Delta]:
        """Where at least one side is exactly a list of values."""
        before, after = old.get("enum"), new.get("enum")
        if old.is_listed and new.is_listed:
            relation = _sets(before, after)
        elif before is not None and after is not None:
            # the side that is not a mere list has one constraint more
            relation = _sets(before, after).also(NARROWS if old.is_listed else WIDENS)
        elif old.is_listed:
            kept = all_of(admits(self.new, new, value) for value in before.values())
            relation = Relation(narrows=kept is False, widens=True, unknown=kept is None)
        else:
            known = all_of(admits(self.old, old, value) for value in after.values())
            relation = Relation(narrows=True, widens=known is False, unknown=known is None)
        if not relation.same:
            reason = "the listed values cannot be checked" if relation.unknown else ""
            path = new.at.get("enum") or old.at.get("enum") or new.home
            yield Delta("constraint", path, relation, _listed(before), _listed(after), "enum", reason=reason)

    def _facet(self, facet: str, old: Case, new: Case) -> Iterable[Delta]:
        special = {
            "required": _with_members,
            "patterns": self._patterns,
            "items": self._items,
            "propertyNames": self._names,
            "not": self._nots,
            "sealed": self._sealed,
            "enum": _half_listed,
            "dependentRequired": _dependent,
        }
        if facet in special:
            return special[facet](old, new)
        return _scalar(facet, old, new)

    def _members(self, old: Case, new: Case, *, apart: bool) -> Iterable[Delta]:
        if not old.get("patterns") and not new.get("patterns"):
            return compare_members(self, old, new, apart=apart)
        # a name may fall under a pattern, so members that come or go cannot be judged one by one
        if self._same_members(old.facets["properties"], new.facets["properties"]):
            return compare_required(old, new)
        return [Delta("constraint", new.home, UNKNOWN, reason="members beside `patternProperties` changed")]

    def _same_members(self, before: Group, after: Group) -> bool:
        return (
            before.named.keys() == after.named.keys()
            and all(self.same(before.named[name], after.named[name]) for name in before.named)
            and self.same(before.rest, after.rest)
        )

    def _patterns(self, old: Case, new: Case) -> Iterator[Delta]:
        """Groups with ``patternProperties``: the same names and patterns, or undecided."""
        before, after = old.get("patterns") or (), new.get("patterns") or ()
        shapes = [[(group.named.keys(), group.patterns.keys()) for group in side] for side in (before, after)]
        if shapes[0] != shapes[1]:
            yield self._undecided("patternProperties", old, new, "`patternProperties` changed")
            return
        for left, right in zip(before, after, strict=True):
            for name, term in left.named.items():
                yield from self.deltas(term, right.named[name])
            for pattern, term in left.patterns.items():
                yield from self.deltas(term, right.patterns[pattern])
            yield from self.deltas(left.rest, right.rest)

    def _items(self, old: Case, new: Case) -> Iterator[Delta]:
        before: Items = old.facets["items"]
        after: Items = new.facets["items"]
        for index in range(max(len(before.prefix), len(after.prefix))):
            yield from self.deltas(before.item(index), after.item(index))
        yield from self.deltas(before.rest, after.rest)

    def _names(self, old: Case, new: Case) -> Iterable[Delta]:
        return self.deltas(old.get("propertyNames") or ANYTHING, new.get("propertyNames") or ANYTHING)

    def _nots(self, old: Case, new: Case) -> Iterator[Delta]:
        self._negated += 1
        left, right = list(old.get("not") or ()), list(new.get("not") or ())
        for before in list(left):
            twin = next((after for after in right if self.same(before, after)), None)
            if twin is not None:
                left.remove(before)
                right.remove(twin)
        relation = SAME
        if len(left) == len(right) == 1:
            relation = self.relation(left[0], right[0]).flipped()
        elif left or right:
            relation = Relation(narrows=bool(right), widens=bool(left))
        self._negated -= 1
        if not relation.same:
            path = self._path("not", old, new)
            before, after = self._schema(self.old, left), self._schema(self.new, right)
            why = _why(relation, "not")
            yield Delta("constraint", path, relation, before, after, name="not", reason=why)

    def _sealed(self, old: Case, new: Case) -> Iterator[Delta]:
        return compare_sealed(old, new, (self.old.document, self.new.document))

    def _undecided(self, keyword: str, old: Case, new: Case, reason: str) -> Delta:
        """The difference that two values of a keyword are which cannot be compared."""
        sides = (self.old.document, old), (self.new.document, new)
        before, after = (document.at(case.at[keyword]) if keyword in case.at else None for document, case in sides)
        return Delta("constraint", self._path(keyword, old, new), UNKNOWN, before, after, reason=reason)

    def _schema(self, reader: Reader, terms: list[Term]) -> Any:
        return reader.document.at(min(terms[0])) if terms else None

    def _path(self, keyword: str, old: Case, new: Case) -> str:
        return new.at.get(keyword) or old.at.get(keyword) or new.home


def home(old: Term, new: Term) -> str:
    """The place that a difference between two terms is reported at."""
    return min(new or old or ROOT, key=lambda place: (len(place), place))


def _admit_all(reader: Reader, cases: list[Case], listed: Case) -> bool:
    """Whether every listed value is accepted by some case."""
    values = listed.facets["enum"].values()
    return all_of(any_of(admits(reader, case, value) for case in cases) for value in values) is True


def _why(relation: Relation, keyword: str) -> str:
    return f"`{keyword}` changed" if relation.unknown else ""


def _only(values: set[str | None]) -> str | None:
    return next(iter(values)) if len(values) == 1 else None


def type_names(cases: list[Case]) -> Any:
    """The JSON types of the cases as ``type`` would say it."""
    names = {case.kind for case in cases}
    if "number" in names and all(case.get("integer") for case in cases if case.kind == "number"):
        names = names - {"number"} | {"integer"}
    return next(iter(names)) if len(names) == 1 else sorted(names)


def _listed(values: dict[str, Any] | None) -> Any:
    return None if values is None else list(values.values())


def _paired(
    olds: list[Case], news: list[Case], fits: Callable[[Case, Case], bool]
) -> tuple[list[tuple[Case, Case]], list[Case], list[Case]]:
    """Pairs that fit each other, each case in one pair at most, and what is left on either side."""
    pairs: list[tuple[Case, Case]] = []
    left: list[Case] = []
    right = list(news)
    for old in olds:
        index = next((index for index, new in enumerate(right) if fits(old, new)), None)
        if index is None:
            left.append(old)
        else:
            pairs.append((old, right.pop(index)))
    return pairs, left, right


def _with_members(old: Case, new: Case) -> Iterable[Delta]:
    """Nothing: what is required is compared with the members, which every object case has."""
    del old, new
    return ()


def _scalar(facet: str, old: Case, new: Case) -> Iterator[Delta]:
    before, after = old.get(facet), new.get(facet)
    relation = compare(facet, before, after)
    if relation.same:
        return
    if facet == "integer":
        path = new.at.get("type") or old.at.get("type") or new.home
        yield Delta("constraint", path, relation, type_names([old]), type_names([new]), name="type")
        return
    path = (old if after is None else new).at.get(facet) or new.home
    keyword = split(path)[-1] if path else facet
    why = _why(relation, keyword)
    yield Delta("constraint", path, relation, shown(before), shown(after), name=keyword, reason=why)


def shown(value: Any) -> Any:
    """A facet's value as JSON."""
    if isinstance(value, tuple):
        value = value[0]
    if isinstance(value, frozenset):
        values = sorted(map(shown, value))
        return values[0] if len(values) == 1 else values
    if isinstance(value, Fraction):
        return int(value) if value.denominator == 1 and abs(value) <= SAFE_INTEGER else float(value)
    return value


def _sets(before: Mapping[str, Any], after: Mapping[str, Any]) -> Relation:
    return Relation(bool(before.keys() - after.keys()), bool(after.keys() - before.keys()))


def _half_listed(old: Case, new: Case) -> Iterator[Delta]:
    """Listed values on a side where other constraints on them could not be checked."""
    before, after = old.get("enum"), new.get("enum")
    if before is not None and after is not None:
        relation = _sets(before, after)
    else:
        relation = NARROWS if before is None else WIDENS
    if not relation.same:
        path = new.at.get("enum") or old.at.get("enum") or new.home
        yield Delta("constraint", path, relation, _listed(before), _listed(after), name="enum")


def _dependent(old: Case, new: Case) -> Iterator[Delta]:
    before = old.get("dependentRequired") or frozenset()
    after = new.get("dependentRequired") or frozenset()
    relation = Relation(narrows=bool(after - before), widens=bool(before - after))
    if relation.same:
        return
    path = (new if after else old).at.get("dependentRequired") or new.home
    pairs = [sorted(map(list, side)) or None for side in (before, after)]
    yield Delta("constraint", path, relation, pairs[0], pairs[1], name="dependentRequired")
