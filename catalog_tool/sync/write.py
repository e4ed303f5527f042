"""Making a plan's writes: level by level, in batches or side by side, each outcome kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from itertools import groupby

from catalog_tool.backends.base import Backend
from catalog_tool.backends.stored import label_versions
from catalog_tool.errors import LeaseLostError, RefusedError, UnavailableError
from catalog_tool.model.addresses import LABEL, SKILL, VERSION, parse_address, version_address
from catalog_tool.model.target import DONE, FAILED, Applied, Run, Write, Written
from catalog_tool.sync.going import labels_that_go
from catalog_tool.sync.lease import Holding
from catalog_tool.sync.markers import marker_text
from catalog_tool.sync.plan import DELETE, Action, Plan
from catalog_tool.sync.states import State
from catalog_tool.sync.timing import Timing, persistently

DROPPED = "dropped"
_LEVELS = {VERSION: 0, SKILL: 0, LABEL: 1}
_OUTCOMES = {DONE: "done", FAILED: "failed", "changed": "failed", "unconfirmed": "unconfirmed"}


class Writer:
    """Carries out one plan. ``run`` may be called once."""

    def __init__(self, backend: Backend, lease: Holding, plan: Plan, actor: str, timing: Timing) -> None:
        self._backend = backend
        self._lease = lease
        self._plan = plan
        self._timing = timing
        commit = plan.desired.commit
        reason = f"sync of {commit[:12]}" if commit else "sync"
        self._run = Run(lease.token, actor, reason, int(timing.now()))
        self._outcomes: dict[str, Action] = {}
        self._labels_last = backend.capabilities.labels_go_with_version
        self._going = labels_that_go(plan.writes) if self._labels_last else {}

    def run(
        self, concurrency: int, progress: Callable[[int, int], None] | None, stopped: Callable[[], bool]
    ) -> dict[str, Action]:
        """The actions with their outcomes, by object. Raises ``LeaseLostError``."""
        writes = sorted(self._plan.writes, key=self._level)
        for _, level in groupby(writes, key=self._level):
            ready = [action for action in level if self._is_ready(action)]
            for batch in self._batches(ready):
                if stopped():
                    break
                self._lease.renew()
                self._make(batch, concurrency)
                if progress is not None:
                    progress(len(self._outcomes), len(writes))
        for action in writes:
            if action.object not in self._outcomes:
                self._note(action, DROPPED, "the sync stopped before it")
        return self._outcomes

    def _is_ready(self, action: Action) -> bool:
        """Whether what a label needs was written; else it is dropped."""
        if action.object.startswith(LABEL) and action.action != DELETE:
            name = parse_address(action.object).name
            for version in sorted(label_versions((action.after or "").encode())):
                needed = self._outcomes.get(version_address(name, version))
                if needed is not None and needed.outcome != DONE:
                    self._note(action, DROPPED, f"{needed.object} was not written")
                    return False
        return True

    def _batches(self, actions: Sequence[Action]) -> Iterator[Sequence[Action]]:
        size = max(self._backend.capabilities.batch, 1)
        size = size if size > 1 else 64
        for start in range(0, len(actions), size):
            yield actions[start : start + size]

    def _make(self, batch: Sequence[Action], concurrency: int) -> None:
        if self._backend.capabilities.batch > 1:
            self._together(batch)
            return
        with ThreadPoolExecutor(max(concurrency, 1)) as pool:
            by_name: dict[str, list[Action]] = {}
            for action in batch:
                by_name.setdefault(parse_address(action.object).name, []).append(action)
            futures: list[Future[None]] = [pool.submit(self._one_by_one, actions) for actions in by_name.values()]
            for future in as_completed(futures):
                future.result()

    def _one_by_one(self, actions: Sequence[Action]) -> None:
        """Objects of one name are never written at the same time: some servers refuse that."""
        for action in actions:
            self._together([action])

    def _together(self, batch: Sequence[Action]) -> None:
        writes = [self._write(action) for action in batch]
        try:
            written = persistently(self._timing, lambda: self._backend.write(writes, self._run))
        except LeaseLostError:
            raise
        except (UnavailableError, RefusedError) as error:
            written = [Written(action.object, FAILED, error.message) for action in batch]
        for action, found in zip(batch, written, strict=True):
            self._note(action, _OUTCOMES[found.outcome], found.message or action.reason)

    def _note(self, action: Action, outcome: str, reason: str | None) -> None:
        self._outcomes[action.object] = action._replace(outcome=outcome, reason=reason)

    def _write(self, action: Action) -> Write:
        address = action.object
        if action.action == DELETE or action.state is State.GONE:
            return Write(address, action.seen, labels=self._going.get(address, frozenset()))
        wanted = self._plan.desired.objects[address]
        applied = Applied(wanted.digest, wanted.meta)
        marker = marker_text(self._plan.desired.catalog, address, applied, self._plan.desired.commit)
        if action.bookkeeping:
            return Write(address, action.seen, marker=marker, applied=applied)
        contents, modes = self._plan.desired.contents(address) if address.startswith(SKILL) else (None, None)
        return Write(address, action.seen, wanted.entry, contents, modes, marker, applied)

    def _level(self, action: Action) -> int:
        """Versions and skills, then labels, then what goes: labels before versions, or with them where they must."""
        level = _LEVELS[action.object.partition("/")[0]]
        if action.action != DELETE:
            return level
        return 3 + level if self._labels_last else 3 - level
