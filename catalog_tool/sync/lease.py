"""The lease that one sync holds on a target while it writes (design §8)."""

from __future__ import annotations

import contextlib
import os
import platform
import uuid
from collections.abc import Iterator
from pathlib import Path

from catalog_tool.backends.base import Backend
from catalog_tool.clock import iso
from catalog_tool.errors import BackendError, LeaseLostError
from catalog_tool.model.target import LEASE_SECONDS, RENEW_SECONDS, Control, Lease
from catalog_tool.sync.timing import Timing, persistently

POLL_SECONDS = 1.0
NO_CLOCKS_SECONDS = 24 * 3600.0
"""A lease that claims to end later than this was written by no sync: no two clocks are so far apart."""
_HINT = (
    "wait for it, or give more time with --lock-timeout:"
    f" who does not renew for {LEASE_SECONDS} seconds is replaced, whatever the lease says"
)


class Holding:
    """A lease in hand; ``renew`` before each step, which asks the store only when it is due.

    ``known`` is what the target remembered when it was last looked at or saved under this lease.
    """

    def __init__(self, backend: Backend, lease: Lease, timing: Timing) -> None:
        self._backend = backend
        self._lease = lease
        self._timing = timing
        self._renewed = timing.steady()
        self.known: Control | None = None

    @property
    def token(self) -> str:
        """What every write has to show."""
        return self._lease.token

    def renew(self) -> None:
        """Renew where ``RENEW_SECONDS`` have passed. Raises ``LeaseLostError``.

        A step that took longer than a lease holds is no reason to stop, unless another sync was here meanwhile.
        """
        now = self._timing.steady()
        idle = now - self._renewed
        if idle < RENEW_SECONDS:
            return
        held = persistently(self._timing, lambda: self._backend.take_lease(self._lease))
        if held.token != self._lease.token:
            raise LeaseLostError(f"{held.holder} took over the target", hint="run the sync again")
        self._renewed = now
        if idle >= LEASE_SECONDS and self.known is not None:
            found = persistently(self._timing, self._backend.load)
            if found.control != self.known:
                raise LeaseLostError("another sync ran while this one stood still", hint="run the sync again")


@contextlib.contextmanager
def holding(backend: Backend, holder: str, timing: Timing, timeout_seconds: float) -> Iterator[Holding]:
    """Hold the target's lease. Raises ``BackendError`` where another sync keeps it for ``timeout_seconds``.

    A holder that died on this host is taken over at once, and so is a lease that no sync wrote; one that is
    not renewed while we look on for as long as a lease holds is taken over then, whatever it claims.
    """
    wanted = own_lease(holder)
    try:
        _take(backend, wanted, timing, timeout_seconds)
    except KeyboardInterrupt:  # it may be ours already: only the answer was not read
        _give_back(backend, wanted)
        raise
    try:
        yield Holding(backend, wanted, timing)
    finally:
        _give_back(backend, wanted)


def _give_back(backend: Backend, lease: Lease) -> None:
    with contextlib.suppress(BackendError):  # it runs out by itself
        backend.drop_lease(lease.token)


def _take(backend: Backend, wanted: Lease, timing: Timing, timeout_seconds: float) -> None:
    """Wait until the lease is ours."""
    deadline = timing.steady() + timeout_seconds
    held = persistently(timing, lambda: backend.take_lease(wanted))
    first, seen = held, timing.steady()
    while held.token != wanted.token:
        if (held.token, held.expires_at) != (first.token, first.expires_at):
            first, seen = held, timing.steady()
        if timing.steady() >= deadline:
            raise BackendError(_told(held), hint=_HINT)
        is_over = is_left_behind(held, timing.now()) or timing.steady() - seen >= LEASE_SECONDS
        dead = held.token if is_over else None
        if dead is None:
            timing.sleep(min(POLL_SECONDS, max(0.0, deadline - timing.steady())))
        held = persistently(timing, lambda dead=dead: backend.take_lease(wanted, instead_of=dead))  # type: ignore[misc]


def is_left_behind(held: Lease, now: float) -> bool:
    """Whether nobody stands behind a lease: its process is gone, or no sync can have written it.

    ``now`` in seconds since the epoch.
    """
    return is_dead(held) or held.expires_at - now > LEASE_SECONDS + NO_CLOCKS_SECONDS


def _told(held: Lease) -> str:
    host = held.host.partition(" ")[0]
    return f"{held.holder} is syncing this target (host {host}, process {held.pid}, since {iso(held.started)})"


def own_lease(holder: str) -> Lease:
    """A lease for this process."""
    pid = os.getpid()
    return Lease(uuid.uuid4().hex, holder, _host(), pid, _started(pid) or 0)


def is_dead(lease: Lease) -> bool:
    """Whether the holder is a process of this very host that is no longer there."""
    return lease.host == _host() and _started(lease.pid) != lease.started


def _host() -> str:
    """This host, told apart from containers that share its name by what only they share: the pid namespace."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{platform.node()} {boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return f"{platform.node()} {uuid.getnode()}"


def _started(pid: int) -> int | None:
    """When a process started (seconds since the epoch), or None where there is none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        boot = next(
            int(line.split()[1]) for line in Path("/proc/stat").read_text(encoding="ascii").splitlines()
            if line.startswith("btime")
        )  # fmt: skip
        return boot + int(fields[19]) // os.sysconf("SC_CLK_TCK")
    except (OSError, StopIteration, IndexError, ValueError):
        return _started_elsewhere(pid)


def _started_elsewhere(pid: int) -> int | None:
    """Where /proc tells nothing: 0 for a process that is there."""
    if Path("/proc/self/stat").exists():
        return None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except OSError:
        return 0
    return 0
