"""The pieces of a schema's normal form (see ``normal``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

Term = frozenset[str]
"""Pointers whose schemas hold together."""

ANYTHING: Term = frozenset()
"""The term that accepts every value."""


class CannotDecide(Exception):  # noqa: N818  # a verdict on its way up, not a fault
    """The comparison gives up on a schema; the text says why."""


class TooLarge(Exception):  # noqa: N818  # as above
    """The whole comparison gives up; the text says why."""


class Group(NamedTuple):
    """``properties``, ``patternProperties`` and ``additionalProperties`` that belong together."""

    named: Mapping[str, Term]
    patterns: Mapping[str, Term]
    rest: Term

    def member(self, name: str) -> Term:
        """What a member of this name must be, where no pattern is in play."""
        return self.named.get(name, self.rest)


class Items(NamedTuple):
    """What the first items must be one by one, and what every later one must be."""

    prefix: tuple[Term, ...]
    rest: Term

    def item(self, index: int) -> Term:
        """What the item at an index must be."""
        return self.prefix[index] if index < len(self.prefix) else self.rest


class Case(NamedTuple):
    """One alternative of one JSON type.

    ``facets`` maps a facet to its value, absent where it restrains nothing; ``at`` maps a facet or a
    keyword to the pointer where it is written; ``home`` is the schema that makes this alternative.
    A case whose values are listed and checked one by one has the facet ``enum`` and no other.
    """

    kind: str
    home: str
    facets: Mapping[str, Any]
    at: Mapping[str, str]

    def get(self, facet: str) -> Any:
        """The facet's value, or None."""
        return self.facets.get(facet)

    @property
    def is_listed(self) -> bool:
        """Whether the case is exactly its list of values."""
        return set(self.facets) == {"enum"}
