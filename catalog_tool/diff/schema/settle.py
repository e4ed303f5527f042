"""Makes equal what is only written differently, drops what is empty, and checks listed values."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from catalog_tool.diff.schema.admits import admits
from catalog_tool.diff.schema.forms import Case
from catalog_tool.model.limits import SAFE_INTEGER

if TYPE_CHECKING:
    from catalog_tool.diff.schema.normal import Reader

_RANGES = (("minLength", "maxLength"), ("minItems", "maxItems"), ("minProperties", "maxProperties"))


def settled(reader: Reader, case: Case) -> Iterator[Case]:
    """The case without redundant facets; nothing where it accepts no value.

    Listed values are held against the other facets; where that works for all of them, only the
    list remains.
    """
    facets = dict(case.facets)
    if case.kind == "number":
        _settle_number(facets)
    elif case.kind == "object":
        _settle_object(facets)
    for low, high in _RANGES:
        if not facets.get(low, True):
            del facets[low]
        if facets.get(low, 0) > facets.get(high, math.inf):
            return
    if not facets.get("uniqueItems", True):
        del facets["uniqueItems"]
    if _is_empty(reader, facets):
        return
    yield from _listed(reader, case._replace(facets=facets))


def _settle_number(facets: dict[str, Any]) -> None:
    steps: frozenset[Fraction] = facets.pop("step", frozenset())
    if steps and all(step.denominator == 1 for step in steps):
        facets["integer"] = True
        common = math.lcm(*map(int, steps))
        steps = frozenset({Fraction(common)}) if common <= SAFE_INTEGER else steps
    if facets.get("integer"):
        steps -= {Fraction(1)}
        if "low" in facets:
            value, exclusive = facets["low"]
            facets["low"] = (Fraction(math.floor(value) + 1 if exclusive else math.ceil(value)), 0)
        if "high" in facets:
            value, inclusive = facets["high"]
            facets["high"] = (Fraction(math.floor(value) if inclusive else math.ceil(value) - 1), 1)
    if steps:
        facets["step"] = steps


def _settle_object(facets: dict[str, Any]) -> None:
    required = facets.get("required", frozenset())
    if facets.get("minProperties", 0) <= len(required):
        facets.pop("minProperties", None)
    pairs = frozenset(pair for pair in facets.get("dependentRequired", ()) if pair[1] not in required)
    facets.pop("dependentRequired", None)
    if pairs:
        facets["dependentRequired"] = pairs


def _is_empty(reader: Reader, facets: dict[str, Any]) -> bool:
    if "low" in facets and "high" in facets:
        low, exclusive = facets["low"]
        high, inclusive = facets["high"]
        if low > high or (low == high and (exclusive or not inclusive)):
            return True
    required = facets.get("required", frozenset())
    if len(required) > facets.get("maxProperties", math.inf):
        return True
    return any(reader.is_nothing(facets["properties"].member(name)) for name in required)


def _listed(reader: Reader, case: Case) -> Iterator[Case]:
    if "enum" not in case.facets:
        yield case
        return
    others = case._replace(facets={key: value for key, value in case.facets.items() if key != "enum"})
    verdicts = {key: admits(reader, others, value) for key, value in case.facets["enum"].items()}
    values = {key: case.facets["enum"][key] for key, verdict in verdicts.items() if verdict is not False}
    if not values:
        return
    known = all(verdict is not None for verdict in verdicts.values())
    yield case._replace(facets={"enum": values} if known else {**case.facets, "enum": values})
