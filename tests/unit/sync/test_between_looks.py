"""What changes between the first look and the lease, and nothing else, is planned for anew."""

from __future__ import annotations

from collections.abc import Callable

from scratch import Scratch

from catalog_tool.backends.memory import MemoryBackend, MemoryStore
from catalog_tool.source.git import Git
from catalog_tool.sync.apply import sync_target
from catalog_tool.sync.conformance.engine import OPTIONS, assert_holds, edit, session, sync
from catalog_tool.sync.conformance.faults import FaultyBackend
from catalog_tool.sync.conformance.samples import FIRST, SECOND, desired_of, put_label

SPLIT = [{"version": "v1", "weight": 50}, {"version": "v2", "weight": 50}]


def acting_before_the_lease(store: MemoryStore, act: Callable[[], object]) -> FaultyBackend:
    """A store in which somebody acts just before the lease is taken for the first time."""
    waiting = [act]

    def before(name: str) -> None:
        if name == "take_lease" and waiting:
            waiting.pop()()

    return FaultyBackend(MemoryBackend(store), before=before)


def test_an_edited_label_is_a_conflict_and_not_a_write_that_failed() -> None:
    store = MemoryStore()
    sync(MemoryBackend(store), FIRST)
    backend = acting_before_the_lease(store, lambda: edit(MemoryBackend(store), put_label(SPLIT, seen="v1")))
    result = sync_target(session(backend), desired_of(SECOND), OPTIONS)
    [label] = [action for action in result.actions if action.object == "labels/support/greet@production"]
    assert (label.state.value, label.outcome) == ("conflict", "skipped")


def test_a_newer_commit_that_changes_nothing_else_still_wins(scratch: Scratch) -> None:
    scratch.write("x", "1")
    old = scratch.commit()
    scratch.write("x", "2")
    new = scratch.commit()
    store, git = MemoryStore(), Git(str(scratch.root))
    sync(MemoryBackend(store), FIRST)

    def newer() -> None:
        done = sync_target(session(MemoryBackend(store), git), desired_of(FIRST, commit=new), OPTIONS)
        assert not done.plan.writes

    backend = acting_before_the_lease(store, newer)
    result = sync_target(session(backend, git), desired_of(SECOND, commit=old), OPTIONS)
    assert result.status == "superseded"
    assert_holds(MemoryBackend(store), FIRST)
