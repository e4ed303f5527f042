"""Directional comparison of two JSON Schemas (2020-12): what may fail for the code on the other side?

Variables and tool results are written by the caller (*input side*): there narrowing breaks. Tool
arguments and the output are written by the model (*output side*): there widening breaks.

**The law.** If no change of contract ``major`` is reported,

- output side: every value that the new schema accepts, the old schema accepts;
- input side: every value that the old schema accepts *and that is written to it*, the new schema
  accepts. A value is written to a schema if none of its objects has a member that the schema leaves
  wide open. Precisely: it is valid against the old schema, and still is after every
  ``additionalProperties`` that is true, or holds annotations only, was dropped together with an
  ``unevaluatedProperties`` beside it (which it left without effect), every ``unevaluatedProperties``
  of that kind was dropped, and every schema of a value (the root, members, items) got
  ``unevaluatedProperties: false`` where it had none. Without this, no optional variable could ever
  be added to an open schema: a caller may have sent anything under the new name.

For ``variables`` and ``tool-arguments`` the values are JSON objects. Numbers are compared exactly;
``pattern`` is never run, and ``format`` counts as a constraint, because providers enforce it: one
that comes narrows, one that goes widens, another one is undecided. Equal or undecided are also other
patterns, ``patternProperties``, ``contains``, ``if``, ``dependentSchemas``, ``unevaluated…`` beside
references and alternatives, overlapping ``oneOf``, fractional ``multipleOf`` and unknown keywords.
Undecided is contract ``major`` with the rule ``undecided``; nothing in it, or in what it refers to, is
called another spelling.

Annotations are never undecided; definitions that nothing refers to are spelling. The order of a
dict counts as the order of writing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from catalog_tool.diff.schema.delta import Deltas
from catalog_tool.diff.schema.documents import IDENTITY, Document, split
from catalog_tool.diff.schema.facets import KINDS
from catalog_tool.diff.schema.judge import SchemaChange, annotated, judged, respelled
from catalog_tool.diff.schema.walk import Comparison
from catalog_tool.diff.schema.written import Written, written

__all__ = ["SIDES", "SchemaChange", "compare_schemas"]

SIDES = ("variables", "tool-arguments", "tool-returns", "output")
"""Whose schema it is."""

Documents = tuple[Document, Document]
"""The old schema and the new one."""

_OBJECTS_ONLY = frozenset({"variables", "tool-arguments"})
_ALTERNATIVE = re.compile(r"/(?:allOf|anyOf|oneOf)/[0-9]+\Z", re.ASCII)
_WHOLE = re.compile(r"/(?:\$ref|unevaluated[^/]*)\Z", re.ASCII)
"""Keywords that are undecided with all that stands beside them."""
_ORDERED = frozenset({"tool-arguments", "output"})


def compare_schemas(old: Any, new: Any, *, side: str, base_pointer: str = "") -> tuple[SchemaChange, ...]:
    """Every change from one parsed schema to the other, judged for ``side`` (one of ``SIDES``).

    Empty for equal schemas. Every pointer at which the two are written differently lies on the way
    to, or below, the ``path`` or an ``also`` of some change. ``base_pointer`` is put before every
    pointer. Raises ``ValueError`` for an unknown side. Work is bounded: where the bound is reached,
    the answer is ``undecided``.
    """
    if side not in SIDES:
        raise ValueError(f"unknown side {side!r}")
    differences = [item for item in written(old, new) if item.what != "order" or side in _ORDERED]
    documents = Document(old), Document(new)
    changes = [judged(delta, side) for delta in _meaning(documents, differences, side)]
    changes = _with_spelling(changes, [item for item in differences if item.what == "constraint"], documents, side)
    changes += [annotated(item, side) for item in differences if item.what != "constraint"]
    if not changes and json.dumps(old) != json.dumps(new):
        changes = [respelled("", old, new, side)]
    return tuple(_based(change, base_pointer) for change in changes)


def _meaning(documents: Documents, differences: Iterable[Written], side: str) -> Deltas:
    if not any(map(_may_mean_something, differences)):
        return ()
    kinds = {"object"} if side in _OBJECTS_ONLY else KINDS
    return Comparison(*documents).whole(kinds)


def _may_mean_something(difference: Written) -> bool:
    """Whether the meaning can differ; a reference may lead into what stands under an annotation."""
    values = (difference.before, difference.after)
    return difference.what == "constraint" or any(isinstance(value, (dict, list, bool)) for value in values)


def _with_spelling(
    changes: list[SchemaChange], spelling: list[Written], documents: Documents, side: str
) -> list[SchemaChange]:
    """The changes of meaning, each with the spelling around it, then the places only respelled.

    What stands above, at or below a change of meaning needs no mention; other differences at the
    same schema go into ``also``, and so do those in what an undecided keyword refers to: nothing says
    that they are only spelling.
    """
    named = {pointer for change in changes for pointer in (change.path, *change.also)}
    above = {prefix for pointer in named for prefix in _prefixes(pointer)}
    result = list(changes)
    owners: dict[str, int] = {}
    for index, change in enumerate(result):
        for place in _places(change.path):
            owners.setdefault(place, index)
    reached = _reached(changes, documents)
    for item in spelling:
        if item.path in above or not named.isdisjoint(_prefixes(item.path)):
            continue
        owner = 0 if result and _is_definition(item) else owners.get(item.place)
        owner = next((reached[prefix] for prefix in _prefixes(item.path) if prefix in reached), owner)
        if owner is None:
            owners[item.place] = len(result)
            result.append(respelled(item.path, item.before, item.after, side))
        else:
            result[owner] = result[owner]._replace(also=(*result[owner].also, item.path))
    return result


def _reached(changes: Sequence[SchemaChange], documents: Documents) -> dict[str, int]:
    """Every pointer that an undecided change refers to on either side, others in between, and the change's place."""
    found: dict[str, int] = {}
    for index, change in enumerate(changes):
        pending = [_WHOLE.sub("", path) for path in (change.path, *change.also)] if change.rule == "undecided" else []
        while pending:
            pointer = pending.pop()
            for target in (target for document in documents for target in document.reached(pointer)):
                if target not in found:
                    found[target] = index
                    pending.append(target)
    return found


def _places(path: str) -> Iterator[str]:
    """The schemas that a changed keyword or member belongs to: its own, and those that hold in place."""
    yield path
    place = path.rpartition("/")[0]
    if place.rpartition("/")[2] == "properties":
        place = place.rpartition("/")[0]
    yield place
    while _ALTERNATIVE.search(place):
        place = _ALTERNATIVE.sub("", place)
        yield place


def _prefixes(pointer: str) -> Iterator[str]:
    """The pointer and every pointer above it."""
    yield pointer
    while pointer:
        pointer = pointer.rpartition("/")[0]
        yield pointer


def _is_definition(item: Written) -> bool:
    """Whether a difference is that definitions or names of schemas came or went."""
    return item.place == "" and split(item.path)[0] in IDENTITY if item.path else False


def _based(change: SchemaChange, base: str) -> SchemaChange:
    if not base:
        return change
    return change._replace(path=base + change.path, also=tuple(base + pointer for pointer in change.also))
