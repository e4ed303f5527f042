"""One difference between two schemas, before anybody asked whose side it is on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from catalog_tool.diff.schema.facets import Relation


class Delta(NamedTuple):
    """One difference of meaning, and where it stands.

    ``kind``: ``member-added``, ``member-removed``, ``member-renamed``, ``required-on``,
    ``required-off``, ``closed``, ``opened`` or ``constraint``. ``name`` is the member's name (of a
    rename, the old one). ``lax``: it only narrows for values with members that the old schema did
    not declare. ``optional``: the member that came may be left out. ``also``: other pointers that
    this difference accounts for. ``reason``: why nothing could be decided.
    """

    kind: str
    path: str
    relation: Relation
    before: Any = None
    after: Any = None
    name: str = ""
    lax: bool = False
    optional: bool = True
    also: tuple[str, ...] = ()
    reason: str = ""

    @property
    def refuses(self) -> bool:
        """Whether a value that was accepted, and written to the old schema, may be refused now."""
        return self.relation.unknown or (self.relation.narrows and not self.lax)

    @property
    def accepts(self) -> bool:
        """Whether a value may be accepted now that was refused."""
        return self.relation.unknown or self.relation.widens


Deltas = tuple[Delta, ...]


def summed(deltas: Iterable[Delta]) -> Relation:
    """The relation of all differences together, members that nobody declared included."""
    result = Relation()
    for delta in deltas:
        result = result.also(delta.relation)
    return result


def once(deltas: Iterable[Delta]) -> Deltas:
    """The differences in their order, the same one at the same place only once."""
    found: dict[tuple[str, str, str, str], Delta] = {}
    for delta in deltas:
        key = (delta.kind, delta.path, delta.name, delta.reason)
        known = found.get(key)
        if known is not None:
            relation = known.relation.also(delta.relation)
            found[key] = known._replace(relation=relation, lax=known.lax and delta.lax)
        else:
            found[key] = delta
    return tuple(found.values())
