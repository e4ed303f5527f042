"""Sealed keywords: those that are equal, came or went, or cannot be compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import Any, NamedTuple

from catalog_tool.diff.schema.build import UNREADABLE
from catalog_tool.diff.schema.delta import Delta
from catalog_tool.diff.schema.documents import Document, join
from catalog_tool.diff.schema.facets import NARROWS, UNKNOWN, WIDENS, Relation
from catalog_tool.diff.schema.forms import Case
from catalog_tool.diff.schema.keywords import TOGETHER


class _Written(NamedTuple):
    """Where one side writes a keyword: its document and the schema there; no schema where it does not."""

    document: Document
    place: str
    schema: Mapping[str, Any]

    def same(self, other: _Written, name: str) -> bool:
        """Whether both have a keyword and mean the same by it, or neither has it."""
        if name in self.schema and name in other.schema:
            return self.document.sealed(self.place, (name,)) == other.document.sealed(other.place, (name,))
        return name not in self.schema and name not in other.schema


def compare_sealed(old: Case, new: Case, documents: tuple[Document, Document]) -> Iterator[Delta]:
    """The differences between the sealed keywords of two cases, each at the keyword that differs."""
    before, after = old.get("sealed") or {}, new.get("sealed") or {}
    for keyword in sorted({name for name, _ in before.keys() ^ after.keys()}):
        went, came = _alone(keyword, before, after), _alone(keyword, after, before)
        relation = WIDENS if not came else NARROWS
        if (came and went) or keyword.endswith(UNREADABLE) or keyword == "$ref":
            relation = UNKNOWN
        for left, right in zip_longest(went, came):
            sides = _written(documents[0], left), _written(documents[1], right)
            yield _delta(keyword.removesuffix(UNREADABLE), *_idle(*sides), relation)


def _alone(keyword: str, side: Mapping[tuple[str, str], str], other: Mapping[tuple[str, str], str]) -> list[str]:
    """Where one side writes the keyword as the other does not."""
    return sorted(side[key] for key in side.keys() - other.keys() if key[0] == keyword)


def _written(document: Document, pointer: str | None) -> _Written:
    if pointer is None:
        return _Written(document, "", {})
    place = pointer.rpartition("/")[0]
    return _Written(document, place, document.at(place))


def _idle(old: _Written, new: _Written) -> tuple[_Written, _Written]:
    """The sides, one that lacks a condition with the ``if`` that stands there without ``then`` or ``else``."""
    if not old.schema and "if" in new.schema:
        return _with_idle(old, new), new
    return old, _with_idle(new, old) if not new.schema and "if" in old.schema else new


def _with_idle(side: _Written, other: _Written) -> _Written:
    try:
        found = side._replace(place=other.place, schema=side.document.at(other.place))
    except KeyError:
        return side
    return found if isinstance(found.schema, dict) and found.same(other, "if") else side


def _delta(keyword: str, old: _Written, new: _Written, relation: Relation) -> Delta:
    names = [name for name in TOGETHER.get(keyword, (keyword,)) if not old.same(new, name)] or [keyword]
    paths = [join(new.place if name in new.schema else old.place, name) for name in names]
    before, after = old.schema.get(names[0]), new.schema.get(names[0])
    reason = f"`{names[0]}` cannot be compared" if relation.unknown else ""
    return Delta("constraint", paths[0], relation, before, after, names[0], also=tuple(paths[1:]), reason=reason)
