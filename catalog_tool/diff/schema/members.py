"""Compares the members of objects: added, removed, renamed, required, closed, opened."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any

from catalog_tool.diff.schema.delta import Delta
from catalog_tool.diff.schema.documents import fingerprint, join
from catalog_tool.diff.schema.facets import BOTH, NARROWS, SAME, WIDENS
from catalog_tool.diff.schema.forms import Case, Group, Term

if TYPE_CHECKING:
    from catalog_tool.diff.schema.walk import Comparison

ALIKE = 0.6
"""How alike two names must be (difflib's ratio) to be called a rename."""
RENAME_PAIRS = 400
"""Pairs of a name that went and one that came which are looked at."""


def compare_members(comparison: Comparison, old: Case, new: Case, *, apart: bool) -> Iterator[Delta]:
    """Every difference between the members of two objects in which no pattern is in play.

    ``apart``: no other alternative of the old schema accepts what ``old`` accepts.
    """
    before: Group = old.facets["properties"]
    after: Group = new.facets["properties"]
    renamed = _renames(comparison, old, new)
    gone, come = set(renamed), set(renamed.values())
    for name, target in renamed.items():
        yield _renamed(old, new, name, target)
    for name in before.named:
        if name in after.named:
            yield from comparison.deltas(before.named[name], after.named[name])
        elif name not in gone:
            yield _removed(comparison, old, new, name)
            gone.add(name)
    for name in after.named:
        if name not in before.named and name not in come:
            delta = _added(comparison, old, new, name)
            # another alternative, or a sealed keyword, may have declared the name
            yield delta if apart and "sealed" not in old.facets else delta._replace(lax=False)
            come.add(name)
    yield from compare_required(old, new, gone=gone, come=come)
    yield from _rest(comparison, old, new)


def compare_required(
    old: Case,
    new: Case,
    *,
    gone: set[str] | frozenset[str] = frozenset(),
    come: set[str] | frozenset[str] = frozenset(),
) -> Iterator[Delta]:
    """Members that are required now or no longer, but for those that went or came altogether."""
    before, after = _required(old), _required(new)
    for name in sorted(after - before - come):
        yield Delta("required-on", new.at["required"], NARROWS, after=name, name=name)
    for name in sorted(before - after - gone):
        yield Delta("required-off", old.at["required"], WIDENS, before=name, name=name)


def _required(case: Case) -> frozenset[str]:
    found: frozenset[str] = case.get("required") or frozenset()
    return found


def _place(term: Term, name: str) -> str:
    """Where a member is declared; its term may also hold what applies to undeclared members."""
    end = join("", "properties", name)
    return min((place for place in term if place.endswith(end)), key=lambda place: (len(place), place))


def _also_required(case: Case, name: str) -> tuple[str, ...]:
    return (case.at["required"],) if name in _required(case) else ()


def _added(comparison: Comparison, old: Case, new: Case, name: str) -> Delta:
    rest = old.facets["properties"].rest
    term = new.facets["properties"].named[name]
    place = _place(term, name)
    newly_required = name in _required(new) - _required(old)
    is_open = comparison.old.is_anything(rest)
    if_open = SAME if comparison.new.is_anything(term) else NARROWS
    relation = if_open if is_open else comparison.relation(rest, term)
    return Delta(
        "member-added",
        place,
        relation.also(NARROWS) if newly_required else relation,
        after=comparison.new.document.at(place),
        name=name,
        lax=is_open and not newly_required,
        optional=name not in _required(new),
        also=_also_required(new, name),
    )


def _removed(comparison: Comparison, old: Case, new: Case, name: str) -> Delta:
    rest = new.facets["properties"].rest
    term = old.facets["properties"].named[name]
    place = _place(term, name)
    if comparison.new.is_anything(rest):
        relation = SAME if comparison.old.is_anything(term) else WIDENS
    else:
        relation = comparison.relation(term, rest)
    if name in _required(old) - _required(new):
        relation = relation.also(WIDENS)
    schema = comparison.old.document.at(place)
    also = _also_required(old, name)
    return Delta("member-removed", place, relation, before=schema, name=name, also=also)


def _renamed(old: Case, new: Case, name: str, target: str) -> Delta:
    before = _place(old.facets["properties"].named[name], name)
    after = _place(new.facets["properties"].named[target], target)
    also = (before, *_also_required(old, name), *_also_required(new, target))
    return Delta("member-renamed", after, BOTH, before=name, after=target, name=name, also=also)


def _rest(comparison: Comparison, old: Case, new: Case) -> Iterator[Delta]:
    before, after = old.facets["properties"].rest, new.facets["properties"].rest
    closed = comparison.old.is_nothing(before), comparison.new.is_nothing(after)
    if closed == (False, False):
        yield from comparison.deltas(before, after)
    elif closed != (True, True):
        kind, relation = ("closed", NARROWS) if closed[1] else ("opened", WIDENS)
        path = new.at.get("additionalProperties") or old.at.get("additionalProperties") or new.home
        shown = [_shown(reader.document, term) for reader, term in _sides(comparison, before, after)]
        yield Delta(kind, path, relation, *shown)


def _sides(comparison: Comparison, before: Term, after: Term) -> tuple[tuple[Any, Term], ...]:
    return (comparison.old, before), (comparison.new, after)


def _shown(document: Any, term: Term) -> Any:
    return document.at(min(term)) if term else None


def _renames(comparison: Comparison, old: Case, new: Case) -> Mapping[str, str]:
    """Names that went, each with the one that took its place: the same schema under a name alike,
    or at the same position, or with the same description."""
    before: Group = old.facets["properties"]
    after: Group = new.facets["properties"]
    went = [name for name in before.named if name not in after.named]
    came = [name for name in after.named if name not in before.named]
    if len(went) * len(came) > RENAME_PAIRS:
        return {}
    found: dict[str, str] = {}
    pairs = [(_likeness(comparison, old, new, (name, target)), name, target) for name in went for target in came]
    for likeness, name, target in sorted(pairs, key=lambda pair: -pair[0]):
        if likeness < ALIKE or name in found or target in found.values():
            continue
        if (name in _required(old)) != (target in _required(new)):
            continue
        if comparison.same(before.named[name], after.named[target]):
            found[name] = target
    return found


def _likeness(comparison: Comparison, old: Case, new: Case, names: tuple[str, str]) -> float:
    """How much two members look like one that was renamed, 0 and up."""
    before: Group = old.facets["properties"]
    after: Group = new.facets["properties"]
    first = comparison.old.document.at(_place(before.named[names[0]], names[0]))
    second = comparison.new.document.at(_place(after.named[names[1]], names[1]))
    likeness = SequenceMatcher(None, names[0][:64], names[1][:64], autojunk=False).ratio()
    described = isinstance(first, dict) and "description" in first and fingerprint(first) == fingerprint(second)
    placed = list(before.named).index(names[0]) == list(after.named).index(names[1])
    return likeness + (ALIKE if described else 0.0) + (ALIKE / 2 if placed else 0.0)
