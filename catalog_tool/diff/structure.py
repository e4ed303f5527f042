"""Where two JSON values of free form differ: metadata and settings that no rule of ours looks into.

DeepDiff does the walking. It costs milliseconds a pair and more to import, so it is asked only about
values that are known to differ and have a structure at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

LISTED = 20
"""Differences that are named one by one; beyond them a value is said to have changed as a whole."""
_KEY = "name"


class Difference(NamedTuple):
    """One place, by its keys and indexes; ``before`` or ``after`` is None where the other side has more."""

    path: tuple[str, ...]
    before: Any
    after: Any


def differences(old: Any, new: Any) -> list[Difference]:
    """Every place where two JSON values differ, in order of their paths; items of a list go by their ``name``.

    Where there are more than ``LISTED``, or one of the two has no structure: one difference with an empty path.
    """
    whole = [Difference((), old, new)]
    if not isinstance(old, dict | list) or not isinstance(new, dict | list):
        return whole
    found = sorted(_found(_keyed(old), _keyed(new)), key=lambda item: item.path)
    return found if 0 < len(found) <= LISTED else whole


def _found(old: Any, new: Any) -> Iterator[Difference]:
    from deepdiff import DeepDiff

    for levels in DeepDiff(old, new, view="tree", threshold_to_diff_deeper=0).values():
        for level in levels:
            path = tuple(str(key) for key in level.path(output_format="list"))
            yield Difference(path, _present(level.t1), _present(level.t2))


def _present(value: Any) -> Any:
    """None for what DeepDiff marks as not there."""
    return None if type(value).__name__ == "NotPresent" else value


def _keyed(value: Any) -> Any:
    """Lists of objects with distinct names become objects: an item that moved does not differ in each of its keys."""
    if isinstance(value, dict):
        return {key: _keyed(item) for key, item in value.items()}
    if not isinstance(value, list):
        return value
    items = [_keyed(item) for item in value]
    names = _names(value)
    return dict(zip(names, items, strict=True)) if names else items


def _names(items: Sequence[Any]) -> list[str]:
    names = [item.get(_KEY) if isinstance(item, dict) else None for item in items]
    texts = [name for name in names if isinstance(name, str)]
    return texts if len(texts) == len(items) == len(set(texts)) else []
