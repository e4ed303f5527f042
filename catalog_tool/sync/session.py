"""One target, open, and how to work on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from catalog_tool.backends.base import Backend
from catalog_tool.model.target import TargetState
from catalog_tool.source.git import Git
from catalog_tool.sync.label_gates import LabelGates
from catalog_tool.sync.overrides import Word, as_answered
from catalog_tool.sync.plan import Destination
from catalog_tool.sync.timing import SYSTEM, Timing
from catalog_tool.sync.wanted import Desired

LOCK_TIMEOUT_SECONDS = 60.0


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """``actor`` is who the audit trail names; ``stopped`` is asked between steps whether to stop there.

    ``lock_timeout`` is in seconds; ``concurrency`` counts only where a store takes one write a request;
    ``gates`` judge what is about to happen to protected labels (None: nothing does).
    """

    backend: Backend
    destination: Destination
    git: Git | None
    actor: str
    gates: LabelGates | None = None
    timing: Timing = SYSTEM
    lock_timeout: float = LOCK_TIMEOUT_SECONDS
    concurrency: int = 4
    progress: Callable[[int, int], None] | None = None
    stopped: Callable[[], bool] = _never

    def load(self, desired: Desired) -> TargetState:
        """What is remembered on the target, in the light of git. Raises ``BackendError``, ``GitError``."""
        state = self.backend.load()
        control = as_answered(Word(self.git, desired.commit, desired.prefix), state.control)
        return state if control is state.control else replace(state, control=control)
