"""What differs in how two schemas are written, keyword by keyword, whatever it means."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from catalog_tool.diff.schema.documents import (
    SCHEMA_LISTS,
    SCHEMA_MAPS,
    SCHEMA_VALUES,
    fingerprint,
    is_annotation,
    join,
)


class Written(NamedTuple):
    """One difference of spelling.

    ``what``: ``text`` (an annotation), ``default``, ``order`` (of a ``properties`` map, the names
    that both have) or ``constraint``. ``place`` is the schema, ``path`` the keyword or deeper.
    """

    what: str
    place: str
    path: str
    before: Any
    after: Any


def written(old: Any, new: Any, place: str = "") -> Iterator[Written]:
    """Every difference between two schemas at the same place, in the order of writing."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        if fingerprint(old) != fingerprint(new):
            yield Written("constraint", place, place, old, new)
        return
    for keyword in dict.fromkeys([*old, *new]):
        path = join(place, keyword)
        if keyword in old and keyword in new:
            yield from _keyword(keyword, old[keyword], new[keyword], place)
        else:
            yield Written(_what(keyword), place, path, old.get(keyword), new.get(keyword))


def _what(keyword: str) -> str:
    if keyword == "default":
        return "default"
    return "text" if is_annotation(keyword) else "constraint"


def _keyword(keyword: str, old: Any, new: Any, place: str) -> Iterator[Written]:
    path = join(place, keyword)
    if keyword in SCHEMA_MAPS and isinstance(old, dict) and isinstance(new, dict):
        yield from _map(keyword, old, new, place)
    elif keyword in SCHEMA_LISTS and _same_length(old, new):
        for index, (before, after) in enumerate(zip(old, new, strict=True)):
            yield from written(before, after, join(path, index))
    elif keyword in SCHEMA_VALUES and isinstance(old, dict) and isinstance(new, dict):
        yield from written(old, new, path)
    elif fingerprint(old) != fingerprint(new):
        yield Written(_what(keyword), place, path, old, new)


def _map(keyword: str, old: dict[str, Any], new: dict[str, Any], place: str) -> Iterator[Written]:
    path = join(place, keyword)
    for name in dict.fromkeys([*old, *new]):
        if name in old and name in new:
            yield from written(old[name], new[name], join(path, name))
        else:
            yield Written("constraint", place, join(path, name), old.get(name), new.get(name))
    before, after = [name for name in old if name in new], [name for name in new if name in old]
    if keyword == "properties" and before != after:
        yield Written("order", place, path, before, after)


def _same_length(old: Any, new: Any) -> bool:
    return isinstance(old, list) and isinstance(new, list) and len(old) == len(new)
