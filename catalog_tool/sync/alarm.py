"""When to say that a target drifted, is behind, or cannot be looked at, and when to be quiet (design §8).

Two alarms a target, each with an issue of its own. *Drift* is raised by a look that found drift or lateness
and cleared by a look that found neither. *Blind* is raised by looks that failed several times in a row and
cleared by one that did not: not being able to look says nothing about drift, so it leaves that alarm alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from catalog_tool.errors import UsageError
from catalog_tool.sync.drift import BEHIND, DRIFT, UNKNOWN
from catalog_tool.sync.forge_marker import BLIND_ALERT, DRIFT_ALERT

OPENED, REOPENED, CHANGED, KEPT, CLOSED, QUIET = "opened", "reopened", "changed", "kept", "closed", "quiet"
NEWS = frozenset({OPENED, REOPENED, CHANGED, CLOSED})
"""What people are told about; the rest only rewrites."""
REPORTED = frozenset({"drifted", "conflict", "missing", "prune_conflict", "collision"})
LATE = frozenset({"pending", "create", "collision"})


class Situation(NamedTuple):
    """What a look at one target found. ``failures`` counts looks that failed, this one included, in a row.

    ``superseded`` is the drift document's: why every sync from that commit is refused.
    """

    target: str
    status: str
    objects: tuple[Mapping[str, Any], ...]
    failures: int = 0
    superseded: Mapping[str, Any] | None = None

    @property
    def concerned(self) -> list[Mapping[str, Any]]:
        """The objects that the status is about."""
        if self.status == DRIFT:
            return [item for item in self.objects if item["state"] in REPORTED or item.get("ours")]
        late = self.objects if self.status == BEHIND else ()
        return [item for item in late if item["state"] in LATE or _is_others(item)]

    @property
    def fingerprint(self) -> str:
        """Changes exactly when there is something new to tell: another status, object, state or live content."""
        told = sorted(
            json.dumps([item["object"], item["state"], item["actual"]], sort_keys=True) for item in self.concerned
        )
        return hashlib.sha256(json.dumps([self.status, told]).encode()).hexdigest()[:16]

    @property
    def names(self) -> list[str]:
        """The addresses of what is concerned."""
        return sorted(str(item["object"]) for item in self.concerned)


def _is_others(item: Mapping[str, Any]) -> bool:
    """Whether another catalog's marker keeps what git wants from getting there."""
    return item["state"] == "foreign" and item["expected"] not in (None, item["actual"])


class Alarm(NamedTuple):
    """``is_raised`` None: this look says nothing about it, so everything stays as it is."""

    kind: str
    situation: Situation
    is_raised: bool | None


class Remembered(NamedTuple):
    """What was said last."""

    is_raised: bool
    fingerprint: str
    names: tuple[str, ...] = ()


def alarms(situation: Situation, after: int) -> list[Alarm]:
    """The two alarms of a target; ``after``: failed looks in a row until not seeing is an alarm."""
    is_blind = situation.status == UNKNOWN
    drifted = None if is_blind else situation.status in (DRIFT, BEHIND)
    blind = (situation.failures >= after or None) if is_blind else False
    return [Alarm(DRIFT_ALERT, situation, drifted), Alarm(BLIND_ALERT, situation, blind)]


def transition(alarm: Alarm, before: Remembered | None) -> str:
    """What has to happen, given what was said last."""
    was_raised = before is not None and before.is_raised
    if alarm.is_raised is None:
        return QUIET
    if not alarm.is_raised:
        return CLOSED if was_raised else QUIET
    if before is None:
        return OPENED
    if not before.is_raised:
        return REOPENED
    return KEPT if alarm.kind == BLIND_ALERT or before.fingerprint == alarm.situation.fingerprint else CHANGED


class AlarmMemory:
    """A file that one scheduled run leaves for the next: failures in a row, and what was said.

    A file that is missing or cannot be read is an empty memory. Raises ``UsageError`` where it cannot be
    written.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._targets: dict[str, Any] = {}
        if path is not None and path.is_file():
            try:
                value = json.loads(path.read_bytes())
                self._targets = {str(key): dict(entry) for key, entry in value["targets"].items()}
            except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
                self._targets = {}

    def failures(self, target: str) -> int | None:
        """Looks that failed in a row before this one; None where nothing is kept."""
        if self._path is None:
            return None
        number = self._targets.get(target, {}).get("failures", 0)
        return number if isinstance(number, int) and number >= 0 else 0

    def said(self, alarm: Alarm) -> Remembered | None:
        """What was said last about this alarm."""
        entry = self._targets.get(alarm.situation.target, {}).get(alarm.kind)
        return remembered(entry) if isinstance(entry, dict) else None

    def keep(self, situation: Situation, raised: list[Alarm]) -> None:
        """Note what was found and said."""
        entry = dict(self._targets.get(situation.target, {}))
        entry["failures"] = situation.failures
        for alarm in raised:
            if alarm.is_raised is not None:
                entry[alarm.kind] = memory_of(alarm)
        self._targets[situation.target] = entry

    def save(self) -> None:
        """Write the file."""
        if self._path is None:
            return
        text = json.dumps({"format": 1, "targets": self._targets}, indent=2, sort_keys=True)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.write_text(f"{text}\n", encoding="utf-8")
        except OSError as error:
            raise UsageError(f"--state {self._path}: {error.strerror}") from error


def memory_of(alarm: Alarm) -> dict[str, Any]:
    """What the next run has to know about an alarm, as JSON."""
    return {
        "raised": bool(alarm.is_raised),
        "set": alarm.situation.fingerprint if alarm.is_raised else "",
        "names": alarm.situation.names[:50] if alarm.is_raised else [],
    }


def remembered(entry: Mapping[str, Any]) -> Remembered:
    """The other direction; whatever is no such value is empty."""
    names = entry.get("names")
    shown = tuple(str(name) for name in names) if isinstance(names, list) else ()
    return Remembered(entry.get("raised") is True, str(entry.get("set", "")), shown)
