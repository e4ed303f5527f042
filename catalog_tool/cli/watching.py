"""One live label, looked at: which versions count, since when, and what the rules say together."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from catalog_tool.canonical.jcs import version_id
from catalog_tool.cli.label_moves import LabelDesk
from catalog_tool.errors import BackendError
from catalog_tool.gate.watch_policy import LEAST_WINDOW_SECONDS, WatchPolicy
from catalog_tool.model.labels import LabelValue
from catalog_tool.sync.live_move import LiveLabel
from catalog_tool.usage import live_watch
from catalog_tool.usage.live_watch import Check, Span, Subject, judge_version
from catalog_tool.usage.promql import PromQl

HEALTHY, WAITING, BREACH, OVERRIDE, ROLLED_BACK, UNKNOWN = (
    "healthy", "waiting", "breach", "override", "rolled_back", "unknown",
)  # fmt: skip


class Watched(NamedTuple):
    """What came of one label. ``rollback`` is what ``rollback --live`` says, with ``to``."""

    prompt: str
    label: str
    status: str
    value: LabelValue | None = None
    stable: str | None = None
    checks: Sequence[Check] = ()
    message: str | None = None
    rollback: dict[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """Its part of the document of ``watch``."""
        return {
            "prompt": self.prompt,
            "label": self.label,
            "status": self.status,
            "value": self.value.to_json() if self.value is not None else None,
            "stable": self.stable,
            "checks": [check.to_json() for check in self.checks],
            "message": self.message,
            "rollback": self.rollback,
        }


def watched_label(
    prometheus: PromQl, policy: WatchPolicy, desk: LabelDesk, live: LiveLabel, back: LabelValue | None, span: Span
) -> Watched:
    """Judge a label's candidates against its stable version; ``back`` is where a rollback would go.

    Of a split the candidates are judged beside the stable version, in the same window. A version that has all
    callers is judged against the one before it, in the window that ended when the label moved. What was
    measured before the label moved never counts. BackendError: it could not be looked at.
    """
    found = Watched(desk.prompt, desk.label, HEALTHY, live.value)
    if live.override is not None:
        return found._replace(status=OVERRIDE, message=f"rolled back by {live.override.by}: {live.override.reason}")
    since = _seconds(live.since)
    seconds = span.seconds if since is None else min(span.seconds, span.at - since)
    if seconds < LEAST_WINDOW_SECONDS:
        return found._replace(status=WAITING, message="the label moved a moment ago")
    is_split = len(live.value.split) > 1
    candidates = live.value.versions[1:] if is_split else live.value.versions
    before = live.value.stable if is_split else back.stable if back is not None else None
    at = span.at if is_split or since is None else since
    stable = (_subject(desk, before), Span(at, seconds if is_split else span.seconds)) if before is not None else None
    now = Span(span.at, seconds)
    checks = [
        check
        for version in candidates
        for check in judge_version(prometheus, policy, (_subject(desk, version), now), stable)
    ]
    status, message = _together(checks)
    return found._replace(
        status=status, message=message, checks=checks, stable=stable[0].version_id if stable is not None else None
    )


def _together(checks: Sequence[Check]) -> tuple[str, str | None]:
    breaches = [check.message for check in checks if check.outcome == live_watch.BREACH]
    if breaches:
        return BREACH, "; ".join(breaches)
    unknown = [check.message for check in checks if check.outcome == live_watch.UNKNOWN]
    if unknown:
        return UNKNOWN, "; ".join(unknown)
    waiting = [check.message for check in checks if check.outcome == live_watch.FEW]
    return (WAITING, waiting[0]) if waiting else (HEALTHY, None)


def _subject(desk: LabelDesk, version: str) -> Subject:
    digest = desk.shelf.digest(desk.prompt, version)
    if digest is None:
        raise BackendError(f"{desk.prompt}@{version} cannot be read, so nothing of it can be found in Prometheus")
    return Subject(desk.prompt, desk.label, version_id(version, digest))


def _seconds(since: str | None) -> int | None:
    """Seconds since the epoch of ISO 8601, None where the store does not say when."""
    try:
        return None if since is None else int(datetime.fromisoformat(since).timestamp())
    except ValueError:
        return None
