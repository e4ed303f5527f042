"""Who may do what: the one decision about every request, made before anything else of it is looked at.

Missing, malformed, unknown, wrong, expired and revoked tokens are one refusal, after the same work. With no tokens
configured only loopback is served: reads are open, writes refused.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import NamedTuple

from catalog_tool.errors import UsageError
from catalog_tool.server.logs import log
from catalog_tool.server.tokens import Token, TokenFile, id_of

_RELOAD_SECONDS = 0.5
_NOBODY = "sha256:" + "0" * 64
_CACHED = 1000
_LOOPBACK_HOSTS = (b"localhost", b"127.0.0.1", b"[::1]")


class Need(StrEnum):
    """What a route asks for. ``NONE`` is open to everybody, ``ANY`` to every good token."""

    NONE = "none"
    ANY = "any"
    READ = "read"
    WRITE = "write"
    SYNC = "sync"
    METRICS = "metrics"


_GIVES: dict[str, frozenset[Need]] = {
    "read": frozenset({Need.READ, Need.ANY}),
    "write": frozenset({Need.WRITE, Need.ANY}),
    "sync": frozenset({Need.SYNC, Need.READ, Need.WRITE, Need.ANY}),
    "metrics": frozenset({Need.METRICS, Need.ANY}),
}


class Grant:
    """What the bearer of one request may do. ``actor`` is what the audit trail names."""

    __slots__ = ("_known", "_labels", "_needs", "actor", "sees_all_labels", "syncs")

    def __init__(self, actor: str, needs: frozenset[Need], labels: tuple[str, ...]) -> None:
        self.actor = actor
        self.syncs = Need.SYNC in needs
        self.sees_all_labels = "*" in labels
        self._needs = needs
        self._labels = labels
        self._known: dict[str, bool] = {}

    def gives(self, need: Need) -> bool:
        """Whether it is enough for a route."""
        return need is Need.NONE or need in self._needs

    def label(self, label: str) -> bool:
        """Whether this label may be read and moved."""
        if self.sees_all_labels:
            return True
        found = self._known.get(label)
        if found is None:
            found = any(fnmatchcase(label, glob) for glob in self._labels)
            if len(self._known) < _CACHED:
                self._known[label] = found
        return found


ANYBODY = Grant("anybody", frozenset({Need.ANY, Need.READ, Need.METRICS}), ("*",))
"""Everybody on loopback, where no tokens are configured."""


class Refusal(NamedTuple):
    """401 or 403, or 503 while no tokens are known; of a token nothing more is told."""

    status: int
    detail: str = ""


UNKNOWN = Refusal(401)
FORBIDDEN = Refusal(403)
UNREADABLE = Refusal(503, "the file of tokens cannot be read")
READ_ONLY = Refusal(403, "no tokens are configured, so this service is only read: see `catalog token create`")


class Guard:
    """Decides about requests. ``tokens`` None: none are configured.

    A file that cannot be read ends nothing, at the start neither: until it can be, nobody is told good or bad.
    """

    def __init__(self, tokens: TokenFile | None, clock: Callable[[], float] = time.time) -> None:
        self._file = tokens
        self._clock = clock
        self._stamp: object = self
        self._looked = -_RELOAD_SECONDS
        self._tokens: dict[str, Token] = {}
        self._grants: dict[str, Grant] = {}
        self._here: set[bytes] = set()
        self._trouble = ""
        self._was_read = tokens is None
        self._look()
        self.forget()

    @property
    def is_ready(self) -> bool:
        """Whether it can decide."""
        self._look()
        return self._was_read

    @property
    def is_open(self) -> bool:
        """Whether no tokens are configured."""
        return self._file is None

    def decide(self, need: Need, authorization: bytes | None, host: bytes | None) -> Grant | Refusal:
        """A grant that is enough for ``need``, or the refusal."""
        if need is Need.NONE:
            return ANYBODY
        if self._file is None:
            # A page elsewhere whose name was made to resolve to 127.0.0.1 would send its own name as host.
            is_here = host is None or host in self._here or self._is_here(host)
            if not is_here:
                return FORBIDDEN
            return ANYBODY if ANYBODY.gives(need) else READ_ONLY
        found = self._bearer(authorization)
        if found is None:
            return UNKNOWN if self._was_read else UNREADABLE
        return found if found.gives(need) else FORBIDDEN

    def _is_here(self, host: bytes) -> bool:
        is_here = _name_of(host) in _LOOPBACK_HOSTS
        if is_here and len(self._here) < _CACHED:
            self._here.add(host)
        return is_here

    def _bearer(self, authorization: bytes | None) -> Grant | None:
        self._look()
        given = (authorization or b"").decode("latin-1")
        scheme, _, secret = given.partition(" ")
        digest = f"sha256:{hashlib.sha256(secret.encode()).hexdigest()}"
        identity = id_of(secret) or ""
        token = self._tokens.get(identity)
        is_same = hmac.compare_digest(digest, token.hash if token is not None else _NOBODY)
        if token is None or not is_same or scheme.lower() != "bearer" or not token.is_good(self._clock()):
            return None
        return self._grants[identity]

    def forget(self) -> None:
        """Look at the file again at the next decision, however short ago the last look was."""
        self._looked = -_RELOAD_SECONDS

    def _look(self) -> None:
        """Read the file where it changed, or could not be read. Without a file no token is good; a broken one
        changes nothing.
        """
        now = time.monotonic()
        if self._file is None or now - self._looked < _RELOAD_SECONDS:
            return
        self._looked = now
        stamp = self._file.stamp()
        if stamp == self._stamp and not self._trouble:
            return
        self._stamp = stamp
        try:
            self._take(self._file.read())
            self._trouble = ""
        except UsageError as error:
            if error.message != self._trouble:
                log("tokens_unreadable", error=error.message)
            self._trouble = error.message

    def _take(self, tokens: list[Token]) -> None:
        self._grants = {token.id: _grant(token) for token in tokens}
        self._tokens = {token.id: token for token in tokens}
        self._was_read = True
        log("tokens_read", tokens=len(tokens))


def _grant(token: Token) -> Grant:
    needs = frozenset[Need]().union(*(_GIVES.get(scope, frozenset()) for scope in token.scopes))
    return Grant(f"{token.name} ({token.id})", needs, token.labels)


def _name_of(host: bytes) -> bytes:
    """The host without its port."""
    lower = host.lower()
    if lower.startswith(b"["):
        return lower.partition(b"]")[0] + b"]"
    return lower.partition(b":")[0]
