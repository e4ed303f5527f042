"""JSON in what a model said, and when two JSON values are the same."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from catalog_tool.source.strict_json import read_json

_FENCE = re.compile(r"```(?:json|JSON)?[ \t]*\n")


class Parsed(NamedTuple):
    """The value, or why there is none."""

    value: Any
    problem: str = ""


def json_of(text: str) -> Parsed:
    """The whole text as JSON, or its only fenced block: models fence what they were asked to write plain."""
    whole = text.strip()
    opening = _FENCE.match(whole)
    if opening is not None and whole.endswith("```") and whole.count("```") == 2:
        whole = whole[opening.end() : -3]
    read = read_json(whole)
    if read.refused:
        return Parsed(None, f"the answer is no JSON: {read.flaws[0].message}")
    return Parsed(read.value)


def same_json(one: Any, other: Any) -> bool:
    """Whether two values are the same JSON: ``1`` and ``1.0`` are, ``1`` and ``true`` are not."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same_json(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same_json, one, other))
    return bool(one == other)


def covers(wanted: Any, given: Any) -> bool:
    """Whether ``given`` has all that ``wanted`` asks for: objects may hold more, everything else is the same."""
    if isinstance(wanted, dict) and isinstance(given, dict):
        return all(key in given and covers(value, given[key]) for key, value in wanted.items())
    if isinstance(wanted, list) and isinstance(given, list):
        return len(wanted) == len(given) and all(map(covers, wanted, given))
    return same_json(wanted, given)
