"""Gates before and after: what a policy in ``catalog.yaml`` asks for less now.

What a key left out means is filled in first (``gate.policy``), so that writing a default down is no
change, and leaving a strict value out for a looser default is one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from catalog_tool.diff.changes import MODIFIED, TEST, Change, Detail, detail
from catalog_tool.diff.watches import weakened_watch
from catalog_tool.gate.policy import AT, MODELS, OPTIONAL, REQUIRED, Policy, duration_seconds

Leaves = dict[tuple[str, ...], Any]

_FLOORS = frozenset(
    {"min", "confidence", "min_cases", "repetitions", "for", "fresh", "significance", "false_discovery", "at"}
)
"""A lower value asks for less: a bound that must be reached, and how easily a loss counts as one."""
_CEILINGS = frozenset({"max", "max_drop", "max_errors", "max_age", "cases", "share", "baseline", "models", "origins"})
"""A higher value asks for less: a bound that must be kept."""
_ORDERS = {"baseline": (REQUIRED, OPTIONAL), "models": MODELS, "at": AT}
"""Words from the strictest to the loosest; of ``at`` from the mildest figure to the strictest."""
_KEYS = ("label", "weight")
"""What names an item of ``after`` and of ``rollout``."""


def weakened_gates(old: Mapping[str, Mapping[str, Any]], new: Mapping[str, Mapping[str, Any]]) -> Iterator[Change]:
    """A change for each label whose protection, gate, watch or ``on_drift`` in ``catalog.yaml`` asks for less now."""
    for label, before in sorted(old.items()):
        after = new.get(label, {})
        details = list(_weakened(before.get("gate"), after.get("gate")))
        if before.get("protected") is True and after.get("protected") is not True:
            message = f"the label `{label}` is no longer protected"
            details.insert(0, detail("test-weakened", "/protected", True, False, message))
        details += weakened_watch(before, after)
        if details:
            yield Change(
                label, TEST, MODIFIED, before.get("gate"), after.get("gate"), tuple(details), file="catalog.yaml"
            )


def _weakened(old: Any, new: Any) -> Iterator[Detail]:
    if not isinstance(old, Mapping):
        return
    if not isinstance(new, Mapping):
        yield detail("test-weakened", "/gate", dict(old), None, "the gate went: the label moves without evidence")
        return
    before, after = _leaves(old), _leaves(new)
    gone = {path[:2] for path in before if path[-1] in _KEYS and path not in after}
    for path, was in sorted(before.items()):
        now = after.get(path)
        shown = ".".join(path)
        if now is None and path[:2] in gone and path[-1] not in _KEYS:
            continue  # its step or label went as a whole: said once
        if now is None:
            yield detail("test-weakened", _pointer(path), was, None, f"the gate's `{shown}` went")
        elif _asks_for_less(path[-1], was, now):
            message = f"the gate's `{shown}` went from {_plain(was)} to {_plain(now)}, which asks for less"
            yield detail("test-weakened", _pointer(path), was, now, message)


def _leaves(policy: Mapping[str, Any]) -> Leaves:
    """Every single demand by its path; steps of a roll-out by their weight, other labels by their name."""
    usual = Policy()
    lost = usual.regressions
    whole = {
        "confidence": usual.confidence,
        "min_cases": usual.min_cases,
        "max_errors": usual.max_errors,
        "false_discovery": usual.false_discovery,
        "baseline": usual.baseline,
        **policy,
        "regressions": {
            "significance": lost.significance, "cases": lost.cases, "share": lost.share,
            **_mapping(policy.get("regressions")),
        },
        "evidence": {"models": usual.models, "origins": list(usual.origins), **_mapping(policy.get("evidence"))},
        "after": _keyed(policy.get("after"), "label", {"for": "0s"}),
        "rollout": _keyed(policy.get("rollout"), "weight", {}),
    }  # fmt: skip
    return dict(_walk(whole, ()))


def _walk(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _walk(inner, (*path, str(key)))
    else:
        yield path, value


def _keyed(value: Any, key: str, usual: Mapping[str, Any]) -> dict[str, Any]:
    listed = value if isinstance(value, list) else [value]
    items = [item for item in listed if isinstance(item, Mapping) and key in item]
    return {str(item[key]): {key: item[key], **usual, **item} for item in items}


def _asks_for_less(name: str, old: Any, new: Any) -> bool:
    if name == "origins":
        return not set(new) <= set(old)
    was, now = _rank(name, old), _rank(name, new)
    if was is None or now is None or was == now:
        return False
    return now < was if name in _FLOORS else now > was and name in _CEILINGS


def _rank(name: str, value: Any) -> float | None:
    """Where a value stands on the scale of its key; None where it cannot be compared."""
    if name in _ORDERS:
        order = _ORDERS[name]
        return float(order.index(value)) if value in order else None
    if isinstance(value, str):
        return duration_seconds(value)
    return float(value) if isinstance(value, int | float) else None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _plain(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _pointer(path: tuple[str, ...]) -> str:
    return "/gate/" + "/".join(part.replace("~", "~0").replace("/", "~1") for part in path)
