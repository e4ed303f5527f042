"""What a target is and was last given: for people who ask before they touch anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from catalog_tool.clock import iso
from catalog_tool.errors import CatalogError
from catalog_tool.model.target import TargetState
from catalog_tool.source.drift_schedule import DriftSchedule
from catalog_tool.sync.ancestry import Superseding, superseding
from catalog_tool.sync.compare import compare
from catalog_tool.sync.lease import is_dead
from catalog_tool.sync.live import scan_knowing
from catalog_tool.sync.session import Session
from catalog_tool.sync.timing import persistently
from catalog_tool.sync.unfit import unfit
from catalog_tool.sync.wanted import Desired


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetStatus:
    """One target. ``message`` says why nothing is known, None where it was read.

    ``blocks_edits`` is why edits beside git cannot be refused, empty where they are; ``readers_seconds`` how long
    applications keep what they read; ``schedule`` when the repository's own workflow looks for drift;
    ``superseded`` why every sync from this commit is refused; ``unfit`` what the target can never hold, and why.
    """

    place: str
    backend: str
    edits: str
    blocks_edits: str
    readers_seconds: int = 0
    schedule: DriftSchedule | None = None
    state: TargetState | None = None
    counts: dict[str, int] | None = None
    message: str | None = None
    superseded: Superseding | None = None
    unfit: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The target's part of ``status --format json``."""
        control = self.state.control if self.state else None
        lease = self.state.lease if self.state else None
        return {
            "status": "unknown" if self.message is not None else "ok",
            "backend": self.backend,
            "place": self.place,
            "edits": self.edits,
            "cannot_block": self.blocks_edits or None,
            "edit_seen": _seen(self.readers_seconds, self.schedule) if self.blocks_edits else None,
            "catalog": control.catalog if control else None,
            "store_id": self.state.store_id if self.state else None,
            "last_sync": _last(control.last) if control and control.last else None,
            "superseded": self.superseded._asdict() if self.superseded else None,
            "unfinished": _journal(control.journal) if control and control.journal else None,
            "running": _running(lease) if lease and not is_dead(lease) else None,
            "overrides": _overrides(control.overrides) if control else [],
            "counts": self.counts or {},
            **({"unfit": dict(self.unfit)} if self.unfit else {}),
            "message": self.message,
        }


def _seen(readers_seconds: int, schedule: DriftSchedule | None) -> dict[str, Any]:
    return {
        "applications_seconds": readers_seconds,
        "drift_seconds": schedule.seconds if schedule else None,
        "schedule": {"path": schedule.path, "cron": schedule.cron} if schedule else None,
    }


def _last(last: Any) -> dict[str, Any]:
    return {"commit": last.commit, "bundle": last.bundle, "finished_at": iso(last.finished_at)}


def _journal(journal: Any) -> dict[str, Any]:
    return {"commit": journal.commit, "bundle": journal.bundle, "started_at": iso(journal.started_at)}


def _running(lease: Any) -> dict[str, Any]:
    return {"holder": lease.holder, "host": lease.host.partition(" ")[0], "pid": lease.pid, "since": iso(lease.started)}


def _overrides(overrides: Any) -> list[dict[str, Any]]:
    return [
        {"object": address, "value": found.value, "by": found.by, "reason": found.reason, "at": iso(found.at)}
        for address, found in sorted(overrides.items())
        if found.desired != found.value  # git has answered the others (`overrides.as_answered`)
    ]


def target_status(session: Session, desired: Desired, edits: str, schedule: DriftSchedule | None) -> TargetStatus:
    """Read one target; a target that cannot be read is told as such, never as empty."""
    backend = session.backend
    capabilities = backend.capabilities
    known: dict[str, Any] = {
        "place": backend.place(),
        "backend": capabilities.backend,
        "edits": edits,
        "blocks_edits": capabilities.blocks_edits,
        "readers_seconds": capabilities.readers_seconds,
        "schedule": schedule,
    }

    def read() -> TargetStatus:
        state = session.load(desired)
        found = compare(desired, state, scan_knowing(backend, desired), metadata=capabilities.metadata)
        refused = superseding(session.git, desired.commit, state.control)
        never = unfit(session.destination, desired, found.observed)
        return TargetStatus(**known, state=state, counts=found.counts, superseded=refused, unfit=never)

    try:
        return persistently(session.timing, read)
    except CatalogError as error:
        hint = f" ({error.hint})" if error.hint else ""
        return TargetStatus(**known, message=error.message + hint)
