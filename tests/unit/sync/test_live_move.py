"""A label moved on a target ahead of git: on every kind of store, dying at every call, and what a sync makes of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from opened import opened

from catalog_tool.backends.base import Backend
from catalog_tool.backends.memory import MemoryBackend, MemoryStore
from catalog_tool.backends.postgres import connect as connect_postgres
from catalog_tool.backends.sqlite import connect as connect_sqlite
from catalog_tool.errors import BackendError, RefusedError, UsageError
from catalog_tool.model.labels import LabelValue, label_value_of
from catalog_tool.model.target import Write, Written
from catalog_tool.sync.apply import sync_target
from catalog_tool.sync.conformance.engine import bury, contents, edit, session
from catalog_tool.sync.conformance.faults import Crash, FaultyBackend, at_call
from catalog_tool.sync.conformance.samples import FIRST, Sample, desired_of, put_label, put_version
from catalog_tool.sync.drift import look_for_drift
from catalog_tool.sync.live_move import LiveMove, Moved, move_live, read_label
from catalog_tool.sync.overrides import canonical
from catalog_tool.sync.plan import PlanOptions
from catalog_tool.sync.result import Result

pytest_plugins = ["services"]

NAME, LABEL = "support/greet", "production"
PRODUCTION = f"labels/{NAME}@{LABEL}"
V1, V2 = LabelValue((("v1", 100),)), LabelValue((("v2", 100),))
SPLIT = LabelValue((("v1", 95), ("v2", 5)))


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Backend]:
    if request.param == "memory":
        yield MemoryBackend(MemoryStore())
    elif request.param == "sqlite":
        with opened(lambda prefix="": connect_sqlite({"path": str(tmp_path / "t.db"), "prefix": prefix})) as connect:
            yield connect()
    else:
        server = request.getfixturevalue("postgres_server")
        with server.database() as name:
            url = server.url(name)
            with opened(lambda prefix="": connect_postgres({"url": url, "prefix": prefix})) as connect:
                yield connect()


def git_says(value: LabelValue) -> Sample:
    return FIRST._replace(labels={**FIRST.labels, (NAME, LABEL): value.to_json()})


def sync(backend: Backend, value: LabelValue) -> Result:
    return sync_target(session(backend), desired_of(git_says(value)), PlanOptions())


def move(backend: Backend, wanted: LabelValue, *, expected: LabelValue = V2, desired: LabelValue = V2) -> Moved:
    return move_live(session(backend), "acme", LiveMove(NAME, LABEL, expected, wanted, desired, "errors rose"))


def state(backend: Backend, value: LabelValue) -> str:
    found = look_for_drift(session(backend), desired_of(git_says(value)), _Never(), 60)  # type: ignore[arg-type]
    states = {item.address: item.state.value for item in found.observed}
    assert found.status in ("in_sync", "drift")
    return f"{found.status} {states.get(PRODUCTION, 'in_sync')}"


class _Never:
    def is_older(self, *_: object) -> bool:
        return False


def live(backend: Backend) -> LabelValue | None:
    return label_value_of(contents(backend)[PRODUCTION])


def events(backend: Backend) -> list[tuple[object, object, str, str]]:
    return [(e.before, e.after, e.actor, e.reason) for e in backend.events() if (e.name, e.label) == (NAME, LABEL)]


def test_it_moves_at_once_and_stays_an_override_until_git_catches_up(backend: Backend) -> None:
    sync(backend, V2)
    moved = move(backend, V1)
    assert (moved.moved, moved.confirmed) == (True, True)
    assert moved.override is not None
    assert (moved.override.by, moved.override.reason) == ("kit", "errors rose")
    assert events(backend)[-1] == ("v2", "v1", "kit", "errors rose")
    assert state(backend, V2) == "in_sync override"
    assert sync(backend, V2).status == "unchanged"
    assert live(backend) == V1
    assert state(backend, V1) == "in_sync converged"
    assert sync(backend, V1).status == "done"
    assert dict(backend.load().control.overrides) == {}
    assert state(backend, V1) == "in_sync in_sync"
    assert sync(backend, V2).status == "done"  # a promotion later is nobody's override
    assert live(backend) == V2


@pytest.mark.parametrize("onward", [SPLIT, LabelValue((("v2", 100),))])
def test_git_may_go_on_to_something_else_and_is_followed(backend: Backend, onward: LabelValue) -> None:
    sync(backend, SPLIT if onward == V2 else V2)
    git = SPLIT if onward == V2 else V2
    move(backend, V1, expected=git, desired=git)
    assert state(backend, onward) == "in_sync pending"
    assert sync(backend, onward).status == "done"
    assert live(backend) == onward
    assert dict(backend.load().control.overrides) == {}


def test_a_split_goes_back_to_its_stable_version(backend: Backend) -> None:
    sync(backend, SPLIT)
    move(backend, V1, expected=SPLIT, desired=SPLIT)
    assert live(backend) == V1
    assert state(backend, SPLIT) == "in_sync override"


def test_somebody_elses_edit_after_it_is_drift_again(backend: Backend) -> None:
    sync(backend, V2)
    move(backend, V1)
    edit(backend, put_label(SPLIT.to_json(), seen="v1"))
    assert state(backend, V2) == "drift drifted"


@pytest.mark.parametrize("where", ["before", "after"])
def test_dying_at_any_call_does_no_harm_and_the_next_try_does_the_rest(backend: Backend, where: str) -> None:
    sync(backend, V2)
    number = 0
    while True:
        number += 1
        before = len(events(backend))
        faulty = FaultyBackend(backend, **{where: at_call(number, Crash)})
        try:
            move(faulty, V1)
            crashed = False
        except Crash:
            crashed = True
        bury(backend)
        found = state(backend, V2)
        assert found in ("in_sync in_sync", "in_sync override"), (number, found)
        moved = move(backend, V1, expected=live(backend) or V1)
        assert moved.override is not None
        assert (live(backend), state(backend, V2)) == (V1, "in_sync override")
        assert len(events(backend)) == before + 1  # once only
        assert sync(backend, V1).status == "done"
        assert sync(backend, V2).status == "done"
        if not crashed:
            break
    assert number > 4


def test_once_is_enough(backend: Backend) -> None:
    sync(backend, V2)
    first = move(backend, V1)
    again = move(backend, V1)
    assert (again.moved, again.override) == (False, first.override)
    assert len(events(backend)) == 2


def test_what_git_says_already_is_no_override(backend: Backend) -> None:
    sync(backend, V2)
    moved = move(backend, V1, desired=V1)
    assert (moved.moved, moved.override) == (True, None)
    assert state(backend, V1) == "in_sync converged"


def test_what_is_not_as_expected_is_left_alone(backend: Backend) -> None:
    sync(backend, V2)
    with pytest.raises(BackendError, match="by now"):
        move(backend, V1, expected=SPLIT)
    with pytest.raises(BackendError, match="v9 is not on kit"):
        move(backend, LabelValue((("v9", 100),)))
    edit(backend, replace_text(backend))
    with pytest.raises(BackendError, match="v1 was edited on kit"):
        move(backend, V1)
    assert live(backend) == V2
    assert dict(backend.load().control.overrides) == {}
    with pytest.raises(UsageError, match="has no labels/support/greet@canary"):
        read_label(session(backend), "acme", (NAME, "canary"))
    with pytest.raises(BackendError, match="belongs to the catalog 'acme'"):
        read_label(session(backend), "other", (NAME, LABEL))


def replace_text(backend: Backend) -> Write:
    return put_version(NAME, "v1", "Edited.")._replace(seen=contents(backend)[f"prompts/{NAME}@v1"])


class _Refusing(FaultyBackend):
    def write(self, *_: object) -> list[Written]:
        raise RefusedError("no")


def test_a_refused_move_leaves_no_override(backend: Backend) -> None:
    sync(backend, V2)
    with pytest.raises(RefusedError):
        move(_Refusing(backend), V1)
    assert (state(backend, V2), dict(backend.load().control.overrides)) == ("in_sync in_sync", {})


def test_a_label_that_nobody_of_ours_set_is_not_ours_to_move(backend: Backend) -> None:
    sync(backend, V2)
    edit(backend, put_label("v2", label="canary")._replace(marker=None))
    with pytest.raises(BackendError, match="this catalog never set it"):
        read_label(session(backend), "acme", (NAME, "canary"))


def test_what_is_read(backend: Backend) -> None:
    sync(backend, V2)
    move(backend, V1)
    found = read_label(session(backend), "acme", (NAME, LABEL))
    assert (found.value, found.applied) == (V1, canonical(V2))
    assert found.override is not None
    renamed = replace(session(backend), actor="someone else")
    again = move_live(renamed, "acme", LiveMove(NAME, LABEL, V1, V1, V2, "another reason"))
    assert again.override == found.override  # whoever was first is named
