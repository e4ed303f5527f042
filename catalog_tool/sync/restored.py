"""A store that was set back: a sync makes it what git says, and another ``store_id`` makes clients take that."""

from __future__ import annotations

from catalog_tool.backends.renewing import Renewable
from catalog_tool.errors import UsageError
from catalog_tool.sync.lease import holding
from catalog_tool.sync.result import DONE, PARTIAL, UNCHANGED, Result
from catalog_tool.sync.session import Session
from catalog_tool.sync.timing import persistently


def check_renewable(session: Session) -> None:
    """Raises ``UsageError`` for a target whose store has no id of its own to renew."""
    if not isinstance(session.backend, Renewable):
        kind = session.backend.capabilities.backend
        hint = "behind a service, sync the store itself; where no generations are counted, clients take what is there"
        raise UsageError(f"{session.destination.name} cannot be given another store_id ({kind})", hint=hint)


def renewed(session: Session, result: Result) -> bool:
    """Give the store another id once a sync went through; whether it has one.

    After the sync, not before: clients go from what they last had straight to what git says. Raises
    ``BackendError`` where the lease cannot be had, or the store does not let its id be changed.
    """
    backend = session.backend
    if result.status not in (UNCHANGED, DONE, PARTIAL) or not isinstance(backend, Renewable):
        return False
    with holding(backend, session.actor, session.timing, session.lock_timeout) as lease:
        persistently(session.timing, lambda: backend.renew_store(lease.token))
    return True
