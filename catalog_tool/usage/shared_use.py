"""Use under names that several skills report: each such skill shows it, sums count it once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, Protocol

from catalog_tool.usage.activity import Activity
from catalog_tool.usage.meters import Spending


class Use(NamedTuple):
    """Calls, and what they cost."""

    activity: Activity
    spending: Spending

    @property
    def is_any(self) -> bool:
        """Whether anybody called it, or paid for it."""
        return bool(self.activity.calls) or self.last is not None or any(self.spending.amounts.values())

    @property
    def last(self) -> int | None:
        """The last sign of use, in ns."""
        return max((time for time in (self.activity.last, self.spending.last) if time is not None), default=None)


class SharedUse(NamedTuple):
    """What was heard under one name of several skills: nobody can tell whose. ``owners``: of each of the skills."""

    name: str
    owners: tuple[tuple[str, ...], ...]
    use: Use

    @property
    def certain_owners(self) -> set[str]:
        """Those who own it whichever skill it was; the empty name where none of them has an owner."""
        return set.intersection(*(set(owners or ("",)) for owners in self.owners))


class HasUse(Protocol):
    """A row that shows its own use and that of the names it shares."""

    @property
    def own(self) -> Use:
        """What was heard of it alone."""

    @property
    def shared(self) -> tuple[SharedUse, ...]:
        """What was heard under names that others report under too."""


def shared_by_name(rows: Iterable[HasUse]) -> list[SharedUse]:
    """Each shared name once, however many of the rows show it."""
    return list({shared.name: shared for row in rows for shared in row.shared}.values())


def each_once(rows: Iterable[HasUse]) -> list[Use]:
    """All use that stands in the rows, none of it twice."""
    known = list(rows)
    return [*(row.own for row in known), *(shared.use for shared in shared_by_name(known))]


def together(uses: Iterable[Use]) -> Use:
    """Several uses as one; what goes in stays as it is."""
    known = list(uses)
    if len(known) == 1:
        return known[0]
    activity, spending = Activity(), Spending()
    for use in known:
        activity.add(use.activity)
        spending.take(use.spending)
    return Use(activity, spending)
