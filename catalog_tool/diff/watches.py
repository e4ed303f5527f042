"""What is watched of a label while it is live, before and after: what ``watch`` and ``on_drift`` ask for less now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from catalog_tool.diff.changes import Detail, detail, same_json
from catalog_tool.gate.policy import duration_seconds
from catalog_tool.gate.watch_policy import (
    FOR_SECONDS,
    LATENCY,
    MIN_SAMPLES,
    SEVERITIES,
    USUAL,
    WINDOW_SECONDS,
    WatchRule,
)

ON_DRIFT = ("restore", "pull", "report")
"""From what undoes most to what undoes nothing."""
_FLOORS = frozenset({"min", "quantile"})
_CEILINGS = frozenset({"max", "max_increase", "max_drop", "max_ratio", "for", "min_samples", "severity"})
_SAYS_NOTHING = frozenset({"runbook"})
_QUANTILE = WatchRule(LATENCY).quantile
_TIMES = frozenset({"for", "window"})
_SHOWN = 60
"""Characters of a value that are told."""
_Demands = dict[tuple[str, ...], Any]


def weakened_watch(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Detail]:
    """What the settings of a label ask for less now, beside its gate."""
    was, now = old.get("on_drift", ON_DRIFT[-1]), new.get("on_drift", ON_DRIFT[-1])
    if was in ON_DRIFT and now in ON_DRIFT and ON_DRIFT.index(now) > ON_DRIFT.index(was):
        message = f"a label that somebody moved on a target is under `on_drift: {now}` now, it was under `{was}`"
        yield detail("test-weakened", "/on_drift", was, now, message)
    before, after = old.get("watch"), new.get("watch")
    if isinstance(before, Mapping) and not isinstance(after, Mapping):
        message = "it is no longer watched: `catalog watch` moves it back on no breach"
        yield detail("test-weakened", "/watch", dict(before), None, message)
    elif isinstance(before, Mapping) and isinstance(after, Mapping):
        yield from _weakened(_demands(before), _demands(after))


def _weakened(before: _Demands, after: _Demands) -> Iterator[Detail]:
    kept = {path[:2] for path in after}
    gone: set[tuple[str, ...]] = set()
    for path, was in sorted(before.items()):
        at, now, shown = "/".join(("/watch", *path)), after.get(path), ".".join(path)
        if path[0] == "rules" and path[:2] not in kept:
            if path[:2] not in gone:
                yield detail(
                    "test-weakened",
                    f"/watch/rules/{path[1]}",
                    None,
                    None,
                    f"`{path[1]}` is no longer watched",
                    op="removed",
                )
            gone.add(path[:2])
        elif now is None:
            yield detail("test-weakened", at, was, None, f"the watch's `{shown}` went")
        elif not same_json(was, now) and (said := _asks_for_less(path[-1], was, now)):
            yield detail(
                "test-weakened", at, was, now, f"the watch's `{shown}` went from {_shown(was)} to {_shown(now)}{said}"
            )


def _demands(watch: Mapping[str, Any]) -> _Demands:
    """Every single demand by its path, with what a key left out means."""
    usual = {
        "window": f"{WINDOW_SECONDS}s",
        "for": f"{FOR_SECONDS}s",
        "min_samples": MIN_SAMPLES,
        "severity": SEVERITIES[0],
    }
    found: _Demands = {
        (key,): value for key, value in {**usual, **watch}.items() if key not in {"rules", *_SAYS_NOTHING}
    }
    rules = watch.get("rules") or {rule.name: {"max_increase": rule.max_increase} for rule in USUAL.rules}
    for name, rule in rules.items():
        whole = {**({"quantile": _QUANTILE} if name == LATENCY else {}), **rule}
        found.update({("rules", str(name), str(key)): value for key, value in whole.items()})
    return found


def _asks_for_less(key: str, old: Any, new: Any) -> str:
    """How a sentence ends that says so; empty where more is asked for. Of queries and the like nobody can tell."""
    if key not in _FLOORS | _CEILINGS:
        return "" if key in _TIMES and duration_seconds(old) == duration_seconds(new) else ", of which nobody can tell"
    was, now = (_rank(key, value) for value in (old, new))
    return ", which asks for less" if (now < was if key in _FLOORS else now > was) else ""


def _shown(value: Any) -> str:
    text = str(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def _rank(key: str, value: Any) -> float:
    if key == "severity":
        return float(SEVERITIES.index(value))
    return float((duration_seconds(value) or 0) if key in _TIMES else value)
